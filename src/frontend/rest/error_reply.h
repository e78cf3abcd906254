// How a failure looks to an HTTP client: the one table from status codes to HTTP, and the error
// body
// {"error":"TEXT"}. Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "http/server.h"

namespace throng::frontend::rest {

// --error-style.
enum class ErrorStyle : uint8_t {
  kTriton,     // Triton since 2.42: the status follows the class; 500 for a body it cannot parse
  kOip,        // Open Inference Protocol and KServe: as kTriton, but 400 for such a body
  kLegacy400,  // Triton up to 2.41: 400 for every failure of a request
};

// "triton", "oip", "legacy-400".
std::optional<ErrorStyle> ParseErrorStyle(std::string_view name);

int HttpStatus(StatusCode code, ErrorStyle style);

// {"error":"TEXT"}, at most limits::kErrorTextBytes long.
std::string ErrorBody(std::string_view text);

// REQUIRES: !status.ok(). Adds Retry-After when the status knows it.
http::Reply ErrorReply(const Status& status, ErrorStyle style);

// For a failure to understand the body, where Triton's class is INTERNAL and everyone else's is
// "bad request" (qa/L0_http asserts 500).
http::Reply DecodeErrorReply(const Status& status, ErrorStyle style);

}  // namespace throng::frontend::rest
