// The launchers' rows of base/control_limits.h at their bounds, with real processes that only wait.
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "launcher/job_launcher.h"
#include "launcher/local_launcher.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

using namespace std::chrono_literals;

class LauncherBoundsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "bounds-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    program_ = os::JoinPath(directory_, "program");
    std::ofstream(program_) << "#!/bin/sh\nexec sleep 1000\n";
    ASSERT_EQ(chmod(program_.c_str(), 0700), 0);
    loop_ = std::move(*os::EventLoop::Create(os::RealClock()));
  }
  void TearDown() override { EXPECT_TRUE(os::RemoveDirectoryTree(directory_).ok()); }

  template <typename Condition>
  bool RunUntil(Condition condition) {
    const MonotonicTime end = os::RealClock().Now() + 60s;
    while (!condition()) {
      if (os::RealClock().Now() > end) return false;
      loop_->RunOnce(50ms);
    }
    return true;
  }
  static std::string Pod(size_t number) { return "pod-" + std::to_string(number); }

  std::string directory_;
  std::string program_;
  SeededRandom random_{3};
  Logger logger_{{}, os::RealClock(), [](std::string_view) {}};
  std::unique_ptr<os::EventLoop> loop_;
};

TEST_F(LauncherBoundsTest, AsManyJobsAsTheirRowRunAtOnce) {
  const auto launcher = std::move(*LocalJobLauncher::Create(
      *loop_, random_, logger_,
      {.directory = os::JoinPath(directory_, "jobs"), .program = program_, .gateway = [] {
         return std::string("127.0.0.1:1");
       }}));
  const auto start = [&](size_t number) {
    return launcher
        ->Start({.name_space = "default",
                 .pod = Pod(number),
                 .job = "job",
                 .container = "vegeta",
                 .document = "{}"})
        .code();
  };
  for (size_t i = 0; i < limits::kJobRuns; ++i) ASSERT_EQ(start(i), StatusCode::kOk) << i;
  EXPECT_EQ(start(limits::kJobRuns), StatusCode::kResourceExhausted);
  // One that ends makes room.
  launcher->Stop("default", Pod(0));
  ASSERT_TRUE(RunUntil([&] { return !launcher->Find("default", Pod(0)); }));
  EXPECT_EQ(start(limits::kJobRuns), StatusCode::kOk);
  for (const JobRunStatus& run : launcher->List()) launcher->Stop(run.name_space, run.pod);
  EXPECT_TRUE(RunUntil([&] { return launcher->List().empty(); }));
}

TEST_F(LauncherBoundsTest, AsManyReplicasAsTheirRowRunOnOneMachine) {
  const auto launcher =
      std::move(*LocalLauncher::Create(*loop_, random_, logger_,
                                       {.directory = os::JoinPath(directory_, "replicas"),
                                        .program = program_,
                                        .api_socket = "/none"}));
  const auto start = [&](size_t number) {
    return launcher
        ->Start({.name_space = "default", .pod = Pod(number), .inference_service = "service"})
        .code();
  };
  for (size_t i = 0; i < limits::kReplicas; ++i) ASSERT_EQ(start(i), StatusCode::kOk) << i;
  EXPECT_EQ(start(limits::kReplicas), StatusCode::kResourceExhausted);
  launcher->Stop("default", Pod(0), 5s);
  ASSERT_TRUE(RunUntil([&] { return !launcher->Find("default", Pod(0)); }));
  EXPECT_EQ(start(limits::kReplicas), StatusCode::kOk);
  for (const ReplicaStatus& replica : launcher->List()) {
    launcher->Stop(replica.name_space, replica.pod, 5s);
  }
  EXPECT_TRUE(RunUntil([&] { return launcher->List().empty(); }));
}

}  // namespace
}  // namespace throng::launcher
