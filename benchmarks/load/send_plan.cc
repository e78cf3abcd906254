#include "benchmarks/load/send_plan.h"

namespace throng::bench {

SendPlan::SendPlan(double rate_per_second, bool poisson, uint64_t seed)
    : distance_ns_(1e9 / rate_per_second), poisson_(poisson), random_(seed) {}

void SendPlan::Advance() {
  const double factor = poisson_ ? exponential_(random_) : 1.0;
  next_ += std::chrono::nanoseconds(static_cast<int64_t>(distance_ns_ * factor));
}

}  // namespace throng::bench
