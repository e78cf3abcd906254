// ReplicaLauncher: runs what replicas are made of. Here: local processes, which outlive the control
// plane: whoever starts again on the same state directory finds them and takes them over.
//
// One replica ("pod") is a model server and its agent, in a directory of their own:
//
//   STATE/replicas/NAMESPACE/POD/  replica.json  ports  models/  agent/  *.log
//
// Everything on one executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace throng::launcher {

struct ReplicaSpec {
  std::string name_space;
  std::string pod;  // "triton-mms-predictor-default-00001-deployment-69c9964bc4-mfg92"
  std::string inference_service;
  std::vector<std::string> server_arguments;  // the user's, checked with CheckServerArguments
  std::vector<std::string> environment;       // "NAME=value"
  uint64_t memory_limit_bytes = 0;            // 0: none
  uint32_t compute_threads = 0;               // 0: the server's default
};

enum class ReplicaPhase : uint8_t {
  kStarting,  // processes run, not ready yet
  kReady,     // the server listens
  kBackOff,   // the server ended; it starts again after a back-off
  kStopping,
};

struct ReplicaStatus {
  std::string name_space;
  std::string pod;
  ReplicaPhase phase = ReplicaPhase::kStarting;
  std::string address;  // of the server, numeric; empty until known
  uint16_t http_port = 0;
  uint16_t grpc_port = 0;
  uint16_t metrics_port = 0;
  // Another one after each start of the server: "PORT.MTIME" of the file with its ports.
  std::string server_life;
  int server_restart_count = 0;
  int agent_restart_count = 0;
  // The agent ended and starts again after a back-off. What is loaded answers meanwhile.
  bool agent_waits = false;
  // Of the server: "exit status 2", "killed by signal 9"; or "agent: killed by signal 9".
  std::string last_end;
  WallTime started_at;
  WallTime server_started_at;
};

// Says what a server would say of its arguments. ERRORS: kInvalidArgument — naming the flag.
using ArgumentChecker = std::function<Status(const std::vector<std::string>& arguments)>;

class ReplicaLauncher {
 public:
  virtual ~ReplicaLauncher() = default;
  // Idempotent for a pod that runs with the same spec; another spec for a pod is refused. ERRORS:
  // kInvalidArgument, kAlreadyExists, kResourceExhausted.
  virtual Status Start(const ReplicaSpec& spec) = 0;
  // Ends it: SIGTERM, `grace` to drain, SIGKILL; then its directory goes. Idempotent.
  virtual void Stop(const std::string& name_space, const std::string& pod, Duration grace) = 0;
  // Runs and is found again after a restart of the control plane, too.
  virtual std::vector<ReplicaStatus> List() const = 0;
  virtual std::optional<ReplicaStatus> Find(const std::string& name_space,
                                            const std::string& pod) const = 0;
  // Called after every change of a status; `gone` when its processes and directory are gone.
  virtual void OnChange(std::function<void(const ReplicaStatus&, bool gone)> handler) = 0;
  // The file with the log of a container ("kfserving-container", "agent"). ERRORS: kNotFound.
  virtual Result<std::string> LogFile(const std::string& name_space, const std::string& pod,
                                      const std::string& container) const = 0;
};

}  // namespace throng::launcher
