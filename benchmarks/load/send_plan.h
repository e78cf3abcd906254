// SendPlan: the instants at which an open-loop stream wants to send, made before anything is sent
// and independent of how the server answers. Latencies are counted from these instants, so that a
// stall of the server shows in every request that it delayed (no coordinated omission).
#pragma once

#include <cstdint>
#include <random>

#include "base/clock.h"

namespace throng::bench {

class SendPlan {
 public:
  // Fixed distances, or those of a Poisson process (exponential, from `seed`).
  // REQUIRES: rate_per_second > 0.
  SendPlan(double rate_per_second, bool poisson, uint64_t seed);

  void StartAt(MonotonicTime start) { next_ = start; }
  MonotonicTime next() const { return next_; }
  void Advance();

 private:
  const double distance_ns_;
  const bool poisson_;
  std::mt19937_64 random_;
  std::exponential_distribution<double> exponential_{1.0};
  MonotonicTime next_{};
};

}  // namespace throng::bench
