// The status of a TrainedModel, from what is known of it and of its copies. Pure.
//
//   pending -> downloading -> loading -> loaded, or failed and again; told for all copies together.
//
// Ready is True when a request will be answered: at least one replica in the route holds the model.
// While a newer address fails, the last good copy answers: Ready stays True, and Downloaded or
// Loaded is False with the reason.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/trained_model_rules.h"
#include "base/clock.h"
#include "kube/json.h"
#include "reconcilers/cluster_view.h"
#include "reconcilers/replica_reports.h"

namespace throng::reconcilers {

// One replica that is to hold the model.
struct ModelCopy {
  std::string pod;
  bool in_route = false;
  const CopyReport* report = nullptr;  // null: nothing was said of it yet
};

struct ModelFacts {
  const admission::TrainedModelView* model = nullptr;
  const ServiceView* service = nullptr;  // null: there is no such InferenceService
  bool memory_granted = false;
  std::string ingress;  // where clients reach it: "127.0.0.1:40575"; empty: not known
  std::vector<ModelCopy> copies;
};

// `status` is the one before; what did not change keeps its times.
kube::Json TrainedModelStatus(const ModelFacts& facts, const kube::Json& status, WallTime now);

// "/v2/models/NAME/infer", or "/v1/models/NAME:predict" for protocol v1.
std::string PredictPath(std::string_view protocol, std::string_view model);

// What people are told of the step from one status to the next: {type, reason, message}.
struct Announcement {
  bool is_warning = false;
  std::string reason;
  std::string message;
};
std::vector<Announcement> AnnouncementsOf(std::string_view kind, const kube::Json& before,
                                          const kube::Json& after);

}  // namespace throng::reconcilers
