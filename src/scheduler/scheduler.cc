#include "scheduler/scheduler.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/run_on.h"

namespace throng::scheduler {
namespace {

// How often running and waiting calls are looked at. Deadlines are exact to this.
constexpr std::chrono::milliseconds kWatchInterval{20};
// A call is slow when it runs longer than both of these (cells.md rule: 50 ms, ten times its
// usual).
constexpr std::chrono::milliseconds kSlowCall{50};
constexpr int kSlowFactor = 10;
// Calls this short are sent ahead in numbers: the round trip to the cell costs as much as they do.
constexpr std::chrono::microseconds kShortCall{500};
constexpr size_t kLongCallsInCell = 2;

size_t InputBytes(const InferRequest& request) {
  size_t bytes = 0;
  for (const NamedTensor& input : request.inputs) bytes += input.tensor.data.size();
  return bytes;
}

Duration UpdateAverage(Duration average, Duration sample) {
  if (average == Duration::zero()) return sample;
  return average + (sample - average) / 8;
}

}  // namespace

struct Scheduler::Call {
  Call(InferRequest request_in, Executor& executor_in, Done<Result<InferReply>> done_in)
      : request(std::move(request_in)), executor(executor_in), done(std::move(done_in)) {}

  InferRequest request;
  Executor& executor;
  Done<Result<InferReply>> done;  // empty once it has completed
  residency::ModelHandle handle;
  CheckedRequest checked;
  size_t input_bytes = 0;
  MonotonicTime arrived{};
  MonotonicTime enqueued{};
  Duration load_time{};
  Duration queue_time{};
  uint64_t attempt = 0;  // results of earlier ones are ignored
  uint64_t cell_call_id = 0;
  bool released = false;
  int retries = 0;
};

Scheduler::Scheduler(Executor& executor, residency::ModelManager& manager, const Logger& logger,
                     SchedulerOptions options)
    : executor_(executor), manager_(manager), logger_(logger), options_(options) {}

Scheduler::~Scheduler() { executor_.CancelTimer(watch_timer_); }

void Scheduler::Infer(InferRequest request, Executor& executor, Done<Result<InferReply>> done) {
  auto call = std::make_shared<Call>(std::move(request), executor, std::move(done));
  RunOn(executor_, [this, call = std::move(call)] { Admit(call); });
}

void Scheduler::Admit(const CallPtr& call) {
  call->arrived = executor_.clock().Now();
  call->input_bytes = InputBytes(call->request);
  size_t& of_model = calls_per_model_[call->request.model.str()];
  ++of_model;
  ++calls_in_flight_;
  input_bytes_ += call->input_bytes;
  if (of_model > options_.max_queued_calls_per_model ||
      calls_in_flight_ > options_.max_queued_calls ||
      input_bytes_ > options_.max_queued_input_bytes) {
    ++stats_.refused;
    return Fail(call, UnavailableError("Exceeds maximum queue size").WithRetryAfter(1));
  }
  Acquire(call);
}

void Scheduler::Acquire(const CallPtr& call) {
  manager_.Acquire(
      call->request.model, call->request.version, call->request.deadline,
      [this, call](Result<residency::ModelHandle> handle) { OnAcquired(call, std::move(handle)); });
}

void Scheduler::OnAcquired(const CallPtr& call, Result<residency::ModelHandle> handle) {
  if (!call->done) return Release(call);
  if (!handle.ok()) {
    // Triton sends these without the request's id: the request never reached a model.
    return Fail(call, handle.status());
  }
  call->handle = std::move(handle).value();
  const MonotonicTime now = executor_.clock().Now();
  call->load_time = now - call->arrived - call->queue_time;
  auto checked = CheckRequest(call->request, *call->handle.instance().metadata);
  if (!checked.ok()) return Fail(call, WithRequestId(checked.status(), call->request.id));
  call->checked = std::move(checked).value();
  call->enqueued = now;
  Enqueue(call);
}

void Scheduler::Enqueue(const CallPtr& call) {
  const residency::ModelInstance& instance = call->handle.instance();
  CellQueue& queue = cells_[instance.cell->id()];
  if (queue.cell == nullptr) queue.cell = instance.cell;
  ModelQueue& model = queue.models[&instance];
  if (model.calls.empty()) queue.turn.push_back(&instance);
  model.calls.push_back(call);
  StartWatching();
  SendNext(instance.cell->id());
}

void Scheduler::SendNext(runner::CellId cell) {
  const auto found = cells_.find(cell);
  if (found == cells_.end()) return;
  CellQueue& queue = found->second;
  if (queue.is_full && queue.cell->calls_in_flight() > 0) return;
  queue.is_full = false;
  while (!queue.turn.empty()) {
    const residency::ModelInstance* instance = queue.turn.front();
    const size_t ahead =
        instance->average_compute <= kShortCall ? limits::kCallsInCell : kLongCallsInCell;
    if (queue.sent.size() >= ahead) return;
    ModelQueue& model = queue.models[instance];
    if (!FitsBehind(queue, *model.calls.front())) return;
    queue.turn.pop_front();
    const CallPtr call = std::move(model.calls.front());
    model.calls.pop_front();
    if (model.calls.empty()) {
      queue.models.erase(instance);
    } else {
      queue.turn.push_back(instance);
    }
    Send(queue, call);
  }
  if (queue.sent.empty()) cells_.erase(found);
}

// What is sent ahead stays far below the cell's arena, so that the next call finds room there.
bool Scheduler::FitsBehind(const CellQueue& queue, const Call& call) {
  if (queue.sent.empty()) return true;
  size_t bytes = call.input_bytes;
  for (const CallPtr& sent : queue.sent) bytes += sent->input_bytes;
  return bytes <= limits::kInputBytesInCell;
}

void Scheduler::Send(CellQueue& queue, const CallPtr& call) {
  call->queue_time += executor_.clock().Now() - call->enqueued;
  const uint64_t attempt = ++call->attempt;
  queue.sent.push_back(call);
  call->cell_call_id = queue.cell->Execute(call->handle.instance().slot, call->checked.inputs,
                                           call->checked.requested_outputs,
                                           [this, call, attempt](runner::ExecuteResult result) {
                                             OnResult(call, attempt, std::move(result));
                                           });
}

// To the front of its model's queue: it was its turn.
void Scheduler::PutBack(CellQueue& queue, const CallPtr& call) {
  const residency::ModelInstance* instance = &call->handle.instance();
  call->enqueued = executor_.clock().Now();
  ModelQueue& model = queue.models[instance];
  std::erase(queue.turn, instance);
  queue.turn.push_front(instance);
  model.calls.push_front(call);
}

void Scheduler::OnResult(const CallPtr& call, uint64_t attempt, runner::ExecuteResult result) {
  if (call->attempt != attempt) return;
  const runner::CellId cell = call->handle.instance().cell->id();
  auto found = cells_.find(cell);
  if (found != cells_.end()) {
    std::erase(found->second.sent, call);
    found->second.is_full = result.no_room_yet;
  }
  if (result.no_room_yet && found != cells_.end() && call->done) {
    PutBack(found->second, call);
  } else if (result.lost) {
    OnLost(call, *result.lost, result.status);
  } else {
    residency::ModelInstance& instance = call->handle.instance();
    manager_.NoteRan(instance);
    if (result.status.ok()) {
      instance.average_compute = UpdateAverage(instance.average_compute, result.compute_time);
      Succeed(call, result);
    } else {
      Fail(call, WithRequestId(result.status, call->request.id));
    }
  }
  SendNext(cell);
}

void Scheduler::OnLost(const CallPtr& call, const runner::CellLoss& loss, const Status& status) {
  // Calls that wait for the same cell are told nothing by it: they look for another one.
  const auto found = cells_.find(call->handle.instance().cell->id());
  if (found != cells_.end()) {
    std::vector<CallPtr> waiting;
    for (auto& [instance, model] : found->second.models) {
      waiting.insert(waiting.end(), model.calls.begin(), model.calls.end());
    }
    found->second.models.clear();
    found->second.turn.clear();
    // After this cell's other calls have been completed, so that the suspect is known.
    for (const CallPtr& other : waiting) {
      executor_.Post([this, other] { Retry(other); });
    }
  }
  if (!call->done) return Release(call);
  if (!loss.was_running) {
    const bool outside = !runner::IsOffence(loss.cause);
    if (call->retries < (outside ? limits::kCallRetriesOutside : limits::kCallRetries)) {
      ++call->retries;
      ++stats_.retried;
      executor_.Post([this, call] { Retry(call); });
      return;
    }
    return Fail(call, WithRequestId(status.WithRetryAfter(1), call->request.id));
  }
  if (runner::IsOffence(loss.cause)) manager_.OnOffence(call->handle.instance(), status.message());
  if (loss.cause == runner::CellExitCause::kDeadline) {
    return Fail(call,
                WithRequestId(DeadlineExceededError("the model ran past the execution deadline"),
                              call->request.id));
  }
  Fail(call, WithRequestId(status.WithRetryAfter(1), call->request.id));
}

void Scheduler::Retry(const CallPtr& call) {
  if (!call->done) return Release(call);
  ++call->attempt;
  call->checked = {};
  call->handle = {};
  Acquire(call);
}

void Scheduler::Succeed(const CallPtr& call, runner::ExecuteResult& result) {
  if (!call->done) return Release(call);
  const residency::ModelInstance& instance = call->handle.instance();
  InferReply reply;
  reply.model_name = instance.key.name.str();
  reply.model_version = instance.key.version;
  reply.timings = {call->queue_time, call->load_time, result.compute_time};
  reply.outputs.reserve(result.outputs.size());
  for (runner::OutputTensor& output : result.outputs) {
    reply.outputs.push_back(
        {OutputName(*instance.metadata, output.index), std::move(output.tensor)});
  }
  ++stats_.succeeded;
  auto done = CompleteOn(call->executor, std::move(call->done));
  call->done = nullptr;
  Release(call);
  done(std::move(reply));
}

// Gives back what the call held.
void Scheduler::Release(const CallPtr& call) {
  call->handle = {};
  if (call->released) return;
  call->released = true;
  const auto found = calls_per_model_.find(call->request.model.str());
  if (--found->second == 0) calls_per_model_.erase(found);
  --calls_in_flight_;
  input_bytes_ -= call->input_bytes;
}

void Scheduler::Fail(const CallPtr& call, const Status& status) {
  Release(call);
  if (!call->done) return;  // its client was answered when its deadline passed
  ++stats_.failed;
  auto done = CompleteOn(call->executor, std::move(call->done));
  call->done = nullptr;
  done(status);
}

// --- slow calls and deadlines -------------------------------------------------------------

void Scheduler::StartWatching() {
  if (watch_timer_ != 0) return;
  watch_timer_ =
      executor_.StartTimer(executor_.clock().Now() + kWatchInterval, [this] { Watch(); });
}

void Scheduler::Watch() {
  watch_timer_ = 0;
  const MonotonicTime now = executor_.clock().Now();
  std::vector<runner::CellId> ids;
  for (const auto& [id, queue] : cells_) ids.push_back(id);
  for (const runner::CellId id : ids) {
    const auto found = cells_.find(id);
    if (found == cells_.end()) continue;
    ExpireWaiting(found->second, now);
    if (found->second.cell->calls_in_flight() > 0) WatchCell(found->second, now);
    SendNext(id);
  }
  if (!cells_.empty()) StartWatching();
}

void Scheduler::WatchCell(CellQueue& queue, MonotonicTime now) {
  if (queue.sent.empty()) return;
  const Duration running = now - queue.cell->running_since();
  const bool loading = queue.cell->is_loading();
  if (!loading && running > options_.execution_deadline) {
    queue.cell->End(runner::CellExitCause::kDeadline);
    return;
  }
  const Duration usual = queue.sent.front()->handle.instance().average_compute;
  const Duration slow = std::max<Duration>(kSlowCall, loading ? Duration{} : kSlowFactor * usual);
  if (running > slow) MoveOthersAway(queue);
}

// Takes every call but those of the model that runs (all, when a load runs) to other cells.
void Scheduler::MoveOthersAway(CellQueue& queue) {
  const residency::ModelInstance* culprit =
      queue.cell->is_loading() ? nullptr : &queue.sent.front()->handle.instance();
  std::set<std::shared_ptr<residency::ModelInstance>> instances;
  for (const CallPtr& call : queue.sent) {
    if (call->done) instances.insert(call->handle.shared());
  }
  for (auto& [instance, model] : queue.models) {
    if (!model.calls.empty()) instances.insert(model.calls.front()->handle.shared());
  }
  std::erase_if(instances, [&](const std::shared_ptr<residency::ModelInstance>& instance) {
    return instance.get() == culprit || !manager_.MoveElsewhere(instance);
  });
  if (instances.empty()) return;
  std::vector<CallPtr> moving;
  for (const CallPtr& call : queue.sent) {
    if (!call->done || !instances.contains(call->handle.shared())) continue;
    ++call->attempt;  // its result, if one comes, is ignored
    queue.cell->Cancel(call->cell_call_id);
    moving.push_back(call);
  }
  for (const CallPtr& call : moving) std::erase(queue.sent, call);
  for (const auto& instance : instances) {
    const auto model = queue.models.find(instance.get());
    if (model == queue.models.end()) continue;
    moving.insert(moving.end(), model->second.calls.begin(), model->second.calls.end());
    queue.models.erase(model);
    std::erase(queue.turn, instance.get());
  }
  THRONG_LOG_WARNING(logger_) << (culprit == nullptr ? std::string("a load")
                                                     : "model '" + culprit->key.name.str() + "'")
                              << " holds up its process; " << moving.size() << " calls of "
                              << instances.size() << " other models move to another one";
  stats_.moved += moving.size();
  for (const CallPtr& call : moving) Retry(call);
}

void Scheduler::ExpireWaiting(CellQueue& queue, MonotonicTime now) {
  std::vector<CallPtr> late;
  for (auto& [instance, model] : queue.models) {
    for (const CallPtr& call : model.calls) {
      if (now >= call->request.deadline) late.push_back(call);
    }
    std::erase_if(model.calls, [now](const CallPtr& c) { return now >= c->request.deadline; });
  }
  for (auto position = queue.models.begin(); position != queue.models.end();) {
    if (position->second.calls.empty()) {
      std::erase(queue.turn, position->first);
      position = queue.models.erase(position);
    } else {
      ++position;
    }
  }
  for (const CallPtr& call : late) {
    Fail(call, WithRequestId(DeadlineExceededError("Request timeout expired"), call->request.id));
  }
  // One that is in its cell cannot be taken back; its client is answered, its result is dropped.
  for (const CallPtr& call : queue.sent) {
    if (!call->done || now < call->request.deadline) continue;
    ++stats_.failed;
    auto done = CompleteOn(call->executor, std::move(call->done));
    call->done = nullptr;
    done(WithRequestId(DeadlineExceededError("Request timeout expired"), call->request.id));
  }
}

SchedulerStats Scheduler::stats() const {
  SchedulerStats stats = stats_;
  stats.in_flight = calls_in_flight_;
  return stats;
}

}  // namespace throng::scheduler
