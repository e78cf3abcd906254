// A blocking HTTP/1.1 client for the command line, tests and tools. It keeps one connection open
// between calls to the same address and port. Not thread-safe: one per thread. Never use it on an
// event loop.
//
//   http::HttpClient client;
//   auto reply = client.Send("127.0.0.1", 8000, "GET", "/v2", {}, "", clock.Now() + 5s);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "base/status.h"
#include "http/server.h"
#include "os/unique_fd.h"

namespace throng::http {

struct ClientReply {
  int status = 0;
  std::string reason;           // "OK"
  std::vector<Header> headers;  // trailers are dropped
  std::string body;             // de-chunked

  // Case-insensitive; the first of that name, null when absent.
  const std::string* FindHeader(std::string_view name) const;
};

class HttpClient {
 public:
  explicit HttpClient(size_t max_reply_bytes = limits::kHttpUnsentReplyBytes);

  // Host and Content-Length are added unless `headers` has them; the rest is sent as given. Any
  // status is a success here. A connection kept from an earlier call that turns out to be closed is
  // replaced once. ERRORS: kUnavailable — cannot connect, or the connection was lost,
  // kDeadlineExceeded, kInvalidArgument — a method, target or header that cannot be sent,
  // kDataLoss — the reply is not HTTP or was cut short, kResourceExhausted — it is too large.
  Result<ClientReply> Send(const std::string& address, uint16_t port, std::string_view method,
                           std::string_view target, const std::vector<Header>& headers,
                           std::string_view body, MonotonicTime deadline);

 private:
  Status Connect(const std::string& address, uint16_t port, MonotonicTime deadline);
  // Sends and receives; `got_bytes` is set when anything of a reply arrived.
  Result<ClientReply> Transfer(std::string_view head, std::string_view body, bool is_head,
                               MonotonicTime deadline, bool& got_bytes);

  const size_t max_reply_bytes_;
  os::UniqueFd connection_;
  std::string address_;
  uint16_t port_ = 0;
};

}  // namespace throng::http
