#include "http/reply_head.h"

#include <array>
#include <charconv>

#include "http/syntax.h"

namespace throng::http {
namespace {

void AppendNumber(uint64_t number, std::string& out) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void AppendHeader(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ");
  if (IsFieldValue(value)) {
    out.append(value);
  } else {
    for (const char c : value) out.push_back(IsFieldValue({&c, 1}) ? c : ' ');
  }
  out.append("\r\n");
}

}  // namespace

bool StatusHasBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendReplyHead(const Reply& reply, ConnectionHeader connection, std::string& out) {
  if (reply.status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    AppendNumber(static_cast<uint64_t>(reply.status), out);
    out.append(" ").append(ReasonPhrase(reply.status)).append("\r\n");
  }
  if (!reply.content_type.empty() && StatusHasBody(reply.status)) {
    AppendHeader("Content-Type", reply.content_type, out);
  }
  for (const Header& header : reply.headers) {
    if (IsToken(header.name)) AppendHeader(header.name, header.value, out);
  }
  if (StatusHasBody(reply.status)) {
    out.append("Content-Length: ");
    AppendNumber(reply.body.size(), out);
    out.append("\r\n");
  }
  if (connection == ConnectionHeader::kClose) out.append("Connection: close\r\n");
  if (connection == ConnectionHeader::kKeepAlive) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

}  // namespace throng::http
