// Watcher: which models this replica is to hold, by the assignments of the API. An API that does
// not answer, or does not know yet (503), changes nothing. Everything on the loop's thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_log.h"
#include "agent/desired_set.h"
#include "watch/object_watcher.h"

namespace throng::agent {

struct WatcherOptions {
  std::string api_socket;
  std::string name_space;
  std::string replica;
  // The API is there, after it was not (or for the first time): whoever reports starts anew.
  std::function<void()> on_connected;
};

class Watcher final : public watch::ObjectSink {
 public:
  // All outlive it.
  Watcher(os::EventLoop& loop, http::AsyncClient& client, WatcherOptions options, Random& random,
          const AgentLog& log, DesiredSet& desired);

  void Start() { watcher_.Start(); }

  void OnAll(const std::vector<watch::Json>& objects) override;
  void OnObject(const watch::Json& object) override;
  void OnGone(const watch::Json& object) override;

 private:
  void OnProblem(std::string_view problem);

  const WatcherOptions options_;
  const AgentLog& log_;
  DesiredSet& desired_;
  watch::ObjectWatcher watcher_;
};

}  // namespace throng::agent
