// Who may do what, and what is told of it: bearer tokens, two roles, the log of writes.
//
// The roles are groups: members of system:masters may do everything, members of throng.dev:viewers
// read everything but secrets. Who is known at all may read the documents about the API.
//
// The functions are pure and thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/server.h"
#include "kube/api_error.h"

namespace throng::kube::server {

inline constexpr std::string_view kMastersGroup = "system:masters";
// Who comes by the control plane's own Unix socket.
inline constexpr std::string_view kInternalUser = "system:throng";
inline constexpr std::string_view kViewersGroup = "throng.dev:viewers";

// Knows the tokens. Called on the executor of the API server, which it must outlive.
class TokenAuthenticator {
 public:
  virtual ~TokenAuthenticator() = default;
  // Null: it is no token, or none any more. The comparison must take the same time for all.
  virtual std::optional<http::PeerIdentity> Authenticate(std::string_view token) const = 0;
};

// The token of "Authorization: Bearer TOKEN"; nothing when the request has none.
std::optional<std::string> BearerToken(const http::Request& request);

// What is asked of the API.
struct Attributes {
  std::string verb;  // "list"; of a path that is no resource: "get", "post"
  std::string path;  // set for a path that is no resource
  std::string group;
  std::string resource;
  std::string subresource;
  std::string name_space;
  std::string name;
};

// Nothing: it is allowed.
std::optional<ApiError> Authorize(const http::PeerIdentity& user, const Attributes& asked);

// What "kubectl auth can-i" asks: a SelfSubjectAccessReview, answered with its `status`.
Json ReviewAccess(const http::PeerIdentity& user, Json review);
// What "kubectl auth whoami" asks: a SelfSubjectReview, answered likewise.
Json ReviewIdentity(const http::PeerIdentity& user, Json review);

struct AuditEntry {
  WallTime time;
  std::string user;
  Attributes asked;
  bool dry_run = false;
  int code = 0;
};
// One line of JSON, with its newline: who, what, which, and what came of it. No bodies.
std::string AuditLine(const AuditEntry& entry);

}  // namespace throng::kube::server
