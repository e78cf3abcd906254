#include "kube/kinds/kind_table.h"
#include "kube/openapi/document_parts.h"

namespace throng::kube::openapi {
namespace {

struct Parameter {
  std::string_view name;
  std::string_view type;
  std::string_view description;
};

constexpr Parameter kDryRun = {"dryRun", "string", "All: everything is checked, nothing written."};
constexpr Parameter kFieldManager = {"fieldManager", "string", "Who writes; required to apply."};
constexpr Parameter kFieldValidation = {"fieldValidation", "string",
                                        "What becomes of unknown fields: Ignore, Warn or Strict."};
constexpr Parameter kForce = {"force", "boolean", "An apply takes over fields of other writers."};

constexpr Parameter kListParameters[] = {
    {"allowWatchBookmarks", "boolean", "A watch tells now and then how far it is."},
    {"continue", "string", "Token of the part before."},
    {"fieldSelector", "string", "Which objects, by their fields."},
    {"labelSelector", "string", "Which objects, by their labels."},
    {"limit", "integer", "The most objects of one reply."},
    {"resourceVersion", "string", "The state that is asked for; where a watch begins."},
    {"resourceVersionMatch", "string", "Exact or NotOlderThan."},
    {"sendInitialEvents", "boolean", "A watch first tells all objects that there are."},
    {"timeoutSeconds", "integer", "Seconds after which a watch ends."},
    {"watch", "boolean", "Changes are told as they happen."}};
constexpr Parameter kWriteParameters[] = {kDryRun, kFieldManager, kFieldValidation};
constexpr Parameter kPatchParameters[] = {kDryRun, kFieldManager, kFieldValidation, kForce};
constexpr Parameter kDeleteParameters[] = {
    kDryRun,
    {"gracePeriodSeconds", "integer", "Seconds that the object may take to end."},
    {"orphanDependents", "boolean", "Old form of the policy Orphan."},
    {"propagationPolicy", "string", "Background, Foreground or Orphan."}};
constexpr Parameter kLogParameters[] = {
    {"container", "string", "The container; needed when there are several."},
    {"follow", "boolean", "Lines are sent as they are written."},
    {"limitBytes", "integer", "The most bytes."},
    {"previous", "boolean", "Of the container before its last restart."},
    {"sinceSeconds", "integer", "Lines of the last so many seconds."},
    {"sinceTime", "string", "Lines since then."},
    {"tailLines", "integer", "The last so many lines."},
    {"timestamps", "boolean", "Each line begins with its time."}};

enum class Body : uint8_t { kNone, kObject, kPatch, kDelete };

struct OperationRow {
  std::string_view verb;    // of Kubernetes: has to be among those of the kind
  std::string_view method;  // of HTTP
  std::string_view action;
  std::span<const Parameter> parameters;
  Body body = Body::kNone;
  bool gives_list = false;
  bool creates = false;
};

constexpr OperationRow kOnAll[] = {{"list", "get", "list", kListParameters, Body::kNone, true}};
constexpr OperationRow kOnCollection[] = {
    {"list", "get", "list", kListParameters, Body::kNone, true},
    {"create", "post", "post", kWriteParameters, Body::kObject, false, true},
    {"deletecollection", "delete", "deletecollection", kDeleteParameters, Body::kDelete}};
constexpr OperationRow kOnObject[] = {
    {"get", "get", "get", {}},
    {"update", "put", "put", kWriteParameters, Body::kObject, false, true},
    {"patch", "patch", "patch", kPatchParameters, Body::kPatch, false, true},
    {"delete", "delete", "delete", kDeleteParameters, Body::kDelete}};
constexpr OperationRow kOnStatus[] = {
    {"get", "get", "get", {}},
    {"update", "put", "put", kWriteParameters, Body::kObject, false, true},
    {"patch", "patch", "patch", kPatchParameters, Body::kPatch, false, true}};

class PathWriter {
 public:
  PathWriter(const Kind& kind, Dialect dialect, Json& paths)
      : kind_(kind), dialect_(dialect), paths_(paths) {}

  void WriteAll() {
    const std::string root = kind_.group.empty() ? "/api/" + kind_.version
                                                 : "/apis/" + kind_.group + "/" + kind_.version;
    const bool is_namespaced = kind_.scope == Scope::kNamespaced;
    std::string collection = root + "/" + kind_.resource;
    if (is_namespaced) {
      AddPath(collection, kOnAll, "ForAllNamespaces", Verbs(kind_), {});
      collection = root + "/namespaces/{namespace}/" + kind_.resource;
    }
    const std::string_view of_namespace = is_namespaced ? "namespace" : "";
    AddPath(collection, kOnCollection, "", Verbs(kind_), {of_namespace});
    const std::string object = collection + "/{name}";
    AddPath(object, kOnObject, "", Verbs(kind_), {"name", of_namespace});
    for (const Subresource& sub : Subresources(kind_)) {
      if (sub.name == "status") {
        AddPath(object + "/status", kOnStatus, "Status", sub.verbs, {"name", of_namespace});
      } else {
        AddLog(object + "/" + std::string(sub.name), {"name", of_namespace});
      }
    }
  }

 private:
  void AddPath(const std::string& path, std::span<const OperationRow> rows, std::string_view suffix,
               const std::vector<std::string_view>& verbs,
               std::initializer_list<std::string_view> path_parameters) {
    Json item = Json::object();
    for (const OperationRow& row : rows) {
      if (std::find(verbs.begin(), verbs.end(), row.verb) == verbs.end()) continue;
      item[std::string(row.method)] = Operation(row, suffix);
    }
    if (item.empty()) return;
    AddPathParameters(item, path_parameters);
    paths_[path] = std::move(item);
  }

  void AddPathParameters(Json& item, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      if (name.empty()) continue;
      Json parameter = {
          {"in", "path"},
          {"name", name},
          {"required", true},
          {"description", name == "name" ? "Name of the object." : "The namespace of the object."}};
      SetType(parameter, "string");
      item["parameters"].push_back(std::move(parameter));
    }
  }

  void SetType(Json& parameter, std::string_view type) const {
    if (dialect_ == Dialect::kV2) {
      parameter["type"] = type;
      parameter["uniqueItems"] = true;
    } else {
      parameter["schema"] = {{"type", type}, {"uniqueItems", true}};
    }
  }

  void AddQuery(Json& operation, std::span<const Parameter> parameters) const {
    for (const Parameter& row : parameters) {
      Json parameter = {{"in", "query"}, {"name", row.name}, {"description", row.description}};
      SetType(parameter, row.type);
      operation["parameters"].push_back(std::move(parameter));
    }
  }

  // "createBatchV1NamespacedJob", as clients that are generated name their functions.
  std::string OperationId(const OperationRow& row, std::string_view suffix) const {
    std::string id(row.verb == "update" ? "replace" : row.verb == "get" ? "read" : row.verb);
    if (row.verb == "deletecollection") id = "delete";
    std::string_view group = kind_.group.empty() ? "core" : std::string_view(kind_.group);
    bool is_first = true;
    while (!group.empty()) {
      // "ServingKubeflowOrg"; what Kubernetes itself ends with says nothing.
      const std::string_view part = group.substr(0, group.find('.'));
      group = part.size() == group.size() ? std::string_view() : group.substr(part.size() + 1);
      if (!is_first && kind_.is_built_in) break;
      is_first = false;
      id += static_cast<char>(part[0] - 'a' + 'A');
      id += part.substr(1);
    }
    id += static_cast<char>(kind_.version[0] - 'a' + 'A');
    id += kind_.version.substr(1);
    if (row.verb == "deletecollection") id += "Collection";
    if (kind_.scope == Scope::kNamespaced && suffix != "ForAllNamespaces") id += "Namespaced";
    id += kind_.kind;
    id += suffix;
    return id;
  }

  Json Operation(const OperationRow& row, std::string_view suffix) const {
    Json operation = {{"operationId", OperationId(row, suffix)},
                      {"description", std::string(row.action) + " " + kind_.kind},
                      {"tags", Json::array({Tag()})},
                      {"x-kubernetes-action", row.action},
                      {"x-kubernetes-group-version-kind", GroupVersionKind(kind_)}};
    AddBody(row, operation);
    AddQuery(operation, row.parameters);
    AddResponses(row, operation);
    return operation;
  }

  std::string Tag() const {
    std::string group = kind_.group.empty() ? "core" : kind_.group;
    if (kind_.is_built_in) group = group.substr(0, group.find('.'));
    for (char& c : group) {
      if (c == '.') c = '_';
    }
    return group + "_" + kind_.version;
  }

  std::vector<std::string_view> PatchTypes() const {
    std::vector<std::string_view> types = {"application/json-patch+json",
                                           "application/merge-patch+json"};
    if (kind_.is_built_in) types.emplace_back("application/strategic-merge-patch+json");
    types.emplace_back("application/apply-patch+yaml");
    return types;
  }

  void AddBody(const OperationRow& row, Json& operation) const {
    if (row.body == Body::kNone) return;
    std::string component = ComponentName(kind_);
    if (row.body == Body::kPatch) component = kPatchComponent;
    if (row.body == Body::kDelete) component = kDeleteOptionsComponent;
    const Json schema = Reference(dialect_, component);
    const std::vector<std::string_view> types =
        row.body == Body::kPatch ? PatchTypes() : std::vector<std::string_view>{"*/*"};
    const bool is_required = row.body != Body::kDelete;
    if (dialect_ == Dialect::kV2) {
      operation["consumes"] = types;
      Json body = {{"in", "body"}, {"name", "body"}, {"schema", schema}};
      if (is_required) body["required"] = true;
      operation["parameters"].push_back(std::move(body));
      return;
    }
    Json content = Json::object();
    for (const std::string_view type : types) content[std::string(type)] = {{"schema", schema}};
    operation["requestBody"] = {{"content", std::move(content)}};
    if (is_required) operation["requestBody"]["required"] = true;
  }

  void AddResponses(const OperationRow& row, Json& operation) const {
    std::string component = ComponentName(kind_);
    if (row.gives_list) component += "List";
    if (row.body == Body::kDelete) component = kStatusComponent;
    Json& responses = operation["responses"];
    responses["200"] = Response("OK", component);
    if (row.creates) responses["201"] = Response("Created", component);
    if (row.verb == "delete") responses["202"] = Response("Accepted", component);
    responses["401"] = {{"description", "Unauthorized"}};
    if (dialect_ == Dialect::kV2) {
      operation["produces"] = Json::array({"application/json", "application/yaml"});
    }
  }

  Json Response(std::string_view description, std::string_view component) const {
    Json response = {{"description", description}};
    const Json schema = Reference(dialect_, component);
    if (dialect_ == Dialect::kV2) {
      response["schema"] = schema;
    } else {
      response["content"] = {{"application/json", {{"schema", schema}}},
                             {"application/yaml", {{"schema", schema}}}};
    }
    return response;
  }

  void AddLog(const std::string& path, std::initializer_list<std::string_view> path_parameters) {
    Json operation = {{"operationId", "readCoreV1NamespacedPodLog"},
                      {"description", "read the log of a container"},
                      {"tags", Json::array({Tag()})},
                      {"x-kubernetes-action", "get"},
                      {"x-kubernetes-group-version-kind", GroupVersionKind(kind_)}};
    AddQuery(operation, kLogParameters);
    Json ok = {{"description", "OK"}};
    if (dialect_ == Dialect::kV2) {
      ok["schema"] = {{"type", "string"}};
      operation["produces"] = Json::array({"text/plain"});
    } else {
      ok["content"] = {{"text/plain", {{"schema", {{"type", "string"}}}}}};
    }
    operation["responses"] = {{"200", std::move(ok)}, {"401", {{"description", "Unauthorized"}}}};
    Json item = {{"get", std::move(operation)}};
    AddPathParameters(item, path_parameters);
    paths_[path] = std::move(item);
  }

  const Kind& kind_;
  const Dialect dialect_;
  Json& paths_;
};

}  // namespace

void AddPaths(const Kind& kind, Dialect dialect, Json& paths) {
  PathWriter(kind, dialect, paths).WriteAll();
}

}  // namespace throng::kube::openapi
