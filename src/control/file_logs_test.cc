#include "control/file_logs.h"

#include <fstream>

#include <gtest/gtest.h>

#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::control {
namespace {

using namespace std::chrono_literals;

class FileLogsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "logs-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = os::JoinPath(directory_, "log");
    loop_ = std::move(*os::EventLoop::Create(os::RealClock()));
    logs_ = std::make_unique<FileLogs>(
        *loop_,
        [this](const std::string&, const std::string&,
               const std::string& container) -> Result<std::string> {
          if (container != "agent") return NotFoundError("no such container");
          return path_;
        },
        [this](const std::string&, const std::string&) { return over_; });
  }
  void TearDown() override { EXPECT_TRUE(os::RemoveDirectoryTree(directory_).ok()); }

  void Append(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  void Start(kube::server::LogQuery query) {
    query.container = "agent";
    auto reading = logs_->Read(query, {},
                               {.write = [this](std::string_view bytes) { shown_ += bytes; },
                                .finish =
                                    [this](Status status) {
                                      finished_ = true;
                                      EXPECT_TRUE(status.ok()) << status.ToString();
                                    }});
    ASSERT_TRUE(reading.ok());
    reading_ = std::move(*reading);
  }
  template <typename Condition>
  bool RunUntil(Condition condition) {
    const MonotonicTime end = os::RealClock().Now() + 10s;
    while (!condition()) {
      if (os::RealClock().Now() > end) return false;
      loop_->RunOnce(20ms);
    }
    return true;
  }

  std::string directory_;
  std::string path_;
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<FileLogs> logs_;
  std::unique_ptr<kube::server::LogReading> reading_;
  std::string shown_;
  bool finished_ = false;
  bool over_ = false;
};

TEST_F(FileLogsTest, ShowsAllOrTheLastLines) {
  Append("one\ntwo\nthree\n");
  Start({});
  ASSERT_TRUE(RunUntil([this] { return finished_; }));
  EXPECT_EQ(shown_, "one\ntwo\nthree\n");
  shown_.clear();
  finished_ = false;
  Start({.tail_lines = 2});
  ASSERT_TRUE(RunUntil([this] { return finished_; }));
  EXPECT_EQ(shown_, "two\nthree\n");
}

TEST_F(FileLogsTest, FollowsWhatIsWrittenAndARotatedFile) {
  Append("one\n");
  Start({.follow = true});
  ASSERT_TRUE(RunUntil([this] { return shown_ == "one\n"; }));
  Append("two\n");
  ASSERT_TRUE(RunUntil([this] { return shown_ == "one\ntwo\n"; }));
  EXPECT_FALSE(finished_);
  std::ofstream(path_, std::ios::trunc) << "x\n";
  ASSERT_TRUE(RunUntil([this] { return shown_ == "one\ntwo\nx\n"; }));
  ASSERT_TRUE(os::RemoveFile(path_).ok());
  ASSERT_TRUE(RunUntil([this] { return finished_; })) << "its replica is gone";
}

TEST_F(FileLogsTest, FollowingEndsWithWhatWrites) {
  Append("one\n");
  Start({.follow = true});
  ASSERT_TRUE(RunUntil([this] { return shown_ == "one\n"; }));
  EXPECT_FALSE(finished_);
  Append("two\n");
  over_ = true;
  ASSERT_TRUE(RunUntil([this] { return finished_; }));
  EXPECT_EQ(shown_, "one\ntwo\n");
}

TEST_F(FileLogsTest, BoundsAndContainers) {
  Append("one\ntwo\n");
  Start({.limit_bytes = 5});
  ASSERT_TRUE(RunUntil([this] { return finished_; }));
  EXPECT_EQ(shown_, "one\nt");
  EXPECT_EQ(logs_->Read({.container = "other"}, {}, {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(logs_->Read({.container = "agent", .previous = true}, {}, {}).status().code(),
            StatusCode::kNotFound);
}

TEST_F(FileLogsTest, PutsTheTimeBeforeEachLine) {
  Append(R"({"level":"info","ts":1621717148.5,"msg":"x"})"
         "\nof no time\nnot whole");
  Start({.timestamps = true});
  ASSERT_TRUE(RunUntil([this] { return finished_; }));
  EXPECT_EQ(shown_, R"(2021-05-22T20:59:08.500000Z {"level":"info","ts":1621717148.5,"msg":"x"})"
                    "\n2021-05-22T20:59:08.500000Z of no time\n"
                    "2021-05-22T20:59:08.500000Z not whole");
}

TEST_F(FileLogsTest, AFollowedLineIsStampedWhenItIsWhole) {
  Append("{\"ts\":1621717148.5,");
  Start({.follow = true, .timestamps = true});
  Append("\"msg\":1}\n");
  ASSERT_TRUE(RunUntil([this] { return !shown_.empty(); }));
  EXPECT_EQ(shown_, "2021-05-22T20:59:08.500000Z {\"ts\":1621717148.5,\"msg\":1}\n");
}

TEST(TimeOfLogLineTest, ReadsBothForms) {
  const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2);
  EXPECT_EQ(TimeOfLogLine(R"({"level":"info","ts":1621717148.5,"msg":"x"})", now),
            WallTime(std::chrono::milliseconds(1621717148500)));
  EXPECT_EQ(TimeOfLogLine("I0101 20:59:09.469834 1 a.cc:1] x", now),
            WallTime(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) + 20h + 59min + 9s +
                469834us);
  EXPECT_EQ(TimeOfLogLine("I1231 00:00:00.0 1 a.cc:1] x", now),
            WallTime(std::chrono::sys_days(std::chrono::year(2025) / 12 / 31)));
  for (const char* odd : {"1e300", "-1e300", "nan", "inf", "-1", "9e9"}) {
    EXPECT_FALSE(TimeOfLogLine(std::string(R"({"ts":)") + odd + "}", now).has_value()) << odd;
  }
  EXPECT_FALSE(TimeOfLogLine("plain text", now).has_value());
  EXPECT_FALSE(TimeOfLogLine("", now).has_value());
  EXPECT_FALSE(TimeOfLogLine("I9999 99:99:99", now).has_value());
}

TEST(StartOfLastLinesTest, CountsLines) {
  EXPECT_EQ(StartOfLastLines("a\nb\nc\n", 1), 4u);
  EXPECT_EQ(StartOfLastLines("a\nb\nc", 1), 4u);
  EXPECT_EQ(StartOfLastLines("a\nb\n", 5), 0u);
  EXPECT_EQ(StartOfLastLines("a\n", 0), 2u);
  EXPECT_EQ(StartOfLastLines("", 3), 0u);
}

}  // namespace
}  // namespace throng::control
