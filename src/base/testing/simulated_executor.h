// SimulatedExecutor: fake time and a deterministic order of tasks, on the calling thread. What the
// data plane runs on in tests and in simulations. Not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "base/executor.h"

namespace throng::testing {

class FakeClock final : public Clock {
 public:
  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override {
    return WallTime(std::chrono::seconds(1621717148)) + (now_ - MonotonicTime());
  }
  void Set(MonotonicTime now) { now_ = now; }

 private:
  MonotonicTime now_ = MonotonicTime(std::chrono::seconds(1000));
};

class SimulatedExecutor final : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId StartTimer(MonotonicTime when, Task task) override {
    const TimerId id = ++last_timer_;
    timers_.emplace(std::make_pair(when, id), std::move(task));
    when_.emplace(id, when);
    return id;
  }
  void CancelTimer(TimerId timer) override {
    const auto found = when_.find(timer);
    if (found == when_.end()) return;
    timers_.erase({found->second, timer});
    when_.erase(found);
  }
  bool IsCurrent() const override { return true; }
  const Clock& clock() const override { return clock_; }

  // Runs posted tasks until none is left; time stands still.
  void RunPosted() {
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  // Runs posted tasks and every timer that falls due within `duration`, in order.
  void Advance(Duration duration) {
    const MonotonicTime end = clock_.Now() + duration;
    RunPosted();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      auto first = timers_.begin();
      clock_.Set(std::max(clock_.Now(), first->first.first));
      Task task = std::move(first->second);
      when_.erase(first->first.second);
      timers_.erase(first);
      task();
      RunPosted();
    }
    clock_.Set(end);
  }
  size_t timer_count() const { return timers_.size(); }

 private:
  FakeClock clock_;
  std::deque<Task> tasks_;
  std::map<std::pair<MonotonicTime, TimerId>, Task> timers_;
  std::map<TimerId, MonotonicTime> when_;
  TimerId last_timer_ = 0;
};

}  // namespace throng::testing
