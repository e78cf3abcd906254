#include "runners/onnx/warm_model.h"

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace throng::onnx {
namespace {

// The few protobuf rules needed to write a message.
std::string Varint(uint64_t value) {
  std::string out;
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  return out + static_cast<char>(value);
}
std::string Number(int field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Bytes(int field, std::string_view value) {
  return Varint(field << 3 | 2) + Varint(value.size()) + std::string(value);
}

// Field numbers from here on: onnx.proto.
constexpr int kFloat = 1;
constexpr int kInt64 = 7;

std::string Tensor(std::string_view name, int type, std::initializer_list<int64_t> dims,
                   std::string_view data) {
  std::string tensor;
  for (const int64_t dim : dims) tensor += Number(1, dim);
  return tensor + Number(2, type) + Bytes(8, name) + Bytes(9, data);
}

std::string ValueInfo(std::string_view name, std::initializer_list<int64_t> dims) {
  std::string shape;
  for (const int64_t dim : dims) shape += Bytes(1, Number(1, dim));
  return Bytes(1, name) + Bytes(2, Bytes(1, Number(1, kFloat) + Bytes(2, shape)));
}

std::string Node(std::string_view type, const std::vector<std::string_view>& inputs,
                 std::string_view output) {
  std::string node;
  for (const std::string_view input : inputs) node += Bytes(1, input);
  return node + Bytes(2, output) + Bytes(3, output) + Bytes(4, type);
}

std::string Zeros(size_t count) { return std::string(count * sizeof(float), '\0'); }

}  // namespace

std::string WarmModelBytes() {
  const int64_t flat[] = {1, 16};
  const std::string_view flat_bytes(reinterpret_cast<const char*>(flat), sizeof(flat));
  const std::string graph = Bytes(1, Node("Conv", {"x", "kernel"}, "convolved")) +
                            Bytes(1, Node("Relu", {"convolved"}, "rectified")) +
                            Bytes(1, Node("Reshape", {"rectified", "flat"}, "flattened")) +
                            Bytes(1, Node("MatMul", {"flattened", "weights"}, "product")) +
                            Bytes(1, Node("Add", {"product", "bias"}, "y")) + Bytes(2, "warm") +
                            Bytes(5, Tensor("kernel", kFloat, {1, 1, 1, 1}, Zeros(1))) +
                            Bytes(5, Tensor("flat", kInt64, {2}, flat_bytes)) +
                            Bytes(5, Tensor("weights", kFloat, {16, 4}, Zeros(64))) +
                            Bytes(5, Tensor("bias", kFloat, {4}, Zeros(4))) +
                            Bytes(11, ValueInfo("x", {1, 1, 4, 4})) +
                            Bytes(12, ValueInfo("y", {1, 4}));
  const std::string opset = Bytes(1, "") + Number(2, 17);
  return Number(1, 8) + Bytes(7, graph) + Bytes(8, opset);
}

}  // namespace throng::onnx
