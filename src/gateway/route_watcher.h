// Follows the GatewayRoutes of the API: a list, then a watch from its revision, and so on for ever.
// When the API is not there, what is known stays as it is, and the API is asked again after a
// back-off with jitter. Everything on the loop's thread; no call to the sink after destruction.
//
//   RouteWatcher watcher(loop, client, {.unix_path = state + "/api.sock"}, random, logger, sink);
//   watcher.Start();
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "gateway/route_codec.h"
#include "http/async_client.h"
#include "os/event_loop.h"

namespace throng::gateway {

class RouteSink {
 public:
  virtual ~RouteSink() = default;
  // These are all.
  virtual void OnAllRoutes(std::vector<RouteSpec> routes) = 0;
  virtual void OnRoute(RouteSpec route) = 0;
  virtual void OnRouteGone(const std::string& name) = 0;
};

struct RouteWatcherStats {
  uint64_t lists = 0;
  uint64_t watches = 0;
  uint64_t events = 0;
  uint64_t failures = 0;
  bool synced = false;  // a list was seen since the start
};

class RouteWatcher {
 public:
  RouteWatcher(os::EventLoop& loop, http::AsyncClient& client, http::ServerAddress api,
               Random& random, const Logger& logger, RouteSink& sink);
  RouteWatcher(const RouteWatcher&) = delete;
  RouteWatcher& operator=(const RouteWatcher&) = delete;
  ~RouteWatcher();

  void Start();
  const RouteWatcherStats& stats() const { return stats_; }

 private:
  class Consumer;

  void List();
  void OnList(const Result<http::ClientReply>& reply);
  void Watch();
  void OnWatchHead(int status);
  // False: the watch is over.
  bool OnWatchBytes(std::string_view bytes);
  bool OnLine(std::string_view line);
  void OnWatchEnd(const Status& status);
  void Fail(std::string_view what);
  void Recover();
  void ListAgain();
  void RunLater(Duration delay, void (RouteWatcher::*next)());
  void CheckSilence();
  Duration BackOff();
  void Tell(const std::string& problem);

  os::EventLoop& loop_;
  http::AsyncClient& client_;
  const http::ServerAddress api_;
  Random& random_;
  const Logger& logger_;
  RouteSink& sink_;
  RouteWatcherStats stats_;

  std::unique_ptr<http::AsyncCall> call_;
  os::EventLoop::TimerId timer_ = 0;          // of the next attempt
  os::EventLoop::TimerId silence_timer_ = 0;  // while a watch is open
  std::string resource_version_;
  std::string line_;  // of the watch, not ended yet
  int watch_status_ = 0;
  bool watch_spoke_ = false;
  MonotonicTime watch_started_;
  MonotonicTime last_heard_;
  int failures_ = 0;  // in a row
};

}  // namespace throng::gateway
