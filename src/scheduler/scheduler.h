// Scheduler: takes inferences from all listeners, waits for their models, and runs them in cells,
// fairly across models.
//
// A model has a queue only while it has requests. A cell runs one call at a time; a few more are
// sent ahead so that it never waits for us (fewer when they are slow). Dynamic batching belongs in
// SendNext: it takes the first call of a model's queue, and may take more.
//
// What can go wrong with a call, and what happens (each call completes exactly once):
//   its cell ends while it runs          503 (504 after the execution deadline); the model's
//   offence,
//                                        unless the cell was killed from outside
//   its cell ends while it waits there   sent once more to another cell
//   the call before it is slow           its model moves to another cell, and it goes along
//   its deadline passes                  504
//
// Belongs to the data plane's executor; Infer is thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/executor.h"
#include "base/limits.h"
#include "base/log.h"
#include "residency/model_manager.h"
#include "scheduler/inference.h"
#include "scheduler/request_check.h"

namespace throng::scheduler {

struct SchedulerOptions {
  Duration execution_deadline = limits::kExecutionDeadline;
  size_t max_queued_calls = limits::kQueuedCalls;
  size_t max_queued_calls_per_model = limits::kQueuedCallsPerModel;
  size_t max_queued_input_bytes = limits::kQueuedInputBytes;
};

struct SchedulerStats {
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t refused = 0;  // queues full
  uint64_t retried = 0;
  uint64_t moved = 0;  // away from a slow call
  size_t in_flight = 0;
};

class Scheduler final : public Inference {
 public:
  Scheduler(Executor& executor, residency::ModelManager& manager, const Logger& logger,
            SchedulerOptions options);
  ~Scheduler() override;

  void Infer(InferRequest request, Executor& executor, Done<Result<InferReply>> done) override;

  // On the data plane's executor.
  SchedulerStats stats() const;
  size_t in_flight() const { return calls_in_flight_; }

 private:
  struct Call;
  using CallPtr = std::shared_ptr<Call>;
  struct ModelQueue {
    std::deque<CallPtr> calls;
  };
  struct CellQueue {
    std::shared_ptr<runner::Cell> cell;
    std::map<const residency::ModelInstance*, ModelQueue> models;  // those that have calls waiting
    std::deque<const residency::ModelInstance*> turn;              // round robin over them
    std::deque<CallPtr> sent;                                      // in order; the first one runs
    bool is_full = false;  // the next call's inputs find no room until one in flight is answered
  };

  void Admit(const CallPtr& call);
  void Acquire(const CallPtr& call);
  void OnAcquired(const CallPtr& call, Result<residency::ModelHandle> handle);
  void Enqueue(const CallPtr& call);
  void SendNext(runner::CellId cell);
  static bool FitsBehind(const CellQueue& queue, const Call& call);
  void Send(CellQueue& queue, const CallPtr& call);
  void PutBack(CellQueue& queue, const CallPtr& call);
  void OnResult(const CallPtr& call, uint64_t attempt, runner::ExecuteResult result);
  void OnLost(const CallPtr& call, const runner::CellLoss& loss, const Status& status);
  void Succeed(const CallPtr& call, runner::ExecuteResult& result);
  void Fail(const CallPtr& call, const Status& status);
  void Release(const CallPtr& call);
  void Retry(const CallPtr& call);

  void StartWatching();
  void Watch();
  void WatchCell(CellQueue& queue, MonotonicTime now);
  void MoveOthersAway(CellQueue& queue);
  void ExpireWaiting(CellQueue& queue, MonotonicTime now);

  Executor& executor_;
  residency::ModelManager& manager_;
  const Logger& logger_;
  const SchedulerOptions options_;
  std::unordered_map<runner::CellId, CellQueue> cells_;
  std::unordered_map<std::string, size_t> calls_per_model_;
  size_t calls_in_flight_ = 0;
  size_t input_bytes_ = 0;
  Executor::TimerId watch_timer_ = 0;
  SchedulerStats stats_;
};

}  // namespace throng::scheduler
