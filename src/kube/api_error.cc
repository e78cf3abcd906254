#include "kube/api_error.h"

#include <algorithm>

#include "kube/field_error.h"

namespace throng::kube {
namespace {

// "trainedmodels.serving.kubeflow.org"; the core group is not said.
std::string Qualified(std::string_view group, std::string_view name) {
  std::string text(name);
  if (!group.empty()) text.append(".").append(group);
  return text;
}

ApiError Plain(int code, std::string_view reason, std::string message) {
  ApiError error;
  error.code = code;
  error.reason = reason;
  error.message = std::move(message);
  return error;
}

ApiError OfObject(int code, std::string_view reason, std::string_view group,
                  std::string_view resource, std::string_view name, std::string message) {
  ApiError error = Plain(code, reason, std::move(message));
  error.name = name;
  error.group = group;
  error.kind = resource;
  return error;
}

// One text as it is, several in brackets; what is said twice is said once.
std::string JoinCauses(const std::vector<ApiCause>& causes) {
  std::vector<std::string> texts;
  for (const ApiCause& cause : causes) {
    std::string text = cause.field + ": " + cause.message;
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
      texts.push_back(std::move(text));
    }
  }
  if (texts.size() == 1) return texts.front();
  std::string joined = "[";
  for (size_t i = 0; i < texts.size(); ++i) joined += (i == 0 ? "" : ", ") + texts[i];
  return joined + "]";
}

Json DetailsOf(const ApiError& error) {
  Json details = Json::object();
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) details[key] = value;
  };
  set("name", error.name);
  set("group", error.group);
  set("kind", error.kind);
  set("uid", error.uid);
  for (const ApiCause& cause : error.causes) {
    Json one = Json::object();
    if (!cause.reason.empty()) one["reason"] = cause.reason;
    if (!cause.message.empty()) one["message"] = cause.message;
    if (!cause.field.empty()) one["field"] = cause.field;
    details["causes"].push_back(std::move(one));
  }
  if (error.retry_after_seconds > 0) details["retryAfterSeconds"] = error.retry_after_seconds;
  return details;
}

StatusCode StatusCodeOf(const ApiError& error) {
  switch (error.code) {
    case 400:
    case 406:
    case 415:
    case 422:
      return StatusCode::kInvalidArgument;
    case 401:
      return StatusCode::kUnauthenticated;
    case 403:
      return StatusCode::kPermissionDenied;
    case 404:
      return StatusCode::kNotFound;
    case 405:
      return StatusCode::kUnimplemented;
    case 409:
      return error.reason == "AlreadyExists" ? StatusCode::kAlreadyExists : StatusCode::kAborted;
    case 410:
      return StatusCode::kOutOfRange;
    case 413:
    case 429:
      return StatusCode::kResourceExhausted;
    case 503:
      return StatusCode::kUnavailable;
    case 504:
      return StatusCode::kDeadlineExceeded;
    default:
      return StatusCode::kInternal;
  }
}

}  // namespace

ApiError NotFoundError(std::string_view group, std::string_view resource, std::string_view name) {
  return OfObject(404, "NotFound", group, resource, name,
                  Qualified(group, resource) + " " + QuoteText(name) + " not found");
}

ApiError UnknownResourceError() {
  return Plain(404, "NotFound", "the server could not find the requested resource");
}

ApiError AlreadyExistsError(std::string_view group, std::string_view resource,
                            std::string_view name) {
  return OfObject(409, "AlreadyExists", group, resource, name,
                  Qualified(group, resource) + " " + QuoteText(name) + " already exists");
}

ApiError ConflictError(std::string_view group, std::string_view resource, std::string_view name,
                       std::string_view why) {
  return OfObject(409, "Conflict", group, resource, name,
                  "Operation cannot be fulfilled on " + Qualified(group, resource) + " " +
                      QuoteText(name) + ": " + std::string(why));
}

ApiError BadRequestError(std::string message) {
  return Plain(400, "BadRequest", std::move(message));
}

ApiError InvalidError(std::string_view group, std::string_view kind, std::string_view name,
                      std::vector<ApiCause> causes) {
  std::string message = Qualified(group, kind) + " " + QuoteText(name) + " is invalid";
  if (!causes.empty()) message += ": " + JoinCauses(causes);
  ApiError error = OfObject(422, "Invalid", group, kind, name, std::move(message));
  error.causes = std::move(causes);
  return error;
}

ApiError RejectedRequestError() {
  return Plain(422, "Invalid", "the server rejected our request due to an error in our request");
}

ApiError ForbiddenError(std::string_view group, std::string_view resource, std::string_view name,
                        std::string_view why) {
  std::string message;
  if (!group.empty() || !resource.empty()) {
    message = Qualified(group, resource) + " ";
    if (!name.empty()) message += QuoteText(name) + " ";
    message += "is ";
  }
  message += "forbidden: " + std::string(why);
  return OfObject(403, "Forbidden", group, resource, name, std::move(message));
}

ApiError MethodNotAllowedError() {
  return Plain(405, "MethodNotAllowed",
               "the server does not allow this method on the requested resource");
}

ApiError UnsupportedMediaTypeError(std::string_view accepted) {
  return Plain(415, "UnsupportedMediaType",
               "the body of the request was in an unknown format - accepted media types include: " +
                   std::string(accepted));
}

ApiError NotAcceptableError(std::string_view accepted) {
  return Plain(406, "NotAcceptable",
               "only the following media types are accepted: " + std::string(accepted));
}

ApiError ExpiredError(std::string message) { return Plain(410, "Expired", std::move(message)); }

ApiError TooLargeError(std::string message) {
  return Plain(413, "RequestEntityTooLarge", "Request entity too large: " + message);
}

ApiError TooManyRequestsError(std::string message, int retry_after_seconds) {
  ApiError error = Plain(429, "TooManyRequests", std::move(message));
  error.retry_after_seconds = retry_after_seconds;
  return error;
}

ApiError UnauthorizedError() { return Plain(401, "Unauthorized", "Unauthorized"); }

ApiError ServiceUnavailableError(std::string message) {
  return Plain(503, "ServiceUnavailable", std::move(message));
}

ApiError InternalServerError(std::string message) {
  ApiError error = Plain(500, "InternalError", "Internal error occurred: " + message);
  error.causes.push_back({.reason = "", .message = std::move(message), .field = ""});
  return error;
}

Json StatusObject(const ApiError& error) {
  Json status = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
                 {"status", "Failure"}, {"code", error.code}, {"message", error.message}};
  if (!error.reason.empty()) status["reason"] = error.reason;
  if (!error.continue_token.empty()) status["metadata"]["continue"] = error.continue_token;
  if (Json details = DetailsOf(error); !details.empty()) status["details"] = std::move(details);
  return status;
}

Status ToStatus(const ApiError& error) {
  const Status status(StatusCodeOf(error), error.message);
  return error.retry_after_seconds > 0 ? status.WithRetryAfter(error.retry_after_seconds) : status;
}

}  // namespace throng::kube
