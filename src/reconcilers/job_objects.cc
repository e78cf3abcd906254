#include "reconcilers/job_objects.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/base64.h"
#include "base/control_limits.h"
#include "base/log.h"
#include "kube/object_meta.h"
#include "reconcilers/conditions.h"

namespace throng::reconcilers {
namespace {

using kube::FindPath;
using kube::Json;
using kube::TextAt;
using launcher::JobRunPhase;

constexpr int kKilledExitCode = 137;  // what Kubernetes shows of one that was killed

const Json& ListAt(const Json& json, std::initializer_list<std::string_view> keys) {
  static const Json kNone = Json::array();
  const Json* list = FindPath(json, keys);
  return list != nullptr && list->is_array() ? *list : kNone;
}

int64_t NumberAt(const Json& json, std::initializer_list<std::string_view> keys, int64_t absent) {
  const Json* number = FindPath(json, keys);
  return number != nullptr && number->is_number_integer() ? number->get<int64_t>() : absent;
}

bool IsTrueAt(const Json& json, std::initializer_list<std::string_view> keys) {
  const Json* value = FindPath(json, keys);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string Quoted(std::string_view text) { return "'" + EscapeForLog(text) + "'"; }

// --- What a job says -----------------------------------------------------------------------

Status CheckSpec(const Json& spec) {
  for (const std::string_view key : {"parallelism", "completions"}) {
    if (NumberAt(spec, {key}, 1) != 1) {
      return InvalidArgumentError("spec." + std::string(key) + ": only 1 is supported");
    }
  }
  if (TextAt(spec, {"completionMode"}) == "Indexed") {
    return InvalidArgumentError("spec.completionMode: Indexed is not supported");
  }
  if (IsTrueAt(spec, {"suspend"})) {
    return InvalidArgumentError("spec.suspend: true is not supported");
  }
  for (const char* key : {"backoffLimitPerIndex", "maxFailedIndexes", "podFailurePolicy",
                          "successPolicy", "managedBy"}) {
    if (spec.contains(key)) {
      return InvalidArgumentError("spec." + std::string(key) + " is not supported");
    }
  }
  return OkStatus();
}

Result<std::vector<std::string>> CommandOf(const Json& container) {
  std::vector<std::string> words;
  for (const char* key : {"command", "args"}) {
    for (const Json& word : ListAt(container, {key})) {
      if (!word.is_string()) return InvalidArgumentError(std::string(key) + ": must be texts");
      words.push_back(word.get<std::string>());
    }
  }
  return words;
}

std::string WithoutSlash(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

ConfigMount ReadMount(const Json& mount, const Json& volume, const Json& config_map) {
  ConfigMount made{.volume = TextAt(volume, {"name"}),
                   .config_map = TextAt(config_map, {"name"}),
                   .is_optional = IsTrueAt(config_map, {"optional"}),
                   .has_items = !ListAt(config_map, {"items"}).empty(),
                   .items = {},
                   .directory = WithoutSlash(TextAt(mount, {"mountPath"})),
                   .sub_path = WithoutSlash(TextAt(mount, {"subPath"}))};
  for (const Json& item : ListAt(config_map, {"items"})) {
    made.items.emplace_back(TextAt(item, {"key"}), TextAt(item, {"path"}));
  }
  return made;
}

Status ReadMounts(const Json& pod_spec, const Json& container, JobPlan& plan) {
  const Json& volumes = ListAt(pod_spec, {"volumes"});
  for (const Json& mount : ListAt(container, {"volumeMounts"})) {
    const std::string name = TextAt(mount, {"name"});
    const auto volume = std::find_if(volumes.begin(), volumes.end(), [&name](const Json& known) {
      return TextAt(known, {"name"}) == name;
    });
    if (volume == volumes.end()) {
      return InvalidArgumentError("volumeMounts: there is no volume " + Quoted(name));
    }
    // An empty one holds nothing to send.
    if (volume->contains("emptyDir")) continue;
    const Json* config_map = FindPath(*volume, {"configMap"});
    if (config_map == nullptr) {
      return InvalidArgumentError("volume " + Quoted(name) + ": only configMap is supported");
    }
    plan.mounts.push_back(ReadMount(mount, *volume, *config_map));
  }
  return OkStatus();
}

// --- Files ---------------------------------------------------------------------------------

// Nothing: there is no such key.
Result<std::optional<std::string>> ValueOf(const Json& config_map, const std::string& key) {
  if (const Json* text = FindPath(config_map, {"data", key});
      text != nullptr && text->is_string()) {
    return std::optional(text->get<std::string>());
  }
  const Json* binary = FindPath(config_map, {"binaryData", key});
  if (binary == nullptr || !binary->is_string()) return std::optional<std::string>();
  auto bytes = DecodeBase64(binary->get_ref<const std::string&>());
  if (!bytes) return InvalidArgumentError("binaryData of a ConfigMap is no base64");
  return std::optional(*std::move(bytes));
}

std::vector<std::pair<std::string, std::string>> ItemsOf(const ConfigMount& mount,
                                                         const Json& config_map) {
  if (mount.has_items) return mount.items;
  std::vector<std::pair<std::string, std::string>> items;
  for (const char* part : {"data", "binaryData"}) {
    const Json* values = FindPath(config_map, {part});
    if (values == nullptr || !values->is_object()) continue;
    for (const auto& entry : values->items()) items.emplace_back(entry.key(), entry.key());
  }
  return items;
}

// Where the file `path` of the volume is seen; empty: nowhere.
std::string PathIn(const ConfigMount& mount, const std::string& path) {
  if (mount.sub_path.empty()) return mount.directory + "/" + path;
  if (path == mount.sub_path) return mount.directory;
  if (path.rfind(mount.sub_path + "/", 0) != 0) return "";
  return mount.directory + path.substr(mount.sub_path.size());
}

Status MountFailed(const ConfigMount& mount, const std::string& why) {
  return NotFoundError("MountVolume.SetUp failed for volume \"" + mount.volume + "\" : " + why);
}

Status CollectMount(const ConfigMount& mount, const ConfigMapReader& read, size_t& bytes,
                    attack::AttackFiles& files) {
  const auto config_map = read(mount.config_map);
  if (!config_map.ok()) {
    if (mount.is_optional) return OkStatus();
    return MountFailed(mount, "configmap \"" + mount.config_map + "\" not found");
  }
  for (const auto& [key, path] : ItemsOf(mount, *config_map)) {
    THRONG_ASSIGN_OR_RETURN(const auto value, ValueOf(*config_map, key));
    if (!value) {
      if (mount.is_optional) continue;
      return MountFailed(mount, "configmap references non-existent config key: " + key);
    }
    const std::string seen_as = PathIn(mount, path);
    if (seen_as.empty()) continue;
    bytes += value->size();
    if (bytes > limits::kAttackFilesBytes) {
      return InvalidArgumentError("the ConfigMaps of the job are larger than " +
                                  std::to_string(limits::kAttackFilesBytes) + " bytes");
    }
    files[seen_as] = *value;
  }
  return OkStatus();
}

// --- Pods ----------------------------------------------------------------------------------

// State of the container; `is_ready` is told too.
Json StateOf(const launcher::JobRunStatus* run, const std::string& waiting_for) {
  Json state = Json::object();
  if (run == nullptr) {
    state["waiting"] = {{"reason", "ContainerCreating"}};
    if (!waiting_for.empty()) state["waiting"]["message"] = waiting_for;
    return state;
  }
  const std::string started = kube::Timestamp(run->started_at);
  if (run->phase == JobRunPhase::kRunning || run->phase == JobRunPhase::kStopping) {
    state["running"] = {{"startedAt", started}};
    return state;
  }
  const bool ok = run->phase == JobRunPhase::kSucceeded;
  state["terminated"] = {{"exitCode", run->exit_status < 0 ? kKilledExitCode : run->exit_status},
                         {"reason", ok ? "Completed" : "Error"},
                         {"startedAt", started},
                         {"finishedAt", kube::Timestamp(run->ended_at)}};
  if (!run->message.empty()) state["terminated"]["message"] = run->message;
  return state;
}

std::string_view PhaseName(const launcher::JobRunStatus* run) {
  if (run == nullptr) return "Pending";
  if (run->phase == JobRunPhase::kSucceeded) return "Succeeded";
  return run->phase == JobRunPhase::kFailed ? "Failed" : "Running";
}

Json PodStatus(const Json& pod, std::string_view phase, Json state, WallTime now) {
  const Json* before = FindPath(pod, {"status"});
  Json status = before != nullptr && before->is_object() ? *before : Json::object();
  const bool is_running = phase == "Running";
  status["phase"] = phase;
  status["hostIP"] = "127.0.0.1";
  status["podIP"] = "127.0.0.1";
  status["qosClass"] = "BestEffort";
  if (!status.contains("startTime")) status["startTime"] = kube::Timestamp(now);
  const bool has_ended = phase == "Succeeded" || phase == "Failed";
  const auto condition = [&](std::string_view type, bool is_true, std::string_view reason) {
    SetCondition(status,
                 {.type = std::string(type),
                  .truth = is_true ? Truth::kTrue : Truth::kFalse,
                  .reason = std::string(reason)},
                 now);
  };
  const std::string_view why = phase == "Succeeded" ? "PodCompleted"
                               : has_ended          ? "PodFailed"
                                                    : "ContainersNotReady";
  condition("PodScheduled", true, "");
  condition("Initialized", true, "");
  condition("ContainersReady", is_running, why);
  condition("Ready", is_running, why);
  const Json& containers = ListAt(pod, {"spec", "containers"});
  const Json container = containers.empty() ? Json::object() : containers[0];
  status["containerStatuses"] = Json::array({{{"name", TextAt(container, {"name"})},
                                              {"image", TextAt(container, {"image"})},
                                              {"imageID", ""},
                                              {"ready", is_running},
                                              {"started", is_running},
                                              {"restartCount", 0},
                                              {"lastState", Json::object()},
                                              {"state", std::move(state)}}});
  return status;
}

Json MadeCondition(std::string_view type, const std::string& reason, const std::string& message,
                   WallTime now) {
  return {{"type", type},
          {"status", "True"},
          {"reason", reason},
          {"message", message},
          {"lastProbeTime", kube::Timestamp(now)},
          {"lastTransitionTime", kube::Timestamp(now)}};
}

std::optional<int> Digits(std::string_view text, size_t at, size_t count) {
  int value = 0;
  const char* begin = text.data() + at;
  const auto parsed = std::from_chars(begin, begin + count, value);
  if (parsed.ec != std::errc() || parsed.ptr != begin + count || value < 0) return std::nullopt;
  return value;
}

}  // namespace

Result<JobPlan> ReadJobPlan(const Json& job) {
  const Json* spec = FindPath(job, {"spec"});
  const Json* pod_spec = FindPath(job, {"spec", "template", "spec"});
  if (spec == nullptr || pod_spec == nullptr) return InvalidArgumentError("spec.template: missing");
  THRONG_RETURN_IF_ERROR(CheckSpec(*spec));
  const Json& containers = ListAt(*pod_spec, {"containers"});
  if (containers.size() != 1 || !ListAt(*pod_spec, {"initContainers"}).empty()) {
    return InvalidArgumentError("spec.template.spec: only one container is supported");
  }
  JobPlan plan;
  plan.container = TextAt(containers[0], {"name"});
  plan.backoff_limit = NumberAt(*spec, {"backoffLimit"}, plan.backoff_limit);
  if (spec->contains("activeDeadlineSeconds")) {
    plan.deadline_seconds = NumberAt(*spec, {"activeDeadlineSeconds"}, 0);
  }
  THRONG_ASSIGN_OR_RETURN(const std::vector<std::string> words, CommandOf(containers[0]));
  THRONG_ASSIGN_OR_RETURN(plan.attack, attack::ParsePipeline(words));
  THRONG_RETURN_IF_ERROR(ReadMounts(*pod_spec, containers[0], plan));
  return plan;
}

Result<attack::AttackFiles> CollectFiles(const JobPlan& plan, const ConfigMapReader& read) {
  attack::AttackFiles files;
  size_t bytes = 0;
  for (const ConfigMount& mount : plan.mounts) {
    THRONG_RETURN_IF_ERROR(CollectMount(mount, read, bytes, files));
  }
  return files;
}

Json JobPod(const Json& job, Random& random) {
  const std::string name = kube::NameOf(job);
  const std::string uid = kube::UidOf(job);
  const Json* metadata = FindPath(job, {"spec", "template", "metadata"});
  Json labels = Json::object();
  Json annotations = Json::object();
  if (metadata != nullptr) {
    if (const Json* given = FindPath(*metadata, {"labels"})) labels = *given;
    if (const Json* given = FindPath(*metadata, {"annotations"})) annotations = *given;
  }
  labels["batch.kubernetes.io/controller-uid"] = uid;
  labels["batch.kubernetes.io/job-name"] = name;
  labels["controller-uid"] = uid;
  labels["job-name"] = name;
  const kube::OwnerReference owner{.api_version = "batch/v1",
                                   .kind = "Job",
                                   .name = name,
                                   .uid = uid,
                                   .controller = true,
                                   .block_owner_deletion = true};
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", kube::GeneratedName(name + "-", random)},
            {"namespace", kube::NamespaceOf(job)},
            {"labels", std::move(labels)},
            {"annotations", std::move(annotations)},
            {"ownerReferences", Json::array({kube::OwnerReferenceJson(owner)})}}},
          {"spec", *FindPath(job, {"spec", "template", "spec"})}};
}

Json JobPodStatus(const Json& pod, const launcher::JobRunStatus* run,
                  const std::string& waiting_for, WallTime now) {
  return PodStatus(pod, PhaseName(run), StateOf(run, waiting_for), now);
}

Json LostJobPodStatus(const Json& pod, WallTime now) {
  Json state;
  state["terminated"] = {{"exitCode", kKilledExitCode},
                         {"reason", "ContainerStatusUnknown"},
                         {"message", "its process is not known any more"},
                         {"finishedAt", kube::Timestamp(now)}};
  return PodStatus(pod, "Failed", std::move(state), now);
}

PodPhase PhaseOf(const Json& pod_status) {
  const std::string phase = TextAt(pod_status, {"phase"});
  if (phase == "Running") return PodPhase::kRunning;
  if (phase == "Succeeded") return PodPhase::kSucceeded;
  return phase == "Failed" ? PodPhase::kFailed : PodPhase::kPending;
}

std::optional<WallTime> EndOfPod(const Json& pod_status) {
  const Json& containers = ListAt(pod_status, {"containerStatuses"});
  if (containers.empty()) return std::nullopt;
  return ReadTimestamp(TextAt(containers[0], {"state", "terminated", "finishedAt"}));
}

Json JobStatus(const Json& before, const JobCounts& counts, const JobEnd& end, WallTime now) {
  Json status = before.is_object() ? before : Json::object();
  const auto count = [&status](const char* key, int64_t value) {
    // As Kubernetes leaves out what is zero.
    if (value > 0) {
      status[key] = value;
    } else {
      status.erase(key);
    }
  };
  count("active", counts.active);
  count("succeeded", counts.succeeded);
  count("failed", counts.failed);
  status["ready"] = counts.ready;
  status["terminating"] = 0;
  status["uncountedTerminatedPods"] = Json::object();
  if (!status.contains("startTime")) status["startTime"] = kube::Timestamp(now);
  if (end.is_complete) {
    const std::string message = "Reached expected number of succeeded pods";
    status["completionTime"] = kube::Timestamp(now);
    status["conditions"] =
        Json::array({MadeCondition("SuccessCriteriaMet", "CompletionsReached", message, now),
                     MadeCondition("Complete", "CompletionsReached", message, now)});
  } else if (!end.failure.empty()) {
    status["conditions"] =
        Json::array({MadeCondition("FailureTarget", end.failure, end.message, now),
                     MadeCondition("Failed", end.failure, end.message, now)});
  }
  return status;
}

std::optional<WallTime> ReadTimestamp(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00Z";
  if (text.size() != kShape.size()) return std::nullopt;
  for (const size_t at : {4U, 7U, 10U, 13U, 16U, 19U}) {
    if (text[at] != kShape[at]) return std::nullopt;
  }
  const auto year = Digits(text, 0, 4);
  const auto month = Digits(text, 5, 2);
  const auto day = Digits(text, 8, 2);
  const auto hour = Digits(text, 11, 2);
  const auto minute = Digits(text, 14, 2);
  const auto second = Digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace throng::reconcilers
