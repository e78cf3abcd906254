// The part of the API that the gateway follows, on a Unix socket: lists and watches of
// GatewayRoutes, answered as a test says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/server.h"
#include "http/testing/server_harness.h"
#include "os/network/unix_socket.h"

namespace throng::gateway::testing {

class FakeApi {
 public:
  FakeApi(http::testing::ServerHarness& harness, const std::string& path) : harness_(harness) {
    auto listener = os::ListenUnix(path);
    THRONG_CHECK(listener.ok());
    listener_ = std::move(*listener);
    server_ = std::move(*http::HttpServer::Start(
        harness.loop(), listener_.get(), {},
        [this](const std::shared_ptr<http::Exchange>& exchange) { Handle(*exchange); }));
  }

  static std::string Route(std::string_view name, std::string_view hosts, std::string_view replicas,
                           std::string_view version = "1") {
    return R"({"apiVersion":"throng.dev/v1alpha1","kind":"GatewayRoute","metadata":{"namespace":)"
           R"("default","name":")" +
           std::string(name) + R"(","resourceVersion":")" + std::string(version) +
           R"("},"spec":{"hosts":[)" + std::string(hosts) + R"(],"replicas":[)" +
           std::string(replicas) + "]}}";
  }
  static std::string Replica(std::string_view pod, uint16_t port) {
    return R"({"pod":")" + std::string(pod) + R"(","address":"127.0.0.1","port":)" +
           std::to_string(port) + "}";
  }

  bool WaitForWatch() {
    return harness_.RunUntil([&] { return watch != nullptr; });
  }
  bool WaitForRequests(size_t count) {
    return harness_.RunUntil([&] { return targets.size() >= count; });
  }
  void Event(std::string_view type, std::string_view object) {
    watch->Write("{\"type\":\"" + std::string(type) + "\",\"object\":" + std::string(object) +
                 "}\n");
    for (int i = 0; i < 3; ++i) harness_.Settle();
  }
  void EndWatch() {
    watch->Finish();
    watch.reset();
    harness_.Settle();
  }

  std::string items;  // of lists
  std::string version = "1";
  int list_status = 200;
  int watch_status = 200;
  std::vector<std::string> targets;
  std::unique_ptr<http::ReplyStream> watch;  // the last one

 private:
  void Handle(http::Exchange& exchange) {
    const std::string& target = exchange.request().target;
    targets.push_back(target);
    if (target.find("watch=true") == std::string::npos) {
      exchange.Send({.status = list_status,
                     .body = R"({"kind":"GatewayRouteList","metadata":{"resourceVersion":")" +
                             version + R"("},"items":[)" + items + "]}"});
    } else if (watch_status != 200) {
      exchange.Send({.status = watch_status, .body = R"({"kind":"Status"})"});
    } else {
      watch = exchange.StartStream({});
    }
  }

  http::testing::ServerHarness& harness_;
  os::UniqueFd listener_;
  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace throng::gateway::testing
