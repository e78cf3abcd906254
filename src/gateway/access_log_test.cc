#include "gateway/access_log.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "http/testing/server_harness.h"
#include "os/file.h"
#include "os/testing/temporary_directory.h"

namespace throng::gateway {
namespace {

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() { log_ = std::move(*AccessLog::Open(harness_.loop(), Path())); }

  std::string Path() const { return os::JoinPath(directory_.path(), "access.log"); }
  std::string Text(const std::string& suffix = "") const {
    const auto text = os::RealFileSystem().Read(Path() + suffix, 4 * limits::kLogFileBytes);
    return text.ok() ? *text : "";
  }
  bool WaitForText(const std::string& text) {
    harness_.Advance(limits::kGatewayAccessDelay);
    return harness_.RunUntil([&] { return Text() == text; });
  }

  os::testing::TemporaryDirectory directory_;
  http::testing::ServerHarness harness_;
  std::unique_ptr<AccessLog> log_;
};

TEST_F(AccessLogTest, LinesAreWrittenTogetherAfterAWhile) {
  log_->Add("one\n");
  harness_.Settle();
  EXPECT_EQ(Text(), "");
  log_->Add("two\n");
  EXPECT_TRUE(WaitForText("one\ntwo\n"));
  log_->Add("three\n");
  EXPECT_TRUE(WaitForText("one\ntwo\nthree\n"));
  EXPECT_EQ(log_->lost_count(), 0u);
}

TEST_F(AccessLogTest, NothingIsLostAtTheEnd) {
  log_->Add("last\n");
  log_.reset();
  EXPECT_EQ(Text(), "last\n");
}

TEST_F(AccessLogTest, WhatFindsNoRoomIsLostAndCounted) {
  log_->Add(std::string(limits::kGatewayAccessBytes - 1, 'x'));
  EXPECT_EQ(log_->lost_count(), 0u);
  log_->Add("\n");
  EXPECT_EQ(log_->lost_count(), 0u);
  log_->Add("\n");
  EXPECT_EQ(log_->lost_count(), 1u);
  log_.reset();
  EXPECT_EQ(Text().size(), limits::kGatewayAccessBytes);
}

TEST_F(AccessLogTest, TheFileHasABoundAndOneOlder) {
  const std::string lines(limits::kGatewayAccessBytes / 2, 'x');
  size_t written = 0;
  while (written <= limits::kLogFileBytes) {
    log_->Add(lines);
    written += lines.size();
    harness_.Advance(limits::kGatewayAccessDelay);
    const size_t wanted = written > limits::kLogFileBytes ? 0 : written;
    ASSERT_TRUE(harness_.RunUntil([&] { return Text().size() == wanted; })) << written;
  }
  EXPECT_EQ(log_->lost_count(), 0u);
  log_.reset();
  EXPECT_EQ(Text(".1").size(), written);
}

}  // namespace
}  // namespace throng::gateway
