// The gateway's rows of the table of bounds, as it has them without options.
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/control_limits.h"
#include "gateway/proxy.h"
#include "gateway/route_file.h"
#include "gateway/testing/gateway_fixture.h"
#include "os/testing/memory_file_system.h"

namespace throng::gateway {
namespace {

using std::chrono::milliseconds;
using testing::TestReplica;

constexpr char kHost[] = "mms.default";

class GatewayLimitsTest : public testing::GatewayFixture {
 protected:
  GatewayLimitsTest() {
    ProxyOptions options;
    options.access_log = [this](std::string_view line) { last_line_ = line; };
    client_ = http::AsyncClient::Create(harness_.loop(), {});
    proxy_ =
        std::make_unique<Proxy>(harness_.loop(), *client_, table_, random_, std::move(options));
    server_ = std::move(*http::HttpServer::Start(
        harness_.loop(), listener_.get(), {},
        [this](std::shared_ptr<http::Exchange> exchange) { proxy_->Handle(std::move(exchange)); }));
  }
  ~GatewayLimitsTest() override { server_.reset(); }

  void SetRoute(std::vector<ReplicaSpec> replicas) {
    table_.Set({"default/mms", {kHost}, std::move(replicas)});
    proxy_->OnRoutesChanged();
  }
  bool WaitForIdle() {
    return harness_.RunUntil([&] { return proxy_->active() == 0; });
  }

  RouteTable table_;
  std::unique_ptr<http::AsyncClient> client_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<http::HttpServer> server_;
  std::string last_line_;
};

TEST_F(GatewayLimitsTest, AWaitForAReplica) {
  SetRoute({});
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  harness_.Advance(limits::kGatewayWait - milliseconds(1));
  EXPECT_EQ(proxy_->stats().waiting, 1u);
  harness_.Advance(milliseconds(1));
  EXPECT_TRUE(client->Receive(" 503 "));
  EXPECT_EQ(proxy_->stats().waits_in_vain, 1u);
}

TEST_F(GatewayLimitsTest, AnAnswerOfAReplica) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(replica.WaitForHeld(1));
  harness_.Advance(limits::kGatewayUpstreamTime - milliseconds(1));
  EXPECT_EQ(proxy_->active(), 1u);
  harness_.Advance(milliseconds(1));
  EXPECT_TRUE(client->Receive(" 504 "));
}

TEST_F(GatewayLimitsTest, WhatTheLogCallsSlow) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  for (const auto& [time, is_slow] : {std::pair{limits::kGatewaySlow - milliseconds(1), false},
                                      std::pair{milliseconds(limits::kGatewaySlow), true}}) {
    auto client = Client();
    client->Send(Get(kHost));
    ASSERT_TRUE(replica.WaitForHeld(1));
    harness_.Advance(time);
    replica.held[0]->Send({.body = "late"});
    replica.held.clear();
    ASSERT_TRUE(client->Receive("late"));
    ASSERT_TRUE(WaitForIdle());
    EXPECT_EQ(nlohmann::json::parse(last_line_).contains("slow"), is_slow) << last_line_;
  }
}

TEST_F(GatewayLimitsTest, AReplicaThatIsNotReachedIsAskedAgainLaterAndLater) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  replica.Kill();
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  EXPECT_EQ(proxy_->stats().unreached, 1u);
  Duration wait = limits::kReplicaRetry;
  for (uint64_t attempts = 1; attempts < 8; ++attempts) {
    harness_.Advance(wait - milliseconds(1));
    harness_.Settle();
    EXPECT_EQ(proxy_->stats().unreached, attempts);
    harness_.Advance(milliseconds(1));
    ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().unreached == attempts + 1; }));
    wait = std::min<Duration>(2 * wait, limits::kReplicaRetryMost);
  }
  EXPECT_EQ(wait, Duration(limits::kReplicaRetryMost));
}

TEST_F(GatewayLimitsTest, WhatIsHeldForASlowClient) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(replica.WaitForHeld(1));
  auto stream = replica.held[0]->StartStream({.body = "first"});
  ASSERT_TRUE(client->Receive("first"));
  // Far more than the buffers of two connections in the kernel, which grow to some MiB each.
  constexpr size_t kBytes = 96 * 1024 * 1024;
  constexpr size_t kKernelBytes = 64 * 1024 * 1024;
  stream->Write(std::string(kBytes, 'z'));
  for (int i = 0; i < 200; ++i) harness_.Settle();
  EXPECT_GT(stream->unsent_bytes() + kKernelBytes + limits::kGatewayUnsentBytes, kBytes)
      << "the gateway reads no more than it can pass on";
  stream.reset();
}

TEST(GatewayDefaultsTest, WaitsAreBoundedByTheTable) {
  const ProxyOptions options;
  EXPECT_EQ(options.max_waiting, limits::kGatewayWaiting);
  EXPECT_EQ(options.max_waiting_bytes, limits::kGatewayWaitingBytes);
}

class RouteFileLimitsTest : public testing::GatewayFixture {
 protected:
  // The file with `bytes` in all; how many routes are read.
  size_t Read(size_t bytes) {
    std::string text =
        R"({"items":[{"metadata":{"name":"x","namespace":"n"},"spec":{"hosts":["h"]}}]})";
    text.resize(bytes, ' ');
    files_.MakeDirectory("/state");
    files_.PutFile("/state/routes.json", text);
    const RouteFile file(harness_.loop(), files_, "/state/routes.json", logger_,
                         [] { return std::vector<RouteSpec>(); });
    return file.Read().size();
  }
  os::testing::MemoryFileSystem files_;
};

TEST_F(RouteFileLimitsTest, TheFileOfRoutes) {
  EXPECT_EQ(Read(limits::kRouteListBytes), 1u);
  EXPECT_FALSE(Logged("cannot be read"));
  EXPECT_EQ(Read(limits::kRouteListBytes + 1), 0u);
  EXPECT_TRUE(Logged("the last known routes cannot be read"));
}

}  // namespace
}  // namespace throng::gateway
