#include "benchmarks/load/histogram.h"

#include <gtest/gtest.h>

namespace throng::bench {
namespace {

TEST(HistogramTest, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (int64_t value = 1; value <= 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.PercentileNs(50), 50);
  EXPECT_EQ(histogram.PercentileNs(99), 99);
  EXPECT_EQ(histogram.PercentileNs(100), 100);
  EXPECT_EQ(histogram.PercentileNs(0), 1);
}

TEST(HistogramTest, KeepsLargeValuesWithinOnePercent) {
  for (int64_t value : {127, 128, 255, 256, 1000, 123456, 98765432, 30000000}) {
    Histogram histogram;
    histogram.Record(value);
    histogram.Record(value * 100);
    EXPECT_NEAR(static_cast<double>(histogram.PercentileNs(50)), static_cast<double>(value),
                static_cast<double>(value) * 0.008);
  }
}

TEST(HistogramTest, CountsNegativeAndEndlessValues) {
  Histogram histogram;
  histogram.Record(-5);
  histogram.Record(int64_t{1} << 50);
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.PercentileNs(50), 0);
  EXPECT_EQ(histogram.max_ns(), int64_t{1} << 50);
  EXPECT_GE(histogram.PercentileNs(100), (int64_t{1} << 40) * 99 / 100);
}

TEST(HistogramTest, MergesCountsSumsAndMaxima) {
  Histogram first;
  Histogram second;
  first.Record(10);
  second.Record(30);
  first.Merge(second);
  EXPECT_EQ(first.count(), 2U);
  EXPECT_EQ(first.max_ns(), 30);
  EXPECT_DOUBLE_EQ(first.mean_ns(), 20);
}

TEST(HistogramTest, AnswersZeroWhenEmpty) {
  EXPECT_EQ(Histogram().PercentileNs(99), 0);
  EXPECT_EQ(Histogram().mean_ns(), 0);
}

}  // namespace
}  // namespace throng::bench
