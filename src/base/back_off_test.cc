#include "base/back_off.h"

#include <limits>

#include <gtest/gtest.h>

namespace throng {
namespace {

using std::chrono::seconds;

// The ends of what may come out, for a random number of all zeros and for many others.
struct Range {
  Duration least = Duration::max();
  Duration most = Duration::min();
};

Range RangeOf(int doublings) {
  SeededRandom random(1);
  Range range;
  for (int i = 0; i < 2000; ++i) {
    const Duration wait = BackOff(seconds(2), seconds(60), doublings, random);
    range.least = std::min(range.least, wait);
    range.most = std::max(range.most, wait);
  }
  return range;
}

void ExpectHalfToWhole(int doublings, Duration whole) {
  const Range range = RangeOf(doublings);
  EXPECT_GE(range.least, whole / 2) << doublings;
  EXPECT_LE(range.least, whole / 2 + whole / 50) << doublings;
  EXPECT_LE(range.most, whole) << doublings;
  EXPECT_GE(range.most, whole - whole / 50) << doublings;
}

TEST(BackOffTest, DoublesFromTheFirstToTheMost) {
  ExpectHalfToWhole(-1, seconds(2));
  ExpectHalfToWhole(0, seconds(2));
  ExpectHalfToWhole(1, seconds(4));
  ExpectHalfToWhole(4, seconds(32));
  ExpectHalfToWhole(5, seconds(60));
  ExpectHalfToWhole(std::numeric_limits<int>::max(), seconds(60));
}

}  // namespace
}  // namespace throng
