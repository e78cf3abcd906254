#include "os/thread_pool.h"

#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "os/process.h"

namespace throng::os {

struct ThreadPool::State {
  Mutex mutex;
  std::condition_variable_any changed;
  std::deque<UniqueFunction<void()>> queue THRONG_GUARDED_BY(mutex);
  bool stopping THRONG_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;

  // An empty function when the pool stops and nothing is left.
  UniqueFunction<void()> Take() {
    MutexLock lock(mutex);
    while (queue.empty() && !stopping) changed.wait(mutex);
    if (queue.empty()) return {};
    UniqueFunction<void()> work = std::move(queue.front());
    queue.pop_front();
    return work;
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_shared<State>()) {
  for (int i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] {
      // Where the kernel refuses, the event loops wait for a core a little longer.
      (void)SetUrgency(kThisThread, Urgency::kBackground);
      while (UniqueFunction<void()> work = state->Take()) work();
    });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void ThreadPool::Post(UniqueFunction<void()> work) {
  {
    MutexLock lock(state_->mutex);
    state_->queue.push_back(std::move(work));
  }
  state_->changed.notify_one();
}

}  // namespace throng::os
