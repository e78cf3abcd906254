// What all connections of a TlsAcceptor share: the certificate, the rules, and how OpenSSL reaches
// a descriptor (through os/, so that a write to a connection that has gone raises no signal).
// Internal to tls/. One per acceptor, on its loop's thread.
#pragma once

#include <memory>

#include "base/status.h"
#include "http/server.h"
#include "tls/openssl.h"
#include "tls/tls_acceptor.h"

namespace throng::tls {

class TlsContext {
 public:
  // ERRORS: kInvalidArgument — a certificate or key that cannot be used.
  static Result<TlsContext> Create(const TlsOptions& options);

  // The server's side of a connection on `fd`, which is not owned. ERRORS: kInvalidArgument — no
  // memory.
  Result<SslPointer> MakeConnection(int fd) const;

 private:
  BioMethodPointer method_;
  ContextPointer context_;
};

// Who the verified certificate of the other end names: the common name (the last one) and the
// organisations. Null without a certificate, or when it has no usable common name.
std::shared_ptr<const http::PeerIdentity> PeerOf(const SSL& ssl);

}  // namespace throng::tls
