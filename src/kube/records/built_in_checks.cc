#include "kube/records/built_in_checks.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>

#include "kube/field_error.h"
#include "kube/object_meta.h"

namespace throng::kube::server {
namespace {

constexpr int64_t kLastPort = 65535;

struct KeyOfType {
  std::string_view type;
  std::string_view key;
};
constexpr std::array<KeyOfType, 5> kKeysOfTypes = {
    {{"kubernetes.io/dockercfg", ".dockercfg"},
     {"kubernetes.io/dockerconfigjson", ".dockerconfigjson"},
     {"kubernetes.io/ssh-auth", "ssh-privatekey"},
     {"kubernetes.io/tls", "tls.crt"},
     {"kubernetes.io/tls", "tls.key"}}};

constexpr std::array<std::string_view, 3> kStandardFinalizers = {"foregroundDeletion", "kubernetes",
                                                                 "orphan"};

Json At(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* const found = FindPath(object, path);
  return found == nullptr ? Json() : *found;
}

// Empty: there is none.
Json ListAt(const Json& object, std::initializer_list<std::string_view> path) {
  Json found = At(object, path);
  return found.is_array() ? found : Json::array();
}

void CheckPort(const Json& port, const char* key, const std::string& at,
               std::vector<ApiCause>& causes) {
  const auto found = port.find(key);
  if (found == port.end() || !found->is_number_integer()) return;
  const int64_t number = found->get<int64_t>();
  if (number >= 1 && number <= kLastPort) return;
  causes.push_back(InvalidValue(at + "." + key, number, "must be between 1 and 65535, inclusive"));
}

void CheckPorts(const Json& ports, std::vector<ApiCause>& causes) {
  std::set<std::string> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (!ports[i].is_object()) continue;
    const std::string at = "spec.ports[" + std::to_string(i) + "]";
    const std::string name = TextAt(ports[i], {"name"});
    if (name.empty() && ports.size() > 1) {
      causes.push_back(RequiredValue(at + ".name", ""));
    } else if (!name.empty() && !names.insert(name).second) {
      causes.push_back(DuplicateValue(at + ".name", name));
    }
    CheckPort(ports[i], "port", at, causes);
    CheckPort(ports[i], "targetPort", at, causes);
  }
}

void CheckRestartPolicy(const Json& object, std::vector<ApiCause>& causes) {
  constexpr std::array<std::string_view, 2> kPolicies = {"OnFailure", "Never"};
  constexpr const char* kField = "spec.template.spec.restartPolicy";
  const std::string policy = TextAt(object, {"spec", "template", "spec", "restartPolicy"});
  if (policy.empty()) {
    causes.push_back(RequiredValue(kField, "valid values: \"OnFailure\", \"Never\""));
  } else if (std::find(kPolicies.begin(), kPolicies.end(), policy) == kPolicies.end()) {
    causes.push_back(UnsupportedValue(kField, policy, kPolicies));
  }
}

// The spec of a pod without what may change.
Json KeptSpec(const Json& pod) {
  Json spec = At(pod, {"spec"});
  if (!spec.is_object()) return spec;
  for (const char* key : {"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations",
                          "ephemeralContainers"}) {
    spec.erase(key);
  }
  for (const char* key : {"containers", "initContainers"}) {
    const auto containers = spec.find(key);
    if (containers == spec.end() || !containers->is_array()) continue;
    for (Json& container : *containers) {
      if (container.is_object()) container.erase("image");
    }
  }
  return spec;
}

}  // namespace

std::vector<ApiCause> CheckService(const Json& object) {
  std::vector<ApiCause> causes;
  const std::string type = TextAt(object, {"spec", "type"});
  const Json ports = ListAt(object, {"spec", "ports"});
  const bool is_headless = TextAt(object, {"spec", "clusterIP"}) == "None";
  if (type == "ExternalName") {
    if (TextAt(object, {"spec", "externalName"}).empty()) {
      causes.push_back(RequiredValue("spec.externalName", ""));
    }
  } else if (ports.empty() && !is_headless) {
    causes.push_back(RequiredValue("spec.ports", ""));
  }
  CheckPorts(ports, causes);
  return causes;
}

std::vector<ApiCause> CheckJob(const Json& object, const Json* old) {
  std::vector<ApiCause> causes;
  if (ListAt(object, {"spec", "template", "spec", "containers"}).empty()) {
    causes.push_back(RequiredValue("spec.template.spec.containers", ""));
  }
  CheckRestartPolicy(object, causes);
  if (old == nullptr) return causes;
  for (const char* key : {"template", "selector", "completionMode"}) {
    const Json value = At(object, {"spec", key});
    if (value == At(*old, {"spec", key})) continue;
    causes.push_back(InvalidValue("spec." + std::string(key), value, "field is immutable"));
  }
  return causes;
}

std::vector<ApiCause> CheckPod(const Json& object, const Json* old) {
  if (old == nullptr || KeptSpec(object) == KeptSpec(*old)) return {};
  return {ForbiddenValue(
      "spec",
      "pod updates may not change fields other than "
      "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
      "`spec.tolerations` (only additions to existing tolerations),"
      "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
      "negative)")};
}

std::vector<ApiCause> CheckSecretType(const Json& object) {
  std::vector<ApiCause> causes;
  const std::string type = TextAt(object, {"type"});
  for (const KeyOfType& row : kKeysOfTypes) {
    if (row.type != type || FindPath(object, {"data", row.key}) != nullptr) continue;
    causes.push_back(RequiredValue("data[" + std::string(row.key) + "]", ""));
  }
  return causes;
}

std::vector<ApiCause> CheckEvent(const Json& object) {
  const std::string about = TextAt(object, {"involvedObject", "namespace"});
  const std::string name_space = NamespaceOf(object);
  // What has no namespace tells its events in the default one.
  if (about == name_space || (about.empty() && name_space == "default")) return {};
  return {InvalidValue("involvedObject.namespace", about, "does not match event.namespace")};
}

std::vector<ApiCause> CheckFinalizers(const Json& object) {
  std::vector<ApiCause> causes;
  const std::vector<std::string> names = FinalizersOf(object);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].find('/') != std::string::npos) continue;
    if (std::find(kStandardFinalizers.begin(), kStandardFinalizers.end(), names[i]) !=
        kStandardFinalizers.end()) {
      continue;
    }
    causes.push_back(
        InvalidValue("metadata.finalizers[" + std::to_string(i) + "]", names[i],
                     "name is neither a standard finalizer name nor is it fully qualified"));
  }
  return causes;
}

}  // namespace throng::kube::server
