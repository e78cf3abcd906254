// How long to wait before something that failed is tried again. Pure but for the randomness.
//
//   next_ = Now() + BackOff(limits::kWatchBackOff, limits::kWatchBackOffMost, failures_, random_);
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"
#include "base/random.h"

namespace throng {

// `first`, doubled `doublings` times (none when negative) and at most `most`; of that between half
// and the whole, so that many who failed together do not come again together. REQUIRES: first > 0.
inline Duration BackOff(Duration first, Duration most, int doublings, Random& random) {
  Duration whole = std::min(first, most);
  for (int i = 0; i < doublings && whole < most; ++i) whole = std::min(whole * 2, most);
  const auto half = static_cast<uint64_t>(whole.count() / 2);
  return Duration(static_cast<int64_t>(half + random.Next() % (half + 1)));
}

}  // namespace throng
