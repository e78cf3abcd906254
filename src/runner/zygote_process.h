// ZygoteProcess: one framework's warmed, single-threaded process, and the cells that it forks for
// us. It never sees a user's byte. When it dies, its cells go on; the pool starts another when
// needed.
//
// Runs on the data plane's event loop only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "os/thread_pool.h"
#include "runner/cell_process.h"
#include "runner/runner_options.h"
#include "wire/frame_reader.h"

namespace throng::runner {

class ZygoteProcess {
 public:
  using ReadyHandler = Done<Result<wire::Hello>>;
  using EndHandler = Done<std::string>;  // the reason
  using ForkDone = Done<Result<std::shared_ptr<CellProcess>>>;

  ZygoteProcess(os::EventLoop& loop, os::ThreadPool& threads, std::string framework,
                const RunnerOptions& options);
  ~ZygoteProcess();
  ZygoteProcess(const ZygoteProcess&) = delete;
  ZygoteProcess& operator=(const ZygoteProcess&) = delete;

  // Starts the program. `on_ready` runs once, when it is warm or has failed; `on_end` once when it
  // has ended. ERRORS: kNotFound, kResourceExhausted.
  Status Start(ReadyHandler on_ready, EndHandler on_end);

  bool ready() const { return ready_; }
  // Ended without a fault of its own.
  bool killed_from_outside() const { return killed_from_outside_; }
  int64_t process_id() const { return process_.pid(); }

  struct CellOptions {
    CellId id = 0;
    uint32_t user_id = 0;   // 0: the front door's
    bool is_spare = false;  // made before it is needed
  };
  // Makes a cell. It is locked down when its Hello has come, which is not waited for here.
  // REQUIRES: ready.
  void Fork(const CellOptions& cell, ForkDone done);

  // Asks it to exit.
  void Stop();

 private:
  struct PendingFork {
    uint64_t call_id = 0;
    CellProcess::Parts parts;
    ForkDone done;
  };

  void OnSocket();
  Status HandleFrames();
  Status HandleFrame(const wire::Frame& frame);
  void OnEnded();
  void OnStartDeadline();
  Status HandleHello(const wire::Frame& frame);
  Status HandleFork(const wire::Frame& frame);
  void Kill();
  void Fail();
  // The oldest fork has until the deadline, from now on.
  void RestartForkTimer();
  // What it cloned and could not tell us of any more.
  void EndUnknownClones();
  Status SendFork(uint64_t call_id, const CellProcess::Parts& parts, int cell_socket,
                  bool is_spare);
  Result<CellProcess::Parts> MakeParts(const CellOptions& cell, os::UniqueFd& cell_socket);

  os::EventLoop& loop_;
  os::ThreadPool& threads_;
  const std::string framework_;
  const RunnerOptions& options_;
  os::ChildProcess process_;
  os::UniqueFd socket_;
  wire::FrameReader reader_;
  ReadyHandler on_ready_;
  EndHandler on_end_;
  bool ready_ = false;
  bool ended_ = false;
  bool broken_ = false;  // nothing more is read from it
  bool killed_by_us_ = false;
  bool killed_from_outside_ = false;
  Executor::TimerId start_timer_ = 0;
  Executor::TimerId fork_timer_ = 0;
  uint64_t last_call_id_ = 0;
  std::deque<PendingFork> forks_;
  std::vector<std::weak_ptr<CellProcess>> cells_;
};

}  // namespace throng::runner
