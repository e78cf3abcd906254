// The front door's side of a cell that the test plays itself: what it sends, when its process ends.
// (Cells that are processes are in runner_contract_test.cc and runner_pool_test.cc.)
#include "runner/cell_process.h"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

#include "artifact/artifact.h"
#include "os/event_loop.h"
#include "os/socket.h"

namespace throng::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kArenaBytes = wire::kArenaDataOffset + 64 * 1024;
constexpr pid_t kNoProcess = -1;

class CellProcessTest : public ::testing::Test {
 protected:
  void StartCell(RunnerDeadlines deadlines = {}) {
    auto sockets = std::move(os::SocketPair()).value();
    auto ends = std::move(os::SocketPair()).value();
    peer_ = std::move(sockets.second);
    end_ = std::move(ends.second);
    CellProcess::Parts parts;
    parts.id = 1;
    parts.framework = "played";
    parts.socket = std::move(sockets.first);
    // Not a pidfd: signals sent through it go nowhere, and it becomes readable when the test says.
    parts.process = os::ChildProcess(kNoProcess, std::move(ends.first));
    parts.input_arena = std::move(os::CreateArenaFile("inputs", kArenaBytes)).value();
    parts.output_arena = std::move(os::CreateArenaFile("outputs", kArenaBytes)).value();
    parts.input_mapping = std::move(os::Mapping::Map(parts.input_arena.get(), kArenaBytes,
                                                     /*writable=*/true))
                              .value();
    parts.output_mapping = std::move(os::Mapping::Map(parts.output_arena.get(), kArenaBytes,
                                                      /*writable=*/false))
                               .value();
    header_ = std::move(os::Mapping::Map(parts.output_arena.get(), kArenaBytes, /*writable=*/true))
                  .value();
    parts.deadlines = deadlines;
    cell_ = std::make_shared<CellProcess>(*loop_, threads_, std::move(parts));
    cell_->Start([this](const Result<wire::Hello>& hello) { hello_ = hello.status(); },
                 [this](CellExit exit) { exit_.emplace(std::move(exit)); });
  }

  bool RunUntil(const std::function<bool()>& done) {
    const MonotonicTime end = os::RealClock().Now() + seconds(30);
    while (!done() && os::RealClock().Now() < end) loop_->RunOnce(milliseconds(100));
    return done();
  }
  void RunAFewRounds() {
    for (int i = 0; i < 5; ++i) loop_->RunOnce(Duration::zero());
  }

  void Send(std::span<const std::byte> bytes) {
    ASSERT_EQ(os::WriteSome(peer_.get(), bytes).bytes, bytes.size());
  }
  void SendHello() {
    std::vector<std::byte> bytes;
    wire::Encode(wire::Hello{.is_cell = true}, bytes);
    Send(bytes);
    ASSERT_TRUE(RunUntil([&] { return hello_.has_value(); }));
  }
  void BreakTheProtocol() { Send(std::vector<std::byte>(64, std::byte{0x5a})); }
  void EndProcess() {
    end_.Reset(-1);
    ASSERT_TRUE(RunUntil([&] { return exit_.has_value(); }));
  }
  // Bytes that the cell has been sent until now.
  size_t SentBytes() {
    std::vector<std::byte> buffer(64 * 1024);
    while (os::WaitReadable(peer_.get(), 0)) sent_ += os::ReadSome(peer_.get(), buffer).bytes;
    return sent_;
  }

  // A message that no socket takes at once, and `further_bytes`.
  static LoadSpec LongLoad(size_t further_bytes = 0) {
    auto artifact = std::move(artifact::MakeArtifact("model.null", "text")).value();
    auto config = std::make_shared<model::ModelConfig>();
    for (int i = 0; i < 14; ++i) {
      config->parameters[std::to_string(i)] = std::string(limits::kWireStringBytes - 1, 'x');
    }
    for (const char* name : {"further", "last"}) {
      const size_t bytes = std::min(further_bytes, limits::kWireStringBytes - 1);
      config->parameters[name] = std::string(bytes, 'x');
      further_bytes -= bytes;
    }
    return {{*model::ModelName::Parse("long"), 1}, std::move(config), std::move(artifact)};
  }
  void Load(LoadSpec spec) {
    cell_->Load(std::move(spec), [this](LoadResult result) { losses_.push_back(*result.lost); });
  }
  uint64_t Execute() {
    return cell_->Execute(1, {}, {}, [this](ExecuteResult result) {
      if (result.lost) losses_.push_back(*result.lost);
      results_.push_back(std::move(result));
    });
  }
  void Reply(uint64_t call_id, uint64_t compute_ns, std::vector<std::byte>& bytes) {
    wire::ExecuteReply reply;
    reply.compute_ns = compute_ns;
    wire::Encode(call_id, reply, bytes);
  }

  std::unique_ptr<os::EventLoop> loop_ = std::move(os::EventLoop::Create(os::RealClock())).value();
  os::ThreadPool threads_{1};
  os::UniqueFd peer_;
  os::UniqueFd end_;
  size_t sent_ = 0;
  os::Mapping header_;
  std::shared_ptr<CellProcess> cell_;
  std::optional<Status> hello_;
  std::optional<CellExit> exit_;
  std::vector<CellLoss> losses_;
  std::vector<ExecuteResult> results_;
};

// Its socket is full and no longer watched, and its process has not ended yet.
TEST_F(CellProcessTest, ABrokenCellTakesCallsUntilItsEndIsKnown) {
  StartCell();
  SendHello();
  Load(LongLoad());
  RunAFewRounds();
  BreakTheProtocol();
  ASSERT_TRUE(RunUntil([&] { return !cell_->alive(); }));
  EXPECT_FALSE(cell_->accepts_models());
  Load(LongLoad());
  Execute();
  const uint64_t cancelled = Execute();
  int unloaded = 0;
  cell_->Unload(1, [&](const Status& status) { unloaded += status.ok(); });
  cell_->Cancel(cancelled);
  cell_->End(CellExitCause::kStopped);
  RunAFewRounds();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(losses_.empty());
  EXPECT_EQ(unloaded, 0);
  EXPECT_EQ(cell_->calls_in_flight(), 5U);
  EndProcess();
  EXPECT_EQ(unloaded, 1);
  ASSERT_EQ(losses_.size(), 3U) << "each once";
  for (size_t i = 0; i < losses_.size(); ++i) {
    EXPECT_EQ(losses_[i].cause, CellExitCause::kCrashed);
    EXPECT_EQ(losses_[i].was_running, i == 0) << "what was never sent cannot have run";
  }
  EXPECT_EQ(exit_->cause, CellExitCause::kCrashed);
}

TEST_F(CellProcessTest, AnIdleBrokenCellBlamesNoCallThatItNeverGot) {
  StartCell();
  SendHello();
  BreakTheProtocol();
  ASSERT_TRUE(RunUntil([&] { return !cell_->alive(); }));
  const wire::ArenaHeader lie = {.running_call_id = Execute()};
  std::memcpy(header_.data(), &lie, sizeof(lie));
  EndProcess();
  ASSERT_EQ(losses_.size(), 1U);
  EXPECT_FALSE(losses_[0].was_running);
}

TEST_F(CellProcessTest, ACellThatClosedItsSocketTakesCallsUntilItsEndIsKnown) {
  StartCell();
  SendHello();
  peer_.Reset(-1);
  ASSERT_TRUE(RunUntil([&] { return !cell_->alive(); }));
  Load(LongLoad());
  Execute();
  RunAFewRounds();
  EXPECT_TRUE(losses_.empty());
  EndProcess();
  EXPECT_EQ(losses_.size(), 2U);
}

TEST_F(CellProcessTest, ClaimedTimesAreAtMostWhatPassed) {
  StartCell();
  SendHello();
  const MonotonicTime before = os::RealClock().Now();
  const uint64_t first = Execute();
  const uint64_t second = Execute();
  ASSERT_TRUE(RunUntil([&] { return SentBytes() > 0; }));
  std::vector<std::byte> bytes;
  Reply(first, UINT64_MAX, bytes);
  Reply(second, UINT64_C(1) << 63, bytes);
  Send(bytes);
  ASSERT_TRUE(RunUntil([&] { return results_.size() == 2; }));
  const Duration passed = os::RealClock().Now() - before;
  for (const ExecuteResult& result : results_) {
    ASSERT_TRUE(result.status.ok()) << result.status.ToString();
    EXPECT_GE(result.compute_time, Duration::zero());
    EXPECT_LE(result.compute_time, passed);
  }
}

TEST_F(CellProcessTest, HonestTimesOfRepliesThatComeTogetherStay) {
  StartCell();
  SendHello();
  const uint64_t first = Execute();
  const uint64_t second = Execute();
  const MonotonicTime sent = os::RealClock().Now();
  ASSERT_TRUE(RunUntil([&] { return SentBytes() > 0; }));
  const Duration each = (os::RealClock().Now() - sent) / 2;
  std::vector<std::byte> bytes;
  Reply(first, static_cast<uint64_t>(each.count()), bytes);
  Reply(second, static_cast<uint64_t>(each.count()), bytes);
  Send(bytes);
  ASSERT_TRUE(RunUntil([&] { return results_.size() == 2; }));
  for (const ExecuteResult& result : results_) EXPECT_EQ(result.compute_time, each);
}

TEST_F(CellProcessTest, AWorseCauseTakesThePlaceOfAStop) {
  StartCell();
  SendHello();
  cell_->End(CellExitCause::kStopped);
  EXPECT_FALSE(cell_->accepts_models());
  cell_->End(CellExitCause::kDeadline);
  cell_->End(CellExitCause::kStopped);
  EndProcess();
  EXPECT_EQ(exit_->cause, CellExitCause::kDeadline);
}

// It came between the request to stop and the end: whoever made it asks another cell.
TEST_F(CellProcessTest, ACallToACellThatStopsWasNotRunning) {
  StartCell();
  SendHello();
  cell_->End(CellExitCause::kStopped);
  Execute();
  RunAFewRounds();
  EndProcess();
  ASSERT_EQ(losses_.size(), 1U);
  EXPECT_EQ(losses_[0].cause, CellExitCause::kStopped);
  EXPECT_FALSE(losses_[0].was_running);
}

TEST_F(CellProcessTest, ACellThatIsNotReadyInTimeIsNoOffender) {
  StartCell({.hello = Duration(1)});
  loop_->RunOnce(milliseconds(100));
  EXPECT_FALSE(hello_.has_value()) << "until its process has ended";
  EndProcess();
  ASSERT_TRUE(hello_.has_value());
  EXPECT_EQ(hello_->code(), StatusCode::kUnavailable);
  EXPECT_EQ(exit_->cause, CellExitCause::kOutside);
  EXPECT_EQ(exit_->reason, "was not ready in time");
}

// limits::kWireFrameBytes
TEST_F(CellProcessTest, ALoadFitsIntoOneMessage) {
  constexpr size_t kLimit = limits::kWireFrameBytes + sizeof(wire::MessageHeader);
  StartCell();
  SendHello();
  std::vector<Status> refused;
  const auto load = [&](size_t further_bytes) {
    cell_->Load(LongLoad(further_bytes),
                [&](const LoadResult& result) { refused.push_back(result.model.status()); });
    RunAFewRounds();
  };
  const auto sent_by = [&](size_t further_bytes) {
    const size_t before = sent_;
    load(further_bytes);
    size_t all = 0;
    while (all != SentBytes()) {
      all = sent_;
      RunAFewRounds();
    }
    return all - before;
  };
  const size_t at_limit = kLimit - sent_by(0);
  EXPECT_EQ(sent_by(at_limit - 1), kLimit - 1);
  EXPECT_EQ(sent_by(at_limit), kLimit);
  EXPECT_TRUE(refused.empty());
  load(at_limit + 1);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(cell_->alive());
}

}  // namespace
}  // namespace throng::runner
