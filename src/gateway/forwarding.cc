#include "gateway/forwarding.h"

#include <algorithm>
#include <utility>

#include "http/syntax.h"

namespace throng::gateway {
namespace {

constexpr char kForwardedFor[] = "X-Forwarded-For";
constexpr char kRequestId[] = "X-Request-Id";

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view candidate) {
    return http::EqualsIgnoringCase(name, candidate);
  });
}

// Of the connection, not of the message.
bool IsHopByHop(std::string_view name) {
  switch (name.size()) {
    case 2:
      return http::EqualsIgnoringCase(name, "TE");
    case 7:
      return IsOneOf(name, {"Trailer", "Upgrade"});
    case 10:
      return IsOneOf(name, {"Connection", "Keep-Alive"});
    case 16:
      return http::EqualsIgnoringCase(name, "Proxy-Connection");
    case 17:
      return http::EqualsIgnoringCase(name, "Transfer-Encoding");
    case 18:
      return http::EqualsIgnoringCase(name, "Proxy-Authenticate");
    case 19:
      return http::EqualsIgnoringCase(name, "Proxy-Authorization");
    default:
      return false;
  }
}

// What the Connection headers name goes no further. Not Host: a client must not be able to take it
// away.
std::vector<std::string_view> NamedByConnection(const std::vector<http::Header>& headers) {
  std::vector<std::string_view> named;
  for (const http::Header& header : headers) {
    if (!http::EqualsIgnoringCase(header.name, "Connection")) continue;
    std::string_view list = header.value;
    while (!list.empty()) {
      const size_t comma = std::min(list.find(','), list.size());
      const std::string_view token = http::TrimBlanks(list.substr(0, comma));
      if (!token.empty() && !IsOneOf(token, {"close", "keep-alive", "Host"})) {
        named.push_back(token);
      }
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  return named;
}

bool IsDropped(std::string_view name, const std::vector<std::string_view>& named) {
  if (IsHopByHop(name)) return true;
  return std::any_of(named.begin(), named.end(), [&](std::string_view candidate) {
    return http::EqualsIgnoringCase(name, candidate);
  });
}

// Of "http://host/path": where the authority begins and ends.
std::pair<size_t, size_t> AuthorityOf(std::string_view target) {
  const size_t scheme_end = target.find("://");
  if (target.starts_with('/') || scheme_end == std::string_view::npos) return {0, 0};
  const size_t begin = scheme_end + 3;
  return {begin, std::min(target.find_first_of("/?", begin), target.size())};
}

}  // namespace

std::string HostOf(const http::Request& request) {
  const std::string* const host = request.FindHeader("Host");
  if (host != nullptr) return *host;
  const auto [begin, end] = AuthorityOf(request.target);
  return request.target.substr(begin, end - begin);
}

std::string OriginForm(std::string_view target) {
  const auto [begin, end] = AuthorityOf(target);
  if (begin == end) return std::string(target);
  const std::string_view rest = target.substr(end);
  return rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
}

// Wider than what a replica reads: its path is decoded here before it is taken apart, so that there
// is no way to write it that a replica understands and this does not.
bool ControlsModels(const http::Request& request) {
  const std::string_view path = request.path;
  return path.starts_with("/v2/repository/") &&
         (path.ends_with("/load") || path.ends_with("/unload"));
}

std::vector<http::Header> ForwardedHeaders(const http::Request& request,
                                           std::string_view client_address,
                                           const std::string& request_id) {
  const std::vector<std::string_view> named = NamedByConnection(request.headers);
  std::vector<http::Header> headers;
  headers.reserve(request.headers.size() + 3);
  std::string forwarded_for;
  bool has_id = false;
  bool has_host = false;
  for (const http::Header& header : request.headers) {
    if (IsDropped(header.name, named)) continue;
    if (IsOneOf(header.name, {"Content-Length", "Expect"})) continue;
    if (http::EqualsIgnoringCase(header.name, kForwardedFor)) {
      if (!forwarded_for.empty()) forwarded_for += ", ";
      forwarded_for += header.value;
      continue;
    }
    has_id |= http::EqualsIgnoringCase(header.name, kRequestId);
    has_host |= http::EqualsIgnoringCase(header.name, "Host");
    headers.push_back(header);
  }
  if (!has_host) headers.push_back({"Host", HostOf(request)});
  if (!has_id) headers.push_back({kRequestId, request_id});
  if (!client_address.empty()) {
    if (!forwarded_for.empty()) forwarded_for += ", ";
    forwarded_for += client_address;
  }
  if (!forwarded_for.empty()) headers.push_back({kForwardedFor, std::move(forwarded_for)});
  return headers;
}

http::Reply ForwardedReply(http::ClientReply reply) {
  const std::vector<std::string_view> named = NamedByConnection(reply.headers);
  http::Reply head;
  head.status = reply.status;
  head.content_type.clear();  // it is among the headers
  head.headers.reserve(reply.headers.size());
  for (http::Header& header : reply.headers) {
    // A Connection header may name itself; names point into headers that are still whole then.
    if (IsDropped(header.name, named)) continue;
    head.headers.push_back({header.name, header.value});
  }
  return head;
}

}  // namespace throng::gateway
