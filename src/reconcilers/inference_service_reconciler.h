// InferenceServiceReconciler: one InferenceService: its revisions, the pods of each and the
// replicas that they are, its route, its status.
//
// A change of what replicas run with makes a new revision: its replicas start and load everything
// beside those of the old one, the route switches when all of them are ready, then the old ones are
// drained. On the control plane's executor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "controller/work_queue.h"
#include "kube/objects.h"
#include "launcher/replica_launcher.h"
#include "reconcilers/cluster_view.h"
#include "reconcilers/inference_service_status.h"
#include "reconcilers/replica_reports.h"
#include "reconcilers/routes.h"
#include "reconcilers/trained_model_reconciler.h"
#include "reconcilers/write_batch.h"

namespace throng::reconcilers {

struct ServiceOptions {
  std::string domain = "example.com";
  std::chrono::seconds drain_grace{30};
  launcher::ArgumentChecker check_arguments;
};

class InferenceServiceReconciler {
 public:
  InferenceServiceReconciler(Executor& executor, Random& random, kube::Objects& objects,
                             ClusterView& view, ReplicaReports& reports, RouteTable& routes,
                             launcher::ReplicaLauncher& launcher, EventSink events,
                             ServiceOptions options);

  void Reconcile(const ObjectKey& key, controller::WorkQueue::Finished finished);
  // Ends replicas that no pod stands for any more.
  void StopOrphans();
  // Looked at after the route of a service changed.
  void OnRouteChange(std::function<void(const ObjectKey& service)> listener) {
    on_route_change_ = std::move(listener);
  }

 private:
  struct Look;  // all that one look knows

  void ReconcileLive(Look& look);
  void Remove(Look& look);
  bool WriteMetadata(Look& look);
  void MakePods(Look& look);
  size_t CountStoredPods(const Look& look) const;
  void RunReplicas(Look& look);
  void FindRoutable(Look& look);
  void RetireOldRevisions(Look& look);
  void WriteRoute(Look& look);
  void WritePodStatuses(Look& look);
  void WriteStatus(Look& look);
  bool IsRoutable(const ObjectKey& pod, const std::set<std::string>& models);
  void DeletePod(Look& look, const std::string& pod);
  void CheckDeadline(Look& look, ServiceFacts& facts);
  void CountModels(const Look& look, ServiceFacts& facts) const;
  void TellOfScaling(const Look& look, const kube::Json& before, const kube::Json& after) const;

  Executor& executor_;
  Random& random_;
  kube::Objects& objects_;
  ClusterView& view_;
  ReplicaReports& reports_;
  RouteTable& routes_;
  launcher::ReplicaLauncher& launcher_;
  const EventSink events_;
  const ServiceOptions options_;
  std::function<void(const ObjectKey&)> on_route_change_;
  // The life of the server in which a replica had settled all its models once: it stays in the
  // route while that life lasts.
  std::map<ObjectKey, std::string> settled_;
  // Since when the latest revision has been waited for.
  std::map<ObjectKey, std::pair<std::string, MonotonicTime>> waiting_since_;
};

}  // namespace throng::reconcilers
