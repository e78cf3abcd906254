// ObjectWatcher: follows objects of the API: a list, then a watch from its revision, and so on for
// ever (Kubernetes' dialect). When the API is not there, what is known stays as it is, and the API
// is asked again after a back-off with jitter; 503 means "not known yet" and is no empty list.
//
//   ObjectWatcher watcher(loop, client, {.unix_path = socket}, options, random, sink);
//   watcher.Start();
//
// Everything on the loop's thread; no call to the sink after destruction.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "http/async_client.h"
#include "os/event_loop.h"

namespace throng::watch {

using Json = nlohmann::json;

class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // These are all.
  virtual void OnAll(const std::vector<Json>& objects) = 0;
  virtual void OnObject(const Json& object) = 0;
  virtual void OnGone(const Json& object) = 0;
};

struct ObjectWatcherOptions {
  std::string target;  // "/apis/GROUP/VERSION/...?fieldSelector=..."
  // Told when the API goes away (with the reason) and when it is there again (empty).
  std::function<void(std::string_view problem)> on_problem;
};

class ObjectWatcher {
 public:
  ObjectWatcher(os::EventLoop& loop, http::AsyncClient& client, http::ServerAddress api,
                ObjectWatcherOptions options, Random& random, ObjectSink& sink);
  ObjectWatcher(const ObjectWatcher&) = delete;
  ObjectWatcher& operator=(const ObjectWatcher&) = delete;
  ~ObjectWatcher();

  void Start();
  bool synced() const { return synced_; }  // a list was seen since the start
  // Lists and watches that did not work, of all time.
  uint64_t failure_count() const { return failure_count_; }

 private:
  class Consumer;

  void List();
  void OnList(const Result<http::ClientReply>& reply);
  void Watch();
  // Both: false when the watch is over.
  bool OnWatchBytes(std::string_view bytes);
  bool OnLine(std::string_view line);
  void OnWatchEnd(const Status& status);
  void Fail(std::string_view what);
  void Recover();
  void TellRecovery();
  void ListAgain();
  void RunLater(Duration delay, void (ObjectWatcher::*next)());
  void CheckSilence();
  std::string Target(std::string_view parameters) const;

  os::EventLoop& loop_;
  http::AsyncClient& client_;
  const http::ServerAddress api_;
  const ObjectWatcherOptions options_;
  Random& random_;
  ObjectSink& sink_;
  std::unique_ptr<http::AsyncCall> call_;
  os::EventLoop::TimerId timer_ = 0;          // of the next attempt
  os::EventLoop::TimerId silence_timer_ = 0;  // while a watch is open
  std::string resource_version_;
  std::string line_;  // of the watch, not ended yet
  int watch_status_ = 0;
  bool watch_spoke_ = false;
  bool synced_ = false;
  MonotonicTime watch_started_;
  MonotonicTime last_heard_;
  int failures_ = 0;  // in a row
  uint64_t failure_count_ = 0;
  bool has_problem_ = false;  // and it was told
};

}  // namespace throng::watch
