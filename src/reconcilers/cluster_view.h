// ClusterView: what the reconcilers need to know of all objects at once, kept up to date by
// watches: which models an InferenceService has and how much memory they were granted, its pods,
// and the configuration. Full objects of the many TrainedModels are not kept. One executor.
//
// Whoever changes is told: OnChange says which InferenceServices and TrainedModels are to be looked
// at again.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "admission/hosting.h"
#include "admission/trained_model_rules.h"
#include "controller/work_queue.h"
#include "kube/objects.h"

namespace throng::reconcilers {

using controller::ObjectKey;

inline constexpr std::string_view kInferenceServices = "inferenceservices.serving.kubeflow.org";
inline constexpr std::string_view kTrainedModels = "trainedmodels.serving.kubeflow.org";
inline constexpr std::string_view kPods = "pods";
inline constexpr std::string_view kConfigMaps = "configmaps";
inline constexpr std::string_view kModelAssignments = "modelassignments.throng.dev";
inline constexpr std::string_view kGatewayRoutes = "gatewayroutes.throng.dev";
inline constexpr std::string_view kAllocatedLabel = "serving.kubeflow.org/trainedmodel-allocated";
inline constexpr std::string_view kParentLabel = "inferenceservice";
inline constexpr std::string_view kRevisionLabel = "serving.knative.dev/revision";

struct ServiceView {
  kube::Json object;
  std::string uid;
  admission::Hosting hosting;
  bool is_ready = false;
  bool deleting = false;
};

struct PodView {
  std::string name;
  std::string uid;
  std::string revision;
  bool deleting = false;
  bool operator==(const PodView&) const = default;
};

struct ControlConfig {
  admission::PredictorsConfig predictors;
  std::chrono::seconds progress_deadline{120};
};

// Tells of a ConfigMap's value that cannot be used (the last good one stays).
using BadConfig = std::function<void(const kube::Json& config_map, const std::string& message)>;

class ClusterView {
 public:
  struct Changes {
    std::function<void(const ObjectKey&)> inference_service;
    std::function<void(const ObjectKey&)> trained_model;
  };

  ClusterView(kube::Objects& objects, Changes changes, BadConfig bad_config);

  // Null: there is none.
  const ServiceView* Service(const ObjectKey& key) const;
  const admission::TrainedModelView* Model(const ObjectKey& key) const;
  // By name.
  const std::map<std::string, PodView>& Pods(const ObjectKey& service) const;
  const std::set<std::string>& Models(const ObjectKey& service) const;
  const ControlConfig& config() const { return config_; }
  // Has all services and models looked at again.
  void LookAtAll() const;
  // The one whose pod it is; nothing when there is no such pod.
  std::optional<ObjectKey> ServiceOfPod(const ObjectKey& pod) const;

  // Grants the model its declared memory in its InferenceService, first come first served; true as
  // well when it has been granted before. Granted memory is kept until the model is deleted or
  // moved.
  bool Grant(const ObjectKey& model);
  // Bytes granted to all models of the service.
  uint64_t GrantedBytes(const ObjectKey& service) const;

 private:
  struct Group {  // of an InferenceService, there or not
    std::set<std::string> models;
    std::map<std::string, PodView> pods;
    std::map<std::string, uint64_t> granted;  // by model
    uint64_t granted_bytes = 0;
  };

  void OnService(kube::EventKind kind, const kube::Json& object);
  void OnModel(kube::EventKind kind, const kube::Json& object);
  void OnPod(kube::EventKind kind, const kube::Json& object);
  void OnConfigMap(kube::EventKind kind, const kube::Json& object);
  void DropModel(const ObjectKey& key, const std::string& service);
  void ReadPredictors(const kube::Json& object);
  void ReadDeployment(const kube::Json& object);
  void LookAtModels(const ObjectKey& service) const;

  kube::Objects& objects_;
  const Changes changes_;
  const BadConfig bad_config_;
  ControlConfig config_;
  std::map<ObjectKey, ServiceView> services_;
  std::map<ObjectKey, admission::TrainedModelView> models_;
  std::map<ObjectKey, ObjectKey> service_of_pod_;
  std::map<ObjectKey, Group> groups_;
  std::vector<std::unique_ptr<kube::ObjectWatch>> watches_;
};

}  // namespace throng::reconcilers
