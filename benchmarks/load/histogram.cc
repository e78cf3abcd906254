#include "benchmarks/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace throng::bench {
namespace {

constexpr int kSubBits = 7;
constexpr uint64_t kSubCount = 1ULL << kSubBits;
// Values below 2^40 ns (18 minutes); larger ones count as the largest.
constexpr int kMagnitudeCount = 40 - kSubBits + 1;

size_t BucketOf(uint64_t value) {
  value = std::min(value, (uint64_t{1} << 40) - 1);
  if (value < kSubCount) return value;
  const int shift = std::bit_width(value) - kSubBits - 1;
  return kSubCount * static_cast<size_t>(shift + 1) + ((value >> shift) - kSubCount);
}

// The middle of the bucket.
int64_t ValueOf(size_t bucket) {
  if (bucket < kSubCount) return static_cast<int64_t>(bucket);
  const int shift = static_cast<int>(bucket / kSubCount) - 1;
  const uint64_t low = (kSubCount + bucket % kSubCount) << shift;
  return static_cast<int64_t>(low + ((1ULL << shift) >> 1));
}

}  // namespace

Histogram::Histogram() : buckets_(kSubCount * kMagnitudeCount) {}

void Histogram::Record(int64_t value_ns) {
  value_ns = std::max<int64_t>(value_ns, 0);
  ++buckets_[BucketOf(static_cast<uint64_t>(value_ns))];
  ++count_;
  sum_ns_ += static_cast<double>(value_ns);
  max_ns_ = std::max(max_ns_, value_ns);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

int64_t Histogram::PercentileNs(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(percent / 100 * static_cast<double>(count_));
  const uint64_t rank = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(ValueOf(i), max_ns_);
  }
  return max_ns_;
}

}  // namespace throng::bench
