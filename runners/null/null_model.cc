#include "runners/null/null_model.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace throng::null_runner {
namespace {

template <typename Element>
void SumRows(std::span<const std::byte> data, size_t row_length, std::span<std::byte> out) {
  for (size_t row = 0; row < out.size() / sizeof(Element); ++row) {
    Element sum{};
    for (size_t column = 0; column < row_length; ++column) {
      Element value;
      std::memcpy(&value, data.data() + (row * row_length + column) * sizeof(Element),
                  sizeof(Element));
      sum += value;
    }
    std::memcpy(out.data() + row * sizeof(Element), &sum, sizeof(Element));
  }
}

// The first value of a tensor as milliseconds; 0 when it has none.
int FirstValue(const tensor::TensorView& tensor) {
  float fp32 = 0;
  int32_t int32 = 0;
  if (tensor.data.size() < sizeof(fp32)) return 0;
  std::memcpy(&fp32, tensor.data.data(), sizeof(fp32));
  std::memcpy(&int32, tensor.data.data(), sizeof(int32));
  if (tensor.type == tensor::DataType::kInt32) return std::max(int32, 0);
  if (tensor.type != tensor::DataType::kFp32) return 0;
  return fp32 > 0 && fp32 < 1e9F ? static_cast<int>(fp32) : 0;
}

}  // namespace

void SleepMilliseconds(int milliseconds) { poll(nullptr, 0, milliseconds); }

NullModel::NullModel(NullConfig config, model::ModelMetadata metadata,
                     const Surroundings& surroundings)
    : config_(std::move(config)), metadata_(std::move(metadata)), surroundings_(surroundings) {}

Status NullModel::Execute(std::span<const sdk::Input> inputs,
                          std::span<const uint16_t> requested_outputs, sdk::OutputSink& outputs) {
  DieWhenDue();
  if (config_.behavior == "sleep" && !inputs.empty()) {
    SleepMilliseconds(config_.milliseconds.value_or(FirstValue(inputs.front().tensor)));
  } else if (config_.when == When::kExecute && IsHostileBehavior(config_.behavior)) {
    THRONG_RETURN_IF_ERROR(Misbehave(config_.behavior, config_.bytes, surroundings_, &outputs));
    if (config_.behavior == "bad_bytes") return OkStatus();
  }
  for (const sdk::Input& input : inputs) {
    const bool wanted =
        requested_outputs.empty() || std::find(requested_outputs.begin(), requested_outputs.end(),
                                               input.index) != requested_outputs.end();
    if (!wanted) continue;
    THRONG_RETURN_IF_ERROR(config_.behavior == "sum" ? Sum(input, outputs) : Echo(input, outputs));
  }
  return OkStatus();
}

void NullModel::DieWhenDue() {
  ++calls_;
  if (config_.kill_after != 0 && calls_ > config_.kill_after) LeaveQuietly();
  if (config_.crash_after != 0 && calls_ > config_.crash_after) CrashSelf();
}

Status NullModel::Echo(const sdk::Input& input, sdk::OutputSink& outputs) {
  const tensor::TensorView& tensor = input.tensor;
  const tensor::Shape shape(tensor.shape.begin(), tensor.shape.end());
  THRONG_ASSIGN_OR_RETURN(std::span<std::byte> space,
                          outputs.Allocate(input.index, tensor.type, shape, tensor.data.size()));
  std::copy(tensor.data.begin(), tensor.data.end(), space.begin());
  return OkStatus();
}

Status NullModel::Sum(const sdk::Input& input, sdk::OutputSink& outputs) {
  const tensor::TensorView& tensor = input.tensor;
  if (tensor.shape.empty()) return InvalidArgumentError("a scalar has no last dimension to sum");
  const tensor::Shape shape(tensor.shape.begin(), tensor.shape.end() - 1);
  THRONG_ASSIGN_OR_RETURN(const uint64_t size_bytes, tensor::ByteSize(tensor.type, shape));
  THRONG_ASSIGN_OR_RETURN(std::span<std::byte> space,
                          outputs.Allocate(input.index, tensor.type, shape, size_bytes));
  const auto row_length = static_cast<size_t>(tensor.shape.back());
  if (tensor.type == tensor::DataType::kFp32) {
    SumRows<float>(tensor.data, row_length, space);
  } else {
    SumRows<int32_t>(tensor.data, row_length, space);
  }
  return OkStatus();
}

}  // namespace throng::null_runner
