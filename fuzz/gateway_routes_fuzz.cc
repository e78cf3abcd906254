// Lists of routes, over any bytes: never a crash, bounds held, and what is read is
// read again as the same after it was printed. The table takes all of it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/control_limits.h"
#include "gateway/route_codec.h"
#include "gateway/route_table.h"

namespace throng::gateway {
namespace {

void CheckRoute(const RouteSpec& route) {
  THRONG_CHECK(!route.name.empty());
  THRONG_CHECK(!route.hosts.empty() && route.hosts.size() <= limits::kGatewayHosts);
  THRONG_CHECK(route.replicas.size() <= limits::kGatewayReplicas);
  for (const ReplicaSpec& replica : route.replicas) THRONG_CHECK(replica.port != 0);
}

void TryList(std::string_view bytes) {
  Result<RouteList> list = ParseRouteList(bytes);
  if (!list.ok()) return;
  for (const RouteSpec& route : list->routes) CheckRoute(route);
  const Result<RouteList> again = ParseRouteList(PrintRouteList(list->routes));
  THRONG_CHECK(again.ok() && again->routes.size() == list->routes.size());
  RouteTable table;
  table.ReplaceAll(std::move(list->routes));
  for (const RouteSpec& route : again->routes) {
    for (const std::string& host : route.hosts) table.Find(NormalizeHost(host));
    table.Remove(route.name);
  }
  THRONG_CHECK(table.size() == 0);
}

}  // namespace
}  // namespace throng::gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  throng::gateway::TryList(bytes);
  return 0;
}
