// ApiError: a refusal as Kubernetes says it: the fields of a Status object. Everything under kube/
// that can refuse gives ApiResult; what leaves the folder through kube/objects.h is a
// throng::Status.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "kube/json.h"

namespace throng::kube {

struct ApiCause {
  std::string reason;   // "FieldValueInvalid", "FieldValueRequired", "FieldManagerConflict", ...
  std::string message;  // 'Invalid value: "x": a DNS-1123 subdomain must ...'
  std::string field;    // "metadata.name"
};

struct ApiError {
  int code = 500;       // HTTP
  std::string reason;   // "NotFound", "Invalid", "Conflict", "AlreadyExists", "Expired", ...
  std::string message;  // as kube-apiserver words it
  // details: left out when all are empty
  std::string name;
  std::string group;
  std::string
      kind;  // the resource for NotFound and Conflict ("trainedmodels"), the kind for Invalid
  std::string uid;
  std::vector<ApiCause> causes;
  int retry_after_seconds = 0;
  std::string continue_token;  // of Expired: with it the list goes on, at a later state
};

template <typename T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value) : state_(std::in_place_index<1>, std::move(value)) {}  // NOLINT: implicit
  ApiResult(ApiError error)
      : state_(std::in_place_index<0>, std::move(error)) {}  // NOLINT: implicit
  bool ok() const { return state_.index() == 1; }
  const ApiError& error() const { return std::get<0>(state_); }
  ApiError& error() { return std::get<0>(state_); }
  T& value() { return std::get<1>(state_); }
  const T& value() const { return std::get<1>(state_); }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<ApiError, T> state_;
};

// Messages word for word as kube-apiserver's. `resource` is "trainedmodels.serving.kubeflow.org" in
// the message (group appended unless it is the core group).
ApiError NotFoundError(std::string_view group, std::string_view resource, std::string_view name);
// Neither the path nor the resource is known: no name and no kind are said.
ApiError UnknownResourceError();
ApiError AlreadyExistsError(std::string_view group, std::string_view resource,
                            std::string_view name);
ApiError ConflictError(std::string_view group, std::string_view resource, std::string_view name,
                       std::string_view why);
ApiError BadRequestError(std::string message);
ApiError InvalidError(std::string_view group, std::string_view kind, std::string_view name,
                      std::vector<ApiCause> causes);
// 422 without a cause: all that kube-apiserver says of a patch that does not apply.
ApiError RejectedRequestError();
ApiError ForbiddenError(std::string_view group, std::string_view resource, std::string_view name,
                        std::string_view why);
ApiError MethodNotAllowedError();
ApiError UnsupportedMediaTypeError(std::string_view accepted);
ApiError NotAcceptableError(std::string_view accepted);
ApiError ExpiredError(std::string message);
ApiError TooLargeError(std::string message);
ApiError TooManyRequestsError(std::string message, int retry_after_seconds);
ApiError UnauthorizedError();
ApiError ServiceUnavailableError(std::string message);
ApiError InternalServerError(std::string message);

// {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",...}
Json StatusObject(const ApiError& error);
// kNotFound, kAlreadyExists, kAborted (409 Conflict), kInvalidArgument (400, 422),
// kPermissionDenied, kResourceExhausted (413, 429), kOutOfRange (410), kUnavailable, kInternal.
Status ToStatus(const ApiError& error);

}  // namespace throng::kube
