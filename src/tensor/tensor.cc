#include "tensor/tensor.h"

#include <cstring>

#include "base/limits.h"

namespace throng::tensor {
namespace {

constexpr uint64_t kMaxElements = uint64_t{1} << 62;

Status CheckStringElements(uint64_t expected_count, std::span<const std::byte> data) {
  BytesReader reader(data);
  for (uint64_t count = 0;; ++count) {
    THRONG_ASSIGN_OR_RETURN(const std::optional<std::string_view> element, reader.Next());
    if (!element) {
      if (count == expected_count) return OkStatus();
      return InvalidArgumentError("expected " + std::to_string(expected_count) +
                                  " string elements, got " + std::to_string(count));
    }
    if (count == expected_count) {
      return InvalidArgumentError("unexpected number of string elements " +
                                  std::to_string(count + 1) + ", expecting " +
                                  std::to_string(expected_count));
    }
  }
}

}  // namespace

std::string ShapeToString(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

Result<uint64_t> ElementCount(const Shape& shape) {
  // The product of the other dimensions is bounded even when one is zero, so that the answer does
  // not depend on their order.
  uint64_t product = 1;
  bool empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) {
      return InvalidArgumentError("shape " + ShapeToString(shape) + " has a negative dimension");
    }
    if (dimension == 0) {
      empty = true;
      continue;
    }
    if (static_cast<uint64_t>(dimension) > kMaxElements / product) {
      return InvalidArgumentError("shape " + ShapeToString(shape) +
                                  " causes total element count to exceed maximum size of " +
                                  std::to_string(kMaxElements));
    }
    product *= static_cast<uint64_t>(dimension);
  }
  return empty ? uint64_t{0} : product;
}

Result<uint64_t> ByteSize(DataType type, const Shape& shape) {
  const size_t element_size = ElementSize(type);
  if (element_size == 0) {
    return InvalidArgumentError("the byte size of datatype " + std::string(DataTypeName(type)) +
                                " does not follow from its shape");
  }
  THRONG_ASSIGN_OR_RETURN(const uint64_t count, ElementCount(shape));
  if (count > limits::kTensorBytes / element_size) {
    return InvalidArgumentError("shape " + ShapeToString(shape) + " of datatype " +
                                std::string(DataTypeName(type)) + " exceeds the maximum of " +
                                std::to_string(limits::kTensorBytes) + " bytes");
  }
  return count * element_size;
}

bool ShapeMatches(const Shape& pattern, const Shape& shape) {
  if (pattern.size() != shape.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != -1 && pattern[i] != shape[i]) return false;
  }
  return true;
}

Result<std::optional<std::string_view>> BytesReader::Next() {
  if (data_.empty()) return std::optional<std::string_view>();
  uint32_t length = 0;
  if (data_.size() < sizeof(length)) {
    return InvalidArgumentError("incomplete string length indicator, expecting " +
                                std::to_string(sizeof(length)) + " bytes but only " +
                                std::to_string(data_.size()) + " bytes available");
  }
  std::memcpy(&length, data_.data(), sizeof(length));
  const std::span<const std::byte> rest = data_.subspan(sizeof(length));
  if (length > rest.size()) {
    return InvalidArgumentError("incomplete string data, expecting string of length " +
                                std::to_string(length) + " but only " +
                                std::to_string(rest.size()) + " bytes available");
  }
  data_ = rest.subspan(length);
  return std::optional<std::string_view>(
      std::string_view(reinterpret_cast<const char*>(rest.data()), length));
}

void AppendBytesElement(std::string_view element, std::vector<std::byte>& data) {
  const auto length = static_cast<uint32_t>(element.size());
  const auto* const length_bytes = reinterpret_cast<const std::byte*>(&length);
  const auto* const bytes = reinterpret_cast<const std::byte*>(element.data());
  data.insert(data.end(), length_bytes, length_bytes + sizeof(length));
  data.insert(data.end(), bytes, bytes + element.size());
}

Status CheckTensorData(DataType type, const Shape& shape, std::span<const std::byte> data) {
  if (type == DataType::kBytes) {
    THRONG_ASSIGN_OR_RETURN(const uint64_t count, ElementCount(shape));
    return CheckStringElements(count, data);
  }
  THRONG_ASSIGN_OR_RETURN(const uint64_t expected_bytes, ByteSize(type, shape));
  if (data.size() != expected_bytes) {
    return InvalidArgumentError("input byte size mismatch. Expected " +
                                std::to_string(expected_bytes) + ", got " +
                                std::to_string(data.size()));
  }
  return OkStatus();
}

}  // namespace throng::tensor
