#include "reconcilers/controllers.h"

#include <utility>

#include "kube/object_meta.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::TextAt;

BadConfig TellBadConfig(const EventSink& events) {
  return [events](const Json& config_map, const std::string& message) {
    events(config_map, true, "ConfigInvalid", message + "; the last good value stays in force");
  };
}

}  // namespace

Controllers::Controllers(Executor& executor, Random& random, kube::Objects& objects,
                         launcher::ReplicaLauncher& launcher, launcher::JobLauncher& job_launcher,
                         const Logger& logger, EventSink events, ServiceOptions options)
    : logger_(logger),
      reports_(executor.clock().Now()),
      services_queue_(
          executor, {},
          [this](const ObjectKey& key, controller::WorkQueue::Finished finished) {
            services_.Reconcile(key, std::move(finished));
          },
          [this](const ObjectKey& key, const Status& status) {
            OnFailure("InferenceService", key, status);
          }),
      models_queue_(
          executor, {},
          [this](const ObjectKey& key, controller::WorkQueue::Finished finished) {
            models_.Reconcile(key, std::move(finished));
          },
          [this](const ObjectKey& key, const Status& status) {
            OnFailure("TrainedModel", key, status);
          }),
      jobs_queue_(
          executor, {},
          [this](const ObjectKey& key, controller::WorkQueue::Finished finished) {
            jobs_.Reconcile(key, std::move(finished));
          },
          [this](const ObjectKey& key, const Status& status) { OnFailure("Job", key, status); }),
      credentials_(
          objects,
          [this](const ObjectKey& service) {
            for (const std::string& name : view_.Models(service)) {
              models_queue_.Add({service.name_space, name});
            }
          },
          events, TellBadConfig(events)),
      view_(objects,
            {.inference_service =
                 [this](const ObjectKey& key) {
                   credentials_.Forget(key);
                   services_queue_.Add(key);
                 },
             .trained_model = [this](const ObjectKey& key) { models_queue_.Add(key); }},
            TellBadConfig(events)),
      services_(executor, random, objects, view_, reports_, routes_, launcher, events,
                std::move(options)),
      models_(executor, objects, view_, credentials_, reports_, routes_, events),
      jobs_(executor, random, objects, job_launcher, events,
            [this](const ObjectKey& key) { jobs_queue_.Add(key); }) {
  services_.OnRouteChange([this](const ObjectKey& service) {
    for (const std::string& name : view_.Models(service)) {
      models_queue_.Add({service.name_space, name});
    }
  });
  reports_.OnReport([this](const ObjectKey& replica, const std::vector<std::string>& models) {
    for (const std::string& name : models) models_queue_.Add({replica.name_space, name});
    if (const auto service = view_.ServiceOfPod(replica)) services_queue_.Add(*service);
  });
  launcher.OnChange([this](const launcher::ReplicaStatus& replica, bool) {
    if (const auto service = view_.ServiceOfPod({replica.name_space, replica.pod})) {
      services_queue_.Add(*service);
    }
  });
  job_launcher.OnChange([this](const launcher::JobRunStatus& run, bool) {
    jobs_queue_.Add({run.name_space, run.job});
  });
  services_.StopOrphans();
  jobs_.StopOrphans();
}

void Controllers::SetIngress(std::string address) {
  routes_.SetIngress(std::move(address));
  view_.LookAtAll();
}

Status Controllers::Report(const std::string& name_space, const std::string& pod,
                           const Json& body) {
  if (!view_.ServiceOfPod({name_space, pod})) {
    return NotFoundError("there is no replica \"" + pod + "\"");
  }
  return reports_.Apply({name_space, pod}, body);
}

Result<Json> Controllers::Credentials(const std::string& name_space, const std::string& pod) {
  const auto key = view_.ServiceOfPod({name_space, pod});
  const ServiceView* service = key ? view_.Service(*key) : nullptr;
  if (service == nullptr) return NotFoundError("there is no replica \"" + pod + "\"");
  std::set<std::string> storage_keys = {""};
  for (const std::string& name : view_.Models(*key)) {
    if (const auto* model = view_.Model({name_space, name})) {
      storage_keys.insert(model->storage_key);
    }
  }
  return credentials_.ForReplica(*key, service->object, storage_keys);
}

void Controllers::OnFailure(std::string_view what, const ObjectKey& key,
                            const Status& status) const {
  // Somebody else wrote in between: comes again by itself, and is nobody's fault.
  if (status.code() == StatusCode::kAborted) return;
  THRONG_LOG_WARNING(logger_) << what << " " << key.name_space << "/" << key.name
                              << " will be looked at again: " << status.ToString();
}

Status Controllers::Admit(const Json* old, const Json& object) const {
  if (TextAt(object, {"kind"}) == "TrainedModel") return AdmitModel(old, object);
  return OkStatus();
}

Status Controllers::AdmitModel(const Json* old, const Json& object) const {
  // Nothing keeps what is being deleted from being changed.
  if (!kube::DeletionTimestampOf(object).empty()) return OkStatus();
  const Json* spec = kube::FindPath(object, {"spec"});
  const Json* spec_before = old == nullptr ? nullptr : kube::FindPath(*old, {"spec"});
  if (const Status checked = admission::CheckTrainedModel(old, object); !checked.ok()) {
    return PermissionDeniedError(checked.message());
  }
  if (spec != nullptr && spec_before != nullptr && *spec == *spec_before) return OkStatus();
  THRONG_ASSIGN_OR_RETURN(const admission::TrainedModelView model,
                          admission::ReadTrainedModel(object));
  const ObjectKey service_key{model.name_space, model.inference_service};
  const ServiceView* service = view_.Service(service_key);
  // One that comes later is waited for; then the same rules are kept by the controller.
  if (service == nullptr || !service->hosting.is_multi_model) return OkStatus();
  if (!admission::SupportsFramework(service->hosting, model.framework)) {
    return PermissionDeniedError("Inference Service \"" + model.inference_service +
                                 "\" does not support the Trained Model \"" + model.name +
                                 "\" framework \"" + model.framework + "\"");
  }
  const bool is_here =
      old != nullptr && TextAt(*old, {"spec", "inferenceService"}) == model.inference_service;
  uint64_t declared = is_here ? 0 : model.memory_bytes;
  for (const std::string& name : view_.Models(service_key)) {
    if (!is_here && name == model.name) continue;  // it is there already, which is told later
    if (const auto* other = view_.Model({model.name_space, name})) declared += other->memory_bytes;
  }
  const uint64_t limit = service->hosting.memory_limit_bytes;
  if (!is_here && limit > 0 && declared > limit) {
    return PermissionDeniedError("Inference Service \"" + model.inference_service +
                                 "\" memory resources are not available. Trained Model \"" +
                                 model.name + "\" cannot deploy");
  }
  return OkStatus();
}

}  // namespace throng::reconcilers
