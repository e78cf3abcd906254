#include "frontend/rest/origin_rule.h"

#include <algorithm>

#include "http/syntax.h"

namespace throng::frontend::rest {
namespace {

bool StripSuffix(std::string_view suffix, std::string_view& text) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// True when `origin` ("http://host:port") is where `host` ("host:port") was asked. The default port
// may be left out on either side.
bool SameHost(std::string_view origin, std::string_view host) {
  const size_t scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;
  const bool is_https = http::EqualsIgnoringCase(origin.substr(0, scheme_end), "https");
  std::string_view authority = origin.substr(scheme_end + 3);
  const std::string_view default_port = is_https ? ":443" : ":80";
  StripSuffix(default_port, authority);
  StripSuffix(default_port, host);
  return !authority.empty() && http::EqualsIgnoringCase(authority, host);
}

}  // namespace

OriginRule::Verdict OriginRule::Judge(const http::Request& request) const {
  const std::string* const origin = request.FindHeader("Origin");
  if (origin == nullptr) return Verdict::kSame;
  const auto count = std::count_if(
      request.headers.begin(), request.headers.end(),
      [](const http::Header& header) { return http::EqualsIgnoringCase(header.name, "Origin"); });
  if (count != 1) return Verdict::kRefused;  // no browser sends two
  const std::string* const host = request.FindHeader("Host");
  if (host != nullptr && SameHost(*origin, *host)) return Verdict::kSame;
  const auto matches = [&](const std::string& allowed) {
    return allowed == "*" || http::EqualsIgnoringCase(allowed, *origin);
  };
  return std::any_of(allowed_.begin(), allowed_.end(), matches) ? Verdict::kAllowed
                                                                : Verdict::kRefused;
}

bool OriginRule::IsPreflight(const http::Request& request) {
  return request.method == "OPTIONS" && request.FindHeader("Origin") != nullptr &&
         request.FindHeader("Access-Control-Request-Method") != nullptr;
}

http::Reply OriginRule::PreflightReply() {
  http::Reply reply;
  reply.status = 204;
  reply.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST"},
                   {"Access-Control-Allow-Headers",
                    "Accept, Authorization, Content-Type, Inference-Header-Content-Length"},
                   {"Access-Control-Max-Age", "600"}};
  return reply;
}

void OriginRule::Allow(std::string_view origin, http::Reply& reply) {
  reply.headers.push_back({"Access-Control-Allow-Origin", std::string(origin)});
  reply.headers.push_back({"Vary", "Origin"});
}

}  // namespace throng::frontend::rest
