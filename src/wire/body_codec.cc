#include "wire/body_codec.h"

#include <algorithm>

#include "base/limits.h"
#include "base/utf8.h"

namespace throng::wire {

std::string CleanText(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (clean.size() + std::max<size_t>(length, 1) > limits::kErrorTextBytes) break;
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 0) {
      clean += '?';
    } else if (first < 0x20 || first == 0x7f) {
      clean += ' ';
    } else {
      clean.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return clean;
}

BodyWriter::BodyWriter(MessageKind kind, uint64_t call_id, uint32_t code,
                       std::vector<std::byte>& out)
    : out_(out), header_at_(out.size()) {
  MessageHeader header;
  header.kind = kind;
  header.call_id = call_id;
  header.code = code;
  Raw(&header, sizeof(header));
}

void BodyWriter::String(std::string_view text) {
  Integer<uint32_t>(static_cast<uint32_t>(text.size()));
  Raw(text.data(), text.size());
}

void BodyWriter::Shape(const tensor::Shape& shape) {
  Integer<uint32_t>(static_cast<uint32_t>(shape.size()));
  Raw(shape.data(), shape.size() * sizeof(int64_t));
}

void BodyWriter::SliceField(const Slice& slice) {
  Integer(slice.offset);
  Integer(slice.size_bytes);
}

void BodyWriter::Finish() {
  const auto body_bytes = static_cast<uint32_t>(out_.size() - header_at_ - sizeof(MessageHeader));
  std::memcpy(out_.data() + header_at_ + offsetof(MessageHeader, body_bytes), &body_bytes,
              sizeof(body_bytes));
}

void BodyWriter::Raw(const void* bytes, size_t size_bytes) {
  const auto* first = static_cast<const std::byte*>(bytes);
  out_.insert(out_.end(), first, first + size_bytes);
}

bool BodyReader::Bool(std::string_view field) {
  const auto value = Integer<uint8_t>(field);
  if (value > 1) Fail(field, "must be 0 or 1");
  return value == 1;
}

std::string BodyReader::String(std::string_view field) {
  const auto size_bytes = Integer<uint32_t>(field);
  if (size_bytes > limits::kWireStringBytes) {
    Fail(field, "is longer than " + std::to_string(limits::kWireStringBytes) + " bytes");
  }
  if (!Take(field, size_bytes)) return "";
  return std::string(reinterpret_cast<const char*>(taken_), size_bytes);
}

size_t BodyReader::Count(std::string_view field, size_t limit, size_t element_bytes) {
  const auto count = Integer<uint32_t>(field);
  if (count > limit) Fail(field, "are more than " + std::to_string(limit));
  if (count > rest_.size() / element_bytes) Fail(field, "are cut off");
  return ok() ? count : 0;
}

tensor::Shape BodyReader::Shape(std::string_view field, int64_t lowest) {
  tensor::Shape shape(Count(field, limits::kTensorRank, sizeof(int64_t)));
  for (int64_t& dimension : shape) {
    dimension = Integer<int64_t>(field);
    if (dimension < lowest) Fail(field, "has a dimension below " + std::to_string(lowest));
  }
  return shape;
}

Slice BodyReader::SliceWithin(std::string_view field, uint64_t begin, uint64_t end) {
  Slice slice;
  slice.offset = Integer<uint64_t>(field);
  slice.size_bytes = Integer<uint64_t>(field);
  if (slice.offset < begin || slice.offset > end || slice.size_bytes > end - slice.offset) {
    Fail(field, "lies outside the shared memory");
    return Slice{};
  }
  return slice;
}

void BodyReader::Fail(std::string_view field, std::string_view rule) {
  if (!ok()) return;
  failure_ = InvalidArgumentError(std::string(message_) + ": " + std::string(field) + " " +
                                  std::string(rule));
}

Status BodyReader::Finish() {
  if (!rest_.empty()) Fail("message", "has bytes behind its last field");
  return failure_;
}

bool BodyReader::Take(std::string_view field, size_t size_bytes) {
  if (size_bytes > rest_.size()) Fail(field, "is cut off");
  if (!ok()) return false;
  taken_ = rest_.data();
  rest_ = rest_.subspan(size_bytes);
  return true;
}

}  // namespace throng::wire
