#include "os/timer_heap.h"

#include <utility>

namespace throng::os {

TimerHeap::TimerId TimerHeap::Add(MonotonicTime when, Task task) {
  uint32_t slot = 0;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  slots_[slot].when = when;
  slots_[slot].sequence = next_sequence_++;
  slots_[slot].task = std::move(task);
  heap_.push_back(slot);
  SiftUp(heap_.size() - 1);
  return (static_cast<uint64_t>(slots_[slot].generation) << 32) | slot;
}

bool TimerHeap::Cancel(TimerId timer) {
  const auto slot = static_cast<uint32_t>(timer);
  const auto generation = static_cast<uint32_t>(timer >> 32);
  if (generation == 0 || slot >= slots_.size()) return false;
  if (slots_[slot].generation != generation) return false;
  RemoveAt(slots_[slot].heap_index);
  return true;
}

std::optional<MonotonicTime> TimerHeap::NextTime() const {
  if (heap_.empty()) return std::nullopt;
  return slots_[heap_.front()].when;
}

TimerHeap::Task TimerHeap::TakeDue(MonotonicTime now) {
  if (heap_.empty() || slots_[heap_.front()].when > now) return Task();
  return RemoveAt(0);
}

bool TimerHeap::Earlier(uint32_t slot_a, uint32_t slot_b) const {
  const Slot& a = slots_[slot_a];
  const Slot& b = slots_[slot_b];
  return a.when != b.when ? a.when < b.when : a.sequence < b.sequence;
}

void TimerHeap::Place(size_t heap_index, uint32_t slot) {
  heap_[heap_index] = slot;
  slots_[slot].heap_index = static_cast<uint32_t>(heap_index);
}

void TimerHeap::SiftUp(size_t heap_index) {
  const uint32_t slot = heap_[heap_index];
  while (heap_index > 0) {
    const size_t parent = (heap_index - 1) / 2;
    if (!Earlier(slot, heap_[parent])) break;
    Place(heap_index, heap_[parent]);
    heap_index = parent;
  }
  Place(heap_index, slot);
}

void TimerHeap::SiftDown(size_t heap_index) {
  const uint32_t slot = heap_[heap_index];
  while (true) {
    size_t child = 2 * heap_index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && Earlier(heap_[child + 1], heap_[child])) ++child;
    if (!Earlier(heap_[child], slot)) break;
    Place(heap_index, heap_[child]);
    heap_index = child;
  }
  Place(heap_index, slot);
}

TimerHeap::Task TimerHeap::RemoveAt(size_t heap_index) {
  const uint32_t slot = heap_[heap_index];
  const uint32_t last = heap_.back();
  heap_.pop_back();
  if (heap_index < heap_.size()) {
    Place(heap_index, last);
    SiftUp(heap_index);
    SiftDown(slots_[last].heap_index);
  }
  if (++slots_[slot].generation == 0) slots_[slot].generation = 1;
  free_slots_.push_back(slot);
  return std::exchange(slots_[slot].task, Task());
}

}  // namespace throng::os
