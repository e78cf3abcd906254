// The status line and headers of a reply. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "http/server.h"

namespace throng::http {

enum class ConnectionHeader : uint8_t { kNone, kKeepAlive, kClose };

// False for the statuses that never have a body (RFC 9110 §6.4.1).
bool StatusHasBody(int status);

// Appends the head with its empty line. Control characters in header values become blanks, and a
// header whose name is not a token is left out: a reply cannot be split.
void AppendReplyHead(const Reply& reply, ConnectionHeader connection, std::string& out);

}  // namespace throng::http
