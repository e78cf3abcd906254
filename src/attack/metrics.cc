#include "attack/metrics.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <initializer_list>

#include "base/control_limits.h"
#include "base/go_duration.h"

namespace throng::attack {
namespace {

constexpr size_t kLabelWidth = 14;  // of the longest label and two blanks
constexpr size_t kPartsWidth = 34;

// Whole seconds and the rest apart, as Go divides.
double Seconds(Duration duration) {
  constexpr int64_t kSecond = 1'000'000'000;
  return static_cast<double>(duration.count() / kSecond) +
         static_cast<double>(duration.count() % kSecond) / 1e9;
}

// To the next smaller unit, half of it up.
Duration RoundedForPeople(Duration duration) {
  constexpr std::array<int64_t, 6> kUnits = {3'600'000'000'000, 60'000'000'000, 1'000'000'000,
                                             1'000'000,         1'000,          1};
  for (size_t i = 0; i + 1 < kUnits.size(); ++i) {
    if (duration.count() < kUnits[i]) continue;
    const int64_t unit = kUnits[i + 1];
    return Duration((duration.count() + unit / 2) / unit * unit);
  }
  return duration;
}

std::string TwoDigits(double value) {
  std::array<char, 400> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.2f", value);
  return std::string(text.data(), static_cast<size_t>(size));
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string Line(std::string_view label, std::string_view parts,
                 std::initializer_list<std::string> values) {
  std::string line = Padded(std::string(label), kLabelWidth);
  line += Padded("[" + std::string(parts) + "]", kPartsWidth);
  bool is_first = true;
  for (const std::string& value : values) {
    line += (is_first ? "" : ", ") + value;
    is_first = false;
  }
  return line + "\n";
}

std::string ForPeople(Duration duration) { return GoDurationText(RoundedForPeople(duration)); }

}  // namespace

void AttackMetrics::Add(const AttackResult& result) {
  const bool is_first = requests_++ == 0;
  ++codes_[result.code];
  bytes_in_ += result.bytes_in;
  bytes_out_ += result.bytes_out;
  total_ += result.latency;
  most_ = std::max(most_, result.latency);
  // One that took no time at all is as if it were not known, in vegeta's way of counting.
  if (least_.count() == 0 || result.latency < least_) least_ = result.latency;
  latencies_.Add(static_cast<double>(result.latency.count()));
  first_ = is_first ? result.sent_after : std::min(first_, result.sent_after);
  last_ = std::max(last_, result.sent_after);
  end_ = std::max(end_, result.sent_after + result.latency);
  if (result.code >= 200 && result.code < 400) ++successes_;
  if (result.error.empty() || errors_.size() >= limits::kAttackErrors) return;
  if (std::find(errors_.begin(), errors_.end(), result.error) == errors_.end()) {
    errors_.push_back(result.error);
  }
}

AttackSummary AttackMetrics::Summary() {
  AttackSummary summary;
  for (const auto& [code, count] : codes_) summary.codes[std::to_string(code)] = count;
  summary.errors = errors_;
  summary.requests = requests_;
  summary.bytes_in = bytes_in_;
  summary.bytes_out = bytes_out_;
  summary.least = least_;
  summary.most = most_;
  if (requests_ == 0) return summary;
  const auto count = static_cast<double>(requests_);
  summary.rate = count;
  summary.throughput = static_cast<double>(successes_);
  summary.attack = last_ - first_;
  summary.wait = end_ - last_;
  if (const double seconds = Seconds(summary.attack); seconds > 0) {
    summary.rate /= seconds;
    summary.throughput /= Seconds(summary.attack + summary.wait);
  }
  summary.mean_bytes_in = static_cast<double>(bytes_in_) / count;
  summary.mean_bytes_out = static_cast<double>(bytes_out_) / count;
  summary.success = static_cast<double>(successes_) / count;
  summary.mean = Duration(static_cast<int64_t>(static_cast<double>(total_.count()) / count));
  const auto quantile = [this](double q) {
    return Duration(static_cast<int64_t>(latencies_.Quantile(q)));
  };
  summary.p50 = quantile(0.50);
  summary.p90 = quantile(0.90);
  summary.p95 = quantile(0.95);
  summary.p99 = quantile(0.99);
  return summary;
}

std::string TextReport(const AttackSummary& summary) {
  std::string text = Line(
      "Requests", "total, rate, throughput",
      {std::to_string(summary.requests), TwoDigits(summary.rate), TwoDigits(summary.throughput)});
  text += Line("Duration", "total, attack, wait",
               {ForPeople(summary.attack + summary.wait), ForPeople(summary.attack),
                ForPeople(summary.wait)});
  text += Line("Latencies", "min, mean, 50, 90, 95, 99, max",
               {ForPeople(summary.least), ForPeople(summary.mean), ForPeople(summary.p50),
                ForPeople(summary.p90), ForPeople(summary.p95), ForPeople(summary.p99),
                ForPeople(summary.most)});
  text += Line("Bytes In", "total, mean",
               {std::to_string(summary.bytes_in), TwoDigits(summary.mean_bytes_in)});
  text += Line("Bytes Out", "total, mean",
               {std::to_string(summary.bytes_out), TwoDigits(summary.mean_bytes_out)});
  text += Line("Success", "ratio", {TwoDigits(summary.success * 100) + "%"});
  std::string codes;
  for (const auto& [code, count] : summary.codes) {
    codes += code + ":" + std::to_string(count) + "  ";
  }
  text += Line("Status Codes", "code:count", {codes});
  text += "Error Set:\n";
  for (const std::string& error : summary.errors) text += error + "\n";
  return text;
}

}  // namespace throng::attack
