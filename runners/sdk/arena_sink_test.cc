#include "runners/sdk/arena_sink.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::sdk {
namespace {

using tensor::DataType;

constexpr uint64_t kCapacity = 1024;

class ArenaSinkTest : public ::testing::Test {
 protected:
  // What the front door does while the sink waits; false: it is gone.
  bool Wait() {
    ++waits_;
    if (waits_ > 10) return false;
    sink_.Consumed(consumes_);
    return !gone_;
  }

  // A reply of one output.
  Result<std::span<std::byte>> Produce(uint64_t size_bytes) {
    sink_.Begin(1);
    return sink_.Allocate(0, DataType::kBytes, {1}, size_bytes);
  }

  std::vector<std::byte> arena_ = std::vector<std::byte>(wire::kArenaDataOffset + kCapacity);
  uint64_t consumes_ = 0;
  bool gone_ = false;
  int waits_ = 0;
  ArenaSink sink_{arena_, [this] { return Wait(); }};
};

TEST_F(ArenaSinkTest, PlacesAlignedOutputsBehindTheHeader) {
  sink_.Begin(2);
  ASSERT_TRUE(sink_.Allocate(0, DataType::kFp32, {2, 3}, 24).ok());
  ASSERT_TRUE(sink_.Allocate(1, DataType::kInt8, {}, 1).ok());
  const wire::ExecuteReply& reply = sink_.Finish();
  ASSERT_EQ(reply.outputs.size(), 2u);
  for (const wire::WireTensor& output : reply.outputs) {
    EXPECT_GE(output.slice.offset, wire::kArenaDataOffset);
    EXPECT_EQ(output.slice.offset % 64, 0u);
  }
  EXPECT_EQ(reply.outputs[0].slice.size_bytes, 24u);
  EXPECT_GT(reply.outputs_produced, 0u);
  EXPECT_EQ(waits_, 0);
}

TEST_F(ArenaSinkTest, RefusesWhatDatatypeAndShapeDoNotSay) {
  sink_.Begin(1);
  const auto code = [&](uint16_t index, DataType type, tensor::Shape shape, uint64_t size_bytes) {
    return sink_.Allocate(index, type, shape, size_bytes).status().code();
  };
  EXPECT_EQ(code(0, DataType::kFp32, {2}, 7), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(0, DataType::kFp32, {-1}, 4), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(1, DataType::kFp32, {1}, 4), StatusCode::kInvalidArgument);
  EXPECT_EQ(code(0, DataType::kInt8, tensor::Shape(limits::kTensorRank + 1, 1), 1),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(code(0, DataType::kBytes, {1}, limits::kReplyTensorBytes + 1),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(code(0, DataType::kInt8, tensor::Shape(limits::kTensorRank, 1), 1), StatusCode::kOk);
  EXPECT_EQ(code(0, DataType::kFp32, {1}, 4), StatusCode::kInvalidArgument) << "twice";
}

TEST_F(ArenaSinkTest, WaitsUntilEarlierRepliesAreConsumed) {
  ASSERT_TRUE(Produce(768).ok());
  const uint64_t first_cursor = sink_.Finish().outputs_produced;
  consumes_ = first_cursor;
  ASSERT_TRUE(Produce(768).ok());
  EXPECT_EQ(waits_, 1);
}

TEST_F(ArenaSinkTest, SaysSoWhenTheFrontDoorIsGone) {
  ASSERT_TRUE(Produce(768).ok());
  sink_.Finish();
  gone_ = true;
  EXPECT_EQ(Produce(768).status().code(), StatusCode::kUnavailable);
}

TEST_F(ArenaSinkTest, NeverWaitsForWhatCannotFit) {
  EXPECT_TRUE(Produce(kCapacity).ok());
  sink_.Consumed(sink_.Finish().outputs_produced);
  EXPECT_EQ(Produce(kCapacity + 1).status().code(), StatusCode::kResourceExhausted);
  sink_.Begin(2);
  ASSERT_TRUE(sink_.Allocate(0, DataType::kBytes, {1}, 768).ok());
  EXPECT_EQ(sink_.Allocate(1, DataType::kBytes, {1}, 768).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(waits_, 0);
}

TEST_F(ArenaSinkTest, TakesBackTheSpaceOfRepliesThatFailed) {
  ASSERT_TRUE(Produce(512).ok());  // fails afterwards: no Finish
  ASSERT_TRUE(Produce(512).ok());
  ASSERT_TRUE(Produce(512).ok());
  EXPECT_EQ(waits_, 0);
}

TEST_F(ArenaSinkTest, IgnoresCursorsThatWereNeverReported) {
  ASSERT_TRUE(Produce(768).ok());
  sink_.Consumed(UINT64_MAX);
  consumes_ = sink_.Finish().outputs_produced;
  ASSERT_TRUE(Produce(768).ok());
  EXPECT_EQ(waits_, 1);
}

}  // namespace
}  // namespace throng::sdk
