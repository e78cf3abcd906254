#include "tls/tls_acceptor.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/testing/temporary_directory.h"
#include "tls/testing/tls_harness.h"

namespace throng::tls {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ClientOptions;
using testing::Pki;
using testing::PlainEnd;
using testing::TlsClient;
using testing::TlsHarness;

const std::string kHttp11("\x08http/1.1", 9);
const std::string kHttp2("\x02h2", 3);

std::string Pattern(size_t size_bytes) {
  std::string text(size_bytes, '\0');
  for (size_t i = 0; i < size_bytes; ++i) text[i] = static_cast<char>((i * 31 + i / 977) & 0xff);
  return text;
}

class TlsAcceptorTest : public ::testing::Test {
 protected:
  TlsAcceptorTest() : harness_(pki_.Options()) {}
  TlsClient Client(ClientOptions options = {}) {
    return TlsClient(harness_, pki_.authority.certificate_pem, std::move(options));
  }
  PlainEnd& plain() { return *harness_.plains.back(); }
  bool EndArrives() {
    return harness_.RunUntil([&] {
      plain().Read();
      return plain().ended || plain().failed;
    });
  }

  Pki pki_;
  TlsHarness harness_;
};

TEST_F(TlsAcceptorTest, BytesGoBothWays) {
  TlsClient client = Client({.protocols = kHttp2 + kHttp11});
  ASSERT_TRUE(client.Handshake());
  const unsigned char* protocol = nullptr;
  unsigned protocol_bytes = 0;
  SSL_get0_alpn_selected(client.ssl(), &protocol, &protocol_bytes);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), protocol_bytes), "http/1.1");
  EXPECT_EQ(SSL_version(client.ssl()), TLS1_3_VERSION);
  EXPECT_EQ(plain().peer, nullptr);
  ASSERT_TRUE(client.Send("ping"));
  ASSERT_TRUE(harness_.RunUntil([&] {
    plain().Read();
    return plain().received == "ping";
  }));
  plain().Write("pong");
  ASSERT_TRUE(client.Receive(4));
  EXPECT_EQ(client.received, "pong");
}

TEST_F(TlsAcceptorTest, MuchIsEchoedWhole) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client = Client({.version = version});
    ASSERT_TRUE(client.Handshake());
    const std::string sent = Pattern(8 * 1024 * 1024 + 17);
    std::string_view left = sent;
    ASSERT_TRUE(harness_.RunUntil([&] {
      left = client.Write(left);
      plain().Echo();
      client.Read();
      return client.received.size() >= sent.size() || client.failed;
    }));
    EXPECT_TRUE(client.received == sent);
  }
}

TEST_F(TlsAcceptorTest, AServerThatDoesNotReadHoldsTheClient) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  const std::string flood = Pattern(64 * 1024 * 1024);
  std::string_view left = flood;
  for (int stalled = 0; stalled < 20; harness_.Settle()) {
    const size_t before = left.size();
    left = client.Write(left);
    stalled = left.size() == before ? stalled + 1 : 0;
  }
  ASSERT_FALSE(left.empty()) << "it reads on";
  ASSERT_TRUE(harness_.RunUntil([&] {
    left = client.Write(left);
    plain().Read();
    return plain().received.size() == flood.size();
  }));
  EXPECT_TRUE(plain().received == flood);
}

TEST_F(TlsAcceptorTest, AClientThatDoesNotReadHoldsTheServer) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  const std::string flood = Pattern(64 * 1024 * 1024);
  std::string_view left = flood;
  for (int stalled = 0; stalled < 20; harness_.Settle()) {
    const size_t before = left.size();
    left = plain().Write(left);
    stalled = left.size() == before ? stalled + 1 : 0;
  }
  ASSERT_FALSE(left.empty()) << "it reads on";
  ASSERT_TRUE(harness_.RunUntil([&] {
    left = plain().Write(left);
    client.Read();
    return client.received.size() == flood.size();
  }));
  EXPECT_TRUE(client.received == flood);
}

TEST_F(TlsAcceptorTest, AnEndOfTheClientIsAHalfClose) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  ASSERT_TRUE(client.Send("last"));
  client.CloseNotify();
  ASSERT_TRUE(EndArrives());
  EXPECT_TRUE(plain().ended);
  EXPECT_EQ(plain().received, "last");
  plain().Write("answer");
  ASSERT_TRUE(client.Receive(6));
  EXPECT_EQ(client.received, "answer");
  EXPECT_EQ(harness_.acceptor().connection_count(), 1u);
  plain().fd.Reset(-1);
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(TlsAcceptorTest, AHalfCloseOfTheServerIsCloseNotify) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  plain().Write("all");
  os::ShutdownWrite(plain().fd.get());
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_EQ(client.received, "all");
  ASSERT_TRUE(client.Send("more"));
  ASSERT_TRUE(harness_.RunUntil([&] {
    plain().Read();
    return plain().received == "more";
  }));
  client.CloseNotify();
  ASSERT_TRUE(EndArrives());
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(TlsAcceptorTest, AnEndIsPassedOnBehindAnyAmount) {
  constexpr size_t kRecordBytes = 16 * 1024;
  for (size_t records = 1; records <= 10; ++records) {
    TlsClient client = Client();
    ASSERT_TRUE(client.Handshake());
    const std::string sent = Pattern(records * kRecordBytes);
    ASSERT_TRUE(plain().Write(sent).empty());
    os::ShutdownWrite(plain().fd.get());
    ASSERT_TRUE(client.ReceiveEnd()) << records;
    EXPECT_TRUE(client.received == sent) << records;
  }
}

TEST_F(TlsAcceptorTest, WhatTheServerWroteBeforeItClosedArrives) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  const std::string sent = Pattern(150'000);
  ASSERT_TRUE(plain().Write(sent).empty());
  plain().fd.Reset(-1);
  ASSERT_TRUE(client.Send("nobody reads this"));
  EXPECT_TRUE(client.ReceiveEnd());
  EXPECT_TRUE(client.received == sent);
  client.CloseSocket();
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(TlsAcceptorTest, AClientThatStaysAfterTheEndIsClosed) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  plain().fd.Reset(-1);
  EXPECT_TRUE(client.ReceiveEnd());
  harness_.Advance(limits::kHttpLingerTimeout - milliseconds(1));
  EXPECT_EQ(harness_.acceptor().connection_count(), 1u);
  harness_.Advance(milliseconds(1));
  EXPECT_EQ(harness_.acceptor().connection_count(), 0u);
}

TEST_F(TlsAcceptorTest, AClientThatTakesNothingIsClosedAfterTheServerWent) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  const std::string flood = Pattern(64 * 1024 * 1024);
  std::string_view left = flood;
  for (int stalled = 0; stalled < 20; harness_.Settle()) {
    const size_t before = left.size();
    // The kernel tells of room only when a third is free: what the client sends makes it try.
    client.Write("x");
    left = plain().Write(left);
    stalled = left.size() == before ? stalled + 1 : 0;
  }
  ASSERT_FALSE(left.empty());
  plain().fd.Reset(-1);
  harness_.Advance(limits::kHttpWriteTimeout - milliseconds(1));
  EXPECT_EQ(harness_.acceptor().connection_count(), 1u);
  harness_.Advance(milliseconds(1));
  EXPECT_EQ(harness_.acceptor().connection_count(), 0u);
}

TEST_F(TlsAcceptorTest, AClientThatVanishesIsAnEnd) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  client.CloseSocket();  // without close_notify
  ASSERT_TRUE(EndArrives());
  EXPECT_TRUE(plain().ended);
  plain().fd.Reset(-1);
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(TlsAcceptorTest, AResetClosesBothEnds) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  const linger reset{1, 0};
  setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  client.CloseSocket();
  ASSERT_TRUE(EndArrives());
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(TlsAcceptorTest, TheCertificateSaysWhoItIs) {
  TlsClient client = Client({.identity = &pki_.client});
  ASSERT_TRUE(client.Handshake());
  ASSERT_NE(plain().peer, nullptr);
  EXPECT_EQ(plain().peer->user, "anna");
  EXPECT_EQ(plain().peer->groups, (std::vector<std::string>{"system:masters", "people"}));
}

TEST_F(TlsAcceptorTest, AResumedSessionIsTheSamePeer) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient first = Client({.identity = &pki_.client, .version = version});
    ASSERT_TRUE(first.Handshake());
    plain().Write("x");
    ASSERT_TRUE(first.Receive(1));  // with TLS 1.3 the ticket comes first
    SSL_SESSION* session = SSL_get1_session(first.ssl());
    TlsClient second = Client({.version = version, .resume = session});
    ASSERT_TRUE(second.Handshake());
    EXPECT_EQ(SSL_session_reused(second.ssl()), 1);
    ASSERT_NE(plain().peer, nullptr);
    EXPECT_EQ(plain().peer->user, "anna");
    SSL_SESSION_free(session);
  }
}

TEST_F(TlsAcceptorTest, CertificatesThatProveNothingAreRefused) {
  const WallTime now = os::RealClock().WallNow();
  const KeyPair stranger = *MakeAuthority("throng", now, hours(24));
  const KeyPair forged = *MakeClientCertificate(stranger, "anna", {}, now, hours(24));
  const KeyPair expired =
      *MakeClientCertificate(pki_.authority, "anna", {}, now - hours(9), hours(8));
  for (const KeyPair* identity : {&forged, &expired, &std::as_const(pki_.server)}) {
    TlsClient client = Client({.identity = identity});
    EXPECT_TRUE(client.IsRefused());
  }
  EXPECT_TRUE(harness_.plains.empty());
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(TlsAcceptorTest, OldVersionsAndOtherProtocolsAreRefused) {
  TlsClient old = Client({.version = TLS1_1_VERSION});
  EXPECT_TRUE(old.IsRefused());
  TlsClient http2 = Client({.protocols = kHttp2});
  EXPECT_TRUE(http2.IsRefused());
  EXPECT_TRUE(harness_.plains.empty());
}

TEST_F(TlsAcceptorTest, RenegotiationIsRefused) {
  TlsClient client = Client({.version = TLS1_2_VERSION});
  ASSERT_TRUE(client.Handshake());
  SSL_renegotiate(client.ssl());
  EXPECT_TRUE(client.IsRefused());
  client.CloseSocket();
  ASSERT_TRUE(EndArrives());
}

TEST_F(TlsAcceptorTest, WhatIsNoTlsIsClosed) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), std::string(5000, '\xff'),
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(100'000, 'x')}) {
    auto fd = os::ConnectTcp("127.0.0.1", harness_.port());
    ASSERT_TRUE(fd.ok());
    ASSERT_TRUE(harness_.WaitForConnections(1));
    os::WriteSome(fd->get(), std::as_bytes(std::span<const char>(bytes)));
    EXPECT_TRUE(harness_.WaitForConnections(0));
  }
  EXPECT_TRUE(harness_.plains.empty());
}

TEST_F(TlsAcceptorTest, AHandshakeHasATimeLimit) {
  auto silent = os::ConnectTcp("127.0.0.1", harness_.port());
  ASSERT_TRUE(silent.ok());
  ASSERT_TRUE(harness_.WaitForConnections(1));
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  harness_.Advance(seconds(10) - milliseconds(1));
  EXPECT_EQ(harness_.acceptor().connection_count(), 2u);
  harness_.Advance(milliseconds(1));
  EXPECT_EQ(harness_.acceptor().connection_count(), 1u);
  ASSERT_TRUE(client.Send("still here"));
}

TEST_F(TlsAcceptorTest, ASlowHandshakeHoldsNobodyElse) {
  TlsClient slow = Client();
  // Its first flight, byte by byte.
  BIO* memory = BIO_new(BIO_s_mem());
  SSL_set0_wbio(slow.ssl(), memory);
  SSL_do_handshake(slow.ssl());
  char* bytes = nullptr;
  const long size_bytes = BIO_get_mem_data(memory, &bytes);
  ASSERT_GT(size_bytes, 100);
  for (long i = 0; i < size_bytes; ++i) {
    os::WriteSome(slow.fd(), std::as_bytes(std::span<const char>(bytes + i, 1)));
    harness_.Settle();
    if (i % 64 != 0) continue;
    TlsClient quick = Client();
    EXPECT_TRUE(quick.Handshake());
  }
  SSL_set0_wbio(slow.ssl(), BIO_new_socket(slow.fd(), BIO_NOCLOSE));
  EXPECT_TRUE(slow.Handshake());
}

TEST(TlsAcceptorBoundTest, ConnectionsBeyondTheBoundAreClosed) {
  const Pki pki;
  TlsOptions options = pki.Options();
  options.max_connections = 2;
  TlsHarness harness(options);
  TlsClient first(harness, pki.authority.certificate_pem);
  TlsClient second(harness, pki.authority.certificate_pem);
  EXPECT_TRUE(first.Handshake());
  EXPECT_TRUE(second.Handshake());
  TlsClient third(harness, pki.authority.certificate_pem);
  EXPECT_TRUE(third.IsRefused());
  EXPECT_EQ(harness.acceptor().connection_count(), 2u);
  first.CloseSocket();
  harness.plains[0]->fd.Reset(-1);
  ASSERT_TRUE(harness.WaitForConnections(1));
  TlsClient fourth(harness, pki.authority.certificate_pem);
  EXPECT_TRUE(fourth.Handshake());
}

TEST_F(TlsAcceptorTest, ConnectionsGoOnWhenNoMoreAreAccepted) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  harness_.acceptor().StopAccepting();
  harness_.acceptor().StopAccepting();
  auto late = os::ConnectTcp("127.0.0.1", harness_.port());
  ASSERT_TRUE(late.ok());
  harness_.Settle();
  EXPECT_EQ(harness_.acceptor().connection_count(), 1u);
  plain().Write("x");
  EXPECT_TRUE(client.Receive(1));
}

TEST_F(TlsAcceptorTest, GoesAwayWithItsConnections) {
  TlsClient client = Client();
  ASSERT_TRUE(client.Handshake());
  auto silent = os::ConnectTcp("127.0.0.1", harness_.port());
  ASSERT_TRUE(harness_.WaitForConnections(2));
  harness_.DestroyAcceptor();
  harness_.Settle();
  plain().Read();
  EXPECT_TRUE(plain().ended);
}

TEST(TlsOptionsTest, WhatCannotBeUsedIsRefused) {
  const Pki pki;
  throng::testing::FakeClock clock;
  auto loop = os::EventLoop::Create(clock);
  auto listener = os::ListenTcp("127.0.0.1", 0);
  const auto start = [&](auto change) {
    TlsOptions options = pki.Options();
    change(options);
    return TlsAcceptor::Start(**loop, listener->get(), options, [](auto, auto) {}).status().code();
  };
  const auto refused = StatusCode::kInvalidArgument;
  EXPECT_EQ(start([](TlsOptions& options) { options.certificate_pem = ""; }), refused);
  EXPECT_EQ(start([](TlsOptions& options) { options.private_key_pem = "x"; }), refused);
  EXPECT_EQ(start([](TlsOptions& options) { options.client_ca_pem = "x"; }), refused);
  EXPECT_EQ(
      start([&](TlsOptions& options) { options.private_key_pem = pki.client.private_key_pem; }),
      refused);
  EXPECT_EQ(start([](TlsOptions& options) { options.client_ca_pem = ""; }), StatusCode::kOk);
}

// Programs that people use, against an end that answers every request with its peer's name.
class ProgramTest : public TlsAcceptorTest {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  // Runs the command in a thread and the server here; returns what it printed.
  std::string Execute(const std::string& command) {
    std::string output;
    std::atomic<bool> done = false;
    std::thread thread([&] {
      FILE* pipe = popen((command + " 2>&1").c_str(), "r");
      char buffer[4096];
      while (const size_t count = fread(buffer, 1, sizeof(buffer), pipe)) {
        output.append(buffer, count);
      }
      status_ = WEXITSTATUS(pclose(pipe));
      done = true;
    });
    harness_.RunUntil([&] {
      for (auto& plain : harness_.plains) Answer(*plain);
      return done.load();
    });
    thread.join();
    return output;
  }
  static void Answer(PlainEnd& plain) {
    if (!plain.fd.valid()) return;
    plain.Read();
    if (plain.received.find("\r\n\r\n") == std::string::npos) return;
    const std::string user = plain.peer == nullptr ? "nobody" : plain.peer->user;
    plain.Write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                std::to_string(user.size()) + "\r\n\r\n" + user);
    plain.fd.Reset(-1);
  }

  os::testing::TemporaryDirectory directory_;
  int status_ = -1;
};

TEST_F(ProgramTest, CurlIsServed) {
  if (Execute("curl --version").find("OpenSSL") == std::string::npos) GTEST_SKIP() << "no curl";
  const std::string ca = Write("ca", pki_.authority.certificate_pem);
  const std::string url = " https://localhost:" + std::to_string(harness_.port()) + "/";
  const std::string curl = "timeout 8 curl -4 -sS --noproxy '*' --cacert " + ca;
  EXPECT_EQ(Execute(curl + url), "nobody");
  const std::string identity = " --cert " + Write("crt", pki_.client.certificate_pem) + " --key " +
                               Write("key", pki_.client.private_key_pem);
  EXPECT_EQ(Execute(curl + identity + url), "anna");
  EXPECT_EQ(Execute(curl + identity + url + url), "annaanna");
  EXPECT_NE(Execute("timeout 8 curl -4 -sS --noproxy '*'" + url).find("certificate"),
            std::string::npos);
}

TEST_F(ProgramTest, OpensslIsServed) {
  Execute("openssl version");
  if (status_ != 0) GTEST_SKIP() << "no openssl";
  const std::string ca = Write("ca", pki_.authority.certificate_pem);
  const std::string output =
      Execute("printf 'GET / HTTP/1.1\\r\\n\\r\\n' | timeout 8 openssl s_client -quiet -CAfile " +
              ca + " -verify_return_error -verify_hostname localhost -cert " +
              Write("crt", pki_.client.certificate_pem) + " -key " +
              Write("key", pki_.client.private_key_pem) +
              " -connect 127.0.0.1:" + std::to_string(harness_.port()));
  EXPECT_NE(output.find("200 OK"), std::string::npos) << output;
  EXPECT_TRUE(output.ends_with("anna")) << output;
}

}  // namespace
}  // namespace throng::tls
