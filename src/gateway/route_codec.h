// GatewayRoutes as JSON: objects of the API, and the file of last known routes, which has the form
// of a list. What cannot be understood is left out and told, so that one bad route never takes the
// others with it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/status.h"
#include "gateway/route_table.h"

namespace throng::gateway {

struct RouteList {
  std::vector<RouteSpec> routes;
  std::vector<std::string> problems;  // of routes that were left out
};

// "namespace/name"; empty: it has no name.
std::string RouteNameOf(const nlohmann::json& object);
// ERRORS: kInvalidArgument — names the route and the rule.
Result<RouteSpec> ParseRoute(const nlohmann::json& object);
// ERRORS: kInvalidArgument — no list.
Result<RouteList> ParseRouteList(std::string_view text);
std::string PrintRouteList(const std::vector<RouteSpec>& routes);

}  // namespace throng::gateway
