// On real processes: a shell script stands for `throng attack`.
#include "launcher/job_launcher.h"

#include <sys/stat.h>

#include <fstream>

#include <gtest/gtest.h>

#include "os/disk/owned_files.h"
#include "os/file.h"
#include "os/process.h"
#include "os/testing/temporary_directory.h"

namespace throng::launcher {
namespace {

using namespace std::chrono_literals;

// What the document says is done: "good" ends well, "bad" ends badly, "silent" ends well and says
// nothing of it, anything else goes on.
constexpr std::string_view kProgram = R"sh(#!/bin/sh
for argument in "$@"; do
  case $argument in
    --job=*) job=${argument#--job=} ;;
    --result=*) result=${argument#--result=} ;;
  esac
done
echo "$1 $4"
case "$(cat "$job")" in
  good) echo '{"exit":0,"message":"","finishedAtNs":1621717148000000000}' >"$result"; exit 0 ;;
  bad) echo oh no >&2; exit 3 ;;
  silent) exit 0 ;;
esac
exec sleep 1000
)sh";

class JobLauncherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    program_ = os::JoinPath(directory_.path(), "program");
    std::ofstream(program_) << kProgram;
    ASSERT_EQ(chmod(program_.c_str(), 0700), 0);
    loop_ = std::move(*os::EventLoop::Create(os::RealClock()));
    Open();
  }
  void TearDown() override {
    if (launcher_ != nullptr) {
      for (const auto& run : launcher_->List()) launcher_->Stop("default", run.pod);
      EXPECT_TRUE(RunUntil([this] { return launcher_->List().empty(); }));
    }
    launcher_.reset();
  }

  void Open() {
    auto launcher = LocalJobLauncher::Create(*loop_, random_, logger_,
                                             {.directory = os::JoinPath(directory_.path(), "jobs"),
                                              .program = program_,
                                              .gateway = [this] { return gateway_; },
                                              .max_runs = 2});
    ASSERT_TRUE(launcher.ok()) << launcher.status().ToString();
    launcher_ = std::move(*launcher);
    launcher_->OnChange([this](const JobRunStatus& status, bool gone) {
      changes_.push_back(status.pod + (gone ? " gone" : ""));
    });
  }
  template <typename Condition>
  bool RunUntil(Condition condition) {
    const MonotonicTime end = os::RealClock().Now() + 20s;
    while (!condition()) {
      if (os::RealClock().Now() > end) return false;
      loop_->RunOnce(50ms);
    }
    return true;
  }
  bool RunUntilEnded(const std::string& pod) {
    return RunUntil(
        [&] { return launcher_->Find("default", pod)->phase != JobRunPhase::kRunning; });
  }
  Status Start(const std::string& pod, const std::string& document) {
    return launcher_->Start({.name_space = "default",
                             .pod = pod,
                             .job = "load-test",
                             .container = "vegeta",
                             .document = document});
  }
  std::string Log(const std::string& pod) {
    const auto path = launcher_->LogFile("default", pod, "vegeta");
    EXPECT_TRUE(path.ok()) << path.status().ToString();
    const auto text = os::RealFileSystem().Read(*path, 100'000);
    return text.ok() ? *text : "";
  }
  os::ProcessStamp StampOf(const std::string& pod) {
    std::ifstream file(directory_.path() + "/jobs/default/" + pod + "/process");
    std::string mark;
    pid_t pid = 0;
    file >> mark >> pid;
    const auto stamp = os::StampOfProcess(pid);
    return stamp.ok() ? *stamp : os::ProcessStamp{};
  }

  os::testing::TemporaryDirectory directory_;
  std::string program_;
  std::string gateway_ = "127.0.0.1:8080";
  std::vector<std::string> changes_;
  SeededRandom random_{1};
  Logger logger_{{}, os::RealClock(), [](std::string_view) {}};
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<LocalJobLauncher> launcher_;
};

TEST_F(JobLauncherTest, ARunThatDoesItsWorkSucceedsAndKeepsItsLog) {
  ASSERT_TRUE(Start("a", "good").ok());
  EXPECT_EQ(launcher_->Find("default", "a")->phase, JobRunPhase::kRunning);
  ASSERT_TRUE(RunUntilEnded("a"));
  const auto status = launcher_->Find("default", "a");
  EXPECT_EQ(status->phase, JobRunPhase::kSucceeded);
  EXPECT_EQ(status->exit_status, 0);
  EXPECT_EQ(status->ended_at, WallTime(std::chrono::seconds(1621717148)));
  EXPECT_EQ(status->job, "load-test");
  EXPECT_EQ(Log("a"), "attack --gateway=127.0.0.1:8080\n");
  EXPECT_EQ(launcher_->LogFile("default", "a", "other").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(launcher_->LogFile("default", "b", "vegeta").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(Start("a", "good").ok()) << "it is not done again";
  EXPECT_EQ(launcher_->Find("default", "a")->phase, JobRunPhase::kSucceeded);
  EXPECT_EQ(changes_, std::vector<std::string>{"a"});
  launcher_->Stop("default", "a");
  ASSERT_TRUE(RunUntil([this] { return launcher_->List().empty(); }));
  EXPECT_EQ(changes_.back(), "a gone");
  EXPECT_EQ(os::RealFileSystem().Stat(directory_.path() + "/jobs/default/a")->kind,
            os::FileKind::kAbsent);
}

TEST_F(JobLauncherTest, OneThatDoesNotFails) {
  ASSERT_TRUE(Start("a", "bad").ok());
  ASSERT_TRUE(RunUntilEnded("a"));
  auto status = launcher_->Find("default", "a");
  EXPECT_EQ(status->phase, JobRunPhase::kFailed);
  EXPECT_EQ(status->exit_status, 3);
  EXPECT_EQ(status->message, "exit status 3");
  EXPECT_NE(Log("a").find("oh no"), std::string::npos);
  ASSERT_TRUE(Start("b", "silent").ok());
  ASSERT_TRUE(RunUntilEnded("b"));
  EXPECT_EQ(launcher_->Find("default", "b")->phase, JobRunPhase::kFailed);
  ASSERT_TRUE(Start("c", "endless").ok());
  os::ChildProcess process = std::move(*os::FindProcess(StampOf("c")));
  process.Signal(9);
  ASSERT_TRUE(RunUntilEnded("c"));
  status = launcher_->Find("default", "c");
  EXPECT_EQ(status->exit_status, -1);
  EXPECT_EQ(status->message, "killed by signal 9");
}

TEST_F(JobLauncherTest, StartsAreRefusedWithTheReason) {
  gateway_.clear();
  EXPECT_EQ(Start("a", "good").code(), StatusCode::kUnavailable);
  gateway_ = "127.0.0.1:8080";
  EXPECT_EQ(Start("../a", "good").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Start("", "good").code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(Start("a", "endless").ok());
  ASSERT_TRUE(Start("b", "endless").ok());
  EXPECT_EQ(Start("c", "endless").code(), StatusCode::kResourceExhausted);
  launcher_->Stop("default", "a");
  ASSERT_TRUE(RunUntil([this] { return launcher_->List().size() == 1; }));
  ASSERT_TRUE(Start("c", "endless").ok());
}

TEST_F(JobLauncherTest, ALaterLauncherTakesOverWhatRunsAndLearnsWhatEnded) {
  ASSERT_TRUE(Start("ended", "good").ok());
  ASSERT_TRUE(RunUntilEnded("ended"));
  ASSERT_TRUE(Start("killed", "endless").ok());
  ASSERT_TRUE(Start("running", "endless").ok());
  const os::ProcessStamp killed = StampOf("killed");
  const os::ProcessStamp running = StampOf("running");
  const WallTime started = launcher_->Find("default", "running")->started_at;
  launcher_.reset();
  os::ChildProcess process = std::move(*os::FindProcess(killed));
  process.Signal(9);
  ASSERT_TRUE(RunUntil([&] { return process.TryReap().has_value(); }));
  Open();
  EXPECT_EQ(launcher_->Find("default", "ended")->phase, JobRunPhase::kSucceeded);
  ASSERT_TRUE(RunUntilEnded("killed"));
  EXPECT_EQ(launcher_->Find("default", "killed")->phase, JobRunPhase::kFailed);
  EXPECT_EQ(launcher_->Find("default", "killed")->message, "it ended while nobody looked");
  EXPECT_EQ(launcher_->Find("default", "running")->phase, JobRunPhase::kRunning);
  EXPECT_EQ(launcher_->Find("default", "running")->started_at, started);
  EXPECT_TRUE(os::FindProcess(running).ok());
  EXPECT_EQ(StampOf("running"), running) << "no second one was started";
  // The third one reads what the second wrote.
  launcher_.reset();
  Open();
  EXPECT_EQ(launcher_->Find("default", "killed")->message, "it ended while nobody looked");
}

TEST_F(JobLauncherTest, SuspendEndsThemAndTheNextOneTellsThatTheyFailed) {
  ASSERT_TRUE(Start("a", "endless").ok());
  // It has started for real, and says so.
  ASSERT_TRUE(RunUntil([this] { return !Log("a").empty(); }));
  const os::ProcessStamp stamp = StampOf("a");
  launcher_->Suspend();
  ASSERT_TRUE(RunUntil([this] { return launcher_->suspended(); }));
  EXPECT_FALSE(os::FindProcess(stamp).ok());
  EXPECT_EQ(Start("b", "good").code(), StatusCode::kUnavailable);
  EXPECT_TRUE(changes_.empty());
  launcher_.reset();
  Open();
  ASSERT_TRUE(RunUntilEnded("a"));
  EXPECT_EQ(launcher_->Find("default", "a")->phase, JobRunPhase::kFailed);
  EXPECT_FALSE(Log("a").empty()) << "its log is still there";
}

TEST_F(JobLauncherTest, DirectoriesThatHoldNoRunAreLeftAlone) {
  launcher_.reset();
  const std::string path = directory_.path() + "/jobs/default/other";
  ASSERT_TRUE(os::EnsurePrivateDirectory(path).ok());
  ASSERT_TRUE(os::WritePrivateFile(path + "/run.json", "{}").ok());
  Open();
  EXPECT_TRUE(launcher_->List().empty());
  EXPECT_EQ(os::RealFileSystem().Stat(path)->kind, os::FileKind::kDirectory);
}

}  // namespace
}  // namespace throng::launcher
