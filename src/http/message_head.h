// The first line and the headers of requests and replies as they are sent. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "http/server.h"

namespace throng::http {

enum class ConnectionHeader : uint8_t { kNone, kKeepAlive, kClose };

// False for the statuses that never have a body (RFC 9110 §6.4.1).
bool StatusHasBody(int status);

// Appends the head with its empty line. Control characters in header values become blanks, and a
// header whose name is not a token is left out: a reply cannot be split.
void AppendReplyHead(const Reply& reply, ConnectionHeader connection, std::string& out);

// How the end of a body that is sent piece by piece is known.
enum class BodyEnd : uint8_t {
  kNoBody,   // HEAD, 204, 304: its headers tell what a GET would have given
  kLength,   // Content-Length
  kChunked,  // Transfer-Encoding, which is added
  kClose,    // the end of the connection
};

// The same for such a reply. Its Content-Length is `length_text`, whatever its headers say; none
// when that is empty.
void AppendStreamHead(const Reply& reply, BodyEnd end, std::string_view length_text,
                      ConnectionHeader connection, std::string& out);

// The head of a request. Host and Content-Length are added unless `headers` has them. ERRORS:
// kInvalidArgument — a method, target or header that cannot be sent.
Result<std::string> ComposeRequestHead(std::string_view method, std::string_view target,
                                       const std::vector<Header>& headers, std::string_view host,
                                       size_t body_bytes);
// "127.0.0.1:8000", "[::1]:8000".
std::string HostHeader(std::string_view address, uint16_t port);

}  // namespace throng::http
