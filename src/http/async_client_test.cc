#include "http/async_client.h"

#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "http/testing/server_harness.h"
#include "os/network/unix_socket.h"
#include "os/testing/temporary_directory.h"

namespace throng::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ServerHarness;

constexpr MonotonicTime kNever = MonotonicTime::max();

// A call for a whole reply, and what became of it.
struct Outcome {
  std::unique_ptr<AsyncCall> call;
  std::unique_ptr<Result<ClientReply>> result;
  bool done() const { return result != nullptr; }
  StatusCode code() const { return result->status().code(); }
  const ClientReply& reply() const { return **result; }
};

// A server, and a client on the same loop.
class AsyncClientTest : public ::testing::Test {
 protected:
  AsyncClientTest() { Make({}); }
  void Make(AsyncClientOptions options) { client_ = AsyncClient::Create(harness_.loop(), options); }
  CallSpec Spec(std::string method, std::string body = "", uint16_t port = 0) {
    CallSpec spec{.address = {.host = "127.0.0.1", .port = port == 0 ? harness_.port() : port},
                  .method = std::move(method),
                  .target = "/x"};
    if (!body.empty()) spec.body = std::make_shared<const std::string>(std::move(body));
    return spec;
  }
  std::unique_ptr<Outcome> Start(CallSpec spec, MonotonicTime deadline = kNever) {
    auto outcome = std::make_unique<Outcome>();
    outcome->call =
        client_->Start(std::move(spec), deadline, [out = outcome.get()](Result<ClientReply> reply) {
          EXPECT_FALSE(out->done()) << "called back twice";
          out->result = std::make_unique<Result<ClientReply>>(std::move(reply));
        });
    EXPECT_FALSE(outcome->done()) << "called back from inside";
    return outcome;
  }
  bool Wait(const Outcome& outcome) {
    return harness_.RunUntil([&] { return outcome.done(); });
  }
  // Runs a call to its end.
  std::unique_ptr<Outcome> Do(CallSpec spec, MonotonicTime deadline = kNever) {
    auto outcome = Start(std::move(spec), deadline);
    EXPECT_TRUE(Wait(*outcome));
    return outcome;
  }
  MonotonicTime Now() { return harness_.loop().clock().Now(); }

  ServerHarness harness_;
  std::unique_ptr<AsyncClient> client_;
};

// A server of bare bytes on the loop of a harness: each connection is answered by hand.
class BareServer {
 public:
  explicit BareServer(ServerHarness& harness, int backlog = 16)
      : harness_(harness), listener_(std::move(*os::ListenTcp("127.0.0.1", 0, backlog))) {}
  uint16_t port() const { return *os::LocalPort(listener_.get()); }

  // Waits for a connection, which takes the place of the last one.
  bool Accept() {
    received.clear();
    return harness_.RunUntil([&] {
      auto accepted = os::Accept(listener_.get());
      if (!accepted.ok() || !accepted->has_value()) return false;
      fd = std::move(**accepted);
      return true;
    });
  }
  // Reads until `text` came.
  bool Receive(std::string_view text) {
    return harness_.RunUntil([&] {
      std::array<std::byte, 4096> buffer;
      const os::IoResult result = os::ReadSome(fd.get(), buffer);
      received.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
      return received.find(text) != std::string::npos;
    });
  }
  void Send(std::string_view bytes) {
    os::WriteSome(fd.get(), std::as_bytes(std::span<const char>(bytes.data(), bytes.size())));
    harness_.Settle();
  }
  // Accepts a request without a body, answers it with `bytes` and, perhaps, closes.
  void Serve(std::string_view bytes, bool closes) {
    ASSERT_TRUE(Accept());
    ASSERT_TRUE(Receive("\r\n\r\n"));
    Send(bytes);
    if (closes) Close();
  }
  void Close() {
    fd.Reset(-1);
    harness_.Settle();
  }
  // As a kernel does when a program dies with bytes unread.
  void Reset() {
    const linger reset{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    Close();
  }

  os::UniqueFd fd;
  std::string received;

 private:
  ServerHarness& harness_;
  os::UniqueFd listener_;
};

constexpr std::string_view kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

void Echo(std::shared_ptr<Exchange> exchange) {
  const std::string* host = exchange->request().FindHeader("Host");
  exchange->Send({.status = 201,
                  .headers = {{"X-Method", exchange->request().method}, {"X-Host", *host}},
                  .body = std::move(exchange->request().body)});
}

TEST_F(AsyncClientTest, CallsFollowEachOtherOnOneConnection) {
  harness_.on_request = Echo;
  for (const size_t body_bytes : {0u, 5u, 111'000u, 3'000'000u}) {
    const std::string body(body_bytes, 'b');
    const auto outcome = Do(Spec("POST", body));
    ASSERT_TRUE(outcome->result->ok()) << outcome->result->status().ToString();
    EXPECT_EQ(outcome->reply().status, 201);
    EXPECT_EQ(*outcome->reply().FindHeader("x-method"), "POST");
    EXPECT_EQ(*outcome->reply().FindHeader("x-host"),
              "127.0.0.1:" + std::to_string(harness_.port()));
    EXPECT_TRUE(outcome->reply().body == body);
    EXPECT_EQ(outcome->call->stage(), CallStage::kReplying);
  }
  EXPECT_EQ(harness_.server().connection_count(), 1u);
  const auto head = Do(Spec("HEAD"));
  EXPECT_EQ(head->reply().body, "");
  EXPECT_EQ(harness_.server().connection_count(), 1u);
}

TEST_F(AsyncClientTest, CallsAtTheSameTimeGetConnectionsOfTheirOwn) {
  const auto first = Start(Spec("GET"));
  const auto second = Start(Spec("GET"));
  ASSERT_TRUE(harness_.WaitForHeld(2));
  EXPECT_EQ(harness_.server().connection_count(), 2u);
  EXPECT_EQ(first->call->stage(), CallStage::kSent);
  harness_.held[1]->Send({.body = "b"});
  harness_.held[0]->Send({.body = "a"});
  ASSERT_TRUE(Wait(*first) && Wait(*second));
  harness_.on_request = Echo;
  const auto third = Do(Spec("GET"));
  EXPECT_EQ(harness_.server().connection_count(), 2u);
}

TEST_F(AsyncClientTest, HeadersAreSentAsGiven) {
  harness_.on_request = Echo;
  CallSpec spec = Spec("GET");
  spec.headers = {{"host", "other.example.com"}};
  EXPECT_EQ(*Do(spec)->reply().FindHeader("X-Host"), "other.example.com");
  spec.headers = {{"A", "b\r\nC: d"}};
  const auto outcome = Do(spec);
  EXPECT_EQ(outcome->code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(outcome->call->stage(), CallStage::kNotStarted);
  spec = Spec("GET");
  spec.target = "/a b";
  EXPECT_EQ(Do(spec)->code(), StatusCode::kInvalidArgument);
  spec = Spec("GET");
  spec.address.host = "not an address";
  EXPECT_EQ(Do(spec)->code(), StatusCode::kInvalidArgument);
}

TEST_F(AsyncClientTest, ReadsEveryKindOfBodyAndKeepsWhatMayBeKept) {
  const struct {
    const char* reply;
    bool closes;
    bool is_kept;
  } rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, true},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
       false, true},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\nh\r\n01\r\ni\r\n0\r\nT: x\r\n"
       "\r\n",
       false, true},
      {"HTTP/1.0 200\r\n\r\nhi", true, false},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", false, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi, and more", false, false},
  };
  for (const auto& row : rows) {
    BareServer server(harness_);
    const auto outcome = Start(Spec("GET", "", server.port()));
    server.Serve(row.reply, row.closes);
    ASSERT_TRUE(Wait(*outcome));
    ASSERT_TRUE(outcome->result->ok()) << row.reply << outcome->result->status().ToString();
    EXPECT_EQ(outcome->reply().body, "hi") << row.reply;
    const auto next = Start(Spec("GET", "", server.port()));
    if (!row.is_kept) {
      EXPECT_TRUE(server.Accept()) << row.reply;
    }
    EXPECT_TRUE(server.Receive("GET")) << row.reply;
  }
}

TEST_F(AsyncClientTest, BadAndCutRepliesAreRefused) {
  for (const char* bad :
       {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhi",
        "HTTP/1.1 200 OK\r\nA: b"}) {
    BareServer server(harness_);
    const auto outcome = Start(Spec("POST", "", server.port()));
    server.Serve(bad, true);
    ASSERT_TRUE(Wait(*outcome));
    EXPECT_EQ(outcome->code(), StatusCode::kDataLoss) << bad;
    EXPECT_EQ(outcome->call->stage(), CallStage::kReplying);
  }
}

TEST_F(AsyncClientTest, WholeRepliesAreBounded) {
  Make({.max_reply_bytes = 1000});
  for (const size_t bytes : {999u, 1000u, 1001u}) {
    harness_.on_request = [&](std::shared_ptr<Exchange> exchange) {
      exchange->Send({.body = std::string(bytes, 'x')});
    };
    const auto outcome = Do(Spec("GET"));
    EXPECT_EQ(outcome->code(), bytes <= 1000 ? StatusCode::kOk : StatusCode::kResourceExhausted);
  }
}

TEST_F(AsyncClientTest, RepliesThatComeBeforeTheBodyIsSentAreReceived) {
  BareServer server(harness_);
  const auto outcome = Start(Spec("POST", std::string(16 * 1024 * 1024, 'x'), server.port()));
  ASSERT_TRUE(server.Accept());
  ASSERT_TRUE(server.Receive("\r\n\r\n"));
  server.Send("HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(Wait(*outcome));
  EXPECT_EQ(outcome->reply().status, 400);
  // The rest of the body will never come: the connection carries nothing more.
  EXPECT_TRUE(harness_.RunUntil([&] {
    std::vector<std::byte> buffer(1024 * 1024);
    const auto kind = os::ReadSome(server.fd.get(), buffer).kind;
    return kind == os::IoResult::Kind::kEnd || kind == os::IoResult::Kind::kError;
  }));
}

TEST_F(AsyncClientTest, RefusedConnectionsAreUnavailableAndNotStarted) {
  uint16_t closed_port = 0;
  { closed_port = *os::LocalPort(os::ListenTcp("127.0.0.1", 0)->get()); }
  const auto outcome = Do(Spec("POST", "x", closed_port));
  EXPECT_EQ(outcome->code(), StatusCode::kUnavailable);
  EXPECT_EQ(outcome->call->stage(), CallStage::kNotStarted);
}

TEST_F(AsyncClientTest, ConnectionsThatDoNotComeAboutEndAtTheirTime) {
  BareServer server(harness_, 0);
  // Connections that nobody accepts, until the kernel takes no more.
  std::vector<os::UniqueFd> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::move(*os::ConnectTcp("127.0.0.1", server.port())));
    if (!os::WaitWritable(waiting.back().get(), 20)) break;
  }
  const auto outcome = Start(Spec("GET", "", server.port()), Now() + seconds(60));
  harness_.Advance(seconds(5) - milliseconds(1));
  EXPECT_FALSE(outcome->done());
  harness_.Advance(milliseconds(1));
  ASSERT_TRUE(Wait(*outcome));
  EXPECT_EQ(outcome->code(), StatusCode::kUnavailable);
  EXPECT_EQ(outcome->call->stage(), CallStage::kNotStarted);
}

TEST_F(AsyncClientTest, DeadlinesHoldAndTheServerNotices) {
  const auto outcome = Start(Spec("GET"), Now() + seconds(2));
  const auto endless = Start(Spec("GET"));
  ASSERT_TRUE(harness_.WaitForHeld(2));
  harness_.Advance(seconds(2) - milliseconds(1));
  EXPECT_FALSE(outcome->done());
  harness_.Advance(milliseconds(1));
  ASSERT_TRUE(Wait(*outcome));
  EXPECT_EQ(outcome->code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(outcome->call->stage(), CallStage::kSent);
  EXPECT_TRUE(harness_.WaitForConnections(1));
  harness_.Advance(seconds(100'000));
  EXPECT_FALSE(endless->done());
  const auto late = Do(Spec("GET"), Now() - seconds(1));
  EXPECT_EQ(late->code(), StatusCode::kDeadlineExceeded);
}

TEST_F(AsyncClientTest, DroppedHandlesEndTheirCallQuietly) {
  const auto outcome = Start(Spec("GET"));
  ASSERT_TRUE(harness_.WaitForHeld(1));
  outcome->call.reset();
  EXPECT_TRUE(harness_.WaitForConnections(0));
  EXPECT_TRUE(harness_.held[0]->client_gone());
  EXPECT_FALSE(outcome->done());
  // One that has not left yet, one that failed and was not told.
  Start(Spec("GET"));
  Start({.address = {.host = "?"}, .method = "GET", .target = "/"});
  harness_.Settle();
}

TEST_F(AsyncClientTest, TheClientEndsItsCallsAndConnections) {
  harness_.on_request = Echo;
  Do(Spec("GET"));
  harness_.on_request = nullptr;
  const auto first = Start(Spec("GET"));
  const auto second = Start(Spec("GET"));
  ASSERT_TRUE(harness_.WaitForHeld(2));
  client_.reset();
  EXPECT_TRUE(harness_.WaitForConnections(0));
  EXPECT_FALSE(first->done());
  EXPECT_FALSE(second->done());
}

TEST_F(AsyncClientTest, ConnectionsPerAddressAreBounded) {
  Make({.max_idle_connections_per_address = 2, .max_connections_per_address = 3});
  std::vector<std::unique_ptr<Outcome>> outcomes;
  for (int i = 0; i < 3; ++i) outcomes.push_back(Start(Spec("GET")));
  const auto refused = Do(Spec("GET"));
  EXPECT_EQ(refused->code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused->call->stage(), CallStage::kNotStarted);
  ASSERT_TRUE(harness_.WaitForHeld(3));
  for (const auto& exchange : harness_.held) exchange->Send({.body = "x"});
  for (const auto& outcome : outcomes) EXPECT_TRUE(Wait(*outcome));
  EXPECT_TRUE(harness_.WaitForConnections(2));
}

TEST_F(AsyncClientTest, IdleConnectionsEndAtTheirTime) {
  harness_.on_request = Echo;
  Make({.idle_timeout = seconds(60)});
  Do(Spec("GET"));
  harness_.Advance(seconds(59));
  Do(Spec("GET"));
  harness_.Advance(seconds(59));
  EXPECT_EQ(harness_.server().connection_count(), 1u);
  harness_.Advance(seconds(1));
  EXPECT_TRUE(harness_.WaitForConnections(0));
  EXPECT_TRUE(Do(Spec("GET"))->result->ok());
}

TEST_F(AsyncClientTest, AClosedIdleConnectionIsNotUsed) {
  BareServer server(harness_);
  for (const bool is_known : {true, false}) {
    const auto first = Start(Spec("POST", "", server.port()));
    server.Serve(kHello, false);
    ASSERT_TRUE(Wait(*first));
    server.fd.Reset(-1);
    // Otherwise it is found out when it is to be used.
    if (is_known) harness_.Settle();
    const auto second = Start(Spec("POST", "", server.port()));
    server.Serve(kHello, true);
    ASSERT_TRUE(Wait(*second));
    EXPECT_TRUE(second->result->ok());
  }
}

TEST_F(AsyncClientTest, AResetKeptConnectionIsReplacedOnce) {
  BareServer server(harness_);
  const auto first = Start(Spec("POST", "", server.port()));
  server.Serve(kHello, false);
  ASSERT_TRUE(Wait(*first));
  const auto second = Start(Spec("POST", "body", server.port()));
  ASSERT_TRUE(harness_.RunUntil([&] { return second->call->stage() == CallStage::kSent; }));
  server.Close();  // with the request unread: the kernel resets
  ASSERT_TRUE(server.Accept());
  ASSERT_TRUE(server.Receive("body"));
  server.Reset();  // the second time it is told
  ASSERT_TRUE(Wait(*second));
  EXPECT_EQ(second->code(), StatusCode::kUnavailable);
  EXPECT_EQ(second->call->stage(), CallStage::kNotStarted);
}

TEST_F(AsyncClientTest, ARequestThatMayHaveBeenHandledIsNotRepeated) {
  BareServer server(harness_);
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    const auto first = Start(Spec("GET", "", server.port()));
    server.Serve(kHello, false);
    ASSERT_TRUE(Wait(*first));
    server.received.clear();
    const auto second = Start(Spec(method, "", server.port()));
    ASSERT_TRUE(server.Receive("\r\n\r\n"));
    server.Close();  // it read everything
    ASSERT_TRUE(Wait(*second));
    EXPECT_EQ(second->code(), StatusCode::kUnavailable) << method;
    EXPECT_EQ(second->call->stage(), CallStage::kSent) << method;
  }
}

TEST_F(AsyncClientTest, ASafeRequestIsRepeatedOnAKeptConnectionOnly) {
  BareServer server(harness_);
  const auto first = Start(Spec("GET", "", server.port()));
  server.Serve(kHello, false);
  ASSERT_TRUE(Wait(*first));
  server.received.clear();
  const auto second = Start(Spec("GET", "", server.port()));
  ASSERT_TRUE(server.Receive("\r\n\r\n"));
  server.Close();
  server.Serve("", true);  // a fresh one
  ASSERT_TRUE(Wait(*second));
  EXPECT_EQ(second->code(), StatusCode::kUnavailable);
  EXPECT_EQ(second->call->stage(), CallStage::kSent);
}

TEST_F(AsyncClientTest, UnixSocketsCarryCallsToo) {
  os::testing::TemporaryDirectory directory;
  CallSpec spec{
      .address = {.unix_path = directory.path() + "/api.sock"}, .method = "GET", .target = "/x"};
  const auto refused = Do(spec);
  EXPECT_EQ(refused->code(), StatusCode::kUnavailable);
  EXPECT_EQ(refused->call->stage(), CallStage::kNotStarted);

  const auto listener = os::ListenUnix(spec.address.unix_path);
  ASSERT_TRUE(listener.ok());
  auto server = HttpServer::Start(harness_.loop(), listener->get(), {}, Echo);
  ASSERT_TRUE(server.ok());
  for (int i = 0; i < 3; ++i) {
    spec.body = std::make_shared<const std::string>(size_t{1'000'000}, 'u');
    const auto outcome = Do(spec);
    ASSERT_TRUE(outcome->result->ok()) << outcome->result->status().ToString();
    EXPECT_EQ(*outcome->reply().FindHeader("X-Host"), "localhost");
    EXPECT_TRUE(outcome->reply().body == *spec.body);
    EXPECT_EQ((*server)->connection_count(), 1u);
  }
  server->reset();
  harness_.Settle();
  EXPECT_EQ(Start(spec)->call->stage(), CallStage::kNotStarted);
}

// --- Bodies in pieces -----------------------------------------------------------------------

// What a consumer was told; it outlives the consumer.
struct Told {
  int heads = 0;
  int status = 0;
  std::string body;
  int pieces = 0;
  std::unique_ptr<Status> end;
  bool wants_more = true;
  std::function<void()> on_head;
  std::function<void()> on_body;
  std::function<void()> on_end;
  std::unique_ptr<AsyncCall> call;
};

class RecordingConsumer final : public ReplyConsumer {
 public:
  explicit RecordingConsumer(Told& told) : told_(told) {}
  void OnHead(ClientReply reply) override {
    ++told_.heads;
    told_.status = reply.status;
    EXPECT_EQ(reply.body, "");
    if (told_.on_head) told_.on_head();
  }
  void OnBody(std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    ++told_.pieces;
    told_.body.append(bytes);
    if (told_.on_body) told_.on_body();
  }
  void OnEnd(Status status) override {
    EXPECT_EQ(told_.end, nullptr);
    told_.end = std::make_unique<Status>(std::move(status));
    if (told_.on_end) told_.on_end();
  }
  bool WantsMore() override { return told_.wants_more; }

 private:
  Told& told_;
};

class AsyncStreamTest : public AsyncClientTest {
 protected:
  void StartStream(CallSpec spec, MonotonicTime deadline = kNever) {
    told_.call =
        client_->StartStream(std::move(spec), deadline, std::make_unique<RecordingConsumer>(told_));
    EXPECT_TRUE(told_.heads == 0 && told_.end == nullptr);
  }
  // The server's end of the stream.
  std::unique_ptr<ReplyStream> Answer(Reply head = {}) {
    EXPECT_TRUE(harness_.WaitForHeld(1));
    auto stream = harness_.held[0]->StartStream(std::move(head));
    harness_.held.clear();
    return stream;
  }
  bool WaitForEnd() {
    return harness_.RunUntil([&] { return told_.end != nullptr; });
  }
  Told told_;
};

TEST_F(AsyncStreamTest, PiecesComeAsTheyAreSent) {
  StartStream(Spec("GET"));
  auto stream = Answer({.status = 206});
  EXPECT_TRUE(harness_.RunUntil([&] { return told_.heads == 1; }));
  EXPECT_EQ(told_.status, 206);
  EXPECT_EQ(told_.call->stage(), CallStage::kReplying);
  for (int i = 1; i <= 3; ++i) {
    stream->Write("piece ");
    EXPECT_TRUE(harness_.RunUntil([&] { return told_.pieces == i; }));
    harness_.Advance(seconds(1000));
  }
  EXPECT_EQ(told_.end, nullptr);
  stream->Finish();
  ASSERT_TRUE(WaitForEnd());
  EXPECT_TRUE(told_.end->ok());
  EXPECT_EQ(told_.body, "piece piece piece ");
  EXPECT_EQ(harness_.server().connection_count(), 1u);
}

TEST_F(AsyncStreamTest, BodiesWithoutABoundComeThrough) {
  Make({.max_reply_bytes = 1000});
  harness_.on_request = [&](std::shared_ptr<Exchange> exchange) {
    exchange->Send({.body = std::string(20'000'000, 'x')});
  };
  StartStream(Spec("GET"));
  ASSERT_TRUE(WaitForEnd());
  EXPECT_TRUE(told_.end->ok());
  EXPECT_EQ(told_.body.size(), 20'000'000u);
}

TEST_F(AsyncStreamTest, CutStreamsFail) {
  StartStream(Spec("GET"));
  auto stream = Answer({.body = "abc"});
  EXPECT_TRUE(harness_.RunUntil([&] { return told_.pieces == 1; }));
  stream.reset();
  ASSERT_TRUE(WaitForEnd());
  EXPECT_EQ(told_.end->code(), StatusCode::kDataLoss);
  EXPECT_EQ(told_.body, "abc");
}

TEST_F(AsyncStreamTest, TheDeadlineIsThatOfTheWholeCall) {
  StartStream(Spec("GET"), Now() + seconds(5));
  auto stream = Answer({.body = "abc"});
  harness_.Advance(seconds(5) - milliseconds(1));
  EXPECT_EQ(told_.end, nullptr);
  harness_.Advance(milliseconds(1));
  ASSERT_TRUE(WaitForEnd());
  EXPECT_EQ(told_.end->code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(harness_.RunUntil([&] { return stream->client_gone(); }));
}

TEST_F(AsyncStreamTest, FailuresBeforeTheReplyAreTold) {
  StartStream({.address = {.unix_path = "/nonexistent/api.sock"}, .method = "GET", .target = "/"});
  ASSERT_TRUE(WaitForEnd());
  EXPECT_EQ(told_.end->code(), StatusCode::kUnavailable);
  EXPECT_EQ(told_.heads, 0);
}

TEST_F(AsyncStreamTest, AConsumerThatWantsNoMoreHoldsTheServerBack) {
  constexpr size_t kBodyBytes = 48 * 1024 * 1024;
  told_.on_body = [&] { told_.wants_more = false; };
  StartStream(Spec("GET"));
  auto stream = Answer();
  stream->Write(std::string(kBodyBytes, 'x'));
  stream->Finish();
  for (int i = 0; i < 20; ++i) harness_.Settle();
  const size_t received = told_.body.size();
  EXPECT_GT(received, 0u);
  EXPECT_LE(received, 64u * 1024);
  client_->Resume(*told_.call);  // it still wants none
  for (int i = 0; i < 20; ++i) harness_.Settle();
  EXPECT_EQ(told_.body.size(), received);
  told_.wants_more = true;
  client_->Resume(*told_.call);
  ASSERT_TRUE(harness_.RunUntil([&] { return told_.body.size() > received; }));
  EXPECT_LE(told_.body.size(), received + 64 * 1024);
  told_.on_body = nullptr;
  told_.wants_more = true;
  client_->Resume(*told_.call);
  ASSERT_TRUE(WaitForEnd());
  EXPECT_EQ(told_.body.size(), kBodyBytes);
}

TEST_F(AsyncStreamTest, AServerThatLeavesMeanwhileIsFoundOutLater) {
  for (const bool is_unix : {false, true}) {
    told_ = Told();
    told_.on_body = [&] { told_.wants_more = false; };
    os::testing::TemporaryDirectory directory;
    BareServer server(harness_);
    CallSpec spec = Spec("GET", "", server.port());
    os::UniqueFd listener;
    if (is_unix) {
      spec.address = {.unix_path = directory.path() + "/s"};
      listener = std::move(*os::ListenUnix(spec.address.unix_path));
    }
    StartStream(spec);
    if (is_unix) {
      harness_.Settle();
      server.fd = std::move(**os::Accept(listener.get()));
      ASSERT_TRUE(server.Receive("\r\n\r\n"));
      server.Send("HTTP/1.1 200 OK\r\n\r\nabc");
    } else {
      server.Serve("HTTP/1.1 200 OK\r\n\r\nabc", false);
    }
    ASSERT_TRUE(harness_.RunUntil([&] { return told_.pieces == 1; }));
    server.Send("def");
    server.Close();
    // The loop does not spin: nothing wakes it.
    bool woken = false;
    harness_.loop().StartTimer(Now() + seconds(1), [&] { woken = true; });
    harness_.Settle();
    EXPECT_FALSE(woken);
    EXPECT_EQ(told_.end, nullptr);
    told_.on_body = nullptr;
    told_.wants_more = true;
    client_->Resume(*told_.call);
    ASSERT_TRUE(WaitForEnd());
    EXPECT_TRUE(told_.end->ok());
    EXPECT_EQ(told_.body, "abcdef");
  }
}

TEST_F(AsyncStreamTest, ConsumersMayEndTheCallAndTheClientAnywhere) {
  for (const bool whole_client : {false, true}) {
    for (const char* where : {"head", "body", "end"}) {
      SCOPED_TRACE(where);
      harness_.on_request = [](std::shared_ptr<Exchange> exchange) {
        exchange->Send({.body = "x"});
      };
      Make({});
      told_ = Told();
      bool ended = false;
      const auto end_it = [&] {
        ended = true;
        if (whole_client) client_.reset();
        told_.call.reset();
      };
      (where[0] == 'h' ? told_.on_head : where[0] == 'b' ? told_.on_body : told_.on_end) = end_it;
      StartStream(Spec("GET"));
      EXPECT_TRUE(harness_.RunUntil([&] { return ended; }));
      harness_.Settle();
      EXPECT_EQ(told_.end != nullptr, where[0] == 'e');
    }
  }
}

TEST_F(AsyncStreamTest, ACallMayStartTheNextOne) {
  harness_.on_request = Echo;
  std::unique_ptr<Outcome> next;
  told_.on_end = [&] { next = Start(Spec("POST", "again")); };
  StartStream(Spec("GET"));
  ASSERT_TRUE(WaitForEnd());
  ASSERT_TRUE(Wait(*next));
  EXPECT_EQ(next->reply().body, "again");
  EXPECT_EQ(harness_.server().connection_count(), 1u);
}

}  // namespace
}  // namespace throng::http
