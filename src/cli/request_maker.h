// Makes an inference request from a model's metadata, and shows a reply as a table: what
// `throng infer` does with JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/status.h"

namespace throng::cli {

// A V2 request body with random values for every input of `metadata_json` (the reply of
// GET /v2/models/M); -1 becomes 1. ERRORS: kInvalidArgument — the metadata tells no inputs (a
// TorchScript file without a configuration), or too many elements.
Result<std::string> MakeRandomRequest(std::string_view metadata_json, Random& random);

// The outputs of a V2 reply: name, datatype, shape and the first values. ERRORS: kDataLoss — not a
// V2 reply.
Result<std::string> ReplyTable(std::string_view reply_json);

// The text of {"error":"TEXT"}, or the body itself.
std::string ErrorText(std::string_view body);

}  // namespace throng::cli
