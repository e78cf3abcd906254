// SpaceAllocator: first-in-first-out space in an arena that two processes map. One side allocates
// (front door: inputs; cell: outputs), in the order in which the other side finishes.
//
// It hands out the lowest free space that fits, so a quiet cell touches few pages of a large sparse
// arena, and a busy one is never full while there is room anywhere. Cursors count allocated bytes
// for ever and never wrap. Few blocks are in use at a time, so it looks through all of them. Not
// thread-safe.
//
//   SpaceAllocator space(kArenaDataOffset, arena_bytes);
//   std::optional<Block> block = space.Allocate(12288);   // nothing: wait for Free
//   ...                                                  // other side is done up to block->cursor
//   space.FreeUpTo(block->cursor);
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace throng::wire {

class SpaceAllocator {
 public:
  struct Block {
    uint64_t offset = 0;  // in the arena; 64-byte aligned
    uint64_t cursor = 0;  // pass it to FreeUpTo when done with this block and all before it
  };

  // Hands out [begin, end) of the arena.
  SpaceAllocator(uint64_t begin, uint64_t end);

  // Zero bytes are allowed (a block that occupies nothing). Nothing: not enough space until more is
  // freed, or ever (size_bytes > capacity).
  std::optional<Block> Allocate(uint64_t size_bytes);
  // Frees every block whose cursor is at most `cursor`. A cursor never handed out frees nothing
  // beyond what was.
  void FreeUpTo(uint64_t cursor);

  uint64_t produced() const { return produced_; }
  bool empty() const { return blocks_.empty(); }
  // Largest offset ever in use since the last ResetHighWater: what trimming may give back.
  uint64_t high_water() const { return high_water_; }
  void ResetHighWater() { high_water_ = begin_; }

 private:
  struct Used {
    uint64_t offset, size_bytes, cursor;
  };
  const uint64_t begin_, end_;
  uint64_t produced_ = 0;
  uint64_t high_water_;
  std::vector<Used> blocks_;  // by offset
};

}  // namespace throng::wire
