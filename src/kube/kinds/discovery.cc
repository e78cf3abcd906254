#include "kube/kinds/discovery.h"

#include <algorithm>

#include "kube/kinds/kind_table.h"

namespace throng::kube {
namespace {

// The Kubernetes whose behaviour is kept. Clients compare it with their own.
constexpr std::string_view kMajor = "1";
constexpr std::string_view kMinor = "33";
constexpr std::string_view kKubernetes = "v1.33.13";

constexpr std::string_view kAggregatedV2 =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
constexpr std::string_view kAggregatedV2Beta1 =
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

Document Print(const Json& json) { return std::make_shared<const std::string>(PrintJson(json)); }

std::string GroupVersionText(const GroupVersion& entry) {
  return entry.group.empty() ? entry.version : entry.group + "/" + entry.version;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The part up to the first `separator`, which is taken off `rest`.
std::string_view TakePart(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return Trim(part);
}

struct MediaRange {
  std::string_view type;
  std::string_view group;
  std::string_view version;
  std::string_view as;
};

MediaRange ParseMediaRange(std::string_view text) {
  MediaRange range;
  range.type = TakePart(text, ';');
  while (!text.empty()) {
    std::string_view parameter = TakePart(text, ';');
    const std::string_view key = TakePart(parameter, '=');
    if (key == "g") range.group = parameter;
    if (key == "v") range.version = parameter;
    if (key == "as") range.as = parameter;
  }
  return range;
}

// The versions of one group, the preferred one first.
std::vector<GroupVersion> VersionsOf(std::string_view group) {
  std::vector<GroupVersion> found = GroupVersions();
  std::erase_if(found, [&](const GroupVersion& entry) { return entry.group != group; });
  return found;
}

// Without the core group, in the order of discovery.
std::vector<std::string> NamedGroups() {
  std::vector<std::string> groups;
  for (const GroupVersion& entry : GroupVersions()) {
    if (entry.group.empty()) continue;
    if (std::find(groups.begin(), groups.end(), entry.group) == groups.end()) {
      groups.push_back(entry.group);
    }
  }
  return groups;
}

Json GroupJson(std::string_view group) {
  Json versions = Json::array();
  for (const GroupVersion& entry : VersionsOf(group)) {
    versions.push_back({{"groupVersion", GroupVersionText(entry)}, {"version", entry.version}});
  }
  return {{"name", group}, {"versions", versions}, {"preferredVersion", versions[0]}};
}

Json ResourceJson(const Kind& kind) {
  Json resource = {{"name", kind.resource},
                   {"singularName", kind.singular},
                   {"namespaced", kind.scope == Scope::kNamespaced},
                   {"kind", kind.kind},
                   {"verbs", Verbs(kind)}};
  if (!kind.short_names.empty()) resource["shortNames"] = kind.short_names;
  if (!kind.categories.empty()) resource["categories"] = kind.categories;
  return resource;
}

Json AggregatedResource(const Kind& kind) {
  const Json response_kind = {
      {"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}};
  const bool is_namespaced = kind.scope == Scope::kNamespaced;
  Json resource = {{"resource", kind.resource},
                   {"responseKind", response_kind},
                   {"scope", is_namespaced ? "Namespaced" : "Cluster"},
                   {"singularResource", kind.singular},
                   {"verbs", Verbs(kind)}};
  if (!kind.short_names.empty()) resource["shortNames"] = kind.short_names;
  if (!kind.categories.empty()) resource["categories"] = kind.categories;
  for (const Subresource& sub : Subresources(kind)) {
    resource["subresources"].push_back(
        {{"subresource", sub.name}, {"responseKind", response_kind}, {"verbs", sub.verbs}});
  }
  return resource;
}

Json AggregatedGroup(std::string_view group) {
  Json versions = Json::array();
  for (const GroupVersion& entry : VersionsOf(group)) {
    Json resources = Json::array();
    for (const Kind& kind : AllKinds()) {
      if (kind.group == entry.group && kind.version == entry.version) {
        resources.push_back(AggregatedResource(kind));
      }
    }
    versions.push_back({{"version", entry.version},
                        {"resources", std::move(resources)},
                        {"freshness", "Current"}});
  }
  Json metadata = {{"creationTimestamp", nullptr}};
  if (!group.empty()) metadata["name"] = group;
  return {{"metadata", std::move(metadata)}, {"versions", std::move(versions)}};
}

}  // namespace

DiscoveryForm NegotiateDiscovery(std::string_view accept) {
  while (!accept.empty()) {
    const MediaRange range = ParseMediaRange(TakePart(accept, ','));
    if (range.type != "application/json" && range.type != "*/*" && range.type != "application/*") {
      continue;
    }
    if (range.as.empty()) return DiscoveryForm::kLegacy;
    if (range.as != "APIGroupDiscoveryList" || range.group != "apidiscovery.k8s.io") continue;
    if (range.version == "v2") return DiscoveryForm::kAggregatedV2;
    if (range.version == "v2beta1") return DiscoveryForm::kAggregatedV2Beta1;
  }
  return DiscoveryForm::kLegacy;
}

std::string_view DiscoveryMediaType(DiscoveryForm form) {
  switch (form) {
    case DiscoveryForm::kLegacy:
      return "application/json";
    case DiscoveryForm::kAggregatedV2:
      return kAggregatedV2;
    case DiscoveryForm::kAggregatedV2Beta1:
      return kAggregatedV2Beta1;
  }
  return "application/json";
}

std::vector<GroupVersion> GroupVersions() {
  std::vector<GroupVersion> found;
  for (const Kind& kind : AllKinds()) {
    const GroupVersion entry = {kind.group, kind.version};
    if (std::find(found.begin(), found.end(), entry) == found.end()) found.push_back(entry);
  }
  return found;
}

Document ApiVersions(std::string_view server_address) {
  return Print({{"kind", "APIVersions"},
                {"versions", Json::array({"v1"})},
                {"serverAddressByClientCIDRs",
                 Json::array({{{"clientCIDR", "0.0.0.0/0"}, {"serverAddress", server_address}}})}});
}

Document ApiGroupList() {
  Json groups = Json::array();
  for (const std::string& group : NamedGroups()) groups.push_back(GroupJson(group));
  return Print({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}});
}

Document ApiGroup(std::string_view group) {
  if (group.empty() || VersionsOf(group).empty()) return nullptr;
  Json document = GroupJson(group);
  document["kind"] = "APIGroup";
  document["apiVersion"] = "v1";
  return Print(document);
}

Document ApiResourceList(std::string_view group, std::string_view version) {
  Json resources = Json::array();
  for (const Kind& kind : AllKinds()) {
    if (kind.group != group || kind.version != version) continue;
    resources.push_back(ResourceJson(kind));
    for (const Subresource& sub : Subresources(kind)) {
      resources.push_back({{"name", kind.resource + "/" + std::string(sub.name)},
                           {"singularName", ""},
                           {"namespaced", kind.scope == Scope::kNamespaced},
                           {"kind", kind.kind},
                           {"verbs", sub.verbs}});
    }
  }
  if (resources.empty()) return nullptr;
  Json document = {{"kind", "APIResourceList"},
                   {"groupVersion", GroupVersionText({std::string(group), std::string(version)})},
                   {"resources", std::move(resources)}};
  // The core group's list is of a time before lists had a version.
  if (!group.empty()) document["apiVersion"] = "v1";
  return Print(document);
}

Document AggregatedDiscovery(bool core, DiscoveryForm form) {
  Json items = Json::array();
  if (core) {
    items.push_back(AggregatedGroup(""));
  } else {
    for (const std::string& group : NamedGroups()) items.push_back(AggregatedGroup(group));
  }
  const bool is_beta = form == DiscoveryForm::kAggregatedV2Beta1;
  return Print({{"kind", "APIGroupDiscoveryList"},
                {"apiVersion", is_beta ? "apidiscovery.k8s.io/v2beta1" : "apidiscovery.k8s.io/v2"},
                {"metadata", Json::object()},
                {"items", std::move(items)}});
}

Document VersionDocument(std::string_view version) {
  const std::string git_version = std::string(kKubernetes) + "+throng." + std::string(version);
  return Print({{"major", kMajor},
                {"minor", kMinor},
                {"gitVersion", git_version},
                {"gitCommit", ""},
                {"gitTreeState", "clean"},
                {"buildDate", "1970-01-01T00:00:00Z"},
                {"goVersion", ""},
                {"compiler", "g++"},
                {"platform", "linux/amd64"}});
}

}  // namespace throng::kube
