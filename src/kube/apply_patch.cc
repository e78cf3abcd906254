// After the behaviour of Kubernetes' library managedfields.
#include "kube/apply_patch.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/control_limits.h"
#include "base/utf8.h"
#include "kube/field_error.h"
#include "kube/field_set.h"
#include "kube/object_meta.h"
#include "kube/patch.h"

namespace throng::kube {
namespace {

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr std::string_view kApply = "Apply";
constexpr std::string_view kUpdate = "Update";
// The only manager for which the annotation of client-side apply counts.
constexpr std::string_view kKubectl = "kubectl";
constexpr std::string_view kBeforeFirstApply = "before-first-apply";
constexpr std::string_view kAncientChanges = "ancient-changes";
constexpr size_t kSubresourceBytes = 256;

// An entry of managedFields.
struct Manager {
  std::string name;
  std::string operation;
  std::string api_version;
  std::string subresource;
  std::string time;  // empty: not known
  FieldSet fields;

  bool applied() const { return operation == kApply; }
  // The same for every write of one manager. Appliers are one whatever their version.
  std::string Id() const {
    std::string id = "{\"manager\":" + QuoteText(name) + ",\"operation\":\"" + operation + "\"";
    if (!applied()) id += ",\"apiVersion\":" + QuoteText(api_version);
    if (!subresource.empty()) id += ",\"subresource\":" + QuoteText(subresource);
    return id + "}";
  }
  // How it is called in conflicts.
  std::string ToString() const {
    std::string text = QuoteText(name);
    if (!subresource.empty()) text += " with subresource " + QuoteText(subresource);
    if (!applied()) text += " using " + api_version;
    return text;
  }
};

using Managers = std::map<std::string, Manager>;  // by Id()

struct Conflict {
  std::string manager_id;
  std::string manager;
  FieldPath path;
};

// --- Reading and writing managedFields -----------------------------------------------------
std::optional<Manager> ReadManager(const Json& entry) {
  Manager manager{.name = TextAt(entry, {"manager"}),
                  .operation = TextAt(entry, {"operation"}),
                  .api_version = TextAt(entry, {"apiVersion"}),
                  .subresource = TextAt(entry, {"subresource"}),
                  .time = TextAt(entry, {"time"}),
                  .fields = {}};
  if (manager.operation != kApply && manager.operation != kUpdate) return std::nullopt;
  if (manager.api_version.empty() || TextAt(entry, {"fieldsType"}) != "FieldsV1") {
    return std::nullopt;
  }
  if (const Json* fields = FindPath(entry, {"fieldsV1"})) {
    std::optional<FieldSet> set = FieldSet::FromJson(*fields);
    if (!set) return std::nullopt;
    manager.fields = *std::move(set);
  }
  return manager;
}

// Nothing: one of them is none.
std::optional<Managers> ReadManagers(const Json& object) {
  Managers managers;
  const Json* entries = FindPath(object, {"metadata", "managedFields"});
  if (entries == nullptr || entries->is_null()) return managers;
  if (!entries->is_array()) return std::nullopt;
  for (const Json& entry : *entries) {
    std::optional<Manager> manager = ReadManager(entry);
    if (!manager) return std::nullopt;
    std::string id = manager->Id();
    managers[std::move(id)] = *std::move(manager);
  }
  return managers;
}

bool IsReset(const Json& object) {
  const Json* entries = FindPath(object, {"metadata", "managedFields"});
  if (entries == nullptr || !entries->is_array()) return false;
  return entries->empty() || (entries->size() == 1 && entries->front() == Json::object());
}

void WriteManagers(Managers managers, Json& object) {
  std::vector<Manager> sorted;
  for (auto& [id, manager] : managers) sorted.push_back(std::move(manager));
  const auto key = [](const Manager& one) {
    return std::tie(one.operation, one.time, one.name, one.api_version, one.subresource);
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](const Manager& a, const Manager& b) { return key(a) < key(b); });
  if (object.contains("metadata")) object["metadata"].erase("managedFields");
  for (const Manager& manager : sorted) {
    Json entry = {{"manager", manager.name},
                  {"operation", manager.operation},
                  {"apiVersion", manager.api_version},
                  {"fieldsType", "FieldsV1"},
                  {"fieldsV1", manager.fields.ToJson()}};
    if (!manager.time.empty()) entry["time"] = manager.time;
    if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
    object["metadata"]["managedFields"].push_back(std::move(entry));
  }
}

// --- Which fields count --------------------------------------------------------------------
FieldPath Path(std::initializer_list<const char*> names) {
  FieldPath path;
  for (const char* name : names) path.push_back(PathElement::Field(name));
  return path;
}

// What the server owns is nobody's.
FieldSet WithoutServerFields(const FieldSet& fields) {
  FieldSet server;
  for (const char* name : {"apiVersion", "kind", "metadata"}) server.Insert(Path({name}));
  for (const char* name : {"name", "namespace", "creationTimestamp", "selfLink", "uid",
                           "clusterName", "generation", "managedFields", "resourceVersion"}) {
    server.Insert(Path({"metadata", name}));
  }
  return fields.Difference(server);
}

// What this writer can write.
FieldSet Writable(const FieldSet& fields, const FieldWriter& writer) {
  if (!writer.has_status) return fields;
  FieldSet others;
  if (writer.subresource.empty()) {
    others.Insert(Path({"status"}));
    return fields.RecursiveDifference(others);
  }
  const PathElement status = PathElement::Field("status");
  for (const PathElement& element : fields.members) {
    if (!(element == status)) others.members.insert(element);
  }
  for (const auto& [element, child] : fields.children) {
    if (!(element == status)) others.members.insert(element);
  }
  return fields.RecursiveDifference(others);
}

FieldComparison CompareWritable(const Json& old_object, const Json& new_object,
                                const MergeRules& rules, const FieldWriter& writer) {
  FieldComparison comparison = CompareFields(old_object, new_object, rules);
  comparison.removed = Writable(comparison.removed, writer);
  comparison.modified = Writable(comparison.modified, writer);
  comparison.added = Writable(comparison.added, writer);
  return comparison;
}

// --- Owners after a change -----------------------------------------------------------------
// Takes what changed from everybody but `writer_id`. Conflicts: what was taken, unless `force`d,
// when nothing is taken at all.
std::vector<Conflict> TakeChanges(Managers& managers, const FieldComparison& comparison,
                                  const std::string& writer_id, bool force) {
  const FieldSet changed = comparison.modified.Union(comparison.added);
  std::map<std::string, FieldSet> taken;
  std::vector<Conflict> conflicts;
  for (const auto& one : managers) {
    const std::string& id = one.first;
    if (id == writer_id) continue;
    FieldSet set = one.second.fields.Intersection(changed);
    const std::string name = one.second.ToString();
    set.ForEach([&](const FieldPath& path) {
      conflicts.push_back({.manager_id = id, .manager = name, .path = path});
    });
    taken.emplace(id, std::move(set));
  }
  if (!force && !conflicts.empty()) return conflicts;
  for (auto& [id, set] : taken) {
    FieldSet& fields = managers[id].fields;
    fields = fields.Difference(set).Difference(comparison.removed);
  }
  std::erase_if(managers, [](const auto& one) { return one.second.fields.empty(); });
  return {};
}

// More than a few updaters: the oldest of a version become one.
void JoinOldUpdaters(Managers& managers) {
  std::vector<std::pair<std::string, std::string>> updaters;  // time, id
  for (const auto& [id, manager] : managers) {
    if (!manager.applied()) updaters.emplace_back(manager.time, id);
  }
  std::sort(updaters.begin(), updaters.end());
  size_t count = updaters.size();
  std::map<std::string, std::string> first_of_version;
  for (const auto& [time, id] : updaters) {
    if (count <= limits::kUpdateManagers) return;
    const Manager manager = managers[id];
    const auto [first, is_new] = first_of_version.emplace(manager.api_version, id);
    if (is_new) continue;
    Manager bucket{.name = std::string(kAncientChanges),
                   .operation = std::string(kUpdate),
                   .api_version = manager.api_version,
                   .subresource = "",
                   .time = "",
                   .fields = {}};
    const std::string bucket_id = bucket.Id();
    if (id == bucket_id) continue;
    if (!managers.contains(bucket_id)) {
      bucket.fields = managers[first->second].fields;
      managers.erase(first->second);
      managers[bucket_id] = std::move(bucket);
    }
    managers[bucket_id].fields = managers[bucket_id].fields.Union(manager.fields);
    managers[bucket_id].time = time;
    managers.erase(id);
    --count;
  }
}

// The owners after `writer` has put `object` in the place of `live` by anything but an apply.
void TrackUpdate(const Json& live, const Json& object, Managers& managers, const MergeRules& rules,
                 const FieldWriter& writer, std::string_view name) {
  const FieldComparison comparison = CompareWritable(live, object, rules, writer);
  TakeChanges(managers, comparison, "", true);
  FieldSet fields = WithoutServerFields(comparison.modified.Union(comparison.added));
  if (!fields.empty()) {
    Manager manager{.name = std::string(name),
                    .operation = std::string(kUpdate),
                    .api_version = writer.api_version,
                    .subresource = writer.subresource,
                    .time = Timestamp(writer.now),
                    .fields = std::move(fields)};
    const std::string id = manager.Id();
    const auto known = managers.find(id);
    if (known != managers.end()) manager.fields = manager.fields.Union(known->second.fields);
    managers[id] = std::move(manager);
  }
  JoinOldUpdaters(managers);
}

Json WithoutManagedFields(Json object) {
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  return object;
}

// --- Applying ------------------------------------------------------------------------------
// `merged` without what the manager applied last (`last`) and does not apply any more, unless
// somebody else owns it.
Json Prune(const Json& merged, const Managers& managers, const FieldSet& last,
           const MergeRules& rules) {
  if (last.empty()) return merged;
  const auto named = [&](const FieldSet& set) { return WithNamedFields(set, rules); };
  FieldSet owned;
  for (const auto& [id, manager] : managers) owned = owned.Union(manager.fields);
  const FieldSet all = named(FieldsOf(merged, rules));
  Json pruned = RemoveFields(merged, named(last), rules);
  FieldSet kept = named(FieldsOf(pruned, rules)).Union(named(owned));
  pruned = RemoveFields(merged, all.Difference(kept), rules);
  // What nobody owns stays, if this manager did not.
  kept = named(FieldsOf(pruned, rules));
  return RemoveFields(merged, all.Difference(kept).Intersection(named(last)), rules);
}

struct Applied {
  Json object;  // without managedFields
  Managers managers;
  std::vector<Conflict> conflicts;  // not empty: nothing else counts
};

// `live` and `config` without managedFields.
Applied Apply(const Json& live, const Json& config, Managers managers, const MergeRules& rules,
              const FieldWriter& writer, bool force) {
  Manager manager{.name = writer.manager,
                  .operation = std::string(kApply),
                  .api_version = writer.api_version,
                  .subresource = writer.subresource,
                  .time = "",
                  .fields = Writable(FieldsOf(config, rules), writer)};
  const std::string id = manager.Id();
  const auto known = managers.find(id);
  FieldSet last;
  if (known != managers.end()) {
    last = known->second.fields;
    manager.time = known->second.time;
  }
  managers[id] = manager;
  Applied applied;
  applied.object = Prune(MergeFields(live, config, rules), managers, last, rules);
  const FieldComparison comparison = CompareWritable(live, applied.object, rules, writer);
  applied.conflicts = TakeChanges(managers, comparison, id, force);
  if (!applied.conflicts.empty()) return applied;
  if (const auto mine = managers.find(id); mine != managers.end()) {
    mine->second.fields = WithoutServerFields(mine->second.fields);
    if (applied.object != live) mine->second.time = Timestamp(writer.now);
    if (mine->second.fields.empty()) managers.erase(mine);
  }
  applied.managers = std::move(managers);
  return applied;
}

ApiError ConflictsError(const std::vector<Conflict>& conflicts) {
  ApiError error;
  error.code = 409;
  error.reason = "Conflict";
  for (const Conflict& conflict : conflicts) {
    error.causes.push_back({.reason = "FieldManagerConflict",
                            .message = "conflict with " + conflict.manager,
                            .field = PathText(conflict.path)});
  }
  if (conflicts.size() == 1) {
    error.message = "Apply failed with 1 conflict: conflict with " + conflicts[0].manager + ": " +
                    PathText(conflicts[0].path);
    return error;
  }
  error.message = "Apply failed with " + std::to_string(conflicts.size()) + " conflicts: ";
  std::string_view last;  // they come by manager
  for (const Conflict& conflict : conflicts) {
    if (conflict.manager_id != last) {
      error.message +=
          (last.empty() ? "" : "\n") + std::string("conflicts with ") + conflict.manager + ":";
    }
    last = conflict.manager_id;
    error.message += "\n- " + PathText(conflict.path);
  }
  return error;
}

// The fields that client-side apply wrote last and that still are as it wrote them: kubectl may
// take them from its former self.
FieldSet LastAppliedFields(const Json& live, const MergeRules& rules, const FieldWriter& writer) {
  const Result<Json> last = ParseJson(AnnotationOf(live, kLastApplied));
  if (!last.ok() || TextAt(*last, {"apiVersion"}) != writer.api_version ||
      !CheckLists(*last, rules, false).empty()) {
    return {};
  }
  const FieldComparison comparison = CompareFields(*last, live, rules);
  return FieldsOf(*last, rules)
      .Difference(comparison.modified)
      .Difference(comparison.added)
      .Difference(comparison.removed);
}

// Client-side apply finds what was applied last, whichever way.
void SyncLastApplied(Json config, Json& object) {
  if (AnnotationOf(object, kLastApplied).empty()) return;
  if (!AnnotationsOf(config).empty()) {
    config["metadata"]["annotations"].erase(std::string(kLastApplied));
  }
  Json& annotations = object["metadata"]["annotations"];
  annotations[std::string(kLastApplied)] = PrintJson(config) + "\n";
  if (!ValidateAnnotations(annotations, "").empty()) annotations.erase(std::string(kLastApplied));
}

// "apps/v1, Kind=Deployment", "/v1, Kind=Pod"
std::string KindText(const Json& object) {
  const std::string api_version = TextAt(object, {"apiVersion"});
  return (api_version.find('/') == api_version.npos ? "/" : "") + api_version +
         ", Kind=" + TextAt(object, {"kind"});
}

std::optional<ApiError> CheckConfiguration(const Json& live, const Json& config,
                                           const MergeRules& rules, const FieldWriter& writer) {
  if (!config.is_object()) {
    return BadRequestError("error decoding YAML: json: cannot unmarshal " +
                           std::string(DecoderTypeName(config)) +
                           " into Go value of type map[string]interface {}");
  }
  if (TextAt(config, {"apiVersion"}) != writer.api_version ||
      TextAt(config, {"kind"}) != writer.kind) {
    return BadRequestError("invalid object type: " + KindText(config));
  }
  const Json* managed = FindPath(config, {"metadata", "managedFields"});
  if (managed != nullptr && !managed->is_null()) {
    return BadRequestError("metadata.managedFields must be nil");
  }
  const auto object = [](const Json& one) {
    const std::string name_space = NamespaceOf(one);
    return " (" + name_space + "/" + NameOf(one) + "; " + KindText(one) + "): ";
  };
  if (std::string wrong = CheckLists(config, rules, false); !wrong.empty()) {
    return BadRequestError("failed to create typed patch object" + object(config) + wrong);
  }
  if (std::string wrong = CheckLists(live, rules, true); !wrong.empty()) {
    return BadRequestError("failed to create typed live object" + object(live) + wrong);
  }
  return std::nullopt;
}

FieldWriter Named(FieldWriter writer) {
  if (writer.manager.empty()) writer.manager = "unknown";
  return writer;
}

}  // namespace

ApiResult<Json> ApplyConfiguration(const Json& live, const Json& config, const MergeRules& rules,
                                   const FieldWriter& by, bool force) {
  const FieldWriter writer = Named(by);
  const Json empty = {{"apiVersion", writer.api_version}, {"kind", writer.kind}};
  const Json stored = live.is_object() ? WithoutManagedFields(live) : empty;
  if (auto error = CheckConfiguration(stored, config, rules, writer)) return *std::move(error);
  Managers managers = ReadManagers(live).value_or(Managers());
  if (managers.empty()) {
    TrackUpdate(empty, stored, managers, rules, writer, kBeforeFirstApply);
  }
  const Json wanted = WithoutManagedFields(config);
  Applied applied = Apply(stored, wanted, managers, rules, writer, force);
  if (!applied.conflicts.empty() && writer.manager == kKubectl) {
    const FieldSet allowed = LastAppliedFields(stored, rules, writer);
    std::erase_if(applied.conflicts,
                  [&](const Conflict& conflict) { return allowed.Has(conflict.path); });
    if (applied.conflicts.empty()) {
      applied = Apply(stored, wanted, std::move(managers), rules, writer, true);
    }
  }
  if (!applied.conflicts.empty()) return ConflictsError(applied.conflicts);
  if (writer.manager == kKubectl) SyncLastApplied(wanted, applied.object);
  WriteManagers(std::move(applied.managers), applied.object);
  return std::move(applied.object);
}

void UpdateManagedFields(const Json& live, Json& object, const MergeRules& rules,
                         const FieldWriter& by) {
  const FieldWriter writer = Named(by);
  Managers managers;
  const bool is_reset = writer.subresource.empty() && IsReset(object);
  if (!is_reset) {
    if (writer.subresource.empty()) managers = ReadManagers(object).value_or(Managers());
    if (managers.empty()) managers = ReadManagers(live).value_or(Managers());
  }
  const Json wanted = WithoutManagedFields(object);
  const Json stored = live.is_object() ? WithoutManagedFields(live) : Json::object();
  const bool is_valid =
      CheckLists(wanted, rules, true).empty() && CheckLists(stored, rules, true).empty();
  // Owners are kept from the first write on, or not before the first apply.
  if (is_valid && (!managers.empty() || UidOf(stored).empty())) {
    TrackUpdate(stored, wanted, managers, rules, writer, writer.manager);
  } else if (!is_valid) {
    managers.clear();
  }
  WriteManagers(std::move(managers), object);
}

std::string ManagerName(std::string_view field_manager, std::string_view user_agent) {
  if (!field_manager.empty()) return std::string(field_manager);
  std::string_view name = user_agent.substr(0, user_agent.find('/'));
  name = name.substr(0, limits::kFieldManagerBytes);
  std::string printable;
  for (const char c : name) {
    if (c >= 0x20 && c < 0x7f) printable += c;
  }
  return printable;
}

std::vector<ApiCause> ValidateFieldManager(std::string_view manager, const std::string& field) {
  std::vector<ApiCause> causes;
  if (manager.size() > limits::kFieldManagerBytes) {
    causes.push_back(TooLongValue(field, limits::kFieldManagerBytes));
  }
  for (size_t at = 0; at < manager.size();) {
    const std::string_view rest = manager.substr(at);
    const std::string_view one = rest.substr(0, std::max<size_t>(Utf8SequenceLength(rest), 1));
    if (!IsPrintableText(one)) {
      causes.push_back(InvalidValue(
          field, std::string(manager),
          "invalid character " + CodePointText(one) + " (at position " + std::to_string(at) + ")"));
    }
    at += one.size();
  }
  return causes;
}

std::vector<ApiCause> ValidateManagedFields(const Json& managed_fields, const std::string& field) {
  std::vector<ApiCause> causes;
  if (managed_fields.is_null()) return causes;
  if (!managed_fields.is_array()) {
    return {TypeInvalidValue(field, managed_fields, "must be an array")};
  }
  for (size_t i = 0; i < managed_fields.size(); ++i) {
    const Json& entry = managed_fields[i];
    const std::string at = field + "[" + std::to_string(i) + "]";
    if (const std::string operation = TextAt(entry, {"operation"});
        operation != kApply && operation != kUpdate) {
      causes.push_back(InvalidValue(at + ".operation", operation, "must be `Apply` or `Update`"));
    }
    const std::string type = TextAt(entry, {"fieldsType"});
    if (!type.empty() && type != "FieldsV1") {
      causes.push_back(InvalidValue(at + ".fieldsType", type, "must be `FieldsV1`"));
    }
    auto wrong = ValidateFieldManager(TextAt(entry, {"manager"}), at + ".manager");
    std::move(wrong.begin(), wrong.end(), std::back_inserter(causes));
    if (TextAt(entry, {"subresource"}).size() > kSubresourceBytes) {
      causes.push_back(TooLongValue(at + ".subresource", kSubresourceBytes));
    }
  }
  return causes;
}

}  // namespace throng::kube
