#include "runners/sdk/arena_sink.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.h"

namespace throng::sdk {

ArenaSink::ArenaSink(std::span<std::byte> arena, std::function<bool()> wait)
    : arena_(arena), wait_(std::move(wait)), space_(wire::kArenaDataOffset, arena.size()) {}

void ArenaSink::Begin(size_t output_count) {
  output_count_ = output_count;
  reply_.outputs.clear();
  reply_bytes_ = 0;
  begin_cursor_ = space_.produced();
}

Status ArenaSink::Check(uint16_t index, tensor::DataType type, const tensor::Shape& shape,
                        uint64_t size_bytes) const {
  const std::string name = "output " + std::to_string(index);
  if (output_count_ > 0 && index >= output_count_) {
    return InvalidArgumentError(name + " is not one of the model's outputs");
  }
  if (reply_.outputs.size() >= limits::kModelTensors) {
    return ResourceExhaustedError("the model returned more outputs than a reply may hold");
  }
  if (size_bytes > limits::kReplyTensorBytes - reply_bytes_) {
    return ResourceExhaustedError("the outputs take more than " +
                                  std::to_string(limits::kReplyTensorBytes) + " bytes");
  }
  for (const wire::WireTensor& output : reply_.outputs) {
    if (output.index == index) return InvalidArgumentError(name + " was returned twice");
  }
  if (shape.size() > limits::kTensorRank) {
    return InvalidArgumentError(name + " has more than " + std::to_string(limits::kTensorRank) +
                                " dimensions");
  }
  if (type == tensor::DataType::kBytes) return OkStatus();
  Result<uint64_t> expected = tensor::ByteSize(type, shape);
  if (!expected.ok()) return expected.status().WithContext(name);
  if (*expected != size_bytes) {
    return InvalidArgumentError(name + " has " + std::to_string(size_bytes) +
                                " bytes where its datatype and shape take " +
                                std::to_string(*expected));
  }
  return OkStatus();
}

Result<std::span<std::byte>> ArenaSink::Allocate(uint16_t index, tensor::DataType type,
                                                 const tensor::Shape& shape, uint64_t size_bytes) {
  THRONG_RETURN_IF_ERROR(Check(index, type, shape, size_bytes));
  THRONG_ASSIGN_OR_RETURN(const uint64_t offset, FindRoom(size_bytes));
  reply_bytes_ += size_bytes;
  reply_.outputs.push_back({index, type, shape, wire::Slice{offset, size_bytes}});
  return arena_.subspan(offset, size_bytes);
}

Result<uint64_t> ArenaSink::FindRoom(uint64_t size_bytes) {
  for (;;) {
    if (const auto block = space_.Allocate(size_bytes)) return block->offset;
    if (consumed_cursor_ >= reported_cursor_) {
      // Nobody reads the rest: it belongs to replies that failed, or to this one.
      space_.FreeUpTo(begin_cursor_);
      if (const auto block = space_.Allocate(size_bytes)) return block->offset;
      return ResourceExhaustedError("the outputs do not fit into the memory for replies");
    }
    if (!wait_()) return UnavailableError("the server has closed the connection");
  }
}

wire::ExecuteReply& ArenaSink::Finish() {
  reported_cursor_ = space_.produced();
  reply_.outputs_produced = reported_cursor_;
  return reply_;
}

void ArenaSink::Consumed(uint64_t cursor) {
  if (cursor <= consumed_cursor_) return;
  consumed_cursor_ = std::min(cursor, reported_cursor_);
  space_.FreeUpTo(consumed_cursor_);
}

}  // namespace throng::sdk
