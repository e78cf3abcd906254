#include "wire/ring_allocator.h"

#include <algorithm>

namespace throng::wire {
namespace {

constexpr uint64_t kAlignmentBytes = 64;  // a cache line, and the widest vector load

constexpr uint64_t AlignDown(uint64_t value) { return value & ~(kAlignmentBytes - 1); }
constexpr uint64_t AlignUp(uint64_t value) { return AlignDown(value + kAlignmentBytes - 1); }

}  // namespace

RingAllocator::RingAllocator(uint64_t begin, uint64_t end)
    : begin_(AlignUp(begin)),
      end_(std::max(AlignDown(end), AlignUp(begin))),
      soft_end_(begin_),
      high_water_(begin_) {}

// The used space is one run [front, back], or wrapped: [front, soft end) and [begin, back].
std::optional<RingAllocator::Block> RingAllocator::Allocate(uint64_t size_bytes) {
  if (size_bytes == 0) return Block{begin_, produced_};
  if (size_bytes > end_ - begin_) return std::nullopt;
  const uint64_t used_bytes = AlignUp(size_bytes);
  uint64_t offset = begin_;
  if (blocks_.empty()) {
    soft_end_ = begin_ + used_bytes;
  } else {
    const uint64_t first = blocks_.front().offset;
    const uint64_t next = blocks_.back().offset + blocks_.back().size_bytes;
    const bool wrapped = blocks_.back().offset < first;
    if (next + used_bytes <= (wrapped ? first : soft_end_)) {
      offset = next;
    } else if (wrapped) {
      return std::nullopt;
    } else if (begin_ + used_bytes > first) {
      if (next + used_bytes > end_) return std::nullopt;
      offset = next;
      soft_end_ = next + used_bytes;
    }
  }
  produced_ += used_bytes;
  blocks_.push_back({offset, used_bytes, produced_});
  high_water_ = std::max(high_water_, offset + used_bytes);
  return Block{offset, produced_};
}

void RingAllocator::FreeUpTo(uint64_t cursor) {
  while (!blocks_.empty() && blocks_.front().cursor <= cursor) blocks_.pop_front();
}

}  // namespace throng::wire
