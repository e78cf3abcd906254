// The clock seam. Deadlines and durations use the monotonic clock only; the wall clock is for
// people (logs, timestamps in replies). The real clock lives in os/.
#pragma once

#include <chrono>

namespace throng {

using Duration = std::chrono::nanoseconds;
// Time since an arbitrary start; never goes backwards.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

}  // namespace throng
