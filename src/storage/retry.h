// Retrier: how often and when one fetch asks a store again. Exponential back-off with jitter, a
// bound on attempts in a row that brought nothing, and one budget for all reads of the fetch, so
// that a store in trouble is not asked the more for having it. Thread-safe.
//
//   Retrier retrier(seams.wait, seams.random_seed, clock, deadline);
//   Status status = retrier.Run(cancel, [&] { return Retrier::Attempt{ReadOnce(), got_bytes}; });
#pragma once

#include <atomic>
#include <functional>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/status.h"
#include "storage/cancel_flag.h"

namespace throng::storage {

class Retrier {
 public:
  struct Attempt {
    Status status;
    bool progressed = false;  // it brought something that stays: the row begins anew
  };

  // `wait`: empty waits for real.
  Retrier(std::function<void(Duration)> wait, uint64_t random_seed, const Clock& clock,
          MonotonicTime deadline);

  // Calls `attempt` until it succeeds, or fails with another code than kUnavailable, or there is
  // no point in going on; returns the last status. A Retry-After beyond
  // limits::kStorageBackOffMost is the caller's to wait for.
  Status Run(CancelFlag& cancel, const std::function<Attempt()>& attempt);

  int retries() const { return retries_.load(); }

 private:
  Duration BackOff(int failures_in_a_row, const Status& status);

  const std::function<void(Duration)> wait_;
  const Clock& clock_;
  const MonotonicTime deadline_;
  Mutex mutex_;
  SeededRandom random_ THRONG_GUARDED_BY(mutex_);
  std::atomic<int> retries_{0};
};

}  // namespace throng::storage
