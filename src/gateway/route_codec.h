// GatewayRoutes as JSON: lists and watch events of the API, and the file of last known routes,
// which has the form of a list. What cannot be understood is left out and told, so that one bad
// route never takes the others with it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "gateway/route_table.h"

namespace throng::gateway {

struct RouteList {
  std::vector<RouteSpec> routes;
  std::string resource_version;
  std::vector<std::string> problems;  // of routes that were left out
};

enum class WatchEventKind : uint8_t { kSet, kRemoved, kBookmark, kError };

struct WatchEvent {
  WatchEventKind kind = WatchEventKind::kBookmark;
  RouteSpec route;               // of kSet; of kRemoved only the name
  std::string resource_version;  // empty: none was told
  int error_code = 0;            // of kError: 410, ...
  std::string problem;           // not empty: the route is to be left as it is
};

// ERRORS: kInvalidArgument — no list.
Result<RouteList> ParseRouteList(std::string_view text);
// One line of a watch. ERRORS: kInvalidArgument — no event.
Result<WatchEvent> ParseWatchEvent(std::string_view line);
std::string PrintRouteList(const std::vector<RouteSpec>& routes);

}  // namespace throng::gateway
