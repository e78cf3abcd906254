#include "runners/tensorflow/wire_format.h"

namespace throng::tensorflow_runner {
namespace {

constexpr uint32_t kVarint = 0;
constexpr uint32_t kFixed64 = 1;
constexpr uint32_t kLengthDelimited = 2;
constexpr uint32_t kFixed32 = 5;
constexpr int kMaxVarintBytes = 10;

}  // namespace

bool WireReader::ReadVarint(uint64_t& value) {
  value = 0;
  for (int i = 0; i < kMaxVarintBytes && !rest_.empty(); ++i) {
    const uint64_t byte = std::to_integer<uint64_t>(rest_.front());
    rest_ = rest_.subspan(1);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return true;
  }
  return false;
}

bool WireReader::Skip(uint64_t count) {
  if (count > rest_.size()) return false;
  rest_ = rest_.subspan(count);
  return true;
}

bool WireReader::ReadField() {
  uint64_t tag = 0;
  if (!ReadVarint(tag) || tag >> 3 == 0 || tag >> 32 != 0) return false;
  field_ = static_cast<uint32_t>(tag >> 3);
  switch (tag & 7) {
    case kVarint:
      return ReadVarint(number_);
    case kFixed64:
      return Skip(8);
    case kFixed32:
      return Skip(4);
    case kLengthDelimited: {
      uint64_t length = 0;
      if (!ReadVarint(length) || length > rest_.size()) return false;
      bytes_ = rest_.first(length);
      return Skip(length);
    }
    default:
      return false;
  }
}

bool WireReader::Next() {
  number_ = 0;
  bytes_ = {};
  if (rest_.empty() || malformed_) return false;
  malformed_ = !ReadField();
  return !malformed_;
}

}  // namespace throng::tensorflow_runner
