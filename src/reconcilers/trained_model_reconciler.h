// TrainedModelReconciler: one TrainedModel: who its InferenceService is, whether it is let in, what
// the replicas are told to hold (ModelAssignments), and what its status says.
//
// Each look compares what should be with what is, writes the difference, and comes again when the
// objects or the reports change. On the control plane's executor.
#pragma once

#include <functional>
#include <string_view>

#include "base/executor.h"
#include "controller/work_queue.h"
#include "kube/objects.h"
#include "reconcilers/cluster_view.h"
#include "reconcilers/credentials/credential_view.h"
#include "reconcilers/replica_reports.h"
#include "reconcilers/routes.h"
#include "reconcilers/write_batch.h"

namespace throng::reconcilers {

// Tells people of what happened to an object.
using EventSink = std::function<void(const kube::Json& object, bool is_warning,
                                     std::string_view reason, std::string_view message)>;

class TrainedModelReconciler {
 public:
  TrainedModelReconciler(Executor& executor, kube::Objects& objects, ClusterView& view,
                         CredentialView& credentials, const ReplicaReports& reports,
                         const RouteTable& routes, EventSink events);

  void Reconcile(const ObjectKey& key, controller::WorkQueue::Finished finished);

 private:
  void Remove(const ObjectKey& key, const kube::Json& object, WriteBatch& batch);
  void Assign(const ObjectKey& key, const admission::TrainedModelView& model,
              const std::vector<std::string>& pods, WriteBatch& batch);
  // Takes it from all replicas but these.
  void Withdraw(const ObjectKey& key, const std::vector<std::string>& pods, WriteBatch& batch);
  // What an assignment says of them; null: nothing.
  kube::Json CredentialsOf(const ObjectKey& key, const admission::TrainedModelView& model);
  bool WriteMetadata(const ObjectKey& key, const kube::Json& object, bool granted,
                     WriteBatch& batch);
  void WriteStatus(const kube::Json& object, kube::Json status, WriteBatch& batch);
  bool CopiesAreGone(const ObjectKey& key, const std::string& uid) const;

  Executor& executor_;
  kube::Objects& objects_;
  ClusterView& view_;
  CredentialView& credentials_;
  const ReplicaReports& reports_;
  const RouteTable& routes_;
  const EventSink events_;
  // Replicas that were told to hold a model: to be told when not any more.
  std::map<ObjectKey, std::set<std::string>> assigned_;
};

}  // namespace throng::reconcilers
