// The ingress of one machine, put together: an HttpServer for clients, the table of routes followed
// over the API's Unix socket, the replicas behind it, the file of last known routes (with which it
// starts and serves when there is no API), an admin page. On one event loop.
//
//   auto gateway = Gateway::Create(loop, {.listener = fd, .api_socket = state + "/api.sock",
//                                         .routes_file = state + "/gateway/routes.json",
//                                         .random = &random, .logger = &logger});
//   loop.Run();
//   (*gateway)->Stop([&] { loop.Stop(); });
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/control_limits.h"
#include "base/log.h"
#include "base/random.h"
#include "base/status.h"
#include "gateway/access_log.h"
#include "gateway/gateway_stats.h"
#include "gateway/proxy.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/file.h"

namespace throng::gateway {

struct GatewayOptions {
  int listener = -1;        // of clients; not owned
  int admin_listener = -1;  // /metrics, /livez, /readyz; -1: none
  std::string api_socket;   // empty: the file alone says what there is
  std::string routes_file;  // empty: none is read or written
  // These outlive the gateway; the first two are needed.
  Random* random = nullptr;
  const Logger* logger = nullptr;
  os::FileSystem* files = nullptr;        // null: the real one
  ProxyOptions proxy;                     // with the sink of the access log
  const AccessLog* access_log = nullptr;  // for its figures; null: there is none
  http::ServerOptions server;             // of clients
  Duration drain = limits::kGatewayDrain;
};

class Gateway {
 public:
  // A routes file that is not there or cannot be read is no failure. ERRORS: as HttpServer::Start.
  static Result<std::unique_ptr<Gateway>> Create(os::EventLoop& loop, GatewayOptions options);
  virtual ~Gateway() = default;

  // Takes no more connections, answers what is there, and calls back: when all is done, or when
  // the time to drain is over and the rest was cut off. Requests that wait for a replica are
  // answered 503 at once.
  virtual void Stop(std::function<void()> done) = 0;

  virtual const GatewayStats& stats() const = 0;
  virtual GatewayInventory inventory() const = 0;
};

}  // namespace throng::gateway
