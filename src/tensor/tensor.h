// Tensors: a datatype, a shape and bytes. Row-major, little-endian. BYTES elements are each a
// uint32 length (little-endian) followed by that many bytes, concatenated (V2 binary extension).
// Value types, not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/data_type.h"

namespace throng::tensor {

// Dimensions; -1 means "any" in a model's metadata and never appears in data.
using Shape = std::vector<int64_t>;

// "[-1,3,32,32]": the text of Triton's errors and metadata.
std::string ShapeToString(const Shape& shape);
// Product of the dimensions ([] is 1). ERRORS: kInvalidArgument — a negative dimension, or more
// than 2^62 elements.
Result<uint64_t> ElementCount(const Shape& shape);
// Bytes of a fixed-size tensor. ERRORS: as ElementCount; more than limits::kTensorBytes.
Result<uint64_t> ByteSize(DataType type, const Shape& shape);
// True when every dimension agrees or the pattern has -1 there.
bool ShapeMatches(const Shape& pattern, const Shape& shape);

// Tensor data that somebody else owns.
struct TensorView {
  DataType type = DataType::kInvalid;
  std::span<const int64_t> shape;
  std::span<const std::byte> data;
};

// Tensor data that is owned.
struct Tensor {
  DataType type = DataType::kInvalid;
  Shape shape;
  std::vector<std::byte> data;

  TensorView view() const { return {type, shape, data}; }
};

// Walks the elements of a BYTES tensor. Each length is read once, so the bytes may lie in memory
// that another process can write.
class BytesReader {
 public:
  explicit BytesReader(std::span<const std::byte> data) : data_(data) {}
  // Nothing at the end. ERRORS: kInvalidArgument — a length is cut off or runs past the end.
  Result<std::optional<std::string_view>> Next();

 private:
  std::span<const std::byte> data_;
};

// Appends one element. REQUIRES: element.size() < 2^32.
void AppendBytesElement(std::string_view element, std::vector<std::byte>& data);

// Checks that `data` is exactly what `type` and `shape` say: size, or for BYTES the number of
// elements. ERRORS: kInvalidArgument with Triton's texts ("expected 16 string elements ... got
// 14").
Status CheckTensorData(DataType type, const Shape& shape, std::span<const std::byte> data);

}  // namespace throng::tensor
