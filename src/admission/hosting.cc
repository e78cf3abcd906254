#include "admission/hosting.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "kube/quantity.h"

namespace throng::admission {
namespace {

using kube::FindPath;
using kube::Json;
using kube::TextAt;

constexpr int kMostReplicas = 256;
constexpr int64_t kMostThreads = 1024;

// Predictors of the v1beta1 specification that name a framework.
constexpr std::array<std::string_view, 10> kFrameworkPredictors = {
    "triton", "sklearn", "xgboost",  "pytorch", "tensorflow",
    "onnx",   "pmml",    "lightgbm", "paddle",  "huggingface"};

struct Chosen {
  std::string predictor;
  const Json* container = nullptr;  // where args, env and resources are
};

Chosen Choose(const Json& inference_service) {
  const Json* predictor = FindPath(inference_service, {"spec", "predictor"});
  if (predictor == nullptr || !predictor->is_object()) return {};
  for (const std::string_view name : kFrameworkPredictors) {
    const auto found = predictor->find(name);
    if (found != predictor->end() && found->is_object()) return {std::string(name), &*found};
  }
  if (const auto model = predictor->find("model"); model != predictor->end()) {
    const std::string format = TextAt(*model, {"modelFormat", "name"});
    const std::string runtime = TextAt(*model, {"runtime"});
    const bool triton = format == "triton" || runtime.find("triton") != std::string::npos;
    return {triton || format.empty() ? "triton" : format, &*model};
  }
  if (const auto containers = predictor->find("containers");
      containers != predictor->end() && containers->is_array() && !containers->empty()) {
    return {"custom", &containers->front()};
  }
  return {};
}

bool EnvironmentSays(const Json* container, std::string_view name, std::string_view value) {
  if (container == nullptr) return false;
  const Json* variables = FindPath(*container, {"env"});
  if (variables == nullptr || !variables->is_array()) return false;
  return std::any_of(variables->begin(), variables->end(), [&](const Json& variable) {
    return TextAt(variable, {"name"}) == name && TextAt(variable, {"value"}) == value;
  });
}

// Of a predictor that has several protocols, the configuration has one entry for each.
const Json* ConfigOf(const PredictorsConfig& config, const std::string& predictor,
                     const std::string& protocol) {
  const Json* entry = FindPath(config.predictors, {predictor});
  if (entry == nullptr) return nullptr;
  const Json* by_protocol = FindPath(*entry, {protocol});
  return by_protocol != nullptr ? by_protocol : entry;
}

bool HasStorage(const Json* container) {
  if (container == nullptr) return false;
  return FindPath(*container, {"storageUri"}) != nullptr ||
         FindPath(*container, {"storage"}) != nullptr;
}

// In whole units, rounded up; 0 when it is not given.
Result<int64_t> QuantityAt(const Json& container, std::initializer_list<std::string_view> path) {
  const Json* value = FindPath(container, path);
  if (value == nullptr) return 0;
  THRONG_ASSIGN_OR_RETURN(const kube::Quantity quantity, kube::Quantity::FromJson(*value));
  return quantity.Value();
}

// Bytes of the memory limit; the default when nothing is written; 0 for a text that is no quantity.
uint64_t MemoryLimit(const Json* container) {
  if (container == nullptr) return kDefaultMemoryBytes;
  const Json* limit = FindPath(*container, {"resources", "limits", "memory"});
  if (limit == nullptr) return kDefaultMemoryBytes;
  const auto quantity = kube::Quantity::FromJson(*limit);
  if (!quantity.ok() || quantity->is_negative()) return 0;
  return static_cast<uint64_t>(quantity->Value());
}

Status ReadArguments(const Json& container, std::vector<std::string>& arguments) {
  const Json* list = FindPath(container, {"args"});
  if (list == nullptr || list->is_null()) return OkStatus();
  if (!list->is_array()) return InvalidArgumentError("args must be a list of texts");
  for (const Json& argument : *list) {
    if (!argument.is_string()) return InvalidArgumentError("args must be a list of texts");
    arguments.push_back(argument.get<std::string>());
  }
  return OkStatus();
}

bool IsVariableName(std::string_view name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
         });
}

Status ReadEnvironment(const Json& container, std::vector<std::string>& environment) {
  const Json* list = FindPath(container, {"env"});
  if (list == nullptr || list->is_null()) return OkStatus();
  if (!list->is_array()) return InvalidArgumentError("env must be a list");
  for (const Json& variable : *list) {
    const std::string name = TextAt(variable, {"name"});
    if (!IsVariableName(name)) return InvalidArgumentError("env: a name is not one of a variable");
    const std::string value = TextAt(variable, {"value"});
    if (value.find('\0') != std::string::npos) {
      return InvalidArgumentError("env: the value of " + name + " holds a NUL");
    }
    environment.push_back(name + "=" + value);
  }
  return OkStatus();
}

}  // namespace

Result<PredictorsConfig> ReadPredictorsConfig(std::string_view text) {
  THRONG_ASSIGN_OR_RETURN(Json predictors, kube::ParseJson(text));
  if (!predictors.is_object()) return InvalidArgumentError("it must be a JSON object");
  return PredictorsConfig{std::move(predictors)};
}

Hosting ReadHosting(const Json& inference_service, const PredictorsConfig& config) {
  const Chosen chosen = Choose(inference_service);
  Hosting hosting;
  hosting.predictor = chosen.predictor;
  if (chosen.container == nullptr) return hosting;
  const std::string protocol = TextAt(*chosen.container, {"protocolVersion"});
  hosting.protocol = protocol.empty() ? "v2" : protocol;
  hosting.memory_limit_bytes = MemoryLimit(chosen.container);
  const bool by_environment = EnvironmentSays(chosen.container, "MULTI_MODEL_SERVER", "true");
  hosting.any_framework = chosen.predictor == "custom";
  if (const Json* entry = ConfigOf(config, chosen.predictor, hosting.protocol)) {
    const Json* enabled = FindPath(*entry, {"multiModelServer"});
    hosting.is_multi_model = enabled != nullptr && enabled->is_boolean() && enabled->get<bool>();
    if (const Json* frameworks = FindPath(*entry, {"supportedFrameworks"});
        frameworks != nullptr && frameworks->is_array()) {
      for (const Json& framework : *frameworks) {
        if (framework.is_string()) hosting.frameworks.push_back(framework.get<std::string>());
      }
    }
  }
  hosting.is_multi_model =
      (hosting.is_multi_model || by_environment) && !HasStorage(chosen.container);
  return hosting;
}

bool SupportsFramework(const Hosting& hosting, std::string_view framework) {
  return hosting.any_framework || std::find(hosting.frameworks.begin(), hosting.frameworks.end(),
                                            framework) != hosting.frameworks.end();
}

Result<ReplicaTemplate> ReadReplicaTemplate(const Json& inference_service) {
  const Chosen chosen = Choose(inference_service);
  ReplicaTemplate result;
  if (chosen.container == nullptr) {
    return InvalidArgumentError("spec.predictor must hold a predictor, such as triton");
  }
  const std::string field = "spec.predictor." + chosen.predictor;
  result.container = *chosen.container;
  const auto in_field = [&field](const Status& status) { return status.WithContext(field); };
  if (const Status read = ReadArguments(*chosen.container, result.arguments); !read.ok()) {
    return in_field(read);
  }
  if (const Status read = ReadEnvironment(*chosen.container, result.environment); !read.ok()) {
    return in_field(read);
  }
  const auto memory = QuantityAt(*chosen.container, {"resources", "limits", "memory"});
  if (!memory.ok()) return in_field(memory.status().WithContext("resources.limits.memory"));
  result.memory_limit_bytes = *memory > 0 ? static_cast<uint64_t>(*memory) : kDefaultMemoryBytes;
  const auto threads = QuantityAt(*chosen.container, {"resources", "limits", "cpu"});
  if (!threads.ok()) return in_field(threads.status().WithContext("resources.limits.cpu"));
  result.compute_threads = static_cast<uint32_t>(std::clamp<int64_t>(*threads, 0, kMostThreads));
  if (const Json* replicas = FindPath(inference_service, {"spec", "predictor", "minReplicas"});
      replicas != nullptr && replicas->is_number_integer()) {
    const auto count = replicas->get<int64_t>();
    if (count < 0 || count > kMostReplicas) {
      return InvalidArgumentError("spec.predictor.minReplicas must be 0 to 256");
    }
    // Nothing starts a replica at a request yet, so that none would never answer.
    result.min_replicas = static_cast<int>(std::max<int64_t>(count, 1));
  }
  return result;
}

}  // namespace throng::admission
