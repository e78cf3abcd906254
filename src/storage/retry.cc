#include "storage/retry.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"

namespace throng::storage {

Retrier::Retrier(std::function<void(Duration)> wait, uint64_t random_seed, const Clock& clock,
                 MonotonicTime deadline)
    : wait_(std::move(wait)), clock_(clock), deadline_(deadline), random_(random_seed) {}

// Between half of the step and the whole: those that failed together do not come back together.
Duration Retrier::BackOff(int failures_in_a_row, const Status& status) {
  Duration step = limits::kStorageBackOff;
  for (int i = 1; i < failures_in_a_row && step < limits::kStorageBackOffMost; ++i) step *= 2;
  step = std::min<Duration>(step, limits::kStorageBackOffMost);
  uint64_t random = 0;
  {
    const MutexLock lock(mutex_);
    random = random_.Next();
  }
  const auto half = static_cast<uint64_t>(step.count() / 2);
  const Duration jittered(static_cast<int64_t>(half + random % (half + 1)));
  return std::max<Duration>(jittered,
                            std::chrono::seconds(status.retry_after_seconds().value_or(0)));
}

Status Retrier::Run(CancelFlag& cancel, const std::function<Attempt()>& attempt) {
  int failures_in_a_row = 0;
  for (;;) {
    Attempt result = attempt();
    if (result.status.ok() || result.status.code() != StatusCode::kUnavailable) {
      return result.status;
    }
    if (result.progressed) failures_in_a_row = 0;
    if (++failures_in_a_row >= limits::kStorageAttempts) return result.status;
    const Duration wait = BackOff(failures_in_a_row, result.status);
    if (wait > limits::kStorageBackOffMost) return result.status;
    // What the store said tells more than that time is over.
    if (clock_.Now() + wait >= deadline_) return result.status;
    if (retries_.fetch_add(1) >= limits::kStorageRetries) return result.status;
    if (wait_) {
      wait_(wait);
    } else {
      cancel.WaitFor(wait);
    }
    if (cancel.cancelled()) return CancelledError("the fetch was cancelled");
  }
}

}  // namespace throng::storage
