#include "frontend/rest/error_reply.h"

#include <array>

#include "base/limits.h"
#include "json/json_writer.h"

namespace throng::frontend::rest {
namespace {

// Indexed by StatusCode. Triton's own classes as its HttpCodeFromError has them; the others by
// meaning.
constexpr std::array<int, 17> kHttpStatus = {
    200,  // OK
    400,  // CANCELLED
    400,  // UNKNOWN
    400,  // INVALID_ARGUMENT
    504,  // DEADLINE_EXCEEDED
    404,  // NOT_FOUND
    400,  // ALREADY_EXISTS
    403,  // PERMISSION_DENIED
    503,  // RESOURCE_EXHAUSTED: a full queue
    400,  // FAILED_PRECONDITION
    503,  // ABORTED
    400,  // OUT_OF_RANGE
    501,  // UNIMPLEMENTED
    500,  // INTERNAL
    503,  // UNAVAILABLE
    500,  // DATA_LOSS
    401,  // UNAUTHENTICATED
};

}  // namespace

std::optional<ErrorStyle> ParseErrorStyle(std::string_view name) {
  if (name == "triton") return ErrorStyle::kTriton;
  if (name == "oip") return ErrorStyle::kOip;
  if (name == "legacy-400") return ErrorStyle::kLegacy400;
  return std::nullopt;
}

int HttpStatus(StatusCode code, ErrorStyle style) {
  if (style == ErrorStyle::kLegacy400 && code != StatusCode::kOk) return 400;
  return kHttpStatus[static_cast<size_t>(code)];
}

std::string ErrorBody(std::string_view text) {
  constexpr std::string_view kOpen = "{\"error\":";
  std::string body(kOpen);
  json::AppendUntrustedJsonString(text, limits::kErrorTextBytes - kOpen.size() - 1, body);
  body += '}';
  return body;
}

http::Reply ErrorReply(const Status& status, ErrorStyle style) {
  http::Reply reply;
  reply.status = HttpStatus(status.code(), style);
  reply.body = ErrorBody(status.message());
  if (const auto seconds = status.retry_after_seconds()) {
    reply.headers.push_back({"Retry-After", std::to_string(*seconds)});
  }
  return reply;
}

http::Reply DecodeErrorReply(const Status& status, ErrorStyle style) {
  http::Reply reply = ErrorReply(status, style);
  if (style == ErrorStyle::kOip && status.code() == StatusCode::kInternal) reply.status = 400;
  return reply;
}

}  // namespace throng::frontend::rest
