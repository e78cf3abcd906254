// Objects in Kubernetes' protobuf, as current kubectls send them where they make an object
// themselves (`create job`, `create service`, `create secret`), and as programs with generated
// clients do. The built-in kinds are read; replies are always JSON, which these clients take too.
// What a message holds that the kind's schema does not name is left out.
//
// Thread-safe: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "kube/api_error.h"

namespace throng::kube::server {

inline constexpr std::string_view kProtobufType = "application/vnd.kubernetes.protobuf";

// The object as JSON. ERRORS: 415 — another kind; 400 — the bytes are no such message.
ApiResult<Json> ParseProtobufBody(std::string_view body);

}  // namespace throng::kube::server
