#include "controller/work_queue.h"

#include <algorithm>
#include <deque>
#include <set>

namespace throng::controller {

struct WorkQueue::State : std::enable_shared_from_this<WorkQueue::State> {
  State(Executor& on, WorkQueueOptions with, Work what,
        std::function<void(const ObjectKey&, const Status&)> failure)
      : executor(on), options(with), work(std::move(what)), on_failure(std::move(failure)) {}

  void Add(const ObjectKey& key) {
    if (working.contains(key)) {
      again.insert(key);
      return;
    }
    if (!queued.insert(key).second) return;
    order.push_back(key);
    Pump();
  }

  void AddAfter(const ObjectKey& key, Duration delay) {
    if (delay.count() <= 0) return Add(key);
    const MonotonicTime when = executor.clock().Now() + delay;
    auto& timer = timers[key];
    if (timer.id != 0) {
      if (timer.when <= when) return;
      executor.CancelTimer(timer.id);
    }
    timer.when = when;
    timer.id = executor.StartTimer(when, [this, key] {
      timers.erase(key);
      Add(key);
    });
  }

  void Pump() {
    if (pumping) return;
    pumping = true;
    executor.Post([weak = weak_from_this()] {
      if (const auto state = weak.lock()) state->Run();
    });
  }

  void Run() {
    pumping = false;
    // What they add while they run waits for the next turn: others on the executor go between.
    size_t turn = order.size();
    while (turn-- > 0 && !order.empty() && working.size() < options.max_working) {
      const ObjectKey key = std::move(order.front());
      order.pop_front();
      queued.erase(key);
      working.insert(key);
      work(key, [weak = weak_from_this(), key](Result<Requeue> result) {
        if (const auto state = weak.lock()) state->Finish(key, std::move(result));
      });
    }
    if (!order.empty() && working.size() < options.max_working) Pump();
  }

  void Finish(const ObjectKey& key, Result<Requeue> result) {
    working.erase(key);
    const bool changed_meanwhile = again.erase(key) > 0;
    if (result.ok()) {
      delays.erase(key);
      if (result->after.count() > 0) AddAfter(key, result->after);
    } else {
      if (on_failure) on_failure(key, result.status());
      Duration& delay = delays[key];
      delay = delay.count() == 0 ? options.first_delay : std::min(delay * 2, options.longest_delay);
      AddAfter(key, delay);
    }
    if (changed_meanwhile) Add(key);
    if (!order.empty()) Pump();
  }

  struct Timer {
    Executor::TimerId id = 0;
    MonotonicTime when;
  };

  Executor& executor;
  const WorkQueueOptions options;
  const Work work;
  const std::function<void(const ObjectKey&, const Status&)> on_failure;
  std::deque<ObjectKey> order;
  std::set<ObjectKey> queued;
  std::set<ObjectKey> working;
  std::set<ObjectKey> again;
  std::map<ObjectKey, Duration> delays;
  std::map<ObjectKey, Timer> timers;
  bool pumping = false;
};

WorkQueue::WorkQueue(Executor& executor, WorkQueueOptions options, Work work,
                     std::function<void(const ObjectKey&, const Status&)> on_failure)
    : state_(std::make_shared<State>(executor, options, std::move(work), std::move(on_failure))) {}

WorkQueue::~WorkQueue() {
  for (const auto& [key, timer] : state_->timers) state_->executor.CancelTimer(timer.id);
}

void WorkQueue::Add(const ObjectKey& key) { state_->Add(key); }
void WorkQueue::AddAfter(const ObjectKey& key, Duration delay) { state_->AddAfter(key, delay); }
size_t WorkQueue::size() const { return state_->queued.size() + state_->working.size(); }

}  // namespace throng::controller
