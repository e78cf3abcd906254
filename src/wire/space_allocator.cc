#include "wire/space_allocator.h"

#include <algorithm>

namespace throng::wire {
namespace {

constexpr uint64_t kAlignmentBytes = 64;  // a cache line, and the widest vector load

constexpr uint64_t AlignDown(uint64_t value) { return value & ~(kAlignmentBytes - 1); }
constexpr uint64_t AlignUp(uint64_t value) { return AlignDown(value + kAlignmentBytes - 1); }

}  // namespace

SpaceAllocator::SpaceAllocator(uint64_t begin, uint64_t end)
    : begin_(AlignUp(begin)), end_(std::max(AlignDown(end), AlignUp(begin))), high_water_(begin_) {}

std::optional<SpaceAllocator::Block> SpaceAllocator::Allocate(uint64_t size_bytes) {
  if (size_bytes == 0) return Block{begin_, produced_};
  if (size_bytes > end_ - begin_) return std::nullopt;
  const uint64_t used_bytes = AlignUp(size_bytes);
  uint64_t offset = begin_;
  auto next = blocks_.begin();
  while (next != blocks_.end() && next->offset - offset < used_bytes) {
    offset = next->offset + next->size_bytes;
    ++next;
  }
  if (next == blocks_.end() && end_ - offset < used_bytes) return std::nullopt;
  produced_ += used_bytes;
  blocks_.insert(next, {offset, used_bytes, produced_});
  high_water_ = std::max(high_water_, offset + used_bytes);
  return Block{offset, produced_};
}

void SpaceAllocator::FreeUpTo(uint64_t cursor) {
  std::erase_if(blocks_, [cursor](const Used& block) { return block.cursor <= cursor; });
}

}  // namespace throng::wire
