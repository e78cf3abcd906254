// The routes of the V2 protocol over REST: what a request target names. One canonical form: the
// path is split first and each part is percent-decoded once, so "a%2Fb" is one (bad) name and never
// two parts. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throng::frontend::rest {

enum class RouteKind : uint8_t {
  kUnknown,
  kServerLive,       // GET /v2/health/live
  kServerReady,      // GET /v2/health/ready
  kServerMetadata,   // GET /v2
  kModelMetadata,    // GET /v2/models/M[/versions/V]
  kModelReady,       // GET …/ready
  kModelConfig,      // GET …/config
  kModelInfer,       // POST …/infer
  kRepositoryIndex,  // POST /v2/repository[/R]/index
  kModelLoad,        // POST /v2/repository[/R]/models/M/load
  kModelUnload,      // POST …/unload
};

struct Route {
  RouteKind kind = RouteKind::kUnknown;
  std::string model;  // decoded, not yet checked
  std::optional<int64_t> version;
  bool names_repository = false;  // Triton: "'repository_name' specification is not supported"
};

// `target`: as sent, with or without a query. A version that is no number of digits makes the route
// unknown, as Triton's pattern [0-9]+ does.
Route ParseRoute(std::string_view target);

// "GET" or "POST"; GET implies HEAD. REQUIRES: kind != kUnknown.
std::string_view RouteMethod(RouteKind kind);

}  // namespace throng::frontend::rest
