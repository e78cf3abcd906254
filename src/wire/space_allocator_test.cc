#include "wire/space_allocator.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace throng::wire {
namespace {

constexpr uint64_t kBegin = 4096;
constexpr uint64_t kCapacity = 1024;

TEST(SpaceAllocatorTest, HandsOutAlignedBlocksInOrder) {
  SpaceAllocator space(kBegin, kBegin + kCapacity);
  const auto first = space.Allocate(1);
  const auto second = space.Allocate(65);
  const auto third = space.Allocate(64);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->offset, kBegin);
  EXPECT_EQ(second->offset, kBegin + 64);
  EXPECT_EQ(third->offset, kBegin + 192);
  EXPECT_EQ(space.produced(), 256u);
  EXPECT_EQ(third->cursor, 256u);
}

TEST(SpaceAllocatorTest, FitsItsCapacityExactlyAndNoByteMore) {
  SpaceAllocator space(kBegin, kBegin + kCapacity);
  EXPECT_FALSE(space.Allocate(kCapacity + 1));
  EXPECT_FALSE(space.Allocate(UINT64_MAX));
  const auto all = space.Allocate(kCapacity);
  ASSERT_TRUE(all);
  EXPECT_FALSE(space.Allocate(1));
  space.FreeUpTo(all->cursor);
  EXPECT_TRUE(space.Allocate(kCapacity - 1));
}

TEST(SpaceAllocatorTest, OddBoundsShrinkToWholeLines) {
  SpaceAllocator space(kBegin + 1, kBegin + 191);
  const auto only = space.Allocate(64);
  ASSERT_TRUE(only);
  EXPECT_EQ(only->offset, kBegin + 64);
  EXPECT_FALSE(space.Allocate(1));
  SpaceAllocator none(kBegin + 1, kBegin + 2);
  EXPECT_FALSE(none.Allocate(1));
}

TEST(SpaceAllocatorTest, EmptyBlockOccupiesNothing) {
  SpaceAllocator space(kBegin, kBegin + kCapacity);
  const auto full = space.Allocate(kCapacity);
  ASSERT_TRUE(full);
  const auto empty = space.Allocate(0);
  ASSERT_TRUE(empty);
  EXPECT_GE(empty->offset, kBegin);
  EXPECT_EQ(empty->cursor, full->cursor);
  space.FreeUpTo(empty->cursor);
  EXPECT_TRUE(space.empty());
}

TEST(SpaceAllocatorTest, TwoBlocksInTurnTouchTwoBlocksOfSpace) {
  SpaceAllocator space(kBegin, kBegin + 64 * kCapacity);
  auto previous = space.Allocate(kCapacity);
  ASSERT_TRUE(previous);
  for (int i = 0; i < 1000; ++i) {
    const auto next = space.Allocate(kCapacity);
    ASSERT_TRUE(next);
    space.FreeUpTo(previous->cursor);
    previous = next;
  }
  EXPECT_EQ(space.high_water(), kBegin + 2 * kCapacity);
}

TEST(SpaceAllocatorTest, EmptySpaceStartsAgainAtTheBottom) {
  SpaceAllocator space(kBegin, kBegin + kCapacity);
  const auto large = space.Allocate(kCapacity);
  ASSERT_TRUE(large);
  space.FreeUpTo(large->cursor);
  space.ResetHighWater();
  const auto small = space.Allocate(64);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->offset, kBegin);
  EXPECT_EQ(space.high_water(), kBegin + 64);
}

TEST(SpaceAllocatorTest, WrapsOnlyIntoFreedSpace) {
  SpaceAllocator space(kBegin, kBegin + kCapacity);
  const auto a = space.Allocate(512);
  const auto b = space.Allocate(512);
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(space.Allocate(64));
  space.FreeUpTo(a->cursor);
  const auto c = space.Allocate(448);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->offset, kBegin);
  EXPECT_FALSE(space.Allocate(65));
  const auto d = space.Allocate(64);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->offset, kBegin + 448);
  EXPECT_FALSE(space.Allocate(1));
}

TEST(SpaceAllocatorTest, CursorsThatWereNeverHandedOutDoNoHarm) {
  SpaceAllocator space(kBegin, kBegin + kCapacity);
  const auto a = space.Allocate(64);
  const auto b = space.Allocate(64);
  ASSERT_TRUE(a && b);
  space.FreeUpTo(0);
  space.FreeUpTo(a->cursor - 1);
  EXPECT_EQ(space.Allocate(64)->offset, kBegin + 128);
  space.FreeUpTo(UINT64_MAX);
  EXPECT_TRUE(space.empty());
  space.FreeUpTo(UINT64_MAX);
  EXPECT_EQ(space.produced(), 192u);
  EXPECT_TRUE(space.Allocate(kCapacity));
}

TEST(SpaceAllocatorTest, LiveBlocksNeverOverlapUnderRandomUse) {
  struct Live {
    uint64_t begin, end, cursor;
  };
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SeededRandom random(seed);
    SpaceAllocator space(kBegin, kBegin + 16 * kCapacity);
    std::vector<Live> live;
    for (int step = 0; step < 2000; ++step) {
      const uint64_t size_bytes = random.Next() % (seed % 2 == 0 ? 700 : 6000);
      const auto block = space.Allocate(size_bytes);
      if (block) {
        ASSERT_EQ(block->offset % 64, 0u);
        ASSERT_GE(block->offset, kBegin);
        const uint64_t end = block->offset + size_bytes;
        ASSERT_LE(end, kBegin + 16 * kCapacity);
        for (const Live& other : live) {
          ASSERT_TRUE(end <= other.begin || block->offset >= other.end || size_bytes == 0);
        }
        if (size_bytes > 0) live.push_back({block->offset, end, block->cursor});
      }
      if (!live.empty() && (!block || random.Next() % 3 == 0)) {
        const size_t freed = random.Next() % live.size() + 1;
        space.FreeUpTo(live[freed - 1].cursor);
        live.erase(live.begin(), live.begin() + static_cast<ptrdiff_t>(freed));
      }
      ASSERT_EQ(space.empty(), live.empty());
    }
  }
}

}  // namespace
}  // namespace throng::wire
