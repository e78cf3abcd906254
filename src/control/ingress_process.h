// IngressProcess: the gateway as a process that `throng up` starts, takes over and replaces. It
// keeps its port across its own restarts and those of its keeper; one that was left behind with
// another address than is asked for now is drained and replaced. One event loop.
//
//   IngressProcess ingress(loop, random, logger, {.state_directory = dir, ...}, [] { ... });
//   ingress.Start();
//   if (ingress.ports().ingress != 0) ...  // it listens
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "control/plane_files.h"
#include "launcher/managed_process.h"
#include "os/event_loop.h"

namespace throng::control {

struct IngressOptions {
  std::string state_directory;
  std::string program;
  std::string address;
  uint16_t port = 0;  // 0: the one of the last time, else any free one
  std::chrono::seconds drain{30};
};

class IngressProcess {
 public:
  // `on_change` runs after each change of its state; `logger` outlives it.
  IngressProcess(os::EventLoop& loop, Random& random, const Logger& logger, IngressOptions options,
                 std::function<void()> on_change);

  void Start();
  void Stop(Duration grace);
  bool stopped() const { return process_.state() == launcher::ManagedState::kStopped; }

  // Zeros until it listens.
  IngressPorts ports() const;
  // Why it ended by itself without ever listening, in its own words; empty: it did not.
  std::string failure() const;

 private:
  launcher::ManagedProcessOptions ProcessOptions() const;
  std::string Path(std::string_view name) const;
  bool IsAsWanted() const;
  void OnChange();

  const Logger& logger_;
  const IngressOptions options_;
  const std::function<void()> on_change_;
  bool stopping_ = false;
  bool replacing_ = false;
  launcher::ManagedProcess process_;
};

}  // namespace throng::control
