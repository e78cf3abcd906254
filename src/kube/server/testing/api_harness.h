// An ApiServer over a RegistryHarness, and requests to it. Requests without a credential may do
// everything, until `options` say otherwise.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kube/server/api_server.h"
#include "kube/server/testing/fake_exchange.h"
#include "kube/server/testing/registry_harness.h"

namespace throng::kube::server::testing {

// One log, written by the test.
class FakeLogs final : public LogSource {
 public:
  class Reading final : public LogReading {
   public:
    explicit Reading(FakeLogs& logs) : logs_(logs) {}
    ~Reading() override { logs_.sink = Sink(); }

   private:
    FakeLogs& logs_;
  };
  Result<std::unique_ptr<LogReading>> Read(const LogQuery& asked, const Json& /*pod*/,
                                           Sink to) override {
    if (asked.container == "unknown") return InvalidArgumentError("no such container");
    query = asked;
    sink = std::move(to);
    return std::unique_ptr<LogReading>(std::make_unique<Reading>(*this));
  }
  LogQuery query;
  Sink sink;
};

class FakeTokens final : public TokenAuthenticator {
 public:
  std::optional<http::PeerIdentity> Authenticate(std::string_view token) const override {
    const auto found = users.find(std::string(token));
    if (found == users.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, http::PeerIdentity> users;
};

class FakeReports final : public ReportSink {
 public:
  void Report(std::string_view name_space, std::string_view pod, Json report,
              Done<std::optional<ApiError>> done) override {
    last = std::string(name_space) + "/" + std::string(pod) + " " + PrintJson(report);
    if (pod == "unknown") return done(ConflictError("throng.dev", "replicas", pod, "not known"));
    done(std::nullopt);
  }
  std::string last;
};

class FakeCredentials final : public CredentialSource {
 public:
  ApiResult<Json> Credentials(std::string_view name_space, std::string_view pod) override {
    if (pod == "unknown") return ConflictError("throng.dev", "replicas", pod, "not known");
    return Json{{"sets", {{"v", {{"of", std::string(name_space) + "/" + std::string(pod)}}}}}};
  }
};

using Headers = std::vector<std::pair<std::string, std::string>>;

class ApiHarness : public RegistryHarness {
 public:
  ApiHarness() {
    ApiServerOptions options;
    options.tokens = &tokens;
    options.anonymous = http::PeerIdentity{"test", {std::string(kMastersGroup)}};
    options.audit = [this](std::string_view line) { audit.append(line); };
    options.logs = &logs;
    options.reports = &reports;
    options.credentials = &credentials;
    options.live_checks = {{"store", [this] { return is_live; }}};
    options.ready_checks = {{"store", [this] { return is_live; }},
                            {"controllers", [this] { return is_ready; }}};
    Restart(std::move(options));
  }
  void Restart(ApiServerOptions options) {
    api = std::make_unique<ApiServer>(executor, random, registry, std::move(options));
  }

  std::shared_ptr<FakeExchange> Send(std::string method, std::string target,
                                     const Json& body = Json(), const Headers& headers = {}) {
    auto exchange = FakeExchange::Make(std::move(method), std::move(target),
                                       body.is_null() ? "" : PrintJson(body));
    for (const auto& [name, value] : headers) exchange->AddHeader(name, value);
    return Send(std::move(exchange));
  }
  std::shared_ptr<FakeExchange> Send(std::shared_ptr<FakeExchange> exchange) {
    api->Handle(exchange);
    executor.RunPosted();
    return exchange;
  }
  // The status of a request.
  int Code(std::string method, std::string target, const Json& body = Json(),
           const Headers& headers = {}) {
    return Send(std::move(method), std::move(target), body, headers)->status();
  }

  FakeTokens tokens;
  FakeLogs logs;
  FakeReports reports;
  FakeCredentials credentials;
  std::string audit;
  bool is_live = true;
  bool is_ready = true;
  std::unique_ptr<ApiServer> api;
};

}  // namespace throng::kube::server::testing
