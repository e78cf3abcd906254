// ApiServer: the HTTP side of the API: who asks, what for, may he, and the reply. Hand its Handle
// to an http::HttpServer; the same one may serve several (TLS and a Unix socket).
//
//   ApiServer api(executor, random, registry, std::move(options));
//   http::HttpServer::Start(loop, listener, {.max_body_bytes = limits::kObjectBodyBytes},
//                           [&](auto exchange) { api.Handle(std::move(exchange)); });
//
// Everything on the executor; the registry and what the options point to must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "http/server.h"
#include "kube/kinds/discovery.h"
#include "kube/rest/access.h"
#include "kube/server/call.h"
#include "kube/server/log_handler.h"
#include "kube/server/registry.h"
#include "kube/server/resource_handler.h"
#include "kube/server/watch_handler.h"

namespace throng::kube::server {

// What agents report about their replica.
class ReportSink {
 public:
  virtual ~ReportSink() = default;
  // The reply is {} or the error; 409 for a replica that is not known.
  virtual void Report(std::string_view name_space, std::string_view pod, Json report,
                      Done<std::optional<ApiError>> done) = 0;
};

// What the agent of a replica needs for fetching models. It is told to the control plane's own
// processes only (kInternalUser), whatever others may read.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // 409 for a replica that is not known.
  virtual ApiResult<Json> Credentials(std::string_view name_space, std::string_view pod) = 0;
};

struct HealthCheck {
  std::string name;  // "store"
  std::function<bool()> is_healthy;
};

struct ApiServerOptions {
  const TokenAuthenticator* tokens = nullptr;
  // Who a request without any credential is; nothing: it is answered with 401.
  std::optional<http::PeerIdentity> anonymous;
  // Takes a line for each write.
  std::function<void(std::string_view line)> audit;
  LogSource* logs = nullptr;                // null: no logs, 404
  ReportSink* reports = nullptr;            // null: no reports, 404
  CredentialSource* credentials = nullptr;  // null: none, 404
  std::string version = "0.1.0";
  std::string server_address = "127.0.0.1";  // host:port as clients reach it
  std::vector<HealthCheck> live_checks;
  std::vector<HealthCheck> ready_checks;
  // More lines for /metrics, in Prometheus' text format.
  std::function<std::string()> more_metrics;
};

// For http::ServerOptions::error_body: refusals before a request is whole, as Kubernetes words
// them.
std::string RefusalBody(int status, std::string_view text);

class ApiServer {
 public:
  ApiServer(Executor& executor, Random& random, Registry& registry, ApiServerOptions options);
  ~ApiServer();

  void Handle(std::shared_ptr<http::Exchange> exchange);
  // Ends all watches and logs that follow: their clients come back to whoever serves then.
  void EndStreams();
  size_t open_streams() const { return watches_.size() + logs_.size(); }

 private:
  // Verb, group, resource, code.
  using RequestKey = std::tuple<std::string, std::string, std::string, int>;

  ApiResult<http::PeerIdentity> Identify(http::Exchange& exchange) const;
  void Dispatch(const SharedCall& call, std::string_view path);
  void ServeResource(const SharedCall& call, const ResourcePath& path);
  void ServeSubresource(const SharedCall& call, const ResourcePath& path);
  void ServeAccessReview(const SharedCall& call, const ResourcePath& path);
  void ServeReport(const SharedCall& call, const ResourcePath& path);
  void ServeCredentials(const SharedCall& call, const ResourcePath& path);
  // Documents about the API. False: the path is none of theirs. REQUIRES of the two below: the path
  // has a first segment.
  bool ServeDocument(const SharedCall& call, std::string_view path);
  bool ServeDiscovery(const SharedCall& call, const std::vector<std::string>& path);
  bool ServeOpenApi(const SharedCall& call, const std::vector<std::string>& path);
  void ServeHealth(const SharedCall& call, std::string_view path);
  void ServeMetrics(const SharedCall& call);
  void Count(const Attributes& asked, int code);

  Executor& executor_;
  Registry& registry_;
  const ApiServerOptions options_;
  ResourceHandler resources_;
  WatchHandler watches_;
  LogHandler logs_;
  std::map<RequestKey, uint64_t> requests_;
  std::map<std::string, Document> documents_;  // of OpenAPI, made when they are first asked for
  std::shared_ptr<char> life_ = std::make_shared<char>('x');
};

}  // namespace throng::kube::server
