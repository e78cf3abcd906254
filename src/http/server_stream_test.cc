// Replies in pieces, and connections that were accepted elsewhere.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/server.h"
#include "http/testing/server_harness.h"
#include "os/network/unix_socket.h"
#include "os/testing/temporary_directory.h"

namespace throng::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::RawClient;
using testing::ServerHarness;

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string OkReply(std::string_view body, std::string_view extra = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + std::string(extra) + "\r\n" + std::string(body);
}

// A client, its request and the stream that answers it.
struct Streaming {
  explicit Streaming(std::string_view request = kGet, Reply head = {}) : client(harness) {
    client.Send(request);
    THRONG_CHECK(harness.WaitForHeld(1));
    stream = harness.held[0]->StartStream(std::move(head));
    harness.held.clear();
  }
  ServerHarness harness;
  RawClient client;
  std::unique_ptr<ReplyStream> stream;
};

TEST(ReplyStreamTest, PiecesAreChunksAndTheConnectionStays) {
  Streaming s(kGet, {.body = "first"});
  EXPECT_TRUE(s.client.Receive("first\r\n"));
  EXPECT_EQ(s.client.Take(), std::string(kChunkedHead) + "5\r\nfirst\r\n");
  s.stream->Write("");
  s.stream->Write(std::string(20, 'x'));
  EXPECT_TRUE(s.client.Receive("x\r\n"));
  EXPECT_EQ(s.client.Take(), "14\r\n" + std::string(20, 'x') + "\r\n");
  s.stream->Finish();
  EXPECT_TRUE(s.client.Receive("0\r\n\r\n"));
  EXPECT_EQ(s.client.Take(), "0\r\n\r\n");
  s.stream.reset();
  s.harness.on_request = [](std::shared_ptr<Exchange> exchange) { exchange->Send({.body = "2"}); };
  s.client.Send(kGet);
  EXPECT_TRUE(s.client.Receive("\r\n\r\n2"));
  EXPECT_EQ(s.client.Take(), OkReply("2"));
}

TEST(ReplyStreamTest, HeadOfTheReplyIsSentAtOnce) {
  Streaming s;
  EXPECT_TRUE(s.client.Receive("\r\n\r\n"));
  EXPECT_EQ(s.client.Take(), kChunkedHead);
}

TEST(ReplyStreamTest, AContentLengthIsKept) {
  Streaming s(kGet, {.content_type = "", .headers = {{"content-length", "5"}, {"X", "y"}}});
  s.stream->Write("ab");
  s.stream->Write("cde");
  s.stream->Finish();
  s.client.Send(kGet);
  ASSERT_TRUE(s.harness.WaitForHeld(1));
  s.client.Read();
  EXPECT_EQ(s.client.Take(), "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nabcde");
}

TEST(ReplyStreamTest, BodiesOfAnotherLengthThanPromisedCutTheConnection) {
  for (const std::string_view body : {"abcd", "abcdef"}) {
    Streaming s(kGet, {.headers = {{"Content-Length", "5"}}});
    s.stream->Write(body);
    s.stream->Finish();
    s.stream.reset();
    EXPECT_TRUE(s.harness.WaitForConnections(0)) << body;
    s.client.Read();
    EXPECT_EQ(s.client.received.find("abcdef"), std::string::npos);
  }
}

TEST(ReplyStreamTest, StreamsKeepTheOrderOfPipelinedRequests) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send(std::string(kGet) + std::string(kGet) + std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(harness.WaitForHeld(4));
  auto third = harness.held[2]->StartStream({.body = "3a"});
  auto second = harness.held[1]->StartStream({.body = "2a"});
  harness.held[3]->Send({.body = "four"});
  third->Write("3b");
  third->Finish();
  EXPECT_EQ(second->unsent_bytes(), 7u);
  harness.Settle();
  client.Read();
  EXPECT_EQ(client.received, "");
  harness.held[0]->Send({.body = "one"});
  EXPECT_TRUE(client.Receive("2a\r\n"));
  EXPECT_EQ(client.Take(), OkReply("one") + std::string(kChunkedHead) + "2\r\n2a\r\n");
  EXPECT_EQ(second->unsent_bytes(), 0u);
  second->Finish();
  EXPECT_TRUE(client.Receive("four"));
  EXPECT_EQ(client.Take(), "0\r\n\r\n" + std::string(kChunkedHead) +
                               "2\r\n3a\r\n2\r\n3b\r\n0\r\n\r\n" + OkReply("four"));
  EXPECT_EQ(harness.server().connection_count(), 1u);
}

TEST(ReplyStreamTest, AnUnfinishedStreamCutsTheConnectionBehindWhatWasWritten) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send(std::string(kGet) + std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(harness.WaitForHeld(3));
  auto second = harness.held[1]->StartStream({.body = "2a"});
  second.reset();
  harness.Settle();
  EXPECT_EQ(harness.server().connection_count(), 1u);
  EXPECT_FALSE(harness.held[2]->client_gone());
  auto first = harness.held[0]->StartStream({});
  first->Write("1a");
  first->Finish();
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.received, std::string(kChunkedHead) + "2\r\n1a\r\n0\r\n\r\n");
  EXPECT_TRUE(harness.held[2]->client_gone());

  Streaming s(kGet, {.body = "abc"});
  s.stream.reset();
  EXPECT_TRUE(s.client.ReceiveEnd());
  EXPECT_EQ(s.client.received, std::string(kChunkedHead) + "3\r\nabc\r\n");
}

TEST(ReplyStreamTest, Http10GetsTheBodyUntilTheEnd) {
  for (const std::string_view connection : {"", "Connection: keep-alive\r\n"}) {
    Streaming s("GET / HTTP/1.0\r\n" + std::string(connection) + "\r\n", {.body = "a"});
    s.stream->Write("b");
    EXPECT_TRUE(s.client.Receive("ab"));
    EXPECT_FALSE(s.client.ended);
    s.stream->Finish();
    EXPECT_TRUE(s.client.ReceiveEnd());
    EXPECT_EQ(s.client.received,
              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\nab");
  }
  // With a length it may stay.
  Streaming s("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
              {.headers = {{"Content-Length", "1"}}, .body = "a"});
  s.stream->Finish();
  EXPECT_TRUE(s.client.Receive("\r\n\r\na"));
  EXPECT_NE(s.client.received.find("Connection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(s.harness.server().connection_count(), 1u);
}

TEST(ReplyStreamTest, Http10PipeliningEndsWithAStream) {
  ServerHarness harness;
  RawClient client(harness);
  const std::string request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  client.Send(request + request);
  ASSERT_TRUE(harness.WaitForHeld(2));
  harness.held[1]->Send({.body = "two"});
  auto first = harness.held[0]->StartStream({.body = "one"});
  first->Finish();
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.received,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\none");
}

TEST(ReplyStreamTest, HeadAndNoContentHaveNoBody) {
  Streaming head("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
                 {.headers = {{"Content-Length", "3"}}, .body = "abc"});
  head.stream->Write("more than that");
  head.stream->Finish();
  EXPECT_TRUE(head.client.Receive("\r\n\r\n"));
  head.harness.Settle();
  head.client.Read();
  EXPECT_EQ(head.client.received, OkReply("abc").substr(0, OkReply("abc").size() - 3));
  EXPECT_EQ(head.harness.server().connection_count(), 1u);

  Streaming none(kGet, {.status = 204, .headers = {{"Content-Length", "3"}}, .body = "abc"});
  none.stream->Finish();
  EXPECT_TRUE(none.client.Receive("\r\n\r\n"));
  EXPECT_EQ(none.client.received, "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(ReplyStreamTest, ASilentStreamIsNoStalledWriterAndAStalledOneIsClosed) {
  Streaming s(kGet, {.body = "a"});
  EXPECT_TRUE(s.client.Receive("a"));
  s.harness.Advance(seconds(10'000));
  EXPECT_EQ(s.harness.server().connection_count(), 1u);
  EXPECT_FALSE(s.stream->client_gone());
  s.stream->Write(std::string(32 * 1024 * 1024, 'x'));
  s.harness.Advance(limits::kHttpWriteTimeout - milliseconds(1));
  EXPECT_FALSE(s.stream->client_gone());
  s.harness.Advance(milliseconds(1));
  EXPECT_TRUE(s.harness.WaitForConnections(0));
  EXPECT_TRUE(s.stream->client_gone());
  s.stream->Write("x");
  s.stream->Finish();
}

TEST(ReplyStreamTest, ProgressIsToldWhenAllIsTakenAndNeverFromInside) {
  Streaming s;
  int told = 0;
  bool inside = false;
  s.stream->OnProgress([&] {
    EXPECT_FALSE(inside);
    EXPECT_EQ(s.stream->unsent_bytes(), 0u);
    if (++told > 3) return;
    inside = true;
    s.stream->Write("piece");
    inside = false;
  });
  s.stream->Write("start");
  EXPECT_EQ(told, 0);
  EXPECT_TRUE(s.harness.RunUntil([&] { return told == 4; }));
  s.harness.Settle();
  EXPECT_EQ(told, 4) << "nothing was written since";
  s.stream->Write(std::string(32 * 1024 * 1024, 'x'));
  s.harness.Settle();
  EXPECT_EQ(told, 4);
  EXPECT_GT(s.stream->unsent_bytes(), 0u);
  EXPECT_TRUE(s.harness.RunUntil([&] {
    s.client.Read();
    return told == 5;
  }));
}

TEST(ReplyStreamTest, AClientThatLeavesIsToldOnce) {
  for (const bool has_output : {false, true}) {
    Streaming s;
    int told = 0;
    s.stream->OnProgress([&] { told += s.stream->client_gone() ? 1 : 0; });
    if (has_output) s.stream->Write(std::string(16 * 1024 * 1024, 'x'));
    s.harness.Settle();
    EXPECT_EQ(told, 0);
    s.client.Close();
    EXPECT_TRUE(s.harness.RunUntil([&] { return told == 1; }));
    EXPECT_TRUE(s.harness.WaitForConnections(0));
    s.stream->Write("x");
    s.harness.Settle();
    EXPECT_EQ(told, 1);
  }
}

TEST(ReplyStreamTest, TheHandlerMayDestroyTheStream) {
  Streaming s;
  s.stream->OnProgress([&, kept = std::string(100, 'k')] {
    s.stream.reset();
    EXPECT_EQ(kept.size(), 100u);
  });
  s.stream->Write("x");
  EXPECT_TRUE(s.client.ReceiveEnd());
  EXPECT_EQ(s.stream, nullptr);
}

TEST(ReplyStreamTest, UnsentBytesOverTheirBoundCloseTheConnection) {
  Streaming s;
  const std::string piece(64 * 1024 * 1024, 'x');
  for (int i = 0; i < 3; ++i) s.stream->Write(piece);
  EXPECT_FALSE(s.stream->client_gone());
  s.stream->Write(piece);
  EXPECT_TRUE(s.stream->client_gone());
  EXPECT_TRUE(s.harness.WaitForConnections(0));
}

TEST(ReplyStreamTest, StreamsMayOutliveTheServerAndBeginWithoutAClient) {
  Streaming s;
  s.client.Send(kGet);
  ASSERT_TRUE(s.harness.WaitForHeld(1));
  s.harness.DestroyServer();
  EXPECT_TRUE(s.stream->client_gone());
  s.stream->Write("x");
  s.stream->Finish();
  auto late = s.harness.held[0]->StartStream({.body = "x"});
  EXPECT_TRUE(late->client_gone());
  late->OnProgress([] {});
  late->Write("x");
  EXPECT_EQ(late->unsent_bytes(), 0u);
  late->Finish();
}

TEST(ReplyStreamTest, DrainWaitsForTheStreamAndCloses) {
  Streaming before;  // its head promised that the connection stays
  EXPECT_TRUE(before.client.Receive("\r\n\r\n"));
  before.harness.server().Drain();
  before.harness.Advance(seconds(100));
  before.stream->Write("a");
  before.stream->Finish();
  EXPECT_TRUE(before.client.ReceiveEnd());
  EXPECT_EQ(before.client.received, std::string(kChunkedHead) + "1\r\na\r\n0\r\n\r\n");

  ServerHarness harness;
  RawClient client(harness);
  client.Send(kGet);
  ASSERT_TRUE(harness.WaitForHeld(1));
  harness.server().Drain();
  auto stream = harness.held[0]->StartStream({.body = "b"});
  EXPECT_TRUE(client.Receive("b\r\n"));
  EXPECT_NE(client.received.find("Connection: close\r\n"), std::string::npos);
  EXPECT_FALSE(client.ended);
  stream->Finish();
  EXPECT_TRUE(client.ReceiveEnd());
}

TEST(ReplyStreamTest, LargePiecesArriveWhole) {
  Streaming s;
  std::string expected(kChunkedHead);
  for (const size_t size : {16u * 1024, 16u * 1024 + 1, 1'000'000u, 1u}) {
    const std::string piece(size, 'p');
    s.stream->Write(piece);
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%zx\r\n", size);
    expected += text.data() + piece + "\r\n";
  }
  s.stream->Finish();
  expected += "0\r\n\r\n";
  EXPECT_TRUE(s.harness.RunUntil([&] {
    s.client.Read();
    return s.client.received.size() >= expected.size();
  }));
  EXPECT_TRUE(s.client.received == expected);
}

TEST(ClientGoneTest, IsToldOnceUnlessTheRequestIsAnsweredOrDropped) {
  ServerHarness harness;
  RawClient client(harness);
  client.Send(std::string(kGet) + std::string(kGet) + std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(harness.WaitForHeld(4));
  EXPECT_EQ(harness.held[0]->client_address(), "127.0.0.1");
  std::string told;
  for (int i = 0; i < 4; ++i) {
    harness.held[static_cast<size_t>(i)]->OnClientGone([&, i] {
      told += std::to_string(i);
      harness.held.pop_back();  // the last one is dropped before it is told
    });
  }
  harness.held[0]->Send({});
  harness.held[1]->StartStream({})->Finish();
  client.Close();
  EXPECT_TRUE(harness.RunUntil([&] { return !told.empty(); }));
  harness.Settle();
  EXPECT_EQ(told, "2");
  EXPECT_EQ(harness.held[2]->client_address(), "");
}

TEST(AdoptTest, ConnectionsAcceptedElsewhereCarryTheirPeer) {
  ServerHarness harness;
  auto server = HttpServer::Start(harness.loop(), -1, {}, [](std::shared_ptr<Exchange> exchange) {
    const PeerIdentity* peer = exchange->peer();
    exchange->Send({.body = peer == nullptr ? "nobody" : peer->user + peer->groups.at(0)});
  });
  ASSERT_TRUE(server.ok());
  os::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.sock";
  const auto listener = os::ListenUnix(path);
  ASSERT_TRUE(listener.ok());
  auto peer = std::make_shared<const PeerIdentity>(PeerIdentity{"root", {"masters"}});
  for (const bool known : {true, false}) {
    auto fd = os::ConnectUnix(path);
    ASSERT_TRUE(fd.ok());
    RawClient client(harness, std::move(*fd));
    auto accepted = os::Accept(listener->get());
    ASSERT_TRUE(accepted.ok() && accepted->has_value());
    (*server)->Adopt(std::move(**accepted), known ? peer : nullptr);
    EXPECT_EQ((*server)->connection_count(), 1u);
    for (int i = 0; i < 2; ++i) {
      client.Send(kGet);
      EXPECT_TRUE(client.Receive(known ? "rootmasters" : "nobody"));
      client.Take();
    }
    client.Close();
    EXPECT_TRUE(harness.RunUntil([&] { return (*server)->connection_count() == 0; }));
  }
  (*server)->Drain();
}

TEST(AdoptTest, ConnectionsOverTheLimitAreTurnedAwayAndDrainedOnesClosed) {
  ServerHarness harness;
  ServerOptions options;
  options.max_connections = 1;
  auto server =
      HttpServer::Start(harness.loop(), -1, options,
                        [](std::shared_ptr<Exchange> exchange) { exchange->Send({.body = "{}"}); });
  ASSERT_TRUE(server.ok());
  os::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/a.sock";
  const auto listener = os::ListenUnix(path);
  const auto connect = [&] {
    auto client = std::make_unique<RawClient>(harness, std::move(*os::ConnectUnix(path)));
    (*server)->Adopt(std::move(**os::Accept(listener->get())), nullptr);
    return client;
  };
  auto first = connect();
  auto second = connect();
  EXPECT_TRUE(second->ReceiveEnd());
  EXPECT_EQ(second->received.substr(0, 12), "HTTP/1.1 503");
  first->Send(kGet);
  EXPECT_TRUE(first->Receive("{}"));
  (*server)->Drain();
  EXPECT_TRUE(first->ReceiveEnd());
  EXPECT_TRUE(harness.RunUntil([&] { return (*server)->connection_count() == 0; }));
  auto third = connect();
  third->Send(kGet);
  EXPECT_TRUE(third->ReceiveEnd());
  EXPECT_NE(third->received.find("Connection: close"), std::string::npos);
}

}  // namespace
}  // namespace throng::http
