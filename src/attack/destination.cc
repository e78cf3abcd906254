#include "attack/destination.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "http/syntax.h"

namespace throng::attack {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr uint16_t kHttpPort = 80;

struct Authority {
  std::string host;  // lower case, without brackets
  uint16_t port = kHttpPort;
  bool is_bracketed = false;
};

std::optional<Authority> ParseAuthority(std::string_view text) {
  Authority authority;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    authority.is_bracketed = true;
    authority.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return std::nullopt;
  } else {
    const size_t colon = text.find(':');
    authority.host = text.substr(0, colon);
    port = colon == std::string_view::npos ? "" : text.substr(colon);
  }
  if (!port.empty()) {
    const auto number = http::ParseDecimal(port.substr(1));
    if (!number || *number == 0 || *number > 65535) return std::nullopt;
    authority.port = static_cast<uint16_t>(*number);
  }
  if (authority.host.empty() || !http::IsAuthority(authority.host)) return std::nullopt;
  for (char& c : authority.host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return authority;
}

// The address of this machine that it names; empty: none.
std::string LoopbackAddress(const Authority& authority) {
  if (authority.is_bracketed) return authority.host == "::1" ? "::1" : "";
  if (authority.host == "localhost") return "127.0.0.1";
  const bool is_address = authority.host.find_first_not_of("0123456789.") == std::string::npos &&
                          std::count(authority.host.begin(), authority.host.end(), '.') == 3;
  return is_address && authority.host.rfind("127.", 0) == 0 ? authority.host : "";
}

bool IsLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// NAME.NAMESPACE, with .svc or .svc.cluster.local behind it or not.
bool IsService(std::string_view host) {
  for (const std::string_view suffix : {".svc.cluster.local", ".svc"}) {
    if (host.size() > suffix.size() && host.substr(host.size() - suffix.size()) == suffix) {
      host.remove_suffix(suffix.size());
      break;
    }
  }
  const size_t dot = host.find('.');
  return dot != std::string_view::npos && IsLabel(host.substr(0, dot)) &&
         IsLabel(host.substr(dot + 1));
}

bool IsName(std::string_view host) {
  return host.find_first_not_of("0123456789.") != std::string_view::npos;
}

}  // namespace

Result<Destination> FindDestination(const std::string& url, const DestinationRules& rules) {
  if (url.rfind(kScheme, 0) != 0) return InvalidArgumentError("only http:// is supported");
  const std::string_view rest = std::string_view(url).substr(kScheme.size());
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const auto authority = ParseAuthority(rest.substr(0, end));
  if (!authority) return InvalidArgumentError("the URL has no host that can be read");
  Destination destination{.address = {}, .host = authority->host, .target = ""};
  destination.target = rest.substr(end);
  if (destination.target.empty() || destination.target.front() == '?') {
    destination.target.insert(0, "/");
  }
  const std::string loopback = LoopbackAddress(*authority);
  if (rules.reaches_loopback && !loopback.empty()) {
    destination.address = {.host = loopback, .port = authority->port};
    destination.host = rest.substr(0, end);
    return destination;
  }
  const std::string shown = EscapeForLog(authority->host);
  const bool is_known = !authority->is_bracketed && (IsService(authority->host) ||
                                                     (rules.every_name && IsName(authority->host)));
  if (!is_known) {
    return PermissionDeniedError("host " + shown +
                                 " is not reached: only NAME.NAMESPACE, with .svc or "
                                 ".svc.cluster.local behind it, is");
  }
  if (authority->port != kHttpPort) {
    return PermissionDeniedError("port " + std::to_string(authority->port) + " of host " + shown +
                                 " is not reached: only port 80 is");
  }
  if (!rules.gateway) {
    return PermissionDeniedError("host " + shown +
                                 " is reached through a gateway, which is not "
                                 "given");
  }
  destination.address = *rules.gateway;
  return destination;
}

Result<http::ServerAddress> ParseGatewayAddress(const std::string& text) {
  const auto authority = ParseAuthority(text);
  if (!authority || text.find(':') == std::string::npos) {
    return InvalidArgumentError("must be ADDRESS:PORT");
  }
  const bool is_address = authority->is_bracketed ||
                          authority->host.find_first_not_of("0123456789.") == std::string::npos;
  if (!is_address && authority->host != "localhost") {
    return InvalidArgumentError("must be an IP address and a port");
  }
  return http::ServerAddress{.host = is_address ? authority->host : "127.0.0.1",
                             .port = authority->port};
}

}  // namespace throng::attack
