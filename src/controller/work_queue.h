// WorkQueue: keys of objects that are to be looked at. A key is worked on by one at a time; added
// again meanwhile it is worked on once more afterwards. A failure comes again after a back-off that
// doubles; success forgets it. (client-go's rules, with a cap of 30 s instead of 1000.)
//
//   WorkQueue queue(executor, {}, [](const ObjectKey& key, WorkQueue::Finished finished) {
//     finished(Requeue{});
//   });
//   queue.Add({"default", "cifar10"});
//
// Owned by a controller; everything on one executor. `finished` may be called from inside the work.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/executor.h"
#include "base/status.h"

namespace throng::controller {

struct ObjectKey {
  std::string name_space;
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
};

// Look at it again after `after`; 0: when something changes.
struct Requeue {
  Duration after{0};
};

struct WorkQueueOptions {
  Duration first_delay = std::chrono::milliseconds(5);
  Duration longest_delay = std::chrono::seconds(30);
  size_t max_working = 64;  // keys that are worked on beside each other
};

class WorkQueue {
 public:
  using Finished = Done<Result<Requeue>>;
  using Work = std::function<void(const ObjectKey&, Finished)>;

  // `on_failure` hears of every failure (logs).
  WorkQueue(Executor& executor, WorkQueueOptions options, Work work,
            std::function<void(const ObjectKey&, const Status&)> on_failure);
  ~WorkQueue();

  void Add(const ObjectKey& key);
  void AddAfter(const ObjectKey& key, Duration delay);
  size_t size() const;  // waiting or worked on

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace throng::controller
