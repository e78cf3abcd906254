// The datatypes of the V2 protocol (Open Inference Protocol, inference_rest.md, "Tensor Data
// Types") with their sizes and names. The numbers travel in wire frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace throng::tensor {

enum class DataType : uint8_t {
  kInvalid = 0,
  kBool = 1,
  kUint8 = 2,
  kUint16 = 3,
  kUint32 = 4,
  kUint64 = 5,
  kInt8 = 6,
  kInt16 = 7,
  kInt32 = 8,
  kInt64 = 9,
  kFp16 = 10,
  kFp32 = 11,
  kFp64 = 12,
  kBytes = 13,
  kBf16 = 14,
};
inline constexpr uint8_t kDataTypeCount = 15;

// Bytes of one element; 0 for kBytes (variable) and kInvalid.
size_t ElementSize(DataType type);
// "FP32", "BYTES", ...; "<invalid>" for kInvalid.
std::string_view DataTypeName(DataType type);
// "TYPE_FP32", "TYPE_STRING", ...: the names of a model configuration.
std::string_view ConfigDataTypeName(DataType type);
std::optional<DataType> ParseDataType(std::string_view name);
std::optional<DataType> ParseConfigDataType(std::string_view name);
// kInvalid for a number that is no datatype.
DataType DataTypeFromInt(uint32_t value);

}  // namespace throng::tensor
