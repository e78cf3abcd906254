// ControlPlane: all of `throng up` put together: store, API, controllers, replicas, gateway. One
// event loop; the store writes on a thread of its own. Replicas and the gateway are processes that
// outlive it (docs/design/004-control-plane.md).
//
//   auto plane = ControlPlane::Create(std::move(options), logger);
//   (*plane)->Run();   // until SIGTERM or SIGINT, or Stop
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "launcher/replica_launcher.h"

namespace throng::control {

struct ControlPlaneOptions {
  std::string state_directory;
  std::string program;  // the throng program, for gateway and replicas
  std::string api_address = "127.0.0.1";
  uint16_t api_port = 0;  // 0: the one of the last time, else any free one
  std::string ingress_address = "127.0.0.1";
  uint16_t ingress_port = 0;
  std::string kubeconfig;  // empty: STATE/kubeconfig
  std::string ports_file;
  std::vector<std::string> api_names;  // further ones that clients use: in its certificate
  std::string domain = "example.com";
  std::vector<std::string> agent_arguments;     // --mirror, --file-root, --allow-host
  std::vector<std::string> agent_environment;   // emulators' and certificates' variables
  std::vector<std::string> server_environment;  // of model servers
  std::chrono::seconds drain_grace{30};
  launcher::ArgumentChecker check_server_arguments;
  // Called once, when the API answers.
  std::function<void(const struct ControlPlaneAddresses&)> on_up;
  // Called once, when a signal was taken: what follows may take as long as requests do.
  std::function<void()> on_stopping;
};

struct ControlPlaneAddresses {
  std::string api_url;  // "https://127.0.0.1:40001"
  std::string ingress_host;
  uint16_t api_port = 0;
  uint16_t ingress_port = 0;
  std::string kubeconfig;
  std::string log_file;
  // Where it listens: "0.0.0.0" too.
  std::string api_address;
  std::string ingress_address;
};

class ControlPlane {
 public:
  // Takes the state directory. ERRORS: kAlreadyExists — another one has it (the message names its
  // process), kInvalidArgument — an option, and those of files, ports and the store.
  static Result<std::unique_ptr<ControlPlane>> Create(ControlPlaneOptions options,
                                                      const Logger& logger);
  virtual ~ControlPlane() = default;
  // Until SIGTERM or SIGINT; then gateway and replicas are drained and ended, and what they hold
  // stays on disk for the next time. ERRORS: what kept it from coming up: the gateway's port, the
  // kubeconfig, the ports file.
  virtual Status Run() = 0;
};

// What a running control plane says of itself (STATE/up.json).
struct RunningPlane {
  int64_t process_id = 0;
  std::string api_url;
  std::string ingress_host;
  uint16_t api_port = 0;
  uint16_t ingress_port = 0;
  std::string kubeconfig;
  std::string log_file;
  std::string api_address;
  std::string ingress_address;
  uint16_t admin_port = 0;  // of the gateway, on loopback; 0: it does not run
};
// ERRORS: kUnavailable — it is starting, kNotFound — none runs on this state directory.
Result<RunningPlane> FindRunning(const std::string& state_directory);

// The user's: $XDG_STATE_HOME/throng or ~/.local/state/throng. `lookup` is getenv.
std::string DefaultStateDirectory(const std::function<const char*(const char*)>& lookup);

}  // namespace throng::control
