// What a Job says, and the objects that tell how far it is. A Job's command is never executed: it
// is read as an attack (attack/pipeline.h), the ConfigMaps that its container mounts are the files.
// Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attack/job_document.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "kube/json.h"
#include "launcher/job_launcher.h"

namespace throng::reconcilers {

// A ConfigMap that the container mounts.
struct ConfigMount {
  std::string volume;
  std::string config_map;
  bool is_optional = false;
  bool has_items = false;
  std::vector<std::pair<std::string, std::string>> items;  // key and path
  std::string directory;                                   // without a slash at its end
  std::string sub_path;                                    // empty: none
};

struct JobPlan {
  attack::AttackPlan attack;
  std::string container;
  std::vector<ConfigMount> mounts;
  int64_t backoff_limit = 6;
  std::optional<int64_t> deadline_seconds;  // activeDeadlineSeconds
};

// ERRORS: kInvalidArgument — what of it is not supported.
Result<JobPlan> ReadJobPlan(const kube::Json& job);

// Of a namespace. ERRORS: kNotFound.
using ConfigMapReader = std::function<Result<kube::Json>(const std::string& name)>;
// ERRORS: kNotFound — a ConfigMap or a key is not there (yet), kInvalidArgument — not base64, or
// too large.
Result<attack::AttackFiles> CollectFiles(const JobPlan& plan, const ConfigMapReader& read);

// The pod of a job, owned by it, with five characters of its own.
kube::Json JobPod(const kube::Json& job, Random& random);
// `run` null: it has not begun. `waiting_for`: why, for people.
kube::Json JobPodStatus(const kube::Json& pod, const launcher::JobRunStatus* run,
                        const std::string& waiting_for, WallTime now);
// The same of one whose process is not known any more.
kube::Json LostJobPodStatus(const kube::Json& pod, WallTime now);

enum class PodPhase : uint8_t { kPending, kRunning, kSucceeded, kFailed };
PodPhase PhaseOf(const kube::Json& pod_status);
// When the container of an ended pod ended; nothing when it does not say.
std::optional<WallTime> EndOfPod(const kube::Json& pod_status);

struct JobCounts {
  int64_t active = 0;  // pods that have not ended
  int64_t ready = 0;   // of them, those that run
  int64_t succeeded = 0;
  int64_t failed = 0;
};
// What a job has come to; both empty while it goes on.
struct JobEnd {
  bool is_complete = false;
  std::string failure;  // the reason: "UnsupportedJob"
  std::string message;
};
kube::Json JobStatus(const kube::Json& before, const JobCounts& counts, const JobEnd& end,
                     WallTime now);
// "2021-05-22T20:56:12Z"; nothing when it is something else.
std::optional<WallTime> ReadTimestamp(std::string_view text);

}  // namespace throng::reconcilers
