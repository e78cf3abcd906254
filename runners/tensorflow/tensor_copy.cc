#include "runners/tensorflow/tensor_copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <tensorflow/c/tf_tstring.h>

#include "base/limits.h"

namespace throng::tensorflow_runner {
namespace {

using tensor::DataType;

void DeleteStrings(void* data, size_t size_bytes, void*) {
  auto* strings = static_cast<TF_TString*>(data);
  for (size_t i = 0; i < size_bytes / sizeof(TF_TString); ++i) TF_StringDealloc(&strings[i]);
  std::free(data);
}

Result<TensorPtr> MakeStrings(const tensor::TensorView& view) {
  THRONG_ASSIGN_OR_RETURN(const uint64_t count, tensor::ElementCount(tensor::Shape(
                                                    view.shape.begin(), view.shape.end())));
  if (count > view.data.size() / sizeof(uint32_t)) {
    return InvalidArgumentError("expected " + std::to_string(count) + " string elements");
  }
  const size_t size_bytes = count * sizeof(TF_TString);
  const size_t alignment = TF_TensorDefaultAlignment();
  const size_t space_bytes = (size_bytes + alignment) / alignment * alignment;
  auto* strings = static_cast<TF_TString*>(std::aligned_alloc(alignment, space_bytes));
  if (strings == nullptr) return ResourceExhaustedError("out of memory for an input");
  for (uint64_t i = 0; i < count; ++i) TF_StringInit(&strings[i]);
  // TensorFlow may keep the tensor beyond the request, so the strings go when it lets go.
  TensorPtr result(TF_NewTensor(TF_STRING, view.shape.data(), static_cast<int>(view.shape.size()),
                                strings, size_bytes, DeleteStrings, nullptr));
  if (result == nullptr) return InternalError("TensorFlow refuses an input of strings");
  tensor::BytesReader reader(view.data);
  for (uint64_t i = 0; i < count; ++i) {
    THRONG_ASSIGN_OR_RETURN(const std::optional<std::string_view> element, reader.Next());
    if (!element.has_value()) {
      return InvalidArgumentError("expected " + std::to_string(count) + " string elements, got " +
                                  std::to_string(i));
    }
    TF_StringCopy(&strings[i], element->data(), element->size());
  }
  return result;
}

tensor::Shape ShapeOf(const TF_Tensor* value) {
  tensor::Shape shape;
  for (int i = 0; i < TF_NumDims(value); ++i) shape.push_back(TF_Dim(value, i));
  return shape;
}

Status WriteStrings(uint16_t index, const TF_Tensor* value, sdk::OutputSink& outputs) {
  const auto* strings = static_cast<const TF_TString*>(TF_TensorData(value));
  const int64_t count = TF_TensorElementCount(value);
  uint64_t size_bytes = 0;
  for (int64_t i = 0; i < count; ++i) {
    size_bytes += sizeof(uint32_t) + TF_StringGetSize(&strings[i]);
  }
  if (size_bytes > limits::kReplyTensorBytes) {
    return ResourceExhaustedError("output " + std::to_string(index) + " is over the limit of " +
                                  std::to_string(limits::kReplyTensorBytes) + " bytes");
  }
  THRONG_ASSIGN_OR_RETURN(const std::span<std::byte> space,
                          outputs.Allocate(index, DataType::kBytes, ShapeOf(value), size_bytes));
  std::byte* to = space.data();
  for (int64_t i = 0; i < count; ++i) {
    const size_t size = TF_StringGetSize(&strings[i]);
    const uint32_t length = static_cast<uint32_t>(size);
    std::memcpy(to, &length, sizeof(length));
    std::memcpy(to + sizeof(length), TF_StringGetDataPointer(&strings[i]), size);
    to += sizeof(length) + size;
  }
  return OkStatus();
}

}  // namespace

Result<TensorPtr> MakeTensor(const tensor::TensorView& view) {
  if (view.type == DataType::kBytes) return MakeStrings(view);
  const std::optional<TF_DataType> type = ToTensorflow(view.type);
  if (!type.has_value()) return InvalidArgumentError("an input has no datatype");
  TensorPtr result(TF_AllocateTensor(*type, view.shape.data(), static_cast<int>(view.shape.size()),
                                     view.data.size()));
  if (result == nullptr) return InvalidArgumentError("input byte size mismatch");
  auto* to = static_cast<std::byte*>(TF_TensorData(result.get()));
  if (view.type == DataType::kBool) {  // any other byte than 0 and 1 is undefined as a bool
    std::transform(view.data.begin(), view.data.end(), to,
                   [](std::byte b) { return std::byte{b != std::byte{0}}; });
  } else if (!view.data.empty()) {
    std::memcpy(to, view.data.data(), view.data.size());
  }
  return result;
}

Status WriteTensor(uint16_t index, const TF_Tensor* value, sdk::OutputSink& outputs) {
  const DataType type = FromTensorflow(TF_TensorType(value));
  if (type == DataType::kInvalid) {
    return InternalError("output " + std::to_string(index) + " has no V2 datatype");
  }
  if (type == DataType::kBytes) return WriteStrings(index, value, outputs);
  const size_t size_bytes = TF_TensorByteSize(value);
  THRONG_ASSIGN_OR_RETURN(const std::span<std::byte> space,
                          outputs.Allocate(index, type, ShapeOf(value), size_bytes));
  if (size_bytes > 0) std::memcpy(space.data(), TF_TensorData(value), size_bytes);
  return OkStatus();
}

}  // namespace throng::tensorflow_runner
