#include "client/server_error.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"

namespace throng::client {
namespace {

using kube::Json;
using kube::TextAt;

struct Known {
  int http_status;
  const char* reason;
  StatusCode code;
  const char* message;  // when the server says nothing
};

constexpr std::array<Known, 13> kKnown = {{
    {400, "BadRequest", StatusCode::kInvalidArgument, "the server rejected our request"},
    {401, "Unauthorized", StatusCode::kUnauthenticated, "Unauthorized"},
    {403, "Forbidden", StatusCode::kPermissionDenied, "the server does not allow it"},
    {404, "NotFound", StatusCode::kNotFound, "the server could not find the requested resource"},
    {405, "MethodNotAllowed", StatusCode::kUnimplemented,
     "the server does not allow this method on the requested resource"},
    {409, "Conflict", StatusCode::kAborted, "the server reported a conflict"},
    {410, "Expired", StatusCode::kOutOfRange, "the requested version is gone"},
    {413, "RequestEntityTooLarge", StatusCode::kResourceExhausted, "the request is too large"},
    {415, "UnsupportedMediaType", StatusCode::kInvalidArgument,
     "the body of the request was in an unknown format"},
    {422, "Invalid", StatusCode::kInvalidArgument, "the server rejected our request"},
    {429, "TooManyRequests", StatusCode::kResourceExhausted, "the server asks to try again later"},
    {503, "ServiceUnavailable", StatusCode::kUnavailable,
     "the server is currently unable to handle the request"},
    {504, "Timeout", StatusCode::kDeadlineExceeded, "the server did not answer in time"},
}};

const Known* FindKnown(int http_status) {
  for (const Known& known : kKnown) {
    if (known.http_status == http_status) return &known;
  }
  return nullptr;
}

StatusCode CodeOf(int http_status, std::string_view reason) {
  if (reason == "AlreadyExists") return StatusCode::kAlreadyExists;
  const Known* known = FindKnown(http_status);
  if (known != nullptr) return known->code;
  return http_status >= 500 ? StatusCode::kInternal : StatusCode::kUnknown;
}

// "spec.x: Invalid value: ..."; several as a list, one a line, each once.
std::string TextOfCauses(const Json& causes) {
  std::vector<std::string> lines;
  for (const Json& cause : causes) {
    const std::string field = TextAt(cause, {"field"});
    std::string line = field.empty() ? "" : field + ": ";
    line += TextAt(cause, {"message"});
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  if (lines.size() == 1) return lines[0];
  std::string text;
  for (const std::string& line : lines) text += "\n* " + line;
  return text;
}

// What is wrong with an object is told field by field.
std::string TextOfInvalid(const Json& status, std::string_view context) {
  const std::string message = std::string(context) + TextAt(status, {"message"});
  const Json* details = kube::FindPath(status, {"details"});
  std::string text = "The request is invalid";
  if (details == nullptr) return message.empty() ? text : text + ": " + message;
  const std::string kind = TextAt(*details, {"kind"});
  const std::string name = TextAt(*details, {"name"});
  const Json* causes = kube::FindPath(*details, {"causes"});
  const bool has_causes = causes != nullptr && causes->is_array() && !causes->empty();
  if (!kind.empty() || !name.empty()) {
    text = "The " + kind + " " + JsonQuote(name) + " is invalid";
  } else if (!message.empty() && !has_causes) {
    text += ": " + message;
  }
  return has_causes ? text + ": " + TextOfCauses(*causes) : text;
}

}  // namespace

Status ServerError(const Json& status, std::string_view context) {
  const Json* number = kube::FindPath(status, {"code"});
  const int http_status = number != nullptr && number->is_number_integer() ? number->get<int>() : 0;
  const std::string reason = TextAt(status, {"reason"});
  const StatusCode code = CodeOf(http_status, reason);
  std::string message = std::string(context) + TextAt(status, {"message"});
  if (reason == "Invalid") return Status(code, TextOfInvalid(status, context));
  if (reason == "Unauthorized") {
    return Status(code, "error: You must be logged in to the server (" + message + ")");
  }
  if (reason.empty()) return Status(code, "Error from server: " + message);
  return Status(code, "Error from server (" + reason + "): " + message);
}

Status ServerError(int http_status, std::string_view body, std::string_view context) {
  const Result<Json> parsed = kube::ParseJson(body);
  if (parsed.ok() && TextAt(*parsed, {"kind"}) == "Status") {
    Json status = *parsed;
    status["code"] = http_status;
    return ServerError(status, context);
  }
  const Known* known = FindKnown(http_status);
  Json status = {{"code", http_status}};
  status["reason"] = known == nullptr ? (http_status == 500 ? "InternalError" : "") : known->reason;
  // A page of a proxy says more than we could.
  const std::string text = EscapeForLog(body);
  status["message"] = known != nullptr ? std::string(known->message)
                                       : "status " + std::to_string(http_status) + ": " + text;
  return ServerError(status, context);
}

std::string ErrorLine(const Status& status) {
  const std::string& message = status.message();
  for (const char* start : {"Error from server", "The ", "Unable to connect", "error: "}) {
    if (message.starts_with(start)) return message + "\n";
  }
  return "error: " + message + "\n";
}

}  // namespace throng::client
