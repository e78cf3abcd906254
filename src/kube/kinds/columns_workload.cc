#include <map>
#include <optional>

#include "kube/kinds/columns.h"
#include "kube/kinds/human_time.h"

namespace throng::kube::columns {
namespace {

Column Text(std::string name, std::string description, Json (*cell)(const Json&),
            int priority = 0) {
  return {std::move(name), "string", "", std::move(description), priority, cell, nullptr};
}

bool IsTrue(const Json& object, std::initializer_list<std::string_view> keys) {
  const Json* const found = FindPath(object, keys);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

// "True", "False", "Unknown", or empty when there is no such condition.
std::string ConditionOf(const Json& object, std::string_view type) {
  for (const Json& condition : ListAt(object, {"status", "conditions"})) {
    if (TextAt(condition, {"type"}) == type) return TextAt(condition, {"status"});
  }
  return "";
}

// --- Pods ----------------------------------------------------------------------------------

// What three of a pod's columns show, computed in one walk of its containers as Kubernetes does it.
struct PodSummary {
  int64_t total = 0;
  int64_t ready = 0;
  int64_t restarts = 0;
  std::string last_restart;  // timestamp
  std::string reason;
};

void CountRestarts(const Json& container, int64_t& restarts, std::string& last_restart) {
  restarts += NumberAt(container, {"restartCount"});
  const std::string finished = TextAt(container, {"lastState", "terminated", "finishedAt"});
  if (!finished.empty() && finished > last_restart) last_restart = finished;
}

// The reason of a container that has ended: "Error", "Signal:9", "ExitCode:1".
std::string EndReason(const Json& terminated) {
  std::string reason = TextAt(terminated, {"reason"});
  if (!reason.empty()) return reason;
  const int64_t signal = NumberAt(terminated, {"signal"});
  if (signal != 0) return "Signal:" + std::to_string(signal);
  return "ExitCode:" + std::to_string(NumberAt(terminated, {"exitCode"}));
}

bool IsSidecar(const Json& pod, const std::string& name) {
  for (const Json& container : ListAt(pod, {"spec", "initContainers"})) {
    if (TextAt(container, {"name"}) == name) {
      return TextAt(container, {"restartPolicy"}) == "Always";
    }
  }
  return false;
}

// Nothing: this one is done or running, look at the next.
std::optional<std::string> InitReason(const Json& pod, const Json& container, size_t index) {
  const Json* const terminated = FindPath(container, {"state", "terminated"});
  const bool has_ended = terminated != nullptr && terminated->is_object();
  if (has_ended && NumberAt(*terminated, {"exitCode"}) == 0) return std::nullopt;
  if (IsSidecar(pod, TextAt(container, {"name"})) && IsTrue(container, {"started"})) {
    return std::nullopt;
  }
  if (has_ended) return "Init:" + EndReason(*terminated);
  const std::string waiting = TextAt(container, {"state", "waiting", "reason"});
  if (!waiting.empty() && waiting != "PodInitializing") return "Init:" + waiting;
  return "Init:" + std::to_string(index) + "/" +
         std::to_string(ListAt(pod, {"spec", "initContainers"}).size());
}

// True while init containers hold the pod back. Restarts of sidecars are counted apart: they alone
// still count once the pod has started.
bool SummariseInit(const Json& pod, PodSummary& summary, PodSummary& sidecars) {
  const Json& statuses = ListAt(pod, {"status", "initContainerStatuses"});
  for (size_t i = 0; i < statuses.size(); ++i) {
    const Json& container = statuses[i];
    const bool is_sidecar = IsSidecar(pod, TextAt(container, {"name"}));
    CountRestarts(container, summary.restarts, summary.last_restart);
    if (is_sidecar) CountRestarts(container, sidecars.restarts, sidecars.last_restart);
    const std::optional<std::string> reason = InitReason(pod, container, i);
    if (reason) {
      summary.reason = *reason;
      return true;
    }
    const Json* const terminated = FindPath(container, {"state", "terminated"});
    if (is_sidecar && (terminated == nullptr || terminated->is_null()) &&
        IsTrue(container, {"ready"})) {
      ++summary.ready;
    }
  }
  return false;
}

void SummariseContainers(const Json& pod, PodSummary& summary) {
  const Json& statuses = ListAt(pod, {"status", "containerStatuses"});
  bool has_running = false;
  for (size_t i = statuses.size(); i-- > 0;) {
    const Json& container = statuses[i];
    CountRestarts(container, summary.restarts, summary.last_restart);
    const std::string waiting = TextAt(container, {"state", "waiting", "reason"});
    const Json* const terminated = FindPath(container, {"state", "terminated"});
    const Json* const running = FindPath(container, {"state", "running"});
    if (!waiting.empty()) {
      summary.reason = waiting;
    } else if (terminated != nullptr && terminated->is_object()) {
      summary.reason = EndReason(*terminated);
    } else if (IsTrue(container, {"ready"}) && running != nullptr && running->is_object()) {
      has_running = true;
      ++summary.ready;
    }
  }
  if (summary.reason == "Completed" && has_running) {
    summary.reason = ConditionOf(pod, "Ready") == "True" ? "Running" : "NotReady";
  }
}

std::string ReasonBeforeContainers(const Json& pod) {
  for (const Json& condition : ListAt(pod, {"status", "conditions"})) {
    if (TextAt(condition, {"type"}) == "PodScheduled" &&
        TextAt(condition, {"reason"}) == "SchedulingGated") {
      return "SchedulingGated";
    }
  }
  const std::string reason = TextAt(pod, {"status", "reason"});
  return reason.empty() ? TextAt(pod, {"status", "phase"}) : reason;
}

PodSummary Summarise(const Json& pod) {
  PodSummary summary;
  summary.total = static_cast<int64_t>(ListAt(pod, {"spec", "containers"}).size());
  for (const Json& container : ListAt(pod, {"spec", "initContainers"})) {
    if (TextAt(container, {"restartPolicy"}) == "Always") ++summary.total;
  }
  summary.reason = ReasonBeforeContainers(pod);
  PodSummary sidecars;
  const bool is_initialising = SummariseInit(pod, summary, sidecars);
  if (!is_initialising || ConditionOf(pod, "Initialized") == "True") {
    summary.restarts = sidecars.restarts;
    summary.last_restart = sidecars.last_restart;
    SummariseContainers(pod, summary);
  }
  if (!TextAt(pod, {"metadata", "deletionTimestamp"}).empty()) {
    const std::string phase = TextAt(pod, {"status", "phase"});
    if (TextAt(pod, {"status", "reason"}) == "NodeLost") {
      summary.reason = "Unknown";
    } else if (phase != "Succeeded" && phase != "Failed") {
      summary.reason = "Terminating";
    }
  }
  return summary;
}

Json RestartsOfPod(const Json& pod, WallTime now) {
  const PodSummary summary = Summarise(pod);
  std::string text = std::to_string(summary.restarts);
  if (summary.restarts != 0 && !summary.last_restart.empty()) {
    text += " (" + AgeSince(summary.last_restart, now) + " ago)";
  }
  return text;
}

Json AddressOfPod(const Json& pod) {
  const Json& addresses = ListAt(pod, {"status", "podIPs"});
  std::string address = addresses.empty() ? "" : TextAt(addresses[0], {"ip"});
  if (address.empty()) address = TextAt(pod, {"status", "podIP"});
  return OrNone(address);
}

Json ReadinessGatesOfPod(const Json& pod) {
  const Json& gates = ListAt(pod, {"spec", "readinessGates"});
  if (gates.empty()) return "<none>";
  int open = 0;
  for (const Json& gate : gates) {
    if (ConditionOf(pod, TextAt(gate, {"conditionType"})) == "True") ++open;
  }
  return std::to_string(open) + "/" + std::to_string(gates.size());
}

// --- Jobs ----------------------------------------------------------------------------------

Json StatusOfJob(const Json& job) {
  if (ConditionOf(job, "Complete") == "True") return "Complete";
  if (ConditionOf(job, "Failed") == "True") return "Failed";
  if (!TextAt(job, {"metadata", "deletionTimestamp"}).empty()) return "Terminating";
  if (ConditionOf(job, "Suspended") == "True") return "Suspended";
  if (ConditionOf(job, "FailureTarget") == "True") return "FailureTarget";
  return "Running";
}

Json CompletionsOfJob(const Json& job) {
  const std::string succeeded = std::to_string(NumberAt(job, {"status", "succeeded"}));
  const Json* const completions = FindPath(job, {"spec", "completions"});
  if (completions != nullptr && completions->is_number_integer()) {
    return succeeded + "/" + std::to_string(completions->get<int64_t>());
  }
  const int64_t parallelism = NumberAt(job, {"spec", "parallelism"});
  if (parallelism > 1) return succeeded + "/1 of " + std::to_string(parallelism);
  return succeeded + "/1";
}

Json DurationOfJob(const Json& job, WallTime now) {
  const std::optional<WallTime> start = ParseTimestamp(TextAt(job, {"status", "startTime"}));
  if (!start) return "";
  const std::optional<WallTime> end = ParseTimestamp(TextAt(job, {"status", "completionTime"}));
  return HumanDuration(end.value_or(now) - *start);
}

// "a,b" of one key of the containers of the job's template.
std::string OfContainers(const Json& job, std::string_view key) {
  std::string text;
  bool is_first = true;
  for (const Json& container : ListAt(job, {"spec", "template", "spec", "containers"})) {
    if (!is_first) text += ',';
    is_first = false;
    text += TextAt(container, {key});
  }
  return text;
}

std::string Requirement(const Json& expression) {
  std::string key = TextAt(expression, {"key"});
  const std::string comparison = TextAt(expression, {"operator"});
  if (comparison == "Exists") return key;
  if (comparison == "DoesNotExist") return "!" + key;
  std::string values;
  for (const Json& value : ListAt(expression, {"values"})) {
    if (!values.empty()) values += ',';
    if (value.is_string()) values += value.get_ref<const std::string&>();
  }
  return key + (comparison == "In" ? " in (" : " notin (") + values + ")";
}

Json SelectorOfJob(const Json& job) {
  std::multimap<std::string, std::string> requirements;  // by key, as Kubernetes sorts them
  const Json* const labels = FindPath(job, {"spec", "selector", "matchLabels"});
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) {
      requirements.emplace(key, key + "=" + (value.is_string() ? value.get<std::string>() : ""));
    }
  }
  for (const Json& expression : ListAt(job, {"spec", "selector", "matchExpressions"})) {
    requirements.emplace(TextAt(expression, {"key"}), Requirement(expression));
  }
  std::string text;
  for (const auto& [key, requirement] : requirements) {
    if (!text.empty()) text += ',';
    text += requirement;
  }
  return OrNone(text);
}

}  // namespace

std::vector<Column> OfPods() {
  Column restarts =
      Text("Restarts", "How often containers were restarted, and when last.",
           [](const Json& pod) { return Json(std::to_string(Summarise(pod).restarts)); });
  restarts.cell_at = RestartsOfPod;
  return {Name(),
          Text("Ready", "How many of the containers are ready.",
               [](const Json& pod) {
                 const PodSummary summary = Summarise(pod);
                 return Json(std::to_string(summary.ready) + "/" + std::to_string(summary.total));
               }),
          Text("Status", "What the containers are doing.",
               [](const Json& pod) { return Json(Summarise(pod).reason); }),
          restarts,
          Age(),
          Text("IP", "Address of the pod.", AddressOfPod, 1),
          Text(
              "Node", "The machine that it runs on.",
              [](const Json& pod) {
                return Json(OrNone(TextAt(pod, {"spec", "nodeName"})));
              },
              1),
          Text(
              "Nominated Node", "The machine that it may be moved to.",
              [](const Json& pod) {
                return Json(OrNone(TextAt(pod, {"status", "nominatedNodeName"})));
              },
              1),
          Text("Readiness Gates", "Further conditions that must hold before it is ready.",
               ReadinessGatesOfPod, 1)};
}

Json RowConditionsOfPod(const Json& pod) {
  const std::string phase = TextAt(pod, {"status", "phase"});
  if (phase != "Succeeded" && phase != "Failed") return nullptr;
  return Json::array({{{"type", "Completed"},
                       {"status", "True"},
                       {"reason", phase},
                       {"message", phase == "Failed" ? "The pod failed."
                                                     : "The pod has completed successfully."}}});
}

std::vector<Column> OfJobs() {
  Column duration = Text("Duration", "Time from its start to its end, or to now.",
                         [](const Json&) { return Json(""); });
  duration.cell_at = DurationOfJob;
  return {Name(),
          Text("Status", "How far the job is.", StatusOfJob),
          Text("Completions", "Pods that have succeeded, of those wanted.", CompletionsOfJob),
          duration,
          Age(),
          Text(
              "Containers", "Names of the containers of its pods.",
              [](const Json& job) { return Json(OfContainers(job, "name")); }, 1),
          Text(
              "Images", "Images of the containers of its pods.",
              [](const Json& job) { return Json(OfContainers(job, "image")); }, 1),
          Text("Selector", "Labels of its pods.", SelectorOfJob, 1)};
}

}  // namespace throng::kube::columns
