// An InferReply to the JSON text that Triton writes for it. Stateless; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "scheduler/inference.h"

namespace throng::frontend::rest {

// `id`: as the request had it; left out when empty.
// ERRORS: kInvalidArgument — an output's datatype has no JSON form (FP16, BF16); kInternal — a
// BYTES output is not UTF-8, or data and shape of an output disagree.
Result<std::string> EncodeInferReply(const scheduler::InferReply& reply, std::string_view id);

// "queue;dur=0.012, load;dur=0.000, compute;dur=1.250" (W3C Server-Timing; milliseconds).
std::string ServerTiming(const scheduler::InferTimings& timings);

}  // namespace throng::frontend::rest
