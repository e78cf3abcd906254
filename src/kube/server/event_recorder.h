// Events ("kubectl get events"): EventRecorder writes them for controllers, EventKeeper lets the
// old ones go. The same thing said again about the same object is one event that counts. Recording
// never fails and never waits: what cannot be written is lost, and an object that is talked about
// too much (25 at once, then one in five minutes, as Kubernetes' own recorders) is not heard.
//
//   EventKeeper keeper(executor, registry);
//   keeper.Start();
//   EventRecorder recorder(executor, random, registry, "inferenceservice-controller");
//   recorder.Record(service, EventType::kWarning, "ProgressDeadlineExceeded", "not ready after
//   120s");
//
// Everything on the executor; the objects must outlive both.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/control_limits.h"
#include "base/executor.h"
#include "base/random.h"
#include "kube/objects.h"

namespace throng::kube::server {

enum class EventType : uint8_t { kNormal, kWarning };

class EventRecorder {
 public:
  EventRecorder(Executor& executor, Random& random, Objects& objects, std::string component);

  void Record(const Json& object, EventType type, std::string_view reason,
              std::string_view message);

 private:
  // What was said, how often, and which event tells it.
  struct Series {
    std::string name_space;
    std::string name;  // empty: not written yet
    Json event;
    uint64_t unwritten_count = 0;
    bool is_writing = false;
    MonotonicTime last;
  };
  struct Bucket {
    double tokens = 0;
    MonotonicTime last;
  };

  bool TakeToken(const std::string& uid);
  Json MakeEvent(const Json& object, EventType type, std::string_view reason,
                 std::string_view message) const;
  void Write(const std::string& key);
  void WriteAgain(const std::string& key, Series& series);
  void Written(const std::string& key, bool ok, bool is_gone);
  void ForgetOld();

  Executor& executor_;
  Random& random_;
  Objects& objects_;
  const std::string component_;
  std::map<std::string, Series> series_;
  std::unordered_map<std::string, Bucket> buckets_;  // by the uid of the object
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
};

// Deletes events that are older than limits::kEventTimeToLive, and the oldest ones beyond
// `most`. One for all recorders.
class EventKeeper {
 public:
  EventKeeper(Executor& executor, Objects& objects, size_t most = limits::kEvents);
  ~EventKeeper();
  void Start();

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, name
  void Seen(EventKind kind, const Json& event);
  void Sweep();
  // What is too old, and what is too much; a bounded number of writes at once.
  void DeleteOld();
  void DeleteOne(const Key& key);

  Executor& executor_;
  Objects& objects_;
  const size_t most_;
  std::unique_ptr<ObjectWatch> watch_;
  std::map<Key, std::string> times_;               // of the last occurrence
  std::set<std::pair<std::string, Key>> by_time_;  // timestamps sort as texts
  std::set<Key> deleting_;                         // on their way; known until they are gone
  std::string eldest_;                             // at the last sweep: older ones are to go
  Executor::TimerId timer_ = 0;
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
};

}  // namespace throng::kube::server
