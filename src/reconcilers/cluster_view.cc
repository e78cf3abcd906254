#include "reconcilers/cluster_view.h"

#include <utility>

#include "kube/object_meta.h"
#include "reconcilers/conditions.h"

namespace throng::reconcilers {
namespace {

using kube::EventKind;
using kube::Json;
using kube::TextAt;

ObjectKey KeyOf(const Json& object) { return {kube::NamespaceOf(object), kube::NameOf(object)}; }

// The InferenceService that owns a pod.
std::string OwnerOf(const Json& pod) {
  for (const kube::OwnerReference& owner : kube::OwnerReferencesOf(pod)) {
    if (owner.kind == "InferenceService") return owner.name;
  }
  return "";
}

// What of a service the models depend on.
bool SameForModels(const ServiceView& a, const ServiceView& b) {
  return a.uid == b.uid && a.hosting == b.hosting && a.is_ready == b.is_ready &&
         a.deleting == b.deleting &&
         // Where their credentials are.
         kube::AnnotationsOf(a.object) == kube::AnnotationsOf(b.object) &&
         TextAt(a.object, {"spec", "predictor", "serviceAccountName"}) ==
             TextAt(b.object, {"spec", "predictor", "serviceAccountName"}) &&
         TextAt(a.object, {"status", "url"}) == TextAt(b.object, {"status", "url"});
}

}  // namespace

ClusterView::ClusterView(kube::Objects& objects, Changes changes, BadConfig bad_config)
    : objects_(objects), changes_(std::move(changes)), bad_config_(std::move(bad_config)) {
  const auto watch = [this](std::string_view resource,
                            void (ClusterView::*handler)(EventKind, const Json&)) {
    // At once, so that nothing is decided on half of what there is; the watch tells it again.
    for (const Json& object : objects_.List(resource, "")) {
      (this->*handler)(EventKind::kAdded, object);
    }
    watches_.push_back(objects_.Watch(
        resource,
        [this, handler](EventKind kind, const Json& object) { (this->*handler)(kind, object); }));
  };
  watch(kConfigMaps, &ClusterView::OnConfigMap);
  watch(kInferenceServices, &ClusterView::OnService);
  watch(kPods, &ClusterView::OnPod);
  watch(kTrainedModels, &ClusterView::OnModel);
}

const ServiceView* ClusterView::Service(const ObjectKey& key) const {
  const auto found = services_.find(key);
  return found == services_.end() ? nullptr : &found->second;
}

const admission::TrainedModelView* ClusterView::Model(const ObjectKey& key) const {
  const auto found = models_.find(key);
  return found == models_.end() ? nullptr : &found->second;
}

const std::map<std::string, PodView>& ClusterView::Pods(const ObjectKey& service) const {
  static const std::map<std::string, PodView> kNone;
  const auto found = groups_.find(service);
  return found == groups_.end() ? kNone : found->second.pods;
}

const std::set<std::string>& ClusterView::Models(const ObjectKey& service) const {
  static const std::set<std::string> kNone;
  const auto found = groups_.find(service);
  return found == groups_.end() ? kNone : found->second.models;
}

std::optional<ObjectKey> ClusterView::ServiceOfPod(const ObjectKey& pod) const {
  const auto found = service_of_pod_.find(pod);
  if (found == service_of_pod_.end()) return std::nullopt;
  return found->second;
}

bool ClusterView::Grant(const ObjectKey& key) {
  const admission::TrainedModelView* model = Model(key);
  if (model == nullptr) return false;
  const ObjectKey service_key{key.name_space, model->inference_service};
  const ServiceView* service = Service(service_key);
  Group& group = groups_[service_key];
  if (group.granted.contains(key.name)) return true;
  if (service == nullptr) return false;
  const uint64_t limit = service->hosting.memory_limit_bytes;
  if (limit > 0 && model->memory_bytes > limit - std::min(limit, group.granted_bytes)) return false;
  group.granted[key.name] = model->memory_bytes;
  group.granted_bytes += model->memory_bytes;
  return true;
}

uint64_t ClusterView::GrantedBytes(const ObjectKey& service) const {
  const auto found = groups_.find(service);
  return found == groups_.end() ? 0 : found->second.granted_bytes;
}

void ClusterView::OnService(EventKind kind, const Json& object) {
  const ObjectKey key = KeyOf(object);
  const auto known = services_.find(key);
  if (kind == EventKind::kDeleted) {
    if (known != services_.end()) services_.erase(known);
    LookAtModels(key);
    return changes_.inference_service(key);
  }
  ServiceView view{.object = object,
                   .uid = kube::UidOf(object),
                   .hosting = admission::ReadHosting(object, config_.predictors),
                   .is_ready = IsConditionTrue(object, "Ready"),
                   .deleting = !kube::DeletionTimestampOf(object).empty()};
  const bool same = known != services_.end() && SameForModels(known->second, view);
  services_[key] = std::move(view);
  if (!same) LookAtModels(key);
  changes_.inference_service(key);
}

void ClusterView::OnModel(EventKind kind, const Json& object) {
  const ObjectKey key = KeyOf(object);
  const auto known = models_.find(key);
  const std::string service_before = known == models_.end() ? "" : known->second.inference_service;
  if (kind == EventKind::kDeleted) {
    if (known != models_.end()) models_.erase(known);
    DropModel(key, service_before);
    return changes_.trained_model(key);
  }
  auto view = admission::ReadTrainedModel(object);
  // What admission lets in can be read; an object that cannot is one of an older version.
  if (!view.ok()) return changes_.trained_model(key);
  if (!service_before.empty() && service_before != view->inference_service) {
    DropModel(key, service_before);
  }
  const ObjectKey service{key.name_space, view->inference_service};
  Group& group = groups_[service];
  group.models.insert(key.name);
  if (kube::LabelOf(object, kAllocatedLabel) == view->inference_service &&
      group.granted.emplace(key.name, view->memory_bytes).second) {
    group.granted_bytes += view->memory_bytes;
  }
  models_[key] = std::move(*view);
  changes_.trained_model(key);
}

void ClusterView::DropModel(const ObjectKey& key, const std::string& service) {
  const auto found = groups_.find({key.name_space, service});
  if (found == groups_.end()) return;
  Group& group = found->second;
  group.models.erase(key.name);
  const auto granted = group.granted.find(key.name);
  if (granted != group.granted.end()) {
    group.granted_bytes -= granted->second;
    group.granted.erase(granted);
    // There is memory now for those that wait for it.
    for (const std::string& name : group.models) {
      if (!group.granted.contains(name)) changes_.trained_model({key.name_space, name});
    }
  }
  if (group.models.empty() && group.pods.empty()) groups_.erase(found);
}

void ClusterView::OnPod(EventKind kind, const Json& object) {
  const ObjectKey key = KeyOf(object);
  const std::string owner = OwnerOf(object);
  if (owner.empty()) return;
  const ObjectKey service{key.name_space, owner};
  Group& group = groups_[service];
  if (kind == EventKind::kDeleted) {
    group.pods.erase(key.name);
    service_of_pod_.erase(key);
    LookAtModels(service);
    return changes_.inference_service(service);
  }
  PodView view{.name = key.name,
               .uid = kube::UidOf(object),
               .revision = kube::LabelOf(object, kRevisionLabel),
               .deleting = !kube::DeletionTimestampOf(object).empty()};
  const auto known = group.pods.find(key.name);
  const bool same = known != group.pods.end() && known->second == view;
  group.pods[key.name] = std::move(view);
  service_of_pod_[key] = service;
  if (!same) LookAtModels(service);
  changes_.inference_service(service);
}

void ClusterView::OnConfigMap(EventKind kind, const Json& object) {
  if (kind == EventKind::kDeleted) return;
  const ObjectKey key = KeyOf(object);
  if (key.name == "inferenceservice-config" &&
      (key.name_space == "kfserving-system" || key.name_space == "kserve")) {
    ReadPredictors(object);
  } else if (key == ObjectKey{"knative-serving", "config-deployment"}) {
    ReadDeployment(object);
  }
}

void ClusterView::ReadPredictors(const Json& object) {
  const std::string text = TextAt(object, {"data", "predictors"});
  if (text.empty()) return;
  auto config = admission::ReadPredictorsConfig(text);
  if (!config.ok()) {
    return bad_config_(object, "predictors: " + config.status().message());
  }
  if (config->predictors == config_.predictors.predictors) return;
  config_.predictors = std::move(*config);
  for (auto& [key, service] : services_) {
    service.hosting = admission::ReadHosting(service.object, config_.predictors);
  }
  LookAtAll();
}

void ClusterView::ReadDeployment(const Json& object) {
  // Knative's newer name of the key is taken too; the older one is what people have in their notes.
  std::string text = TextAt(object, {"data", "progressDeadline"});
  if (text.empty()) text = TextAt(object, {"data", "progress-deadline"});
  if (text.empty()) text = "120s";
  const auto deadline = admission::ParseDurationSetting(text);
  if (!deadline.ok()) {
    return bad_config_(object, "progressDeadline: " + deadline.status().message());
  }
  if (*deadline == config_.progress_deadline) return;
  config_.progress_deadline = *deadline;
  LookAtAll();
}

void ClusterView::LookAtModels(const ObjectKey& service) const {
  for (const std::string& name : Models(service)) {
    changes_.trained_model({service.name_space, name});
  }
}

void ClusterView::LookAtAll() const {
  for (const auto& [key, service] : services_) changes_.inference_service(key);
  for (const auto& [key, model] : models_) changes_.trained_model(key);
}

}  // namespace throng::reconcilers
