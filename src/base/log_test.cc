#include "base/log.h"

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "base/utf8.h"

namespace throng {
namespace {

constexpr WallTime kNow = WallTime(std::chrono::microseconds(1621717149469834));

TEST(LogTest, GlogPrefixIsTritons) {
  EXPECT_EQ(FormatLogLine({.process_id = 1}, LogSeverity::kInfo, kNow,
                          "/x/model_repository_manager.cc", 737, "loading: cifar10:1"),
            "I0522 20:59:09.469834 1 model_repository_manager.cc:737] loading: cifar10:1\n");
}

TEST(LogTest, JsonFormEscapes) {
  EXPECT_EQ(FormatLogLine({.format = LogFormat::kJson, .process_id = 7}, LogSeverity::kWarning,
                          kNow, "a.cc", 1, "say \"hi\"\n"),
            "{\"level\":\"warning\",\"ts\":1621717149.469834,\"pid\":7,\"caller\":\"a.cc:1\","
            "\"msg\":\"say \\\"hi\\\"\\u000a\"}\n");
}

TEST(LogTest, ANewlineInTheTextCannotForgeALine) {
  const std::string line =
      FormatLogLine({}, LogSeverity::kInfo, kNow, "a.cc", 1, "x\nI0522 forged");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(LogTest, EscapeForLogKeepsUtf8AndCuts) {
  EXPECT_EQ(EscapeForLog("caf\xc3\xa9\x01\xff\\"), "caf\xc3\xa9\\x01\\xff\\x5c");
  EXPECT_EQ(EscapeForLog("abcdef", 3), "abc...");
}

TEST(Utf8Test, RefusesWhatRfc3629Refuses) {
  EXPECT_TRUE(IsValidUtf8("plain ascii text, more than eight bytes"));
  EXPECT_TRUE(IsValidUtf8("\xf0\x9f\x98\x80\xe2\x82\xac"));
  EXPECT_FALSE(IsValidUtf8("\xc0\x80"));          // overlong NUL
  EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(IsValidUtf8("12345678\xe2\x82"));  // cut off
}

TEST(LoggerTest, WritesOneLinePerMessage) {
  std::string written;
  testing::FakeClock clock;
  const Logger logger({}, clock, [&](std::string_view line) { written += line; });
  THRONG_LOG_ERROR(logger) << "model " << 3;
  EXPECT_NE(written.find("] model 3\n"), std::string::npos);
  EXPECT_EQ(written[0], 'E');
}

}  // namespace
}  // namespace throng
