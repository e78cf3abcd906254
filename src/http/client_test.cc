#include "http/client.h"

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "http/reply_parser.h"
#include "os/event_loop.h"
#include "os/socket.h"

namespace throng::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime In(Duration duration) { return os::RealClock().Now() + duration; }

// A real server on a thread of its own.
class ThreadedServer {
 public:
  explicit ThreadedServer(HttpServer::Handler handler, ServerOptions options = {})
      : loop_(std::move(*os::EventLoop::Create(os::RealClock()))),
        listener_(std::move(*os::ListenTcp("127.0.0.1", 0))),
        server_(std::move(
            *HttpServer::Start(*loop_, listener_.get(), std::move(options), std::move(handler)))),
        thread_([this] { loop_->Run(); }) {}
  ~ThreadedServer() {
    loop_->Stop();
    thread_.join();
  }
  uint16_t port() const { return *os::LocalPort(listener_.get()); }

 private:
  std::unique_ptr<os::EventLoop> loop_;
  os::UniqueFd listener_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

// Answers each connection in turn with the next of `replies` when a request's head has arrived,
// then closes it.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> replies)
      : listener_(std::move(*os::ListenTcp("127.0.0.1", 0))),
        thread_([this, replies = std::move(replies)] {
          for (const std::string& reply : replies) Serve(reply);
        }) {}
  ~ScriptedServer() { thread_.join(); }
  uint16_t port() const { return *os::LocalPort(listener_.get()); }

 private:
  void Serve(const std::string& reply) {
    if (!os::WaitReadable(listener_.get(), 10'000)) return;
    auto accepted = os::Accept(listener_.get());
    if (!accepted.ok() || !accepted->has_value()) return;
    const int fd = (*accepted)->get();
    std::string request;
    std::array<std::byte, 4096> buffer;
    while (request.find("\r\n\r\n") == std::string::npos && os::WaitReadable(fd, 10'000)) {
      const os::IoResult result = os::ReadSome(fd, buffer);
      if (result.kind != os::IoResult::Kind::kDone) break;
      request.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
    os::WriteSome(fd, std::as_bytes(std::span<const char>(reply)));
  }

  os::UniqueFd listener_;
  std::thread thread_;
};

StatusCode CodeOf(const std::string& reply) {
  ScriptedServer server({reply});
  HttpClient client(1000);
  return client.Send("127.0.0.1", server.port(), "GET", "/", {}, "", In(seconds(10)))
      .status()
      .code();
}

void Echo(std::shared_ptr<Exchange> exchange) {
  const std::string* tag = exchange->request().FindHeader("X-Tag");
  exchange->Send(
      {.status = 201,
       .headers = {{"X-Method", exchange->request().method}, {"X-Tag", tag == nullptr ? "" : *tag}},
       .body = std::move(exchange->request().body)});
}

TEST(HttpClientTest, SendsAndReceivesOverOneConnection) {
  ThreadedServer server(Echo);
  HttpClient client;
  for (const size_t body_bytes : {0u, 5u, 3'000'000u}) {
    const std::string body(body_bytes, 'b');
    const auto reply = client.Send("127.0.0.1", server.port(), "POST", "/v2", {{"X-Tag", "t"}},
                                   body, In(seconds(30)));
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
    EXPECT_EQ(reply->status, 201);
    EXPECT_EQ(reply->reason, "Created");
    EXPECT_EQ(*reply->FindHeader("x-method"), "POST");
    EXPECT_EQ(*reply->FindHeader("x-tag"), "t");
    EXPECT_TRUE(reply->body == body);
  }
  const auto head = client.Send("127.0.0.1", server.port(), "HEAD", "/", {}, "", In(seconds(30)));
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->body, "");
}

TEST(HttpClientTest, RepliesThatComeBeforeTheBodyIsSentAreReceived) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  ThreadedServer server(Echo, std::move(options));
  HttpClient client;
  const auto reply = client.Send("127.0.0.1", server.port(), "POST", "/", {},
                                 std::string(16 * 1024 * 1024, 'x'), In(seconds(30)));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  EXPECT_EQ(reply->status, 400);
}

TEST(HttpClientTest, InterimRepliesAreSkipped) {
  ThreadedServer server(Echo);
  HttpClient client;
  const auto reply = client.Send("127.0.0.1", server.port(), "POST", "/",
                                 {{"Expect", "100-continue"}}, "body", In(seconds(30)));
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  EXPECT_EQ(reply->body, "body");
}

TEST(HttpClientTest, ConnectionThatWasClosedMeanwhileIsReplaced) {
  ScriptedServer server({"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
                         "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"});
  HttpClient client;
  for (const char* body : {"a", "b"}) {
    const auto reply = client.Send("127.0.0.1", server.port(), "GET", "/", {}, "", In(seconds(10)));
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
    EXPECT_EQ(reply->body, body);
  }
}

TEST(HttpClientTest, ReadsEveryKindOfBody) {
  for (const char* reply :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.0 200\r\n\r\nhi",
        "HTTP/1.1 200 \r\nConnection: close\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1;x=y\r\nh\r\n01\r\ni\r\n0\r\nTrailer: x\r\n\r\n"}) {
    ScriptedServer server({reply});
    HttpClient client;
    const auto result =
        client.Send("127.0.0.1", server.port(), "GET", "/", {}, "", In(seconds(10)));
    ASSERT_TRUE(result.ok()) << reply << result.status().ToString();
    EXPECT_EQ(result->body, "hi") << reply;
  }
}

TEST(HttpClientTest, BadRepliesAreRefused) {
  for (const char* bad :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b"}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kDataLoss) << bad;
  }
  EXPECT_EQ(CodeOf(""), StatusCode::kUnavailable);
}

TEST(HttpClientTest, RepliesAreBounded) {
  EXPECT_EQ(CodeOf("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')),
            StatusCode::kOk);
  EXPECT_EQ(CodeOf("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf("HTTP/1.1 200 OK\r\nX: " + std::string(limits::kHttpHeaderBytes, 'x')),
            StatusCode::kResourceExhausted);
}

TEST(HttpClientTest, DeadlineAndRefusedConnectionAreTold) {
  std::shared_ptr<Exchange> held;
  ThreadedServer server([&](std::shared_ptr<Exchange> exchange) { held = std::move(exchange); });
  HttpClient client;
  EXPECT_EQ(client.Send("127.0.0.1", server.port(), "GET", "/", {}, "", In(milliseconds(20)))
                .status()
                .code(),
            StatusCode::kDeadlineExceeded);
  uint16_t closed_port = 0;
  {
    const auto listener = os::ListenTcp("127.0.0.1", 0);
    closed_port = *os::LocalPort(listener->get());
  }
  EXPECT_EQ(
      client.Send("127.0.0.1", closed_port, "GET", "/", {}, "", In(seconds(10))).status().code(),
      StatusCode::kUnavailable);
}

TEST(HttpClientTest, WhatCannotBeSentIsRefused) {
  HttpClient client;
  const auto code = [&](const char* method, const char* target, std::vector<Header> headers) {
    return client.Send("127.0.0.1", 1, method, target, headers, "", In(seconds(1))).status().code();
  };
  EXPECT_EQ(code("G T", "/", {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("GET", "/a b", {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("GET", "", {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("GET", "/", {{"A", "b\r\nC: d"}}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("GET", "/", {{"A:", "b"}}), StatusCode::kInvalidArgument);
}

TEST(ReplyParserTest, PiecesOfAnySizeGiveTheSameReply) {
  const std::string reply =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n"
      "5\r\nhello\r\n3\r\n yo\r\n0\r\n\r\n";
  for (size_t piece_bytes = 1; piece_bytes < reply.size(); ++piece_bytes) {
    ReplyParser parser(false, 100);
    std::string kept;
    for (size_t at = 0; at < reply.size(); at += piece_bytes) {
      kept += reply.substr(at, piece_bytes);
      const auto used = parser.Feed(kept);
      ASSERT_TRUE(used.ok());
      kept.erase(0, *used);
    }
    ASSERT_TRUE(parser.complete());
    EXPECT_EQ(parser.TakeReply().body, "hello yo");
  }
}

}  // namespace
}  // namespace throng::http
