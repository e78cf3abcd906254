// One inference, whatever listener it came from: REST, gRPC and V1 all make an InferRequest and get
// an InferReply. Inference is the interface that listeners call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/status.h"
#include "base/unique_function.h"
#include "model/model_name.h"
#include "tensor/tensor.h"

namespace throng::scheduler {

using ParameterValue = std::variant<bool, int64_t, double, std::string>;
using Parameters = std::vector<std::pair<std::string, ParameterValue>>;

struct NamedTensor {
  std::string name;
  tensor::Tensor tensor;
};

struct InferRequest {
  model::ModelName model;
  std::optional<int64_t> version;  // nothing: the highest ready one
  std::string id;
  Parameters parameters;
  std::vector<NamedTensor> inputs;  // data complete and of the size that type and shape say
  std::vector<std::string> requested_outputs;  // empty: all
  MonotonicTime deadline{};                    // queueing and loading included
};

struct InferTimings {
  Duration queue{};
  Duration load{};
  Duration compute{};
};

struct InferReply {
  std::string model_name;
  int64_t model_version = 1;
  std::vector<NamedTensor> outputs;  // in the order requested, or the model's
  InferTimings timings;
};

class Inference {
 public:
  virtual ~Inference() = default;
  // Thread-safe. `done` runs on `executor`, exactly once. ERRORS and their texts are Triton's
  // (kNotFound "Request for unknown model: 'M' is not found", kInvalidArgument "unexpected shape
  // for input ...", kUnavailable, kResourceExhausted "Exceeds maximum queue size",
  // kDeadlineExceeded ...); core messages carry the prefix "[request id: ID or <id_unknown>] ".
  virtual void Infer(InferRequest request, Executor& executor, Done<Result<InferReply>> done) = 0;
};

}  // namespace throng::scheduler
