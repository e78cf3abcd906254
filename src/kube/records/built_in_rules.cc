#include "kube/records/built_in_rules.h"

#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "base/control_limits.h"
#include "kube/field_error.h"
#include "kube/object_meta.h"
#include "kube/records/built_in_checks.h"

namespace throng::kube::server {
namespace {

constexpr int64_t kPodGraceSeconds = 30;
constexpr std::array<std::string_view, 3> kProtectedNamespaces = {"default", "kube-system",
                                                                  "kube-public"};

constexpr std::array<std::string_view, 12> kFieldsOfEvents = {"involvedObject.kind",
                                                              "involvedObject.namespace",
                                                              "involvedObject.name",
                                                              "involvedObject.uid",
                                                              "involvedObject.apiVersion",
                                                              "involvedObject.resourceVersion",
                                                              "involvedObject.fieldPath",
                                                              "reason",
                                                              "reportingComponent",
                                                              "source",
                                                              "type",
                                                              "source.component"};
constexpr std::array<std::string_view, 8> kFieldsOfPods = {
    "spec.nodeName",    "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
    "spec.hostNetwork", "status.phase",       "status.podIP",       "status.nominatedNodeName"};
constexpr std::array<std::string_view, 1> kFieldsOfNamespaces = {"status.phase"};
constexpr std::array<std::string_view, 1> kFieldsOfSecrets = {"type"};
constexpr std::array<std::string_view, 1> kFieldsOfJobs = {"status.successful"};
constexpr std::array<std::string_view, 1> kFieldsOfModels = {"spec.inferenceService"};
constexpr std::array<std::string_view, 3> kFieldsOfAssignments = {"spec.replica", "spec.model",
                                                                  "spec.uid"};

struct FieldsOfKind {
  std::string_view resource;  // storage_resource
  std::span<const std::string_view> fields;
};
constexpr std::array<FieldsOfKind, 7> kSelectableFields = {{
    {"events", kFieldsOfEvents},
    {"pods", kFieldsOfPods},
    {"namespaces", kFieldsOfNamespaces},
    {"secrets", kFieldsOfSecrets},
    {"jobs.batch", kFieldsOfJobs},
    {"trainedmodels.serving.kubeflow.org", kFieldsOfModels},
    {"modelassignments.throng.dev", kFieldsOfAssignments},
}};

bool IsCore(const Kind& kind, std::string_view resource) {
  return kind.group.empty() && kind.resource == resource;
}

bool IsJob(const Kind& kind) { return kind.group == "batch" && kind.resource == "jobs"; }

void SetDefault(Json& object, const char* key, Json value) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) object[key] = std::move(value);
}

Json& ObjectAt(Json& object, const char* key) {
  SetDefault(object, key, Json::object());
  return object[key];
}

void FillNamespace(Json& object) {
  const std::string name = TextAt(object, {"metadata", "name"});
  ObjectAt(object["metadata"], "labels")["kubernetes.io/metadata.name"] = name;
  if (TextAt(object, {"metadata", "deletionTimestamp"}).empty()) {
    SetDefault(ObjectAt(object, "spec"), "finalizers", Json::array({"kubernetes"}));
  }
  SetDefault(ObjectAt(object, "status"), "phase", "Active");
}

void FillSecret(Json& object) {
  SetDefault(object, "type", "Opaque");
  const auto texts = object.find("stringData");
  if (texts == object.end()) return;
  if (texts->is_object()) {
    for (const auto& [key, value] : texts->items()) {
      if (value.is_string()) {
        ObjectAt(object, "data")[key] = EncodeBase64(value.get_ref<const std::string&>());
      }
    }
  }
  object.erase("stringData");
}

// Of a service and of a container.
void FillPorts(Json& ports) {
  for (Json& port : ports) {
    if (port.is_object()) SetDefault(port, "protocol", "TCP");
  }
}

void FillContainers(Json& spec) {
  for (const char* key : {"containers", "initContainers"}) {
    const auto containers = spec.find(key);
    if (containers == spec.end() || !containers->is_array()) continue;
    for (Json& container : *containers) {
      if (container.is_object() && container.contains("ports")) FillPorts(container["ports"]);
    }
  }
}

void FillPod(Json& object) {
  FillContainers(ObjectAt(object, "spec"));
  SetDefault(ObjectAt(object, "status"), "phase", "Pending");
}

// There is no network of a cluster: addresses stay empty.
void FillService(Json& object) {
  Json& spec = ObjectAt(object, "spec");
  SetDefault(spec, "type", "ClusterIP");
  SetDefault(spec, "sessionAffinity", "None");
  if (spec["type"] != "ExternalName") SetDefault(spec, "internalTrafficPolicy", "Cluster");
  if (const auto ports = spec.find("ports"); ports != spec.end() && ports->is_array()) {
    FillPorts(*ports);
    for (Json& port : *ports) {
      if (port.is_object() && port.contains("port")) SetDefault(port, "targetPort", port["port"]);
    }
  }
  SetDefault(ObjectAt(object, "status"), "loadBalancer", Json::object());
}

void LabelPodsOfJob(const Json& metadata, Json& spec) {
  if (const auto manual = spec.find("manualSelector"); manual != spec.end() && *manual == true) {
    return;
  }
  const std::string uid = TextAt(metadata, {"uid"});
  const std::string name = TextAt(metadata, {"name"});
  Json& labels = ObjectAt(ObjectAt(ObjectAt(spec, "template"), "metadata"), "labels");
  SetDefault(labels, "batch.kubernetes.io/controller-uid", uid);
  SetDefault(labels, "batch.kubernetes.io/job-name", name);
  SetDefault(labels, "controller-uid", uid);
  SetDefault(labels, "job-name", name);
  SetDefault(spec, "selector", {{"matchLabels", {{"batch.kubernetes.io/controller-uid", uid}}}});
}

// kubectl describe reads these without looking whether they are there.
void FillJob(Json& object) {
  Json& spec = ObjectAt(object, "spec");
  if (!spec.contains("completions") && !spec.contains("parallelism")) spec["completions"] = 1;
  SetDefault(spec, "parallelism", 1);
  SetDefault(spec, "backoffLimit", 6);
  SetDefault(spec, "completionMode", "NonIndexed");
  SetDefault(spec, "suspend", false);
  LabelPodsOfJob(object["metadata"], spec);
  FillContainers(ObjectAt(spec["template"], "spec"));
}

const Json& ObjectOrEmpty(const Json& object, const char* key, const Json& empty) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_object() ? empty : *found;
}

// Of what base64 stands for.
size_t DecodedBytes(std::string_view text) {
  const size_t last = text.find_last_not_of('=');
  return last == text.npos ? 0 : (last + 1) * 3 / 4;
}

std::string_view TextOf(const Json& value) {
  return value.is_string() ? std::string_view(value.get_ref<const std::string&>())
                           : std::string_view();
}

void CheckKeys(const std::string& field, const Json& map, std::vector<ApiCause>& causes) {
  constexpr std::string_view kInner =
      "-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (const auto& [key, value] : map.items()) {
    const std::string at = field + "[" + key + "]";
    if (key.size() > limits::kObjectNameBytes) {
      causes.push_back(InvalidValue(at, key, "must be no more than 253 characters"));
    }
    if (key.empty() || key.find_first_not_of(kInner) != key.npos) {
      causes.push_back(InvalidValue(
          at, key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
          "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
          "'[-._a-zA-Z0-9]+')"));
    } else if (key == "." || key.rfind("..", 0) == 0) {
      causes.push_back(InvalidValue(at, key, "must not be '.' and must not start with '..'"));
    }
  }
}

// Both kinds that hold data by keys.
void CheckData(bool is_secret, const Json& object, std::vector<ApiCause>& causes) {
  const Json empty = Json::object();
  const Json& data = ObjectOrEmpty(object, "data", empty);
  const Json& binary = ObjectOrEmpty(object, "binaryData", empty);
  CheckKeys("data", data, causes);
  CheckKeys("binaryData", binary, causes);
  size_t bytes = 0;
  for (const auto& [key, value] : data.items()) {
    bytes += is_secret ? DecodedBytes(TextOf(value)) : TextOf(value).size();
    if (binary.contains(key)) {
      causes.push_back(
          InvalidValue("data[" + key + "]", key, "duplicate of key present in binaryData"));
    }
  }
  for (const auto& [key, value] : binary.items()) bytes += DecodedBytes(TextOf(value));
  if (bytes > limits::kConfigMapBytes) {
    causes.push_back(TooLongValue("[]", limits::kConfigMapBytes));
  }
}

void CheckImmutable(const Json& object, const Json& old, std::vector<ApiCause>& causes) {
  const auto value = [](const Json& of, const char* key) {
    const auto found = of.find(key);
    return found == of.end() ? Json() : *found;
  };
  if (value(old, "type") != value(object, "type")) {
    causes.push_back(InvalidValue("type", value(object, "type"), "field is immutable"));
  }
  if (value(old, "immutable") != true) return;
  for (const char* key : {"immutable", "data", "binaryData"}) {
    if (value(old, key) == value(object, key)) continue;
    causes.push_back(ForbiddenValue(key, "field is immutable when `immutable` is set"));
  }
}

}  // namespace

bool IsNamespaceKind(const Kind& kind) { return IsCore(kind, "namespaces"); }

void FillBuiltIn(const Kind& kind, Json& object) {
  if (IsNamespaceKind(kind)) FillNamespace(object);
  if (IsCore(kind, "secrets")) FillSecret(object);
  if (IsCore(kind, "pods")) FillPod(object);
  if (IsCore(kind, "services")) FillService(object);
  if (IsJob(kind)) FillJob(object);
}

std::vector<ApiCause> ValidateBuiltIn(const Kind& kind, const Json& object, const Json* old) {
  std::vector<ApiCause> causes;
  if (!kind.is_built_in) return causes;
  const auto append = [&](std::vector<ApiCause> more) {
    std::move(more.begin(), more.end(), std::back_inserter(causes));
  };
  // What was written before a rule was made can still be changed elsewhere: in its status above
  // all.
  const auto is_kept = [&](const char* key) {
    return old != nullptr && object.value(key, Json()) == old->value(key, Json());
  };
  const bool is_secret = IsCore(kind, "secrets");
  if (old == nullptr || FinalizersOf(object) != FinalizersOf(*old)) append(CheckFinalizers(object));
  if (is_secret || IsCore(kind, "configmaps")) {
    CheckData(is_secret, object, causes);
    if (old != nullptr) CheckImmutable(object, *old, causes);
  }
  if (is_secret && !is_kept("data")) append(CheckSecretType(object));
  if (IsCore(kind, "events") && old == nullptr) append(CheckEvent(object));
  if (is_kept("spec")) return causes;
  if (IsCore(kind, "services")) append(CheckService(object));
  if (IsCore(kind, "pods")) append(CheckPod(object, old));
  if (IsJob(kind)) append(CheckJob(object, old));
  return causes;
}

bool IsHeldByKind(const Kind& kind, const Json& object) {
  if (!IsNamespaceKind(kind)) return false;
  const Json* finalizers = FindPath(object, {"spec", "finalizers"});
  return finalizers != nullptr && !finalizers->empty();
}

std::optional<ApiError> RefuseDelete(const Kind& kind, const Json& object) {
  if (!IsNamespaceKind(kind)) return std::nullopt;
  const std::string name = TextAt(object, {"metadata", "name"});
  for (const std::string_view kept : kProtectedNamespaces) {
    if (name == kept) {
      return ForbiddenError(kind.group, kind.resource, name, "this namespace may not be deleted");
    }
  }
  return std::nullopt;
}

void MarkDeleted(const Kind& kind, Json& object) {
  if (IsNamespaceKind(kind)) object["status"]["phase"] = "Terminating";
}

int64_t GracePeriodSeconds(const Kind& kind, std::optional<int64_t> asked) {
  if (!IsCore(kind, "pods")) return 0;
  return asked.value_or(kPodGraceSeconds);
}

std::span<const std::string_view> SelectableFields(const Kind& kind) {
  for (const FieldsOfKind& row : kSelectableFields) {
    if (row.resource == kind.storage_resource) return row.fields;
  }
  return {};
}

}  // namespace throng::kube::server
