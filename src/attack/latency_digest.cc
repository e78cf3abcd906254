#include "attack/latency_digest.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace throng::attack {
namespace {

constexpr double kCompression = 100;
constexpr size_t kWaitingMost = 800;  // 8 times the compression

// The scale function that lets centroids be large in the middle and small at both ends, and its
// inverse.
double QuantileOfScale(double k) {
  const double angle = std::min(k, kCompression) * std::numbers::pi / kCompression;
  return (std::sin(angle - std::numbers::pi / 2) + 1) / 2;
}
double ScaleOfQuantile(double q) {
  return kCompression * (std::asin(2 * q - 1) + std::numbers::pi / 2) / std::numbers::pi;
}

double Between(double a, double weight_a, double b, double weight_b) {
  const double mean = (a * weight_a + b * weight_b) / (weight_a + weight_b);
  return std::max(std::min(a, b), std::min(mean, std::max(a, b)));
}

}  // namespace

void LatencyDigest::Add(double value) {
  waiting_.push_back({.mean = value, .weight = 1});
  if (waiting_.size() > kWaitingMost) Merge();
}

void LatencyDigest::Merge() {
  if (waiting_.empty()) return;
  const bool is_first = merged_.empty();
  for (const Centroid& centroid : waiting_) weight_ += centroid.weight;
  waiting_.insert(waiting_.end(), merged_.begin(), merged_.end());
  std::stable_sort(waiting_.begin(), waiting_.end(),
                   [](const Centroid& a, const Centroid& b) { return a.mean < b.mean; });
  merged_.clear();
  double so_far = 0;
  double limit = weight_ * QuantileOfScale(1);
  for (const Centroid& next : waiting_) {
    const double with_next = so_far + next.weight;
    if (!merged_.empty() && with_next <= limit) {
      Centroid& last = merged_.back();
      last.weight += next.weight;
      last.mean += next.weight * (next.mean - last.mean) / last.weight;
    } else {
      if (!merged_.empty())
        limit = weight_ * QuantileOfScale(ScaleOfQuantile(so_far / weight_) + 1);
      merged_.push_back(next);
    }
    so_far = with_next;
  }
  waiting_.clear();
  minimum_ = is_first ? merged_.front().mean : std::min(minimum_, merged_.front().mean);
  maximum_ = is_first ? merged_.back().mean : std::max(maximum_, merged_.back().mean);
  SumUp();
}

void LatencyDigest::SumUp() {
  middle_.clear();
  double before = 0;
  for (const Centroid& centroid : merged_) {
    middle_.push_back(before + centroid.weight / 2);
    before += centroid.weight;
  }
  middle_.push_back(before);
}

double LatencyDigest::Quantile(double q) {
  Merge();
  if (merged_.empty()) return 0;
  if (merged_.size() == 1) return merged_.front().mean;
  const double rank = q * weight_;
  const Centroid& first = merged_.front();
  if (rank <= first.weight / 2) {
    return minimum_ + 2 * rank / first.weight * (first.mean - minimum_);
  }
  const auto upper =
      static_cast<size_t>(std::lower_bound(middle_.begin(), middle_.end(), rank) - middle_.begin());
  if (upper < merged_.size()) {
    return Between(merged_[upper - 1].mean, middle_[upper] - rank, merged_[upper].mean,
                   rank - middle_[upper - 1]);
  }
  const Centroid& last = merged_.back();
  const double from_last = rank - weight_ - last.weight / 2;
  return Between(last.mean, from_last, maximum_, last.weight / 2 - from_last);
}

}  // namespace throng::attack
