#include "http/message_head.h"

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

void AppendStatusLine(const Reply& reply, std::string& out) {
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
}

void AppendEndOfHead(ConnectionHeader connection, std::string& out) {
  if (connection == ConnectionHeader::kClose) out.append("Connection: close\r\n");
  if (connection == ConnectionHeader::kKeepAlive) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

}  // namespace

bool StatusHasBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendReplyHead(const Reply& reply, ConnectionHeader connection, std::string& out) {
  AppendStatusLine(reply, out);
  for (const Header& header : reply.headers) {
    if (IsToken(header.name)) AppendHeader(header.name, header.value, out);
  }
  if (StatusHasBody(reply.status)) {
    out.append("Content-Length: ");
    AppendNumber(reply.body.size(), out);
    out.append("\r\n");
  }
  AppendEndOfHead(connection, out);
}

void AppendStreamHead(const Reply& reply, BodyEnd end, std::string_view length_text,
                      ConnectionHeader connection, std::string& out) {
  AppendStatusLine(reply, out);
  for (const Header& header : reply.headers) {
    if (!IsToken(header.name) || EqualsIgnoringCase(header.name, "Content-Length")) continue;
    AppendHeader(header.name, header.value, out);
  }
  if (!length_text.empty()) AppendHeader("Content-Length", length_text, out);
  if (end == BodyEnd::kChunked) out.append("Transfer-Encoding: chunked\r\n");
  AppendEndOfHead(connection, out);
}

Result<std::string> ComposeRequestHead(std::string_view method, std::string_view target,
                                       const std::vector<Header>& headers, std::string_view host,
                                       size_t body_bytes) {
  if (!IsToken(method)) return InvalidArgumentError("not an HTTP method");
  if (!IsRequestTarget(target)) return InvalidArgumentError("not a target of an HTTP request");
  std::string head;
  head.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  bool has_host = false;
  bool has_length = false;
  for (const Header& header : headers) {
    if (!IsToken(header.name) || !IsFieldValue(header.value)) {
      return InvalidArgumentError("a header that cannot be sent");
    }
    has_host |= EqualsIgnoringCase(header.name, "Host");
    has_length |= EqualsIgnoringCase(header.name, "Content-Length") ||
                  EqualsIgnoringCase(header.name, "Transfer-Encoding");
    head.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (!has_host) head.append("Host: ").append(host).append("\r\n");
  const bool wants_length =
      body_bytes > 0 || method == "POST" || method == "PUT" || method == "PATCH";
  if (!has_length && wants_length) {
    head.append("Content-Length: ");
    AppendNumber(body_bytes, head);
    head.append("\r\n");
  }
  head.append("\r\n");
  return head;
}

std::string HostHeader(std::string_view address, uint16_t port) {
  std::string host;
  const bool is_ipv6 = address.find(':') != std::string_view::npos;
  if (is_ipv6) host.append("[");
  host.append(address).append(is_ipv6 ? "]:" : ":").append(std::to_string(port));
  return host;
}

}  // namespace throng::http
