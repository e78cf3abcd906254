// JobReconciler: one Job: its pod, the run that the pod is, its status. A pod that fails is
// followed by another one after a back-off, up to spec.backoffLimit, whatever its restartPolicy.
// What the Job asks for is read as an attack and nothing else (reconcilers/job_objects.h): a Job
// that is something else has failed. On the control plane's executor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "controller/work_queue.h"
#include "kube/objects.h"
#include "launcher/job_launcher.h"
#include "reconcilers/cluster_view.h"
#include "reconcilers/job_objects.h"
#include "reconcilers/trained_model_reconciler.h"
#include "reconcilers/write_batch.h"

namespace throng::reconcilers {

inline constexpr std::string_view kJobs = "jobs.batch";

class JobReconciler {
 public:
  // `look` is told which jobs are to be looked at (again).
  JobReconciler(Executor& executor, Random& random, kube::Objects& objects,
                launcher::JobLauncher& launcher, EventSink events,
                std::function<void(const ObjectKey&)> look);

  void Reconcile(const ObjectKey& key, controller::WorkQueue::Finished finished);
  // Ends runs that no pod stands for any more.
  void StopOrphans();

 private:
  struct Look;  // all that one look knows

  void Watch();
  void ReconcileLive(Look& look);
  void RunPods(Look& look);
  kube::Json RunPod(Look& look, const kube::Json& pod);
  Status StartRun(Look& look, const kube::Json& pod);
  Result<std::string> DocumentOf(const Look& look) const;
  void MakePod(Look& look);
  void Decide(Look& look);
  void CheckDeadline(Look& look);
  void DeleteActivePods(Look& look);
  void WriteStatus(Look& look);
  void RemoveWhenOld(Look& look);

  Executor& executor_;
  Random& random_;
  kube::Objects& objects_;
  launcher::JobLauncher& launcher_;
  const EventSink events_;
  const std::function<void(const ObjectKey&)> look_;
  std::set<ObjectKey> waiting_;  // for a ConfigMap
  std::vector<std::unique_ptr<kube::ObjectWatch>> watches_;
};

}  // namespace throng::reconcilers
