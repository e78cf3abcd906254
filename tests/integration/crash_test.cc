// What a crash may cost: processes of models and of frameworks are killed or kill themselves while
// others are asked without a pause.
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/testing/caller.h"
#include "tests/integration/testing/eventually.h"
#include "tests/integration/testing/null_model.h"
#include "tests/integration/testing/server_process.h"
#include "tests/integration/testing/traffic.h"

namespace throng::integration {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

int Rounds(int usual) {
  const char* full = std::getenv("THRONG_TEST_FULL");
  return full != nullptr && std::string(full) == "1" ? usual * 10 : usual;
}

// The first failure that is not a clear 503 for the request that ran in a killed process.
std::string Unexpected(const std::vector<FailedRequest>& failures) {
  for (const FailedRequest& failed : failures) {
    const bool clear = failed.status == 503 && failed.wrong.empty() &&
                       failed.text.find("process ended: SIGKILL") != std::string::npos &&
                       !failed.retry_after.empty();
    if (!clear) return failed.model + ": " + std::to_string(failed.status) + " " + failed.text;
  }
  return "";
}

json IndexEntry(Caller& caller, const std::string& model) {
  const json index = json::parse(caller.Post("/v2/repository/index", "{}").body, nullptr, false);
  for (const json& entry : index) {
    if (entry.value("name", "") == model) return entry;
  }
  return json::object();
}

class CrashTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> arguments = {}) {
    arguments.push_back(models_.path());
    server_ = std::make_unique<ServerProcess>(std::move(arguments));
    ASSERT_EQ(server_->WhyNotListening(), "");
    ASSERT_TRUE(server_->WaitUntilScanned()) << server_->Log();
    caller_ = std::make_unique<Caller>(server_->http_port());
    traffic_ = std::make_unique<Traffic>(server_->http_port());
  }
  void TearDown() override {
    traffic_ = nullptr;
    if (server_ != nullptr) {
      EXPECT_EQ(server_->Stop(), 0) << server_->Log();
    }
  }

  // Models of several frameworks, each asked by a client without a pause.
  void AddNeighbours(int count) {
    for (int i = 0; i < count; ++i) AddNullModel(models_, "echo-" + std::to_string(i), "");
    if (HasRunner("onnx")) models_.Copy(SourceFile("examples/models/tiny-mlp.onnx"), "mlp.onnx");
  }
  void StartTraffic(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string name = "echo-" + std::to_string(i);
      ASSERT_EQ(caller_->Infer(name, NullRequest(i)).status, 200);
      traffic_->Add(name, NullRequest(i));
    }
    if (!HasRunner("onnx")) return;
    const std::string request = ReadFile(SourceFile("examples/requests/tiny-mlp.json"));
    ASSERT_EQ(caller_->Infer("mlp", request).status, 200);
    traffic_->Add("mlp", request);
  }
  // Ends the traffic, of which nothing may have failed.
  void ExpectNoFailure() {
    EXPECT_TRUE(traffic_->WaitForAnswers(50)) << traffic_->FailureText();
    traffic_->Stop();
    EXPECT_EQ(traffic_->FailureText(), "");
    EXPECT_TRUE(server_->Running());
  }

  TemporaryFolder models_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Caller> caller_;
  std::unique_ptr<Traffic> traffic_;
};

// --- killed from outside ----------------------------------------------------------------------

// A cell runs one call at a time, so each kill may cost one request, and nothing else.
TEST_F(CrashTest, KilledCellCostsAtMostTheRequestThatItWasRunning) {
  AddNeighbours(4);
  AddNullModel(models_, "slow-0", "behavior: sleep\nmilliseconds: 3");
  AddNullModel(models_, "slow-1", "behavior: sleep\nmilliseconds: 3");
  Start();
  StartTraffic(4);
  traffic_->Add("slow-0", NullRequest(0));
  traffic_->Add("slow-1", NullRequest(0));
  std::minstd_rand random(20260522);
  const int kills = Rounds(40);
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    ASSERT_TRUE(traffic_->WaitForAnswers(20)) << traffic_->FailureText();
    const std::vector<pid_t> cells = server_->Cells();
    if (cells.empty()) continue;
    killed += kill(cells[random() % cells.size()], SIGKILL) == 0;
  }
  ASSERT_TRUE(traffic_->WaitForAnswers(100)) << traffic_->FailureText();
  traffic_->Stop();
  EXPECT_GE(killed, kills / 2);
  const std::vector<FailedRequest> failures = traffic_->failures();
  std::printf("%d cells killed, %zu requests failed, %lld answered\n", killed, failures.size(),
              static_cast<long long>(traffic_->answered()));
  EXPECT_LE(failures.size(), static_cast<size_t>(killed));
  EXPECT_EQ(Unexpected(failures), "");
  // No offence: nobody is kept out.
  EXPECT_EQ(server_->Metric("throng_model_offences_total"), 0);
  for (const char* name : {"echo-0", "echo-1", "echo-2", "echo-3", "slow-0", "slow-1"}) {
    EXPECT_EQ(caller_->Infer(name, NullRequest(1)).status, 200) << name;
  }
}

TEST_F(CrashTest, AllCellsKilledAtOnceCostOnlyWhatTheyWereRunning) {
  AddNeighbours(3);
  Start();
  StartTraffic(3);
  size_t killed = 0;
  for (int i = 0; i < Rounds(10); ++i) {
    ASSERT_TRUE(traffic_->WaitForAnswers(50)) << traffic_->FailureText();
    for (const pid_t cell : server_->Cells()) killed += kill(cell, SIGKILL) == 0;
  }
  ASSERT_TRUE(traffic_->WaitForAnswers(100)) << traffic_->FailureText();
  traffic_->Stop();
  EXPECT_LE(traffic_->failures().size(), killed);
  EXPECT_EQ(Unexpected(traffic_->failures()), "");
}

TEST_F(CrashTest, IdleCellsAreReplacedWithoutAFailure) {
  AddNullModel(models_, "echo", "");
  Start();
  for (int i = 0; i < Rounds(10); ++i) {
    ASSERT_EQ(caller_->Infer("echo", NullRequest(i)).status, 200);
    for (const pid_t cell : server_->Cells()) kill(cell, SIGKILL);
  }
  EXPECT_EQ(caller_->Infer("echo", NullRequest(1)).status, 200);
}

// The churn makes a fork likely to be under way when the framework's process is killed.
TEST_F(CrashTest, KilledZygoteFailsNothing) {
  AddNeighbours(4);
  AddNullModel(models_, "churn", "");
  Start();
  StartTraffic(4);
  std::atomic<bool> stop = false;
  std::atomic<int> churned = 0;
  std::thread churn([&] {
    Caller caller(server_->http_port());
    while (!stop) {
      for (const char* verb : {"load", "unload"}) {
        const Answer answer = caller.Post(std::string("/v2/repository/models/churn/") + verb, "{}");
        EXPECT_EQ(answer.status, 200) << verb << ": " << answer.body;
      }
      ++churned;
    }
  });
  int killed = 0;
  for (int i = 0; i < Rounds(40) && killed < Rounds(12); ++i) {
    // A load that began after the last kill has started a new one.
    const int before = churned;
    if (!traffic_->WaitForAnswers(30) || !Eventually([&] { return churned > before + 1; })) break;
    for (const auto& [name, zygote] : server_->Zygotes()) {
      if (!HasEnded(zygote)) killed += kill(zygote, SIGKILL) == 0;
    }
  }
  stop = true;
  churn.join();
  std::printf("%d zygotes killed, %lld requests answered, %d loads and unloads\n", killed,
              static_cast<long long>(traffic_->answered()), churned.load());
  EXPECT_GE(killed, Rounds(12));
  ExpectNoFailure();
  // Of those that were cloned for a zygote that could not tell of them any more, too.
  EXPECT_TRUE(Eventually([&] { return server_->Zombies().empty(); }));
}

// Others load meanwhile, and its own cells go on.
TEST_F(CrashTest, StoppedZygoteHoldsUpItsColdModelsForAWhileOnly) {
  AddNeighbours(1);
  // One of them may find a spare process.
  constexpr int kColdModels = 2;
  for (int i = 0; i < kColdModels; ++i) {
    const std::string name = "cold-" + std::to_string(i);
    AddNullModel(models_, name, "");
    models_.Write(name + "/config.pbtxt",
                  "parameters { key: \"isolation\" value { string_value: \"model\" } }\n");
  }
  Start();
  ASSERT_EQ(caller_->Infer("echo-0", NullRequest(0)).status, 200);
  const pid_t stopped = server_->Zygotes().at("null");
  ASSERT_EQ(kill(stopped, SIGSTOP), 0);
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  clients.reserve(kColdModels);
  for (int i = 0; i < kColdModels; ++i) {
    clients.emplace_back([&, i] {
      Caller caller(server_->http_port());
      const Answer answer = caller.Infer("cold-" + std::to_string(i), NullRequest(1));
      EXPECT_EQ(answer.status, 200) << answer.body;
      ++answered;
    });
  }
  EXPECT_EQ(caller_->Infer("echo-0", NullRequest(1)).status, 200);
  if (HasRunner("onnx")) {
    const std::string request = ReadFile(SourceFile("examples/requests/tiny-mlp.json"));
    EXPECT_EQ(caller_->Infer("mlp", request).status, 200);
  }
  EXPECT_LT(answered, kColdModels);
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(HasEnded(stopped));
}

TEST_F(CrashTest, ZygoteAndItsCellsKilledTogetherCostOnlyWhatRan) {
  AddNeighbours(2);
  Start();
  StartTraffic(2);
  size_t cells_killed = 0;
  const std::string mlp_request = ReadFile(SourceFile("examples/requests/tiny-mlp.json"));
  for (int i = 0; i < Rounds(6); ++i) {
    ASSERT_TRUE(traffic_->WaitForAnswers(30)) << traffic_->FailureText();
    if (HasRunner("onnx")) {
      ASSERT_EQ(caller_->Infer("mlp", mlp_request).status, 200);
    }
    for (const auto& [name, zygote] : server_->Zygotes()) kill(zygote, SIGKILL);
    for (const pid_t cell : server_->Cells()) cells_killed += kill(cell, SIGKILL) == 0;
  }
  ASSERT_TRUE(traffic_->WaitForAnswers(50)) << traffic_->FailureText();
  traffic_->Stop();
  EXPECT_LE(traffic_->failures().size(), cells_killed);
  EXPECT_EQ(Unexpected(traffic_->failures()), "");
}

// --- faults of a model's own -------------------------------------------------------------------

TEST_F(CrashTest, ModelThatEndsItsProcessGetsAReasonAndNeighboursNoticeNothing) {
  AddNeighbours(3);
  constexpr const char* kBehaviors[] = {"segfault", "abort", "exit", "spin", "raise"};
  for (const char* behavior : kBehaviors) {
    AddNullModel(models_, behavior, std::string("behavior: ") + behavior);
  }
  Start({"--execution-deadline=1"});
  StartTraffic(3);
  for (const char* behavior : kBehaviors) {
    SCOPED_TRACE(behavior);
    const Answer answer = caller_->Infer(behavior, NullRequest(1));
    EXPECT_EQ(WrongWithError(answer), "");
    const std::string name = behavior;
    EXPECT_EQ(answer.status, name == "raise" ? 500 : name == "spin" ? 504 : 503) << answer.body;
  }
  ExpectNoFailure();
}

TEST_F(CrashTest, ModelThatLeavesIsLoadedAgainAtTheNextRequest) {
  AddNullModel(models_, "leaves", "kill_after: 3");
  Start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(caller_->Infer("leaves", NullRequest(i)).status, 200);
  const Answer answer = caller_->Infer("leaves", NullRequest(3));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(WrongWithError(answer), "");
  EXPECT_EQ(caller_->Infer("leaves", NullRequest(4)).status, 200);
}

TEST_F(CrashTest, CallPastTheExecutionDeadlineIsAnswered504) {
  AddNeighbours(2);
  AddNullModel(models_, "stuck", "behavior: never_answer");
  Start({"--execution-deadline=1"});
  StartTraffic(2);
  const Answer answer = caller_->Infer("stuck", NullRequest(1));
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(WrongWithError(answer), "");
  ExpectNoFailure();
}

TEST_F(CrashTest, StoppedProcessIsEndedAtTheDeadline) {
  AddNullModel(models_, "echo", "");
  Start({"--execution-deadline=1"});
  ASSERT_EQ(caller_->Infer("echo", NullRequest(1)).status, 200);
  for (const pid_t cell : server_->Cells()) kill(cell, SIGSTOP);
  EXPECT_EQ(caller_->Infer("echo", NullRequest(1)).status, 504);
  // The stopped ones count as spares too: none of them may be waited for without an end.
  EXPECT_TRUE(Eventually([&] {
    for (const pid_t cell : server_->Cells()) kill(cell, SIGCONT);
    return caller_->Infer("echo", NullRequest(1)).status == 200;
  }));
}

TEST_F(CrashTest, SlowCallDoesNotHoldUpItsNeighbours) {
  AddNullModel(models_, "slow", "behavior: sleep");
  for (int i = 0; i < 4; ++i) AddNullModel(models_, "echo-" + std::to_string(i), "");
  Start();
  ASSERT_EQ(caller_->Infer("slow", NullRequest(0)).status, 200);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(caller_->Infer("echo-" + std::to_string(i), NullRequest(1)).status, 200);
  }
  std::atomic<bool> slow_done = false;
  std::thread slow([&] {
    Caller caller(server_->http_port());
    EXPECT_EQ(caller.Infer("slow", NullRequest(6000)).status, 200);
    slow_done = true;
  });
  EXPECT_TRUE(Eventually([&] { return server_->Metric("throng_inferences_in_flight") == 1; }));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(caller_->Infer("echo-" + std::to_string(i), NullRequest(1)).status, 200);
  }
  EXPECT_FALSE(slow_done);
  slow.join();
}

TEST_F(CrashTest, SuspectRunsAloneAfterItsFirstCrash) {
  AddNullModel(models_, "echo", "");
  AddNullModel(models_, "suspect", "crash_after: 1");
  Start();
  const auto load = [&](const std::string& model) {
    return caller_->Post("/v2/repository/models/" + model + "/load", "{}").status;
  };
  ASSERT_EQ(load("echo"), 200);
  ASSERT_EQ(load("suspect"), 200);  // into the same process, as nothing runs there
  ASSERT_EQ(caller_->Infer("suspect", NullRequest(1)).status, 200);
  ASSERT_EQ(caller_->Infer("suspect", NullRequest(1)).status, 503);
  ASSERT_TRUE(server_->WaitForLog("; 2 models of it", seconds(5))) << server_->Log();
  ASSERT_EQ(load("suspect"), 200);
  ASSERT_EQ(load("echo"), 200);
  ASSERT_EQ(caller_->Infer("suspect", NullRequest(1)).status, 200);
  ASSERT_EQ(caller_->Infer("suspect", NullRequest(1)).status, 503);
  EXPECT_TRUE(server_->WaitForLog("; 1 models of it", seconds(5))) << server_->Log();
}

TEST_F(CrashTest, RepeatOffenderIsKeptOutAndSaysWhy) {
  AddNeighbours(2);
  AddNullModel(models_, "offender", "behavior: segfault");
  Start();
  StartTraffic(2);
  EXPECT_EQ(caller_->Infer("offender", NullRequest(1)).status, 503);
  EXPECT_EQ(caller_->Infer("offender", NullRequest(1)).status, 503);
  const int64_t crashes = server_->Metric("throng_cells_crashed_total");
  const Answer refused = caller_->Infer("offender", NullRequest(1));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(WrongWithError(refused), "");
  EXPECT_NE(refused.Header("Retry-After"), "");
  EXPECT_NE(refused.body.find("SIGSEGV"), std::string::npos) << refused.body;
  EXPECT_EQ(server_->Metric("throng_cells_crashed_total"), crashes);  // it was not tried
  const Answer ready = caller_->Get("/v2/models/offender/ready");
  EXPECT_NE(ready.status, 200);
  EXPECT_NE(ready.body.find("SIGSEGV"), std::string::npos) << ready.body;
  const json entry = IndexEntry(*caller_, "offender");
  EXPECT_EQ(entry.value("state", ""), "UNAVAILABLE") << entry;
  EXPECT_NE(entry.value("reason", "").find("SIGSEGV"), std::string::npos) << entry;
  // It is tried again after a while.
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(caller_->Infer("offender", NullRequest(1)).status, 503);
    return server_->Metric("throng_cells_crashed_total") > crashes;
  }));
  ExpectNoFailure();
}

TEST_F(CrashTest, CrashLoopsFailNoNeighbour) {
  AddNeighbours(4);
  constexpr int kLoops = 12;
  for (int i = 0; i < kLoops; ++i) {
    AddNullModel(models_, "loop-" + std::to_string(i),
                 i % 2 == 0 ? "behavior: segfault" : "crash_after: 2");
  }
  Start();
  StartTraffic(4);
  const auto end = steady_clock::now() + seconds(Rounds(6));
  int64_t asked = 0;
  while (steady_clock::now() < end) {
    for (int i = 0; i < kLoops; ++i, ++asked) {
      const Answer answer = caller_->Infer("loop-" + std::to_string(i), NullRequest(1));
      EXPECT_TRUE(answer.status == 200 || answer.status == 503) << answer.body;
    }
  }
  std::printf("%lld requests to models that crash, %lld crashes, %lld answers of others\n",
              static_cast<long long>(asked),
              static_cast<long long>(server_->Metric("throng_cells_crashed_total")),
              static_cast<long long>(traffic_->answered()));
  EXPECT_GE(server_->Metric("throng_cells_crashed_total"), 2 * kLoops - kLoops / 2);
  ExpectNoFailure();
}

// --- loads -------------------------------------------------------------------------------------

TEST_F(CrashTest, ManyRequestsForAColdModelShareOneLoad) {
  AddNullModel(models_, "cold", "behavior: slow_load\nmilliseconds: 500");
  Start();
  std::vector<std::thread> clients;
  clients.reserve(32);
  for (int i = 0; i < 32; ++i) {
    clients.emplace_back([&] {
      Caller caller(server_->http_port());
      const Answer answer = caller.Infer("cold", NullRequest(1));
      EXPECT_EQ(answer.status, 200) << answer.body;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(server_->Metric("throng_model_loads_total"), 1);
}

// runners/tensorflow/thread_names.cc: the end of a cell whose threads have names holds up a core.
TEST_F(CrashTest, ThreadsOfCellsHaveNoNamesOfTheirOwn) {
  if (!HasRunner("tensorflow")) GTEST_SKIP() << "no TensorFlow";
  models_.Copy(SourceFile("examples/models/simple-string"), "simple-string");
  Start();
  const std::string request = ReadFile(SourceFile("examples/requests/simple-string.json"));
  ASSERT_EQ(caller_->Infer("simple-string", request).status, 200);
  size_t threads = 0;
  for (const pid_t cell : server_->Cells()) {
    const std::string folder = "/proc/" + std::to_string(cell);
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator(folder + "/task", gone)) {
      EXPECT_EQ(ReadFile(task.path().string() + "/comm"), ReadFile(folder + "/comm"));
      ++threads;
    }
  }
  EXPECT_GT(threads, server_->Cells().size()) << "TensorFlow has threads";
}

TEST_F(CrashTest, UnloadLetsWhatIsInFlightFinish) {
  AddNullModel(models_, "sleeper", "behavior: sleep");
  Start();
  ASSERT_EQ(caller_->Infer("sleeper", NullRequest(0)).status, 200);
  std::thread client([&] {
    Caller caller(server_->http_port());
    const Answer answer = caller.Infer("sleeper", NullRequest(1500));
    EXPECT_EQ(answer.status, 200) << answer.body;
  });
  EXPECT_TRUE(Eventually([&] { return server_->Metric("throng_inferences_in_flight") == 1; }));
  EXPECT_EQ(caller_->Post("/v2/repository/models/sleeper/unload", "{}").status, 200);
  EXPECT_EQ(caller_->Infer("sleeper", NullRequest(0)).status, 404);
  client.join();
  EXPECT_EQ(caller_->Post("/v2/repository/models/sleeper/load", "{}").status, 200);
  EXPECT_EQ(caller_->Infer("sleeper", NullRequest(0)).status, 200);
}

}  // namespace
}  // namespace throng::integration
