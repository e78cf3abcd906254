#include "gateway/gateway.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/kill_point.h"
#include "gateway/route_codec.h"
#include "gateway/route_file.h"
#include "watch/object_watcher.h"

namespace throng::gateway {
namespace {

constexpr char kRoutesTarget[] = "/apis/throng.dev/v1alpha1/gatewayroutes";
// How often a drain looks whether it is done.
constexpr std::chrono::milliseconds kDrainCheck{20};

http::AsyncClientOptions ReplicaClientOptions() {
  http::AsyncClientOptions options;
  // As many as were needed at once are kept: a connection costs more than it holds.
  options.max_idle_connections_per_address = options.max_connections_per_address;
  return options;
}

http::AsyncClientOptions ApiClientOptions() {
  http::AsyncClientOptions options;
  options.max_reply_bytes = limits::kRouteListBytes;
  return options;
}

class LoopGateway final : public Gateway, public watch::ObjectSink {
 public:
  LoopGateway(os::EventLoop& loop, GatewayOptions options);
  ~LoopGateway() override;

  Status Start();
  void Stop(std::function<void()> done) override;
  const GatewayStats& stats() const override { return proxy_.stats(); }
  GatewayInventory inventory() const override;

  void OnAll(const std::vector<watch::Json>& objects) override;
  void OnObject(const watch::Json& object) override;
  void OnGone(const watch::Json& object) override;

 private:
  void OnApi(std::string_view problem);
  void Tell(const Status& problem);
  void OnChange(const RouteTable::Change& change);
  void HandleAdmin(http::Exchange& exchange);
  bool IsReady() const;
  void CheckDrained();

  os::EventLoop& loop_;
  const GatewayOptions options_;
  const Logger& logger_;
  RouteTable table_;
  std::unique_ptr<http::AsyncClient> replicas_;
  std::unique_ptr<http::AsyncClient> api_;
  std::unique_ptr<RouteFile> file_;
  Proxy proxy_;
  std::unique_ptr<watch::ObjectWatcher> watcher_;
  std::unique_ptr<http::HttpServer> server_;
  std::unique_ptr<http::HttpServer> admin_;
  bool has_old_routes_ = false;  // of the file

  std::function<void()> on_stopped_;
  MonotonicTime drain_deadline_;
  os::EventLoop::TimerId drain_timer_ = 0;
};

LoopGateway::LoopGateway(os::EventLoop& loop, GatewayOptions options)
    : loop_(loop),
      options_(std::move(options)),
      logger_(*options_.logger),
      replicas_(http::AsyncClient::Create(loop, ReplicaClientOptions())),
      api_(http::AsyncClient::Create(loop, ApiClientOptions())),
      proxy_(loop, *replicas_, table_, *options_.random, options_.proxy) {}

LoopGateway::~LoopGateway() {
  loop_.CancelTimer(drain_timer_);
  server_.reset();
  admin_.reset();
}

Status LoopGateway::Start() {
  if (!options_.routes_file.empty()) {
    os::FileSystem& files = options_.files == nullptr ? os::RealFileSystem() : *options_.files;
    file_ = std::make_unique<RouteFile>(loop_, files, options_.routes_file, logger_,
                                        [this] { return table_.Routes(); });
    std::vector<RouteSpec> routes = file_->Read();
    has_old_routes_ = !routes.empty();
    const RouteTable::Change change = table_.ReplaceAll(std::move(routes));
    if (change.changed) {
      THRONG_LOG_INFO(logger_) << "begins with the " << table_.size() << " last known routes";
    }
  }
  THRONG_ASSIGN_OR_RETURN(server_,
                          http::HttpServer::Start(loop_, options_.listener, options_.server,
                                                  [this](std::shared_ptr<http::Exchange> exchange) {
                                                    proxy_.Handle(std::move(exchange));
                                                  }));
  if (options_.admin_listener >= 0) {
    THRONG_ASSIGN_OR_RETURN(
        admin_, http::HttpServer::Start(loop_, options_.admin_listener, {},
                                        [this](const std::shared_ptr<http::Exchange>& exchange) {
                                          HandleAdmin(*exchange);
                                        }));
  }
  if (options_.api_socket.empty()) return OkStatus();
  watcher_ = std::make_unique<watch::ObjectWatcher>(
      loop_, *api_, http::ServerAddress{.unix_path = options_.api_socket},
      watch::ObjectWatcherOptions{
          .target = kRoutesTarget,
          .on_problem = [this](std::string_view problem) { OnApi(problem); }},
      *options_.random, *this);
  watcher_->Start();
  return OkStatus();
}

// --- Routes -------------------------------------------------------------------------------

void LoopGateway::OnAll(const std::vector<watch::Json>& objects) {
  std::vector<RouteSpec> routes;
  routes.reserve(objects.size());
  for (const watch::Json& object : objects) {
    Result<RouteSpec> route = ParseRoute(object);
    if (route.ok()) {
      routes.push_back(std::move(*route));
    } else {
      Tell(route.status());
    }
  }
  KillPoint("gateway.routes.read");
  OnChange(table_.ReplaceAll(std::move(routes)));
}

// One that cannot be understood keeps its last good form.
void LoopGateway::OnObject(const watch::Json& object) {
  Result<RouteSpec> route = ParseRoute(object);
  if (!route.ok()) return Tell(route.status());
  OnChange(table_.Set(std::move(*route)));
}

void LoopGateway::OnGone(const watch::Json& object) {
  RouteTable::Change change;
  change.changed = table_.Remove(RouteNameOf(object));
  OnChange(change);
}

void LoopGateway::Tell(const Status& problem) {
  THRONG_LOG_WARNING(logger_) << "a route is left out: " << problem.message();
}

void LoopGateway::OnApi(std::string_view problem) {
  if (problem.empty()) {
    THRONG_LOG_INFO(logger_) << "routes follow the API again";
  } else {
    THRONG_LOG_WARNING(logger_) << "routes stay as they are while the API is away: " << problem;
  }
}

void LoopGateway::OnChange(const RouteTable::Change& change) {
  for (const HostConflict& conflict : change.conflicts) {
    THRONG_LOG_WARNING(logger_) << "host " << EscapeForLog(conflict.host) << " of "
                                << EscapeForLog(conflict.refused) << " stays with "
                                << EscapeForLog(conflict.holder);
  }
  if (change.refused) {
    THRONG_LOG_WARNING(logger_) << "there are more than " << limits::kGatewayRoutes
                                << " routes: the newest are left out";
  }
  if (!change.changed) return;
  if (file_ != nullptr) file_->Save();
  proxy_.OnRoutesChanged();
}

// --- The admin page -------------------------------------------------------------------------

GatewayInventory LoopGateway::inventory() const {
  GatewayInventory inventory;
  inventory.routes = table_.size();
  if (watcher_ != nullptr) {
    inventory.routes_synced = watcher_->synced();
    inventory.watch_failures = watcher_->failure_count();
  }
  inventory.connections = server_ == nullptr ? 0 : server_->connection_count();
  if (options_.access_log != nullptr) {
    inventory.access_lines_lost = options_.access_log->lost_count();
  }
  return inventory;
}

// It knows routes, of now or of its last life.
bool LoopGateway::IsReady() const {
  return watcher_ == nullptr || watcher_->synced() || has_old_routes_;
}

void LoopGateway::HandleAdmin(http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  http::Reply reply;
  reply.content_type = "text/plain; version=0.0.4";
  if (request.method != "GET" && request.method != "HEAD") {
    reply.status = 405;
    reply.headers = {{"Allow", "GET, HEAD"}};
  } else if (request.path == "/metrics") {
    reply.body = GatewayMetricsPage(stats(), inventory());
  } else if (request.path == "/livez") {
    reply.body = "ok\n";
  } else if (request.path == "/readyz") {
    reply.status = IsReady() ? 200 : 503;
    reply.body = IsReady() ? "ok\n" : "no routes are known yet\n";
  } else {
    reply.status = 404;
  }
  exchange.Send(std::move(reply));
}

// --- The end --------------------------------------------------------------------------------

void LoopGateway::Stop(std::function<void()> done) {
  if (on_stopped_) return;
  on_stopped_ = std::move(done);
  drain_deadline_ = loop_.clock().Now() + options_.drain;
  proxy_.StopWaiting();
  server_->Drain();
  CheckDrained();
}

void LoopGateway::CheckDrained() {
  const MonotonicTime now = loop_.clock().Now();
  if (server_->connection_count() == 0 || now >= drain_deadline_) {
    // What is left is cut off.
    loop_.Post([done = on_stopped_] { done(); });
    return;
  }
  drain_timer_ = loop_.StartTimer(now + Duration(kDrainCheck), [this] {
    drain_timer_ = 0;
    CheckDrained();
  });
}

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::Create(os::EventLoop& loop, GatewayOptions options) {
  THRONG_CHECK(options.random != nullptr && options.logger != nullptr);
  auto gateway = std::make_unique<LoopGateway>(loop, std::move(options));
  THRONG_RETURN_IF_ERROR(gateway->Start());
  return std::unique_ptr<Gateway>(std::move(gateway));
}

}  // namespace throng::gateway
