#include "wire/frame_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"

namespace throng::wire {
namespace {

// A buffer that one large message made longer than this is given back when it is empty: there is a
// reader for each of a thousand cells.
constexpr size_t kKeptBufferBytes = 64 * 1024;

Status CheckHeader(const MessageHeader& header) {
  if (header.magic != kMagic) return InvalidArgumentError("message: wrong magic number");
  if (header.protocol != kProtocolVersion) {
    return InvalidArgumentError("message: protocol " + std::to_string(header.protocol) + " where " +
                                std::to_string(kProtocolVersion) + " was expected");
  }
  const auto kind = static_cast<uint16_t>(header.kind);
  if (kind < static_cast<uint16_t>(MessageKind::kHello) ||
      kind > static_cast<uint16_t>(MessageKind::kShutdown)) {
    return InvalidArgumentError("message: unknown kind " + std::to_string(kind));
  }
  if (header.body_bytes > limits::kWireFrameBytes) {
    return InvalidArgumentError("message: body of " + std::to_string(header.body_bytes) +
                                " bytes is over " + std::to_string(limits::kWireFrameBytes));
  }
  return OkStatus();
}

}  // namespace

std::span<std::byte> FrameReader::Prepare(size_t minimum_bytes) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > std::max(kKeptBufferBytes, minimum_bytes)) {
      buffer_ = std::vector<std::byte>();
    }
  }
  if (buffer_.size() - end_ < minimum_bytes) {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() - end_ < minimum_bytes) buffer_.resize(end_ + minimum_bytes);
  }
  return std::span(buffer_).subspan(end_);
}

void FrameReader::Commit(size_t bytes) {
  THRONG_CHECK(bytes <= buffer_.size() - end_);
  end_ += bytes;
}

Result<std::optional<Frame>> FrameReader::Next() {
  const size_t available = end_ - begin_;
  if (available < sizeof(MessageHeader)) return std::optional<Frame>();
  Frame frame;
  std::memcpy(&frame.header, buffer_.data() + begin_, sizeof(MessageHeader));
  THRONG_RETURN_IF_ERROR(CheckHeader(frame.header));
  const size_t frame_bytes = sizeof(MessageHeader) + frame.header.body_bytes;
  if (available < frame_bytes) return std::optional<Frame>();
  frame.body = std::span(buffer_).subspan(begin_ + sizeof(MessageHeader), frame.header.body_bytes);
  begin_ += frame_bytes;
  return std::optional<Frame>(frame);
}

}  // namespace throng::wire
