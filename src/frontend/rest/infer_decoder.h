// The body of POST /v2/models/M/infer (V2 protocol, inference_rest.md, "Inference Request JSON
// Object") to an InferRequest. Tensor data goes straight into the memory of its tensor; keys may
// come in any order; unknown keys are skipped. Stateless; thread-safe.
#pragma once

#include <string_view>

#include "base/status.h"
#include "scheduler/inference.h"

namespace throng::frontend::rest {

// Fills id, parameters, inputs and requested_outputs of `request`.
// ERRORS, with Triton's texts: kInternal — not JSON, or a field is missing or of the wrong type;
// kInvalidArgument — it is understood and wrong; kUnimplemented — binary data, shared memory,
// classification: the field is named.
Status DecodeInferBody(std::string_view body, scheduler::InferRequest& request);

}  // namespace throng::frontend::rest
