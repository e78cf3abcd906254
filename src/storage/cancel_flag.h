// CancelFlag: how a fetch that blocks on helper threads is told to stop, and how it waits between
// attempts without sleeping through that. Owned by whoever started the fetch; it must outlive it.
// Thread-safe. It stays cancelled.
//
//   CancelFlag cancel;
//   pool.Post([&] { outcome = fetcher.Fetch({.uri = ..., .cancel = &cancel}); });
//   cancel.Cancel();  // the fetch ends within about a second, with nothing left behind
#pragma once

#include <atomic>
#include <condition_variable>

#include "base/clock.h"
#include "base/mutex.h"

namespace throng::storage {

class CancelFlag {
 public:
  void Cancel() {
    {
      const MutexLock lock(mutex_);
      cancelled_.store(true);
    }
    changed_.notify_all();
  }
  bool cancelled() const { return cancelled_.load(); }

  // Returns early, with true, when cancelled.
  bool WaitFor(Duration duration) {
    std::unique_lock<Mutex> lock(mutex_);
    return changed_.wait_for(lock, duration, [this] { return cancelled_.load(); });
  }

 private:
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace throng::storage
