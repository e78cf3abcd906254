#include "scheduler/scheduler.h"

#include <cstring>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "residency/testing/fake_model_source.h"
#include "runner/testing/fake_runner.h"

namespace throng::scheduler {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SchedulerTest : public ::testing::Test {
 protected:
  using Answers = std::vector<Result<InferReply>>;

  void Start(SchedulerOptions options = {}) {
    manager_ = std::make_unique<residency::ModelManager>(executor_, source_, cells_, logger_,
                                                         residency::ManagerOptions{},
                                                         std::vector<model::FrameworkManifest>{});
    manager_->ScanAtStart([](const Result<repository::Snapshot>&) {});
    executor_.RunPosted();
    scheduler_ = std::make_unique<Scheduler>(executor_, *manager_, logger_, options);
  }

  InferRequest Request(const std::string& model, Duration deadline = seconds(300)) {
    InferRequest request{*model::ModelName::Parse(model), {}, "", {}, {}, {}, {}};
    NamedTensor input;
    input.name = "IN";
    input.tensor.type = tensor::DataType::kFp32;
    input.tensor.shape = {1, 4};
    input.tensor.data.resize(16);
    request.inputs.push_back(std::move(input));
    request.deadline = executor_.clock().Now() + deadline;
    return request;
  }

  void Send(InferRequest request) {
    scheduler_->Infer(std::move(request), executor_,
                      [this](Result<InferReply> reply) { answers_.push_back(std::move(reply)); });
  }

  size_t Succeeded() const {
    size_t count = 0;
    for (const auto& answer : answers_) count += answer.ok();
    return count;
  }

  // Loads it, so that later requests find it in memory.
  void Warm(const std::string& model) {
    Send(Request(model));
    executor_.Advance(seconds(2));
    ASSERT_TRUE(!answers_.empty() && answers_.back().ok());
    answers_.clear();
  }

  throng::testing::SimulatedExecutor executor_;
  residency::testing::FakeModelSource source_{executor_};
  runner::testing::FakeCellFactory cells_{executor_};
  Logger logger_{{}, executor_.clock(), [](std::string_view) {}};
  std::unique_ptr<residency::ModelManager> manager_;
  std::unique_ptr<Scheduler> scheduler_;
  Answers answers_;
};

TEST_F(SchedulerTest, AnswersWithTheModelsOutputs) {
  source_.Add("a");
  Start();
  InferRequest request = Request("a");
  const float value = 2.5F;
  std::memcpy(request.inputs[0].tensor.data.data(), &value, sizeof(value));
  Send(std::move(request));
  executor_.Advance(seconds(1));
  ASSERT_EQ(answers_.size(), 1U);
  ASSERT_TRUE(answers_[0].ok()) << answers_[0].status().ToString();
  const InferReply& reply = *answers_[0];
  EXPECT_EQ(reply.model_name, "a");
  EXPECT_EQ(reply.outputs[0].name, "OUT");
  EXPECT_EQ(std::memcmp(reply.outputs[0].tensor.data.data(), &value, sizeof(value)), 0);
  EXPECT_GT(reply.timings.load, Duration::zero());
}

TEST_F(SchedulerTest, RefusesWhatTheModelDoesNotTakeAndCarriesTheId) {
  source_.Add("a");
  Start();
  InferRequest request = Request("a");
  request.id = "42";
  request.inputs[0].name = "X";
  Send(std::move(request));
  executor_.Advance(seconds(1));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(
      answers_[0].status().message().rfind("[request id: 42] unexpected inference input 'X'", 0),
      0U);
}

TEST_F(SchedulerTest, CallsWaitForRoomInTheCellsArena) {
  source_.Add("a");
  source_.Add("b");
  cells_.input_arena_bytes = 40;  // two calls of 16 bytes
  Start();
  Warm("a");
  Warm("b");
  for (int i = 0; i < 5; ++i) {
    Send(Request("a"));
    Send(Request("b"));
  }
  executor_.Advance(seconds(2));
  EXPECT_EQ(answers_.size(), 10U);
  EXPECT_EQ(Succeeded(), 10U);
  InferRequest large = Request("a");
  large.inputs[0].tensor.shape = {3, 4};
  large.inputs[0].tensor.data.resize(48);
  Send(std::move(large));
  executor_.Advance(seconds(2));
  ASSERT_EQ(answers_.size(), 11U);
  EXPECT_EQ(answers_.back().status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(scheduler_->in_flight(), 0U);
}

TEST_F(SchedulerTest, QueuesAreBoundedPerModelAndInAll) {
  source_.Add("a");
  source_.Add("b");
  SchedulerOptions options;
  options.max_queued_calls_per_model = 3;
  options.max_queued_calls = 5;
  Start(options);
  for (int i = 0; i < 4; ++i) Send(Request("a"));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status().message(), "Exceeds maximum queue size");
  EXPECT_EQ(answers_[0].status().retry_after_seconds(), 1);
  for (int i = 0; i < 3; ++i) Send(Request("b"));
  ASSERT_EQ(answers_.size(), 2U) << "five calls in all are taken";
  executor_.Advance(seconds(1));
  EXPECT_EQ(Succeeded(), 5U);
  EXPECT_EQ(scheduler_->in_flight(), 0U);
}

TEST_F(SchedulerTest, InputBytesThatWaitAreBounded) {
  source_.Add("a");
  SchedulerOptions options;
  options.max_queued_input_bytes = 32;  // two calls of 16 bytes
  Start(options);
  for (int i = 0; i < 3; ++i) Send(Request("a"));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kUnavailable);
  executor_.Advance(seconds(1));
  EXPECT_EQ(Succeeded(), 2U);
  Send(Request("a"));
  executor_.Advance(seconds(1));
  EXPECT_EQ(Succeeded(), 3U) << "what is answered is given back";
}

TEST_F(SchedulerTest, ModelsOfACellTakeTurns) {
  source_.Add("busy");
  source_.Add("quiet");
  Start();
  Warm("busy");
  Warm("quiet");
  ASSERT_EQ(cells_.cells().size(), 1U);
  cells_.cells()[0]->executed.clear();
  for (int i = 0; i < 100; ++i) Send(Request("busy"));
  Send(Request("quiet"));
  executor_.Advance(seconds(1));
  const auto& order = cells_.cells()[0]->executed;
  const auto position = std::find(order.begin(), order.end(), "quiet") - order.begin();
  EXPECT_LE(position, static_cast<ptrdiff_t>(limits::kCallsInCell) + 1);
  EXPECT_EQ(Succeeded(), 101U);
}

TEST_F(SchedulerTest, ACrashFailsTheCallThatRanAndRetriesTheOthersOnce) {
  source_.Add("a");
  Start();
  Warm("a");
  for (int i = 0; i < 5; ++i) Send(Request("a"));
  executor_.RunPosted();
  cells_.cells()[0]->Die(runner::CellExitCause::kCrashed, "SIGSEGV");
  executor_.Advance(seconds(1));
  ASSERT_EQ(answers_.size(), 5U);
  EXPECT_EQ(Succeeded(), 4U);
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kUnavailable);
  EXPECT_NE(answers_[0].status().message().find("SIGSEGV"), std::string::npos);
  EXPECT_EQ(scheduler_->in_flight(), 0U);
}

TEST_F(SchedulerTest, APoisonedRequestIsNotTriedAgainAndAgain) {
  source_.Add("bad");
  Start();
  Warm("bad");
  cells_.model("bad").execute_ends_cell = runner::CellExitCause::kCrashed;
  for (int i = 0; i < 3; ++i) Send(Request("bad"));
  executor_.Advance(seconds(1));
  ASSERT_EQ(answers_.size(), 3U);
  EXPECT_EQ(Succeeded(), 0U);
  EXPECT_LE(cells_.started, 3U);
}

TEST_F(SchedulerTest, AKillFromOutsideIsNoOffence) {
  source_.Add("a");
  Start();
  Warm("a");
  for (int round = 0; round < 6; ++round) {
    Send(Request("a"));
    Send(Request("a"));
    executor_.RunPosted();
    ASSERT_FALSE(cells_.cells().empty());
    cells_.cells()[0]->Die(runner::CellExitCause::kOutside, "SIGKILL");
    executor_.Advance(seconds(1));
  }
  EXPECT_EQ(answers_.size(), 12U);
  EXPECT_EQ(Succeeded(), 6U) << "only those that ran have failed";
  EXPECT_EQ(manager_->stats().offences, 0U);
}

TEST_F(SchedulerTest, ASlowCallDoesNotHoldUpItsNeighbours) {
  source_.Add("slow");
  source_.Add("quick");
  Start();
  Warm("slow");
  Warm("quick");
  ASSERT_EQ(cells_.cells().size(), 1U);
  cells_.model("slow").execute_time = seconds(20);
  Send(Request("slow"));
  for (int i = 0; i < 3; ++i) Send(Request("quick"));
  executor_.Advance(milliseconds(500));
  EXPECT_EQ(Succeeded(), 3U);
  EXPECT_EQ(scheduler_->stats().moved, 3U);
  executor_.Advance(seconds(20));
  EXPECT_EQ(Succeeded(), 4U);
}

TEST_F(SchedulerTest, AnExecutionPastItsDeadlineEndsTheCell) {
  source_.Add("stuck");
  cells_.model("stuck").never_answers = true;
  Start();
  Send(Request("stuck"));
  executor_.Advance(seconds(59));
  EXPECT_TRUE(answers_.empty());
  executor_.Advance(seconds(3));
  ASSERT_EQ(answers_.size(), 1U);
  EXPECT_EQ(answers_[0].status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(manager_->stats().offences, 1U);
  EXPECT_TRUE(cells_.cells().empty());
}

TEST_F(SchedulerTest, ARequestsOwnDeadlineAnswersWhileItWaits) {
  source_.Add("stuck");
  Start();
  Warm("stuck");
  cells_.model("stuck").never_answers = true;
  for (int i = 0; i < 20; ++i) Send(Request("stuck", milliseconds(200)));
  executor_.Advance(milliseconds(300));
  ASSERT_EQ(answers_.size(), 20U);
  EXPECT_EQ(answers_[19].status().code(), StatusCode::kDeadlineExceeded);
  executor_.Advance(seconds(120));
  EXPECT_EQ(answers_.size(), 20U) << "each call completes once";
  EXPECT_EQ(scheduler_->in_flight(), 0U);
}

TEST_F(SchedulerTest, NothingIsLeftWhenAllIsDone) {
  source_.Add("a");
  Start();
  const size_t before = executor_.timer_count();
  Warm("a");
  EXPECT_EQ(executor_.timer_count(), before);
  EXPECT_EQ(scheduler_->in_flight(), 0U);
}

}  // namespace
}  // namespace throng::scheduler
