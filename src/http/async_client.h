// HTTP/1.1 client on an event loop, for the gateway, agents and watches: connections are kept open
// between calls and shared, nothing blocks, bodies come whole or as they arrive.
//
//   http::AsyncClient client(loop, {});
//   auto call = client.Start({.address = {.host = "127.0.0.1", .port = 8000}, .method = "GET",
//                             .target = "/v2"}, deadline, [](Result<ClientReply> reply) { ... });
//
// Everything on the loop's thread. Destroying the client, or the call's handle, ends a call without
// calling back; its connection is closed.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"
#include "http/client.h"
#include "os/event_loop.h"

namespace throng::http {

// A TCP address, or a Unix socket when `unix_path` is set.
struct ServerAddress {
  std::string host;  // an IP address
  uint16_t port = 0;
  std::string unix_path;
  auto operator<=>(const ServerAddress&) const = default;
};

struct CallSpec {
  ServerAddress address;
  std::string method;
  std::string target;
  std::vector<Header> headers;  // Host and Content-Length are added unless they are here
  std::shared_ptr<const std::string> body;  // null: none; shared, so that a retry copies nothing
};

enum class CallStage : uint8_t {
  kNotStarted,  // no server can have acted on it: safe to send elsewhere
  kSent,        // the server may have seen it
  kReplying,    // a reply has begun
};

class AsyncCall {
 public:
  virtual ~AsyncCall() = default;
  // How far it came; after a failure this decides whether it may be sent elsewhere. A connection
  // that is reset before anything was answered falls back to kNotStarted: the kernel resets when
  // bytes were not read, so no program has seen the whole request.
  virtual CallStage stage() const = 0;
};

// A reply whose body is taken as it arrives.
class ReplyConsumer {
 public:
  virtual ~ReplyConsumer() = default;
  // Status and headers; `reply.body` is empty.
  virtual void OnHead(ClientReply reply) = 0;
  // REQUIRES of nobody: the bytes are gone after the call.
  virtual void OnBody(std::string_view bytes) = 0;
  // The last call: OK when the reply was whole. ERRORS: as HttpClient::Send. May destroy the call.
  virtual void OnEnd(Status status) = 0;
  // While this says false nothing more is read (asked again after AsyncClient::Resume).
  virtual bool WantsMore() { return true; }
};

struct AsyncClientOptions {
  size_t max_idle_connections_per_address = 64;
  size_t max_connections_per_address = 1024;  // more: kResourceExhausted
  Duration idle_timeout = std::chrono::seconds(60);
  Duration connect_timeout = std::chrono::seconds(5);
  size_t max_reply_bytes = limits::kHttpUnsentReplyBytes;  // of whole bodies
};

class AsyncClient {
 public:
  static std::unique_ptr<AsyncClient> Create(os::EventLoop& loop, AsyncClientOptions options);
  virtual ~AsyncClient() = default;

  // `done` runs exactly once unless the handle is destroyed first, and never before this returns.
  // A kept connection that turns out to be closed before anything was answered is replaced once
  // when nothing of the request can have been handled, or the method is a safe one (GET, HEAD,
  // OPTIONS). ERRORS: as HttpClient::Send, and kResourceExhausted — too many connections,
  // kPermissionDenied — of a Unix socket.
  virtual std::unique_ptr<AsyncCall> Start(CallSpec spec, MonotonicTime deadline,
                                           Done<Result<ClientReply>> done) = 0;
  // The same with the body in pieces; without a deadline after the head when `deadline` is max().
  virtual std::unique_ptr<AsyncCall> StartStream(CallSpec spec, MonotonicTime deadline,
                                                 std::unique_ptr<ReplyConsumer> consumer) = 0;
  // WantsMore of the call's consumer is to be asked again.
  virtual void Resume(AsyncCall& call) = 0;
};

}  // namespace throng::http
