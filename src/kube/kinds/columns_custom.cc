#include "kube/kinds/columns.h"

// KServe's definitions take these cells by JSON paths: what is missing or of another type is null.
// The descriptions are those that the API server makes of such paths.
namespace throng::kube::columns {
namespace {

Json TextOrNull(const Json& object, std::initializer_list<std::string_view> keys) {
  const Json* const found = FindPath(object, keys);
  return found != nullptr && found->is_string() ? *found : Json(nullptr);
}

Column OfPath(std::string name, std::string type, std::string_view path,
              Json (*cell)(const Json&)) {
  std::string description = "Custom resource definition column (in JSONPath format): ";
  description += path;
  return {std::move(name), std::move(type), "", std::move(description), 0, cell, nullptr};
}

Column Described(std::string name, std::string type, std::string description,
                 Json (*cell)(const Json&), int priority = 0) {
  return {std::move(name), std::move(type), "", std::move(description), priority, cell, nullptr};
}

Column Url() {
  return OfPath("URL", "string", ".status.url", [](const Json& object) {
    return TextOrNull(object, {"status", "url"});
  });
}

Column Ready() {
  return OfPath("Ready", "string", ".status.conditions[?(@.type=='Ready')].status",
                [](const Json& object) {
                  for (const Json& condition : ListAt(object, {"status", "conditions"})) {
                    if (TextAt(condition, {"type"}) == "Ready") {
                      return TextOrNull(condition, {"status"});
                    }
                  }
                  return Json(nullptr);
                });
}

Column CreatedAt() {
  return OfPath("Age", "date", ".metadata.creationTimestamp", [](const Json& object) {
    return TextOrNull(object, {"metadata", "creationTimestamp"});
  });
}

bool IsPrevious(const Json& target) { return TextAt(target, {"tag"}) == "prev"; }

bool IsLatest(const Json& target) {
  const Json* const latest = FindPath(target, {"latestRevision"});
  return latest != nullptr && latest->is_boolean() && latest->get<bool>();
}

// A field of the first entry of the predictor's traffic that is wanted; null when there is none.
Json OfTraffic(const Json& object, bool (*is_wanted)(const Json&), std::string_view key) {
  for (const Json& target : ListAt(object, {"status", "components", "predictor", "traffic"})) {
    if (!is_wanted(target)) continue;
    const Json* const value = FindPath(target, {key});
    return value == nullptr ? Json(nullptr) : *value;
  }
  return nullptr;
}

Json PercentOf(const Json& object, bool (*is_wanted)(const Json&)) {
  Json percent = OfTraffic(object, is_wanted, "percent");
  return percent.is_number_integer() ? percent : Json(nullptr);
}

Json RevisionOf(const Json& object, bool (*is_wanted)(const Json&)) {
  Json name = OfTraffic(object, is_wanted, "revisionName");
  return name.is_string() ? name : Json(nullptr);
}

// The name of the first entry of a list of the spec.
Json FirstNameOf(const Json& object, std::string_view list) {
  const Json& entries = ListAt(object, {"spec", list});
  return entries.empty() ? Json(nullptr) : TextOrNull(entries[0], {"name"});
}

}  // namespace

std::vector<Column> OfInferenceServices() {
  return {
      Name(),
      Url(),
      Ready(),
      OfPath("Prev", "integer", ".status.components.predictor.traffic[?(@.tag=='prev')].percent",
             [](const Json& object) { return PercentOf(object, IsPrevious); }),
      OfPath("Latest", "integer",
             ".status.components.predictor.traffic[?(@.latestRevision==true)].percent",
             [](const Json& object) { return PercentOf(object, IsLatest); }),
      OfPath("PrevRolledoutRevision", "string",
             ".status.components.predictor.traffic[?(@.tag=='prev')].revisionName",
             [](const Json& object) { return RevisionOf(object, IsPrevious); }),
      OfPath("LatestReadyRevision", "string",
             ".status.components.predictor.traffic[?(@.latestRevision==true)].revisionName",
             [](const Json& object) { return RevisionOf(object, IsLatest); }),
      CreatedAt()};
}

std::vector<Column> OfTrainedModels() { return {Name(), Url(), Ready(), CreatedAt()}; }

std::vector<Column> OfServingRuntimes() {
  return {Name(),
          OfPath("Disabled", "boolean", ".spec.disabled",
                 [](const Json& object) {
                   const Json* const disabled = FindPath(object, {"spec", "disabled"});
                   return disabled != nullptr && disabled->is_boolean() ? *disabled : Json(nullptr);
                 }),
          OfPath("ModelType", "string", ".spec.supportedModelFormats[*].name",
                 [](const Json& object) { return FirstNameOf(object, "supportedModelFormats"); }),
          OfPath("Containers", "string", ".spec.containers[*].name",
                 [](const Json& object) { return FirstNameOf(object, "containers"); }),
          CreatedAt()};
}

std::vector<Column> OfModelAssignments() {
  return {Name(),
          Described("Replica", "string", "The replica that shall hold the model.",
                    [](const Json& object) {
                      return TextOrNull(object, {"spec", "replica"});
                    }),
          Described("Model", "string", "Name of the model.",
                    [](const Json& object) {
                      return TextOrNull(object, {"spec", "model"});
                    }),
          Described("Generation", "integer", "The generation of the model that is wanted.",
                    [](const Json& object) {
                      const Json* const found = FindPath(object, {"spec", "generation"});
                      return found != nullptr && found->is_number_integer() ? *found
                                                                            : Json(nullptr);
                    }),
          Described(
              "Storage", "string", "Where the model comes from.",
              [](const Json& object) {
                return TextOrNull(object, {"spec", "storageUri"});
              },
              1),
          CreatedAt()};
}

std::vector<Column> OfGatewayRoutes() {
  return {Name(),
          Described("Host", "string", "The first host that leads here.",
                    [](const Json& object) {
                      const Json& hosts = ListAt(object, {"spec", "hosts"});
                      return hosts.empty() || !hosts[0].is_string() ? Json(nullptr) : hosts[0];
                    }),
          Described("Replicas", "integer", "How many replicas answer.",
                    [](const Json& object) {
                      return Json(ListAt(object, {"spec", "replicas"}).size());
                    }),
          CreatedAt()};
}

}  // namespace throng::kube::columns
