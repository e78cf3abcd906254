// The small files of a state directory: who holds it, which ports it has, logs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "control/control_plane.h"
#include "os/unique_fd.h"

namespace throng::control {

struct PlanePorts {
  uint16_t api = 0;
  uint16_t ingress = 0;
};
// Zeros where there is no such file.
PlanePorts ReadPorts(const std::string& path);
// {"api":N,"ingress":N}, atomically.
Status WritePorts(const std::string& path, const PlanePorts& ports);

// What a gateway says when it listens (STATE/gateway/ports).
struct IngressPorts {
  uint16_t ingress = 0;
  uint16_t admin = 0;
  std::string address;
};
// Zeros where there is no such file.
IngressPorts ReadIngressPorts(const std::string& path);
Status WriteIngressPorts(const std::string& path, const IngressPorts& ports);

// One line for each request that the gateway answered.
std::string AccessLogPath(const std::string& state_directory);
// The file of what was applied.
std::string StorePath(const std::string& state_directory);

// Holds the directory while the descriptor is open. ERRORS: kAlreadyExists — "another throng up
// (process N) runs on this state directory".
Result<os::UniqueFd> TakeState(const std::string& directory);

Status WriteRunning(const std::string& path, const ControlPlaneAddresses& addresses);

// The process that holds the directory, also while it is starting. ERRORS: kNotFound — none does.
Result<int64_t> FindHolder(const std::string& state_directory);

// A log file with a bound (limits::kLogFileBytes, one older is kept). Thread-safe.
class PlaneLog {
 public:
  static Result<std::unique_ptr<PlaneLog>> Open(const std::string& path);
  virtual ~PlaneLog() = default;
  // With its newline. What cannot be written is lost.
  virtual void Write(std::string_view line) = 0;
};

}  // namespace throng::control
