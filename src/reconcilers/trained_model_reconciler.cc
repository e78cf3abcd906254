#include "reconcilers/trained_model_reconciler.h"

#include <algorithm>
#include <utility>

#include "kube/object_meta.h"
#include "reconcilers/trained_model_status.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::Part;
using kube::TextAt;

constexpr std::string_view kFinalizer = "trainedmodel.finalizer";
// How long a deletion waits for a replica that does not answer; its agent removes the model when it
// is back.
constexpr std::chrono::seconds kDeletionGrace{30};
// Until a withdrawn assignment is seen to be gone.
constexpr std::chrono::seconds kWithdrawalCheck{1};
// A label's value is shorter than some names.
constexpr size_t kLabelValueBytes = 63;

std::string AssignmentName(const std::string& pod, const std::string& model) {
  return pod + "." + model;
}

Json AssignmentSpec(const admission::TrainedModelView& model, const std::string& pod,
                    std::chrono::seconds deadline) {
  int64_t refresh_seconds = 0;
  if (const auto refresh = admission::ParseDurationSetting(model.refresh); refresh.ok()) {
    refresh_seconds = refresh->count();
  }
  return {{"replica", pod},
          {"model", model.name},
          {"uid", model.uid},
          {"generation", model.generation},
          {"storageUri", model.storage_uri},
          {"framework", model.framework},
          {"memory", model.memory},
          {"memoryBytes", model.memory_bytes},
          {"deadlineSeconds", deadline.count()},
          {"sha256", model.sha256},
          {"reload", model.reload},
          {"refreshSeconds", refresh_seconds}};
}

void RemoveFinalizer(Json& object) {
  Json kept = Json::array();
  for (const std::string& finalizer : kube::FinalizersOf(object)) {
    if (finalizer != kFinalizer) kept.push_back(finalizer);
  }
  object["metadata"]["finalizers"] = std::move(kept);
}

}  // namespace

TrainedModelReconciler::TrainedModelReconciler(Executor& executor, kube::Objects& objects,
                                               ClusterView& view, CredentialView& credentials,
                                               const ReplicaReports& reports,
                                               const RouteTable& routes, EventSink events)
    : executor_(executor),
      objects_(objects),
      view_(view),
      credentials_(credentials),
      reports_(reports),
      routes_(routes),
      events_(std::move(events)) {}

void TrainedModelReconciler::Reconcile(const ObjectKey& key,
                                       controller::WorkQueue::Finished finished) {
  const auto batch = WriteBatch::Begin(std::move(finished));
  const auto object = objects_.Get(kTrainedModels, key.name_space, key.name);
  const admission::TrainedModelView* model = view_.Model(key);
  if (!object.ok() || model == nullptr || model->uid != kube::UidOf(*object)) {
    // Gone, or the view has not caught up (then it comes again).
    if (!object.ok() && object.status().code() == StatusCode::kNotFound) {
      Withdraw(key, {}, *batch);
      if (assigned_.contains(key)) batch->LookAgainAfter(kWithdrawalCheck);
    }
    return;
  }
  if (model->deleting) return Remove(key, *object, *batch);

  const ObjectKey service_key{key.name_space, model->inference_service};
  ModelFacts facts{.model = model, .service = view_.Service(service_key)};
  facts.ingress = routes_.ingress();
  const bool is_hosted = facts.service != nullptr && facts.service->hosting.is_multi_model &&
                         !facts.service->deleting &&
                         admission::SupportsFramework(facts.service->hosting, model->framework);
  facts.memory_granted =
      is_hosted ? view_.Grant(key)
                : facts.service == nullptr || facts.service->deleting || view_.Grant(key);
  std::vector<std::string> pods;
  if (is_hosted && facts.memory_granted) {
    for (const auto& [name, pod] : view_.Pods(service_key)) {
      if (pod.deleting) continue;
      pods.push_back(name);
      facts.copies.push_back({.pod = name,
                              .in_route = routes_.Contains(service_key, name),
                              .report = reports_.FindCopy({key.name_space, name}, key.name)});
    }
  }
  Assign(key, *model, pods, *batch);
  const bool granted = is_hosted && facts.memory_granted;
  // One write at a time: the next look, which its event brings, writes the status.
  if (WriteMetadata(key, *object, granted, *batch)) return;
  // What an earlier life of the control plane said stays until the route is known again and the
  // agents have said it again.
  const MonotonicTime now = executor_.clock().Now();
  const bool has_no_route_yet = facts.service != nullptr && !routes_.Knows(service_key);
  const Duration wait = has_no_route_yet
                            ? reports_.GraceLeft(now)
                            : reports_.WaitFor(key.name_space, routes_.Of(service_key), now);
  if (wait.count() > 0) return batch->LookAgainAfter(wait);
  const Json* before = kube::FindPath(*object, {"status"});
  const Json none = Json::object();
  WriteStatus(
      *object,
      TrainedModelStatus(facts, before == nullptr ? none : *before, executor_.clock().WallNow()),
      *batch);
}

void TrainedModelReconciler::Withdraw(const ObjectKey& key, const std::vector<std::string>& pods,
                                      WriteBatch& batch) {
  const auto assigned = assigned_.find(key);
  if (assigned == assigned_.end()) return;
  // One is remembered until it is seen to be gone: a deletion that fails is tried again.
  std::erase_if(assigned->second, [&](const std::string& pod) {
    if (std::find(pods.begin(), pods.end(), pod) != pods.end()) return false;
    const std::string name = AssignmentName(pod, key.name);
    if (!objects_.Get(kModelAssignments, key.name_space, name).ok()) return true;
    objects_.Delete(kModelAssignments, key.name_space, name, kube::Propagation::kBackground,
                    batch.ExpectAt("controllers.assignment.deleted", StatusCode::kNotFound));
    return false;
  });
  if (assigned->second.empty()) assigned_.erase(assigned);
}

void TrainedModelReconciler::Assign(const ObjectKey& key, const admission::TrainedModelView& model,
                                    const std::vector<std::string>& pods, WriteBatch& batch) {
  Withdraw(key, pods, batch);
  if (pods.empty()) return;
  assigned_[key].insert(pods.begin(), pods.end());
  const Json credentials = CredentialsOf(key, model);
  for (const std::string& pod : pods) {
    const std::string name = AssignmentName(pod, key.name);
    Json spec = AssignmentSpec(model, pod, view_.config().progress_deadline);
    if (!credentials.is_null()) spec["credentials"] = credentials;
    const auto known = objects_.Get(kModelAssignments, key.name_space, name);
    if (!known.ok()) {
      objects_.Create(kModelAssignments,
                      {{"apiVersion", "throng.dev/v1alpha1"},
                       {"kind", "ModelAssignment"},
                       {"metadata", {{"name", name}, {"namespace", key.name_space}}},
                       {"spec", std::move(spec)}},
                      batch.ExpectAt("controllers.assignment.written", StatusCode::kAlreadyExists));
    } else if (const Json* before = kube::FindPath(*known, {"spec"});
               before == nullptr || *before != spec) {
      Json changed = *known;
      changed["spec"] = std::move(spec);
      objects_.Update(kModelAssignments, std::move(changed), Part::kAllButStatus,
                      batch.ExpectAt("controllers.assignment.written"));
    }
  }
}

Json TrainedModelReconciler::CredentialsOf(const ObjectKey& key,
                                           const admission::TrainedModelView& model) {
  const ObjectKey service_key{key.name_space, model.inference_service};
  const ServiceView* service = view_.Service(service_key);
  return service == nullptr ? Json() : credentials_.ForModel(service_key, service->object, model);
}

bool TrainedModelReconciler::WriteMetadata(const ObjectKey& key, const Json& object, bool granted,
                                           WriteBatch& batch) {
  const admission::TrainedModelView& model = *view_.Model(key);
  const ServiceView* service = view_.Service({key.name_space, model.inference_service});
  Json changed = object;
  Json& metadata = changed["metadata"];
  const auto finalizers = kube::FinalizersOf(object);
  if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) {
    if (!metadata["finalizers"].is_array()) metadata["finalizers"] = Json::array();
    metadata["finalizers"].push_back(kFinalizer);
  }
  if (model.inference_service.size() <= kLabelValueBytes) {
    metadata["labels"][std::string(kParentLabel)] = model.inference_service;
    if (granted) {
      metadata["labels"][std::string(kAllocatedLabel)] = model.inference_service;
    } else if (kube::LabelOf(object, kAllocatedLabel) != model.inference_service) {
      metadata["labels"].erase(std::string(kAllocatedLabel));
    }
  }
  // Owned by its InferenceService, and by no earlier one, so that it goes when that one is deleted.
  Json owners = Json::array();
  for (const kube::OwnerReference& owner : kube::OwnerReferencesOf(object)) {
    const bool other_service =
        owner.kind == "InferenceService" && owner.name != model.inference_service;
    if (!other_service) owners.push_back(kube::OwnerReferenceJson(owner));
  }
  const bool owned = std::any_of(owners.begin(), owners.end(), [](const Json& owner) {
    return TextAt(owner, {"kind"}) == "InferenceService";
  });
  if (!owned && service != nullptr && !service->deleting) {
    owners.push_back({{"apiVersion", "serving.kubeflow.org/v1beta1"},
                      {"kind", "InferenceService"},
                      {"name", model.inference_service},
                      {"uid", service->uid}});
  }
  if (!owners.empty() || metadata.contains("ownerReferences")) {
    metadata["ownerReferences"] = std::move(owners);
  }
  if (changed == object) return false;
  objects_.Update(kTrainedModels, std::move(changed), Part::kAllButStatus,
                  batch.ExpectAt("controllers.model.metadata_written"));
  return true;
}

void TrainedModelReconciler::WriteStatus(const Json& object, Json status, WriteBatch& batch) {
  const Json* before = kube::FindPath(object, {"status"});
  const Json none = Json::object();
  const Json& old = before == nullptr ? none : *before;
  if (old == status) return;
  for (const Announcement& told : AnnouncementsOf("TrainedModel", old, status)) {
    events_(object, told.is_warning, told.reason, told.message);
  }
  Json changed = object;
  changed["status"] = std::move(status);
  objects_.Update(kTrainedModels, std::move(changed), Part::kStatus,
                  batch.ExpectAt("controllers.model.status_written"));
}

bool TrainedModelReconciler::CopiesAreGone(const ObjectKey& key, const std::string& uid) const {
  const admission::TrainedModelView* model = view_.Model(key);
  if (model == nullptr) return true;
  const ObjectKey service_key{key.name_space, model->inference_service};
  // After a start: one that answers and has not reported yet holds it for all that is known.
  if (view_.Service(service_key) != nullptr && !routes_.Knows(service_key)) return false;
  for (const std::string& pod : routes_.Of(service_key)) {
    if (!reports_.HasSpoken({key.name_space, pod})) return false;
  }
  for (const auto& [name, pod] : view_.Pods(service_key)) {
    const CopyReport* copy = reports_.FindCopy({key.name_space, name}, key.name);
    if (copy != nullptr && copy->uid == uid) return false;
  }
  return true;
}

void TrainedModelReconciler::Remove(const ObjectKey& key, const Json& object, WriteBatch& batch) {
  Withdraw(key, {}, batch);
  const auto finalizers = kube::FinalizersOf(object);
  if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) return;
  const std::string since = kube::DeletionTimestampOf(object);
  const bool waited_enough = kube::Timestamp(executor_.clock().WallNow() - kDeletionGrace) >= since;
  if (!CopiesAreGone(key, kube::UidOf(object)) && !waited_enough) {
    batch.LookAgainAfter(std::chrono::seconds(1));
    return;
  }
  Json changed = object;
  RemoveFinalizer(changed);
  objects_.Update(kTrainedModels, std::move(changed), Part::kAllButStatus,
                  batch.ExpectAt("controllers.model.finalizer_removed", StatusCode::kNotFound));
}

}  // namespace throng::reconcilers
