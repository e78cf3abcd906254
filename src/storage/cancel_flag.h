// CancelFlag: how a fetch that blocks on helper threads is told to stop, and how it waits between
// attempts without sleeping through that. Owned by whoever started the fetch; it must outlive it.
// Thread-safe. It stays cancelled.
//
//   CancelFlag cancel;
//   pool.Post([&] { outcome = fetcher.Fetch({.uri = ..., .cancel = &cancel}); });
//   cancel.Cancel();  // the fetch ends within about a second, with nothing left behind
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>

#include "base/clock.h"
#include "base/mutex.h"

namespace throng::storage {

class CancelFlag {
 public:
  // Cancelled as well when `parent` is, which outlives it.
  explicit CancelFlag(const CancelFlag* parent = nullptr) : parent_(parent) {}

  void Cancel() {
    {
      const MutexLock lock(mutex_);
      cancelled_.store(true);
    }
    changed_.notify_all();
  }
  bool cancelled() const {
    return cancelled_.load() || (parent_ != nullptr && parent_->cancelled());
  }

  // Returns early, with true, when cancelled.
  bool WaitFor(Duration duration) {
    constexpr std::chrono::milliseconds kStep{100};  // a parent does not wake its children
    const MutexLock lock(mutex_);
    while (duration > Duration::zero() && !cancelled()) {
      const Duration step = std::min<Duration>(duration, kStep);
      changed_.wait_for(mutex_, step, [this] { return cancelled(); });
      duration -= step;
    }
    return cancelled();
  }

 private:
  const CancelFlag* const parent_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace throng::storage
