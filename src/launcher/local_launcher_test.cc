// On real processes: a shell script stands for the program and writes a ports file as a server
// does.
#include "launcher/local_launcher.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "launcher/managed_process.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kProgram = R"(#!/bin/sh
echo "$@"
echo "environment $COLOUR"
if [ "$1" = serve ]; then
  for argument in "$@"; do
    case $argument in --ports-file=*) file=${argument#--ports-file=} ;; esac
  done
  case "$*" in *--bad-flag*) echo unknown argument >&2; exit 2 ;; esac
  echo '{"http":1234,"grpc":1235,"metrics":1236}' >"$file.new" && mv "$file.new" "$file"
fi
exec sleep 1000
)";

class LocalLauncherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "launcher-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    program_ = os::JoinPath(directory_, "program");
    std::ofstream(program_) << kProgram;
    ASSERT_EQ(chmod(program_.c_str(), 0700), 0);
    loop_ = std::move(*os::EventLoop::Create(os::RealClock()));
    Open();
  }
  void TearDown() override {
    if (launcher_ != nullptr) {
      for (const auto& replica : launcher_->List()) launcher_->Stop("default", replica.pod, 5s);
      EXPECT_TRUE(RunUntil([this] { return launcher_->List().empty(); }));
    }
    launcher_.reset();
    EXPECT_TRUE(os::RemoveDirectoryTree(directory_).ok());
  }

  void Open() {
    auto launcher = LocalLauncher::Create(*loop_, random_, logger_, Options());
    ASSERT_TRUE(launcher.ok()) << launcher.status().ToString();
    launcher_ = std::move(*launcher);
  }
  LocalLauncherOptions Options() const {
    return {.directory = os::JoinPath(directory_, "replicas"),
            .program = program_,
            .api_socket = "/none",
            .agent_arguments = {"--mirror=a=b"},
            .max_replicas = 2};
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
  bool IsReady(const std::string& pod) {
    const auto status = launcher_->Find("default", pod);
    return status && status->phase == ReplicaPhase::kReady;
  }
  std::string Log(const std::string& pod, const std::string& container) {
    const auto path = launcher_->LogFile("default", pod, container);
    return path.ok() ? os::RealFileSystem().Read(*path, 100'000).status().ok()
                           ? *os::RealFileSystem().Read(*path, 100'000)
                           : ""
                     : "";
  }
  pid_t ServerPid(const std::string& pod) { return Pid(pod, "server"); }
  pid_t Pid(const std::string& pod, const std::string& which) {
    std::ifstream file(directory_ + "/replicas/default/" + pod + "/" + which + ".process");
    std::string mark;
    pid_t pid = 0;
    file >> mark >> pid;
    return pid;
  }
  void KillServer(const std::string& pod) { Kill(pod, "server"); }
  void Kill(const std::string& pod, const std::string& which) {
    auto process = os::FindProcess(*os::StampOfProcess(Pid(pod, which)));
    ASSERT_TRUE(process.ok());
    process->Signal(9);
  }
  static ReplicaSpec Spec(const std::string& pod) {
    return {.name_space = "default",
            .pod = pod,
            .inference_service = "mms",
            .server_arguments = {"--log-verbose=1"},
            .environment = {"COLOUR=red"},
            .memory_limit_bytes = 1 << 30,
            .compute_threads = 2};
  }

  std::string directory_;
  std::string program_;
  SeededRandom random_{1};
  Logger logger_{{}, os::RealClock(), [](std::string_view) {}};
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<LocalLauncher> launcher_;
};

TEST_F(LocalLauncherTest, AReplicaIsReadyWhenItsServerListens) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const auto status = launcher_->Find("default", "pod-a");
  EXPECT_EQ(status->address, "127.0.0.1");
  EXPECT_EQ(status->http_port, 1234);
  EXPECT_EQ(status->grpc_port, 1235);
  EXPECT_EQ(status->metrics_port, 1236);
  const std::string log = Log("pod-a", "kfserving-container");
  EXPECT_NE(log.find("--load=explicit"), std::string::npos) << log;
  EXPECT_NE(log.find("--memory-limit=1073741824 --compute-threads=2 --log-verbose=1"),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("environment red"), std::string::npos);
  ASSERT_TRUE(
      RunUntil([this] { return Log("pod-a", "agent").find("environment") != std::string::npos; }));
  EXPECT_NE(Log("pod-a", "agent").find("--replica=pod-a"), std::string::npos);
  EXPECT_NE(Log("pod-a", "agent").find("--mirror=a=b"), std::string::npos);
  EXPECT_EQ(Log("pod-a", "agent").find("environment red"), std::string::npos)
      << "what a model's owner sets is not the agent's";
  EXPECT_FALSE(launcher_->LogFile("default", "pod-a", "other").ok());
}

TEST_F(LocalLauncherTest, AKilledServerStartsAgainAndIsToldOf) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  auto seen = std::make_shared<std::vector<ReplicaPhase>>();
  launcher_->OnChange([seen](const ReplicaStatus& status, bool) { seen->push_back(status.phase); });
  const std::vector<ReplicaPhase>& phases = *seen;
  KillServer("pod-a");
  ASSERT_TRUE(RunUntil([&] { return !phases.empty() && phases.back() == ReplicaPhase::kReady; }));
  EXPECT_EQ(phases.front(), ReplicaPhase::kBackOff);
  const auto status = launcher_->Find("default", "pod-a");
  EXPECT_EQ(status->server_restart_count, 1);
  EXPECT_EQ(status->last_end, "killed by signal 9");
}

TEST_F(LocalLauncherTest, AServerThatIsGoneHasNoPorts) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const std::string ports = directory_ + "/replicas/default/pod-a/ports";
  EXPECT_EQ(access(ports.c_str(), F_OK), 0);
  KillServer("pod-a");
  bool were_gone = false;
  ASSERT_TRUE(RunUntil([&] {
    const auto status = launcher_->Find("default", "pod-a");
    if (status->phase == ReplicaPhase::kBackOff) were_gone |= access(ports.c_str(), F_OK) != 0;
    return status->server_restart_count == 1 && status->phase == ReplicaPhase::kReady;
  }));
  EXPECT_TRUE(were_gone);
  EXPECT_EQ(access(ports.c_str(), F_OK), 0);
}

TEST_F(LocalLauncherTest, ABadFlagIsSeenInTheEnd) {
  ReplicaSpec spec = Spec("pod-a");
  spec.server_arguments = {"--bad-flag"};
  ASSERT_TRUE(launcher_->Start(spec).ok());
  ASSERT_TRUE(RunUntil(
      [this] { return launcher_->Find("default", "pod-a")->phase == ReplicaPhase::kBackOff; }));
  EXPECT_EQ(launcher_->Find("default", "pod-a")->last_end, "exit status 2");
}

TEST_F(LocalLauncherTest, ReplicasOutliveTheLauncherAndAreTakenOver) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const pid_t pid = ServerPid("pod-a");
  const std::string description = directory_ + "/replicas/default/pod-a/replica.json";
  const auto written = os::RealFileSystem().Stat(description)->modified_ns;
  launcher_.reset();
  Open();
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  EXPECT_EQ(ServerPid("pod-a"), pid);
  EXPECT_EQ(os::RealFileSystem().Stat(description)->modified_ns, written)
      << "what runs is found on a full disk, too";
  EXPECT_TRUE(launcher_->Start(Spec("pod-a")).ok()) << "it runs already";
}

TEST_F(LocalLauncherTest, AServerWhoseStampWasNeverWrittenIsTakenOverToo) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const pid_t pid = ServerPid("pod-a");
  launcher_.reset();
  const std::string file = directory_ + "/replicas/default/pod-a/server.process";
  std::string mark;
  std::ifstream(file) >> mark;
  std::ofstream(file) << mark << "\n";  // as if the launcher had ended in between
  Open();
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  EXPECT_EQ(launcher_->Find("default", "pod-a")->server_restart_count, 0);
  auto process = os::FindProcess(*os::StampOfProcess(pid));
  EXPECT_TRUE(process.ok()) << "the same one runs";
}

TEST_F(LocalLauncherTest, AServerThatEndedMeanwhileIsStartedAgain) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const pid_t pid = ServerPid("pod-a");
  launcher_.reset();
  auto process = os::FindProcess(*os::StampOfProcess(pid));
  ASSERT_TRUE(process.ok());
  process->Signal(9);
  Open();
  ASSERT_TRUE(RunUntil([&] { return IsReady("pod-a") && ServerPid("pod-a") != pid; }));
}

TEST_F(LocalLauncherTest, StopEndsBothProcessesAndRemovesTheDirectory) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const auto stamp = os::StampOfProcess(ServerPid("pod-a"));
  auto gone = std::make_shared<bool>(false);
  launcher_->OnChange([gone](const ReplicaStatus&, bool is_gone) { *gone |= is_gone; });
  launcher_->Stop("default", "pod-a", 5s);
  ASSERT_TRUE(RunUntil([&] { return *gone; }));
  EXPECT_FALSE(os::FindProcess(*stamp).ok());
  EXPECT_FALSE(launcher_->Find("default", "pod-a").has_value());
  EXPECT_EQ(os::RealFileSystem().List(directory_ + "/replicas/default")->size(), 0u);
}

TEST_F(LocalLauncherTest, AnAgentThatEndedTakesNothingFromItsServer) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  auto seen = std::make_shared<std::vector<ReplicaStatus>>();
  launcher_->OnChange([seen](const ReplicaStatus& status, bool) { seen->push_back(status); });
  Kill("pod-a", "agent");
  ASSERT_TRUE(RunUntil([&] { return !seen->empty(); }));
  EXPECT_TRUE(seen->front().agent_waits);
  EXPECT_EQ(seen->front().last_end, "agent: killed by signal 9");
  ASSERT_TRUE(RunUntil([&] { return !seen->back().agent_waits; }));
  EXPECT_EQ(seen->back().agent_restart_count, 1);
  for (const ReplicaStatus& status : *seen) EXPECT_EQ(status.phase, ReplicaPhase::kReady);
}

TEST_F(LocalLauncherTest, WhatACrashLeftOfARemovedReplicaIsDeleted) {
  const std::string root = directory_ + "/replicas";
  const std::string left = root + "/.gone-0";
  ASSERT_TRUE(os::EnsurePrivateDirectory(left + "/models/a").ok());
  std::ofstream(left + "/models/a/model.pt") << "bytes";
  launcher_.reset();
  Open();
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  launcher_->Stop("default", "pod-a", 5s);
  ASSERT_TRUE(RunUntil([this] { return launcher_->List().empty(); }));
  EXPECT_EQ(os::RealFileSystem().List(root + "/default")->size(), 0u);
  launcher_.reset();
  EXPECT_EQ(os::RealFileSystem().List(root)->size(), 1u) << "only the namespace is left";
}

TEST_F(LocalLauncherTest, SuspendKeepsWhatTheNextLauncherStartsAgain) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  const auto stamp = os::StampOfProcess(ServerPid("pod-a"));
  const std::string model = directory_ + "/replicas/default/pod-a/models/kept";
  std::ofstream(model) << "bytes";
  launcher_->Suspend(5s);
  EXPECT_EQ(launcher_->Start(Spec("pod-b")).code(), StatusCode::kUnavailable);
  ASSERT_TRUE(RunUntil([this] { return launcher_->suspended(); }));
  EXPECT_FALSE(os::FindProcess(*stamp).ok());
  Open();
  ASSERT_TRUE(RunUntil([this] { return IsReady("pod-a"); }));
  EXPECT_EQ(*os::RealFileSystem().Read(model, 100), "bytes");
}

TEST_F(LocalLauncherTest, RefusesOtherSpecsBadNamesAndOneTooMany) {
  ASSERT_TRUE(launcher_->Start(Spec("pod-a")).ok());
  ReplicaSpec other = Spec("pod-a");
  other.server_arguments.clear();
  EXPECT_EQ(launcher_->Start(other).code(), StatusCode::kAlreadyExists);
  for (const char* name : {"", ".", "..", "a/b", "A", "a b"}) {
    EXPECT_EQ(launcher_->Start(Spec(name)).code(), StatusCode::kInvalidArgument) << name;
  }
  ASSERT_TRUE(launcher_->Start(Spec("pod-b")).ok());
  EXPECT_EQ(launcher_->Start(Spec("pod-c")).code(), StatusCode::kResourceExhausted);
}

TEST_F(LocalLauncherTest, AProcessThatIsNotToRestartEndsOnce) {
  ManagedProcess job(*loop_, random_,
                     {.name = "job",
                      .spec = {.program = "/bin/sh", .arguments = {"-c", "echo done; exit 3"}},
                      .log_path = os::JoinPath(directory_, "job.log"),
                      .state_path = os::JoinPath(directory_, "job.process"),
                      .restart = false},
                     [] {});
  job.Start();
  ASSERT_TRUE(RunUntil([&] { return job.state() == ManagedState::kEnded; }));
  EXPECT_EQ(job.last_exit_status(), 3);
  EXPECT_EQ(*os::RealFileSystem().Read(os::JoinPath(directory_, "job.log"), 100), "done\n");
}

}  // namespace
}  // namespace throng::launcher
