// Which replicas answer for which host. Knows names and addresses only: no sockets, no API. Pure,
// not thread-safe.
//
//   RouteTable table;
//   table.Set({.name = "default/triton-mms", .hosts = {"triton-mms.default"}, .replicas = {...}});
//   const RouteTable::Replicas* replicas = table.Find(NormalizeHost("Triton-MMS.default:8080"));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "http/async_client.h"

namespace throng::gateway {

struct ReplicaSpec {
  std::string pod;
  std::string address;
  uint16_t port = 0;
  bool operator==(const ReplicaSpec&) const = default;
};

// A GatewayRoute as it is told.
struct RouteSpec {
  std::string name;  // "namespace/name"
  std::vector<std::string> hosts;
  std::vector<ReplicaSpec> replicas;
  bool operator==(const RouteSpec&) const = default;
};

// A replica and what the gateway knows of it. The same object as long as the replica is in a route
// under the same address.
struct Replica {
  std::string pod;
  http::ServerAddress address;
  int in_flight = 0;
  MonotonicTime suspect_until = MonotonicTime::min();  // it could not be reached
};

// Two routes claim one host: the one that claimed it first has it.
struct HostConflict {
  std::string host;
  std::string holder;
  std::string refused;
};

// The form under which a host is looked up: lower case, without port and trailing dot.
std::string NormalizeHost(std::string_view host);

class RouteTable {
 public:
  using Replicas = std::vector<std::shared_ptr<Replica>>;
  struct Change {
    bool changed = false;
    bool refused = false;  // there are limits::kGatewayRoutes already
    std::vector<HostConflict> conflicts;
  };

  RouteTable() = default;
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // Null: no route has that host. Valid until the next change.
  const Replicas* Find(const std::string& normal_host) const;

  Change Set(RouteSpec route);
  // False: there was none.
  bool Remove(const std::string& name);
  // These and no others. Hosts stay with those that have them.
  Change ReplaceAll(std::vector<RouteSpec> routes);

  // By name.
  std::vector<RouteSpec> Routes() const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    RouteSpec spec;
    Replicas replicas;
  };

  void Claim(Entry& entry, std::vector<HostConflict>& conflicts);
  void Disclaim(const Entry& entry, const std::vector<std::string>& kept_hosts);

  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;  // by name
  std::unordered_map<std::string, std::vector<Entry*>> hosts_;       // who claims it, first first
};

}  // namespace throng::gateway
