// Slots: so many operations at once; the others wait in line. Models that failed before may take
// half of them only, so that a store that hangs holds up no model of another. On one executor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

#include "base/executor.h"

namespace throng::agent {

class Slots {
 public:
  Slots(Executor& executor, size_t total)
      : executor_(executor), total_(total), most_retries_(std::max<size_t>(1, total / 2)) {}

  // `run` is called later, never from inside; whoever is called owns a slot, and gives it back.
  void Acquire(bool is_retry, std::function<void()> run) {
    (is_retry ? retries_ : first_).push_back(std::move(run));
    Grant();
  }
  void Release(bool was_retry) {
    --used_;
    if (was_retry) --used_by_retries_;
    Grant();
  }
  size_t used() const { return used_; }

 private:
  void Grant() {
    while (used_ < total_ && !first_.empty()) Give(first_);
    while (used_ < total_ && used_by_retries_ < most_retries_ && !retries_.empty()) {
      ++used_by_retries_;
      Give(retries_);
    }
  }
  void Give(std::deque<std::function<void()>>& line) {
    ++used_;
    executor_.Post([run = std::move(line.front())] { run(); });
    line.pop_front();
  }

  Executor& executor_;
  const size_t total_;
  const size_t most_retries_;
  size_t used_ = 0;
  size_t used_by_retries_ = 0;
  std::deque<std::function<void()>> first_;
  std::deque<std::function<void()>> retries_;
};

}  // namespace throng::agent
