#include "kube/api_error.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "kube/field_error.h"

namespace throng::kube {
namespace {

constexpr std::string_view kGroup = "serving.kubeflow.org";

std::string Printed(const ApiError& error) { return PrintJson(StatusObject(error)); }

TEST(ApiErrorTest, NamesTheObject) {
  EXPECT_EQ(Printed(NotFoundError(kGroup, "trainedmodels", "x")),
            R"({"apiVersion":"v1","code":404,"details":{"group":"serving.kubeflow.org",)"
            R"("kind":"trainedmodels","name":"x"},"kind":"Status",)"
            R"("message":"trainedmodels.serving.kubeflow.org \"x\" not found","metadata":{},)"
            R"("reason":"NotFound","status":"Failure"})");
  EXPECT_EQ(NotFoundError("", "pods", "p").message, "pods \"p\" not found");
  EXPECT_EQ(AlreadyExistsError("", "pods", "p").message, "pods \"p\" already exists");
  EXPECT_EQ(ConflictError("", "pods", "p",
                          "the object has been modified; please apply your changes to the latest "
                          "version and try again")
                .message,
            "Operation cannot be fulfilled on pods \"p\": the object has been modified; please "
            "apply your changes to the latest version and try again");
}

TEST(ApiErrorTest, SaysWhatIsForbidden) {
  EXPECT_EQ(ForbiddenError("", "pods", "p", "no").message, "pods \"p\" is forbidden: no");
  EXPECT_EQ(ForbiddenError(kGroup, "trainedmodels", "", "no").message,
            "trainedmodels.serving.kubeflow.org is forbidden: no");
  EXPECT_EQ(ForbiddenError("", "", "", "no").message, "forbidden: no");
}

TEST(ApiErrorTest, JoinsCauses) {
  EXPECT_EQ(InvalidError("", "Pod", "p", {}).message, "Pod \"p\" is invalid");
  EXPECT_EQ(InvalidError(kGroup, "TrainedModel", "p", {RequiredValue("spec.model", "")}).message,
            "TrainedModel.serving.kubeflow.org \"p\" is invalid: spec.model: Required value");
  const ApiError two = InvalidError(
      "", "Pod", "p",
      {RequiredValue("a", "b"), InvalidValue("c", "d\"", "e"), RequiredValue("a", "b")});
  EXPECT_EQ(two.message,
            "Pod \"p\" is invalid: [a: Required value: b, c: Invalid value: \"d\\\"\": e]");
  EXPECT_EQ(
      PrintJson(StatusObject(two)["details"]["causes"][1]),
      R"({"field":"c","message":"Invalid value: \"d\\\"\": e","reason":"FieldValueInvalid"})");
}

TEST(ApiErrorTest, HasNoDetailsWithoutAny) {
  EXPECT_EQ(Printed(BadRequestError("why")),
            R"({"apiVersion":"v1","code":400,"kind":"Status","message":"why","metadata":{},)"
            R"("reason":"BadRequest","status":"Failure"})");
  EXPECT_EQ(PrintJson(StatusObject(TooManyRequestsError("later", 3))["details"]),
            R"({"retryAfterSeconds":3})");
  EXPECT_EQ(PrintJson(StatusObject(InternalServerError("why"))["details"]),
            R"({"causes":[{"message":"why"}]})");
}

TEST(ApiErrorTest, HasCodesAndReasons) {
  struct Row {
    ApiError error;
    int code;
    std::string_view reason;
    StatusCode status;
    std::string_view message;
  };
  const std::vector<Row> rows = {
      {UnknownResourceError(), 404, "NotFound", StatusCode::kNotFound,
       "the server could not find the requested resource"},
      {AlreadyExistsError("", "a", "b"), 409, "AlreadyExists", StatusCode::kAlreadyExists, ""},
      {ConflictError("", "a", "b", "c"), 409, "Conflict", StatusCode::kAborted, ""},
      {InvalidError("", "a", "b", {}), 422, "Invalid", StatusCode::kInvalidArgument, ""},
      {ForbiddenError("", "a", "b", "c"), 403, "Forbidden", StatusCode::kPermissionDenied, ""},
      {MethodNotAllowedError(), 405, "MethodNotAllowed", StatusCode::kUnimplemented,
       "the server does not allow this method on the requested resource"},
      {UnsupportedMediaTypeError("a, b"), 415, "UnsupportedMediaType", StatusCode::kInvalidArgument,
       "the body of the request was in an unknown format - accepted media types include: a, b"},
      {NotAcceptableError("a"), 406, "NotAcceptable", StatusCode::kInvalidArgument,
       "only the following media types are accepted: a"},
      {ExpiredError("old"), 410, "Expired", StatusCode::kOutOfRange, "old"},
      {TooLargeError("limit is 3"), 413, "RequestEntityTooLarge", StatusCode::kResourceExhausted,
       "Request entity too large: limit is 3"},
      {TooManyRequestsError("m", 1), 429, "TooManyRequests", StatusCode::kResourceExhausted, "m"},
      {UnauthorizedError(), 401, "Unauthorized", StatusCode::kUnauthenticated, "Unauthorized"},
      {ServiceUnavailableError("m"), 503, "ServiceUnavailable", StatusCode::kUnavailable, "m"},
      {InternalServerError("m"), 500, "InternalError", StatusCode::kInternal,
       "Internal error occurred: m"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(row.error.code, row.code);
    EXPECT_EQ(row.error.reason, row.reason);
    EXPECT_EQ(ToStatus(row.error).code(), row.status) << row.reason;
    if (!row.message.empty()) {
      EXPECT_EQ(row.error.message, row.message);
    }
  }
  EXPECT_EQ(ToStatus(TooManyRequestsError("m", 7)).retry_after_seconds(), 7);
}

TEST(FieldErrorTest, WordsCausesAsKubernetes) {
  constexpr std::array<std::string_view, 2> kSupported = {"a", "b"};
  EXPECT_EQ(UnsupportedValue("f", "x", kSupported).message,
            "Unsupported value: \"x\": supported values: \"a\", \"b\"");
  EXPECT_EQ(UnsupportedValue("f", "x", kSupported).reason, "FieldValueNotSupported");
  EXPECT_EQ(DuplicateValue("f", 3).message, "Duplicate value: 3");
  EXPECT_EQ(ForbiddenValue("f", "why").message, "Forbidden: why");
  EXPECT_EQ(TooLongValue("f", 63).message, "Too long: may not be more than 63 bytes");
  EXPECT_EQ(TooManyValues("f", 12, 10).message, "Too many: 12: must have at most 10 items");
  EXPECT_EQ(InvalidValue("f", nullptr, "").message, "Invalid value: \"null\"");
  EXPECT_EQ(InvalidValue("f", 2.0, "x").message, "Invalid value: 2: x");
  EXPECT_EQ(InvalidValue("f", true, "x").message, "Invalid value: true: x");
  EXPECT_EQ(TypeInvalidValue("f", "s", "x").reason, "FieldValueTypeInvalid");
}

// As strconv.Quote of Go has them.
TEST(FieldErrorTest, QuotesAsGo) {
  EXPECT_EQ(QuoteText("plain ü"), "\"plain ü\"");
  EXPECT_EQ(QuoteText("\a\b\t\n\v\f\r\"\\"), R"("\a\b\t\n\v\f\r\"\\")");
  EXPECT_EQ(QuoteText(std::string_view("\0\x1f\x7f\xff", 4)), R"("\x00\x1f\x7f\xff")");
  EXPECT_EQ(QuoteText("\u00a0\u200b\ufeff\U000e0001"), R"("\u00a0\u200b\ufeff\U000e0001")");
}

// As %v of Go has them.
TEST(FieldErrorTest, PrintsNumbersAsGo) {
  EXPECT_EQ(NumberText(1), "1");
  EXPECT_EQ(NumberText(-0.5), "-0.5");
  EXPECT_EQ(NumberText(1e20), "100000000000000000000");
  EXPECT_EQ(NumberText(1e21), "1e+21");
  EXPECT_EQ(NumberText(0.00001), "1e-05");
}

}  // namespace
}  // namespace throng::kube
