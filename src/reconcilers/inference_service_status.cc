#include "reconcilers/inference_service_status.h"

#include <algorithm>

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::TextAt;

std::string Host(std::string_view name, std::string_view name_space, std::string_view suffix) {
  return std::string(name) + "." + std::string(name_space) +
         (suffix.empty() ? "" : "." + std::string(suffix));
}

size_t InRoute(const ServiceFacts& facts, std::string_view revision) {
  return static_cast<size_t>(std::count_if(
      facts.replicas.begin(), facts.replicas.end(), [&](const ServiceReplica& replica) {
        return replica.in_route && (revision.empty() || replica.revision == revision);
      }));
}

// The revision that answers now: the latest one as soon as it can.
std::string ServingRevision(const ServiceFacts& facts) {
  if (InRoute(facts, facts.latest_revision) > 0) return facts.latest_revision;
  for (const ServiceReplica& replica : facts.replicas) {
    if (replica.in_route) return replica.revision;
  }
  return "";
}

std::string Problem(const ServiceFacts& facts) {
  for (const ServiceReplica& replica : facts.replicas) {
    if (replica.revision == facts.latest_revision && !replica.problem.empty()) {
      return replica.problem;
    }
  }
  return "";
}

Condition PredictorReady(const ServiceFacts& facts, const std::string& serving) {
  Condition condition{.type = "PredictorReady"};
  const bool latest_serves = !serving.empty() && serving == facts.latest_revision;
  condition.truth = latest_serves ? Truth::kTrue : Truth::kFalse;
  if (latest_serves) return condition;
  const std::string problem = Problem(facts);
  if (!facts.invalid_reason.empty()) {
    condition.reason = facts.invalid_reason;
    condition.message = facts.invalid_message;
  } else if (facts.deadline_exceeded) {
    condition.reason = "ProgressDeadlineExceeded";
    condition.message = "Revision \"" + facts.latest_revision + "\" was not ready within " +
                        std::to_string(facts.deadline_seconds) + " s" +
                        (problem.empty() ? "" : ": " + problem) + "; it is still tried";
  } else if (!problem.empty()) {
    condition.reason = "ReplicaFailed";
    condition.message = problem;
  } else {
    condition.reason = "ReplicaStarting";
    condition.message = "no replica of revision \"" + facts.latest_revision + "\" is ready yet";
  }
  return condition;
}

Json Traffic(const ServiceFacts& facts, const std::string& serving) {
  Json traffic = Json::array();
  if (serving.empty()) return traffic;
  traffic.push_back({{"latestRevision", serving == facts.latest_revision},
                     {"percent", 100},
                     {"revisionName", serving}});
  return traffic;
}

Json Predictor(const ServiceFacts& facts, const Json& before, const std::string& serving) {
  const std::string component = facts.name + "-predictor-default";
  Json predictor = {
      {"latestCreatedRevision", facts.latest_revision},
      {"url", "http://" + Host(component, facts.name_space, facts.domain)},
      {"address", {{"url", "http://" + Host(component, facts.name_space, "svc.cluster.local")}}},
      {"traffic", Traffic(facts, serving)}};
  const std::string ready_before =
      TextAt(before, {"components", "predictor", "latestReadyRevision"});
  const std::string rolled_out_before =
      TextAt(before, {"components", "predictor", "latestRolledoutRevision"});
  std::string previous = TextAt(before, {"components", "predictor", "previousRolledoutRevision"});
  const std::string ready = serving == facts.latest_revision ? serving : ready_before;
  std::string rolled_out = rolled_out_before;
  if (!serving.empty() && serving == facts.latest_revision && rolled_out != serving) {
    previous = rolled_out;
    rolled_out = serving;
  }
  if (!ready.empty()) predictor["latestReadyRevision"] = ready;
  if (!rolled_out.empty()) predictor["latestRolledoutRevision"] = rolled_out;
  if (!previous.empty()) predictor["previousRolledoutRevision"] = previous;
  return predictor;
}

Json ModelStatus(const ServiceFacts& facts, size_t in_route) {
  const bool failed = facts.failed_models > 0;
  const std::string target = failed ? "FailedToLoad" : in_route > 0 ? "Loaded" : "Pending";
  Json status = {
      {"transitionStatus", failed         ? "BlockedByFailedLoad"
                           : in_route > 0 ? "UpToDate"
                                          : "InProgress"},
      {"states",
       {{"activeModelState", in_route > 0 ? "Loaded" : "Pending"}, {"targetModelState", target}}},
      {"copies",
       {{"totalCopies", in_route},
        {"failedCopies", facts.wanted_replicas - std::min(facts.wanted_replicas, in_route)}}}};
  if (failed) {
    status["lastFailureInfo"] = {{"reason", "ModelLoadFailed"}, {"message", facts.last_failure}};
  }
  return status;
}

// Told as long as what was asked for is not done.
void SetScaling(const ServiceFacts& facts, Json& status, WallTime now) {
  const auto fewest = static_cast<int64_t>(facts.wanted_replicas);
  if (facts.max_replicas <= fewest) return RemoveCondition(status, "ScalingActive");
  SetCondition(status,
               {.type = "ScalingActive",
                .truth = Truth::kFalse,
                .reason = "AutoscalingUnavailable",
                .message = "maxReplicas " + std::to_string(facts.max_replicas) +
                           " has no effect yet: there is no autoscaling, and minReplicas (" +
                           std::to_string(fewest) + ") says how many replicas run",
                .is_info = true},
               now);
}

}  // namespace

std::string CurlLine(std::string_view url, std::string_view ingress, std::string_view path) {
  constexpr std::string_view kScheme = "http://";
  if (ingress.empty() || !url.starts_with(kScheme)) return "";
  const std::string_view rest = url.substr(kScheme.size());
  return "curl -H 'Host: " + std::string(rest.substr(0, rest.find('/'))) + "' http://" +
         std::string(ingress) + std::string(path);
}

std::vector<std::string> HostsOf(std::string_view name_space, std::string_view name,
                                 std::string_view domain) {
  std::vector<std::string> hosts;
  for (const std::string& part : {std::string(name), std::string(name) + "-predictor-default"}) {
    hosts.push_back(Host(part, name_space, domain));
    hosts.push_back(Host(part, name_space, "svc.cluster.local"));
    hosts.push_back(Host(part, name_space, "svc"));
    hosts.push_back(Host(part, name_space, ""));
  }
  return hosts;
}

Json InferenceServiceStatus(const ServiceFacts& facts, const Json& before, WallTime now) {
  Json status = before.is_object() ? before : Json::object();
  const std::string serving = ServingRevision(facts);
  const Condition predictor = PredictorReady(facts, serving);
  const bool answers = !serving.empty();

  Condition configuration = predictor;
  configuration.type = "PredictorConfigurationReady";
  configuration.is_info = true;
  const auto routed = [&](std::string_view type, bool is_info) {
    Condition condition{.type = std::string(type),
                        .truth = answers ? Truth::kTrue : Truth::kFalse,
                        .reason = answers ? "" : predictor.reason,
                        .message = answers ? "" : predictor.message,
                        .is_info = is_info};
    return condition;
  };
  SetCondition(status, routed("IngressReady", false), now);
  SetCondition(status, configuration, now);
  SetCondition(status, predictor, now);
  SetCondition(status, routed("PredictorRouteReady", true), now);
  Condition ready = predictor;
  ready.type = "Ready";
  SetCondition(status, ready, now);
  SetScaling(facts, status, now);

  status["url"] = "http://" + Host(facts.name, facts.name_space, facts.domain);
  status["address"] = {
      {"url", "http://" + Host(facts.name, facts.name_space, "svc.cluster.local")}};
  status["components"] = {{"predictor", Predictor(facts, before, serving)}};
  status["modelStatus"] = ModelStatus(facts, InRoute(facts, ""));
  status["observedGeneration"] = facts.generation;
  const std::string curl =
      CurlLine(kube::TextAt(status, {"url"}), facts.ingress, "/v2/health/ready");
  if (!curl.empty()) status["curl"] = curl;
  return status;
}

}  // namespace throng::reconcilers
