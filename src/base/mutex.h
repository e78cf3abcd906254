// A mutex that clang's -Wthread-safety can check (std::mutex alone is not checked).
#pragma once

#include <mutex>

#if defined(__clang__)
#define THRONG_CAPABILITY(x) __attribute__((capability(x)))
#define THRONG_SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define THRONG_GUARDED_BY(x) __attribute__((guarded_by(x)))
#define THRONG_ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define THRONG_RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define THRONG_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#else
#define THRONG_CAPABILITY(x)
#define THRONG_SCOPED_CAPABILITY
#define THRONG_GUARDED_BY(x)
#define THRONG_ACQUIRE(...)
#define THRONG_RELEASE(...)
#define THRONG_REQUIRES(...)
#endif

namespace throng {

class THRONG_CAPABILITY("mutex") Mutex {
 public:
  void Lock() THRONG_ACQUIRE() { mutex_.lock(); }
  void Unlock() THRONG_RELEASE() { mutex_.unlock(); }
  // For std::condition_variable_any.
  void lock() THRONG_ACQUIRE() { mutex_.lock(); }
  void unlock() THRONG_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class THRONG_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) THRONG_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() THRONG_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace throng
