// Status and Result<T>: the only way a failure crosses a folder boundary in Throng.
//
// A Status is one pointer wide; null means success. Codes are gRPC's canonical codes, mapped to
// HTTP in exactly one place (frontend/rest). Messages are composed from safe fields only: never a
// path, an address or a handle, because they are sent to clients.
//
//   Result<int> Parse(std::string_view text);
//   THRONG_ASSIGN_OR_RETURN(const int value, Parse(text));
//
// Thread safety: value types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace throng {

// gRPC's canonical codes, with gRPC's numbers (they travel in wire frames and in grpc-status).
enum class StatusCode : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "INVALID_ARGUMENT" and its like; for logs and gRPC.
std::string_view StatusCodeName(StatusCode code);

// Returns kUnknown for a number that is not a canonical code.
StatusCode StatusCodeFromInt(uint32_t value);

class [[nodiscard]] Status {
 public:
  Status() = default;
  // REQUIRES: code != kOk.
  Status(StatusCode code, std::string message);
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  bool ok() const { return state_ == nullptr; }
  StatusCode code() const { return state_ ? state_->code : StatusCode::kOk; }
  // Empty for success.
  const std::string& message() const;
  // Seconds after which a retry makes sense; sent as Retry-After. Nothing when not known.
  std::optional<int> retry_after_seconds() const;

  // The same failure with "<context>: " before its message. No change to success.
  Status WithContext(std::string_view context) const;
  Status WithRetryAfter(int seconds) const;

  // "NOT_FOUND: text", or "OK".
  std::string ToString() const;

 private:
  struct State {
    StatusCode code;
    int retry_after_seconds;  // -1: not known
    std::string message;
  };
  std::unique_ptr<State> state_;
};

inline Status OkStatus() { return Status(); }
Status CancelledError(std::string message);
Status InvalidArgumentError(std::string message);
Status DeadlineExceededError(std::string message);
Status NotFoundError(std::string message);
Status AlreadyExistsError(std::string message);
Status PermissionDeniedError(std::string message);
Status ResourceExhaustedError(std::string message);
Status FailedPreconditionError(std::string message);
Status UnimplementedError(std::string message);
Status InternalError(std::string message);
Status UnavailableError(std::string message);
Status DataLossError(std::string message);

// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}  // NOLINT: implicit
  // REQUIRES: !status.ok().
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 1; }
  Status status() const { return ok() ? Status() : std::get<0>(state_); }

  // REQUIRES: ok().
  T& value() & { return std::get<1>(state_); }
  const T& value() const& { return std::get<1>(state_); }
  T&& value() && { return std::get<1>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<Status, T> state_;
};

}  // namespace throng

#define THRONG_CONCAT_INNER(a, b) a##b
#define THRONG_CONCAT(a, b) THRONG_CONCAT_INNER(a, b)

#define THRONG_RETURN_IF_ERROR(expression)                                                        \
  do {                                                                                            \
    if (::throng::Status throng_status = (expression); !throng_status.ok()) return throng_status; \
  } while (false)

#define THRONG_ASSIGN_OR_RETURN(declaration, expression) \
  THRONG_ASSIGN_OR_RETURN_INNER(THRONG_CONCAT(throng_result_, __LINE__), declaration, expression)
#define THRONG_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                          \
  if (!result.ok()) return result.status();                            \
  declaration = std::move(result).value()
