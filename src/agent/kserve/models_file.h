// ModelsFile: KServe's models.json, which a kubelet writes and swaps under its readers. It is read
// again when it changes. A file that is half written, too large, no JSON or not there changes
// nothing: the last good set stays. Everything on the loop's thread.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_log.h"
#include "agent/desired_set.h"
#include "base/control_limits.h"
#include "os/event_loop.h"
#include "os/file.h"

namespace throng::agent {

struct ModelsFileRows {
  std::vector<ModelSpec> specs;
  std::set<std::string> unreadable;   // names of rows that say nothing usable
  std::vector<std::string> problems;  // of them, for the log
};

// [{"modelName":"a","modelSpec":{"storageUri":"gs://...","framework":"pytorch","memory":"1Gi"}}].
// The last row of a name counts. ERRORS: kInvalidArgument — no such list.
Result<ModelsFileRows> ParseModelsFile(std::string_view text, std::chrono::seconds deadline);

class ModelsFile {
 public:
  // `deadline`: of one attempt at a model. All outlive it.
  ModelsFile(os::EventLoop& loop, const os::FileSystem& files, std::string path,
             std::chrono::seconds deadline, const AgentLog& log, DesiredSet& desired);
  ModelsFile(const ModelsFile&) = delete;
  ModelsFile& operator=(const ModelsFile&) = delete;
  ~ModelsFile();

  void Start() { Look(); }

 private:
  void Look();
  Status ReadAgain();
  void Complain(const Status& status);

  os::EventLoop& loop_;
  const os::FileSystem& files_;
  const std::string path_;
  const std::chrono::seconds deadline_;
  const AgentLog& log_;
  DesiredSet& desired_;
  std::optional<os::FileInfo> seen_;
  std::string complaint_;
  os::EventLoop::TimerId timer_ = 0;
};

}  // namespace throng::agent
