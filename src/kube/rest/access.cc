#include "kube/rest/access.h"

#include <algorithm>
#include <array>

#include "kube/field_error.h"
#include "kube/object_meta.h"

namespace throng::kube::server {
namespace {

constexpr std::array<std::string_view, 3> kReadingVerbs = {"get", "list", "watch"};
constexpr std::array<std::string_view, 5> kPathsForAll = {"/api", "/apis", "/openapi", "/version",
                                                          "/healthz"};

bool IsMember(const http::PeerIdentity& user, std::string_view group) {
  return std::find(user.groups.begin(), user.groups.end(), group) != user.groups.end();
}

bool IsReading(std::string_view verb) {
  return std::find(kReadingVerbs.begin(), kReadingVerbs.end(), verb) != kReadingVerbs.end();
}

bool IsForAll(std::string_view path) {
  return std::any_of(kPathsForAll.begin(), kPathsForAll.end(), [&](std::string_view prefix) {
    return path == prefix ||
           (path.substr(0, prefix.size()) == prefix && path[prefix.size()] == '/');
  });
}

ApiError RefusePath(const http::PeerIdentity& user, const Attributes& asked) {
  return ForbiddenError(
      "", "", "",
      "User " + QuoteText(user.user) + " cannot " + asked.verb + " path " + QuoteText(asked.path));
}

ApiError RefuseResource(const http::PeerIdentity& user, const Attributes& asked) {
  std::string resource = asked.resource;
  if (!asked.subresource.empty()) resource += "/" + asked.subresource;
  std::string why = "User " + QuoteText(user.user) + " cannot " + asked.verb + " resource " +
                    QuoteText(resource) + " in API group " + QuoteText(asked.group);
  why += asked.name_space.empty() ? " at the cluster scope"
                                  : " in the namespace " + QuoteText(asked.name_space);
  return ForbiddenError(asked.group, asked.resource, asked.name, why);
}

}  // namespace

std::optional<std::string> BearerToken(const http::Request& request) {
  const std::string* header = request.FindHeader("Authorization");
  if (header == nullptr) return std::nullopt;
  constexpr std::string_view kScheme = "bearer ";
  if (header->size() <= kScheme.size()) return std::nullopt;
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = (*header)[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return std::nullopt;
  }
  const size_t start = header->find_first_not_of(' ', kScheme.size());
  if (start == header->npos) return std::nullopt;
  return header->substr(start);
}

std::optional<ApiError> Authorize(const http::PeerIdentity& user, const Attributes& asked) {
  if (IsMember(user, kMastersGroup)) return std::nullopt;
  const bool views = IsMember(user, kViewersGroup);
  if (!asked.path.empty()) {
    if (asked.verb == "get" && (IsForAll(asked.path) || views)) return std::nullopt;
    return RefusePath(user, asked);
  }
  // Everybody may ask what he may do, and who he is.
  if (asked.verb == "create" &&
      (asked.resource == "selfsubjectaccessreviews" || asked.resource == "selfsubjectreviews")) {
    return std::nullopt;
  }
  const bool is_secret = asked.group.empty() && asked.resource == "secrets";
  if (views && IsReading(asked.verb) && !is_secret) return std::nullopt;
  return RefuseResource(user, asked);
}

Json ReviewAccess(const http::PeerIdentity& user, Json review) {
  Attributes asked;
  const auto text = [&](const char* attributes, const char* field) {
    return TextAt(review, {"spec", attributes, field});
  };
  if (FindPath(review, {"spec", "nonResourceAttributes"}) != nullptr) {
    asked.verb = text("nonResourceAttributes", "verb");
    asked.path = text("nonResourceAttributes", "path");
  } else {
    asked.verb = text("resourceAttributes", "verb");
    asked.group = text("resourceAttributes", "group");
    asked.resource = text("resourceAttributes", "resource");
    asked.subresource = text("resourceAttributes", "subresource");
    asked.name_space = text("resourceAttributes", "namespace");
    asked.name = text("resourceAttributes", "name");
  }
  const std::optional<ApiError> error = Authorize(user, asked);
  review["status"] = {{"allowed", !error.has_value()}};
  if (error) review["status"]["reason"] = error->message;
  return review;
}

Json ReviewIdentity(const http::PeerIdentity& user, Json review) {
  review["status"] = {{"userInfo", {{"username", user.user}, {"groups", user.groups}}}};
  return review;
}

std::string AuditLine(const AuditEntry& entry) {
  Json line = {{"time", MicroTimestamp(entry.time)},
               {"user", entry.user},
               {"verb", entry.asked.verb},
               {"code", entry.code}};
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) line[key] = value;
  };
  set("path", entry.asked.path);
  set("group", entry.asked.group);
  set("resource", entry.asked.resource);
  set("subresource", entry.asked.subresource);
  set("namespace", entry.asked.name_space);
  set("name", entry.asked.name);
  if (entry.dry_run) line["dryRun"] = true;
  return PrintJson(line) + "\n";
}

}  // namespace throng::kube::server
