#include "gateway/proxy.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "gateway/testing/gateway_fixture.h"

namespace throng::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::RawClient;
using testing::TestReplica;

constexpr char kHost[] = "mms.default.example.com";
constexpr char kNoHost[] =
    "404 {\"error\":\"no InferenceService has this host; say which in the Host header: "
    "NAME.NAMESPACE\"}";

class ProxyTest : public testing::GatewayFixture {
 protected:
  ProxyTest() { Make({}); }
  ~ProxyTest() override { server_.reset(); }

  void Make(ProxyOptions options) {
    server_.reset();
    options.access_log = [this](std::string_view line) { access_.emplace_back(line); };
    client_ = http::AsyncClient::Create(harness_.loop(), {});
    proxy_ =
        std::make_unique<Proxy>(harness_.loop(), *client_, table_, random_, std::move(options));
    server_ = std::move(*http::HttpServer::Start(
        harness_.loop(), listener_.get(), {},
        [this](std::shared_ptr<http::Exchange> exchange) { proxy_->Handle(std::move(exchange)); }));
  }
  void SetRoute(std::vector<ReplicaSpec> replicas) {
    table_.Set({"default/mms", {kHost}, std::move(replicas)});
    proxy_->OnRoutesChanged();
  }
  bool WaitForIdle() {
    return harness_.RunUntil([&] { return proxy_->active() == 0; });
  }
  nlohmann::json LastLine() {
    return access_.empty() ? nlohmann::json() : nlohmann::json::parse(access_.back());
  }

  RouteTable table_;
  std::unique_ptr<http::AsyncClient> client_;
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<http::HttpServer> server_;
  std::vector<std::string> access_;
};

TEST_F(ProxyTest, ForwardsTheRequestAndTheReply) {
  TestReplica replica(harness_, "pod-a");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(
      "POST /v2/models/a/infer?x=%20y HTTP/1.1\r\nHost: MMS.default.example.com.:80\r\n"
      "Content-Type: application/json\r\nX-Request-Id: r1\r\nX-Forwarded-For: 9.9.9.9\r\n"
      "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_TRUE(replica.WaitForHeld(1));
  http::Request& request = replica.held[0]->request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v2/models/a/infer?x=%20y");
  EXPECT_EQ(request.body, "body");
  EXPECT_EQ(*request.FindHeader("Host"), "MMS.default.example.com.:80");
  EXPECT_EQ(*request.FindHeader("Content-Type"), "application/json");
  EXPECT_EQ(*request.FindHeader("X-Request-Id"), "r1");
  EXPECT_EQ(*request.FindHeader("X-Forwarded-For"), "9.9.9.9, 127.0.0.1");
  EXPECT_EQ(request.FindHeader("X-Hop"), nullptr);
  EXPECT_EQ(request.FindHeader("Connection"), nullptr);
  replica.held[0]->Send({.status = 201, .headers = {{"X-Of", "replica"}}, .body = "reply"});
  ASSERT_TRUE(client->Receive("reply"));
  EXPECT_EQ(client->received,
            "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-Of: replica\r\n"
            "Content-Length: 5\r\n\r\nreply");
  ASSERT_TRUE(WaitForIdle());
  ASSERT_EQ(access_.size(), 1u);
  const auto line = LastLine();
  EXPECT_EQ(line["host"], "MMS.default.example.com.:80");
  EXPECT_EQ(line["path"], "/v2/models/a/infer");
  EXPECT_EQ(line["status"], 201);
  EXPECT_EQ(line["request_bytes"], 4);
  EXPECT_EQ(line["bytes"], 5);
  EXPECT_EQ(line["replica"], "pod-a");
  EXPECT_EQ(line["attempts"], 1);
  EXPECT_EQ(line["request_id"], "r1");
  EXPECT_FALSE(line.contains("slow"));
}

TEST_F(ProxyTest, RequestsWithoutAnIdGetOneEach) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  std::string ids;
  replica.on_request = [&](std::shared_ptr<http::Exchange> exchange) {
    const std::string* id = exchange->request().FindHeader("X-Request-Id");
    ASSERT_NE(id, nullptr);
    EXPECT_EQ(id->size(), 32u);
    EXPECT_EQ(ids.find(*id), std::string::npos);
    ids += *id;
    exchange->Send({.body = "x"});
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(Get(kHost)), "200 x");
  EXPECT_EQ(LastLine()["request_id"], ids.substr(64));
}

TEST_F(ProxyTest, UnknownHostsAreNotFound) {
  SetRoute({});
  EXPECT_EQ(Ask(Get("other.example.com")), kNoHost);
  EXPECT_EQ(Ask(Get("")), kNoHost);
  EXPECT_EQ(Ask("GET / HTTP/1.0\r\n\r\n"), kNoHost);
  EXPECT_EQ(proxy_->stats().unknown_hosts, 3u);
  EXPECT_EQ(LastLine()["replica"], "");
}

TEST_F(ProxyTest, KeptAndPipelinedClientsGetRepliesInOrder) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(Get(kHost, "/1") + Post(kHost, "two") + Get("unknown") + Get(kHost, "/4"));
  ASSERT_TRUE(replica.WaitForHeld(3));
  EXPECT_EQ(replica.connections(), 3u);
  for (const size_t i : {2u, 1u, 0u}) {
    replica.held[i]->Send({.body = "r" + std::to_string(i)});
    harness_.Settle();
  }
  ASSERT_TRUE(client->Receive("r2"));
  const std::string all = client->Take();
  EXPECT_LT(all.find("r0"), all.find("r1"));
  EXPECT_LT(all.find("r1"), all.find(" 404 "));
  EXPECT_LT(all.find(" 404 "), all.find("r2"));
  replica.AnswerWith(200, "again");
  client->Send(Get(kHost));
  EXPECT_TRUE(client->Receive("again"));
  EXPECT_EQ(replica.connections(), 3u);
}

TEST_F(ProxyTest, LargeBodiesGoBothWays) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  const std::string body(8 * 1024 * 1024, '!');
  for (const bool chunked : {false, true}) {
    replica.on_request = [&](std::shared_ptr<http::Exchange> exchange) {
      EXPECT_TRUE(exchange->request().body == body);
      if (!chunked) return exchange->Send({.body = std::move(exchange->request().body)});
      auto stream = exchange->StartStream({});
      stream->Write(body);
      stream->Finish();
    };
    auto client = Client();
    client->Send(Post(kHost, body));
    ASSERT_TRUE(harness_.RunUntil([&] {
      client->Read();
      return client->received.size() > body.size() &&
             (!chunked || client->received.ends_with("\r\n0\r\n\r\n"));
    }));
    const auto body_begin =
        client->received.begin() + static_cast<ptrdiff_t>(client->received.find("\r\n\r\n"));
    EXPECT_EQ(static_cast<size_t>(std::count(body_begin, client->received.end(), '!')),
              body.size());
    EXPECT_EQ(LastLine()["bytes"], body.size());
  }
}

TEST_F(ProxyTest, HeadAndNoContentAndOldClients) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  replica.AnswerWith(200, "12345");
  auto client = Client();
  client->Send("HEAD / HTTP/1.1\r\nHost: " + std::string(kHost) + "\r\n\r\n" + Get(kHost));
  ASSERT_TRUE(client->Receive("\r\n\r\n12345"));
  EXPECT_EQ(client->received.find("12345"), client->received.size() - 5);
  EXPECT_NE(client->received.find("Content-Length: 5"),
            client->received.rfind("Content-Length: 5"));
  replica.on_request = [](std::shared_ptr<http::Exchange> exchange) {
    exchange->Send({.status = 204});
  };
  EXPECT_EQ(Ask(Get(kHost, "/", "Connection: close\r\n")), "204 ");
  // HTTP/1.0: no chunks.
  replica.on_request = [](std::shared_ptr<http::Exchange> exchange) {
    auto stream = exchange->StartStream({.body = "old"});
    stream->Finish();
  };
  auto old = Client();
  old->Send("GET http://" + std::string(kHost) + "/x HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old->ReceiveEnd());
  EXPECT_TRUE(old->received.ends_with("\r\n\r\nold")) << old->received;
}

TEST_F(ProxyTest, RepliesComeAsTheyAreSentAndClientsHoldThemBack) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(replica.WaitForHeld(1));
  auto stream = replica.held[0]->StartStream({.body = "first"});
  ASSERT_TRUE(client->Receive("first"));
  constexpr size_t kBytes = 64 * 1024 * 1024;
  stream->Write(std::string(kBytes, 'z'));
  stream->Finish();
  for (int i = 0; i < 100; ++i) harness_.Settle();
  // What the kernel buffers is its business; what the gateway holds is bounded.
  EXPECT_EQ(proxy_->active(), 1u);
  harness_.Advance(seconds(2));
  size_t received = 0;
  ASSERT_TRUE(harness_.RunUntil([&] {
    client->Read();
    received +=
        static_cast<size_t>(std::count(client->received.begin(), client->received.end(), 'z'));
    const bool is_end = client->received.ends_with("\r\n0\r\n\r\n");
    client->received.clear();
    return is_end;
  }));
  EXPECT_EQ(received, kBytes);
  ASSERT_TRUE(WaitForIdle());
  EXPECT_EQ(LastLine()["slow"], "client");
}

// --- Clients and replicas that leave ----------------------------------------------------------

TEST_F(ProxyTest, AClientThatLeavesEndsTheCall) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(Post(kHost, "x"));
  ASSERT_TRUE(replica.WaitForHeld(1));
  client->Close();
  EXPECT_TRUE(harness_.RunUntil([&] { return replica.held[0]->client_gone(); }));
  EXPECT_EQ(proxy_->active(), 0u);
  EXPECT_EQ(LastLine()["status"], 499);

  auto second = Client();
  second->Send(Post(kHost, "x"));
  ASSERT_TRUE(replica.WaitForHeld(2));
  auto stream = replica.held[1]->StartStream({.body = "some"});
  ASSERT_TRUE(second->Receive("some"));
  second->Close();
  EXPECT_TRUE(harness_.RunUntil([&] { return stream->client_gone(); }));
  EXPECT_EQ(LastLine()["status"], 200);
  EXPECT_EQ(LastLine()["cut"], true);
  EXPECT_EQ(proxy_->stats().clients_gone, 2u);

  SetRoute({});
  auto waiting = Client();
  waiting->Send(Post(kHost, "x"));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  waiting->Close();
  EXPECT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 0; }));
  EXPECT_EQ(proxy_->stats().waiting_bytes, 0u);
}

TEST_F(ProxyTest, AReplicaLostMidReplyCutsTheConnection) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  for (const bool has_length : {false, true}) {
    auto client = Client();
    client->Send(Get(kHost));
    ASSERT_TRUE(replica.WaitForHeld(1));
    http::Reply head;
    if (has_length) head.headers = {{"Content-Length", "100"}};
    auto stream = replica.held[0]->StartStream(head);
    stream->Write("partial");
    ASSERT_TRUE(client->Receive("partial"));
    stream.reset();
    replica.held.clear();
    EXPECT_TRUE(client->ReceiveEnd());
    EXPECT_FALSE(client->received.ends_with("0\r\n\r\n"));
    ASSERT_TRUE(WaitForIdle());
    EXPECT_EQ(LastLine()["cut"], true);
  }
  EXPECT_EQ(proxy_->stats().cut_replies, 2u);
}

TEST_F(ProxyTest, ARequestThatAReplicaReadIsNotSentElsewhere) {
  TestReplica dying(harness_, "dying");
  TestReplica other(harness_, "other");
  other.AnswerWith(200, "other");
  SetRoute({dying.spec()});
  auto client = Client();
  client->Send(Post(kHost, "x"));
  ASSERT_TRUE(dying.WaitForHeld(1));
  SetRoute({dying.spec(), other.spec()});
  dying.Kill();
  ASSERT_TRUE(client->Receive("}"));
  EXPECT_NE(client->received.find(" 502 "), std::string::npos);
  EXPECT_EQ(other.requests, 0);
  EXPECT_EQ(proxy_->stats().replicas_lost, 1u);
}

TEST_F(ProxyTest, ARequestThatNobodyReadGoesToAnotherReplica) {
  // A replica whose process accepts no more, and dies with requests in its backlog.
  auto stuck = os::ListenTcp("127.0.0.1", 0);
  const uint16_t port = *os::LocalPort(stuck->get());
  TestReplica other(harness_, "other");
  other.AnswerWith(200, "other");
  SetRoute({{"stuck", "127.0.0.1", port}});
  auto client = Client();
  client->Send(Post(kHost, std::string(200'000, 'x')));
  harness_.Settle();
  EXPECT_EQ(proxy_->active(), 1u);
  SetRoute({{"stuck", "127.0.0.1", port}, other.spec()});
  stuck->Reset(-1);
  ASSERT_TRUE(client->Receive("other"));
  ASSERT_TRUE(WaitForIdle());
  EXPECT_EQ(LastLine()["attempts"], 2);
  EXPECT_EQ(LastLine()["replica"], "other");
  EXPECT_EQ(proxy_->stats().unreached, 1u);
}

TEST_F(ProxyTest, RefusedConnectionsGoToAnotherReplicaAndItIsAskedFirstForAWhile) {
  auto dead = std::make_unique<TestReplica>(harness_, "dead");
  TestReplica alive(harness_, "alive");
  alive.AnswerWith(200, "alive");
  const ReplicaSpec dead_spec = dead->spec();
  dead->Kill();
  SetRoute({dead_spec, alive.spec()});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(Get(kHost)), "200 alive");
  EXPECT_LE(proxy_->stats().unreached, 1u);
  // Later it is tried again.
  for (int i = 0; i < 20 && proxy_->stats().unreached < 2; ++i) {
    harness_.Advance(limits::kReplicaSuspect);
    EXPECT_EQ(Ask(Get(kHost)), "200 alive");
  }
  EXPECT_EQ(proxy_->stats().unreached, 2u);
}

TEST_F(ProxyTest, WhenNoReplicaIsReachedTheyAreAskedAgainForAWhile) {
  auto replica = std::make_unique<TestReplica>(harness_, "pod");
  const ReplicaSpec spec = replica->spec();
  replica->Kill();
  SetRoute({spec});
  auto client = Client();
  client->Send(Post(kHost, "x"));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  harness_.Advance(seconds(10));
  EXPECT_TRUE(harness_.RunUntil([&] { return proxy_->stats().unreached >= 2; }));
  TestReplica back(harness_, "pod", spec.port);
  back.AnswerWith(200, "back");
  harness_.Settle();
  harness_.Advance(limits::kReplicaRetryMost);
  ASSERT_TRUE(client->Receive("back"));

  back.Kill();
  auto in_vain = Client();
  in_vain->Send(Get(kHost));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  for (int i = 0; i < 40; ++i) harness_.Advance(seconds(1));
  ASSERT_TRUE(in_vain->Receive("}"));
  EXPECT_NE(in_vain->received.find(" 503 "), std::string::npos);
  EXPECT_NE(in_vain->received.find("Retry-After: 1\r\n"), std::string::npos);
}

TEST_F(ProxyTest, SlowReplicasGet504) {
  Make({.upstream_time = seconds(5)});
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(replica.WaitForHeld(1));
  harness_.Advance(seconds(5) - milliseconds(1));
  EXPECT_EQ(proxy_->active(), 1u);
  harness_.Advance(milliseconds(1));
  ASSERT_TRUE(client->Receive("in time"));
  EXPECT_NE(client->received.find(" 504 "), std::string::npos);
  EXPECT_TRUE(replica.held[0]->client_gone());
  EXPECT_EQ(proxy_->stats().deadlines, 1u);
}

TEST_F(ProxyTest, RepliesThatAreNoHttpGet502) {
  auto listener = os::ListenTcp("127.0.0.1", 0);
  SetRoute({{"odd", "127.0.0.1", *os::LocalPort(listener->get())}});
  auto client = Client();
  client->Send(Get(kHost));
  harness_.Settle();
  auto accepted = os::Accept(listener->get());
  ASSERT_TRUE(accepted.ok() && accepted->has_value());
  os::WriteSome((*accepted)->get(), std::as_bytes(std::span<const char>("SSH-2.0\r\n\r\n", 11)));
  ASSERT_TRUE(client->Receive("}"));
  EXPECT_NE(client->received.find(" 502 "), std::string::npos);
}

// --- Replicas without the model ---------------------------------------------------------------

TEST_F(ProxyTest, AModelThatOneReplicaLacksIsAskedOfTheOthers) {
  TestReplica a(harness_, "a");
  TestReplica b(harness_, "b");
  a.AnswerWith(404, "not in a");
  b.AnswerWith(200, "in b");
  SetRoute({a.spec(), b.spec()});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Ask(Post(kHost, "body")), "200 in b");
  EXPECT_GT(a.requests, 0);
  EXPECT_EQ(b.requests, 10);
  EXPECT_EQ(proxy_->stats().not_there, static_cast<uint64_t>(a.requests));
  // Connections are kept through it all.
  EXPECT_EQ(a.connections(), 1u);
}

TEST_F(ProxyTest, WhenAllLackItTheLast404IsTheReply) {
  TestReplica a(harness_, "a");
  TestReplica b(harness_, "b");
  a.AnswerWith(404, "{\"error\":\"a\"}");
  b.AnswerWith(404, "{\"error\":\"b\"}");
  SetRoute({a.spec(), b.spec()});
  for (int i = 1; i <= 5; ++i) {
    const std::string reply = Ask(Get(kHost));
    EXPECT_EQ(a.requests, i);
    EXPECT_EQ(b.requests, i);
    EXPECT_EQ(reply, "404 {\"error\":\"" + LastLine()["replica"].get<std::string>() + "\"}");
  }
}

TEST_F(ProxyTest, A404StaysWhenTheOtherReplicaLeaves) {
  TestReplica a(harness_, "a");
  a.AnswerWith(404, "not in a");
  auto dead = std::make_unique<TestReplica>(harness_, "dead");
  const ReplicaSpec dead_spec = dead->spec();
  dead->Kill();
  SetRoute({a.spec(), dead_spec});
  auto client = Client();
  client->Send(Get(kHost));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  EXPECT_EQ(a.requests, 1);
  SetRoute({a.spec()});
  ASSERT_TRUE(client->Receive("\r\n\r\nnot in a"));
  EXPECT_EQ(a.requests, 1);
}

TEST_F(ProxyTest, ALarge404IsNotKept) {
  TestReplica a(harness_, "a");
  TestReplica b(harness_, "b");
  for (const size_t bytes : {limits::kGatewayDroppedBytes, limits::kGatewayDroppedBytes + 1}) {
    a.AnswerWith(404, std::string(bytes, 'a'));
    b.AnswerWith(200, "in b");
    SetRoute({a.spec(), b.spec()});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(Ask(Get(kHost)), "200 in b");
  }
}

// --- Waiting for a replica --------------------------------------------------------------------

TEST_F(ProxyTest, RequestsWaitForAReplica) {
  SetRoute({});
  auto client = Client();
  client->Send(Post(kHost, "hello"));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  EXPECT_EQ(proxy_->stats().waiting_bytes, 5u);
  harness_.Advance(seconds(29));
  TestReplica replica(harness_, "pod");
  replica.on_request = [](std::shared_ptr<http::Exchange> exchange) {
    exchange->Send({.body = exchange->request().body});
  };
  SetRoute({replica.spec()});
  ASSERT_TRUE(client->Receive("\r\n\r\nhello"));
  EXPECT_EQ(proxy_->stats().waiting, 0u);
  ASSERT_TRUE(WaitForIdle());
  EXPECT_EQ(LastLine()["wait_ms"], 29000.0);
  EXPECT_EQ(LastLine()["slow"], "waited for a ready replica");
}

TEST_F(ProxyTest, AWaitEndsWith503AndWhenTheHostLeaves) {
  SetRoute({});
  auto client = Client();
  client->Send(Get(kHost));
  harness_.Advance(seconds(30) - milliseconds(1));
  client->Read();
  EXPECT_EQ(client->received, "");
  harness_.Advance(milliseconds(1));
  ASSERT_TRUE(client->Receive("is ready\"}"));
  EXPECT_NE(client->received.find("503 Service Unavailable"), std::string::npos);
  EXPECT_NE(client->received.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_EQ(proxy_->stats().waits_in_vain, 1u);

  auto second = Client();
  second->Send(Get(kHost));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  table_.Remove("default/mms");
  proxy_->OnRoutesChanged();
  ASSERT_TRUE(second->Receive(" 404 "));
}

TEST_F(ProxyTest, WaitsAreBoundedInNumberAndBytes) {
  Make({.max_waiting = 3, .max_waiting_bytes = 10});
  SetRoute({});
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto wait = [&](std::string_view body) {
    clients.push_back(Client());
    clients.back()->Send(Post(kHost, body));
  };
  wait("12345");
  wait("1234");
  wait("12");  // 11 bytes
  ASSERT_TRUE(clients[2]->Receive("too many"));
  EXPECT_NE(clients[2]->received.find("Retry-After: 1\r\n"), std::string::npos);
  wait("1");  // 10 bytes
  wait("");   // the fourth
  ASSERT_TRUE(clients[4]->Receive("too many"));
  EXPECT_EQ(proxy_->stats().waiting, 3u);
  EXPECT_EQ(proxy_->stats().waiting_bytes, 10u);
  EXPECT_EQ(proxy_->stats().waits_refused, 2u);
  TestReplica replica(harness_, "pod");
  replica.AnswerWith(200, "served");
  SetRoute({replica.spec()});
  for (const size_t i : {0u, 1u, 3u}) EXPECT_TRUE(clients[i]->Receive("served"));
}

TEST_F(ProxyTest, WaitingCanBeEnded) {
  SetRoute({});
  auto first = Client();
  first->Send(Get(kHost));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  proxy_->StopWaiting();
  EXPECT_TRUE(first->Receive(" 503 "));
  EXPECT_EQ(Ask(Get(kHost)).substr(0, 3), "503");
}

// --- Choice -----------------------------------------------------------------------------------

TEST_F(ProxyTest, TheLeastLoadedOfTwoIsAsked) {
  TestReplica a(harness_, "a");
  TestReplica b(harness_, "b");
  SetRoute({a.spec(), b.spec()});
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Client());
    clients.back()->Send(Get(kHost));
    ASSERT_TRUE(harness_.RunUntil([&] { return a.held.size() + b.held.size() == clients.size(); }));
  }
  EXPECT_EQ(a.held.size(), 5u);
  EXPECT_EQ(b.held.size(), 5u);
  for (const auto& exchange : a.held) exchange->Send({.body = "x"});
  a.held.clear();
  harness_.Settle();
  for (int i = 0; i < 5; ++i) {
    clients.push_back(Client());
    clients.back()->Send(Get(kHost));
  }
  EXPECT_TRUE(a.WaitForHeld(5));
}

// --- What must not get through ----------------------------------------------------------------

TEST_F(ProxyTest, AmbiguousRequestsAreRefused) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  const std::string host = "Host: " + std::string(kHost) + "\r\n";
  for (const std::string& request :
       {"GET / HTTP/1.1\r\n" + host + host + "\r\n",
        "GET / HTTP/1.1\r\n" + host + "Host: other\r\n\r\n", std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        "POST / HTTP/1.1\r\n" + host +
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + "X: a\n\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + " folded\r\n\r\n"}) {
    EXPECT_EQ(Ask(request).substr(0, 3), "400") << request;
  }
  EXPECT_EQ(replica.requests, 0);
}

TEST_F(ProxyTest, TheAuthorityOfAnAbsoluteTargetCountsAndIsNotSentOn) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  const std::string target = "http://" + std::string(kHost) + ":80/v2?x";
  auto client = Client();
  client->Send("GET " + target + " HTTP/1.1\r\nHost: other.example.com\r\n\r\n");
  ASSERT_TRUE(replica.WaitForHeld(1));
  EXPECT_EQ(replica.held[0]->request().target, "/v2?x");
  EXPECT_EQ(*replica.held[0]->request().FindHeader("Host"), std::string(kHost) + ":80");
  EXPECT_EQ(Ask("GET http://other/ HTTP/1.1\r\n" + std::string("Host: ") + kHost + "\r\n\r\n")
                .substr(0, 3),
            "404");
}

TEST_F(ProxyTest, ChunkedRequestsArriveWholeAndOnce) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto client = Client();
  client->Send("POST /x HTTP/1.1\r\nHost: " + std::string(kHost) +
               "\r\nTransfer-Encoding: chunked\r\nConnection: Host, Content-Length\r\n\r\n"
               "5\r\nGET /\r\n0\r\nContent-Length: 9\r\n\r\n");
  ASSERT_TRUE(replica.WaitForHeld(1));
  const http::Request& request = replica.held[0]->request();
  EXPECT_EQ(request.body, "GET /");
  EXPECT_EQ(*request.FindHeader("Content-Length"), "5");
  EXPECT_EQ(*request.FindHeader("Host"), kHost);
  EXPECT_EQ(request.FindHeader("Transfer-Encoding"), nullptr);
}

TEST_F(ProxyTest, RepliesOfTwoReadingsAreRefused) {
  auto listener = os::ListenTcp("127.0.0.1", 0);
  SetRoute({{"odd", "127.0.0.1", *os::LocalPort(listener->get())}});
  for (const std::string_view reply :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    auto client = Client();
    client->Send(Get(kHost));
    harness_.Settle();
    auto accepted = os::Accept(listener->get());
    ASSERT_TRUE(accepted.ok() && accepted->has_value());
    os::WriteSome((*accepted)->get(), std::as_bytes(std::span<const char>(reply)));
    EXPECT_TRUE(client->Receive(" 502 "));
  }
}

TEST_F(ProxyTest, TheProxyMayEndWithRequestsUnderWay) {
  TestReplica replica(harness_, "pod");
  SetRoute({replica.spec()});
  auto asking = Client();
  asking->Send(Get(kHost));
  ASSERT_TRUE(replica.WaitForHeld(1));
  auto streaming = Client();
  streaming->Send(Get(kHost));
  ASSERT_TRUE(replica.WaitForHeld(2));
  auto stream = replica.held[1]->StartStream({.body = "x"});
  ASSERT_TRUE(streaming->Receive("x"));
  table_.Set({"default/none", {"none"}, {}});
  auto waiting = Client();
  waiting->Send(Get("none"));
  ASSERT_TRUE(harness_.RunUntil([&] { return proxy_->stats().waiting == 1; }));
  proxy_.reset();
  EXPECT_TRUE(asking->Receive(" 500 "));
  EXPECT_TRUE(waiting->Receive(" 500 "));
  EXPECT_TRUE(streaming->ReceiveEnd());
}

TEST_F(ProxyTest, ModelsCannotBeUnloadedFromOutside) {
  TestReplica replica(harness_, "pod-a");
  replica.AnswerWith(200, "done");
  SetRoute({replica.spec()});
  const std::string rest = std::string(" HTTP/1.1\r\nHost: ") + kHost + "\r\n";
  const std::string body = "Content-Length: 2\r\n\r\n{}";
  for (const std::string target :
       {"/v2/repository/models/a/unload", "/v2/repository/models/a/load",
        "/v2/repository/models/a/unload?x=/index", "/v2/%72epository/models/a/%75nload",
        "/v2/repository/mine/models/a/unload",
        "http://mms.default.example.com/v2/repository/models/a/unload"}) {
    EXPECT_EQ(Ask("POST " + target + rest + body).substr(0, 4), "403 ") << target;
  }
  EXPECT_EQ(replica.requests, 0);
  EXPECT_EQ(Ask("POST /v2/repository/index" + rest + body), "200 done");
  EXPECT_EQ(Ask("POST /v2/models/unload/infer" + rest + body), "200 done");
  ASSERT_TRUE(WaitForIdle());
  EXPECT_EQ(access_.size(), 8u);
}

}  // namespace
}  // namespace throng::gateway
