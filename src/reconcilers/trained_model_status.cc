#include "reconcilers/trained_model_status.h"

#include <algorithm>

#include "kube/object_meta.h"
#include "reconcilers/conditions.h"
#include "reconcilers/inference_service_status.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::TextAt;

// Of all copies together.
struct Totals {
  size_t wanted = 0;
  size_t downloaded = 0;  // of the wanted generation
  size_t loaded = 0;      // of the wanted generation
  size_t serving = 0;     // of any generation
  size_t serving_in_route = 0;
  size_t failed = 0;
  const CopyReport* failure = nullptr;  // the first one that failed
  bool any_loading = false;
};

Totals Count(const ModelFacts& facts) {
  Totals totals;
  totals.wanted = facts.copies.size();
  for (const ModelCopy& copy : facts.copies) {
    const CopyReport* report = copy.report;
    if (report == nullptr || report->uid != facts.model->uid) continue;
    const bool current = report->generation >= facts.model->generation;
    if (report->loaded) ++totals.serving;
    if (report->loaded && copy.in_route) ++totals.serving_in_route;
    if (!current) continue;
    if (report->downloaded) ++totals.downloaded;
    if (report->state == CopyState::kLoaded) ++totals.loaded;
    if (report->state == CopyState::kLoading) totals.any_loading = true;
    if (report->failures > 0 && report->state != CopyState::kLoaded) {
      ++totals.failed;
      if (totals.failure == nullptr) totals.failure = report;
    }
  }
  return totals;
}

Condition True(std::string_view type) { return {.type = std::string(type), .truth = Truth::kTrue}; }

Condition False(std::string_view type, std::string_view reason, std::string message) {
  return {.type = std::string(type),
          .truth = Truth::kFalse,
          .reason = std::string(reason),
          .message = std::move(message)};
}

std::string OfCopies(size_t done, size_t wanted) {
  return std::to_string(done) + " of " + std::to_string(wanted) + " replicas";
}

std::string FailureText(const CopyReport& failure) {
  std::string text = failure.message;
  if (!failure.retry_at.empty()) text += "; next try at " + failure.retry_at;
  return text;
}

// Whether the model may be loaded at all. Four conditions; the first that is False says why not.
std::vector<Condition> Admittance(const ModelFacts& facts) {
  if (facts.service == nullptr) {
    const std::string message = "there is no InferenceService \"" + facts.model->inference_service +
                                "\" in namespace \"" + facts.model->name_space + "\" yet";
    std::vector<Condition> conditions = {
        False("InferenceServiceReady", "InferenceServiceNotFound", message)};
    for (const char* type : {"IsMMSPredictor", "FrameworkSupported", "MemoryResourceAvailable"}) {
      conditions.push_back({type, Truth::kUnknown, "InferenceServiceNotFound", message});
    }
    return conditions;
  }
  std::vector<Condition> conditions;
  conditions.push_back(
      facts.service->is_ready
          ? True("InferenceServiceReady")
          : False("InferenceServiceReady", "InferenceServiceNotReady",
                  "Inference Service needs to be ready before Trained Model can be ready"));
  conditions.push_back(
      facts.service->hosting.is_multi_model
          ? True("IsMMSPredictor")
          : False("IsMMSPredictor", "IsNotMMSPredictor",
                  "Inference Service predictor is not configured for multi-model serving"));
  conditions.push_back(
      admission::SupportsFramework(facts.service->hosting, facts.model->framework)
          ? True("FrameworkSupported")
          : False("FrameworkSupported", "FrameworkNotSupported",
                  "Inference Service does not support the Trained Model framework"));
  conditions.push_back(
      facts.memory_granted
          ? True("MemoryResourceAvailable")
          : False("MemoryResourceAvailable", "MemoryResourceNotAvailable",
                  "Inference Service does not have enough memory resources for Trained Model"));
  return conditions;
}

Condition Downloaded(const Totals& totals, const Condition* refused) {
  if (refused != nullptr) return False("Downloaded", refused->reason, refused->message);
  if (totals.wanted > 0 && totals.downloaded == totals.wanted) return True("Downloaded");
  if (totals.failure != nullptr && !totals.failure->downloaded) {
    return False("Downloaded", totals.failure->reason, FailureText(*totals.failure));
  }
  return False("Downloaded", "Downloading", OfCopies(totals.downloaded, totals.wanted));
}

Condition Loaded(const Totals& totals, const Condition* refused) {
  if (refused != nullptr) return False("Loaded", refused->reason, refused->message);
  if (totals.wanted > 0 && totals.loaded == totals.wanted) return True("Loaded");
  if (totals.failure != nullptr) {
    return False("Loaded", totals.failure->reason, FailureText(*totals.failure));
  }
  return False("Loaded", totals.any_loading ? "Loading" : "Pending",
               OfCopies(totals.loaded, totals.wanted));
}

Condition Ready(const Totals& totals, const Condition* refused, const Condition& loaded) {
  // What answers already goes on answering, whatever else is wrong.
  if (totals.serving_in_route > 0) return True("Ready");
  if (refused != nullptr) return False("Ready", refused->reason, refused->message);
  if (loaded.truth == Truth::kTrue) {
    return False("Ready", "InferenceServiceNotReady",
                 "Inference Service needs to be ready before Trained Model can be ready");
  }
  return False("Ready", loaded.reason, loaded.message);
}

std::string TargetState(const Totals& totals, const Condition* refused) {
  if (refused != nullptr) return "Pending";
  if (totals.failure != nullptr) return "FailedToLoad";
  if (totals.wanted > 0 && totals.loaded == totals.wanted) return "Loaded";
  return totals.downloaded > 0 || totals.any_loading ? "Loading" : "Pending";
}

Json ModelStatus(const ModelFacts& facts, const Totals& totals, const Condition* refused) {
  const std::string target = TargetState(totals, refused);
  std::string transition = "InProgress";
  if (target == "Loaded") transition = "UpToDate";
  if (target == "FailedToLoad") transition = "BlockedByFailedLoad";
  if (refused != nullptr && facts.service != nullptr) transition = "InvalidSpec";
  Json status = {{"transitionStatus", transition},
                 {"states",
                  {{"activeModelState", totals.serving > 0 ? "Loaded" : target},
                   {"targetModelState", target}}},
                 {"copies", {{"totalCopies", totals.serving}, {"failedCopies", totals.failed}}}};
  if (totals.failure != nullptr) {
    status["lastFailureInfo"] = {
        {"reason", totals.failure->downloaded ? "ModelLoadFailed" : totals.failure->reason},
        {"message", totals.failure->message},
        {"time", totals.failure->time}};
  }
  return status;
}

const CopyReport* ServingReport(const ModelFacts& facts) {
  for (const ModelCopy& copy : facts.copies) {
    if (copy.report != nullptr && copy.report->uid == facts.model->uid && copy.report->loaded) {
      return copy.report;
    }
  }
  return nullptr;
}

}  // namespace

std::string PredictPath(std::string_view protocol, std::string_view model) {
  if (protocol == "v1") return "/v1/models/" + std::string(model) + ":predict";
  return "/v2/models/" + std::string(model) + "/infer";
}

Json TrainedModelStatus(const ModelFacts& facts, const Json& before, WallTime now) {
  Json status = before.is_object() ? before : Json::object();
  const Totals totals = Count(facts);
  const std::vector<Condition> admittance = Admittance(facts);
  const Condition* refused = nullptr;
  for (const Condition& condition : admittance) {
    SetCondition(status, condition, now);
    // A service that is not ready yet keeps nothing from being loaded.
    const bool counts =
        condition.type != "InferenceServiceReady" || condition.reason == "InferenceServiceNotFound";
    if (refused == nullptr && counts && condition.truth != Truth::kTrue) refused = &condition;
  }
  SetCondition(status, Downloaded(totals, refused), now);
  const Condition loaded = Loaded(totals, refused);
  SetCondition(status, loaded, now);
  SetCondition(status, Ready(totals, refused, loaded), now);
  status["modelStatus"] = ModelStatus(facts, totals, refused);
  status["copies"] = {{"totalCopies", totals.wanted},
                      {"readyCopies", totals.serving_in_route},
                      {"failedCopies", totals.failed}};
  status["observedGeneration"] = facts.model->generation;
  // Named only when it is not what is asked for: then both addresses are seen.
  const CopyReport* serving = ServingReport(facts);
  if (serving != nullptr && serving->serving_uri != facts.model->storage_uri) {
    status["servingStorageUri"] = serving->serving_uri;
  } else {
    status.erase("servingStorageUri");
  }
  if (facts.service == nullptr) return status;
  const std::string path = PredictPath(facts.service->hosting.protocol, facts.model->name);
  const std::string url = TextAt(facts.service->object, {"status", "url"});
  const std::string address = TextAt(facts.service->object, {"status", "address", "url"});
  if (!url.empty()) status["url"] = url + path;
  if (!address.empty()) status["address"] = {{"url", address + path}};
  const std::string curl = CurlLine(url, facts.ingress, path.substr(0, path.find_last_of("/:")));
  if (!curl.empty()) status["curl"] = curl;
  return status;
}

std::vector<Announcement> AnnouncementsOf(std::string_view kind, const Json& before,
                                          const Json& after) {
  std::vector<Announcement> announcements;
  const Json* conditions = kube::FindPath(after, {"conditions"});
  if (conditions == nullptr || !conditions->is_array()) return announcements;
  const Json old = {{"status", before}};
  for (const Json& condition : *conditions) {
    const std::string type = TextAt(condition, {"type"});
    const std::string now = TextAt(condition, {"status"});
    const std::string was = ConditionStatus(old, type);
    const bool is_state = type == "Ready" || type == "Downloaded" || type == "Loaded";
    if (now == "True" && was != "True" && is_state) {
      announcements.push_back({false, type == "Ready" ? std::string(kind) + "Ready" : type,
                               type == "Ready" ? std::string(kind) + " is Ready"
                                               : std::string(kind) + " is " +
                                                     (type == "Loaded" ? "loaded" : "downloaded")});
    } else if (now == "False" && was == "True" && type == "Ready") {
      announcements.push_back(
          {true, std::string(kind) + "NotReady", TextAt(condition, {"message"})});
    }
  }
  const std::string failure = TextAt(after, {"modelStatus", "lastFailureInfo", "message"});
  if (!failure.empty() &&
      failure != TextAt(before, {"modelStatus", "lastFailureInfo", "message"})) {
    announcements.push_back(
        {true, TextAt(after, {"modelStatus", "lastFailureInfo", "reason"}), failure});
  }
  return announcements;
}

}  // namespace throng::reconcilers
