// What tests of the gateway share: replicas that are real servers on loopback, a client of bare
// bytes, a log, all on one loop with a clock that stands still until it is moved.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/random.h"
#include "gateway/route_table.h"
#include "http/testing/server_harness.h"
#include "os/socket.h"

namespace throng::gateway::testing {

using http::testing::RawClient;

// A replica on the loop of a harness. Requests are answered with the text of the replica, or held.
class TestReplica {
 public:
  TestReplica(http::testing::ServerHarness& harness, std::string name, uint16_t port = 0)
      : harness_(harness),
        name_(std::move(name)),
        listener_(std::move(*os::ListenTcp("127.0.0.1", port))),
        port_(*os::LocalPort(listener_.get())) {
    server_ = std::move(*http::HttpServer::Start(harness.loop(), listener_.get(), {},
                                                 [this](std::shared_ptr<http::Exchange> exchange) {
                                                   ++requests;
                                                   if (on_request)
                                                     return on_request(std::move(exchange));
                                                   held.push_back(std::move(exchange));
                                                 }));
  }

  void AnswerWith(int status, std::string body) {
    on_request = [status, body = std::move(body)](std::shared_ptr<http::Exchange> exchange) {
      exchange->Send({.status = status, .body = body});
    };
  }
  bool WaitForHeld(size_t count) {
    return harness_.RunUntil([&] { return held.size() == count; });
  }
  // As if its process were killed: requests that were read end, the port answers nobody.
  void Kill() {
    server_.reset();
    listener_.Reset(-1);
    harness_.Settle();
  }
  ReplicaSpec spec() const { return {name_, "127.0.0.1", port_}; }
  uint16_t port() const { return port_; }
  size_t connections() const { return server_->connection_count(); }

  std::function<void(std::shared_ptr<http::Exchange>)> on_request;
  std::vector<std::shared_ptr<http::Exchange>> held;
  int requests = 0;

 private:
  http::testing::ServerHarness& harness_;
  const std::string name_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::unique_ptr<http::HttpServer> server_;
};

class GatewayFixture : public ::testing::Test {
 protected:
  GatewayFixture()
      : logger_({}, harness_.loop().clock(), [this](std::string_view line) { log_.append(line); }),
        listener_(std::move(*os::ListenTcp("127.0.0.1", 0))) {}

  std::unique_ptr<RawClient> Client() {
    auto client = std::make_unique<RawClient>(
        harness_, std::move(*os::ConnectTcp("127.0.0.1", *os::LocalPort(listener_.get()))));
    harness_.Settle();
    return client;
  }
  static std::string Get(std::string_view host, std::string_view path = "/x",
                         std::string_view headers = "") {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" +
           std::string(headers) + "\r\n";
  }
  static std::string Post(std::string_view host, std::string_view body) {
    return "POST /x HTTP/1.1\r\nHost: " + std::string(host) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  // The status line and body of the reply to `request`, on a connection of its own.
  std::string Ask(const std::string& request) {
    auto client = Client();
    client->Send(request);
    EXPECT_TRUE(client->Receive("\r\n\r\n")) << request;
    harness_.RunUntil([&] {
      client->Read();
      return BodyIsWhole(client->received) || client->ended;
    });
    const std::string& reply = client->received;
    return reply.substr(9, 3) + " " + reply.substr(reply.find("\r\n\r\n") + 4);
  }
  static bool BodyIsWhole(const std::string& reply) {
    const size_t at = reply.find("Content-Length: ");
    if (at == std::string::npos) return reply.ends_with("0\r\n\r\n");
    return reply.size() ==
           reply.find("\r\n\r\n") + 4 + static_cast<size_t>(std::atol(reply.c_str() + at + 16));
  }
  bool Logged(std::string_view text) const { return log_.find(text) != std::string::npos; }

  http::testing::ServerHarness harness_;  // for its loop and clock; its server is not asked
  std::string log_;
  Logger logger_;
  SeededRandom random_{1};
  os::UniqueFd listener_;
};

}  // namespace throng::gateway::testing
