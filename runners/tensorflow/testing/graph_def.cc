#include "runners/tensorflow/testing/graph_def.h"

namespace throng::tensorflow_runner {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string Shape(const tensor::Shape& shape) {
  std::string dims;
  for (const int64_t size : shape) {
    dims += BytesField(2, NumberField(1, static_cast<uint64_t>(size)));
  }
  return dims;
}

std::string MapEntry(uint32_t field, std::string_view key, std::string_view value) {
  return BytesField(field, BytesField(1, key) + BytesField(2, value));
}

}  // namespace

std::string NumberField(uint32_t field, uint64_t value) {
  return Varint(field << 3) + Varint(value);
}

std::string BytesField(uint32_t field, std::string_view bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

std::string TypeAttribute(int type) { return NumberField(6, static_cast<uint64_t>(type)); }
std::string ShapeAttribute(const tensor::Shape& shape) { return BytesField(7, Shape(shape)); }
std::string StringAttribute(std::string_view text) { return BytesField(2, text); }

std::string IntListAttribute(const std::vector<int64_t>& values) {
  std::string list;
  for (const int64_t value : values) list += NumberField(3, static_cast<uint64_t>(value));
  return BytesField(1, list);
}

std::string StringTensorAttribute(std::string_view text) {
  return BytesField(8, NumberField(1, kString) + BytesField(2, "") + BytesField(8, text));
}

std::string Node(std::string_view name, std::string_view operation,
                 const std::vector<std::string>& inputs,
                 const std::vector<std::pair<std::string, std::string>>& attributes) {
  std::string node = BytesField(1, name) + BytesField(2, operation);
  for (const std::string& input : inputs) node += BytesField(3, input);
  for (const auto& [key, value] : attributes) node += MapEntry(5, key, value);
  return BytesField(1, node);
}

std::string Placeholder(std::string_view name, int type, const tensor::Shape& shape) {
  return Node(name, "Placeholder", {},
              {{"dtype", TypeAttribute(type)}, {"shape", ShapeAttribute(shape)}});
}

std::string SignatureEntry(uint32_t field, std::string_view name, std::string_view tensor_name,
                           int type, const tensor::Shape& shape) {
  return MapEntry(field, name,
                  BytesField(1, tensor_name) + NumberField(2, static_cast<uint64_t>(type)) +
                      BytesField(3, Shape(shape)));
}

std::string MetaGraph(const std::vector<std::string>& tags,
                      const std::vector<std::pair<std::string, std::string>>& signatures,
                      std::string_view graph_def) {
  std::string info;
  for (const std::string& tag : tags) info += BytesField(4, tag);
  std::string graph = BytesField(1, info) + BytesField(2, graph_def);
  for (const auto& [name, signature] : signatures) graph += MapEntry(5, name, signature);
  return graph;
}

std::string SavedModel(const std::vector<std::string>& meta_graphs) {
  std::string model = NumberField(1, 1);
  for (const std::string& graph : meta_graphs) model += BytesField(2, graph);
  return model;
}

}  // namespace throng::tensorflow_runner
