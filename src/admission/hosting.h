// What an InferenceService offers to TrainedModels: whether it hosts several, which frameworks, how
// much memory. Pure functions of the object and of the ConfigMap inferenceservice-config.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kube/json.h"

namespace throng::admission {

// Key `predictors` of inferenceservice-config; by default what is shipped.
struct PredictorsConfig {
  kube::Json predictors = kube::Json::object();
};
// ERRORS: kInvalidArgument — no JSON object.
Result<PredictorsConfig> ReadPredictorsConfig(std::string_view text);

struct Hosting {
  std::string predictor;        // "triton", "sklearn", "model", "custom"; empty: none is given
  bool is_multi_model = false;  // no storageUri, and switched on (or MULTI_MODEL_SERVER=true)
  bool any_framework = false;   // a custom container: nothing is known of it
  std::vector<std::string> frameworks;
  uint64_t memory_limit_bytes = 0;  // 0: no limit is set
  std::string protocol = "v2";
  bool operator==(const Hosting&) const = default;
};

// `inference_service` may be any JSON: what is missing counts as not given.
Hosting ReadHosting(const kube::Json& inference_service, const PredictorsConfig& config);
bool SupportsFramework(const Hosting& hosting, std::string_view framework);

// What its replicas run with. ERRORS: kInvalidArgument — the field and its rule.
struct ReplicaTemplate {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value", without those of other objects
  uint64_t memory_limit_bytes = 0;
  uint32_t compute_threads = 0;  // of the processor limit, rounded up; 0: none
  int min_replicas = 1;
  kube::Json container;  // as written: for the pod
  bool operator==(const ReplicaTemplate&) const = default;
};
Result<ReplicaTemplate> ReadReplicaTemplate(const kube::Json& inference_service);

// KServe's defaults where nothing is written.
inline constexpr uint64_t kDefaultMemoryBytes = 2ULL << 30;

}  // namespace throng::admission
