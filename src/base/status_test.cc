#include "base/status.h"

#include <gtest/gtest.h>

namespace throng {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgumentError("odd");
  return value / 2;
}

Status Quarter(int value, int& out) {
  THRONG_ASSIGN_OR_RETURN(const int half, Half(value));
  THRONG_ASSIGN_OR_RETURN(out, Half(half));
  return OkStatus();
}

TEST(StatusTest, IsOnePointerWide) { EXPECT_EQ(sizeof(Status), sizeof(void*)); }

TEST(StatusTest, PropagatesThroughMacros) {
  int out = 0;
  EXPECT_TRUE(Quarter(8, out).ok());
  EXPECT_EQ(out, 2);
  const Status status = Quarter(6, out);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.ToString(), "INVALID_ARGUMENT: odd");
}

TEST(StatusTest, ContextAndRetryAfterKeepTheCode) {
  const Status status = UnavailableError("full").WithRetryAfter(3).WithContext("queue");
  EXPECT_EQ(status.message(), "queue: full");
  EXPECT_EQ(status.retry_after_seconds(), 3);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(OkStatus().WithContext("x").ok());
}

TEST(StatusTest, UnknownNumbersBecomeUnknown) {
  EXPECT_EQ(StatusCodeFromInt(16), StatusCode::kUnauthenticated);
  EXPECT_EQ(StatusCodeFromInt(17), StatusCode::kUnknown);
}

}  // namespace
}  // namespace throng
