// KeyQueue: one write at a time for each record. A read-modify-write waits until the write before
// it is durable, so that it never works on what has been replaced; writes of different records go
// on beside each other, and become durable together.
//
//   queue.Run(key, [](KeyQueue::Turn turn) { ... });  // the turn ends when the last copy goes away
//
// Owned by the registry; turns may outlive it. Everything on the executor.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "base/executor.h"
#include "base/unique_function.h"
#include "store/record_store.h"

namespace throng::kube::server {

class KeyQueue {
 public:
  using Turn = std::shared_ptr<void>;
  using Task = UniqueFunction<void(Turn)>;

  explicit KeyQueue(Executor& executor) : state_(std::make_shared<State>(executor)) {}

  // Runs the task now when nothing else works on the key, else after what came before it.
  void Run(const store::RecordKey& key, Task task) {
    std::deque<Task>& waiting = state_->waiting[key];
    waiting.push_back(std::move(task));
    ++state_->count;
    if (waiting.size() == 1) Start(state_, key);
  }
  // Writes that run or wait.
  size_t size() const { return state_->count; }

 private:
  struct State {
    explicit State(Executor& on) : executor(on) {}
    Executor& executor;
    std::map<store::RecordKey, std::deque<Task>> waiting;  // the first one runs
    size_t count = 0;
  };

  static void Start(const std::shared_ptr<State>& state, const store::RecordKey& key) {
    Task task = std::move(state->waiting[key].front());
    task(Turn(nullptr, [weak = std::weak_ptr<State>(state), key](std::nullptr_t) {
      if (const auto still = weak.lock()) Finish(still, key);
    }));
  }
  static void Finish(const std::shared_ptr<State>& state, const store::RecordKey& key) {
    const auto found = state->waiting.find(key);
    found->second.pop_front();
    --state->count;
    if (found->second.empty()) {
      state->waiting.erase(found);
      return;
    }
    // Posted: refusals that answer at once would else pile up on the stack.
    state->executor.Post([weak = std::weak_ptr<State>(state), key] {
      if (const auto still = weak.lock()) Start(still, key);
    });
  }

  std::shared_ptr<State> state_;
};

}  // namespace throng::kube::server
