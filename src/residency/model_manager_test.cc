#include "residency/model_manager.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/testing/simulated_executor.h"
#include "residency/testing/fake_model_source.h"
#include "runner/testing/fake_runner.h"

namespace throng::residency {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

model::ModelName Name(const std::string& text) { return *model::ModelName::Parse(text); }

class ModelManagerTest : public ::testing::Test {
 protected:
  void Start(ManagerOptions options = {}) {
    manager_ =
        std::make_unique<ModelManager>(executor_, source_, cells_, logger_, std::move(options),
                                       std::vector<model::FrameworkManifest>{});
    manager_->ScanAtStart([](const Result<repository::Snapshot>&) {});
    executor_.RunPosted();
  }

  // Asks for a model and lets time pass until there is an answer.
  Result<ModelHandle> Acquire(const std::string& name, std::optional<int64_t> version = {},
                              Duration deadline = seconds(30)) {
    std::optional<Result<ModelHandle>> result;
    manager_->Acquire(Name(name), version, executor_.clock().Now() + deadline,
                      [&](Result<ModelHandle> handle) { result.emplace(std::move(handle)); });
    for (int i = 0; i < 40000 && !result; ++i) executor_.Advance(milliseconds(1));
    if (!result) return InternalError("no answer");
    return std::move(*result);
  }

  Status Load(const std::string& name) {
    std::optional<Status> result;
    manager_->Load(Name(name), [&](Status status) { result = std::move(status); });
    for (int i = 0; i < 10000 && !result; ++i) executor_.Advance(milliseconds(1));
    return result.value_or(InternalError("no answer"));
  }

  void Unload(const std::string& name) {
    manager_->Unload(Name(name), [](const Status& status) { EXPECT_TRUE(status.ok()); });
    executor_.Advance(milliseconds(10));
  }

  std::string StateOf(const std::string& name) {
    for (const IndexEntry& entry : manager_->Index(false)) {
      if (entry.name == name && entry.state) {
        return std::string(model::ResidencyStateName(*entry.state));
      }
    }
    return "none";
  }

  throng::testing::SimulatedExecutor executor_;
  testing::FakeModelSource source_{executor_};
  runner::testing::FakeCellFactory cells_{executor_};
  std::string log_;
  Logger logger_{{}, executor_.clock(), [this](std::string_view line) { log_ += line; }};
  std::unique_ptr<ModelManager> manager_;
};

TEST_F(ModelManagerTest, LoadsAtTheFirstRequestAndKeepsIt) {
  source_.Add("a");
  Start();
  EXPECT_EQ(StateOf("a"), "on_disk");
  ASSERT_TRUE(Acquire("a").ok());
  EXPECT_EQ(StateOf("a"), "ready");
  ASSERT_TRUE(Acquire("a").ok());
  EXPECT_EQ(cells_.loads, 1U);
  EXPECT_NE(log_.find("loading: a:1"), std::string::npos);
  EXPECT_NE(log_.find("successfully loaded 'a' version 1"), std::string::npos);
}

TEST_F(ModelManagerTest, ManyRequestsShareOneLoad) {
  source_.Add("a");
  cells_.model("a").load_time = milliseconds(50);
  Start();
  int answered = 0;
  for (int i = 0; i < 1000; ++i) {
    manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(5),
                      [&](const Result<ModelHandle>& handle) { answered += handle.ok(); });
  }
  executor_.Advance(seconds(1));
  EXPECT_EQ(answered, 1000);
  EXPECT_EQ(cells_.loads, 1U);
}

TEST_F(ModelManagerTest, AWaiterGivesUpAtItsOwnDeadline) {
  source_.Add("a");
  cells_.model("a").load_time = seconds(10);
  Start();
  const auto early = Acquire("a", {}, milliseconds(100));
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Acquire("a").ok());  // the load went on
  EXPECT_EQ(cells_.loads, 1U);
}

TEST_F(ModelManagerTest, UnknownAndSkippedModelsAreNotFound) {
  source_.skipped.push_back({"weights", "this is a PyTorch state_dict"});
  source_.Add("a");
  Start();
  EXPECT_EQ(Acquire("nope").status().message(), "Request for unknown model: 'nope' is not found");
  EXPECT_NE(Acquire("weights").status().message().find("state_dict"), std::string::npos);
  EXPECT_EQ(Acquire("a", 7).status().message(),
            "Request for unknown model: 'a' version 7 is not found");
}

TEST_F(ModelManagerTest, ABadModelFailsWithItsReasonAndIsTriedAgainLater) {
  source_.Add("bad");
  cells_.model("bad").load_status = InvalidArgumentError("truncated file");
  Start();
  const Status first = Acquire("bad").status();
  EXPECT_EQ(first.code(), StatusCode::kNotFound);
  EXPECT_EQ(first.message(),
            "Request for unknown model: 'bad' has no available versions: truncated file");
  EXPECT_EQ(manager_->CheckReady(Name("bad"), {}).code(), StatusCode::kUnavailable);
  (void)Acquire("bad");
  EXPECT_EQ(cells_.loads, 1U) << "within the back-off nothing is tried";
  executor_.Advance(seconds(2));
  cells_.model("bad").load_status = OkStatus();
  EXPECT_TRUE(Acquire("bad").ok());
}

TEST_F(ModelManagerTest, TheHighestVersionThatWorksAnswers) {
  source_.Add("a", 1);
  source_.Add("a", 2);
  Start();
  auto handle = Acquire("a");
  ASSERT_TRUE(handle.ok());
  EXPECT_EQ(handle->instance().key.version, 2);
  EXPECT_EQ(Acquire("a", 1)->instance().key.version, 1);
}

TEST_F(ModelManagerTest, SmallModelsShareACell) {
  for (const char* name : {"a", "b", "c"}) source_.Add(name);
  Start();
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(Acquire(name).ok());
    executor_.Advance(seconds(2));
  }
  EXPECT_EQ(cells_.started, 1U);
}

TEST_F(ModelManagerTest, AModelWithRequestsInFlightIsNotUnloaded) {
  source_.Add("a");
  Start();
  auto handle = Acquire("a");
  ASSERT_TRUE(handle.ok());
  const auto cell = cells_.cell_of("a");
  Unload("a");
  EXPECT_TRUE(cell->alive());
  EXPECT_EQ(Acquire("a").status().code(), StatusCode::kNotFound);
  *handle = ModelHandle();
  executor_.Advance(milliseconds(10));
  EXPECT_FALSE(cell->alive()) << "the last model's unload is the end of its process";
  EXPECT_NE(log_.find("successfully unloaded 'a' version 1"), std::string::npos);
}

TEST_F(ModelManagerTest, UnloadOfOneLeavesItsNeighbours) {
  source_.Add("a");
  source_.Add("b");
  Start();
  ASSERT_TRUE(Acquire("a").ok());
  executor_.Advance(seconds(2));
  ASSERT_TRUE(Acquire("b").ok());
  Unload("a");
  EXPECT_EQ(cells_.cells().size(), 1U);
  EXPECT_EQ(cells_.cell_of("a"), nullptr);
  EXPECT_EQ(StateOf("b"), "ready");
}

// The later word counts, also while the folder is still being looked at.
TEST_F(ModelManagerTest, AnUnloadOvertakesALoadThatHasJustBegun) {
  source_.Add("a");
  Start({.policy = LoadPolicy::kExplicit});
  std::vector<Status> answers;
  for (int i = 0; i < 2; ++i) {
    manager_->Load(Name("a"), [&](Status status) { answers.push_back(std::move(status)); });
  }
  Unload("a");
  executor_.Advance(seconds(1));
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code(), StatusCode::kUnavailable);
  EXPECT_EQ(answers[1].code(), StatusCode::kUnavailable);
  EXPECT_NE(StateOf("a"), "ready");
  EXPECT_EQ(cells_.loads, 0U);
  EXPECT_TRUE(Load("a").ok());
  EXPECT_EQ(StateOf("a"), "ready");
}

TEST_F(ModelManagerTest, ModelsOfADeadCellLoadAgainAtTheirNextRequest) {
  source_.Add("a");
  source_.Add("b");
  Start();
  ASSERT_TRUE(Acquire("a").ok());
  executor_.Advance(seconds(2));
  ASSERT_TRUE(Acquire("b").ok());
  cells_.cell_of("a")->Die(runner::CellExitCause::kOutside, "SIGKILL");
  executor_.Advance(milliseconds(1));
  EXPECT_EQ(StateOf("a"), "on_disk");
  EXPECT_TRUE(Acquire("a").ok());
  EXPECT_TRUE(Acquire("b").ok());
}

TEST_F(ModelManagerTest, ASuspectRunsAloneAndARepeatOffenderIsKeptOut) {
  source_.Add("bad");
  source_.Add("good");
  Start();
  ASSERT_TRUE(Acquire("good").ok());
  executor_.Advance(seconds(2));
  for (int i = 0; i < 2; ++i) {
    auto handle = Acquire("bad");
    ASSERT_TRUE(handle.ok()) << i;
    EXPECT_EQ(handle->instance().alone, i > 0);
    manager_->OnOffence(handle->instance(), "SIGSEGV");
    handle->instance().cell->End(runner::CellExitCause::kCrashed);
    executor_.Advance(milliseconds(1));
  }
  const Status kept_out = Acquire("bad").status();
  EXPECT_EQ(kept_out.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(kept_out.retry_after_seconds().has_value());
  EXPECT_NE(manager_->CheckReady(Name("bad"), {}).message().find("SIGSEGV"), std::string::npos);
  EXPECT_EQ(StateOf("bad"), "failed");
  EXPECT_TRUE(Acquire("good").ok());
  executor_.Advance(seconds(2));
  EXPECT_TRUE(Acquire("bad").ok()) << "after the back-off it gets another chance";
}

TEST_F(ModelManagerTest, ACrashWhileLoadingIsTheModelsOffence) {
  source_.Add("bad");
  cells_.model("bad").load_ends_cell = runner::CellExitCause::kCrashed;
  Start();
  EXPECT_EQ(Acquire("bad").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(manager_->stats().offences, 1U);
}

TEST_F(ModelManagerTest, ACellKilledFromOutsideWhileLoadingIsReplaced) {
  source_.Add("a");
  cells_.model("a").load_time = milliseconds(100);
  Start();
  std::optional<bool> answered;
  manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(5),
                    [&](const Result<ModelHandle>& handle) { answered = handle.ok(); });
  executor_.Advance(milliseconds(50));
  ASSERT_EQ(cells_.cells().size(), 1U);
  cells_.cells()[0]->Die(runner::CellExitCause::kOutside, "SIGKILL");
  executor_.Advance(seconds(1));
  EXPECT_EQ(answered, true);
  EXPECT_EQ(manager_->stats().offences, 0U);
}

TEST_F(ModelManagerTest, ExplicitModeKnowsOnlyWhatWasLoaded) {
  source_.Add("a");
  source_.Add("b");
  Start({.policy = LoadPolicy::kExplicit});
  EXPECT_EQ(Acquire("a").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(Load("a").ok());
  EXPECT_TRUE(Load("a").ok()) << "idempotent";
  EXPECT_EQ(cells_.loads, 1U);
  EXPECT_TRUE(Acquire("a").ok());
  EXPECT_EQ(Load("zzz").message(), "failed to load 'zzz', failed to poll from model repository");
  Unload("a");
  Unload("a");
  EXPECT_EQ(Acquire("a").status().code(), StatusCode::kNotFound);
}

TEST_F(ModelManagerTest, AFailedExplicitLoadSaysWhyInTritonsWords) {
  source_.Add("bad");
  cells_.model("bad").load_status = InvalidArgumentError("no graph");
  Start({.policy = LoadPolicy::kExplicit});
  EXPECT_EQ(Load("bad").message(),
            "load failed for model 'bad': version 1 is at UNAVAILABLE state: no graph");
}

TEST_F(ModelManagerTest, EagerModeIsReadyWhenAllHaveSettled) {
  source_.Add("a");
  source_.Add("bad");
  cells_.model("a").load_time = milliseconds(100);
  cells_.model("bad").load_status = InvalidArgumentError("no graph");
  Start({.policy = LoadPolicy::kEager});
  EXPECT_FALSE(manager_->ServerReady());
  executor_.Advance(seconds(1));
  EXPECT_TRUE(manager_->ServerReady());
  EXPECT_EQ(StateOf("a"), "ready");
}

TEST_F(ModelManagerTest, StrictReadinessWantsNoFailedModel) {
  source_.Add("bad");
  cells_.model("bad").load_status = InvalidArgumentError("no graph");
  Start({.policy = LoadPolicy::kEager, .strict_readiness = true});
  executor_.Advance(seconds(1));
  EXPECT_FALSE(manager_->ServerReady());
}

TEST_F(ModelManagerTest, ARescanAddsRemovesAndReloadsBesideTheOld) {
  source_.Add("kept");
  source_.Add("gone");
  Start();
  ASSERT_TRUE(Acquire("kept").ok());
  ASSERT_TRUE(Acquire("gone").ok());
  source_.Remove("gone");
  source_.Add("new");
  source_.entry("kept").versions[0].modified_ns = 5;
  cells_.model("kept").load_status = InvalidArgumentError("half written");
  manager_->Rescan([](const Status& status) { EXPECT_TRUE(status.ok()); });
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(Acquire("gone").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(Acquire("new").ok());
  EXPECT_TRUE(Acquire("kept").ok()) << "a failed successor leaves the old one serving";
}

TEST_F(ModelManagerTest, WhatIsIgnoredInAConfigurationIsLoggedOnce) {
  source_.Add("a").warnings.push_back("field 'optimization' is ignored");
  Start();
  manager_->Rescan([](const Status& status) { EXPECT_TRUE(status.ok()); });
  executor_.Advance(milliseconds(10));
  const std::string line = "model 'a': field 'optimization' is ignored";
  const size_t first = log_.find(line);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(log_.find(line, first + 1), std::string::npos);
}

TEST_F(ModelManagerTest, AFolderThatCannotBeReadUnloadsNothing) {
  source_.Add("a");
  Start();
  ASSERT_TRUE(Acquire("a").ok());
  source_.scan_status = UnavailableError("I/O error");
  manager_->Rescan([](const Status& status) { EXPECT_FALSE(status.ok()); });
  executor_.Advance(milliseconds(10));
  EXPECT_EQ(StateOf("a"), "ready");
}

TEST_F(ModelManagerTest, AMissingRunnerSaysHowToGetIt) {
  source_.Add("a");
  cells_.missing_framework = "fake";
  Start();
  EXPECT_NE(Acquire("a").status().message().find("get it with: ./dev setup"), std::string::npos);
}

TEST_F(ModelManagerTest, AModelMovesWhileItsOldCellIsHeldUp) {
  source_.Add("a");
  Start();
  auto handle = Acquire("a");
  ASSERT_TRUE(handle.ok());
  const runner::CellId old_cell = handle->instance().cell->id();
  EXPECT_TRUE(manager_->MoveElsewhere(handle->shared()));
  EXPECT_EQ(StateOf("a"), "ready") << "it is, where it was";
  auto moved = Acquire("a");
  ASSERT_TRUE(moved.ok());
  EXPECT_NE(moved->instance().cell->id(), old_cell);
}

TEST_F(ModelManagerTest, AMoveThatFailsLeavesTheModelWhereItWas) {
  source_.Add("a");
  Start();
  auto handle = Acquire("a");
  ASSERT_TRUE(handle.ok());
  const runner::CellId cell = handle->instance().cell->id();
  cells_.start_status = ResourceExhaustedError("all processes are in use");
  EXPECT_TRUE(manager_->MoveElsewhere(handle->shared()));
  auto still = Acquire("a");
  ASSERT_TRUE(still.ok()) << still.status().ToString();
  EXPECT_EQ(still->instance().cell->id(), cell);
  EXPECT_FALSE(manager_->MoveElsewhere(still->shared())) << "not again at once";
  cells_.start_status = OkStatus();
  executor_.Advance(seconds(2));
  EXPECT_TRUE(manager_->MoveElsewhere(still->shared()));
  EXPECT_NE(Acquire("a")->instance().cell->id(), cell);
}

// One call of 60 s runs in the only cell.
class HeldUpCellTest : public ModelManagerTest {
 protected:
  void SetUp() override {
    source_.Add("slow");
    source_.Add("b");
    cells_.model("slow").execute_time = seconds(60);
    Start();
    auto handle = Acquire("slow");
    ASSERT_TRUE(handle.ok());
    executor_.Advance(seconds(5));
    slow_ = handle->shared();
  }
  void Run() {
    slow_->cell->Execute(slow_->slot, {}, {}, [](const runner::ExecuteResult&) {});
  }

  std::shared_ptr<ModelInstance> slow_;
};

TEST_F(HeldUpCellTest, ALoadIsNotPlacedBehindARunningCall) {
  Run();
  executor_.Advance(seconds(30));
  auto handle = Acquire("b", {}, seconds(1));
  ASSERT_TRUE(handle.ok()) << handle.status().ToString();
  EXPECT_NE(handle->instance().cell->id(), slow_->cell->id());
}

TEST_F(HeldUpCellTest, ALoadThatWaitsBehindACallGoesElsewhere) {
  // The call arrives at the cell between the choice of the cell and the load.
  cells_.before_load = [this] { Run(); };
  auto handle = Acquire("b", {}, seconds(1));
  ASSERT_TRUE(handle.ok()) << handle.status().ToString();
  EXPECT_NE(handle->instance().cell->id(), slow_->cell->id());
  executor_.Advance(seconds(70));
  EXPECT_EQ(slow_->cell->calls_in_flight(), 0U);
  const auto cell = std::static_pointer_cast<runner::testing::FakeCell>(slow_->cell);
  EXPECT_EQ(cell->loaded.size(), 1U) << "the load that came too late is undone";
}

TEST_F(HeldUpCellTest, ALoadBehindACallThatCrashesIsInnocent) {
  cells_.before_load = [this] { Run(); };
  std::optional<Status> status;
  manager_->Acquire(Name("b"), {}, executor_.clock().Now() + seconds(10),
                    [&](const Result<ModelHandle>& handle) { status = handle.status(); });
  executor_.Advance(milliseconds(20));
  ASSERT_EQ(slow_->cell->calls_in_flight(), 2U);
  manager_->OnOffence(*slow_, "SIGSEGV");
  slow_->cell->End(runner::CellExitCause::kCrashed);
  executor_.Advance(seconds(1));
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok()) << status->ToString();
  EXPECT_EQ(manager_->stats().offences, 1U) << "the one of the call";
  EXPECT_FALSE(Acquire("b")->instance().alone);
}

// "b" has moved on, and what it left behind begins to load when the call is done.
TEST_F(HeldUpCellTest, ALateLoadThatCrashesItsCellIsToBlame) {
  cells_.before_load = [this] { Run(); };
  ASSERT_TRUE(Acquire("b", {}, seconds(1)).ok());
  cells_.model("b").load_ends_cell = runner::CellExitCause::kCrashed;
  executor_.Advance(seconds(70));
  EXPECT_FALSE(slow_->cell->alive());
  EXPECT_EQ(manager_->stats().offences, 0U) << "the model that was there did nothing";
}

TEST_F(HeldUpCellTest, ALateLoadThatNeverEndsIsEnded) {
  cells_.before_load = [this] { Run(); };
  ASSERT_TRUE(Acquire("b", {}, seconds(1)).ok());
  cells_.model("b").load_time = 100 * limits::kLoadDeadline;
  executor_.Advance(seconds(60) + limits::kLoadDeadline - seconds(1));
  EXPECT_TRUE(slow_->cell->alive());
  executor_.Advance(seconds(2));
  EXPECT_FALSE(slow_->cell->alive());
  EXPECT_EQ(manager_->stats().offences, 0U);
}

TEST_F(ModelManagerTest, AWaiterMayUnloadWhatItWaitedFor) {
  source_.Add("a");
  Start();
  std::vector<Result<ModelHandle>> handles;
  for (int i = 0; i < 2; ++i) {
    manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(5),
                      [&](Result<ModelHandle> handle) {
                        handles.push_back(std::move(handle));
                        manager_->Unload(Name("a"), [](const Status&) {});
                      });
  }
  executor_.Advance(seconds(1));
  ASSERT_EQ(handles.size(), 2U);
  for (const auto& handle : handles) {
    ASSERT_TRUE(handle.ok());
    EXPECT_TRUE(handle->instance().cell->alive());
  }
  const auto cell = handles[0]->instance().cell;
  handles.clear();
  executor_.Advance(seconds(1));
  EXPECT_FALSE(cell->alive());
}

TEST_F(ModelManagerTest, AnOldOffenceIsForgottenByOneWhileLoadingToo) {
  source_.Add("bad");
  Start();
  for (int i = 0; i < 2; ++i) {
    auto handle = Acquire("bad");
    ASSERT_TRUE(handle.ok());
    manager_->OnOffence(handle->instance(), "SIGSEGV");
    handle->instance().cell->End(runner::CellExitCause::kCrashed);
    executor_.Advance(milliseconds(1));
  }
  executor_.Advance(std::chrono::minutes(11));
  cells_.model("bad").load_ends_cell = runner::CellExitCause::kCrashed;
  EXPECT_FALSE(Acquire("bad").ok());
  cells_.model("bad").load_ends_cell.reset();
  executor_.Advance(seconds(10));
  auto handle = Acquire("bad");
  ASSERT_TRUE(handle.ok());
  manager_->OnOffence(handle->instance(), "SIGSEGV");
  handle->instance().cell->End(runner::CellExitCause::kCrashed);
  executor_.Advance(milliseconds(1));
  EXPECT_EQ(Acquire("bad").status().retry_after_seconds(), 1) << "the second of this time";
}

TEST_F(ModelManagerTest, ALoadByNameTellsOfTheFilesThatWereThereThen) {
  source_.Add("a");
  cells_.model("a").load_time = milliseconds(100);
  cells_.model("a").load_status = InvalidArgumentError("half written");
  Start({.policy = LoadPolicy::kExplicit});
  std::vector<Status> told;
  const auto load = [&] {
    manager_->Load(Name("a"), [&](const Status& status) { told.push_back(status); });
  };
  load();
  executor_.Advance(milliseconds(50));
  source_.entry("a").versions[0].modified_ns = 5;
  load();
  executor_.Advance(milliseconds(100));  // the first files have failed, the second are loading
  cells_.model("a").load_status = OkStatus();
  executor_.Advance(seconds(1));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[1].ok()) << told[1].ToString();
  EXPECT_EQ(cells_.loads, 2U);
}

TEST_F(ModelManagerTest, ALoadByNameWaitsForTheFilesThatWereThereThen) {
  source_.Add("a");
  cells_.model("a").load_time = milliseconds(100);
  Start({.policy = LoadPolicy::kExplicit});
  manager_->Load(Name("a"), [](const Status&) {});
  executor_.Advance(milliseconds(50));
  source_.entry("a").versions[0].modified_ns = 5;
  std::optional<Status> told;
  manager_->Load(Name("a"), [&](const Status& status) { told = status; });
  executor_.Advance(milliseconds(100));
  EXPECT_FALSE(told.has_value()) << "only the first files have been loaded";
  executor_.Advance(seconds(1));
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(told->ok());
}

TEST_F(ModelManagerTest, AVersionThatGoesWhileItLoadsAtTheStartSettles) {
  source_.Add("a", 1);
  cells_.model("a").load_time = seconds(1);
  Start({.policy = LoadPolicy::kEager});
  executor_.Advance(milliseconds(500));
  source_.entry("a").versions[0].version = 2;
  manager_->Rescan([](const Status&) {});
  executor_.Advance(seconds(3));
  EXPECT_TRUE(manager_->ServerReady());
}

TEST_F(ModelManagerTest, StrictReadinessFollowsWhatHappensLater) {
  source_.Add("a");
  Start({.strict_readiness = true});
  EXPECT_TRUE(manager_->ServerReady());
  cells_.model("a").load_status = InvalidArgumentError("no graph");
  manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(5),
                    [](const Result<ModelHandle>&) {});
  EXPECT_FALSE(manager_->ServerReady()) << "it is loading";
  executor_.Advance(seconds(1));
  EXPECT_FALSE(manager_->ServerReady()) << "it has failed";
  source_.entry("a").versions[0].modified_ns = 5;
  manager_->Rescan([](const Status&) {});
  executor_.Advance(seconds(1));
  EXPECT_TRUE(manager_->ServerReady()) << "its files are others now";
  cells_.model("a").load_status = OkStatus();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(manager_->ServerReady());
    auto handle = Acquire("a");
    ASSERT_TRUE(handle.ok());
    manager_->OnOffence(handle->instance(), "SIGSEGV");
    handle->instance().cell->End(runner::CellExitCause::kCrashed);
    executor_.Advance(milliseconds(1));
  }
  EXPECT_FALSE(manager_->ServerReady()) << "it is kept out";
}

TEST_F(ModelManagerTest, WhatWasUnloadedBeforeTheScanEndedStaysSo) {
  source_.Add("a");
  source_.scan_time = seconds(1);
  Start();
  ASSERT_TRUE(Acquire("a").ok());
  Unload("a");
  executor_.Advance(seconds(2));
  EXPECT_EQ(StateOf("a"), "absent");
}

TEST_F(ModelManagerTest, AModelThatEndsItsIdleProcessIsToBlame) {
  source_.Add("a");
  Start();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Acquire("a").ok());
    cells_.cell_of("a")->Die(runner::CellExitCause::kCrashed, "SIGSEGV");
    executor_.Advance(milliseconds(1));
  }
  EXPECT_EQ(manager_->stats().offences, 2U);
  EXPECT_EQ(Acquire("a").status().code(), StatusCode::kUnavailable);
}

TEST_F(ModelManagerTest, AFailedHigherVersionIsTriedAgainWhileTheLowerAnswers) {
  source_.Add("a", 1);
  source_.Add("a", 2);
  Start();
  ASSERT_EQ(Acquire("a", 1)->instance().key.version, 1);
  cells_.model("a").load_status = UnavailableError("no memory");
  EXPECT_FALSE(Acquire("a", 2).ok());
  EXPECT_EQ(Acquire("a")->instance().key.version, 1);
  cells_.model("a").load_status = OkStatus();
  executor_.Advance(seconds(2));
  EXPECT_EQ(Acquire("a")->instance().key.version, 1) << "it does not wait for the other";
  executor_.Advance(seconds(1));
  EXPECT_EQ(Acquire("a")->instance().key.version, 2);
}

TEST_F(ModelManagerTest, AnExplicitLoadTriesAFailedSuccessorAgain) {
  source_.Add("a");
  Start({.policy = LoadPolicy::kExplicit});
  ASSERT_TRUE(Load("a").ok());
  source_.entry("a").versions[0].modified_ns = 5;
  cells_.model("a").load_status = InvalidArgumentError("half written");
  EXPECT_FALSE(Load("a").ok());
  EXPECT_FALSE(Load("a").ok()) << "the files are still those that failed";
  EXPECT_TRUE(Acquire("a").ok()) << "the old one serves";
  cells_.model("a").load_status = OkStatus();
  EXPECT_TRUE(Load("a").ok());
}

TEST_F(ModelManagerTest, StarLoadsAllAtTheStart) {
  source_.Add("a");
  source_.Add("b");
  Start({.policy = LoadPolicy::kExplicit, .load_at_start = {"*"}});
  EXPECT_FALSE(manager_->ServerReady());
  executor_.Advance(seconds(1));
  EXPECT_TRUE(manager_->ServerReady());
  EXPECT_EQ(manager_->stats().ready, 2U);
}

TEST_F(ModelManagerTest, AMissingModelAtTheStartIsAFailureThatSettles) {
  source_.Add("a");
  Start({.policy = LoadPolicy::kExplicit, .load_at_start = {"missing", "a"}});
  executor_.Advance(seconds(1));
  EXPECT_TRUE(manager_->ServerReady());
  EXPECT_EQ(manager_->stats().load_failures, 1U);
  EXPECT_EQ(StateOf("a"), "ready");
}

TEST_F(ModelManagerTest, WhatIsLoadedDuringAScanStays) {
  Start({.policy = LoadPolicy::kExplicit});
  manager_->Rescan([](const Status&) {});
  source_.hide_from_scan = "a";  // the reader had passed its place already
  source_.Add("a");
  EXPECT_TRUE(Load("a").ok());
  executor_.Advance(seconds(1));
  EXPECT_TRUE(Acquire("a").ok());
}

TEST_F(ModelManagerTest, RequestsBeforeTheScanShareOneLook) {
  source_.Add("a");
  source_.scan_time = seconds(1);
  Start();
  size_t answered = 0;
  for (int i = 0; i < 5; ++i) {
    manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(10),
                      [&](const Result<ModelHandle>& handle) { answered += handle.ok(); });
  }
  executor_.Advance(milliseconds(500));
  EXPECT_EQ(answered, 5U);
  EXPECT_EQ(source_.finds, 1U);
  EXPECT_EQ(cells_.loads, 1U);
}

TEST_F(ModelManagerTest, WhatWasUnloadedStaysUnloadedUntilItIsLoadedByName) {
  source_.Add("a", 3);
  Start();
  ASSERT_TRUE(Acquire("a").ok());
  Unload("a");
  EXPECT_EQ(StateOf("a"), "absent");
  EXPECT_EQ(manager_->Index(false).at(0).reason, "unloaded");
  EXPECT_EQ(Acquire("a").status().message(),
            "Request for unknown model: 'a' has no available versions");
  EXPECT_EQ(Acquire("a", 3).status().message(), "'a' version 3 is not at ready state");
  EXPECT_EQ(Acquire("a", 3).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Acquire("a", 4).status().code(), StatusCode::kNotFound);
  manager_->Rescan([](const Status&) {});
  executor_.Advance(milliseconds(10));
  EXPECT_EQ(Acquire("a").status().code(), StatusCode::kNotFound) << "a rescan is no load";
  EXPECT_TRUE(Load("a").ok());
  EXPECT_TRUE(Acquire("a").ok());
  source_.Remove("a");
  Unload("a");
  EXPECT_TRUE(manager_->Index(false).empty()) << "its files have gone";
}

TEST_F(ModelManagerTest, ExplicitModeListsWhatMayBeLoaded) {
  source_.Add("a");
  cells_.model("a").load_time = milliseconds(100);
  Start({.policy = LoadPolicy::kExplicit});
  ASSERT_EQ(manager_->Index(false).size(), 1U);
  EXPECT_FALSE(manager_->Index(false)[0].version.has_value());
  EXPECT_FALSE(manager_->Index(false)[0].state.has_value());
  EXPECT_TRUE(manager_->Index(true).empty());
  manager_->Load(Name("a"), [](const Status&) {});
  executor_.Advance(milliseconds(50));
  EXPECT_EQ(StateOf("a"), "loading");
  EXPECT_EQ(manager_->CheckReady(Name("a"), {}).code(), StatusCode::kUnavailable);
  executor_.Advance(seconds(1));
  EXPECT_TRUE(manager_->CheckReady(Name("a"), {}).ok());
}

// --- bounds (base/limits.h) ---------------------------------------------------------------------

TEST_F(ModelManagerTest, SoManyModelsLoadAtATime) {
  constexpr size_t kLimit = limits::kConcurrentLoads;
  for (size_t i = 0; i <= kLimit; ++i) {
    const std::string name = "m" + std::to_string(i);
    source_.Add(name);
    cells_.model(name).load_time = milliseconds(100);
  }
  Start();
  for (size_t i = 0; i <= kLimit; ++i) {
    manager_->Acquire(Name("m" + std::to_string(i)), {}, executor_.clock().Now() + seconds(30),
                      [](const Result<ModelHandle>& handle) { EXPECT_TRUE(handle.ok()); });
  }
  executor_.Advance(milliseconds(50));
  EXPECT_EQ(source_.reads, kLimit);
  executor_.Advance(milliseconds(500));
  EXPECT_EQ(source_.reads, kLimit + 1);
  EXPECT_EQ(manager_->stats().ready, kLimit + 1);
}

TEST_F(ModelManagerTest, SoManyLoadsWait) {
  constexpr size_t kLimit = 3;
  constexpr size_t kAll = limits::kConcurrentLoads + kLimit + 1;
  for (size_t i = 0; i < kAll; ++i) {
    const std::string name = "m" + std::to_string(i);
    source_.Add(name);
    cells_.model(name).load_time = milliseconds(100);
  }
  Start({.max_queued_loads = kLimit});
  std::vector<std::optional<Status>> told(kAll);
  for (size_t i = 0; i < kAll; ++i) {
    manager_->Acquire(Name("m" + std::to_string(i)), {}, executor_.clock().Now() + seconds(30),
                      [&told, i](const Result<ModelHandle>& handle) { told[i] = handle.status(); });
    executor_.RunPosted();
    EXPECT_EQ(told[i].has_value(), i + 1 == kAll) << i;
  }
  EXPECT_EQ(told.back()->code(), StatusCode::kUnavailable);
  EXPECT_NE(told.back()->message().find("too many models wait"), std::string::npos);
  executor_.Advance(seconds(1));
  for (size_t i = 0; i + 1 < kAll; ++i) {
    ASSERT_TRUE(told[i].has_value());
    EXPECT_TRUE(told[i]->ok()) << i;
  }
}

TEST_F(ModelManagerTest, SoManyModelsAreLookedForBeforeTheScan) {
  constexpr size_t kLimit = 3;
  source_.scan_time = seconds(1);
  Start({.max_queued_loads = kLimit});
  std::vector<Status> told;
  const auto acquire = [&](const std::string& name) {
    manager_->Acquire(
        Name(name), {}, executor_.clock().Now() + seconds(30),
        [&told](const Result<ModelHandle>& handle) { told.push_back(handle.status()); });
  };
  for (size_t i = 0; i < kLimit; ++i) acquire("m" + std::to_string(i));
  acquire("m0");  // is being looked for
  EXPECT_TRUE(told.empty());
  acquire("one-more");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].code(), StatusCode::kResourceExhausted);
  executor_.Advance(milliseconds(10));
  acquire("one-more");
  executor_.Advance(milliseconds(10));
  ASSERT_EQ(told.size(), kLimit + 3);
  EXPECT_EQ(told.back().code(), StatusCode::kNotFound);
}

TEST_F(ModelManagerTest, SoManyRequestsWaitForOneLoad) {
  source_.Add("a");
  cells_.model("a").load_time = milliseconds(100);
  Start();
  size_t answered = 0;
  size_t refused = 0;
  for (size_t i = 0; i <= limits::kLoadWaitersPerModel; ++i) {
    manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(30),
                      [&](const Result<ModelHandle>& handle) {
                        answered += handle.ok();
                        refused += handle.status().code() == StatusCode::kResourceExhausted;
                      });
    EXPECT_EQ(refused, i == limits::kLoadWaitersPerModel ? 1U : 0U);
  }
  executor_.Advance(seconds(1));
  EXPECT_EQ(answered, limits::kLoadWaitersPerModel);
}

TEST_F(ModelManagerTest, ALoadThatNeverEndsIsEnded) {
  source_.Add("a");
  cells_.model("a").load_time = limits::kLoadDeadline + seconds(1);
  Start();
  std::optional<Status> status;
  manager_->Acquire(Name("a"), {}, executor_.clock().Now() + 2 * limits::kLoadDeadline,
                    [&](const Result<ModelHandle>& handle) { status = handle.status(); });
  executor_.Advance(limits::kLoadDeadline - seconds(1));
  EXPECT_FALSE(status.has_value());
  executor_.Advance(seconds(2));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code(), StatusCode::kUnavailable);
  EXPECT_EQ(manager_->stats().offences, 1U);
  EXPECT_TRUE(cells_.cells().empty());
}

TEST_F(ModelManagerTest, ALoadIsStartedAgainSoManyTimes) {
  source_.Add("a");
  cells_.model("a").load_ends_cell = runner::CellExitCause::kOutside;
  Start();
  EXPECT_EQ(Acquire("a").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(cells_.loads, 1U + limits::kLoadRetries);
  EXPECT_EQ(manager_->stats().offences, 0U);
}

TEST_F(ModelManagerTest, AnIdleCellWithoutItsZygoteEnds) {
  source_.Add("a");
  Start();
  ASSERT_TRUE(Acquire("a").ok());
  cells_.cell_of("a")->orphaned = true;
  executor_.Advance(seconds(5));
  EXPECT_EQ(cells_.cells().size(), 1U);
  executor_.Advance(seconds(20));
  EXPECT_EQ(cells_.cells().size(), 0U);
  EXPECT_EQ(StateOf("a"), "on_disk");
  EXPECT_TRUE(Acquire("a").ok());
}

}  // namespace
}  // namespace throng::residency
