// Reads protobuf's wire format without protobuf: TensorFlow brings its own, and a second one in the
// same program crashes. Never fails loudly: a message that is cut off or malformed ends early and
// says so. https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace throng::tensorflow_runner {

// Walks the fields of one message. Does not own the bytes.
//
//   WireReader reader(bytes);
//   while (reader.Next()) {
//     if (reader.field() == 2) Use(reader.bytes());
//   }
//   if (reader.malformed()) ...
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool Next();
  bool malformed() const { return malformed_; }

  uint32_t field() const { return field_; }
  // A varint field's value; 0 for another kind.
  uint64_t number() const { return number_; }
  // A length-delimited field's content (string, message); empty for another kind.
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  bool ReadVarint(uint64_t& value);
  bool ReadField();
  bool Skip(uint64_t count);

  std::span<const std::byte> rest_;
  bool malformed_ = false;
  uint32_t field_ = 0;
  uint64_t number_ = 0;
  std::span<const std::byte> bytes_;
};

}  // namespace throng::tensorflow_runner
