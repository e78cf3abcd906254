// Who may call from a web page: a browser sends Origin, and unless that is the server itself or an
// allowed one, the request is refused, so that no page a user visits can drive a model server on
// their machine. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace throng::frontend::rest {

class OriginRule {
 public:
  enum class Verdict : uint8_t {
    kSame,     // no Origin, or the server's own
    kAllowed,  // another one, allowed: the reply says so
    kRefused,
  };

  // `allowed`: values of Origin, such as "https://app.example"; "*" allows all.
  explicit OriginRule(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {}

  Verdict Judge(const http::Request& request) const;

  // The reply to a browser's question before the real request (Fetch standard, "CORS-preflight
  // fetch").
  static http::Reply PreflightReply();
  static bool IsPreflight(const http::Request& request);
  // Lets the page at `origin` read `reply`.
  static void Allow(std::string_view origin, http::Reply& reply);

 private:
  std::vector<std::string> allowed_;
};

}  // namespace throng::frontend::rest
