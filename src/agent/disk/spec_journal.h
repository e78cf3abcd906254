// SpecJournal: the last known set of wanted models on disk, so that the agent starts without an
// API. Changes that come close together are appended together, on a thread of its own; the file is
// written anew when most of it is old. Called on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_log.h"
#include "agent/model_spec.h"
#include "os/disk/directory_tree.h"
#include "os/event_loop.h"
#include "os/thread_pool.h"

namespace throng::agent {

class SpecJournal {
 public:
  // `log` outlives it, and `disk` (null: the real one). The directory of `path` exists.
  SpecJournal(os::EventLoop& loop, std::string path, const AgentLog& log,
              os::DirectoryTree* disk = nullptr);
  SpecJournal(const SpecJournal&) = delete;
  SpecJournal& operator=(const SpecJournal&) = delete;
  // Writes what is not written yet.
  ~SpecJournal();

  // Before the first change. Nothing: no set was ever known. Lines that cannot be read are left
  // out.
  std::optional<std::vector<ModelSpec>> Read();

  // The set is known, however small.
  void SetKnown();
  void Set(const ModelSpec& spec);
  void Remove(const std::string& model);
  // Calls `done` when what was changed before is on disk (or the disk has refused it), from the
  // loop, never from inside; not after destruction. Those of one round share a write.
  void AfterWrite(std::function<void()> done);

 private:
  class Writer;

  void Change(std::string line);
  void ReadLine(std::string_view line);
  void Write();
  void LookBack();
  void Flush();
  void WriteForThoseThatWait();
  std::string Snapshot() const;

  os::EventLoop& loop_;
  const std::string path_;
  const AgentLog& log_;
  std::map<std::string, std::string> lines_;  // by model, as they are written
  bool known_ = false;
  std::string pending_;  // lines, not handed to the thread yet
  size_t written_lines_ = 0;
  bool rewrite_ = true;  // a file of ours is not open yet
  os::EventLoop::TimerId timer_ = 0;
  os::EventLoop::TimerId retry_timer_ = 0;
  std::vector<std::function<void()>> waiting_;
  bool is_flushing_ = false;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<Writer> writer_;
  os::ThreadPool thread_;  // last: its work uses what is above
};

}  // namespace throng::agent
