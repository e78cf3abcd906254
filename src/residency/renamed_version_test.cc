// A model whose only version gets another number on disk: the old one answers until the new one has
// loaded, and goes on when that fails.
#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "residency/model_manager.h"
#include "residency/testing/fake_model_source.h"
#include "runner/testing/fake_runner.h"

namespace throng::residency {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

model::ModelName Name(const std::string& text) { return *model::ModelName::Parse(text); }

class RenamedVersionTest : public ::testing::Test {
 protected:
  void Start(LoadPolicy policy) {
    source_.Add("a", 1);
    manager_ = std::make_unique<ModelManager>(executor_, source_, cells_, logger_,
                                              ManagerOptions{.policy = policy},
                                              std::vector<model::FrameworkManifest>{});
    manager_->ScanAtStart([](const Result<repository::Snapshot>&) {});
    executor_.RunPosted();
    if (policy == LoadPolicy::kExplicit) {
      ASSERT_TRUE(Load().ok());
    }
    (void)VersionNow();  // a lazy one loads at its first request
    executor_.Advance(milliseconds(100));
    ASSERT_EQ(VersionNow(), 1);
  }

  // What answers at once, without time passing; 0: nothing does.
  int64_t VersionNow(std::optional<int64_t> version = {}) {
    const auto answered = std::make_shared<int64_t>(0);
    manager_->Acquire(Name("a"), version, executor_.clock().Now() + seconds(30),
                      [answered](const Result<ModelHandle>& handle) {
                        if (handle.ok()) *answered = handle->instance().key.version;
                      });
    return *answered;
  }
  Status Load() {
    std::optional<Status> result;
    StartLoad([&](Status status) { result = std::move(status); });
    for (int i = 0; i < 10000 && !result; ++i) executor_.Advance(milliseconds(1));
    return result.value_or(InternalError("no answer"));
  }
  void StartLoad(Done<Status> done) {
    manager_->Load(Name("a"), std::move(done));
    executor_.RunPosted();
  }
  void Rename(std::initializer_list<int64_t> versions) {
    source_.Remove("a");
    for (const int64_t version : versions) {
      source_.Add("a", version).versions.back().modified_ns = version * 100;
    }
  }
  std::string Indexed() {
    std::string text;
    for (const IndexEntry& entry : manager_->Index(false)) {
      if (!entry.state) continue;
      text += std::to_string(entry.version.value_or(0)) + ":" +
              std::string(model::ResidencyStateName(*entry.state)) + " ";
    }
    return text;
  }

  throng::testing::SimulatedExecutor executor_;
  testing::FakeModelSource source_{executor_};
  runner::testing::FakeCellFactory cells_{executor_};
  Logger logger_{{}, executor_.clock(), [](std::string_view) {}};
  std::unique_ptr<ModelManager> manager_;
};

TEST_F(RenamedVersionTest, TheOldOneAnswersUntilTheNewOneHasLoaded) {
  Start(LoadPolicy::kExplicit);
  cells_.model("a").load_time = seconds(1);
  for (const int64_t next : {2, 1, 7}) {
    const int64_t before = VersionNow();
    Rename({next});
    std::optional<Status> loaded;
    StartLoad([&](Status status) { loaded = std::move(status); });
    for (int i = 0; i < 9; ++i) {
      EXPECT_EQ(VersionNow(), before) << next;
      EXPECT_EQ(VersionNow(before), before) << next;
      EXPECT_TRUE(manager_->CheckReady(Name("a"), {}).ok());
      executor_.Advance(milliseconds(100));
    }
    EXPECT_FALSE(loaded.has_value());
    executor_.Advance(milliseconds(300));
    ASSERT_TRUE(loaded.has_value() && loaded->ok());
    EXPECT_EQ(VersionNow(), next);
    EXPECT_EQ(VersionNow(before), 0);
    EXPECT_EQ(Indexed(), std::to_string(next) + ":ready ");
  }
}

TEST_F(RenamedVersionTest, BothAreListedWhileTheNewOneLoads) {
  Start(LoadPolicy::kExplicit);
  cells_.model("a").load_time = seconds(1);
  Rename({2});
  StartLoad([](const Status&) {});
  EXPECT_EQ(Indexed(), "1:ready 2:loading ");
  executor_.Advance(seconds(2));
  EXPECT_EQ(Indexed(), "2:ready ");
}

TEST_F(RenamedVersionTest, AFailedSuccessorLeavesTheOldOneAndPuttingItBackLoadsNothing) {
  Start(LoadPolicy::kExplicit);
  const auto original = source_.entry("a");
  cells_.model("a").load_status = InvalidArgumentError("truncated file");
  Rename({2});
  EXPECT_FALSE(Load().ok());
  EXPECT_EQ(VersionNow(), 1);
  const size_t loads = cells_.loads;
  source_.entry("a") = original;
  cells_.model("a").load_status = OkStatus();
  EXPECT_TRUE(Load().ok());
  EXPECT_EQ(VersionNow(), 1);
  EXPECT_EQ(cells_.loads, loads) << "the old one had never gone";
  EXPECT_EQ(Indexed(), "1:ready ");
}

TEST_F(RenamedVersionTest, AFailedSuccessorIsTriedAgainByRequests) {
  Start(LoadPolicy::kLazy);
  cells_.model("a").load_status = InvalidArgumentError("half written");
  Rename({2});
  manager_->Rescan([](const Status&) {});
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(VersionNow(), 1);
  cells_.model("a").load_status = OkStatus();
  executor_.Advance(seconds(5));
  EXPECT_EQ(VersionNow(), 1);
  executor_.Advance(milliseconds(100));
  EXPECT_EQ(VersionNow(), 2);
}

TEST_F(RenamedVersionTest, WhatIsUnloadedMeanwhileIsGoneAsAWhole) {
  Start(LoadPolicy::kExplicit);
  cells_.model("a").load_time = seconds(1);
  Rename({2});
  StartLoad([](const Status&) {});
  manager_->Unload(Name("a"), [](const Status&) {});
  EXPECT_EQ(VersionNow(), 0);
  executor_.Advance(seconds(3));
  EXPECT_EQ(VersionNow(), 0);
  EXPECT_TRUE(cells_.cells().empty());
}

TEST_F(RenamedVersionTest, AnOldOneWhoseProcessEndsIsNotWaitedFor) {
  Start(LoadPolicy::kExplicit);
  cells_.model("a").load_time = seconds(1);
  const auto cell = cells_.cell_of("a");
  Rename({2});
  StartLoad([](const Status&) {});
  cell->Die(runner::CellExitCause::kOutside, "killed");
  executor_.Advance(milliseconds(10));
  EXPECT_EQ(VersionNow(), 0);
  executor_.Advance(seconds(5));
  EXPECT_EQ(VersionNow(), 2);
}

TEST_F(RenamedVersionTest, ARequestThatHoldsTheOldOneIsNotCutOff) {
  Start(LoadPolicy::kExplicit);
  Result<ModelHandle> held = InternalError("none");
  manager_->Acquire(Name("a"), {}, executor_.clock().Now() + seconds(30),
                    [&](Result<ModelHandle> handle) { held = std::move(handle); });
  ASSERT_TRUE(held.ok());
  const auto cell = cells_.cell_of("a");
  Rename({2});
  ASSERT_TRUE(Load().ok());
  EXPECT_EQ(VersionNow(), 2);
  EXPECT_TRUE(cell->alive());
  EXPECT_EQ(held->instance().key.version, 1);
}

}  // namespace
}  // namespace throng::residency
