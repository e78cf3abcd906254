// TLS in front of an HttpServer: accepts connections, does the handshake, and hands the plain text
// to whoever serves it as one end of a socket pair. The HTTP code knows nothing of TLS, and OpenSSL
// sees no HTTP.
//
//   clients ──TLS──> TlsAcceptor ──socketpair──> HttpServer::Adopt(fd, peer)
//
// On one event loop. TLS 1.2 and newer, ALPN http/1.1, a client certificate is asked for and, when
// one is given, must be signed by the CA: its common name and organisations become the peer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::tls {

struct TlsOptions {
  std::string certificate_pem;  // chain, leaf first
  std::string private_key_pem;
  std::string client_ca_pem;  // empty: no client certificates
  size_t max_connections = 1024;
  Duration handshake_timeout = std::chrono::seconds(10);
};

class TlsAcceptor {
 public:
  // `peer` is null without a client certificate.
  using Accepted =
      std::function<void(os::UniqueFd plain, std::shared_ptr<const http::PeerIdentity> peer)>;

  // `listener` is not owned. ERRORS: kInvalidArgument — a certificate or key that cannot be used.
  static Result<std::unique_ptr<TlsAcceptor>> Start(os::EventLoop& loop, int listener,
                                                    TlsOptions options, Accepted accepted);
  virtual ~TlsAcceptor() = default;
  // Accepts no more; connections go on.
  virtual void StopAccepting() = 0;
  virtual size_t connection_count() const = 0;
};

}  // namespace throng::tls
