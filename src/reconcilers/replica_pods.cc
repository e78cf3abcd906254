#include "reconcilers/replica_pods.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "kube/object_meta.h"
#include "reconcilers/conditions.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using launcher::ReplicaPhase;

constexpr int kHashDigits = 10;
constexpr std::string_view kDeployment = "-deployment-";
constexpr std::string_view kServerContainer = "kfserving-container";

// FNV-1a (Fowler, Noll, Vo), 64 bits.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ULL;
  return hash;
}

Json Container(std::string_view name, const Json& written) {
  Json container = {{"name", name}, {"image", "throng"}};
  for (const char* key : {"args", "env", "resources"}) {
    if (const Json* value = kube::FindPath(written, {key})) container[key] = *value;
  }
  return container;
}

std::string ContainerId(const launcher::ReplicaStatus& replica) {
  return replica.server_life.empty() ? "" : "throng://" + replica.server_life;
}

Json ContainerStatus(std::string_view name, const launcher::ReplicaStatus* replica, bool ready,
                     bool waits, int restarts) {
  Json state;
  if (replica == nullptr || (replica->phase == ReplicaPhase::kStarting && !waits)) {
    state["waiting"] = {{"reason", "ContainerCreating"}};
  } else if (waits) {
    state["waiting"] = {{"reason", "CrashLoopBackOff"}, {"message", replica->last_end}};
  } else {
    state["running"] = {{"startedAt", kube::Timestamp(replica->server_started_at)}};
  }
  return {{"name", name},
          {"image", "throng"},
          {"imageID", ""},
          {"containerID", replica == nullptr ? "" : ContainerId(*replica)},
          {"ready", ready},
          {"started", state.contains("running")},
          {"restartCount", restarts},
          {"lastState", Json::object()},
          {"state", std::move(state)}};
}

}  // namespace

std::string TemplateHash(const admission::ReplicaTemplate& replica) {
  const Json all = {{"args", replica.arguments},
                    {"env", replica.environment},
                    {"memory", replica.memory_limit_bytes},
                    {"threads", replica.compute_threads}};
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(HashOf(kube::PrintJson(all))));
  return std::string(text.data(), kHashDigits);
}

std::string RevisionName(std::string_view service, int number) {
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%05d", number);
  return std::string(service) + "-predictor-default-" + digits.data();
}

int RevisionNumber(std::string_view service, std::string_view revision) {
  const std::string name = RevisionName(service, 0);
  const size_t start = name.find_last_of('-') + 1;
  if (revision.substr(0, start) != std::string_view(name).substr(0, start)) return 0;
  int number = 0;
  const char* end = revision.data() + revision.size();
  const auto read = std::from_chars(revision.data() + start, end, number);
  return read.ec == std::errc() && read.ptr == end && number > 0 ? number : 0;
}

std::string TemplateHashOf(std::string_view pod, std::string_view revision) {
  const std::string start = std::string(revision) + std::string(kDeployment);
  if (pod.substr(0, start.size()) != start || pod.size() < start.size() + kHashDigits) return "";
  return std::string(pod.substr(start.size(), kHashDigits));
}

Json ReplicaPod(const Json& service, const std::string& revision,
                const admission::ReplicaTemplate& replica, Random& random) {
  const std::string name = kube::NameOf(service);
  const std::string hash = TemplateHash(replica);
  Json containers = Json::array();
  containers.push_back(Container(kServerContainer, replica.container));
  containers.push_back(Container("agent", Json::object()));
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", kube::GeneratedName(revision + std::string(kDeployment) + hash + "-", random)},
            {"namespace", kube::NamespaceOf(service)},
            {"labels",
             {{"app", revision},
              {"component", "predictor"},
              {"pod-template-hash", hash},
              {"serving.knative.dev/revision", revision},
              {"serving.knative.dev/service", name + "-predictor-default"},
              {"serving.kubeflow.org/inferenceservice", name}}},
            {"ownerReferences", Json::array({{{"apiVersion", "serving.kubeflow.org/v1beta1"},
                                              {"kind", "InferenceService"},
                                              {"name", name},
                                              {"uid", kube::UidOf(service)},
                                              {"controller", true}}})}}},
          {"spec", {{"containers", std::move(containers)}, {"restartPolicy", "Always"}}}};
}

bool WasReadyInThisLife(const Json& pod, const launcher::ReplicaStatus& replica) {
  const Json* containers = kube::FindPath(pod, {"status", "containerStatuses"});
  if (containers == nullptr || !containers->is_array() || replica.server_life.empty()) return false;
  return std::any_of(containers->begin(), containers->end(), [&](const Json& container) {
    const Json* ready = kube::FindPath(container, {"ready"});
    return kube::TextAt(container, {"name"}) == kServerContainer && ready != nullptr &&
           *ready == true && kube::TextAt(container, {"containerID"}) == ContainerId(replica);
  });
}

Json ReplicaPodStatus(const Json& before, const launcher::ReplicaStatus* replica, bool in_route,
                      WallTime now) {
  Json status = before.is_object() ? before : Json::object();
  const bool listens = replica != nullptr && replica->phase == ReplicaPhase::kReady;
  const bool server_waits = replica != nullptr && replica->phase == ReplicaPhase::kBackOff;
  const bool agent_waits = replica != nullptr && replica->agent_waits;
  status["phase"] =
      replica == nullptr || replica->phase == ReplicaPhase::kStarting ? "Pending" : "Running";
  status["hostIP"] = "127.0.0.1";
  status["podIP"] = "127.0.0.1";
  status["qosClass"] = "Burstable";
  if (replica != nullptr) status["startTime"] = kube::Timestamp(replica->started_at);
  const auto condition = [&](std::string_view type, bool is_true, std::string_view reason) {
    SetCondition(status,
                 {.type = std::string(type),
                  .truth = is_true ? Truth::kTrue : Truth::kFalse,
                  .reason = std::string(reason)},
                 now);
  };
  condition("PodScheduled", true, "");
  condition("Initialized", true, "");
  condition("ContainersReady", in_route, "ContainersNotReady");
  condition("Ready", in_route, "ContainersNotReady");
  status["containerStatuses"] =
      Json::array({ContainerStatus("agent", replica, listens && !agent_waits, agent_waits,
                                   replica == nullptr ? 0 : replica->agent_restart_count),
                   ContainerStatus(kServerContainer, replica, in_route, server_waits,
                                   replica == nullptr ? 0 : replica->server_restart_count)});
  return status;
}

}  // namespace throng::reconcilers
