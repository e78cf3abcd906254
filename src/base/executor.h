// Executor: where a component runs. Everything that belongs to one executor runs one task at a
// time, so it needs no locks. The real one is os/event_loop.h; the simulated one is
// base/testing/simulated_executor.h.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/unique_function.h"

namespace throng {

class Executor {
 public:
  using Task = UniqueFunction<void()>;
  using TimerId = uint64_t;  // 0: no timer

  virtual ~Executor() = default;

  // Thread-safe. Runs `task` soon, after the current task, in order of posting.
  virtual void Post(Task task) = 0;

  // REQUIRES: called on this executor.
  virtual TimerId StartTimer(MonotonicTime when, Task task) = 0;
  // No effect on a timer that already ran. REQUIRES: called on this executor.
  virtual void CancelTimer(TimerId timer) = 0;

  // Thread-safe. True on the thread that runs this executor's tasks.
  virtual bool IsCurrent() const = 0;

  // Thread-safe.
  virtual const Clock& clock() const = 0;
};

}  // namespace throng
