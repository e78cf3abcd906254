#include "reconcilers/inference_service_reconciler.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "reconcilers/replica_pods.h"
#include "reconcilers/trained_model_status.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::Part;
using kube::TextAt;
using launcher::ReplicaPhase;

constexpr std::string_view kFinalizer = "inferenceservice.finalizers";
// "00002-69c9964bc4": number and hash of the latest revision.
constexpr std::string_view kRevisionAnnotation = "throng.dev/revision";
constexpr size_t kRevisionDigits = 5;

struct Revision {
  int number = 0;    // 0: none yet
  std::string hash;  // empty: not known
};

Revision ReadRevision(const Json& object) {
  const std::string text = kube::AnnotationOf(object, kRevisionAnnotation);
  Revision revision;
  if (text.size() <= kRevisionDigits) return revision;
  std::from_chars(text.data(), text.data() + kRevisionDigits, revision.number);
  revision.hash = text.substr(kRevisionDigits + 1);
  return revision;
}

// The same from what else there is: whoever replaces an object drops the annotations that he does
// not know. A revision that replicas run must not be made a second time.
Revision FindRevision(const Json& object, const std::vector<const PodView*>& pods) {
  const std::string service = kube::NameOf(object);
  Revision revision{
      .number = RevisionNumber(
          service, TextAt(object, {"status", "components", "predictor", "latestReadyRevision"})),
      .hash = ""};
  for (const PodView* pod : pods) {
    const int number = RevisionNumber(service, pod->revision);
    if (number < revision.number) continue;
    revision = {.number = number, .hash = TemplateHashOf(pod->name, pod->revision)};
  }
  return revision;
}

// Pods carry the revision's name as a label.
Status CheckName(const std::string& name) {
  const size_t most = limits::kLabelValueBytes - RevisionName("", 1).size();
  if (name.size() <= most) return OkStatus();
  return InvalidArgumentError("metadata.name must have at most " + std::to_string(most) +
                              " characters, so that its revisions can be labels");
}

}  // namespace

struct InferenceServiceReconciler::Look {
  ObjectKey key;
  Json object;
  std::shared_ptr<WriteBatch> batch;
  Result<admission::ReplicaTemplate> replica = InvalidArgumentError("not read");
  Status invalid;
  std::string invalid_reason;
  std::string latest;                // name of the latest revision
  std::vector<const PodView*> pods;  // that are not being deleted
  std::set<std::string> routable;    // settled, of all revisions
  std::set<std::string> route;       // those that requests go to
  bool created_pods = false;
};

namespace {

template <typename Look>
Revision LastRevision(const Look& look) {
  const Revision revision = ReadRevision(look.object);
  return revision.number > 0 ? revision : FindRevision(look.object, look.pods);
}

}  // namespace

InferenceServiceReconciler::InferenceServiceReconciler(Executor& executor, Random& random,
                                                       kube::Objects& objects, ClusterView& view,
                                                       ReplicaReports& reports, RouteTable& routes,
                                                       launcher::ReplicaLauncher& launcher,
                                                       EventSink events, ServiceOptions options)
    : executor_(executor),
      random_(random),
      objects_(objects),
      view_(view),
      reports_(reports),
      routes_(routes),
      launcher_(launcher),
      events_(std::move(events)),
      options_(std::move(options)) {}

void InferenceServiceReconciler::Reconcile(const ObjectKey& key,
                                           controller::WorkQueue::Finished finished) {
  Look look{.key = key, .object = {}, .batch = WriteBatch::Begin(std::move(finished))};
  StopOrphans();
  auto object = objects_.Get(kInferenceServices, key.name_space, key.name);
  if (!object.ok()) {
    if (object.status().code() != StatusCode::kNotFound) return look.batch->Fail(object.status());
    routes_.Erase(key);
    waiting_since_.erase(key);
    objects_.Delete(kGatewayRoutes, key.name_space, key.name, kube::Propagation::kBackground,
                    look.batch->ExpectAt("controllers.route.deleted", StatusCode::kNotFound));
    return;
  }
  look.object = std::move(*object);
  for (const auto& [name, pod] : view_.Pods(key)) {
    if (!pod.deleting) look.pods.push_back(&pod);
  }
  if (!kube::DeletionTimestampOf(look.object).empty()) return Remove(look);
  ReconcileLive(look);
}

void InferenceServiceReconciler::ReconcileLive(Look& look) {
  look.replica = admission::ReadReplicaTemplate(look.object);
  if (look.invalid = CheckName(look.key.name); !look.invalid.ok()) {
    look.invalid_reason = "InvalidName";
  } else if (!look.replica.ok()) {
    look.invalid = look.replica.status();
    look.invalid_reason = "InvalidSpec";
  } else if (options_.check_arguments) {
    look.invalid = options_.check_arguments(look.replica->arguments);
    look.invalid_reason = "InvalidArgument";
  }
  // One write at a time: its event brings the next look.
  if (WriteMetadata(look)) return;
  look.latest = RevisionName(look.key.name, std::max(LastRevision(look).number, 1));
  if (look.invalid.ok()) MakePods(look);
  RunReplicas(look);
  FindRoutable(look);
  RetireOldRevisions(look);
  WriteRoute(look);
  WritePodStatuses(look);
  // What an earlier life of the control plane said stays until the agents have said it again.
  const Duration wait = reports_.WaitFor(look.key.name_space, look.route, executor_.clock().Now());
  if (wait.count() > 0) return look.batch->LookAgainAfter(wait);
  WriteStatus(look);
}

bool InferenceServiceReconciler::WriteMetadata(Look& look) {
  Json changed = look.object;
  Json& metadata = changed["metadata"];
  const auto finalizers = kube::FinalizersOf(look.object);
  if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) {
    if (!metadata["finalizers"].is_array()) metadata["finalizers"] = Json::array();
    metadata["finalizers"].push_back(kFinalizer);
  }
  if (look.invalid.ok()) {
    const Revision revision = LastRevision(look);
    const std::string hash = TemplateHash(*look.replica);
    const bool is_new = revision.hash != hash;
    if (is_new || ReadRevision(look.object).number == 0) {
      const std::string name = RevisionName("", is_new ? revision.number + 1 : revision.number);
      metadata["annotations"][std::string(kRevisionAnnotation)] =
          name.substr(name.size() - kRevisionDigits) + "-" + hash;
    }
  }
  if (changed == look.object) return false;
  objects_.Update(kInferenceServices, std::move(changed), Part::kAllButStatus,
                  look.batch->ExpectAt("controllers.revision.written"));
  return true;
}

void InferenceServiceReconciler::MakePods(Look& look) {
  std::vector<const PodView*> latest;
  for (const PodView* pod : look.pods) {
    if (pod->revision == look.latest) latest.push_back(pod);
  }
  const auto wanted = static_cast<size_t>(look.replica->min_replicas);
  // The view may not have heard of pods that were just made; the store has.
  const size_t stored = latest.size() < wanted ? CountStoredPods(look) : latest.size();
  for (size_t count = std::max(stored, latest.size()); count < wanted; ++count) {
    objects_.Create(kPods, ReplicaPod(look.object, look.latest, *look.replica, random_),
                    look.batch->ExpectAt("controllers.pod.created"));
    look.created_pods = true;
  }
  // Fewer are wanted: those that answer stay longest.
  std::stable_partition(latest.begin(), latest.end(),
                        [&](const PodView* pod) { return routes_.Contains(look.key, pod->name); });
  for (size_t i = wanted; i < latest.size(); ++i) DeletePod(look, latest[i]->name);
}

size_t InferenceServiceReconciler::CountStoredPods(const Look& look) const {
  size_t count = 0;
  for (const Json& pod : objects_.List(kPods, look.key.name_space)) {
    count +=
        kube::LabelOf(pod, kRevisionLabel) == look.latest && kube::DeletionTimestampOf(pod).empty();
  }
  return count;
}

void InferenceServiceReconciler::DeletePod(Look& look, const std::string& pod) {
  objects_.Delete(kPods, look.key.name_space, pod, kube::Propagation::kBackground,
                  look.batch->ExpectAt("controllers.pod.deleted", StatusCode::kNotFound));
  look.pods.erase(std::remove_if(look.pods.begin(), look.pods.end(),
                                 [&pod](const PodView* known) { return known->name == pod; }),
                  look.pods.end());
}

void InferenceServiceReconciler::RunReplicas(Look& look) {
  const std::vector<const PodView*> pods = look.pods;
  for (const PodView* pod : pods) {
    if (pod->revision != look.latest || !look.invalid.ok()) {
      // What an earlier revision ran with is known to its replica only.
      if (!launcher_.Find(look.key.name_space, pod->name)) DeletePod(look, pod->name);
      continue;
    }
    const Status started = launcher_.Start({.name_space = look.key.name_space,
                                            .pod = pod->name,
                                            .inference_service = look.key.name,
                                            .server_arguments = look.replica->arguments,
                                            .environment = look.replica->environment,
                                            .memory_limit_bytes = look.replica->memory_limit_bytes,
                                            .compute_threads = look.replica->compute_threads});
    if (started.ok()) continue;
    if (started.code() == StatusCode::kAlreadyExists) {
      DeletePod(look, pod->name);  // it runs with something else: another one takes its place
      continue;
    }
    look.batch->Fail(started);
    look.invalid = started;
    look.invalid_reason = "ReplicaFailed";
  }
}

bool InferenceServiceReconciler::IsRoutable(const ObjectKey& pod,
                                            const std::set<std::string>& models) {
  const auto replica = launcher_.Find(pod.name_space, pod.name);
  if (!replica || replica->phase != ReplicaPhase::kReady) return false;
  const auto known = settled_.find(pod);
  if (known != settled_.end() && known->second == replica->server_life) return true;
  const ReplicaReport* report = reports_.Find(pod);
  if (!reports_.HasSpoken(pod)) {
    const auto object = objects_.Get(kPods, pod.name_space, pod.name);
    if (!object.ok() || !WasReadyInThisLife(*object, *replica)) return false;
    settled_[pod] = replica->server_life;
    return true;
  }
  if (report->server != replica->server_life) return false;
  for (const std::string& name : models) {
    const auto copy = report->copies.find(name);
    const bool is_settled =
        copy != report->copies.end() && (copy->second.loaded || copy->second.failures > 0);
    if (is_settled) continue;
    if (objects_.Get(kModelAssignments, pod.name_space, pod.name + "." + name).ok()) return false;
  }
  settled_[pod] = replica->server_life;
  return true;
}

void InferenceServiceReconciler::FindRoutable(Look& look) {
  const std::set<std::string>& models = view_.Models(look.key);
  bool latest_complete = look.invalid.ok() && !look.created_pods;
  size_t latest_count = 0;
  std::set<std::string> latest;
  for (const PodView* pod : look.pods) {
    const bool routable = IsRoutable({look.key.name_space, pod->name}, models);
    if (routable) look.routable.insert(pod->name);
    if (pod->revision != look.latest) continue;
    ++latest_count;
    if (routable) latest.insert(pod->name);
    latest_complete = latest_complete && routable;
  }
  // The latest revision takes over when all of it is ready; until then the one before answers, and
  // when there is none, as much of the latest as there is.
  std::set<std::string> others;
  std::set_difference(look.routable.begin(), look.routable.end(), latest.begin(), latest.end(),
                      std::inserter(others, others.end()));
  const bool switched = latest_complete && latest_count > 0;
  look.route = switched || others.empty() ? latest : others;
}

void InferenceServiceReconciler::RetireOldRevisions(Look& look) {
  const bool latest_answers =
      std::any_of(look.pods.begin(), look.pods.end(), [&](const PodView* pod) {
        return pod->revision == look.latest && look.route.contains(pod->name);
      });
  if (!latest_answers) return;
  const std::vector<const PodView*> pods = look.pods;
  for (const PodView* pod : pods) {
    if (pod->revision != look.latest && !look.route.contains(pod->name)) DeletePod(look, pod->name);
  }
}

void InferenceServiceReconciler::WriteRoute(Look& look) {
  Json replicas = Json::array();
  for (const std::string& pod : look.route) {
    const auto replica = launcher_.Find(look.key.name_space, pod);
    if (!replica) continue;
    replicas.push_back({{"pod", pod}, {"address", replica->address}, {"port", replica->http_port}});
  }
  Json spec = {{"hosts", HostsOf(look.key.name_space, look.key.name, options_.domain)},
               {"replicas", std::move(replicas)}};
  const auto known = objects_.Get(kGatewayRoutes, look.key.name_space, look.key.name);
  if (!known.ok()) {
    objects_.Create(kGatewayRoutes,
                    {{"apiVersion", "throng.dev/v1alpha1"},
                     {"kind", "GatewayRoute"},
                     {"metadata", {{"name", look.key.name}, {"namespace", look.key.name_space}}},
                     {"spec", std::move(spec)}},
                    look.batch->ExpectAt("controllers.route.written", StatusCode::kAlreadyExists));
  } else if (const Json* before = kube::FindPath(*known, {"spec"});
             before == nullptr || *before != spec) {
    Json changed = *known;
    changed["spec"] = std::move(spec);
    objects_.Update(kGatewayRoutes, std::move(changed), Part::kAllButStatus,
                    look.batch->ExpectAt("controllers.route.written"));
  }
  if (routes_.Set(look.key, look.route) && on_route_change_) on_route_change_(look.key);
}

void InferenceServiceReconciler::WritePodStatuses(Look& look) {
  for (const PodView* view : look.pods) {
    auto pod = objects_.Get(kPods, look.key.name_space, view->name);
    if (!pod.ok()) continue;
    const auto replica = launcher_.Find(look.key.name_space, view->name);
    const Json* before = kube::FindPath(*pod, {"status"});
    const Json none = Json::object();
    Json status =
        ReplicaPodStatus(before == nullptr ? none : *before, replica ? &*replica : nullptr,
                         look.route.contains(view->name), executor_.clock().WallNow());
    if (before != nullptr && *before == status) continue;
    Json changed = std::move(*pod);
    changed["status"] = std::move(status);
    objects_.Update(kPods, std::move(changed), Part::kStatus,
                    look.batch->ExpectAt("controllers.pod.status_written", StatusCode::kNotFound));
  }
}

void InferenceServiceReconciler::CheckDeadline(Look& look, ServiceFacts& facts) {
  const bool latest_answers =
      std::any_of(facts.replicas.begin(), facts.replicas.end(), [&](const ServiceReplica& replica) {
        return replica.in_route && replica.revision == look.latest;
      });
  if (latest_answers) {
    waiting_since_.erase(look.key);
    return;
  }
  auto& [revision, since] = waiting_since_[look.key];
  const MonotonicTime now = executor_.clock().Now();
  if (revision != look.latest) {
    revision = look.latest;
    since = now;
  }
  const auto deadline = view_.config().progress_deadline;
  facts.deadline_seconds = deadline.count();
  facts.deadline_exceeded = now - since >= deadline;
  if (!facts.deadline_exceeded) look.batch->LookAgainAfter(deadline - (now - since));
}

void InferenceServiceReconciler::CountModels(const Look& look, ServiceFacts& facts) const {
  const std::set<std::string>& models = view_.Models(look.key);
  facts.models = models.size();
  std::set<std::string> failed;
  for (const PodView* pod : look.pods) {
    const ReplicaReport* report = reports_.Find({look.key.name_space, pod->name});
    if (report == nullptr) continue;
    for (const auto& [name, copy] : report->copies) {
      if (copy.failures == 0 || copy.state == CopyState::kLoaded || !models.contains(name))
        continue;
      if (failed.insert(name).second && facts.last_failure.empty()) {
        facts.last_failure = name + ": " + copy.message;
      }
    }
  }
  facts.failed_models = failed.size();
}

void InferenceServiceReconciler::TellOfScaling(const Look& look, const Json& before,
                                               const Json& after) const {
  const auto message_of = [](const Json& status) {
    const Json* conditions = kube::FindPath(status, {"conditions"});
    if (conditions == nullptr || !conditions->is_array()) return std::string();
    for (const Json& condition : *conditions) {
      if (TextAt(condition, {"type"}) == "ScalingActive") return TextAt(condition, {"message"});
    }
    return std::string();
  };
  const std::string message = message_of(after);
  if (message.empty() || message == message_of(before)) return;
  events_(look.object, true, "AutoscalingUnavailable", message);
}

void InferenceServiceReconciler::WriteStatus(Look& look) {
  ServiceFacts facts{.name_space = look.key.name_space,
                     .name = look.key.name,
                     .domain = options_.domain,
                     .latest_revision = look.latest,
                     .wanted_replicas = look.replica.ok()
                                            ? static_cast<size_t>(look.replica->min_replicas)
                                            : size_t{1},
                     .generation = kube::GenerationOf(look.object)};
  facts.ingress = routes_.ingress();
  const Json* most = kube::FindPath(look.object, {"spec", "predictor", "maxReplicas"});
  if (most != nullptr && most->is_number_integer()) facts.max_replicas = most->get<int64_t>();
  if (!look.invalid.ok()) {
    facts.invalid_reason = look.invalid_reason;
    facts.invalid_message = look.invalid.message();
  }
  for (const PodView* pod : look.pods) {
    const auto replica = launcher_.Find(look.key.name_space, pod->name);
    const bool broken =
        replica && (replica->phase == ReplicaPhase::kBackOff || replica->agent_waits);
    facts.replicas.push_back({.pod = pod->name,
                              .revision = pod->revision,
                              .in_route = look.route.contains(pod->name),
                              .problem = broken ? replica->last_end : ""});
  }
  CheckDeadline(look, facts);
  CountModels(look, facts);
  const Json* before = kube::FindPath(look.object, {"status"});
  const Json none = Json::object();
  const Json& old = before == nullptr ? none : *before;
  Json status = InferenceServiceStatus(facts, old, executor_.clock().WallNow());
  if (old == status) return;
  for (const Announcement& told : AnnouncementsOf("InferenceService", old, status)) {
    events_(look.object, told.is_warning, told.reason, told.message);
  }
  const auto reason_of = [](const Json& from) {
    const Json* conditions = kube::FindPath(from, {"conditions"});
    if (conditions == nullptr) return std::string();
    for (const Json& condition : *conditions) {
      if (TextAt(condition, {"type"}) == "PredictorReady") return TextAt(condition, {"reason"});
    }
    return std::string();
  };
  const std::string reason = reason_of(status);
  if (reason != reason_of(old) && reason != "ReplicaStarting" && !reason.empty()) {
    for (const Json& condition : status["conditions"]) {
      if (TextAt(condition, {"type"}) == "PredictorReady") {
        events_(look.object, true, reason, TextAt(condition, {"message"}));
      }
    }
  }
  TellOfScaling(look, old, status);
  Json changed = look.object;
  changed["status"] = std::move(status);
  objects_.Update(kInferenceServices, std::move(changed), Part::kStatus,
                  look.batch->ExpectAt("controllers.service.status_written"));
}

void InferenceServiceReconciler::StopOrphans() {
  for (const launcher::ReplicaStatus& replica : launcher_.List()) {
    const ObjectKey pod{replica.name_space, replica.pod};
    if (view_.ServiceOfPod(pod) || replica.phase == ReplicaPhase::kStopping) continue;
    const auto object = objects_.Get(kPods, replica.name_space, replica.pod);
    if (object.ok() || object.status().code() != StatusCode::kNotFound) continue;
    launcher_.Stop(replica.name_space, replica.pod, options_.drain_grace);
    reports_.Forget(pod);
    settled_.erase(pod);
  }
}

void InferenceServiceReconciler::Remove(Look& look) {
  routes_.Set(look.key, {});
  objects_.Delete(kGatewayRoutes, look.key.name_space, look.key.name,
                  kube::Propagation::kBackground,
                  look.batch->ExpectAt("controllers.route.deleted", StatusCode::kNotFound));
  const std::vector<const PodView*> pods = look.pods;
  for (const PodView* pod : pods) DeletePod(look, pod->name);
  if (!view_.Pods(look.key).empty()) return;  // comes again when they are gone
  const auto finalizers = kube::FinalizersOf(look.object);
  if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) return;
  Json changed = look.object;
  Json kept = Json::array();
  for (const std::string& finalizer : finalizers) {
    if (finalizer != kFinalizer) kept.push_back(finalizer);
  }
  changed["metadata"]["finalizers"] = std::move(kept);
  objects_.Update(
      kInferenceServices, std::move(changed), Part::kAllButStatus,
      look.batch->ExpectAt("controllers.service.finalizer_removed", StatusCode::kNotFound));
}

}  // namespace throng::reconcilers
