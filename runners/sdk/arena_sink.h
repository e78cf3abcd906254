// ArenaSink: where models put their outputs: space in the output arena. When that is full it waits
// for the front door to consume earlier replies. Owned by the cell; one reply at a time; not
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/status.h"
#include "runners/sdk/backend.h"
#include "wire/messages.h"
#include "wire/space_allocator.h"

namespace throng::sdk {

class ArenaSink final : public OutputSink {
 public:
  // `wait` sends what is unsent, blocks for frames and reports the cursors they hold to Consumed.
  // False: the front door is gone.
  ArenaSink(std::span<std::byte> arena, std::function<bool()> wait);

  // A new reply of a model with `output_count` outputs (0: any index).
  void Begin(size_t output_count);
  Result<std::span<std::byte>> Allocate(uint16_t index, tensor::DataType type,
                                        const tensor::Shape& shape, uint64_t size_bytes) override;
  // The reply's outputs and cursor. The front door will consume them.
  wire::ExecuteReply& Finish();

  // The front door has read all outputs up to `cursor`.
  void Consumed(uint64_t cursor);

 private:
  Status Check(uint16_t index, tensor::DataType type, const tensor::Shape& shape,
               uint64_t size_bytes) const;
  Result<uint64_t> FindRoom(uint64_t size_bytes);

  std::span<std::byte> arena_;
  std::function<bool()> wait_;
  wire::SpaceAllocator space_;
  wire::ExecuteReply reply_;
  size_t output_count_ = 0;
  uint64_t reply_bytes_ = 0;
  uint64_t begin_cursor_ = 0;     // produced when this reply began
  uint64_t reported_cursor_ = 0;  // the last one that a reply told the front door
  uint64_t consumed_cursor_ = 0;  // the last one that the front door told us
};

}  // namespace throng::sdk
