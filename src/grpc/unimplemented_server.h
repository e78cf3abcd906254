// The gRPC port until the gRPC front end exists: speaks HTTP/2 without TLS (h2c, by prior
// knowledge) and answers every call with UNIMPLEMENTED, so that a client gets a clear error instead
// of a closed port. One per event loop; loops may share the listening socket. Everything on the
// loop's thread.
#pragma once

#include <cstddef>
#include <memory>

#include "base/limits.h"
#include "base/status.h"
#include "os/event_loop.h"

namespace throng::grpc {

struct UnimplementedServerOptions {
  size_t max_connections = limits::kGrpcConnections;  // more: closed at once
  Duration preface_timeout = limits::kHttpHeaderTimeout;
  Duration idle_timeout = limits::kHttpIdleTimeout;
  Duration write_timeout = limits::kHttpWriteTimeout;
};

class UnimplementedServer {
 public:
  // Serves connections accepted from `listener` (not owned) on `loop`.
  static Result<std::unique_ptr<UnimplementedServer>> Start(
      os::EventLoop& loop, int listener, UnimplementedServerOptions options = {});
  virtual ~UnimplementedServer() = default;

  // Stops accepting; connections are told to go away and closed.
  virtual void Drain() = 0;
  virtual size_t connection_count() const = 0;
};

}  // namespace throng::grpc
