#include "gateway/route_table.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/control_limits.h"

namespace throng::gateway {
namespace {

bool IsPort(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool Contains(const std::vector<std::string>& hosts, const std::string& host) {
  return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

void Normalize(std::vector<std::string>& hosts) {
  std::vector<std::string> normal;
  for (const std::string& host : hosts) {
    std::string candidate = NormalizeHost(host);
    if (!candidate.empty() && !Contains(normal, candidate)) normal.push_back(std::move(candidate));
  }
  hosts = std::move(normal);
}

}  // namespace

std::string NormalizeHost(std::string_view host) {
  const size_t colon = host.rfind(':');
  // The colons of "[::1]" are inside its brackets.
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos &&
      IsPort(host.substr(colon + 1))) {
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string normal(host);
  for (char& c : normal) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return normal;
}

const RouteTable::Replicas* RouteTable::Find(const std::string& normal_host) const {
  const auto found = hosts_.find(normal_host);
  return found == hosts_.end() ? nullptr : &found->second.front()->replicas;
}

RouteTable::Change RouteTable::Set(RouteSpec route) {
  Change change;
  Normalize(route.hosts);
  const auto found = entries_.find(route.name);
  if (found == entries_.end() && entries_.size() >= limits::kGatewayRoutes) {
    change.refused = true;
    return change;
  }
  if (found != entries_.end() && found->second->spec == route) return change;
  change.changed = true;
  std::unique_ptr<Entry>& entry = entries_[route.name];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  Disclaim(*entry, route.hosts);
  Replicas replicas;
  for (const ReplicaSpec& spec : route.replicas) {
    const http::ServerAddress address{spec.address, spec.port, ""};
    const auto known = std::find_if(
        entry->replicas.begin(), entry->replicas.end(),
        [&](const auto& old) { return old->pod == spec.pod && old->address == address; });
    if (known != entry->replicas.end()) {
      replicas.push_back(*known);
    } else {
      replicas.push_back(std::make_shared<Replica>(Replica{.pod = spec.pod, .address = address}));
    }
  }
  entry->replicas = std::move(replicas);
  entry->spec = std::move(route);
  Claim(*entry, change.conflicts);
  return change;
}

void RouteTable::Claim(Entry& entry, std::vector<HostConflict>& conflicts) {
  for (const std::string& host : entry.spec.hosts) {
    std::vector<Entry*>& claims = hosts_[host];
    if (std::find(claims.begin(), claims.end(), &entry) == claims.end()) claims.push_back(&entry);
    if (claims.front() == &entry) continue;
    conflicts.push_back({host, claims.front()->spec.name, entry.spec.name});
  }
}

void RouteTable::Disclaim(const Entry& entry, const std::vector<std::string>& kept_hosts) {
  for (const std::string& host : entry.spec.hosts) {
    if (Contains(kept_hosts, host)) continue;
    const auto found = hosts_.find(host);
    std::erase(found->second, &entry);
    if (found->second.empty()) hosts_.erase(found);
  }
}

bool RouteTable::Remove(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  Disclaim(*found->second, {});
  entries_.erase(found);
  return true;
}

RouteTable::Change RouteTable::ReplaceAll(std::vector<RouteSpec> routes) {
  Change total;
  std::unordered_set<std::string> kept;
  for (const RouteSpec& route : routes) kept.insert(route.name);
  std::vector<std::string> gone;
  for (const auto& [name, entry] : entries_) {
    if (!kept.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) total.changed |= Remove(name);
  for (RouteSpec& route : routes) {
    Change change = Set(std::move(route));
    total.changed |= change.changed;
    total.refused |= change.refused;
    for (HostConflict& conflict : change.conflicts) total.conflicts.push_back(std::move(conflict));
  }
  return total;
}

std::vector<RouteSpec> RouteTable::Routes() const {
  std::vector<RouteSpec> routes;
  routes.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) routes.push_back(entry->spec);
  std::sort(routes.begin(), routes.end(),
            [](const RouteSpec& a, const RouteSpec& b) { return a.name < b.name; });
  return routes;
}

}  // namespace throng::gateway
