// ConfigAgent: the agent in KServe's place: a file says which models there are to be, a folder
// holds them, and any server of the V2 protocol loads them. Nobody is told how they are; the log
// says it.
//
//   auto agent = ConfigAgent::Create(loop, {.config_directory = "/mnt/configs",
//                                           .model_directory = "/mnt/models",
//                                           .component_port = 8080, ...});
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "agent/agent_log.h"
#include "agent/disk/model_fetcher.h"
#include "base/random.h"
#include "base/status.h"
#include "os/event_loop.h"

namespace throng::agent {

struct ConfigAgentOptions {
  std::string config_directory;  // holds models.json
  // The server's repository. Folders without a SUCCESS file are left alone; .agent/ is the agent's.
  std::string model_directory;
  uint16_t component_port = 0;  // of the server, on 127.0.0.1
  std::chrono::seconds model_timeout{1800};
  storage::Credentials credentials;  // for all models
  // These outlive the agent.
  const ModelFetcher* fetcher = nullptr;
  Random* random = nullptr;
  const AgentLog* log = nullptr;
};

class ConfigAgent {
 public:
  // Looks at the disk, then starts. ERRORS: of the directories.
  static Result<std::unique_ptr<ConfigAgent>> Create(os::EventLoop& loop,
                                                     ConfigAgentOptions options);
  virtual ~ConfigAgent() = default;
};

}  // namespace throng::agent
