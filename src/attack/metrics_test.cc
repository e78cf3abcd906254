// Reports against those that the real vegeta made of the same results (testdata/make_reports.py).
#include "attack/metrics.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "base/random.h"

namespace throng::attack {
namespace {

using namespace std::chrono_literals;

struct Case {
  std::string name;
  int64_t count = 0;
  int64_t interval_ns = 0;
  uint64_t least_ns = 0;
  uint64_t spread_ns = 0;
  uint64_t shift = 0;
  uint64_t bytes_out = 0;
  uint64_t bytes_in = 0;
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"walkthrough", 600, 100'000'000, 1'200'000, 2'000'000, 0, 110979, 315},
      {"one", 1, 100'000'000, 1'500'000, 10, 0, 0, 12},
      {"two", 2, 100'000'000, 1'500'000, 3'000'000, 0, 7, 12},
      {"failing", 40, 50'000'000, 900'000, 40'000'000, 0, 5, 3},
      {"many", 5000, 200'000, 50'000, 900'000, 7, 1, 1},
      {"slow", 3, 2'700'000'000'000, 4'200'000'000'000, 600'000'000'000, 0, 0, 0},
      {"instant", 10, 1'000, 1, 900, 0, 0, 0}};
  return cases;
}

AttackResult ResultOf(const Case& from, int64_t i, uint64_t value) {
  uint64_t latency = from.least_ns + value % from.spread_ns;
  if (from.shift > 0) latency <<= (value >> 60) % from.shift;
  AttackResult result{.sent_after = Duration(i * from.interval_ns),
                      .latency = Duration(static_cast<int64_t>(latency)),
                      .code = 200,
                      .bytes_in = from.bytes_in,
                      .bytes_out = from.bytes_out};
  if (from.name != "failing" || i % 4 < 2) return result;
  if (i % 4 == 2) {
    result.code = 503;
    result.error = "503 Service Unavailable";
    return result;
  }
  result.code = 0;
  result.bytes_in = result.bytes_out = 0;
  result.error = "Post \"http://a.default/\": no reply in time";
  return result;
}

std::string Golden(const std::string& name) {
  std::ifstream file(THRONG_SOURCE_DIR "/src/attack/testdata/" + name + ".txt");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(AttackMetricsTest, ReportsAreThoseOfVegeta) {
  for (const Case& from : Cases()) {
    AttackMetrics metrics;
    SeededRandom random(from.name.size());
    for (int64_t i = 0; i < from.count; ++i) metrics.Add(ResultOf(from, i, random.Next()));
    const std::string golden = Golden(from.name);
    ASSERT_FALSE(golden.empty()) << from.name;
    EXPECT_EQ(TextReport(metrics.Summary()), golden) << from.name;
  }
}

TEST(AttackMetricsTest, AnAttackWithoutRequestsHasAReport) {
  AttackMetrics metrics;
  const std::string report = TextReport(metrics.Summary());
  EXPECT_EQ(report.find("Requests      [total, rate, throughput]         0, 0.00, 0.00\n"), 0u)
      << report;
  EXPECT_NE(report.find("0s, 0s, 0s, 0s, 0s, 0s, 0s"), std::string::npos);
}

TEST(AttackMetricsTest, ResultsMayComeInAnyOrder) {
  AttackMetrics metrics;
  metrics.Add({.sent_after = 2s, .latency = 1s, .code = 200});
  metrics.Add({.sent_after = 1s, .latency = 5s, .code = 404, .error = "404 Not Found"});
  const AttackSummary summary = metrics.Summary();
  EXPECT_EQ(summary.attack, Duration(1s));
  EXPECT_EQ(summary.wait, Duration(4s));
  EXPECT_DOUBLE_EQ(summary.rate, 2);
  EXPECT_DOUBLE_EQ(summary.throughput, 0.2);
  EXPECT_DOUBLE_EQ(summary.success, 0.5);
}

TEST(AttackMetricsTest, ErrorsAreToldOnceAndUpToTheBound) {
  AttackMetrics metrics;
  for (size_t i = 0; i < limits::kAttackErrors + 1; ++i) {
    for (int twice = 0; twice < 2; ++twice) {
      metrics.Add({.code = 500, .error = "error " + std::to_string(i)});
    }
    EXPECT_EQ(metrics.Summary().errors.size(), std::min(i + 1, limits::kAttackErrors));
  }
}

}  // namespace
}  // namespace throng::attack
