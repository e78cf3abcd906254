#include "client/discovery.h"

#include <algorithm>

#include "base/log.h"

namespace throng::client {
namespace {

using kube::Json;
using kube::TextAt;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return lower;
}

std::vector<std::string> Texts(const Json& object, std::string_view key) {
  std::vector<std::string> texts;
  const Json* list = kube::FindPath(object, {key});
  if (list == nullptr || !list->is_array()) return texts;
  for (const Json& text : *list) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

bool Contains(const std::vector<std::string>& texts, std::string_view text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool IsCalled(const ResourceType& type, const std::string& word) {
  return type.resource == word || type.singular == word || Lower(type.kind) == word ||
         Contains(type.short_names, word);
}

ResourceType ReadResource(const Json& json, const std::string& group, const std::string& version) {
  ResourceType type;
  type.group = TextAt(json, {"group"}).empty() ? group : TextAt(json, {"group"});
  type.version = TextAt(json, {"version"}).empty() ? version : TextAt(json, {"version"});
  type.resource = TextAt(json, {"name"});
  type.kind = TextAt(json, {"kind"});
  type.singular = TextAt(json, {"singularName"});
  const Json* namespaced = kube::FindPath(json, {"namespaced"});
  type.namespaced = namespaced != nullptr && namespaced->is_boolean() && namespaced->get<bool>();
  type.short_names = Texts(json, "shortNames");
  type.categories = Texts(json, "categories");
  type.verbs = Texts(json, "verbs");
  return type;
}

}  // namespace

std::string ResourceType::ObjectPrefix() const {
  return Lower(kind) + (group.empty() ? "" : "." + group);
}

std::string ResourceType::QualifiedResource() const {
  return resource + (group.empty() ? "" : "." + group);
}

std::string ResourceType::Path(std::string_view name_space, std::string_view name) const {
  std::string path = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (namespaced && !name_space.empty()) path += "/namespaces/" + PercentEncode(name_space);
  path += "/" + resource;
  if (!name.empty()) path += "/" + PercentEncode(name);
  return path;
}

Result<const std::vector<Discovery::Group>*> Discovery::Groups() {
  if (has_groups_) return &groups_;
  THRONG_ASSIGN_OR_RETURN(const Json core, client_.Get("/api"));
  groups_.push_back({"", Texts(core, "versions")});
  THRONG_ASSIGN_OR_RETURN(const Json apis, client_.Get("/apis"));
  const Json* groups = kube::FindPath(apis, {"groups"});
  for (const Json& json : groups == nullptr ? Json::array() : *groups) {
    Group group{TextAt(json, {"name"}), {}};
    const std::string preferred = TextAt(json, {"preferredVersion", "version"});
    if (!preferred.empty()) group.versions.push_back(preferred);
    const Json* versions = kube::FindPath(json, {"versions"});
    for (const Json& version : versions == nullptr ? Json::array() : *versions) {
      const std::string name = TextAt(version, {"version"});
      if (!Contains(group.versions, name)) group.versions.push_back(name);
    }
    groups_.push_back(std::move(group));
  }
  has_groups_ = true;
  return &groups_;
}

Result<const std::vector<ResourceType>*> Discovery::Resources(const std::string& group,
                                                              const std::string& version) {
  const std::string path = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  const auto known = resources_.find(path);
  if (known != resources_.end()) return &known->second;
  std::vector<ResourceType> types;
  const Result<Json> list = client_.Get(path);
  if (!list.ok() && list.status().code() != StatusCode::kNotFound) return list.status();
  const Json* resources = list.ok() ? kube::FindPath(*list, {"resources"}) : nullptr;
  for (const Json& json : resources == nullptr ? Json::array() : *resources) {
    ResourceType type = ReadResource(json, group, version);
    if (type.resource.find('/') == std::string::npos) types.push_back(std::move(type));
  }
  return &(resources_[path] = std::move(types));
}

Result<const std::vector<ResourceType>*> Discovery::ResourcesIfServed(const std::string& group,
                                                                      const std::string& version) {
  static const std::vector<ResourceType> kNone;
  Result<const std::vector<ResourceType>*> types = Resources(group, version);
  const Status status = types.status();
  const bool is_servers_word = status.message().starts_with("Error from server");
  if (status.code() == StatusCode::kUnavailable && is_servers_word) return &kNone;
  return types;
}

// Null: there is none. `group` and `version` empty: any.
Result<const ResourceType*> Discovery::Find(std::string_view word, std::string_view group,
                                            std::string_view version) {
  THRONG_ASSIGN_OR_RETURN(const std::vector<Group>* groups, Groups());
  const std::string lower = Lower(word);
  for (const Group& candidate : *groups) {
    if (!group.empty() && candidate.name != group) continue;
    for (const std::string& served : candidate.versions) {
      if (!version.empty() && served != version) continue;
      THRONG_ASSIGN_OR_RETURN(const auto* types, ResourcesIfServed(candidate.name, served));
      for (const ResourceType& type : *types) {
        if (IsCalled(type, lower)) return &type;
      }
    }
  }
  return nullptr;
}

Result<ResourceType> Discovery::Resolve(std::string_view word) {
  const size_t dot = word.find('.');
  const std::string_view resource = word.substr(0, dot);
  const std::string_view rest =
      dot == std::string_view::npos ? std::string_view() : word.substr(dot + 1);
  THRONG_ASSIGN_OR_RETURN(const ResourceType* type, Find(resource, rest, ""));
  if (type != nullptr) return *type;
  const size_t second = rest.find('.');
  if (second != std::string_view::npos) {
    THRONG_ASSIGN_OR_RETURN(type, Find(resource, rest.substr(second + 1), rest.substr(0, second)));
    if (type != nullptr) return *type;
  }
  return NotFoundError("the server doesn't have a resource type " + JsonQuote(word));
}

Result<std::vector<ResourceType>> Discovery::InCategory(std::string_view category) {
  THRONG_ASSIGN_OR_RETURN(const std::vector<Group>* groups, Groups());
  std::vector<ResourceType> found;
  for (const Group& group : *groups) {
    std::vector<std::string> seen;  // in the version that comes first
    for (const std::string& version : group.versions) {
      THRONG_ASSIGN_OR_RETURN(const auto* types, ResourcesIfServed(group.name, version));
      for (const ResourceType& type : *types) {
        if (!Contains(type.categories, category) || Contains(seen, type.resource)) continue;
        seen.push_back(type.resource);
        found.push_back(type);
      }
    }
  }
  return found;
}

Result<ResourceType> Discovery::ForKind(const std::string& api_version, const std::string& kind) {
  const size_t slash = api_version.find('/');
  const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  const std::string version =
      slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  const bool is_version = !version.empty() && version.find('/') == std::string::npos &&
                          PercentEncode(group + version) == group + version;
  if (is_version) {
    THRONG_ASSIGN_OR_RETURN(const auto* types, Resources(group, version));
    for (const ResourceType& type : *types) {
      if (type.kind == kind) return type;
    }
  }
  return NotFoundError("no matches for kind " + JsonQuote(kind) + " in version " +
                       JsonQuote(api_version));
}

}  // namespace throng::client
