// GraphDefs and SavedModels made field by field, so that a test can say what its model does without
// TensorFlow's Python or files made elsewhere. Test code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace throng::tensorflow_runner {

// DataType of tensorflow/core/framework/types.proto.
inline constexpr int kFloat = 1;
inline constexpr int kInt32 = 3;
inline constexpr int kString = 7;
inline constexpr int kResource = 20;

// One field of a message, encoded.
std::string NumberField(uint32_t field, uint64_t value);
std::string BytesField(uint32_t field, std::string_view bytes);

// Values of attributes (AttrValue).
std::string TypeAttribute(int type);
std::string ShapeAttribute(const tensor::Shape& shape);
std::string StringAttribute(std::string_view text);
std::string IntListAttribute(const std::vector<int64_t>& values);
// A scalar of strings.
std::string StringTensorAttribute(std::string_view text);

// A node of a GraphDef, encoded; concatenated they are a GraphDef.
std::string Node(std::string_view name, std::string_view operation,
                 const std::vector<std::string>& inputs,
                 const std::vector<std::pair<std::string, std::string>>& attributes);
std::string Placeholder(std::string_view name, int type, const tensor::Shape& shape);

// An entry of SignatureDef.inputs (field 1) or .outputs (field 2).
std::string SignatureEntry(uint32_t field, std::string_view name, std::string_view tensor_name,
                           int type, const tensor::Shape& shape);
std::string MetaGraph(const std::vector<std::string>& tags,
                      const std::vector<std::pair<std::string, std::string>>& signatures,
                      std::string_view graph_def);
std::string SavedModel(const std::vector<std::string>& meta_graphs);

}  // namespace throng::tensorflow_runner
