// Watcher: which models this replica is to hold. It follows the assignments of the API, keeps the
// last set on disk, and starts with that one when there is no API. An API that does not answer, or
// does not know yet (503), changes nothing. Everything on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_log.h"
#include "agent/disk/spec_journal.h"
#include "agent/model_spec.h"
#include "watch/object_watcher.h"

namespace throng::agent {

class DesiredSink {
 public:
  virtual ~DesiredSink() = default;
  // These are all. `is_last_known`: of the disk; what is not among them may still be wanted.
  virtual void OnAllWanted(const std::vector<ModelSpec>& specs, bool is_last_known) = 0;
  virtual void OnWanted(const ModelSpec& spec) = 0;
  virtual void OnUnwanted(const std::string& model) = 0;
};

struct WatcherOptions {
  std::string api_socket;
  std::string name_space;
  std::string replica;
  std::string journal_path;
  // The API is there, after it was not (or for the first time): whoever reports starts anew.
  std::function<void()> on_connected;
};

class Watcher final : public watch::ObjectSink {
 public:
  // All outlive it.
  Watcher(os::EventLoop& loop, http::AsyncClient& client, WatcherOptions options, Random& random,
          const AgentLog& log, DesiredSink& sink);

  void Start();

  void OnAll(const std::vector<watch::Json>& objects) override;
  void OnObject(const watch::Json& object) override;
  void OnGone(const watch::Json& object) override;

 private:
  void OnProblem(std::string_view problem);
  // False: nothing is new.
  bool Take(const ModelSpec& spec);
  void Forget(const std::string& model);

  const WatcherOptions options_;
  const AgentLog& log_;
  DesiredSink& sink_;
  SpecJournal journal_;
  std::map<std::string, ModelSpec> specs_;
  watch::ObjectWatcher watcher_;
};

}  // namespace throng::agent
