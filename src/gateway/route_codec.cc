#include "gateway/route_codec.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/control_limits.h"
#include "base/log.h"

namespace throng::gateway {
namespace {

using Json = nlohmann::json;

// Null when it is missing.
const Json* Member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string Text(const Json* object, const char* key) {
  const Json* const member = object == nullptr ? nullptr : Member(*object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string();
}

Status Problem(const std::string& name, const char* rule) {
  return InvalidArgumentError("GatewayRoute " + EscapeForLog(name) + ": " + rule);
}

Status ParseReplica(const std::string& name, const Json& item, ReplicaSpec& replica) {
  replica.pod = Text(&item, "pod");
  replica.address = Text(&item, "address");
  const Json* const port = Member(item, "port");
  if (replica.pod.empty() || replica.address.empty()) {
    return Problem(name, "a replica needs pod and address");
  }
  if (port == nullptr || !port->is_number_unsigned() || port->get<uint64_t>() == 0 ||
      port->get<uint64_t>() > 65535) {
    return Problem(name, "the port of a replica must be 1 to 65535");
  }
  replica.port = static_cast<uint16_t>(port->get<uint64_t>());
  return OkStatus();
}

Status ParseHosts(const Json& spec, RouteSpec& route) {
  const Json* const hosts = Member(spec, "hosts");
  if (hosts == nullptr || !hosts->is_array() || hosts->empty() ||
      hosts->size() > limits::kGatewayHosts) {
    return Problem(route.name, "spec.hosts must be a list of 1 to 64 names");
  }
  for (const Json& host : *hosts) {
    if (!host.is_string() || host.get_ref<const std::string&>().empty()) {
      return Problem(route.name, "spec.hosts must be a list of 1 to 64 names");
    }
    route.hosts.push_back(host.get<std::string>());
  }
  return OkStatus();
}

// nlohmann may throw where memory ends; everything else is asked for before it is taken.
Result<Json> Parse(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) return InvalidArgumentError("no JSON object");
  return json;
}

}  // namespace

std::string RouteNameOf(const Json& object) {
  const Json* const metadata = Member(object, "metadata");
  const std::string name = Text(metadata, "name");
  return name.empty() ? "" : Text(metadata, "namespace") + "/" + name;
}

Result<RouteSpec> ParseRoute(const Json& object) {
  RouteSpec route;
  route.name = RouteNameOf(object);
  if (route.name.empty()) return InvalidArgumentError("a GatewayRoute without metadata.name");
  const Json* const spec = Member(object, "spec");
  if (spec == nullptr) return Problem(route.name, "it has no spec");
  THRONG_RETURN_IF_ERROR(ParseHosts(*spec, route));
  const Json* const replicas = Member(*spec, "replicas");
  if (replicas == nullptr || replicas->is_null()) return route;
  if (!replicas->is_array() || replicas->size() > limits::kGatewayReplicas) {
    return Problem(route.name, "spec.replicas must be a list of at most 1024");
  }
  for (const Json& item : *replicas) {
    route.replicas.emplace_back();
    THRONG_RETURN_IF_ERROR(ParseReplica(route.name, item, route.replicas.back()));
  }
  return route;
}

Result<RouteList> ParseRouteList(std::string_view text) {
  THRONG_ASSIGN_OR_RETURN(const Json json, Parse(text));
  const Json* const items = Member(json, "items");
  if (items == nullptr || !(items->is_array() || items->is_null())) {
    return InvalidArgumentError("no list of GatewayRoutes");
  }
  RouteList list;
  for (const Json& item : *items) {
    Result<RouteSpec> route = ParseRoute(item);
    if (route.ok()) {
      list.routes.push_back(std::move(*route));
    } else {
      list.problems.push_back(route.status().message());
    }
  }
  return list;
}

std::string PrintRouteList(const std::vector<RouteSpec>& routes) {
  Json items = Json::array();
  for (const RouteSpec& route : routes) {
    const size_t slash = route.name.find('/');
    Json replicas = Json::array();
    for (const ReplicaSpec& replica : route.replicas) {
      replicas.push_back(
          {{"pod", replica.pod}, {"address", replica.address}, {"port", replica.port}});
    }
    items.push_back(
        {{"metadata",
          {{"namespace", route.name.substr(0, slash)}, {"name", route.name.substr(slash + 1)}}},
         {"spec", {{"hosts", route.hosts}, {"replicas", std::move(replicas)}}}});
  }
  const Json list = {{"apiVersion", "throng.dev/v1alpha1"},
                     {"kind", "GatewayRouteList"},
                     {"items", std::move(items)}};
  return list.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace throng::gateway
