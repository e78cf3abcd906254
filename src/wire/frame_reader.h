// FrameReader: cuts a byte stream into messages. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"
#include "wire/messages.h"

namespace throng::wire {

struct Frame {
  MessageHeader header;
  std::span<const std::byte> body;  // valid until the next Append or Next
};

class FrameReader {
 public:
  // Where the next read may put bytes: at least `minimum_bytes`. Follow with Commit.
  std::span<std::byte> Prepare(size_t minimum_bytes = 16 * 1024);
  void Commit(size_t bytes);

  // The next whole message; nothing when more bytes are needed. ERRORS: kInvalidArgument — wrong
  // magic, protocol or kind, or a body over limits::kWireFrameBytes. The stream is then unusable.
  Result<std::optional<Frame>> Next();

 private:
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace throng::wire
