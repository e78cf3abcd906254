// Checks a request against what a model takes, and turns names into indices. Pure. The texts are
// Triton's (inference server core, infer_request.cc), because clients and tests match them; each
// names what was expected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "runner/runner.h"
#include "scheduler/inference.h"

namespace throng::scheduler {

struct CheckedRequest {
  std::vector<runner::ExecuteInput> inputs;  // views into the request's tensors
  std::vector<uint16_t> requested_outputs;
};

// ERRORS: kInvalidArgument.
Result<CheckedRequest> CheckRequest(const InferRequest& request,
                                    const model::ModelMetadata& metadata);

// "'x' (FP32 [-1,16]), 'y' (INT32 [1])"
std::string DescribeInputs(const model::ModelMetadata& metadata);

// The name of output `index`: the metadata's, or OUTPUT__N for a model that describes none.
std::string OutputName(const model::ModelMetadata& metadata, uint16_t index);

// "[request id: ID] TEXT"; "<id_unknown>" when the client sent none.
Status WithRequestId(const Status& status, const std::string& request_id);

}  // namespace throng::scheduler
