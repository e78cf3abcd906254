#include "cli/kube/targets.h"

#include <algorithm>

#include "base/control_limits.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using throng::kube::TextAt;

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<std::vector<client::ResourceType>> ParseTypes(Cluster& cluster, std::string_view words) {
  std::vector<client::ResourceType> types;
  for (const std::string& word : Split(words, ',')) {
    if (word.empty()) return InvalidArgumentError("a resource type is missing");
    // A category ("all") is no resource; asking for it costs the whole discovery.
    Result<client::ResourceType> type = cluster.discovery.Resolve(word);
    if (type.ok()) {
      types.push_back(std::move(*type));
      continue;
    }
    if (type.status().code() != StatusCode::kNotFound) return type.status();
    THRONG_ASSIGN_OR_RETURN(const auto category, cluster.discovery.InCategory(word));
    if (category.empty()) return type.status();
    types.insert(types.end(), category.begin(), category.end());
  }
  return types;
}

Result<std::vector<Target>> ParsePairs(Cluster& cluster, const std::vector<std::string>& words) {
  std::vector<Target> targets;
  for (const std::string& word : words) {
    const std::vector<std::string> parts = Split(word, '/');
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
      return InvalidArgumentError(
          "there is no need to specify a resource type as a separate argument when passing "
          "arguments in resource/name form (e.g. 'throng get resource/NAME' instead of 'throng get "
          "resource resource/NAME')");
    }
    THRONG_ASSIGN_OR_RETURN(client::ResourceType type, cluster.discovery.Resolve(parts[0]));
    targets.push_back({std::move(type), parts[1], ""});
  }
  return targets;
}

}  // namespace

Result<std::vector<Target>> ParseTargets(Cluster& cluster, const std::vector<std::string>& words) {
  if (words.empty()) {
    return InvalidArgumentError("You must specify the type of resource (and a name)");
  }
  const bool has_pair = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word.find('/') != std::string::npos;
  });
  if (has_pair) return ParsePairs(cluster, words);
  THRONG_ASSIGN_OR_RETURN(const auto types, ParseTypes(cluster, words[0]));
  std::vector<Target> targets;
  for (const client::ResourceType& type : types) {
    if (words.size() == 1) targets.push_back({type, "", ""});
    for (size_t i = 1; i < words.size(); ++i) {
      if (words[i].empty()) return InvalidArgumentError("resource name may not be empty");
      targets.push_back({type, words[i], ""});
    }
  }
  return targets;
}

Result<Json> ListAll(client::KubeClient& client, const client::ResourceType& type,
                     std::string_view name_space, const Selection& selection,
                     std::string_view accept) {
  std::string path =
      client::WithParameter(type.Path(name_space, ""), "limit", std::to_string(limits::kListPage));
  if (!selection.labels.empty()) {
    path = client::WithParameter(path, "labelSelector", selection.labels);
  }
  if (!selection.fields.empty()) {
    path = client::WithParameter(path, "fieldSelector", selection.fields);
  }
  Json all;
  std::string next = path;
  while (true) {
    THRONG_ASSIGN_OR_RETURN(Json page, client.Send({.path = next, .accept = std::string(accept)}));
    const std::string more = TextAt(page, {"metadata", "continue"});
    if (all.is_null()) {
      all = std::move(page);
    } else {
      for (const char* list : {"items", "rows"}) {
        if (!page.contains(list) || !page[list].is_array() || !all[list].is_array()) continue;
        for (Json& item : page[list]) all[list].push_back(std::move(item));
      }
      all["metadata"] = page["metadata"];
    }
    if (more.empty()) return all;
    next = client::WithParameter(path, "continue", more);
  }
}

client::ResourceType PodType() {
  client::ResourceType type;
  type.version = "v1";
  type.resource = "pods";
  type.kind = "Pod";
  type.namespaced = true;
  return type;
}

client::ResourceType EventType() {
  client::ResourceType type = PodType();
  type.resource = "events";
  type.kind = "Event";
  return type;
}

void FillKind(const client::ResourceType& type, Json& object) {
  if (!object.is_object()) return;
  if (!object.contains("apiVersion")) object["apiVersion"] = type.ApiVersion();
  if (!object.contains("kind")) object["kind"] = type.kind;
}

Result<std::vector<FoundObject>> FindObjects(Cluster& cluster, const std::vector<Target>& targets,
                                             std::string_view name_space,
                                             const Selection& selection) {
  std::vector<FoundObject> found;
  for (const Target& target : targets) {
    if (!target.name.empty()) {
      THRONG_ASSIGN_OR_RETURN(Json object, cluster.client.Get(target.PathIn(name_space)));
      const std::string in = throng::kube::NamespaceOf(object);
      found.push_back({{target.type, target.name, in}, std::move(object)});
      continue;
    }
    THRONG_ASSIGN_OR_RETURN(
        Json list, ListAll(cluster.client, target.type, name_space, selection, client::kJsonType));
    const Json* items = throng::kube::FindPath(list, {"items"});
    if (items == nullptr || !items->is_array()) continue;
    for (Json item : *items) {
      FillKind(target.type, item);
      const Target named{target.type, throng::kube::NameOf(item), throng::kube::NamespaceOf(item)};
      found.push_back({named, std::move(item)});
    }
  }
  return found;
}

}  // namespace throng::cli::kube
