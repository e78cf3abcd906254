#include "grpc/unimplemented_server.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "base/testing/simulated_executor.h"
#include "os/event_loop.h"
#include "os/socket.h"

namespace throng::grpc {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// The server and its loop on the test's thread, with a clock that stands still.
class Harness {
 public:
  explicit Harness(UnimplementedServerOptions options = {})
      : loop_(std::move(*os::EventLoop::Create(clock_))),
        listener_(std::move(*os::ListenTcp("127.0.0.1", 0))),
        server_(std::move(*UnimplementedServer::Start(*loop_, listener_.get(), options))) {}

  UnimplementedServer& server() { return *server_; }
  os::UniqueFd Connect() {
    return std::move(*os::ConnectTcp("127.0.0.1", *os::LocalPort(listener_.get())));
  }
  bool RunUntil(const std::function<bool()>& done) {
    for (int round = 0; round < 10'000; ++round) {
      if (done()) return true;
      loop_->RunOnce(milliseconds(1));
    }
    return false;
  }
  void Advance(Duration duration) {
    for (int i = 0; i < 4; ++i) loop_->RunOnce(std::chrono::microseconds(300));
    clock_.Set(clock_.Now() + duration);
    loop_->RunOnce(Duration::zero());
  }
  bool WaitForConnections(size_t count) {
    return RunUntil([&] { return server_->connection_count() == count; });
  }

 private:
  throng::testing::FakeClock clock_;
  std::unique_ptr<os::EventLoop> loop_;
  os::UniqueFd listener_;
  std::unique_ptr<UnimplementedServer> server_;
};

// Bare bytes in both directions.
class RawPeer {
 public:
  explicit RawPeer(Harness& harness) : harness_(harness), fd_(harness.Connect()) {}

  // False when the server ended the connection.
  bool Send(std::string_view bytes) {
    const bool sent = harness_.RunUntil([&] {
      Read();
      while (!bytes.empty() && !ended) {
        const os::IoResult result = os::WriteSome(
            fd_.get(), std::as_bytes(std::span<const char>(bytes.data(), bytes.size())));
        if (result.kind == os::IoResult::Kind::kWouldBlock) return false;
        if (result.kind != os::IoResult::Kind::kDone) ended = true;
        bytes.remove_prefix(result.bytes);
      }
      return true;
    });
    return sent && !ended;
  }
  void Read() {
    std::vector<std::byte> buffer(64 * 1024);
    while (!ended) {
      const os::IoResult result = os::ReadSome(fd_.get(), buffer);
      if (result.kind == os::IoResult::Kind::kWouldBlock) return;
      ended = result.kind != os::IoResult::Kind::kDone;
      received.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
  }
  bool ReceiveEnd() {
    return harness_.RunUntil([&] {
      Read();
      return ended;
    });
  }
  void Close() { fd_.Reset(-1); }

  // The error code of the first GOAWAY received.
  std::optional<uint32_t> GoAwayCode() const {
    for (size_t at = 0; at + 9 <= received.size();) {
      const auto byte = [&](size_t i) { return static_cast<uint8_t>(received[at + i]); };
      const size_t length = static_cast<size_t>(byte(0)) << 16 | byte(1) << 8 | byte(2);
      if (byte(3) == NGHTTP2_GOAWAY && at + 17 <= received.size()) {
        return static_cast<uint32_t>(byte(13)) << 24 | byte(14) << 16 | byte(15) << 8 | byte(16);
      }
      at += 9 + length;
    }
    return std::nullopt;
  }

  // Whole frames of one type among those received.
  int CountFrames(uint8_t type) const {
    int count = 0;
    for (size_t at = 0; at + 9 <= received.size();) {
      const auto byte = [&](size_t i) { return static_cast<uint8_t>(received[at + i]); };
      if (byte(3) == type) ++count;
      at += 9 + (static_cast<size_t>(byte(0)) << 16 | byte(1) << 8 | byte(2));
    }
    return count;
  }

  std::string received;
  bool ended = false;

 private:
  Harness& harness_;
  os::UniqueFd fd_;
};

std::string Frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame.push_back(static_cast<char>(payload.size() >> shift));
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) frame.push_back(static_cast<char>(stream >> shift));
  return frame.append(payload);
}

std::string ClientPreface() { return std::string(kPreface) + Frame(NGHTTP2_SETTINGS, 0, 0, ""); }

// :method POST, :scheme http, :path /, :authority h (HPACK, RFC 7541 appendix A).
std::string RequestHeaders(uint32_t stream, uint8_t flags) {
  return Frame(NGHTTP2_HEADERS, flags, stream, std::string("\x83\x86\x84\x41\x01h", 6));
}

std::string Repeat(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result.append(text);
  return result;
}

// A client of nghttp2 that makes calls with bodies.
class Client {
 public:
  struct Call {
    std::map<std::string, std::string> headers;
    bool closed = false;
    uint32_t error_code = 0;
    size_t unsent_bytes = 0;
    bool half_close = true;
  };

  explicit Client(Harness& harness) : peer_(harness), harness_(harness) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_bytes,
           const uint8_t* value, size_t value_bytes, uint8_t, void* self) {
          static_cast<Client*>(self)->calls[frame->hd.stream_id].headers.emplace(
              std::string(reinterpret_cast<const char*>(name), name_bytes),
              std::string(reinterpret_cast<const char*>(value), value_bytes));
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, int32_t stream, uint32_t code, void* self) {
          static_cast<Client*>(self)->calls[stream].closed = true;
          static_cast<Client*>(self)->calls[stream].error_code = code;
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Client() { nghttp2_session_del(session_); }

  int32_t Start(size_t body_bytes, bool half_close, size_t header_bytes = 0) {
    const std::string big(header_bytes, 'x');
    std::vector<std::pair<std::string, std::string>> headers = {
        {":method", "POST"},         {":scheme", "http"}, {":path", "/a.B/C"},
        {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"},
    };
    if (header_bytes > 0) headers.emplace_back("x-big", big);
    std::vector<nghttp2_nv> values;
    for (auto& [name, value] : headers) {
      values.push_back({reinterpret_cast<uint8_t*>(name.data()),
                        reinterpret_cast<uint8_t*>(value.data()), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    provider.read_callback = [](nghttp2_session*, int32_t stream, uint8_t* buffer, size_t length,
                                uint32_t* flags, nghttp2_data_source*, void* self) -> ssize_t {
      Call& call = static_cast<Client*>(self)->calls[stream];
      const size_t count = std::min(length, call.unsent_bytes);
      std::fill_n(buffer, count, uint8_t{7});
      call.unsent_bytes -= count;
      if (call.unsent_bytes > 0) return static_cast<ssize_t>(count);
      if (call.half_close) *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (count == 0 && !call.half_close) return NGHTTP2_ERR_DEFERRED;
      return static_cast<ssize_t>(count);
    };
    const int32_t stream =
        nghttp2_submit_request(session_, nullptr, values.data(), values.size(), &provider, nullptr);
    calls[stream].unsent_bytes = body_bytes;
    calls[stream].half_close = half_close;
    return stream;
  }

  bool RunUntil(const std::function<bool()>& done) {
    return harness_.RunUntil([&] {
      Pump();
      return done();
    });
  }
  void Pump() {
    const uint8_t* data = nullptr;
    std::string out;
    for (ssize_t n = 0; (n = nghttp2_session_mem_send(session_, &data)) > 0;) {
      out.append(reinterpret_cast<const char*>(data), static_cast<size_t>(n));
    }
    if (!out.empty()) peer_.Send(out);
    peer_.Read();
    const std::string in = std::exchange(peer_.received, std::string());
    nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(in.data()), in.size());
  }
  bool ended() const { return peer_.ended; }
  uint32_t remote_max_streams() {
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  }

  std::map<int32_t, Call> calls;

 private:
  RawPeer peer_;
  Harness& harness_;
  nghttp2_session* session_ = nullptr;
};

void ExpectUnimplemented(const Client::Call& call) {
  EXPECT_EQ(call.headers.at(":status"), "200");
  EXPECT_EQ(call.headers.at("content-type"), "application/grpc");
  EXPECT_EQ(call.headers.at("grpc-status"), "12");
  EXPECT_NE(call.headers.at("grpc-message").find("not available yet"), std::string::npos);
  EXPECT_EQ(call.error_code, 0u);
}

TEST(UnimplementedServerTest, EveryCallGetsUnimplementedOnOneConnection) {
  Harness harness;
  Client client(harness);
  for (int i = 0; i < 300; ++i) {
    const int32_t stream = client.Start(100, true);
    ASSERT_TRUE(client.RunUntil([&] { return client.calls[stream].closed; })) << i;
    ExpectUnimplemented(client.calls[stream]);
  }
  EXPECT_EQ(client.remote_max_streams(), limits::kGrpcStreams);
  EXPECT_EQ(harness.server().connection_count(), 1u);
}

TEST(UnimplementedServerTest, CallThatStaysOpenIsAnsweredAndEnded) {
  Harness harness;
  Client client(harness);
  const int32_t stream = client.Start(10, false);
  ASSERT_TRUE(client.RunUntil([&] { return client.calls[stream].closed; }));
  ExpectUnimplemented(client.calls[stream]);
}

TEST(UnimplementedServerTest, BodiesAreDroppedAndTheirCreditGivenBack) {
  Harness harness;
  Client client(harness);
  // Many times the connection's window of 64 KiB, one call after the other.
  for (int i = 0; i < 20; ++i) {
    const int32_t stream = client.Start(60'000, true);
    ASSERT_TRUE(client.RunUntil([&] { return client.calls[stream].closed; })) << i;
    ExpectUnimplemented(client.calls[stream]);
  }
}

TEST(UnimplementedServerTest, ManyCallsAtOnceAreAllAnswered) {
  Harness harness;
  Client client(harness);
  for (int i = 0; i < 500; ++i) client.Start(1, true);
  ASSERT_TRUE(client.RunUntil([&] {
    size_t closed = 0;
    for (const auto& [stream, call] : client.calls) closed += call.closed ? 1 : 0;
    return closed == 500;
  }));
  for (const auto& [stream, call] : client.calls) ExpectUnimplemented(call);
}

TEST(UnimplementedServerTest, HeaderListOverItsBoundEndsThatCallAlone) {
  Harness harness;
  Client client(harness);
  const int32_t large = client.Start(0, true, limits::kGrpcHeaderListBytes);
  ASSERT_TRUE(client.RunUntil([&] { return client.calls[large].closed; }));
  EXPECT_NE(client.calls[large].error_code, 0u);
  const int32_t next = client.Start(0, true, limits::kGrpcHeaderListBytes / 2);
  ASSERT_TRUE(client.RunUntil([&] { return client.calls[next].closed; }));
  ExpectUnimplemented(client.calls[next]);
}

TEST(UnimplementedServerTest, OtherProtocolsAreClosed) {
  Harness harness;
  for (const char* bytes : {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01\x02",
                            "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"}) {
    RawPeer peer(harness);
    peer.Send(bytes);
    EXPECT_TRUE(peer.ReceiveEnd()) << bytes;
    EXPECT_TRUE(harness.WaitForConnections(0));
  }
}

TEST(UnimplementedServerTest, FloodsOfFramesThatCarryNoCallAreCalmed) {
  constexpr int kMany = 2 * limits::kGrpcControlFrames;
  std::string resets;
  for (int i = 0; i < kMany; ++i) {
    const auto stream = static_cast<uint32_t>(2 * i + 1);
    resets += RequestHeaders(stream, NGHTTP2_FLAG_END_HEADERS);
    resets += Frame(NGHTTP2_RST_STREAM, 0, stream, std::string("\0\0\0\x08", 4));
  }
  const std::pair<const char*, std::string> floods[] = {
      {"PING", Repeat(Frame(NGHTTP2_PING, 0, 0, "12345678"), kMany)},
      {"SETTINGS", Repeat(Frame(NGHTTP2_SETTINGS, 0, 0, ""), kMany)},
      {"WINDOW_UPDATE",
       Repeat(Frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string("\0\0\0\x01", 4)), kMany)},
      {"PRIORITY", Repeat(Frame(NGHTTP2_PRIORITY, 0, 1, std::string("\0\0\0\0\x01", 5)), kMany)},
      {"empty DATA",
       RequestHeaders(1, NGHTTP2_FLAG_END_HEADERS) + Repeat(Frame(NGHTTP2_DATA, 0, 1, ""), kMany)},
      {"CONTINUATION", RequestHeaders(1, 0) + Repeat(Frame(NGHTTP2_CONTINUATION, 0, 1, ""), kMany)},
      {"rapid reset", resets},
  };
  for (const auto& [name, flood] : floods) {
    Harness harness;
    RawPeer peer(harness);
    peer.Send(ClientPreface());
    peer.Send(flood);
    EXPECT_TRUE(peer.ReceiveEnd()) << name;
    EXPECT_TRUE(harness.WaitForConnections(0)) << name;
    // nghttp2's own bound may come first, with its own code.
    if (peer.GoAwayCode()) {
      EXPECT_NE(*peer.GoAwayCode(), NGHTTP2_NO_ERROR) << name;
    }
    if (std::string_view(name) == "PING") {
      EXPECT_EQ(peer.GoAwayCode(), NGHTTP2_ENHANCE_YOUR_CALM) << name;
    }
  }
}

TEST(UnimplementedServerTest, ControlFramesUpToTheBoundAreFine) {
  Harness harness;
  RawPeer peer(harness);
  peer.Send(ClientPreface());  // one SETTINGS, and its acknowledgement is not sent
  const std::string ping = Frame(NGHTTP2_PING, 0, 0, "12345678");
  peer.Send(Repeat(ping, limits::kGrpcControlFrames - 1));
  harness.Advance(Duration::zero());
  EXPECT_EQ(harness.server().connection_count(), 1u);
  harness.Advance(std::chrono::seconds(1));
  peer.Send(Repeat(ping, limits::kGrpcControlFramesPerSecond));
  harness.Advance(Duration::zero());
  EXPECT_EQ(harness.server().connection_count(), 1u);
  peer.Send(ping);
  EXPECT_TRUE(peer.ReceiveEnd());
  EXPECT_EQ(peer.GoAwayCode(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(UnimplementedServerTest, ControlFramesAroundAnsweredCallsAreFine) {
  Harness harness;
  RawPeer peer(harness);
  peer.Send(ClientPreface());
  const std::string pings =
      Repeat(Frame(NGHTTP2_PING, 0, 0, "12345678"), limits::kGrpcControlFramesPerCall - 1);
  for (uint32_t call = 0; call < 500; ++call) {
    const uint8_t flags = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;
    ASSERT_TRUE(peer.Send(RequestHeaders(2 * call + 1, flags) + pings));
    // The reply's HEADERS frame, behind the acknowledgements.
    ASSERT_TRUE(harness.RunUntil([&] {
      peer.Read();
      return peer.CountFrames(NGHTTP2_HEADERS) > 0 || peer.ended;
    }));
    ASSERT_FALSE(peer.ended) << call;
    peer.received.clear();
  }
}

TEST(UnimplementedServerTest, SilentAndIdleConnectionsAreClosed) {
  Harness harness;
  RawPeer silent(harness);
  RawPeer idle(harness);
  idle.Send(ClientPreface());
  ASSERT_TRUE(harness.WaitForConnections(2));
  ASSERT_TRUE(harness.RunUntil([&] {
    idle.Read();
    return !idle.received.empty();
  }));
  harness.Advance(limits::kHttpHeaderTimeout);
  EXPECT_TRUE(silent.ReceiveEnd());
  EXPECT_EQ(harness.server().connection_count(), 1u);
  harness.Advance(limits::kHttpIdleTimeout);
  EXPECT_TRUE(idle.ReceiveEnd());
}

TEST(UnimplementedServerTest, ConnectionsOverTheLimitAreClosed) {
  Harness harness({.max_connections = 1});
  RawPeer first(harness);
  ASSERT_TRUE(harness.WaitForConnections(1));
  RawPeer second(harness);
  EXPECT_TRUE(second.ReceiveEnd());
  EXPECT_FALSE(first.ended);
  first.Close();
  EXPECT_TRUE(harness.WaitForConnections(0));
}

TEST(UnimplementedServerTest, DrainTellsClientsToGo) {
  Harness harness;
  RawPeer peer(harness);
  peer.Send(ClientPreface());
  ASSERT_TRUE(harness.WaitForConnections(1));
  harness.server().Drain();
  EXPECT_TRUE(peer.ReceiveEnd());
  EXPECT_EQ(peer.GoAwayCode(), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(harness.WaitForConnections(0));
}

}  // namespace
}  // namespace throng::grpc
