#include "agent/slots.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"

namespace throng::agent {
namespace {

class SlotsTest : public ::testing::Test {
 protected:
  void Ask(bool is_retry, int number) {
    slots_.Acquire(is_retry, [this, number] { running_.push_back(number); });
  }
  std::vector<int> Run() {
    executor_.RunPosted();
    return std::exchange(running_, {});
  }

  throng::testing::SimulatedExecutor executor_;
  Slots slots_{executor_, 4};
  std::vector<int> running_;
};

using Numbers = std::vector<int>;

TEST_F(SlotsTest, GivesAsManyAsThereAreInOrder) {
  for (int i = 1; i <= 6; ++i) Ask(false, i);
  EXPECT_TRUE(running_.empty());  // never from inside
  EXPECT_EQ(Run(), Numbers({1, 2, 3, 4}));
  EXPECT_EQ(slots_.used(), 4U);
  slots_.Release(false);
  EXPECT_EQ(Run(), Numbers({5}));
  slots_.Release(false);
  slots_.Release(false);
  EXPECT_EQ(Run(), Numbers({6}));
  EXPECT_EQ(slots_.used(), 3U);
}

TEST_F(SlotsTest, RetriesTakeHalfAndComeLast) {
  for (int i = 1; i <= 3; ++i) Ask(true, i);
  EXPECT_EQ(Run(), Numbers({1, 2}));
  for (int i = 11; i <= 13; ++i) Ask(false, i);
  EXPECT_EQ(Run(), Numbers({11, 12}));
  slots_.Release(true);
  // The one who did not fail goes first.
  EXPECT_EQ(Run(), Numbers({13}));
  slots_.Release(false);
  EXPECT_EQ(Run(), Numbers({3}));
  EXPECT_EQ(slots_.used(), 4U);
}

TEST_F(SlotsTest, OneSlotIsForRetriesToo) {
  Slots one(executor_, 1);
  one.Acquire(true, [this] { running_.push_back(1); });
  EXPECT_EQ(Run(), Numbers({1}));
}

}  // namespace
}  // namespace throng::agent
