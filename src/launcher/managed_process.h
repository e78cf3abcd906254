// ManagedProcess: one local process that is kept running, also across lives of its keeper.
//
//   kStopped ──Start──> kRunning ──it ended──> kWaiting ──back-off──> kRunning
//                          │ Stop                 │ Stop
//                          └──> kStopping ────────┴──> kStopped
//
// The process does not end with its keeper. Its stamp is on disk (and, for the moment between its
// start and that, a mark in its environment), so that a later keeper takes it over instead of
// starting a second one. Everything on one event loop; nothing is called back after destruction.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/status.h"
#include "os/event_loop.h"
#include "os/process.h"

namespace throng::launcher {

struct ManagedProcessOptions {
  std::string name;        // "agent": in texts
  os::SpawnSpec spec;      // the program, its arguments and environment
  std::string log_path;    // its output is appended here
  std::string state_path;  // where its stamp is kept
  bool restart = true;     // false: kEnded after its end (jobs)
  bool may_launch = true;  // false: kEnded when there is none to take over
  Duration first_delay = std::chrono::milliseconds(250);
  Duration longest_delay = std::chrono::seconds(30);
  Duration proven_after = std::chrono::seconds(10);  // it ran so long: the next delay is the first
  std::function<void()> before_start;                // each time, before a new one is started
};

enum class ManagedState : uint8_t { kStopped, kRunning, kWaiting, kStopping, kEnded };

class ManagedProcess {
 public:
  // `on_change` runs after every change of state, never from inside a call.
  ManagedProcess(os::EventLoop& loop, Random& random, ManagedProcessOptions options,
                 std::function<void()> on_change);
  ~ManagedProcess();
  ManagedProcess(const ManagedProcess&) = delete;
  ManagedProcess& operator=(const ManagedProcess&) = delete;

  // Takes over the one that runs, or starts it. REQUIRES: kStopped.
  void Start();
  // SIGTERM, after `grace` SIGKILL. kStopped once it has ended.
  void Stop(Duration grace);

  ManagedState state() const { return state_; }
  pid_t pid() const { return process_.valid() ? process_.pid() : 0; }
  int restart_count() const { return restart_count_; }
  // How the last one ended: "exit status 2", "killed by signal 9"; empty: none has.
  const std::string& last_end() const { return last_end_; }
  int last_exit_status() const { return last_exit_status_; }  // -1: not known, or killed
  WallTime started_at() const { return started_at_; }
  // It was running before this keeper.
  bool taken_over() const { return taken_over_; }

 private:
  bool TakeOver();
  void Launch();
  Status TryLaunch();
  void Watch();
  void OnEnded();
  void WaitToRestart();
  void SetState(ManagedState state);

  os::EventLoop& loop_;
  Random& random_;
  const ManagedProcessOptions options_;
  const std::function<void()> on_change_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  ManagedState state_ = ManagedState::kStopped;
  os::ChildProcess process_;
  Executor::TimerId timer_ = 0;
  MonotonicTime started_ = MonotonicTime::min();
  WallTime started_at_{};
  Duration delay_{0};
  int restart_count_ = 0;
  int last_exit_status_ = -1;
  bool taken_over_ = false;
  std::string last_end_;
};

}  // namespace throng::launcher
