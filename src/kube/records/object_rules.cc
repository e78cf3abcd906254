#include "kube/records/object_rules.h"

#include <algorithm>
#include <array>

#include "kube/field_error.h"
#include "kube/object_meta.h"
#include "kube/records/built_in_rules.h"

namespace throng::kube::server {
namespace {

// Set by the server alone: what a client sends there is not looked at.
constexpr std::array<const char*, 7> kServerFields = {"uid",
                                                      "creationTimestamp",
                                                      "deletionTimestamp",
                                                      "deletionGracePeriodSeconds",
                                                      "generation",
                                                      "namespace",
                                                      "name"};

// Kubernetes leaves these out when there is nothing in them.
constexpr std::array<const char*, 4> kLeftOutWhenEmpty = {"labels", "annotations", "finalizers",
                                                          "ownerReferences"};

// Of the kinds of the core group none counts its generations, of the others all do.
bool CountsGenerations(const Kind& kind) {
  return !kind.is_built_in || (kind.has_status && !kind.group.empty());
}

void Tidy(Json& metadata) {
  metadata.erase("selfLink");
  for (const char* key : kLeftOutWhenEmpty) {
    const auto found = metadata.find(key);
    if (found != metadata.end() && (found->is_null() || found->empty())) metadata.erase(found);
  }
}

// The same object but for what does not count as a new generation.
bool SameGeneration(const Kind& kind, const Json& a, const Json& b) {
  const auto counts = [&](const std::string& key) {
    return key != "metadata" && !(kind.has_status && key == "status");
  };
  const auto covers = [&](const Json& left, const Json& right) {
    for (const auto& [key, value] : left.items()) {
      if (!counts(key)) continue;
      const auto other = right.find(key);
      if (other == right.end() || *other != value) return false;
    }
    return true;
  };
  return covers(a, b) && covers(b, a);
}

void CountGeneration(Json& object) {
  Json& metadata = object["metadata"];
  const auto found = metadata.find("generation");
  if (found != metadata.end() && found->is_number_integer()) {
    *found = found->get<int64_t>() + 1;
  }
}

std::optional<ApiError> CheckRevision(const Target& target, const Json& old, const Json& body) {
  const Kind& kind = *target.kind;
  const std::string revision = ResourceVersionOf(body);
  if (revision.empty() && !kind.is_built_in) {
    return InvalidError(kind.group, kind.kind, target.name,
                        {{.reason = "FieldValueInvalid",
                          .message = "Invalid value: 0x0: must be specified for an update",
                          .field = "metadata.resourceVersion"}});
  }
  if (!revision.empty() && revision != ResourceVersionOf(old)) {
    return ConflictError(kind.group, kind.resource, target.name,
                         "the object has been modified; please apply your changes to the latest "
                         "version and try again");
  }
  const std::string uid = UidOf(body);
  const std::string old_uid = UidOf(old);
  if (!uid.empty() && uid != old_uid) {
    return ConflictError(
        kind.group, kind.resource, target.name,
        "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + old_uid);
  }
  return std::nullopt;
}

void Take(const Json& from, Json& to, const char* key) {
  const auto found = from.find(key);
  if (found == from.end()) {
    to.erase(key);
  } else {
    to[key] = *found;
  }
}

// `old` with the part of `body` that may be written.
Json Merge(const Kind& kind, Part part, const Json& old, Json body) {
  if (part == Part::kStatus) {
    Json merged = old;
    Take(body, merged, "status");
    if (const Json* fields = FindPath(body, {"metadata", "managedFields"})) {
      merged["metadata"]["managedFields"] = *fields;
    }
    return merged;
  }
  if (kind.has_status) Take(old, body, "status");
  Json& metadata = body["metadata"];
  for (const char* key : kServerFields) Take(old["metadata"], metadata, key);
  Take(old["metadata"], metadata, "resourceVersion");
  // A client that leaves them out means nothing by it; an empty list resets them.
  if (!metadata.contains("managedFields") || metadata["managedFields"].is_null()) {
    Take(old["metadata"], metadata, "managedFields");
  }
  Tidy(metadata);
  return body;
}

std::optional<ApiError> CheckPreconditions(const Target& target, const Json& old,
                                           const DeleteOptions& options) {
  const Kind& kind = *target.kind;
  const std::string uid = UidOf(old);
  if (!options.uid.empty() && options.uid != uid) {
    return ConflictError(kind.group, kind.resource, target.name,
                         "the UID in the precondition (" + options.uid +
                             ") does not match the UID in record (" + uid +
                             "). The object might have been deleted and then recreated");
  }
  const std::string revision = ResourceVersionOf(old);
  if (!options.resource_version.empty() && options.resource_version != revision) {
    return ConflictError(kind.group, kind.resource, target.name,
                         "the ResourceVersion in the precondition (" + options.resource_version +
                             ") does not match the ResourceVersion in record (" + revision +
                             "). The object might have been modified");
  }
  return std::nullopt;
}

// How dependents are treated is said by two finalizers, which the garbage collector takes away.
void SetPropagation(Json& object, std::optional<Propagation> propagation) {
  if (!propagation) return;
  Json kept = Json::array();
  for (std::string& name : FinalizersOf(object)) {
    if (name != kForegroundFinalizer && name != kOrphanFinalizer) kept.push_back(std::move(name));
  }
  if (*propagation == Propagation::kForeground) kept.push_back(kForegroundFinalizer);
  if (*propagation == Propagation::kOrphan) kept.push_back(kOrphanFinalizer);
  object["metadata"]["finalizers"] = std::move(kept);
  Tidy(object["metadata"]);
}

}  // namespace

void GenerateName(Json& object, Random& random) {
  const std::string base = TextAt(object, {"metadata", "generateName"});
  if (!NameOf(object).empty() || base.empty()) return;
  object["metadata"]["name"] = GeneratedName(base, random);
}

Json PrepareCreate(const Kind& kind, Json object, const RuleContext& context) {
  Json& metadata = object["metadata"];
  for (const char* key : {"resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    metadata.erase(key);
  }
  metadata["uid"] = MakeUid(*context.random);
  metadata["creationTimestamp"] = Timestamp(context.now);
  metadata.erase("generation");
  if (CountsGenerations(kind)) metadata["generation"] = 1;
  Tidy(metadata);
  if (kind.has_status) object.erase("status");
  FillBuiltIn(kind, object);
  return object;
}

ApiResult<Plan> PrepareUpdate(const Target& target, Part part, const Json& old, Json body) {
  const Kind& kind = *target.kind;
  if (auto error = CheckRevision(target, old, body)) return *std::move(error);
  Json merged = Merge(kind, part, old, std::move(body));
  if (part == Part::kAllButStatus) FillBuiltIn(kind, merged);
  if (CountsGenerations(kind) && !SameGeneration(kind, old, merged)) CountGeneration(merged);
  Plan plan;
  if (IsBeingDeleted(merged) && FinalizersOf(merged).empty() && !IsHeldByKind(kind, merged)) {
    plan.act = Plan::Act::kDelete;
  } else if (merged != old) {
    plan.act = Plan::Act::kWrite;
  }
  plan.object = std::move(merged);
  return plan;
}

ApiResult<Plan> PrepareDelete(const Target& target, const Json& old, const DeleteOptions& options,
                              const RuleContext& context) {
  const Kind& kind = *target.kind;
  if (auto error = CheckPreconditions(target, old, options)) return *std::move(error);
  if (auto error = RefuseDelete(kind, old)) return *std::move(error);
  Plan plan;
  plan.object = old;
  SetPropagation(plan.object, options.propagation);
  if (FinalizersOf(plan.object).empty() && !IsHeldByKind(kind, plan.object)) {
    plan.act = Plan::Act::kDelete;
    return plan;
  }
  if (!IsBeingDeleted(old)) {
    const int64_t grace = GracePeriodSeconds(kind, options.grace_period_seconds);
    Json& metadata = plan.object["metadata"];
    metadata["deletionTimestamp"] = Timestamp(context.now + std::chrono::seconds(grace));
    metadata["deletionGracePeriodSeconds"] = grace;
    CountGeneration(plan.object);
    MarkDeleted(kind, plan.object);
  }
  if (plan.object != old) plan.act = Plan::Act::kWrite;
  return plan;
}

bool IsBeingDeleted(const Json& object) { return !DeletionTimestampOf(object).empty(); }

bool HasFinalizer(const Json& object, std::string_view finalizer) {
  const std::vector<std::string> names = FinalizersOf(object);
  return std::find(names.begin(), names.end(), finalizer) != names.end();
}

}  // namespace throng::kube::server
