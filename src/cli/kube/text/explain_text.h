// What OpenAPI v3 says of a kind and its fields, as `kubectl explain` shows it. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "client/discovery.h"
#include "kube/json.h"

namespace throng::cli::kube {

// `document` is the server's /openapi/v3/apis/G/V; `fields` lead to the one that is explained
// ("spec", "model"). ERRORS: kNotFound — the document does not describe the kind, or there is no
// such field.
Result<std::string> ExplainField(const throng::kube::Json& document,
                                 const client::ResourceType& type,
                                 const std::vector<std::string>& fields, bool recursive);

}  // namespace throng::cli::kube
