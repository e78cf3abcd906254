// Histogram: latencies in log-linear buckets, as HdrHistogram keeps them: 128 buckets for each
// power of two, so a percentile is right within 0.8 % whatever its size. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace throng::bench {

class Histogram {
 public:
  Histogram();

  // Negative values count as 0.
  void Record(int64_t value_ns);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  int64_t max_ns() const { return max_ns_; }
  double mean_ns() const { return count_ == 0 ? 0 : sum_ns_ / static_cast<double>(count_); }
  // The smallest recorded value (to a bucket) that `percent` % of the values do not exceed. 0 when
  // empty.
  int64_t PercentileNs(double percent) const;
  double PercentileUs(double percent) const {
    return static_cast<double>(PercentileNs(percent)) / 1e3;
  }

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
  double sum_ns_ = 0;
};

}  // namespace throng::bench
