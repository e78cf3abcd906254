// HTTP/1.1 server: one HttpServer per event loop, all sharing one listening socket. Strict parser,
// bounded everywhere (base/limits.h), keep-alive, pipelining with replies in order.
//
// A handler gets a whole request and answers it now or later, on the same loop:
//
//   server.Start(listener_fd, [](std::shared_ptr<Exchange> exchange) {
//     exchange->Send({.status = 200, .body = "{}"});
//   });
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::http {

struct Header {
  std::string name;   // as sent
  std::string value;  // without surrounding blanks
};

struct Request {
  std::string method;
  std::string target;  // as sent: "/v2/models/a?x=1"
  std::string path;    // target without the query, percent-decoded once, never with NUL
  std::vector<Header> headers;
  std::string body;  // whole, de-chunked; taken by the handler
  int minor_version = 1;

  // Case-insensitive; the first of that name, null when absent.
  const std::string* FindHeader(std::string_view name) const;
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers;  // beside Content-Type, Content-Length, Connection
  std::string body;             // for HEAD: only its length is sent
};

// Who is at the other end, as what accepted the connection knows it (TLS, a Unix socket).
struct PeerIdentity {
  std::string user;
  std::vector<std::string> groups;
};

// The body of a reply that is sent piece by piece (chunked; HTTP/1.0: until the connection closes).
// On the loop's thread. Destroying it without Finish cuts the connection, which is how HTTP says
// that a body is not whole.
class ReplyStream {
 public:
  virtual ~ReplyStream() = default;
  // No effect when the client has gone.
  virtual void Write(std::string_view bytes) = 0;
  virtual void Finish() = 0;
  // Written and not taken by the kernel yet. The writer is to stop at a bound of its own; beyond
  // limits::kHttpUnsentReplyBytes the connection is closed.
  virtual size_t unsent_bytes() const = 0;
  virtual bool client_gone() const = 0;
  // Called (again and again) when unsent bytes fell to zero, and once when the client has gone.
  // Never from inside Write or Finish.
  virtual void OnProgress(std::function<void()> handler) = 0;
};

// One request and the place for its reply. Reply exactly once, on the loop's thread; when the last
// reference goes away unanswered, 500 is sent. A reply to a connection that has gone is dropped.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual Request& request() = 0;
  virtual void Send(Reply reply) = 0;
  // Instead of Send: the head now, the body through the stream. `head.body` is sent first. A
  // Content-Length among its headers is kept (and the body is not chunked then); the stream must
  // write exactly that many bytes. A reply without a body (to HEAD, 204, 304) drops what is
  // written.
  virtual std::unique_ptr<ReplyStream> StartStream(Reply head) = 0;
  // True when the client has gone: work for it may stop.
  virtual bool client_gone() const = 0;
  // `handler` runs once, soon after the client has gone, unless the request is answered or dropped
  // first; never from inside.
  virtual void OnClientGone(std::function<void()>) {}
  // Null: not known.
  virtual const PeerIdentity* peer() const { return nullptr; }
  // The IP address at the other end of the connection; empty: not known, or it has none.
  virtual std::string client_address() const { return ""; }
};

struct ServerOptions {
  size_t max_body_bytes = limits::kHttpBodyBytes;
  Duration header_timeout = limits::kHttpHeaderTimeout;
  Duration body_timeout = limits::kHttpBodyTimeout;
  Duration idle_timeout = limits::kHttpIdleTimeout;
  Duration write_timeout = limits::kHttpWriteTimeout;
  size_t max_connections = limits::kHttpConnections;
  // Makes the body of a reply to a request that is refused before a handler sees it.
  std::function<std::string(int status, std::string_view text)> error_body;
};

class HttpServer {
 public:
  using Handler = std::function<void(std::shared_ptr<Exchange>)>;

  // Serves connections accepted from `listener` (not owned; -1: only adopted ones) on `loop`.
  static Result<std::unique_ptr<HttpServer>> Start(os::EventLoop& loop, int listener,
                                                   ServerOptions options, Handler handler);
  virtual ~HttpServer() = default;

  // Serves a connection that was accepted elsewhere.
  virtual void Adopt(os::UniqueFd connection, std::shared_ptr<const PeerIdentity> peer) = 0;

  // Stops accepting; idle connections close now, others after their reply ("Connection: close").
  virtual void Drain() = 0;
  virtual size_t connection_count() const = 0;
};

}  // namespace throng::http
