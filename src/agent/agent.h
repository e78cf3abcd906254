// Agent: what runs beside the model server of one replica. It knows from the API (or, without one,
// from its last life) which models the replica is to hold, fetches them, has the server load them,
// and says how they are. When the API or the storage is away, everything goes on as it was.
//
//   auto agent = Agent::Create(loop, {.api_socket = ..., .name_space = "default", .replica = pod,
//                                     .directory = directory, .fetcher = &fetcher,
//                                     .random = &random, .log = &log});
//   loop.Run();
//
// On one event loop; fetching and the disk are on threads of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/agent_log.h"
#include "agent/disk/model_fetcher.h"
#include "base/control_limits.h"
#include "base/random.h"
#include "base/status.h"
#include "os/event_loop.h"

namespace throng::agent {

struct AgentOptions {
  std::string api_socket;
  std::string name_space;
  std::string replica;
  // The replica's: `ports` (the server's), models/ (its repository), agent/ (this program's).
  std::string directory;
  std::string shown_models = "/mnt/models";  // models/, as the log calls it
  // These outlive the agent.
  const ModelFetcher* fetcher = nullptr;
  Random* random = nullptr;
  const AgentLog* log = nullptr;
  size_t fetches = limits::kAgentFetches;
  // Called before the API is asked for storage credentials, each time: what keeps this process'
  // memory to itself. Not earlier, because a keeper finds an agent that it did not note by its
  // environment. May be empty.
  std::function<Status()> before_secrets;
};

class Agent {
 public:
  // Looks at the disk, then starts. ERRORS: of the directory.
  static Result<std::unique_ptr<Agent>> Create(os::EventLoop& loop, AgentOptions options);
  // Fetches that run are given up. What the server holds stays there.
  virtual ~Agent() = default;
};

}  // namespace throng::agent
