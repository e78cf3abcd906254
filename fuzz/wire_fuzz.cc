// What a hostile process may write to its socket: the bytes are cut into messages as they would
// arrive, and every body is given to every decoder, since the kind in a header may lie. Whatever is
// accepted must survive being encoded and decoded again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "wire/frame_reader.h"
#include "wire/messages.h"

namespace {

using throng::Result;
using throng::Status;
using Bytes = std::vector<std::byte>;
using Body = std::span<const std::byte>;
namespace wire = throng::wire;

constexpr uint64_t kArenaBytes = 1 << 20;

template <typename Message>
Bytes Encoded(const Message& message) {
  Bytes bytes;
  if constexpr (std::is_same_v<Message, wire::Hello> || std::is_same_v<Message, wire::Consumed>) {
    wire::Encode(message, bytes);
  } else {
    wire::Encode(1, message, bytes);
  }
  return bytes;
}

template <typename Decode>
void CheckDecoder(Body body, Decode decode) {
  const auto first = decode(body);
  if (!first.ok()) {
    THRONG_CHECK(first.status().code() == throng::StatusCode::kInvalidArgument);
    return;
  }
  const Bytes bytes = Encoded(*first);
  const auto second = decode(Body(bytes).subspan(sizeof(wire::MessageHeader)));
  THRONG_CHECK(second.ok());
  THRONG_CHECK(Encoded(*second) == bytes);
}

void CheckBody(const wire::MessageHeader& header, Body body) {
  CheckDecoder(body, wire::DecodeHello);
  CheckDecoder(body, wire::DecodeForkRequest);
  CheckDecoder(body, wire::DecodeForkReply);
  CheckDecoder(body, wire::DecodeLoadRequest);
  CheckDecoder(body, wire::DecodeLoadReply);
  CheckDecoder(body, wire::DecodeUnloadRequest);
  CheckDecoder(body, wire::DecodeConsumed);
  CheckDecoder(body, wire::DecodeStatsReply);
  CheckDecoder(body, [](Body bytes) { return wire::DecodeExecuteRequest(bytes, kArenaBytes); });
  CheckDecoder(body, [](Body bytes) { return wire::DecodeExecuteReply(bytes, kArenaBytes); });
  const Status failure = wire::DecodeFailure(header, body);
  THRONG_CHECK(failure.message().size() <= throng::limits::kErrorTextBytes);
}

void CheckStream(Body bytes, size_t step_bytes) {
  wire::FrameReader reader;
  while (!bytes.empty()) {
    const Body step = bytes.first(std::min(step_bytes, bytes.size()));
    std::memcpy(reader.Prepare(step.size()).data(), step.data(), step.size());
    reader.Commit(step.size());
    bytes = bytes.subspan(step.size());
    for (;;) {
      const auto frame = reader.Next();
      if (!frame.ok()) return;
      if (!frame->has_value()) break;
      CheckBody((*frame)->header, (*frame)->body);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Body bytes = std::as_bytes(std::span(data, size)).subspan(1);
  CheckStream(bytes, size_t{data[0]} + 1);
  CheckBody(wire::MessageHeader(), bytes);
  return 0;
}
