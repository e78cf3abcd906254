// The timers of one event loop: a binary heap over slots, so that a cancelled timer goes away at
// once. Equal times fire in the order in which they were started. Not thread-safe: it belongs to
// its loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/executor.h"

namespace throng::os {

class TimerHeap {
 public:
  using Task = Executor::Task;
  using TimerId = Executor::TimerId;

  // Never 0.
  TimerId Add(MonotonicTime when, Task task);
  // False when it already fired or was cancelled.
  bool Cancel(TimerId timer);
  // Nothing when there are no timers.
  std::optional<MonotonicTime> NextTime() const;
  // Takes the earliest timer that is due at `now`; an empty task when none is.
  Task TakeDue(MonotonicTime now);
  size_t size() const { return heap_.size(); }

 private:
  struct Slot {
    MonotonicTime when;
    uint64_t sequence = 0;
    uint32_t generation = 1;  // told apart from earlier users of the slot
    uint32_t heap_index = 0;
    Task task;
  };

  bool Earlier(uint32_t slot_a, uint32_t slot_b) const;
  void Place(size_t heap_index, uint32_t slot);
  void SiftUp(size_t heap_index);
  void SiftDown(size_t heap_index);
  Task RemoveAt(size_t heap_index);

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<uint32_t> heap_;  // slot numbers
  uint64_t next_sequence_ = 0;
};

}  // namespace throng::os
