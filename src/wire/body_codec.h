// BodyWriter and BodyReader: the primitive fields of message bodies. Internal to wire/.
//
// The reader is total: after the first field that is cut off or over its bound it returns zeroes
// and remembers the failure, so that a decoder reads field after field and asks once, at Finish().
// Both are used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/status.h"
#include "tensor/tensor.h"
#include "wire/messages.h"

namespace throng::wire {

// For texts that people read: control characters become spaces and invalid UTF-8 '?'; cut between
// characters at limits::kErrorTextBytes.
std::string CleanText(std::string_view text);

// Appends a header, then fields; Finish() writes the length of the body into the header.
class BodyWriter {
 public:
  BodyWriter(MessageKind kind, uint64_t call_id, uint32_t code, std::vector<std::byte>& out);

  template <typename T>
  void Integer(T value) {
    static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>);
    Raw(&value, sizeof(value));
  }
  void Bool(bool value) { Integer<uint8_t>(value ? 1 : 0); }
  void String(std::string_view text);
  // Bytes without a length, up to the end of the body.
  void Rest(std::string_view text) { Raw(text.data(), text.size()); }
  void Shape(const tensor::Shape& shape);
  void SliceField(const Slice& slice);
  void Finish();

 private:
  void Raw(const void* bytes, size_t size_bytes);

  std::vector<std::byte>& out_;
  const size_t header_at_;
};

class BodyReader {
 public:
  // `message` names the message in errors.
  BodyReader(std::string_view message, std::span<const std::byte> body)
      : message_(message), rest_(body) {}

  template <typename T>
  T Integer(std::string_view field) {
    static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>);
    T value = 0;
    if (Take(field, sizeof(value))) std::memcpy(&value, taken_, sizeof(value));
    return value;
  }
  bool Bool(std::string_view field);
  // At most limits::kWireStringBytes.
  std::string String(std::string_view field);
  // A number of elements that follow, at most `limit`; 0 after a failure. `element_bytes` is the
  // least that one element takes, so that a count can never make us reserve more than was sent.
  size_t Count(std::string_view field, size_t limit, size_t element_bytes);
  // Each dimension at least `lowest` (0 in data, -1 in metadata), rank at most limits::kTensorRank.
  tensor::Shape Shape(std::string_view field, int64_t lowest);
  // Lies within [begin, end).
  Slice SliceWithin(std::string_view field, uint64_t begin, uint64_t end);

  // Remembers the first failure only.
  void Fail(std::string_view field, std::string_view rule);
  bool ok() const { return failure_.ok(); }
  // The first failure; or one when bytes are left over.
  Status Finish();

 private:
  bool Take(std::string_view field, size_t size_bytes);

  const std::string_view message_;
  std::span<const std::byte> rest_;
  const std::byte* taken_ = nullptr;
  Status failure_;
};

}  // namespace throng::wire
