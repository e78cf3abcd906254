#include "runners/null/null_backend.h"

#include <utility>

#include "base/limits.h"
#include "runners/null/null_config.h"
#include "runners/null/null_model.h"

namespace throng::null_runner {
namespace {

tensor::Shape WithBatch(const tensor::Shape& dims, int64_t max_batch_size) {
  tensor::Shape shape = dims;
  if (max_batch_size > 0) shape.insert(shape.begin(), -1);
  return shape;
}

std::string OutputName(const std::string& input, size_t index) {
  const std::string prefix = "INPUT";
  if (input.starts_with(prefix)) return "OUTPUT" + input.substr(prefix.size());
  return "OUTPUT" + std::to_string(index);
}

model::ModelMetadata DescribeModel(const NullConfig& config, const sdk::LoadSpec& spec) {
  model::ModelMetadata metadata;
  metadata.max_batch_size = spec.max_batch_size;
  metadata.inputs = config.inputs;
  if (!spec.inputs.empty()) {
    metadata.inputs.clear();
    for (const model::TensorConfig& input : spec.inputs) {
      metadata.inputs.push_back(
          {input.name, input.type, WithBatch(input.dims, spec.max_batch_size), input.optional});
    }
  }
  if (metadata.inputs.empty()) {
    metadata.inputs.push_back({"INPUT0", tensor::DataType::kFp32, {-1, 16}, false});
  }
  for (size_t i = 0; i < metadata.inputs.size(); ++i) {
    model::TensorMetadata output = metadata.inputs[i];
    output.optional = false;
    output.name = i < spec.outputs.size() ? spec.outputs[i].name : OutputName(output.name, i);
    if (config.behavior == "sum" && !output.shape.empty()) output.shape.pop_back();
    metadata.outputs.push_back(std::move(output));
  }
  return metadata;
}

Status CheckModel(const NullConfig& config, const model::ModelMetadata& metadata) {
  if (config.behavior != "sum") return OkStatus();
  for (const model::TensorMetadata& input : metadata.inputs) {
    const bool summable =
        input.type == tensor::DataType::kFp32 || input.type == tensor::DataType::kInt32;
    if (!summable) {
      return InvalidArgumentError("input '" + input.name + "' of a sum must be FP32 or INT32");
    }
  }
  return OkStatus();
}

}  // namespace

Status NullBackend::PrepareCell() {
  surroundings_ = LookAround();
  return OkStatus();
}

Result<std::unique_ptr<sdk::LoadedModel>> NullBackend::Load(const sdk::LoadSpec& spec) {
  if (spec.artifact->files().size() != 1) {
    return InvalidArgumentError("a model of the null runner is one file");
  }
  const std::span<const std::byte> bytes = spec.artifact->files().front().bytes;
  if (bytes.size() > limits::kModelConfigBytes) {
    return InvalidArgumentError("the file is too long for a model of the null runner");
  }
  THRONG_ASSIGN_OR_RETURN(
      NullConfig config,
      ParseNullConfig({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  if (config.behavior == "slow_load") SleepMilliseconds(config.milliseconds.value_or(0));
  if (config.when == When::kLoad && IsHostileBehavior(config.behavior)) {
    THRONG_RETURN_IF_ERROR(Misbehave(config.behavior, config.bytes, surroundings_, nullptr));
  }
  model::ModelMetadata metadata = DescribeModel(config, spec);
  THRONG_RETURN_IF_ERROR(CheckModel(config, metadata));
  return std::unique_ptr<sdk::LoadedModel>(
      std::make_unique<NullModel>(std::move(config), std::move(metadata), surroundings_));
}

}  // namespace throng::null_runner
