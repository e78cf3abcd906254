// A TlsAcceptor, its loop and OpenSSL clients on the thread of a test, with a clock that stands
// still until it is moved. No thread, no sleep, free ports on loopback.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/check.h"
#include "base/testing/simulated_executor.h"
#include "os/event_loop.h"
#include "os/socket.h"
#include "tls/certificates.h"
#include "tls/openssl.h"
#include "tls/tls_acceptor.h"

namespace throng::tls::testing {

struct Pki {
  Pki() {
    const WallTime now = os::RealClock().WallNow();
    authority = *MakeAuthority("throng", now, std::chrono::hours(24));
    server =
        *MakeServerCertificate(authority, {"localhost", "127.0.0.1"}, now, std::chrono::hours(24));
    client = *MakeClientCertificate(authority, "anna", {"system:masters", "people"}, now,
                                    std::chrono::hours(24));
  }
  TlsOptions Options() const {
    TlsOptions options;
    options.certificate_pem = server.certificate_pem;
    options.private_key_pem = server.private_key_pem;
    options.client_ca_pem = authority.certificate_pem;
    return options;
  }
  KeyPair authority;
  KeyPair server;
  KeyPair client;
};

// The end that the acceptor handed out.
struct PlainEnd {
  os::UniqueFd fd;
  std::shared_ptr<const http::PeerIdentity> peer;
  std::string received;
  bool ended = false;
  bool failed = false;
  // Reads what is there; echoes it when asked.
  void Read() {
    std::vector<std::byte> buffer(64 * 1024);
    while (!ended && !failed) {
      const os::IoResult result = os::ReadSome(fd.get(), buffer);
      if (result.kind == os::IoResult::Kind::kWouldBlock) return;
      ended = result.kind == os::IoResult::Kind::kEnd;
      failed = result.kind == os::IoResult::Kind::kError;
      received.append(reinterpret_cast<const char*>(buffer.data()), result.bytes);
    }
  }
  // Writes what is taken; returns the rest.
  std::string_view Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto span = std::as_bytes(std::span<const char>(bytes.data(), bytes.size()));
      const os::IoResult result = os::WriteSome(fd.get(), span);
      if (result.kind != os::IoResult::Kind::kDone) break;
      bytes.remove_prefix(result.bytes);
    }
    return bytes;
  }
  void Echo() {
    Read();
    received = std::string(Write(received));
  }
};

class TlsHarness {
 public:
  explicit TlsHarness(TlsOptions options) {
    loop_ = *os::EventLoop::Create(clock_);
    listener_ = *os::ListenTcp("127.0.0.1", 0);
    port_ = *os::LocalPort(listener_.get());
    auto acceptor =
        TlsAcceptor::Start(*loop_, listener_.get(), std::move(options),
                           [this](os::UniqueFd fd, std::shared_ptr<const http::PeerIdentity> peer) {
                             auto plain = std::make_unique<PlainEnd>();
                             plain->fd = std::move(fd);
                             plain->peer = std::move(peer);
                             plains.push_back(std::move(plain));
                           });
    THRONG_CHECK(acceptor.ok());
    acceptor_ = std::move(*acceptor);
  }

  std::vector<std::unique_ptr<PlainEnd>> plains;

  os::EventLoop& loop() { return *loop_; }
  TlsAcceptor& acceptor() { return *acceptor_; }
  uint16_t port() const { return port_; }
  void DestroyAcceptor() { acceptor_.reset(); }

  // Runs rounds until `done` holds; false after about ten seconds.
  bool RunUntil(const std::function<bool()>& done) {
    for (int round = 0; round < 10'000; ++round) {
      if (done()) return true;
      loop_->RunOnce(std::chrono::milliseconds(1));
    }
    return false;
  }
  void Settle() {
    for (int round = 0; round < 6; ++round) loop_->RunOnce(std::chrono::microseconds(300));
  }
  bool WaitForConnections(size_t count) {
    return RunUntil([&] { return acceptor_->connection_count() == count; });
  }
  void Advance(Duration duration) {
    Settle();
    clock_.Set(clock_.Now() + duration);
    Settle();
  }

 private:
  throng::testing::FakeClock clock_;
  std::unique_ptr<os::EventLoop> loop_;
  os::UniqueFd listener_;
  uint16_t port_ = 0;
  std::unique_ptr<TlsAcceptor> acceptor_;
};

struct ClientOptions {
  const KeyPair* identity = nullptr;
  std::string protocols = {};  // ALPN's list of lengths and names
  int version = 0;             // the only one; 0: any
  SSL_SESSION* resume = nullptr;
};

// An OpenSSL client that trusts one authority.
class TlsClient {
 public:
  TlsClient(TlsHarness& harness, const std::string& authority_pem, ClientOptions options = {})
      : harness_(harness), context_(SSL_CTX_new(TLS_client_method())) {
    fd_ = *os::ConnectTcp("127.0.0.1", harness.port());
    const auto authorities = *ReadCertificates(authority_pem);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), authorities[0].get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    if (options.version != 0) {
      SSL_CTX_set_min_proto_version(context_.get(), options.version);
      SSL_CTX_set_max_proto_version(context_.get(), options.version);
      SSL_CTX_set_security_level(context_.get(), 0);
    }
    if (options.identity != nullptr) {
      const auto certificates = *ReadCertificates(options.identity->certificate_pem);
      const auto key = *ReadPrivateKey(options.identity->private_key_pem);
      SSL_CTX_use_certificate(context_.get(), certificates[0].get());
      SSL_CTX_use_PrivateKey(context_.get(), key.get());
    }
    ssl_.reset(SSL_new(context_.get()));
    const auto* protocols = reinterpret_cast<const unsigned char*>(options.protocols.data());
    SSL_set_alpn_protos(ssl_.get(), protocols, static_cast<unsigned>(options.protocols.size()));
    if (options.resume != nullptr) SSL_set_session(ssl_.get(), options.resume);
    SSL_set1_host(ssl_.get(), "localhost");
    SSL_set_fd(ssl_.get(), fd_.get());
    SSL_set_connect_state(ssl_.get());
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }

  // True when the handshake is done at both ends, and the server kept the connection.
  bool Handshake() {
    const size_t before = harness_.plains.size();
    bool done = false;
    harness_.RunUntil([&] {
      done = done || Step(SSL_do_handshake(ssl_.get()));
      return failed || (done && harness_.plains.size() > before);
    });
    return done && !failed;
  }
  // The server refused: in TLS 1.3 the client learns it when it reads.
  bool IsRefused() {
    harness_.RunUntil([&] {
      if (!failed && Step(SSL_do_handshake(ssl_.get()))) Read();
      return failed || ended;
    });
    return failed;
  }
  bool Send(std::string_view bytes) {
    return harness_.RunUntil([&] {
      bytes = Write(bytes);
      return bytes.empty() || failed;
    }) && !failed;
  }
  // Writes what is taken; returns the rest.
  std::string_view Write(std::string_view bytes) {
    size_t sent = 0;
    while (!bytes.empty() && Step(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent))) {
      bytes.remove_prefix(sent);
    }
    return bytes;
  }
  void Read() {
    std::string buffer(64 * 1024, '\0');
    size_t got = 0;
    while (!failed && !ended && Step(SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got))) {
      received.append(buffer, 0, got);
    }
  }
  bool Receive(size_t size_bytes) {
    return harness_.RunUntil([&] {
      Read();
      return received.size() >= size_bytes || failed || ended;
    }) && received.size() >= size_bytes;
  }
  // True when the server ended the connection as TLS has it.
  bool ReceiveEnd() {
    harness_.RunUntil([&] {
      Read();
      return ended || failed;
    });
    return ended;
  }
  void CloseNotify() { SSL_shutdown(ssl_.get()); }
  void CloseSocket() { fd_.Reset(-1); }
  SSL* ssl() { return ssl_.get(); }
  int fd() const { return fd_.get(); }

  std::string received;
  bool ended = false;
  bool failed = false;

 private:
  bool Step(int result) {
    if (result == 1) return true;
    const int error = SSL_get_error(ssl_.get(), result);
    ERR_clear_error();
    ended = ended || error == SSL_ERROR_ZERO_RETURN;
    failed = failed || (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE &&
                        error != SSL_ERROR_ZERO_RETURN);
    return false;
  }

  TlsHarness& harness_;
  os::UniqueFd fd_;
  ContextPointer context_;
  SslPointer ssl_;
};

}  // namespace throng::tls::testing
