#include "wire/ring_allocator.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"

namespace throng::wire {
namespace {

constexpr uint64_t kBegin = 4096;
constexpr uint64_t kCapacity = 1024;

TEST(RingAllocatorTest, HandsOutAlignedBlocksInOrder) {
  RingAllocator ring(kBegin, kBegin + kCapacity);
  const auto first = ring.Allocate(1);
  const auto second = ring.Allocate(65);
  const auto third = ring.Allocate(64);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(first->offset, kBegin);
  EXPECT_EQ(second->offset, kBegin + 64);
  EXPECT_EQ(third->offset, kBegin + 192);
  EXPECT_EQ(ring.produced(), 256u);
  EXPECT_EQ(third->cursor, 256u);
}

TEST(RingAllocatorTest, FitsItsCapacityExactlyAndNoByteMore) {
  RingAllocator ring(kBegin, kBegin + kCapacity);
  EXPECT_FALSE(ring.Allocate(kCapacity + 1));
  EXPECT_FALSE(ring.Allocate(UINT64_MAX));
  const auto all = ring.Allocate(kCapacity);
  ASSERT_TRUE(all);
  EXPECT_FALSE(ring.Allocate(1));
  ring.FreeUpTo(all->cursor);
  EXPECT_TRUE(ring.Allocate(kCapacity - 1));
}

TEST(RingAllocatorTest, OddBoundsShrinkToWholeLines) {
  RingAllocator ring(kBegin + 1, kBegin + 191);
  const auto only = ring.Allocate(64);
  ASSERT_TRUE(only);
  EXPECT_EQ(only->offset, kBegin + 64);
  EXPECT_FALSE(ring.Allocate(1));
  RingAllocator none(kBegin + 1, kBegin + 2);
  EXPECT_FALSE(none.Allocate(1));
}

TEST(RingAllocatorTest, EmptyBlockOccupiesNothing) {
  RingAllocator ring(kBegin, kBegin + kCapacity);
  const auto full = ring.Allocate(kCapacity);
  ASSERT_TRUE(full);
  const auto empty = ring.Allocate(0);
  ASSERT_TRUE(empty);
  EXPECT_GE(empty->offset, kBegin);
  EXPECT_EQ(empty->cursor, full->cursor);
  ring.FreeUpTo(empty->cursor);
  EXPECT_TRUE(ring.empty());
}

TEST(RingAllocatorTest, TwoBlocksInTurnTouchTwoBlocksOfSpace) {
  RingAllocator ring(kBegin, kBegin + 64 * kCapacity);
  auto previous = ring.Allocate(kCapacity);
  ASSERT_TRUE(previous);
  for (int i = 0; i < 1000; ++i) {
    const auto next = ring.Allocate(kCapacity);
    ASSERT_TRUE(next);
    ring.FreeUpTo(previous->cursor);
    previous = next;
  }
  EXPECT_EQ(ring.high_water(), kBegin + 2 * kCapacity);
}

TEST(RingAllocatorTest, EmptyRingStartsAgainAtTheBottom) {
  RingAllocator ring(kBegin, kBegin + kCapacity);
  const auto large = ring.Allocate(kCapacity);
  ASSERT_TRUE(large);
  ring.FreeUpTo(large->cursor);
  ring.ResetHighWater();
  const auto small = ring.Allocate(64);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->offset, kBegin);
  EXPECT_EQ(ring.high_water(), kBegin + 64);
}

TEST(RingAllocatorTest, WrapsOnlyIntoFreedSpace) {
  RingAllocator ring(kBegin, kBegin + kCapacity);
  const auto a = ring.Allocate(512);
  const auto b = ring.Allocate(512);
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(ring.Allocate(64));
  ring.FreeUpTo(a->cursor);
  const auto c = ring.Allocate(448);
  ASSERT_TRUE(c);
  EXPECT_EQ(c->offset, kBegin);
  EXPECT_FALSE(ring.Allocate(65));
  const auto d = ring.Allocate(64);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->offset, kBegin + 448);
  EXPECT_FALSE(ring.Allocate(1));
}

TEST(RingAllocatorTest, CursorsThatWereNeverHandedOutDoNoHarm) {
  RingAllocator ring(kBegin, kBegin + kCapacity);
  const auto a = ring.Allocate(64);
  const auto b = ring.Allocate(64);
  ASSERT_TRUE(a && b);
  ring.FreeUpTo(0);
  ring.FreeUpTo(a->cursor - 1);
  EXPECT_EQ(ring.Allocate(64)->offset, kBegin + 128);
  ring.FreeUpTo(UINT64_MAX);
  EXPECT_TRUE(ring.empty());
  ring.FreeUpTo(UINT64_MAX);
  EXPECT_EQ(ring.produced(), 192u);
  EXPECT_TRUE(ring.Allocate(kCapacity));
}

TEST(RingAllocatorTest, LiveBlocksNeverOverlapUnderRandomUse) {
  struct Live {
    uint64_t begin, end, cursor;
  };
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    SeededRandom random(seed);
    RingAllocator ring(kBegin, kBegin + 16 * kCapacity);
    std::vector<Live> live;
    for (int step = 0; step < 2000; ++step) {
      const uint64_t size_bytes = random.Next() % (seed % 2 == 0 ? 700 : 6000);
      const auto block = ring.Allocate(size_bytes);
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
        ring.FreeUpTo(live[freed - 1].cursor);
        live.erase(live.begin(), live.begin() + static_cast<ptrdiff_t>(freed));
      }
      ASSERT_EQ(ring.empty(), live.empty());
    }
  }
}

}  // namespace
}  // namespace throng::wire
