// ThreadPool: a fixed number of threads for work that blocks (disk, smaps). Results come back to an
// executor.
#pragma once

#include <cstddef>
#include <memory>

#include "base/executor.h"
#include "base/unique_function.h"

namespace throng::os {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  // Runs what was posted, then joins.
  ~ThreadPool();

  // Thread-safe. The queue is bounded by its callers (one item per load, measurement or scan).
  void Post(UniqueFunction<void()> work);

  // Runs `work` on a pool thread, then `done(result)` on `executor`.
  template <typename T>
  void Run(UniqueFunction<T()> work, Executor& executor, Done<T> done) {
    Post([work = std::move(work), &executor, done = std::move(done)]() mutable {
      auto result = std::make_unique<T>(work());
      executor.Post([result = std::move(result), done = std::move(done)]() mutable {
        done(std::move(*result));
      });
    });
  }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace throng::os
