// Controllers: the reconcilers with their queues, and what makes each look at what. The one door to
// this folder. On the control plane's executor.
//
//   Controllers controllers(executor, random, objects, launcher, job_launcher, logger, events,
//                           options);
//   controllers.Report("default", pod, body);  // what an agent posted
#pragma once

#include <memory>
#include <string>

#include "base/executor.h"
#include "base/log.h"
#include "base/random.h"
#include "controller/work_queue.h"
#include "kube/objects.h"
#include "launcher/job_launcher.h"
#include "launcher/replica_launcher.h"
#include "reconcilers/cluster_view.h"
#include "reconcilers/credentials/credential_view.h"
#include "reconcilers/inference_service_reconciler.h"
#include "reconcilers/job_reconciler.h"
#include "reconcilers/replica_reports.h"
#include "reconcilers/routes.h"
#include "reconcilers/trained_model_reconciler.h"

namespace throng::reconcilers {

class Controllers {
 public:
  Controllers(Executor& executor, Random& random, kube::Objects& objects,
              launcher::ReplicaLauncher& launcher, launcher::JobLauncher& job_launcher,
              const Logger& logger, EventSink events, ServiceOptions options);

  // ERRORS: kNotFound — no such replica (409 for the agent), kInvalidArgument, kResourceExhausted.
  Status Report(const std::string& name_space, const std::string& pod, const kube::Json& body);

  // What the agent of a replica needs for fetching: {"sets":{VERSION: document}}. For it alone.
  // ERRORS: kNotFound — no such replica.
  Result<kube::Json> Credentials(const std::string& name_space, const std::string& pod);

  // Of a create or an update of a user: the rules of admission. `old` is null for a create. ERRORS:
  // kInvalidArgument, kPermissionDenied — refused as KServe's webhook does, with its message.
  Status Admit(const kube::Json* old, const kube::Json& object) const;

  // Where clients on this machine reach the ingress ("127.0.0.1:40575"), for what statuses tell.
  void SetIngress(std::string address);

  // Nothing waits and nothing is being looked at.
  bool idle() const { return services_queue_.size() == 0 && models_queue_.size() == 0; }

 private:
  void OnFailure(std::string_view what, const ObjectKey& key, const Status& status) const;
  Status AdmitModel(const kube::Json* old, const kube::Json& object) const;

  const Logger& logger_;
  ReplicaReports reports_;
  RouteTable routes_;
  controller::WorkQueue services_queue_;
  controller::WorkQueue models_queue_;
  controller::WorkQueue jobs_queue_;
  CredentialView credentials_;
  ClusterView view_;
  InferenceServiceReconciler services_;
  TrainedModelReconciler models_;
  JobReconciler jobs_;
};

}  // namespace throng::reconcilers
