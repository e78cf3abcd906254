#include "reconcilers/job_reconciler.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "reconcilers/conditions.h"

namespace throng::reconcilers {
namespace {

using kube::FindPath;
using kube::Json;
using kube::Part;

constexpr char kUnsupported[] = "UnsupportedJob";

// The job that a pod belongs to; an empty name: none.
ObjectKey JobOfPod(const Json& pod) {
  const kube::OwnerReference owner = kube::ControllerOf(pod);
  return {kube::NamespaceOf(pod), owner.kind == "Job" ? owner.name : ""};
}

bool HasEnded(const Json& job) {
  return IsConditionTrue(job, "Complete") || IsConditionTrue(job, "Failed");
}

// Ever longer ones mean the same.
Duration SecondsOf(int64_t count) {
  constexpr int64_t kMost = 1'000'000'000;
  return std::chrono::seconds(std::clamp<int64_t>(count, 0, kMost));
}

Duration BackOff(int64_t failures) {
  Duration delay = limits::kJobBackOff;
  for (int64_t i = 1; i < failures && delay < limits::kJobBackOffMost; ++i) delay *= 2;
  return std::min<Duration>(delay, limits::kJobBackOffMost);
}

Json StatusOf(const Json& object) {
  const Json* status = FindPath(object, {"status"});
  return status == nullptr ? Json::object() : *status;
}

}  // namespace

struct JobReconciler::Look {
  ObjectKey key;
  Json job;
  std::shared_ptr<WriteBatch> batch;
  JobPlan plan;
  std::vector<std::string> active;  // pods that have not ended
  JobCounts counts;
  std::optional<WallTime> last_end;  // of a pod that failed
  JobEnd end;
  bool is_waiting = false;  // for a ConfigMap
};

JobReconciler::JobReconciler(Executor& executor, Random& random, kube::Objects& objects,
                             launcher::JobLauncher& launcher, EventSink events,
                             std::function<void(const ObjectKey&)> look)
    : executor_(executor),
      random_(random),
      objects_(objects),
      launcher_(launcher),
      events_(std::move(events)),
      look_(std::move(look)) {
  Watch();
}

void JobReconciler::Watch() {
  watches_.push_back(objects_.Watch(kJobs, [this](kube::EventKind, const Json& job) {
    look_({kube::NamespaceOf(job), kube::NameOf(job)});
  }));
  watches_.push_back(objects_.Watch(kPods, [this](kube::EventKind, const Json& pod) {
    const ObjectKey job = JobOfPod(pod);
    if (!job.name.empty()) look_(job);
  }));
  watches_.push_back(objects_.Watch(kConfigMaps, [this](kube::EventKind, const Json& config_map) {
    const std::string name_space = kube::NamespaceOf(config_map);
    for (const ObjectKey& job : waiting_) {
      if (job.name_space == name_space) look_(job);
    }
  }));
}

void JobReconciler::Reconcile(const ObjectKey& key, controller::WorkQueue::Finished finished) {
  Look look{.key = key, .job = {}, .batch = WriteBatch::Begin(std::move(finished))};
  StopOrphans();
  waiting_.erase(key);
  auto job = objects_.Get(kJobs, key.name_space, key.name);
  if (!job.ok()) {
    if (job.status().code() != StatusCode::kNotFound) look.batch->Fail(job.status());
    return;
  }
  look.job = std::move(*job);
  // Its pods go with it.
  if (!kube::DeletionTimestampOf(look.job).empty()) return;
  if (HasEnded(look.job)) return RemoveWhenOld(look);
  ReconcileLive(look);
}

void JobReconciler::ReconcileLive(Look& look) {
  auto plan = ReadJobPlan(look.job);
  if (plan.ok()) {
    look.plan = *std::move(plan);
  } else {
    look.end = {.failure = kUnsupported, .message = plan.status().message()};
  }
  RunPods(look);
  if (look.end.failure.empty()) CheckDeadline(look);
  if (look.end.failure.empty()) Decide(look);
  if (!look.end.failure.empty()) DeleteActivePods(look);
  if (look.is_waiting) waiting_.insert(look.key);
  WriteStatus(look);
}

void JobReconciler::RunPods(Look& look) {
  const std::string uid = kube::UidOf(look.job);
  for (const Json& pod : objects_.List(kPods, look.key.name_space)) {
    if (kube::ControllerOf(pod).uid != uid) continue;
    const Json status = RunPod(look, pod);
    const PodPhase phase = PhaseOf(status);
    look.counts.succeeded += phase == PodPhase::kSucceeded;
    look.counts.failed += phase == PodPhase::kFailed;
    look.counts.ready += phase == PodPhase::kRunning;
    const bool is_deleting = !kube::DeletionTimestampOf(pod).empty();
    if (!is_deleting && (phase == PodPhase::kPending || phase == PodPhase::kRunning)) {
      look.active.push_back(kube::NameOf(pod));
    }
    if (phase != PodPhase::kFailed) continue;
    const auto end = EndOfPod(status);
    if (end && (!look.last_end || *end > *look.last_end)) look.last_end = end;
  }
  look.counts.active = static_cast<int64_t>(look.active.size());
  // Pods that somebody deleted have failed all the same.
  const Json before = StatusOf(look.job);
  if (const Json* failed = FindPath(before, {"failed"}); failed && failed->is_number_integer()) {
    look.counts.failed = std::max(look.counts.failed, failed->get<int64_t>());
  }
}

// The status of the pod, which is written when it is another one.
Json JobReconciler::RunPod(Look& look, const Json& pod) {
  Json before = StatusOf(pod);
  const PodPhase phase = PhaseOf(before);
  if (phase == PodPhase::kSucceeded || phase == PodPhase::kFailed) return before;
  const std::string name = kube::NameOf(pod);
  auto run = launcher_.Find(look.key.name_space, name);
  const WallTime now = executor_.clock().WallNow();
  Json status;
  if (!run && phase == PodPhase::kRunning) {
    status = LostJobPodStatus(pod, now);
  } else {
    std::string waiting_for;
    const bool may_start = look.end.failure.empty() && kube::DeletionTimestampOf(pod).empty();
    if (!run && may_start) {
      waiting_for = StartRun(look, pod).message();
      run = launcher_.Find(look.key.name_space, name);
    }
    status = JobPodStatus(pod, run ? &*run : nullptr, waiting_for, now);
  }
  if (status == before) return before;
  Json changed = pod;
  changed["status"] = status;
  objects_.Update(kPods, std::move(changed), Part::kStatus,
                  look.batch->Expect(StatusCode::kNotFound));
  return status;
}

// What keeps it from being started: to be waited for, tried again, or the end of the job.
Status JobReconciler::StartRun(Look& look, const Json& pod) {
  auto document = DocumentOf(look);
  if (document.status().code() == StatusCode::kNotFound) {
    look.is_waiting = true;
    const Json* told = FindPath(pod, {"status", "containerStatuses"});
    if (told == nullptr ||
        told->dump().find(Json(document.status().message()).dump()) == std::string::npos) {
      events_(pod, true, "FailedMount", document.status().message());
      events_(look.job, true, "FailedMount", document.status().message());
    }
    return document.status();
  }
  if (!document.ok()) {
    look.end = {.failure = kUnsupported, .message = document.status().message()};
    return document.status();
  }
  const Status started = launcher_.Start({.name_space = look.key.name_space,
                                          .pod = kube::NameOf(pod),
                                          .job = look.key.name,
                                          .container = look.plan.container,
                                          .document = *std::move(document)});
  if (started.ok()) {
    events_(pod, false, "Started", "Started container " + look.plan.container);
  } else {
    look.batch->Fail(started);
  }
  return started;
}

// ERRORS: kNotFound — a ConfigMap is not there yet; any other: it cannot be carried out.
Result<std::string> JobReconciler::DocumentOf(const Look& look) const {
  attack::AttackJob job{.plan = look.plan.attack, .files = {}};
  THRONG_ASSIGN_OR_RETURN(job.files, CollectFiles(look.plan, [&](const std::string& name) {
                            return objects_.Get(kConfigMaps, look.key.name_space, name);
                          }));
  const auto targets = attack::TargetsOf(job.plan.targets_path, job.files);
  if (!targets.ok()) return InvalidArgumentError(targets.status().message());
  return attack::AttackJobText(job);
}

void JobReconciler::CheckDeadline(Look& look) {
  const auto start = ReadTimestamp(kube::TextAt(look.job, {"status", "startTime"}));
  if (!look.plan.deadline_seconds || !start || look.counts.succeeded > 0) return;
  const Duration left =
      *start + SecondsOf(*look.plan.deadline_seconds) - executor_.clock().WallNow();
  if (left.count() > 0) return look.batch->LookAgainAfter(left);
  look.end = {.failure = "DeadlineExceeded",
              .message = "Job was active longer than specified deadline"};
}

void JobReconciler::Decide(Look& look) {
  if (look.counts.succeeded > 0) {
    look.end.is_complete = true;
    return;
  }
  if (look.counts.active > 0) return;
  if (look.counts.failed > look.plan.backoff_limit) {
    look.end = {.failure = "BackoffLimitExceeded",
                .message = "Job has reached the specified backoff limit"};
    return;
  }
  if (look.counts.failed > 0 && look.last_end) {
    const Duration left =
        *look.last_end + BackOff(look.counts.failed) - executor_.clock().WallNow();
    if (left.count() > 0) return look.batch->LookAgainAfter(left);
  }
  MakePod(look);
}

void JobReconciler::MakePod(Look& look) {
  Json pod = JobPod(look.job, random_);
  const std::string name = kube::NameOf(pod);
  look.counts.active = 1;
  objects_.Create(kPods, std::move(pod),
                  [events = events_, job = look.job, name,
                   expected = look.batch->Expect()](Result<Json> made) mutable {
                    if (made.ok()) events(job, false, "SuccessfulCreate", "Created pod: " + name);
                    expected(std::move(made));
                  });
}

void JobReconciler::DeleteActivePods(Look& look) {
  for (const std::string& pod : look.active) {
    objects_.Delete(kPods, look.key.name_space, pod, kube::Propagation::kBackground,
                    look.batch->Expect(StatusCode::kNotFound));
    events_(look.job, false, "SuccessfulDelete", "Deleted pod: " + pod);
  }
  look.counts.active = look.counts.ready = 0;
}

void JobReconciler::WriteStatus(Look& look) {
  const Json before = StatusOf(look.job);
  Json status = JobStatus(before, look.counts, look.end, executor_.clock().WallNow());
  if (status == before) return;
  if (look.end.is_complete) events_(look.job, false, "Completed", "Job completed");
  if (!look.end.failure.empty()) events_(look.job, true, look.end.failure, look.end.message);
  Json changed = look.job;
  changed["status"] = std::move(status);
  objects_.Update(kJobs, std::move(changed), Part::kStatus,
                  look.batch->Expect(StatusCode::kNotFound));
}

// spec.ttlSecondsAfterFinished.
void JobReconciler::RemoveWhenOld(Look& look) {
  const Json* seconds = FindPath(look.job, {"spec", "ttlSecondsAfterFinished"});
  const Json* conditions = FindPath(look.job, {"status", "conditions"});
  if (seconds == nullptr || !seconds->is_number_integer() || conditions->empty()) return;
  const auto end = ReadTimestamp(kube::TextAt(conditions->back(), {"lastTransitionTime"}));
  if (!end) return;
  const Duration left = *end + SecondsOf(seconds->get<int64_t>()) - executor_.clock().WallNow();
  if (left.count() > 0) return look.batch->LookAgainAfter(left);
  objects_.Delete(kJobs, look.key.name_space, look.key.name, kube::Propagation::kBackground,
                  look.batch->Expect(StatusCode::kNotFound));
}

void JobReconciler::StopOrphans() {
  for (const launcher::JobRunStatus& run : launcher_.List()) {
    if (run.phase == launcher::JobRunPhase::kStopping) continue;
    const auto pod = objects_.Get(kPods, run.name_space, run.pod);
    if (pod.ok() || pod.status().code() != StatusCode::kNotFound) continue;
    launcher_.Stop(run.name_space, run.pod);
  }
}

}  // namespace throng::reconcilers
