// InProcessCells: a CellFactory without processes: a runner's Backend on one thread of this one.
// What the server costs over it is the price of the other process: wire, arenas, sandbox, wake-ups.
//
// For measuring, not for serving: a thread cannot be killed, so a deadline ends the cell for the
// server while its call runs on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/executor.h"
#include "runner/runner.h"
#include "runners/sdk/backend.h"

namespace throng::bench {

// Runs tasks in order. Post is thread-safe.
class WorkerThread {
 public:
  WorkerThread();
  // Runs what was posted, then joins.
  ~WorkerThread();
  void Post(Executor::Task task);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Executor::Task> tasks_;
  bool stop_ = false;
  std::thread thread_;
};

// Belongs to `executor`; every call of the backend is made on the worker.
class InProcessCells final : public runner::CellFactory {
 public:
  // REQUIRES: `executor` and `backend` outlive it. This goes before the executor does.
  InProcessCells(Executor& executor, sdk::Backend& backend);
  ~InProcessCells() override;

  // Blocks until the backend is warm.
  Status Warm();

  Status CanStart(std::string_view framework) const override;
  void Start(const runner::CellSpec& spec,
             Done<Result<std::shared_ptr<runner::Cell>>> done) override;
  void SetExitHandler(ExitHandler handler) override { exit_handler_ = std::move(handler); }

 private:
  class InProcessCell;

  Executor& executor_;
  sdk::Backend& backend_;
  ExitHandler exit_handler_;
  runner::CellId last_cell_id_ = 0;
  WorkerThread worker_;
};

}  // namespace throng::bench
