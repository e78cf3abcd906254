// LocalLauncher: replicas as pairs of processes of this machine, `throng serve` and `throng agent`.
// See launcher/replica_launcher.h for what a replica's directory holds. Everything on one event
// loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/control_limits.h"
#include "base/log.h"
#include "base/random.h"
#include "launcher/replica_launcher.h"
#include "os/event_loop.h"

namespace throng::launcher {

struct LocalLauncherOptions {
  std::string directory;                        // STATE/replicas
  std::string program;                          // the throng program
  std::string api_socket;                       // for agents
  std::vector<std::string> agent_arguments;     // mirrors, file roots, allowed hosts
  std::vector<std::string> agent_environment;   // "STORAGE_EMULATOR_HOST=..." and its like
  std::vector<std::string> server_environment;  // of every server, before the replica's own
  size_t max_replicas = limits::kReplicas;
};

class LocalLauncher : public ReplicaLauncher {
 public:
  // Takes over what runs under `directory`, and starts again what should and does not. ERRORS: of
  // the directory.
  static Result<std::unique_ptr<LocalLauncher>> Create(os::EventLoop& loop, Random& random,
                                                       const Logger& logger,
                                                       LocalLauncherOptions options);
  // Ends the processes of all replicas and keeps their directories: the next launcher on the same
  // directory starts them again, with the models that they have. Starts nothing more.
  virtual void Suspend(Duration grace) = 0;
  virtual bool suspended() const = 0;  // all have ended
};

}  // namespace throng::launcher
