#include "http/server.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/testing/server_harness.h"

namespace throng::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::RawClient;
using testing::ServerHarness;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string OkReply(std::string_view body, std::string_view extra = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string(extra) + "\r\n" + std::string(body);
}

std::string ErrorReply(std::string_view status_line, std::string_view text) {
  const std::string body = "{\"error\":\"" + std::string(text) + "\"}";
  return "HTTP/1.1 " + std::string(status_line) +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

void Echo(std::shared_ptr<Exchange> exchange) {
  exchange->Send({.body = std::move(exchange->request().body)});
}

void AnswerTarget(std::shared_ptr<Exchange> exchange) {
  exchange->Send({.body = exchange->request().target});
}

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(HttpServerTest, AnswersOverOneConnectionAgainAndAgain) {
  ServerHarness harness;
  harness.on_request = Echo;
  RawClient client(harness);
  for (const char* body : {"one", "two", "three"}) {
    client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                std::to_string(std::string_view(body).size()) + "\r\n\r\n" + body);
    EXPECT_TRUE(client.Receive(body));
    EXPECT_EQ(client.Take(), OkReply(body));
  }
  EXPECT_EQ(harness.server().connection_count(), 1u);
}

TEST(HttpServerTest, SendsStatusHeadersAndTypeOfTheReply) {
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.status = 503,
                    .content_type = "text/plain",
                    .headers = {{"Retry-After", "2"}, {"X-Bad\r\n", "x"}, {"X", "a\r\nB: c"}},
                    .body = "no"});
  };
  RawClient client(harness);
  client.Send(kGet);
  EXPECT_TRUE(client.Receive("\r\n\r\nno"));
  EXPECT_EQ(client.Take(),
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 2\r\n"
            "X: a  B: c\r\nContent-Length: 2\r\n\r\nno");
}

TEST(HttpServerTest, RepliesKeepTheOrderOfPipelinedRequests) {
  ServerHarness harness;
  RawClient client(harness);
  std::string requests;
  for (int i = 0; i < 5; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  client.Send(requests);
  ASSERT_TRUE(harness.WaitForHeld(5));
  for (const size_t i : {3u, 1u, 4u}) AnswerTarget(harness.held[i]);
  harness.Settle();
  client.Read();
  EXPECT_EQ(client.received, "");
  AnswerTarget(harness.held[0]);
  EXPECT_TRUE(client.Receive("/1"));
  EXPECT_EQ(client.Take(), OkReply("/0") + OkReply("/1"));
  AnswerTarget(harness.held[2]);
  EXPECT_TRUE(client.Receive("/4"));
  EXPECT_EQ(client.Take(), OkReply("/2") + OkReply("/3") + OkReply("/4"));
}

TEST(HttpServerTest, NoMoreThanSixtyFourRequestsWaitOnOneConnection) {
  ServerHarness harness;
  RawClient client(harness);
  std::string requests;
  for (size_t i = 0; i < limits::kHttpPipelinedRequests + 6; ++i) requests += kGet;
  client.Send(requests);
  EXPECT_TRUE(harness.WaitForHeld(limits::kHttpPipelinedRequests));
  AnswerTarget(harness.held[0]);
  harness.Settle();
  EXPECT_TRUE(harness.WaitForHeld(limits::kHttpPipelinedRequests + 1));
  harness.on_request = AnswerTarget;
  for (size_t i = 1; i < harness.held.size(); ++i) AnswerTarget(harness.held[i]);
  EXPECT_TRUE(harness.RunUntil([&] {
    client.Read();
    return Count(client.received, "200 OK") == limits::kHttpPipelinedRequests + 6;
  }));
}

TEST(HttpServerTest, ReadsNothingBeyondTheBoundOfPipelining) {
  ServerHarness harness;
  RawClient client(harness);
  std::string requests;
  for (size_t i = 0; i < limits::kHttpPipelinedRequests; ++i) requests += kGet;
  client.Send(requests);
  const std::string flood(1024 * 1024, 'x');
  size_t sent = 0;
  for (int stalled = 0; stalled < 20;) {
    const os::IoResult result =
        os::WriteSome(client.fd(), std::as_bytes(std::span<const char>(flood)));
    stalled = result.kind == os::IoResult::Kind::kDone ? 0 : stalled + 1;
    sent += result.bytes;
    harness.Settle();
    ASSERT_LT(sent, 64u * 1024 * 1024) << "it reads on";
  }
  EXPECT_TRUE(harness.WaitForHeld(limits::kHttpPipelinedRequests));
}

TEST(HttpServerTest, HeadGetsTheHeadAlone) {
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.body = "12345"});
  };
  RawClient client(harness);
  client.Send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kGet));
  EXPECT_TRUE(client.Receive("12345"));
  EXPECT_EQ(client.Take(),
            OkReply("12345").substr(0, OkReply("12345").size() - 5) + OkReply("12345"));
}

TEST(HttpServerTest, NoContentHasNoLength) {
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) { exchange->Send({.status = 204}); };
  RawClient client(harness);
  client.Send(kGet);
  EXPECT_TRUE(client.Receive("\r\n\r\n"));
  EXPECT_EQ(client.Take(), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(HttpServerTest, ContinueIsSentBeforeTheBodyIsAndAfterEarlierReplies) {
  ServerHarness harness;
  RawClient client(harness);
  const std::string head =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  client.Send(std::string(kGet) + head);
  client.Read();
  EXPECT_EQ(client.received, "");
  AnswerTarget(harness.held[0]);
  EXPECT_TRUE(client.Receive("100 Continue\r\n\r\n"));
  EXPECT_EQ(client.Take(), OkReply("/a") + "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("h");
  client.Send("i");
  ASSERT_TRUE(harness.WaitForHeld(2));
  Echo(harness.held[1]);
  EXPECT_TRUE(client.Receive("hi"));
  EXPECT_EQ(client.Take(), OkReply("hi"));
  // A client that does not wait gets no interim reply.
  harness.on_request = Echo;
  client.Send(head + "yo");
  EXPECT_TRUE(client.Receive("yo"));
  EXPECT_EQ(client.Take(), OkReply("yo"));
}

TEST(HttpServerTest, ExpectationsThatCannotBeMetGet417) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.Take(),
            ErrorReply("417 Expectation Failed", "only 'Expect: 100-continue' can be met"));
}

TEST(HttpServerTest, ConnectionStaysOrClosesAsAsked) {
  const struct {
    const char* request;
    const char* header;
    bool closes;
  } rows[] = {
      {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "", false},
      {"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "Connection: close\r\n", true},
      {"GET /a HTTP/1.0\r\n\r\n", "Connection: close\r\n", true},
      {"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n", false},
  };
  for (const auto& row : rows) {
    ServerHarness harness;
    harness.on_request = AnswerTarget;
    RawClient client(harness);
    client.Send(row.request);
    EXPECT_TRUE(client.Receive("/a"));
    harness.Settle();
    client.Read();
    EXPECT_EQ(client.received, OkReply("/a", row.header)) << row.request;
    EXPECT_EQ(client.ended, row.closes) << row.request;
  }
}

TEST(HttpServerTest, NothingIsReadBehindConnectionClose) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + std::string(kGet));
  ASSERT_TRUE(harness.WaitForHeld(1));
  client.Send(kGet);
  EXPECT_EQ(harness.held.size(), 1u);
  AnswerTarget(harness.held[0]);
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.Take(), OkReply("/a", "Connection: close\r\n"));
}

TEST(HttpServerTest, BadRequestGetsTheErrorBodyBehindEarlierRepliesThenTheEnd) {
  ServerOptions options;
  options.error_body = [](int status, std::string_view text) {
    return std::to_string(status) + "!" + std::string(text);
  };
  ServerHarness harness(std::move(options));
  RawClient client(harness);
  client.Send(std::string(kGet) + "GET / HTTP/1.1\nHost: h\r\n\r\n" + std::string(kGet));
  client.Read();
  EXPECT_EQ(client.received, "");
  ASSERT_TRUE(harness.WaitForHeld(1));
  AnswerTarget(harness.held[0]);
  EXPECT_TRUE(client.ReceiveEnd());
  const std::string body = "400!malformed request: a line must end with CRLF";
  EXPECT_EQ(client.Take(), OkReply("/a") +
                               "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
                               "Content-Length: " +
                               std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
                               body);
  EXPECT_EQ(harness.held.size(), 1u);
}

TEST(HttpServerTest, ErrorForHeadHasNoBody) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send("HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.received.substr(0, 24), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(client.received.substr(client.received.find("\r\n\r\n")), "\r\n\r\n");
}

TEST(HttpServerTest, BodyOverLimitIsAnsweredBeforeItIsSent) {
  ServerOptions options;
  options.max_body_bytes = 100;
  ServerHarness harness(std::move(options));
  RawClient client(harness);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
  EXPECT_TRUE(client.Receive("}"));
  EXPECT_EQ(client.Take(),
            ErrorReply("400 Bad Request",
                       "request JSON size of 101 bytes exceeds the maximum allowed input size of "
                       "100 bytes"));
}

TEST(HttpServerTest, RefusedClientThatGoesOnSendingStillGetsTheReply) {
  ServerOptions options;
  options.max_body_bytes = 100;
  ServerHarness harness(std::move(options));
  RawClient client(harness);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n");
  client.Send(std::string(8388608, 'x'));
  EXPECT_TRUE(client.Receive("100 bytes\"}"));
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(harness.server().connection_count(), 1u);
  client.Close();
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(HttpServerTest, RefusedClientThatNeverLeavesIsCutOff) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send("bad\r\n");
  harness.Advance(limits::kHttpLingerTimeout - milliseconds(1));
  EXPECT_EQ(harness.server().connection_count(), 1u);
  harness.Advance(milliseconds(1));
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(HttpServerTest, SlowHeadersGet408AtTheirDeadline) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 9; ++i) {
    harness.Advance(seconds(1));
    client.Send("X: y\r\n");
  }
  harness.Advance(milliseconds(999));
  client.Read();
  EXPECT_EQ(client.received, "");
  harness.Advance(milliseconds(1));
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.Take(),
            ErrorReply("408 Request Timeout", "the headers of the request took too long"));
}

TEST(HttpServerTest, DeadlineOfHeadersStartsWithEachRequest) {
  ServerHarness harness;
  harness.on_request = AnswerTarget;
  RawClient client(harness);
  for (int i = 0; i < 4; ++i) {
    client.Send("GET /x HTTP/1.1\r\n");
    harness.Advance(seconds(9));
    client.Send("Host: h\r\n\r\n");
    EXPECT_TRUE(client.Receive("/x"));
    EXPECT_EQ(client.Take(), OkReply("/x"));
  }
}

TEST(HttpServerTest, TrickledBodyIsNoProgress) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  for (int i = 0; i < 59; ++i) {
    harness.Advance(seconds(1));
    client.Send("x");
  }
  client.Read();
  EXPECT_EQ(client.received, "");
  harness.Advance(seconds(1));
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.Take(),
            ErrorReply("408 Request Timeout", "the body of the request took too long"));
}

TEST(HttpServerTest, BodyThatMovesMayTakeItsTime) {
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.body = std::to_string(exchange->request().body.size())});
  };
  RawClient client(harness);
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 327680\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    harness.Advance(seconds(50));
    client.Send(std::string(32768, 'x'));
  }
  EXPECT_TRUE(client.Receive("327680"));
}

TEST(HttpServerTest, SilentAndIdleConnectionsAreClosedQuietly) {
  ServerHarness harness;
  harness.on_request = AnswerTarget;
  RawClient silent(harness);
  RawClient idle(harness);
  idle.Send(kGet);
  EXPECT_TRUE(idle.Receive("/a"));
  idle.Take();
  harness.Advance(limits::kHttpHeaderTimeout);
  EXPECT_TRUE(silent.ReceiveEnd());
  EXPECT_EQ(silent.received, "");
  harness.Advance(limits::kHttpIdleTimeout - limits::kHttpHeaderTimeout - milliseconds(1));
  EXPECT_EQ(harness.server().connection_count(), 1u);
  harness.Advance(milliseconds(1));
  EXPECT_TRUE(idle.ReceiveEnd());
  EXPECT_EQ(idle.received, "");
}

TEST(HttpServerTest, WaitingForAHandlerHasNoDeadlineHere) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send(kGet);
  harness.Advance(seconds(10'000));
  ASSERT_TRUE(harness.WaitForHeld(1));
  AnswerTarget(harness.held[0]);
  EXPECT_TRUE(client.Receive("/a"));
}

TEST(HttpServerTest, ReplyThatIsNeverReadEndsAtTheDeadline) {
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.body = std::string(32 * 1024 * 1024, 'x')});
  };
  RawClient client(harness);
  client.Send(kGet);
  harness.Advance(limits::kHttpWriteTimeout - milliseconds(1));
  EXPECT_EQ(harness.server().connection_count(), 1u);
  harness.Advance(milliseconds(1));
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(HttpServerTest, LargeReplyArrivesWhole) {
  ServerHarness harness;
  const std::string body = std::string(20 * 1024 * 1024, 'x') + "end";
  harness.on_request = [&](std::shared_ptr<Exchange> exchange) { exchange->Send({.body = body}); };
  RawClient client(harness);
  client.Send(std::string(kGet) + std::string(kGet));
  EXPECT_TRUE(harness.RunUntil([&] {
    client.Read();
    return client.received.size() == 2 * OkReply(body).size();
  }));
  EXPECT_TRUE(client.received == OkReply(body) + OkReply(body));
}

TEST(HttpServerTest, PipelinedRequestsWaitWhileRepliesAreNotRead) {
  ServerHarness harness;
  int handled = 0;
  harness.on_request = [&](std::shared_ptr<Exchange> exchange) {
    ++handled;
    exchange->Send({.body = std::string(4 * 1024 * 1024, 'x')});
  };
  RawClient client(harness);
  std::string requests;
  for (int i = 0; i < 60; ++i) requests += kGet;
  client.Send(requests);
  EXPECT_LT(handled, 10);
  EXPECT_TRUE(harness.RunUntil([&] {
    client.Read();
    client.received.clear();
    return handled == 60;
  }));
}

TEST(HttpServerTest, UnsentRepliesOverTheirBoundCloseTheConnection) {
  ServerHarness harness;
  RawClient client(harness);
  std::string requests;
  for (int i = 0; i < 5; ++i) requests += kGet;
  client.Send(requests);
  ASSERT_TRUE(harness.WaitForHeld(5));
  // 4 x 64 MiB and their heads exceed 256 MiB; malloc gives the memory without touching it.
  for (int i = 0; i < 4; ++i) {
    std::string body;
    body.resize(64 * 1024 * 1024);
    harness.held[static_cast<size_t>(i)]->Send({.body = std::move(body)});
  }
  harness.Settle();
  EXPECT_TRUE(harness.WaitForConnections(0));
  EXPECT_TRUE(harness.held[4]->client_gone());
}

TEST(HttpServerTest, ClientThatLeavesIsNoticedInEveryState) {
  for (const char* sent :
       {"", "GET", "GET / HTTP/1.1\r\nHo",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    for (const bool pending : {false, true}) {
      ServerHarness harness;
      RawClient client(harness);
      client.Send((pending ? std::string(kGet) : std::string()) + sent);
      ASSERT_TRUE(harness.WaitForHeld(pending ? 1 : 0)) << sent;
      if (pending) {
        EXPECT_FALSE(harness.held[0]->client_gone());
      }
      client.Close();
      EXPECT_TRUE(harness.WaitForConnections(0)) << sent;
      if (!pending) continue;
      EXPECT_TRUE(harness.held[0]->client_gone()) << sent;
      AnswerTarget(harness.held[0]);  // dropped
      harness.held.clear();
      harness.Settle();
    }
  }
}

TEST(HttpServerTest, ClientThatResetsIsNoticedWithoutReading) {
  ServerHarness harness;
  RawClient client(harness);
  std::string requests;
  for (size_t i = 0; i < limits::kHttpPipelinedRequests; ++i) requests += kGet;
  client.Send(requests);
  const linger reset{1, 0};
  ASSERT_EQ(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
  client.Close();
  EXPECT_TRUE(harness.WaitForConnections(0));
  for (const auto& exchange : harness.held) EXPECT_TRUE(exchange->client_gone());
}

TEST(HttpServerTest, WritingToAClientThatLeftRaisesNoSignal) {
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.body = std::string(8 * 1024 * 1024, 'x')});
  };
  RawClient client(harness);
  client.Send(kGet);
  client.Close();
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(HttpServerTest, RepliesUnderWayReachAClientThatEndedItsSide) {
  ServerHarness harness;
  const std::string body(16 * 1024 * 1024, 'x');
  harness.on_request = [&](std::shared_ptr<Exchange> exchange) { exchange->Send({.body = body}); };
  RawClient client(harness);
  client.Send(kGet);
  client.ShutdownWrite();
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.received.size(), OkReply(body).size());
}

TEST(HttpServerTest, UnansweredExchangeGets500) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send(kGet);
  harness.held.clear();
  EXPECT_TRUE(client.Receive("without an answer"));
  EXPECT_EQ(client.received.substr(0, 12), "HTTP/1.1 500");
}

TEST(HttpServerTest, ExchangeMayOutliveTheServer) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send(std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(harness.WaitForHeld(2));
  harness.DestroyServer();
  EXPECT_TRUE(harness.held[0]->client_gone());
  AnswerTarget(harness.held[0]);
  harness.held.clear();
  EXPECT_TRUE(client.ReceiveEnd());
}

TEST(HttpServerTest, ConnectionsOverTheLimitGet503) {
  ServerOptions options;
  options.max_connections = 2;
  ServerHarness harness(std::move(options));
  harness.on_request = AnswerTarget;
  RawClient first(harness);
  RawClient second(harness);
  RawClient third(harness);
  EXPECT_TRUE(third.ReceiveEnd());
  EXPECT_EQ(third.received.substr(0, 32), "HTTP/1.1 503 Service Unavailable");
  EXPECT_EQ(harness.server().connection_count(), 2u);
  first.Close();
  RawClient fourth(harness);
  fourth.Send(kGet);
  EXPECT_TRUE(fourth.Receive("/a"));
}

TEST(HttpServerTest, DrainClosesIdleConnectionsAndAnswersTheRest) {
  ServerHarness harness;
  RawClient idle(harness);
  RawClient waiting(harness);
  RawClient sending(harness);
  idle.Send(kGet);
  AnswerTarget(harness.held.at(0));
  EXPECT_TRUE(idle.Receive("/a"));
  waiting.Send(std::string(kGet) + std::string(kGet));
  sending.Send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx");
  harness.server().Drain();
  EXPECT_TRUE(idle.ReceiveEnd());
  AnswerTarget(harness.held.at(1));
  AnswerTarget(harness.held.at(2));
  EXPECT_TRUE(waiting.ReceiveEnd());
  EXPECT_EQ(waiting.received, OkReply("/a") + OkReply("/a", "Connection: close\r\n"));
  sending.Send("y");
  AnswerTarget(harness.held.at(3));
  EXPECT_TRUE(sending.ReceiveEnd());
  EXPECT_EQ(sending.received, OkReply("/b", "Connection: close\r\n"));
  idle.Close();
  waiting.Close();
  sending.Close();
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(HttpServerTest, DrainAnswersRequestsThatArrivedBefore) {
  ServerHarness harness;
  harness.on_request = AnswerTarget;
  RawClient idle(harness);
  idle.Send(kGet);
  EXPECT_TRUE(idle.Receive("/a"));
  idle.Take();
  // In the sockets, not read by the server yet.
  auto backlog = os::ConnectTcp("127.0.0.1", harness.port());
  ASSERT_TRUE(backlog.ok());
  const auto bytes = std::as_bytes(std::span<const char>(kGet));
  os::WriteSome(idle.fd(), bytes);
  os::WriteSome(backlog->get(), bytes);
  harness.server().Drain();
  EXPECT_TRUE(idle.ReceiveEnd());
  EXPECT_EQ(idle.received, OkReply("/a", "Connection: close\r\n"));
  harness.Settle();
  std::vector<std::byte> buffer(4096);
  EXPECT_EQ(os::ReadSome(backlog->get(), buffer).bytes,
            OkReply("/a", "Connection: close\r\n").size());
}

TEST(HttpServerTest, DrainClosesSilentConnectionsAfterAMoment) {
  ServerHarness harness;
  RawClient silent(harness);
  harness.server().Drain();
  harness.Advance(limits::kHttpDrainGrace - milliseconds(1));
  EXPECT_EQ(harness.server().connection_count(), 1u);
  harness.Advance(milliseconds(1));
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(HttpServerTest, DrainInsideAHandlerIsSafe) {
  ServerHarness harness;
  harness.on_request = [&](std::shared_ptr<Exchange> exchange) {
    harness.server().Drain();
    AnswerTarget(std::move(exchange));
  };
  RawClient idle(harness);
  RawClient client(harness);
  client.Send(kGet);
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.received, OkReply("/a", "Connection: close\r\n"));
}

// The sanitizers open descriptors of their own and count memory of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(HttpServerTest, OutOfDescriptorsItRestsThenRecovers) {
  ServerHarness harness;
  harness.on_request = AnswerTarget;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto client_fd = os::ConnectTcp("127.0.0.1", harness.port());
  ASSERT_TRUE(client_fd.ok());
  // No descriptor above those in use: accept fails with EMFILE.
  const rlimit none{static_cast<rlim_t>(client_fd->get()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  harness.Settle();
  EXPECT_TRUE(harness.WaitForConnections(0));
  // It does not spin: nothing wakes the loop while it rests.
  bool woken = false;
  harness.loop().StartTimer(harness.loop().clock().Now() + limits::kAcceptBackOff * 2,
                            [&] { woken = true; });
  harness.Settle();
  EXPECT_FALSE(woken);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  harness.Settle();
  EXPECT_EQ(harness.server().connection_count(), 0u) << "it did not rest";
  harness.Advance(limits::kAcceptBackOff);
  EXPECT_EQ(harness.server().connection_count(), 1u);
}

TEST(HttpServerTest, IdleConnectionHoldsNoBuffers) {
  constexpr size_t kConnections = 200;
  ServerHarness harness;
  harness.on_request = [](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.body = std::string(100'000, 'x')});
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto use = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<RawClient>(harness));
      clients.back()->Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" +
                           std::string(100'000, 'y'));
      EXPECT_TRUE(harness.RunUntil([&] {
        clients.back()->Read();
        return clients.back()->received.size() > 100'000;
      }));
      std::string().swap(clients.back()->received);
    }
  };
  use(10);  // what the server keeps once
  const size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  use(kConnections);
  const size_t after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  EXPECT_LT((after - before) / kConnections, 4096u);
  RecordProperty("idle_bytes", static_cast<int>((after - before) / kConnections));
}
#endif

}  // namespace
}  // namespace throng::http
