// Cells of the null runner, through the real protocol: the program is started, forks, and is talked
// to over its sockets.
#include <signal.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "runners/sdk/testing/front_door.h"

namespace throng::sdk {
namespace {

using testing::CellOptions;
using testing::CellPeer;
using testing::Fp32;
using testing::FrontDoor;
using testing::ModelSource;
using testing::Reply;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Sanitizers' own memory and system calls do not fit into a cell.
constexpr wire::SandboxMode kSandbox = wire::SandboxMode::kOff;
#else
constexpr wire::SandboxMode kSandbox = wire::SandboxMode::kOn;
#endif

ModelSource NullModelOf(const std::string& text) { return {{{"model.null", text}}, 0, {}, {}, {}}; }

std::vector<tensor::Tensor> Row(float first) {
  std::vector<float> values(16, 1.0F);
  values[0] = first;
  return {Fp32({1, 16}, values)};
}

std::vector<tensor::Tensor> Bytes(size_t count) {
  return {{tensor::DataType::kUint8,
           {static_cast<int64_t>(count)},
           std::vector<std::byte>(count, std::byte{7})}};
}

class CellTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<FrontDoor>> door = FrontDoor::Start("null");
    ASSERT_TRUE(door.ok()) << door.status().ToString();
    door_ = std::move(*door);
    ASSERT_NO_FATAL_FAILURE(StartCell());
  }

  void StartCell(CellOptions options = {}) {
    options.sandbox = kSandbox;
    Result<std::unique_ptr<CellPeer>> cell = door_->Fork(options);
    ASSERT_TRUE(cell.ok()) << cell.status().ToString();
    cell_ = std::move(*cell);
    Result<wire::Hello> hello = cell_->ReceiveHello();
    ASSERT_TRUE(hello.ok()) << hello.status().ToString();
    hello_ = *hello;
  }

  void Load(uint32_t slot, const std::string& text) {
    Result<wire::LoadReply> reply = cell_->Load(slot, NullModelOf(text));
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  }

  // Bounded by the test's time-out.
  void WaitUntilRunning(uint64_t call_id) {
    while (cell_->arena_header().running_call_id != call_id) std::this_thread::yield();
  }

  // The call was named as the one that ran, and the process ended by `signal`.
  void ExpectDeathBy(int signal, uint64_t call_id) {
    EXPECT_EQ(cell_->ReceiveExecute().status().code(), StatusCode::kUnavailable);
    const auto exit = cell_->WaitForExit();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->signal, signal);
    EXPECT_EQ(cell_->arena_header().running_call_id, call_id);
    EXPECT_GT(cell_->arena_header().started_ns, 0u);
  }

  std::unique_ptr<FrontDoor> door_;
  std::unique_ptr<CellPeer> cell_;
  wire::Hello hello_;
};

TEST_F(CellTest, SaysWhoItIsAndThatItIsConfined) {
  EXPECT_FALSE(door_->hello().is_cell);
  EXPECT_EQ(door_->hello().framework, "null");
  EXPECT_TRUE(hello_.is_cell);
  EXPECT_EQ(hello_.framework, "null");
  if (kSandbox == wire::SandboxMode::kOff) return;
  EXPECT_TRUE(hello_.syscall_filter) << hello_.sandbox_refused;
  EXPECT_TRUE(hello_.resource_limits) << hello_.sandbox_refused;
}

TEST_F(CellTest, EchoesInputs) {
  Result<wire::LoadReply> loaded = cell_->Load(3, NullModelOf("behavior: echo\n"));
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_EQ(loaded->metadata.inputs.size(), 1u);
  EXPECT_EQ(loaded->metadata.inputs[0].name, "INPUT0");
  EXPECT_EQ(loaded->metadata.outputs[0].name, "OUTPUT0");
  EXPECT_EQ(loaded->metadata.outputs[0].shape, (tensor::Shape{-1, 16}));
  EXPECT_GT(loaded->load_ns, 0u);
  const std::vector<tensor::Tensor> row = Row(2.5F);
  for (int i = 0; i < 3; ++i) {
    Result<Reply> reply = cell_->Execute(3, row);
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
    ASSERT_EQ(reply->outputs.size(), 1u);
    EXPECT_EQ(reply->outputs[0].data, row[0].data);
    EXPECT_EQ(reply->outputs[0].shape, row[0].shape);
    EXPECT_GT(reply->execute.compute_ns, 0u);
  }
  EXPECT_EQ(cell_->arena_header().running_call_id, 0u);
}

TEST_F(CellTest, SumsWithTheInputsOfTheConfiguration) {
  ModelSource source = NullModelOf("behavior: sum");
  source.max_batch_size = 8;
  source.inputs = {{"a", tensor::DataType::kFp32, {4}, false}};
  source.outputs = {{"total", tensor::DataType::kFp32, {1}, false}};
  Result<wire::LoadReply> loaded = cell_->Load(0, source);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(loaded->metadata.max_batch_size, 8);
  EXPECT_EQ(loaded->metadata.inputs[0].shape, (tensor::Shape{-1, 4}));
  EXPECT_EQ(loaded->metadata.outputs[0].name, "total");
  const float values[] = {1, 2, 3, 4, 10, 20, 30, 40};
  Result<Reply> reply = cell_->Execute(0, std::vector{Fp32({2, 4}, values)});
  ASSERT_TRUE(reply.ok()) << reply.status().ToString();
  const float sums[] = {10, 100};
  EXPECT_EQ(reply->outputs[0].data, Fp32({2}, sums).data);
}

TEST_F(CellTest, RefusesWhatItCannotDoAndGoesOn) {
  Result<wire::LoadReply> bad = cell_->Load(0, NullModelOf("behavior: echo\nbehaviour: x"));
  EXPECT_EQ(bad.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(bad.status().message(), "line 2: unknown key");
  EXPECT_EQ(cell_->Execute(0, Row(1)).status().code(), StatusCode::kNotFound);
  Load(0, "behavior: echo");
  EXPECT_EQ(cell_->Load(0, NullModelOf("behavior: echo")).status().code(),
            StatusCode::kAlreadyExists);
  EXPECT_TRUE(cell_->Execute(0, Row(1)).ok());
}

TEST_F(CellTest, TurnsExceptionsIntoCleanTexts) {
  Load(0, "behavior: raise");
  const Status status = cell_->Execute(0, Row(1)).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.message(), "raised in model.cc:7 at <address>");
  EXPECT_EQ(cell_->Load(1, NullModelOf("behavior: raise\nwhen: load")).status().message(),
            status.message());
}

TEST_F(CellTest, UnloadIsIdempotentAndStatsCount) {
  Load(0, "behavior: echo");
  Load(7, "behavior: echo");
  ASSERT_TRUE(cell_->Execute(7, Row(1)).ok());
  Result<wire::StatsReply> stats = cell_->Stats();
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->models, 2u);
  EXPECT_EQ(stats->calls, 1u);
  // Sanitizers bring an allocator that glibc's account knows nothing of.
  if (kSandbox == wire::SandboxMode::kOn) {
    EXPECT_GT(stats->heap_bytes, 0u);
  }
  EXPECT_TRUE(cell_->Unload(7).ok());
  EXPECT_TRUE(cell_->Unload(7).ok());
  EXPECT_EQ(cell_->Stats()->models, 1u);
  EXPECT_EQ(cell_->Execute(7, Row(1)).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(cell_->Execute(0, Row(1)).ok());
}

TEST_F(CellTest, AnswersPipelinedCallsInOrder) {
  Load(0, "behavior: echo");
  std::vector<std::byte> frames;
  std::vector<uint64_t> sent;
  for (size_t i = 0; i < limits::kCallsInCell; ++i) {
    sent.push_back(cell_->AppendExecute(0, Row(1), 0, {}, frames));
  }
  // Split inside a frame: the rest comes later.
  ASSERT_TRUE(cell_->peer().Send(std::span(frames).first(frames.size() - 5)));
  ASSERT_TRUE(cell_->peer().Send(std::span(frames).last(5)));
  for (const uint64_t call_id : sent) {
    Result<Reply> reply = cell_->ReceiveExecute();
    ASSERT_TRUE(reply.ok() && reply->status.ok());
    EXPECT_EQ(reply->call_id, call_id);
  }
}

TEST_F(CellTest, DropsQueuedCallsThatAreCancelled) {
  Load(0, "behavior: sleep\nmilliseconds: 30");
  const uint64_t first = cell_->SendExecute(0, Row(1));
  const uint64_t second = cell_->SendExecute(0, Row(1));
  const uint64_t third = cell_->SendExecute(0, Row(1));
  std::vector<std::byte> cancel;
  wire::EncodeEmpty(wire::MessageKind::kCancel, second, cancel);
  ASSERT_TRUE(cell_->peer().Send(cancel));
  const StatusCode expected[] = {StatusCode::kOk, StatusCode::kCancelled, StatusCode::kOk};
  const uint64_t call_ids[] = {first, second, third};
  for (int i = 0; i < 3; ++i) {
    Result<Reply> reply = cell_->ReceiveExecute();
    ASSERT_TRUE(reply.ok()) << reply.status().ToString();
    EXPECT_EQ(reply->call_id, call_ids[i]);
    EXPECT_EQ(reply->status.code(), expected[i]);
  }
  EXPECT_EQ(cell_->Stats()->calls, 2u);
}

TEST_F(CellTest, SendsAReplyBeforeAnotherCallThatTakesLong) {
  Load(0, "behavior: echo");
  Load(1, "behavior: never_answer");
  std::vector<std::byte> frames;
  cell_->AppendExecute(0, Row(1), 0, {}, frames);
  const uint64_t stuck = cell_->AppendExecute(1, Row(1), 0, {}, frames);
  ASSERT_TRUE(cell_->peer().Send(frames));
  Result<Reply> reply = cell_->ReceiveExecute();
  ASSERT_TRUE(reply.ok() && reply->status.ok());
  WaitUntilRunning(stuck);
  cell_->process().Signal(SIGKILL);
  ExpectDeathBy(SIGKILL, stuck);
}

TEST_F(CellTest, WaitsForRoomInTheOutputArena) {
  CellOptions options;
  options.arena_bytes = wire::kArenaDataOffset + 64 * 1024;
  ASSERT_NO_FATAL_FAILURE(StartCell(options));
  Load(0, "behavior: echo\ninput: UINT8 [-1]");
  const std::vector<tensor::Tensor> input = Bytes(40 * 1024);
  cell_->SendExecute(0, input);
  Result<Reply> first = cell_->ReceiveExecute();
  ASSERT_TRUE(first.ok() && first->status.ok());
  // Its outputs are still being read: the next two wait, until a Consumed, and a later Execute,
  // come.
  cell_->SendExecute(0, input);
  std::vector<std::byte> consumed;
  wire::Encode(wire::Consumed{first->execute.outputs_produced}, consumed);
  ASSERT_TRUE(cell_->peer().Send(consumed));
  Result<Reply> second = cell_->ReceiveExecute();
  ASSERT_TRUE(second.ok() && second->status.ok());
  EXPECT_EQ(second->outputs[0].data, input[0].data);
  cell_->SendExecute(0, input);
  cell_->SendExecute(0, Bytes(1), second->execute.outputs_produced);
  Result<Reply> third = cell_->ReceiveExecute();
  ASSERT_TRUE(third.ok() && third->status.ok());
  EXPECT_EQ(third->outputs[0].data.size(), input[0].data.size());
  EXPECT_TRUE(cell_->ReceiveExecute()->status.ok());
}

TEST_F(CellTest, RefusesOutputsThatCanNeverFit) {
  CellOptions options;
  options.arena_bytes = wire::kArenaDataOffset + 64 * 1024;
  ASSERT_NO_FATAL_FAILURE(StartCell(options));
  Load(0, "behavior: echo\ninput: UINT8 [-1]\ninput: UINT8 [-1]");
  // Both inputs may be the same bytes, so their echo may be larger than both arenas.
  const auto execute_both = [&](uint64_t size_bytes) {
    wire::ExecuteRequest request;
    for (const uint16_t index : {uint16_t{0}, uint16_t{1}}) {
      request.inputs.push_back({index,
                                tensor::DataType::kUint8,
                                {static_cast<int64_t>(size_bytes)},
                                {wire::kArenaDataOffset, size_bytes}});
    }
    std::vector<std::byte> frame;
    wire::Encode(cell_->next_call_id(), request, frame);
    EXPECT_TRUE(cell_->peer().Send(frame));
    Result<Reply> reply = cell_->ReceiveExecute();
    return reply.ok() ? reply->status.code() : reply.status().code();
  };
  EXPECT_EQ(execute_both(32 * 1024 + 1), StatusCode::kResourceExhausted);
  EXPECT_EQ(execute_both(64 * 1024), StatusCode::kResourceExhausted);
  EXPECT_EQ(execute_both(32 * 1024), StatusCode::kOk);
}

TEST_F(CellTest, RefusesSlicesOutsideTheArena) {
  Load(0, "behavior: echo");
  wire::ExecuteRequest request;
  request.inputs.push_back({0, tensor::DataType::kFp32, {1, 16}, {(1 << 20) - 32, 64}});
  std::vector<std::byte> frame;
  wire::Encode(cell_->next_call_id(), request, frame);
  ASSERT_TRUE(cell_->peer().Send(frame));
  EXPECT_EQ(cell_->ReceiveExecute()->status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(cell_->Execute(0, Row(1)).ok());
}

TEST_F(CellTest, NamesTheCallThatItDiedOf) {
  Load(0, "behavior: echo");
  Load(1, "behavior: segfault");
  ASSERT_TRUE(cell_->Execute(0, Row(1)).ok());
  if (kSandbox == wire::SandboxMode::kOff) GTEST_SKIP() << "sanitizers catch SIGSEGV";
  const uint64_t suspect = cell_->SendExecute(1, Row(1));
  cell_->SendExecute(0, Row(1));
  ExpectDeathBy(SIGSEGV, suspect);
  // The zygote goes on.
  ASSERT_NO_FATAL_FAILURE(StartCell());
  Load(0, "behavior: echo\nkill_after: 1");
  ASSERT_TRUE(cell_->Execute(0, Row(1)).ok());
  ExpectDeathBy(0, cell_->SendExecute(0, Row(1)));
}

TEST_F(CellTest, ExitsAtTheEndOfItsSocketAndAtShutdown) {
  cell_->peer().Close();
  auto exit = cell_->WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, 0);
  EXPECT_EQ(exit->status_code, 0);
  ASSERT_NO_FATAL_FAILURE(StartCell());
  Load(0, "behavior: echo");
  std::vector<std::byte> frames;
  cell_->AppendExecute(0, Row(1), 0, {}, frames);
  wire::EncodeEmpty(wire::MessageKind::kShutdown, 0, frames);
  ASSERT_TRUE(cell_->peer().Send(frames));
  EXPECT_TRUE(cell_->ReceiveExecute().ok()) << "calls before the Shutdown are answered";
  exit = cell_->WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status_code, 0);
}

TEST_F(CellTest, EndsWhenTheFrontDoorBreaksTheProtocol) {
  ASSERT_TRUE(cell_->peer().Send(std::vector<std::byte>(64, std::byte{0x5a})));
  const auto exit = cell_->WaitForExit();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status_code, 1);
}

TEST_F(CellTest, OutlivesItsZygote) {
  Load(0, "behavior: echo");
  door_->zygote().Signal(SIGKILL);
  ASSERT_TRUE(door_->WaitForExit().has_value());
  EXPECT_TRUE(cell_->Execute(0, Row(1)).ok());
}

TEST_F(CellTest, RefusesALoadWithoutFiles) {
  std::vector<std::byte> frame;
  wire::LoadRequest request;
  request.name = "model";
  request.artifact_bytes = 4096;
  wire::Encode(cell_->next_call_id(), request, frame);
  ASSERT_TRUE(cell_->peer().Send(frame));
  const auto message = cell_->peer().Receive();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(StatusCodeFromInt(message->header.code), StatusCode::kInvalidArgument);
  EXPECT_TRUE(cell_->Load(0, NullModelOf("behavior: echo")).ok());
}

TEST(ZygoteTest, ExitsAtTheEndOfItsSocketAndAtShutdown) {
  for (const bool shutdown : {false, true}) {
    Result<std::unique_ptr<FrontDoor>> door = FrontDoor::Start("null");
    ASSERT_TRUE(door.ok()) << door.status().ToString();
    std::vector<std::byte> frame;
    wire::EncodeEmpty(wire::MessageKind::kShutdown, 0, frame);
    if (shutdown) {
      ASSERT_TRUE((*door)->peer().Send(frame));
    } else {
      (*door)->peer().Close();
    }
    const auto exit = (*door)->WaitForExit();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->signal, 0);
    EXPECT_EQ(exit->status_code, 0);
  }
}

TEST(ZygoteTest, RefusesAForkWithoutDescriptors) {
  Result<std::unique_ptr<FrontDoor>> door = FrontDoor::Start("null");
  ASSERT_TRUE(door.ok()) << door.status().ToString();
  wire::ForkRequest request;
  request.output_arena_bytes = 1 << 20;
  std::vector<std::byte> frame;
  wire::Encode(9, request, frame);
  ASSERT_TRUE((*door)->peer().Send(frame));
  const auto message = (*door)->peer().Receive();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->header.call_id, 9u);
  EXPECT_EQ(StatusCodeFromInt(message->header.code), StatusCode::kInvalidArgument);
  CellOptions options;
  options.sandbox = kSandbox;
  EXPECT_TRUE((*door)->Fork(options).ok());
}

}  // namespace
}  // namespace throng::sdk
