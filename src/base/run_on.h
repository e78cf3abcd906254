// Helpers for answers that cross executors.
#pragma once

#include <memory>
#include <utility>

#include "base/executor.h"

namespace throng {

// Runs `task` on `executor`: now when that is the current one, else posted.
inline void RunOn(Executor& executor, Executor::Task task) {
  if (executor.IsCurrent()) {
    task();
  } else {
    executor.Post(std::move(task));
  }
}

// A completion that runs `done` on `executor`, wherever it is called.
template <typename T>
Done<T> CompleteOn(Executor& executor, Done<T> done) {
  return [&executor, done = std::move(done)](T value) mutable {
    if (executor.IsCurrent()) return done(std::move(value));
    executor.Post([value = std::make_unique<T>(std::move(value)),
                   done = std::move(done)]() mutable { done(std::move(*value)); });
  };
}

}  // namespace throng
