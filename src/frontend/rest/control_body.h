// The small bodies of the repository routes (V2 extension "model_repository"). Each may be empty.
// Stateless; thread-safe.
#pragma once

#include <string_view>

#include "base/status.h"

namespace throng::frontend::rest {

// {"ready":bool}. ERRORS: kInvalidArgument — not a boolean; kInternal — not JSON.
Result<bool> DecodeIndexBody(std::string_view body);

// {} or {"parameters":{}}. ERRORS: kUnimplemented — a parameter that Triton has and we have not
// yet ("config", "file:..."); kInternal — an unknown one, or not JSON.
Status DecodeLoadBody(std::string_view body);

// {} or {"parameters":{"unload_dependents":bool}}; nothing depends on another model, so both values
// are honoured. ERRORS: as DecodeLoadBody.
Status DecodeUnloadBody(std::string_view body);

}  // namespace throng::frontend::rest
