// ReplicaReports: what the agents of the replicas last said of their models. In memory only; after
// a restart the agents say it again. One executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "controller/work_queue.h"
#include "kube/json.h"

namespace throng::reconcilers {

using controller::ObjectKey;

enum class CopyState : uint8_t {
  kPending,
  kDownloading,
  kDownloaded,
  kLoading,
  kLoaded,
  kFailed,
  kUnloading,
  kGone,
};

// One copy of a model, in one replica.
struct CopyReport {
  std::string uid;         // of the TrainedModel
  int64_t generation = 0;  // that `state` is about
  CopyState state = CopyState::kPending;
  bool downloaded = false;
  bool loaded = false;  // something answers requests: `serving_*`
  std::string reason;
  std::string message;
  int failures = 0;
  std::string retry_at;
  int64_t serving_generation = 0;
  std::string serving_uri;
  uint64_t bytes = 0;
  std::string time;
};

using Copies = std::map<std::string, CopyReport, std::less<>>;  // by model

struct ReplicaReport {
  std::string server;    // names the life of the model server it is about
  bool is_full = false;  // everything was told since the agent connected
  Copies copies;
};

class ReplicaReports {
 public:
  explicit ReplicaReports(MonotonicTime start) : start_(start) {}

  // Called after each report with the models that it was about.
  using Listener =
      std::function<void(const ObjectKey& replica, const std::vector<std::string>& models)>;

  void OnReport(Listener listener) { listener_ = std::move(listener); }

  // `body` as in docs/design/004-control-plane.md. ERRORS: kInvalidArgument — the field;
  // kResourceExhausted — more models than limits::kModelsPerReplica.
  Status Apply(const ObjectKey& replica, const kube::Json& body);
  // Null: it has not reported.
  const ReplicaReport* Find(const ObjectKey& replica) const;
  // Whether it has told everything since the control plane started.
  bool HasSpoken(const ObjectKey& replica) const;
  const CopyReport* FindCopy(const ObjectKey& replica, std::string_view model) const;
  // What is left of the time that is given to reports after the start of the control plane; 0:
  // over.
  Duration GraceLeft(MonotonicTime now) const;
  // How long to wait for the first report of one of these replicas since the start of the control
  // plane; 0: all have reported, or it has been waited long enough.
  Duration WaitFor(const std::string& name_space, const std::set<std::string>& pods,
                   MonotonicTime now) const;
  void Forget(const ObjectKey& replica) {
    reports_.erase(replica);
    parts_.erase(replica);
  }

 private:
  using NamedCopies = std::vector<std::pair<std::string, CopyReport>>;
  struct Parts {  // of a whole that is not there as a whole yet
    int64_t next = 0;
    Copies copies;
  };

  static Status Merge(NamedCopies& copies, Copies& target);
  // True: it was the last one.
  Result<bool> TakePart(const ObjectKey& replica, const kube::Json& body, NamedCopies& copies);

  const MonotonicTime start_;
  std::map<ObjectKey, ReplicaReport> reports_;
  std::map<ObjectKey, Parts> parts_;
  Listener listener_;
};

}  // namespace throng::reconcilers
