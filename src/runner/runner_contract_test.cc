#include "runner/testing/runner_contract.h"

#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/process.h"
#include "os/thread_pool.h"
#include "runner/runner_pool.h"
#include "runner/testing/fake_runner.h"

namespace throng::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::shared_ptr<const model::ModelConfig> EchoConfig() {
  auto config = std::make_shared<model::ModelConfig>();
  config->name = "m";
  config->platform = "null";
  config->inputs.push_back({"IN", tensor::DataType::kFp32, {-1, 4}, false});
  config->outputs.push_back({"OUT", tensor::DataType::kFp32, {-1, 4}, false});
  return config;
}

class FakeWorld final : public testing::RunnerWorld {
 public:
  FakeWorld() {
    cells_.model("bad").load_status = InvalidArgumentError("no such behavior");
    cells_.model("crash").execute_ends_cell = CellExitCause::kCrashed;
    cells_.model("slow").execute_time = milliseconds(200);
    cells_.input_arena_bytes = kInputArenaBytes;
  }
  CellFactory& factory() override { return cells_; }
  std::string framework() const override { return "fake"; }
  bool RunUntil(const std::function<bool()>& done) override {
    for (int i = 0; i < 10000 && !done(); ++i) executor_.Advance(milliseconds(1));
    return done();
  }
  LoadSpec Model(const std::string& behavior) override {
    return {{*model::ModelName::Parse(behavior), 1},
            EchoConfig(),
            std::make_shared<artifact::Artifact>()};
  }

 private:
  throng::testing::SimulatedExecutor executor_;
  testing::FakeCellFactory cells_{executor_};
};

// The null runner's real processes.
class ProcessWorld final : public testing::RunnerWorld {
 public:
  ProcessWorld() : loop_(std::move(os::EventLoop::Create(os::RealClock())).value()) {
    RunnerOptions options;
    // build/tests/runner_test → build/libexec
    options.program_directory =
        os::JoinPath(os::DirectoryName(std::move(os::ExecutableDirectory()).value()), "libexec");
    options.arena_bytes = wire::kArenaDataOffset + kInputArenaBytes;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    options.sandbox = SandboxPolicy::kOff;  // the sanitizers' own system calls are not on the list
#endif
    pool_ = std::make_unique<RunnerPool>(*loop_, threads_, os::RealFileSystem(), logger_, options,
                                         std::vector<model::FrameworkManifest>{});
  }
  CellFactory& factory() override { return *pool_; }
  std::string framework() const override { return "null"; }
  bool RunUntil(const std::function<bool()>& done) override {
    const MonotonicTime end = os::RealClock().Now() + seconds(60);
    while (!done() && os::RealClock().Now() < end) loop_->RunOnce(milliseconds(100));
    return done();
  }
  LoadSpec Model(const std::string& behavior) override {
    std::string text = "behavior: echo\n";
    if (behavior == "bad") text = "behavior: nonsense\n";
    if (behavior == "crash") text = "behavior: segfault\n";
    if (behavior == "slow") text = "behavior: sleep\nmilliseconds: 200\n";
    return {{*model::ModelName::Parse(behavior), 1},
            EchoConfig(),
            std::move(artifact::MakeArtifact("model.null", text)).value()};
  }

 private:
  std::unique_ptr<os::EventLoop> loop_;
  os::ThreadPool threads_{1};
  Logger logger_{{}, os::RealClock(), [](std::string_view) {}};
  std::unique_ptr<RunnerPool> pool_;
};

using MakeWorld = std::unique_ptr<testing::RunnerWorld> (*)();

class RunnerContractTest : public ::testing::TestWithParam<MakeWorld> {
 protected:
  void SetUp() override {
    world_ = GetParam()();
    world_->factory().SetExitHandler([this](const CellExit& exit) { exits_.push_back(exit); });
  }

  std::shared_ptr<Cell> StartCell() {
    std::shared_ptr<Cell> cell;
    bool answered = false;
    world_->factory().Start({.framework = world_->framework()},
                            [&](Result<std::shared_ptr<Cell>> started) {
                              answered = true;
                              if (started.ok()) cell = *started;
                            });
    EXPECT_FALSE(answered) << "never from inside the call";
    EXPECT_TRUE(world_->RunUntil([&] { return answered; }));
    return cell;
  }

  Result<LoadedModel> Load(Cell& cell, const std::string& behavior) {
    std::optional<LoadResult> result;
    cell.Load(world_->Model(behavior), [&](LoadResult r) { result.emplace(std::move(r)); });
    EXPECT_FALSE(result.has_value()) << "never from inside the call";
    EXPECT_TRUE(world_->RunUntil([&] { return result.has_value(); }));
    return std::move(result->model);
  }

  uint64_t Execute(Cell& cell, uint32_t slot, float value, int64_t rows = 1) {
    const std::vector<float> values(static_cast<size_t>(4 * rows), value);
    const std::vector<int64_t> shape = {rows, 4};
    const ExecuteInput input{0, {tensor::DataType::kFp32, shape, std::as_bytes(std::span(values))}};
    const size_t index = results_.size();
    results_.emplace_back();
    return cell.Execute(slot, {&input, 1}, {}, [this, index](ExecuteResult result) {
      EXPECT_FALSE(results_[index].has_value()) << "exactly once";
      order_.push_back(index);
      results_[index].emplace(std::move(result));
    });
  }

  bool AllAnswered() const { return order_.size() == results_.size(); }

  std::unique_ptr<testing::RunnerWorld> world_;
  std::vector<CellExit> exits_;
  std::vector<std::optional<ExecuteResult>> results_;
  std::vector<size_t> order_;
};

TEST_P(RunnerContractTest, LoadsAndExecutesInOrder) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto model = Load(*cell, "echo");
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  ASSERT_EQ(model->metadata.inputs.size(), 1U);
  EXPECT_EQ(model->metadata.inputs[0].name, "IN");
  for (int i = 0; i < 10; ++i) Execute(*cell, model->slot, static_cast<float>(i));
  EXPECT_EQ(cell->calls_in_flight(), 10U);
  EXPECT_TRUE(order_.empty());
  ASSERT_TRUE(world_->RunUntil([&] { return AllAnswered(); }));
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(order_[i], i);
    ASSERT_TRUE(results_[i]->status.ok()) << results_[i]->status.ToString();
    float value = -1;
    std::memcpy(&value, results_[i]->outputs[0].tensor.data.data(), sizeof(value));
    EXPECT_EQ(value, static_cast<float>(i));
  }
  EXPECT_EQ(cell->calls_in_flight(), 0U);
}

TEST_P(RunnerContractTest, InputsWithoutRoomAreNotSent) {
  constexpr int64_t kRowBytes = 16;
  constexpr int64_t kMostRows = testing::RunnerWorld::kInputArenaBytes / kRowBytes;
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto model = Load(*cell, "slow");
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  Execute(*cell, model->slot, 1, kMostRows / 2);
  Execute(*cell, model->slot, 2, kMostRows / 2 + 1);
  ASSERT_TRUE(world_->RunUntil([&] { return AllAnswered(); }));
  EXPECT_TRUE(results_[0]->status.ok()) << results_[0]->status.ToString();
  EXPECT_EQ(results_[1]->status.code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(results_[1]->no_room_yet);
  for (const int64_t rows : {kMostRows / 2 + 1, kMostRows, kMostRows + 1}) {
    Execute(*cell, model->slot, 3, rows);
    ASSERT_TRUE(world_->RunUntil([&] { return AllAnswered(); }));
    EXPECT_EQ(results_.back()->status.ok(), rows <= kMostRows) << rows;
    EXPECT_FALSE(results_.back()->no_room_yet) << rows;
  }
}

TEST_P(RunnerContractTest, ARefusedModelLeavesTheCellAlive) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto bad = Load(*cell, "bad");
  EXPECT_EQ(bad.status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(cell->alive());
  EXPECT_TRUE(Load(*cell, "echo").ok());
}

TEST_P(RunnerContractTest, UnloadIsIdempotent) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto model = Load(*cell, "echo");
  ASSERT_TRUE(model.ok());
  int unloaded = 0;
  for (int i = 0; i < 2; ++i) {
    cell->Unload(model->slot, [&](const Status& status) { unloaded += status.ok(); });
  }
  EXPECT_TRUE(world_->RunUntil([&] { return unloaded == 2; }));
}

TEST_P(RunnerContractTest, ACrashCompletesEveryCallOnceAndNamesTheOneThatRan) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto echo = Load(*cell, "echo");
  const auto crash = Load(*cell, "crash");
  ASSERT_TRUE(echo.ok() && crash.ok());
  Execute(*cell, echo->slot, 1);
  Execute(*cell, crash->slot, 2);
  Execute(*cell, echo->slot, 3);
  Execute(*cell, echo->slot, 4);
  ASSERT_TRUE(world_->RunUntil([&] { return !exits_.empty(); }));
  EXPECT_TRUE(AllAnswered()) << "before the exit handler";
  EXPECT_TRUE(results_[0]->status.ok());
  for (size_t i = 1; i < 4; ++i) {
    ASSERT_TRUE(results_[i]->lost.has_value()) << i;
    EXPECT_EQ(results_[i]->lost->cause, CellExitCause::kCrashed);
    EXPECT_EQ(results_[i]->lost->was_running, i == 1);
  }
  EXPECT_EQ(exits_[0].cell, cell->id());
  EXPECT_EQ(exits_[0].cause, CellExitCause::kCrashed);
  EXPECT_FALSE(cell->alive());
  Execute(*cell, echo->slot, 5);
  ASSERT_TRUE(world_->RunUntil([&] { return AllAnswered(); }));
  EXPECT_FALSE(results_[4]->lost->was_running) << "a call to a dead cell can be sent elsewhere";
}

TEST_P(RunnerContractTest, ADeadCellCompletesLoadsAndUnloads) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  cell->End(CellExitCause::kStopped);
  ASSERT_TRUE(world_->RunUntil([&] { return !exits_.empty(); }));
  std::optional<LoadResult> loaded;
  std::optional<Status> unloaded;
  cell->Load(world_->Model("echo"), [&](LoadResult result) { loaded.emplace(std::move(result)); });
  cell->Unload(1, [&](const Status& status) { unloaded = status; });
  EXPECT_FALSE(loaded || unloaded) << "never from inside the call";
  ASSERT_TRUE(world_->RunUntil([&] { return loaded && unloaded; }));
  EXPECT_EQ(loaded->model.status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(loaded->lost.has_value());
  EXPECT_FALSE(loaded->lost->was_running);
  EXPECT_TRUE(unloaded->ok()) << "it is gone, which is what was asked for";
}

TEST_P(RunnerContractTest, ACancelledCallCompletesAtOnce) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto slow = Load(*cell, "slow");
  ASSERT_TRUE(slow.ok());
  Execute(*cell, slow->slot, 1);
  const uint64_t second = Execute(*cell, slow->slot, 2);
  Execute(*cell, slow->slot, 3);
  cell->Cancel(second);
  ASSERT_TRUE(world_->RunUntil([&] { return AllAnswered(); }));
  EXPECT_EQ(order_[0], 1U);
  EXPECT_EQ(results_[1]->status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(results_[0]->status.ok());
  EXPECT_TRUE(results_[2]->status.ok());
}

TEST_P(RunnerContractTest, AStoppedCellSaysSo) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  cell->End(CellExitCause::kStopped);
  ASSERT_TRUE(world_->RunUntil([&] { return !exits_.empty(); }));
  EXPECT_EQ(exits_[0].cause, CellExitCause::kStopped);
  EXPECT_FALSE(IsOffence(exits_[0].cause));
}

TEST_P(RunnerContractTest, ACallPastItsDeadlineIsTheModelsOffence) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  const auto slow = Load(*cell, "slow");
  ASSERT_TRUE(slow.ok());
  Execute(*cell, slow->slot, 1);
  bool time_passed = false;
  (void)world_->RunUntil([&] { return std::exchange(time_passed, true); });
  cell->End(CellExitCause::kDeadline);
  ASSERT_TRUE(world_->RunUntil([&] { return !exits_.empty(); }));
  EXPECT_EQ(exits_[0].cause, CellExitCause::kDeadline);
  ASSERT_TRUE(results_[0].has_value());
  EXPECT_TRUE(results_[0]->lost->was_running);
}

TEST_P(RunnerContractTest, MemoryCanBeMeasured) {
  const auto cell = StartCell();
  ASSERT_NE(cell, nullptr);
  std::optional<Result<uint64_t>> measured;
  cell->MeasureMemory([&](Result<uint64_t> bytes) { measured.emplace(std::move(bytes)); });
  ASSERT_TRUE(world_->RunUntil([&] { return measured.has_value(); }));
  ASSERT_TRUE(measured->ok()) << measured->status().ToString();
  EXPECT_GT(**measured, 0U);
}

INSTANTIATE_TEST_SUITE_P(Worlds, RunnerContractTest,
                         ::testing::Values(MakeWorld([]() -> std::unique_ptr<testing::RunnerWorld> {
                                             return std::make_unique<FakeWorld>();
                                           }),
                                           MakeWorld([]() -> std::unique_ptr<testing::RunnerWorld> {
                                             return std::make_unique<ProcessWorld>();
                                           })),
                         [](const auto& info) {
                           return std::string(info.index == 0 ? "Fake" : "Process");
                         });

TEST(RunnerPoolTest, AMissingRunnerSaysHowToGetIt) {
  auto loop = std::move(os::EventLoop::Create(os::RealClock())).value();
  os::ThreadPool threads(1);
  const Logger logger({}, os::RealClock(), [](std::string_view) {});
  model::FrameworkManifest manifest;
  manifest.framework = "absent";
  manifest.get_it = "./dev setup absent";
  RunnerPool pool(*loop, threads, os::RealFileSystem(), logger, {.program_directory = "/nowhere"},
                  {manifest});
  EXPECT_EQ(pool.CanStart("absent").message(),
            "the runner for absent models is not installed; get it with: ./dev setup absent");
  std::optional<Status> status;
  pool.Start({.framework = "absent"},
             [&](const Result<std::shared_ptr<Cell>>& cell) { status = cell.status(); });
  while (!status) loop->RunOnce(milliseconds(100));
  EXPECT_EQ(status->code(), StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace throng::runner
