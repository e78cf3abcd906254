// Answers the requests of an HttpServer by asking the replica that has their host. Everything on
// the loop's thread; the client, the table and the random numbers outlive it.
//
//   Proxy proxy(loop, client, table, random, options);
//   http::HttpServer::Start(loop, fd, {}, [&](auto exchange) { proxy.Handle(std::move(exchange));
//   }); table.Set(...); proxy.OnRoutesChanged(hosts);
//
// A request goes to another replica only when nothing of it was executed: it cannot have been acted
// on (http::CallStage::kNotStarted), or the replica answered 404 and others are left. A host that
// is known but has no replica makes its requests wait, for a bounded time, in a bounded number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/control_limits.h"
#include "base/random.h"
#include "gateway/access_record.h"
#include "gateway/gateway_stats.h"
#include "gateway/route_table.h"
#include "http/async_client.h"
#include "http/server.h"
#include "os/event_loop.h"

namespace throng::gateway {

struct ProxyOptions {
  Duration wait = limits::kGatewayWait;  // for a replica
  size_t max_waiting = limits::kGatewayWaiting;
  size_t max_waiting_bytes = limits::kGatewayWaitingBytes;
  Duration upstream_time = limits::kGatewayUpstreamTime;  // of one attempt
  Duration slow_after = limits::kGatewaySlow;
  std::function<void(std::string_view line)> access_log;  // may be unset
};

class ProxiedRequest;

class Proxy {
 public:
  Proxy(os::EventLoop& loop, http::AsyncClient& client, RouteTable& table, Random& random,
        ProxyOptions options);
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy();

  void Handle(std::shared_ptr<http::Exchange> exchange);
  // Requests that wait look for a replica again.
  void OnRoutesChanged();
  // Those that wait are answered 503 now, and so are those that would.
  void StopWaiting();
  size_t active() const { return requests_.size(); }
  const GatewayStats& stats() const { return stats_; }

 private:
  friend class ProxiedRequest;

  // Least loaded of two that are picked at random, those that could not be reached last. Null: all
  // are in `tried`, or there is none.
  std::shared_ptr<Replica> Choose(const RouteTable::Replicas& replicas,
                                  const std::vector<std::shared_ptr<Replica>>& tried);
  // False: too many wait.
  bool AddWaiting(ProxiedRequest& request, size_t body_bytes);
  void RemoveWaiting(uint64_t number, size_t body_bytes);
  // The request is over: it is destroyed.
  void Remove(ProxiedRequest& request, const AccessRecord& record);
  std::string MakeRequestId();

  os::EventLoop& loop_;
  http::AsyncClient& client_;
  RouteTable& table_;
  Random& random_;
  const ProxyOptions options_;
  GatewayStats stats_;
  std::unordered_map<ProxiedRequest*, std::unique_ptr<ProxiedRequest>> requests_;
  std::map<uint64_t, ProxiedRequest*> waiting_;  // in order of arrival
  uint64_t next_number_ = 0;
  bool stopped_waiting_ = false;
};

}  // namespace throng::gateway
