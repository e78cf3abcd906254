#include "storage/retry.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "base/testing/simulated_executor.h"

namespace throng::storage {
namespace {

using std::chrono::seconds;

class RetrierTest : public ::testing::Test {
 protected:
  Retrier MakeRetrier(Duration deadline) {
    return Retrier(
        [this](Duration wait) {
          waits_.push_back(wait);
          clock_.Set(clock_.Now() + wait);
        },
        1, clock_, clock_.Now() + deadline);
  }

  throng::testing::FakeClock clock_;
  CancelFlag cancel_;
  std::vector<Duration> waits_;
};

TEST_F(RetrierTest, WaitsDoubleWithJitterUntilAttemptsAreUsedUp) {
  Retrier retrier(MakeRetrier(seconds(1000)));
  int attempts = 0;
  const Status status = retrier.Run(cancel_, [&attempts]() -> Retrier::Attempt {
    ++attempts;
    return {UnavailableError("down")};
  });
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(attempts, limits::kStorageAttempts);
  ASSERT_EQ(waits_.size(), size_t{limits::kStorageAttempts} - 1);
  Duration step = limits::kStorageBackOff;
  for (const Duration wait : waits_) {
    EXPECT_GE(wait, step / 2);
    EXPECT_LE(wait, step);
    step *= 2;
  }
  EXPECT_EQ(retrier.retries(), limits::kStorageAttempts - 1);
}

TEST_F(RetrierTest, OtherFailuresAndSuccessEndIt) {
  Retrier retrier(MakeRetrier(seconds(1000)));
  int attempts = 0;
  EXPECT_TRUE(retrier
                  .Run(cancel_,
                       [&attempts]() -> Retrier::Attempt {
                         if (++attempts < 3) return {UnavailableError("down")};
                         return {};
                       })
                  .ok());
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(
      retrier.Run(cancel_, []() -> Retrier::Attempt { return {NotFoundError("gone")}; }).code(),
      StatusCode::kNotFound);
  EXPECT_EQ(waits_.size(), 2u);
}

TEST_F(RetrierTest, ProgressBeginsTheRowAnewButTheBudgetEnds) {
  Retrier retrier(MakeRetrier(seconds(100000)));
  int attempts = 0;
  (void)retrier.Run(cancel_, [&attempts]() -> Retrier::Attempt {
    ++attempts;
    return {UnavailableError("reset"), true};
  });
  EXPECT_EQ(attempts, limits::kStorageRetries + 1);
  for (const Duration wait : waits_) EXPECT_LE(wait, limits::kStorageBackOff);
}

TEST_F(RetrierTest, RetryAfterIsHonouredUpToABound) {
  Retrier retrier(MakeRetrier(seconds(1000)));
  int attempts = 0;
  const auto after = [&](int first, int second) {
    attempts = 0;
    return retrier.Run(cancel_, [&]() -> Retrier::Attempt {
      return {UnavailableError("busy").WithRetryAfter(++attempts == 1 ? first : second)};
    });
  };
  const int most = static_cast<int>(limits::kStorageBackOffMost.count());
  EXPECT_EQ(after(most, most + 1).retry_after_seconds(), most + 1);
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(waits_, std::vector<Duration>{limits::kStorageBackOffMost});
}

TEST_F(RetrierTest, NothingIsWaitedForBeyondTheDeadlineOrACancel) {
  Retrier late(MakeRetrier(std::chrono::milliseconds(50)));
  const auto down = []() -> Retrier::Attempt { return {UnavailableError("down")}; };
  EXPECT_EQ(late.Run(cancel_, down).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(waits_.empty());
  Retrier cancelled({}, 1, clock_, clock_.Now() + seconds(1000));
  EXPECT_EQ(cancelled
                .Run(cancel_,
                     [this]() -> Retrier::Attempt {
                       cancel_.Cancel();
                       return {UnavailableError("down")};
                     })
                .code(),
            StatusCode::kCancelled);
}

}  // namespace
}  // namespace throng::storage
