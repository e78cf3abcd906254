#include "tensor/data_type.h"

#include <array>

namespace throng::tensor {
namespace {

struct Row {
  std::string_view name;
  std::string_view config_name;
  size_t element_size;
};

// Indexed by DataType.
constexpr std::array<Row, kDataTypeCount> kRows = {{{"<invalid>", "TYPE_INVALID", 0},
                                                    {"BOOL", "TYPE_BOOL", 1},
                                                    {"UINT8", "TYPE_UINT8", 1},
                                                    {"UINT16", "TYPE_UINT16", 2},
                                                    {"UINT32", "TYPE_UINT32", 4},
                                                    {"UINT64", "TYPE_UINT64", 8},
                                                    {"INT8", "TYPE_INT8", 1},
                                                    {"INT16", "TYPE_INT16", 2},
                                                    {"INT32", "TYPE_INT32", 4},
                                                    {"INT64", "TYPE_INT64", 8},
                                                    {"FP16", "TYPE_FP16", 2},
                                                    {"FP32", "TYPE_FP32", 4},
                                                    {"FP64", "TYPE_FP64", 8},
                                                    {"BYTES", "TYPE_STRING", 0},
                                                    {"BF16", "TYPE_BF16", 2}}};

const Row& RowOf(DataType type) {
  return kRows[static_cast<size_t>(DataTypeFromInt(static_cast<uint32_t>(type)))];
}

std::optional<DataType> Find(std::string_view name, std::string_view Row::*column) {
  for (size_t i = 1; i < kRows.size(); ++i) {
    if (kRows[i].*column == name) return static_cast<DataType>(i);
  }
  return std::nullopt;
}

}  // namespace

size_t ElementSize(DataType type) { return RowOf(type).element_size; }

std::string_view DataTypeName(DataType type) { return RowOf(type).name; }

std::string_view ConfigDataTypeName(DataType type) { return RowOf(type).config_name; }

std::optional<DataType> ParseDataType(std::string_view name) { return Find(name, &Row::name); }

std::optional<DataType> ParseConfigDataType(std::string_view name) {
  return Find(name, &Row::config_name);
}

DataType DataTypeFromInt(uint32_t value) {
  return value < kDataTypeCount ? static_cast<DataType>(value) : DataType::kInvalid;
}

}  // namespace throng::tensor
