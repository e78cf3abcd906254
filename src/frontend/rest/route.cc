#include "frontend/rest/route.h"

#include <span>
#include <vector>

#include "http/syntax.h"

namespace throng::frontend::rest {
namespace {

// No route has more parts; the rest of a longer path need not be split.
constexpr size_t kMaxParts = 8;

using Parts = std::span<const std::string>;

// Nothing: not a path, or an escape is malformed.
std::optional<std::vector<std::string>> SplitPath(std::string_view target) {
  if (const size_t scheme = target.find("://"); !target.starts_with('/')) {
    if (scheme == std::string_view::npos) return std::nullopt;
    const size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view() : target.substr(path);
  }
  target = target.substr(0, target.find_first_of("?#"));
  if (target.empty()) return std::nullopt;
  std::vector<std::string> parts;
  for (;;) {
    target.remove_prefix(1);
    const size_t slash = target.find('/');
    if (!http::DecodePercent(target.substr(0, slash), parts.emplace_back())) return std::nullopt;
    if (slash == std::string_view::npos) return parts;
    if (parts.size() == kMaxParts) return std::nullopt;
    target.remove_prefix(slash);
  }
}

RouteKind ModelVerb(std::string_view verb) {
  if (verb == "ready") return RouteKind::kModelReady;
  if (verb == "config") return RouteKind::kModelConfig;
  if (verb == "infer") return RouteKind::kModelInfer;
  return RouteKind::kUnknown;
}

// `parts`: what follows "/v2/models".
Route ParseModelRoute(Parts parts) {
  Route route;
  if (parts.empty()) return route;
  route.model = parts[0];
  parts = parts.subspan(1);
  if (parts.size() >= 2 && parts[0] == "versions") {
    const std::optional<uint64_t> version = http::ParseDecimal(parts[1]);
    if (!version || *version > static_cast<uint64_t>(INT64_MAX)) return route;
    route.version = static_cast<int64_t>(*version);
    parts = parts.subspan(2);
  }
  if (parts.empty()) route.kind = RouteKind::kModelMetadata;
  if (parts.size() == 1) route.kind = ModelVerb(parts[0]);
  return route;
}

// `parts`: what follows "/v2/repository".
Route ParseRepositoryRoute(Parts parts) {
  Route route;
  if (parts.size() == 2 || parts.size() == 4) {
    route.names_repository = true;
    parts = parts.subspan(1);
  }
  if (parts.size() == 1 && parts[0] == "index") route.kind = RouteKind::kRepositoryIndex;
  if (parts.size() == 3 && parts[0] == "models") {
    route.model = parts[1];
    if (parts[2] == "load") route.kind = RouteKind::kModelLoad;
    if (parts[2] == "unload") route.kind = RouteKind::kModelUnload;
  }
  return route;
}

}  // namespace

Route ParseRoute(std::string_view target) {
  const auto path = SplitPath(target);
  Route route;
  if (!path || path->empty() || path->front() != "v2") return route;
  const Parts parts = Parts(*path).subspan(1);
  if (parts.empty()) {
    route.kind = RouteKind::kServerMetadata;
    return route;
  }
  if (parts[0] == "models") return ParseModelRoute(parts.subspan(1));
  if (parts[0] == "repository") return ParseRepositoryRoute(parts.subspan(1));
  if (parts[0] == "health" && parts.size() == 2) {
    if (parts[1] == "live") route.kind = RouteKind::kServerLive;
    if (parts[1] == "ready") route.kind = RouteKind::kServerReady;
  }
  return route;
}

std::string_view RouteMethod(RouteKind kind) {
  switch (kind) {
    case RouteKind::kModelInfer:
    case RouteKind::kRepositoryIndex:
    case RouteKind::kModelLoad:
    case RouteKind::kModelUnload:
      return "POST";
    default:
      return "GET";
  }
}

}  // namespace throng::frontend::rest
