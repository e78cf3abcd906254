#include "runners/onnx/onnx_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/limits.h"

namespace throng::onnx {
namespace {

using tensor::DataType;

struct TypeRow {
  DataType type;
  int onnx_type;  // ONNXTensorElementDataType
};
constexpr TypeRow kTypes[] = {
    {DataType::kFp32, 1},    {DataType::kUint8, 2}, {DataType::kInt8, 3},  {DataType::kUint16, 4},
    {DataType::kInt16, 5},   {DataType::kInt32, 6}, {DataType::kInt64, 7}, {DataType::kBytes, 8},
    {DataType::kBool, 9},    {DataType::kFp16, 10}, {DataType::kFp64, 11}, {DataType::kUint32, 12},
    {DataType::kUint64, 13}, {DataType::kBf16, 16},
};

DataType TypeFromOnnx(int onnx_type) {
  for (const TypeRow& row : kTypes) {
    if (row.onnx_type == onnx_type) return row.type;
  }
  return DataType::kInvalid;
}

int TypeToOnnx(DataType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return row.onnx_type;
  }
  return 0;
}

std::string_view KindName(OrtKind kind) {
  switch (kind) {
    case OrtKind::kSequence:
      return "a sequence";
    case OrtKind::kMap:
      return "a map";
    case OrtKind::kOptional:
      return "an optional value";
    default:
      return "not a tensor";
  }
}

bool IsOrtFormat(std::span<const std::byte> bytes) {
  constexpr std::string_view kMark = "ORTM";  // a FlatBuffers file identifier
  return bytes.size() >= 8 && std::memcmp(bytes.data() + 4, kMark.data(), kMark.size()) == 0;
}

struct TensorFacts {
  OrtKind kind = OrtKind::kTensor;
  DataType type = DataType::kInvalid;
  tensor::Shape shape;
};

Result<TensorFacts> ReadTensorInfo(const OrtApi& api, const OrtTensorInfo* info) {
  TensorFacts facts;
  int type = 0;
  size_t rank = 0;
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.GetTensorElementType(info, &type)));
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.GetDimensionsCount(info, &rank)));
  facts.type = TypeFromOnnx(type);
  facts.shape.resize(rank);
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.GetDimensions(info, facts.shape.data(), rank)));
  return facts;
}

Result<TensorFacts> ReadTypeInfo(const OrtApi& api, OrtTypeInfo* owned) {
  const OrtOwned<OrtTypeInfo> info(owned, api.ReleaseTypeInfo);
  TensorFacts facts;
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.GetOnnxTypeFromTypeInfo(owned, &facts.kind)));
  if (facts.kind != OrtKind::kTensor) return facts;
  const OrtTensorInfo* tensor_info = nullptr;
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.CastTypeInfoToTensorInfo(owned, &tensor_info)));
  THRONG_ASSIGN_OR_RETURN(facts, ReadTensorInfo(api, tensor_info));
  for (int64_t& dim : facts.shape) dim = std::max<int64_t>(dim, -1);
  return facts;
}

Result<std::string> TakeName(const OrtEnvironment& environment, OrtStatus* status, char* name) {
  const OrtApi& api = environment.library.api;
  THRONG_RETURN_IF_ERROR(TakeStatus(api, status));
  std::string copy = name;
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.AllocatorFree(environment.allocator, name)));
  return copy;
}

std::string NameList(const std::vector<model::TensorMetadata>& tensors) {
  std::string list;
  for (const model::TensorMetadata& tensor : tensors) {
    list += (list.empty() ? "'" : ", '") + tensor.name + "'";
  }
  return list;
}

// What the model says of a tensor, narrowed by what the configuration says of it.
Result<model::TensorMetadata> Narrow(std::string_view kind, const model::TensorConfig& configured,
                                     const std::vector<model::TensorMetadata>& in_model,
                                     int64_t max_batch_size) {
  const std::string name = std::string(kind) + " '" + configured.name + "' of the configuration ";
  const auto found = std::find_if(in_model.begin(), in_model.end(), [&](const auto& tensor) {
    return tensor.name == configured.name;
  });
  if (found == in_model.end()) {
    return InvalidArgumentError(name + "is not in the model; it has: " + NameList(in_model));
  }
  if (configured.type != DataType::kInvalid && configured.type != found->type) {
    return InvalidArgumentError(name + "is " + std::string(DataTypeName(configured.type)) +
                                ", but in the model it is " +
                                std::string(DataTypeName(found->type)));
  }
  model::TensorMetadata narrowed = *found;
  narrowed.optional = configured.optional;
  narrowed.shape = configured.dims;
  if (max_batch_size > 0) narrowed.shape.insert(narrowed.shape.begin(), -1);
  bool fits = narrowed.shape.size() == found->shape.size();
  for (size_t i = 0; fits && i < narrowed.shape.size(); ++i) {
    const int64_t a = narrowed.shape[i], b = found->shape[i];
    fits = a == b || a == -1 || b == -1;
  }
  if (!fits) {
    return InvalidArgumentError(name + "has the shape " + tensor::ShapeToString(narrowed.shape) +
                                ", but in the model it has " + tensor::ShapeToString(found->shape));
  }
  return narrowed;
}

Result<std::vector<model::TensorMetadata>> NarrowAll(
    std::string_view kind, const std::vector<model::TensorConfig>& configured,
    std::vector<model::TensorMetadata> in_model, int64_t max_batch_size) {
  if (configured.empty()) return in_model;
  std::vector<model::TensorMetadata> all;
  for (const model::TensorConfig& tensor : configured) {
    THRONG_ASSIGN_OR_RETURN(model::TensorMetadata narrowed,
                            Narrow(kind, tensor, in_model, max_batch_size));
    all.push_back(std::move(narrowed));
  }
  return all;
}

Status LoadFailure(const Status& status) {
  if (status.message().find("xternal") != std::string::npos) {
    return UnimplementedError(
        "the model keeps weights in other files, which this server does not read; save it as one "
        "file: onnx.save_model(onnx.load('model.onnx'), 'one.onnx')");
  }
  if (status.code() == StatusCode::kUnimplemented) return status;
  return InvalidArgumentError("ONNX Runtime cannot load the model: " + status.message());
}

}  // namespace

Result<std::unique_ptr<OnnxModel>> OnnxModel::Load(const OrtEnvironment& environment,
                                                   const sdk::LoadSpec& spec) {
  const OrtApi& api = environment.library.api;
  if (spec.artifact->files().size() != 1) {
    return UnimplementedError("an ONNX model must be one file; this one has " +
                              std::to_string(spec.artifact->files().size()));
  }
  const std::span<const std::byte> bytes = spec.artifact->files().front().bytes;
  const bool direct = IsOrtFormat(bytes);
  OrtSession* session = nullptr;
  const Status created = TakeStatus(
      api, api.CreateSessionFromArray(
               environment.env, bytes.data(), bytes.size(),
               direct ? environment.direct_bytes_options : environment.options, &session));
  if (!created.ok()) return LoadFailure(created);
  std::unique_ptr<OnnxModel> model(
      new OnnxModel(environment, OrtOwned<OrtSession>(session, api.ReleaseSession)));
  if (direct) model->artifact_ = spec.artifact;
  THRONG_RETURN_IF_ERROR(model->Describe(spec));
  return model;
}

Status OnnxModel::Describe(const sdk::LoadSpec& spec) {
  const int64_t max_batch_size = spec.max_batch_size;
  metadata_.max_batch_size = max_batch_size;
  THRONG_ASSIGN_OR_RETURN(std::vector<model::TensorMetadata> inputs, DescribeInputs());
  THRONG_ASSIGN_OR_RETURN(std::vector<model::TensorMetadata> outputs, DescribeOutputs());
  THRONG_ASSIGN_OR_RETURN(metadata_.inputs,
                          NarrowAll("input", spec.inputs, inputs, max_batch_size));
  THRONG_ASSIGN_OR_RETURN(metadata_.outputs,
                          NarrowAll("output", spec.outputs, outputs, max_batch_size));
  for (const model::TensorMetadata& input : inputs) {
    const bool listed =
        std::any_of(metadata_.inputs.begin(), metadata_.inputs.end(),
                    [&](const auto& candidate) { return candidate.name == input.name; });
    if (!listed) {
      return InvalidArgumentError("the configuration leaves out input '" + input.name +
                                  "', which the model needs");
    }
  }
  if (metadata_.outputs.empty()) {
    return UnimplementedError("the model has no output that is a tensor");
  }
  return OkStatus();
}

Result<std::vector<model::TensorMetadata>> OnnxModel::DescribeInputs() {
  std::vector<model::TensorMetadata> inputs;
  size_t count = 0;
  THRONG_RETURN_IF_ERROR(TakeStatus(api_, api_.SessionGetInputCount(session_.get(), &count)));
  if (count > limits::kModelTensors) {
    return InvalidArgumentError("the model has more than " + std::to_string(limits::kModelTensors) +
                                " inputs");
  }
  for (size_t i = 0; i < count; ++i) {
    char* text = nullptr;
    OrtStatus* named = api_.SessionGetInputName(session_.get(), i, environment_.allocator, &text);
    THRONG_ASSIGN_OR_RETURN(std::string name, TakeName(environment_, named, text));
    OrtTypeInfo* info = nullptr;
    THRONG_RETURN_IF_ERROR(
        TakeStatus(api_, api_.SessionGetInputTypeInfo(session_.get(), i, &info)));
    THRONG_ASSIGN_OR_RETURN(TensorFacts facts, ReadTypeInfo(api_, info));
    if (facts.kind != OrtKind::kTensor) {
      return UnimplementedError("input '" + name + "' is " + std::string(KindName(facts.kind)) +
                                "; only tensors can be sent");
    }
    if (facts.type == DataType::kInvalid) {
      return UnimplementedError("input '" + name + "' has a datatype that the V2 protocol lacks");
    }
    inputs.push_back({std::move(name), facts.type, std::move(facts.shape), false});
  }
  return inputs;
}

Result<std::vector<model::TensorMetadata>> OnnxModel::DescribeOutputs() {
  std::vector<model::TensorMetadata> outputs;
  size_t count = 0;
  THRONG_RETURN_IF_ERROR(TakeStatus(api_, api_.SessionGetOutputCount(session_.get(), &count)));
  if (count > limits::kModelTensors) {
    return InvalidArgumentError("the model has more than " + std::to_string(limits::kModelTensors) +
                                " outputs");
  }
  for (size_t i = 0; i < count; ++i) {
    char* text = nullptr;
    OrtStatus* named = api_.SessionGetOutputName(session_.get(), i, environment_.allocator, &text);
    THRONG_ASSIGN_OR_RETURN(std::string name, TakeName(environment_, named, text));
    OrtTypeInfo* info = nullptr;
    THRONG_RETURN_IF_ERROR(
        TakeStatus(api_, api_.SessionGetOutputTypeInfo(session_.get(), i, &info)));
    THRONG_ASSIGN_OR_RETURN(TensorFacts facts, ReadTypeInfo(api_, info));
    if (facts.kind != OrtKind::kTensor) {
      warnings_.push_back("output '" + name + "' is " + std::string(KindName(facts.kind)) +
                          "; left out");
    } else if (facts.type == DataType::kInvalid) {
      warnings_.push_back("output '" + name +
                          "' has a datatype that the V2 protocol lacks; left out");
    } else {
      outputs.push_back({std::move(name), facts.type, std::move(facts.shape), false});
    }
  }
  return outputs;
}

Status OnnxModel::Execute(std::span<const sdk::Input> inputs,
                          std::span<const uint16_t> requested_outputs, sdk::OutputSink& outputs) {
  input_values_.clear();
  input_names_.clear();
  inputs_.clear();
  for (const sdk::Input& input : inputs) {
    if (input.index >= metadata_.inputs.size()) return InvalidArgumentError("no such input");
    THRONG_ASSIGN_OR_RETURN(OrtOwned<OrtValue> value, MakeInput(input.tensor));
    input_names_.push_back(metadata_.inputs[input.index].name.c_str());
    inputs_.push_back(value.get());
    input_values_.push_back(std::move(value));
  }
  output_indices_.assign(requested_outputs.begin(), requested_outputs.end());
  if (output_indices_.empty()) {
    for (size_t i = 0; i < metadata_.outputs.size(); ++i) {
      output_indices_.push_back(static_cast<uint16_t>(i));
    }
  }
  output_names_.clear();
  for (const uint16_t index : output_indices_) {
    if (index >= metadata_.outputs.size()) return InvalidArgumentError("no such output");
    output_names_.push_back(metadata_.outputs[index].name.c_str());
  }
  outputs_.assign(output_names_.size(), nullptr);
  Status status = TakeStatus(
      api_, api_.Run(session_.get(), nullptr, input_names_.data(), inputs_.data(), inputs_.size(),
                     output_names_.data(), output_names_.size(), outputs_.data()));
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i] == nullptr) continue;
    const OrtOwned<OrtValue> value(outputs_[i], api_.ReleaseValue);
    if (status.ok()) status = CopyOutput(output_indices_[i], *value, outputs);
  }
  return status;
}

Result<OrtOwned<OrtValue>> OnnxModel::MakeInput(const tensor::TensorView& tensor) {
  if (tensor.type == DataType::kBytes) return MakeStrings(tensor);
  // Without a copy: ONNX Runtime never writes into the inputs of a graph, and they are mapped
  // read-only.
  void* data = const_cast<std::byte*>(tensor.data.data());
  OrtValue* value = nullptr;
  THRONG_RETURN_IF_ERROR(TakeStatus(
      api_, api_.CreateTensorWithDataAsOrtValue(environment_.memory, data, tensor.data.size(),
                                                tensor.shape.data(), tensor.shape.size(),
                                                TypeToOnnx(tensor.type), &value)));
  return OrtOwned<OrtValue>(value, api_.ReleaseValue);
}

Result<OrtOwned<OrtValue>> OnnxModel::MakeStrings(const tensor::TensorView& tensor) {
  OrtValue* made = nullptr;
  THRONG_RETURN_IF_ERROR(TakeStatus(
      api_, api_.CreateTensorAsOrtValue(environment_.allocator, tensor.shape.data(),
                                        tensor.shape.size(), TypeToOnnx(tensor.type), &made)));
  OrtOwned<OrtValue> value(made, api_.ReleaseValue);
  tensor::BytesReader reader(tensor.data);
  for (size_t i = 0;; ++i) {
    THRONG_ASSIGN_OR_RETURN(const std::optional<std::string_view> element, reader.Next());
    if (!element.has_value()) return value;
    char* space = nullptr;
    THRONG_RETURN_IF_ERROR(TakeStatus(
        api_, api_.GetResizedStringTensorElementBuffer(made, i, element->size(), &space)));
    std::copy(element->begin(), element->end(), space);
  }
}

Status OnnxModel::CopyOutput(uint16_t index, OrtValue& value, sdk::OutputSink& outputs) {
  int is_tensor = 0;
  THRONG_RETURN_IF_ERROR(TakeStatus(api_, api_.IsTensor(&value, &is_tensor)));
  if (is_tensor == 0) return InternalError("an output is not a tensor");
  OrtTensorInfo* owned = nullptr;
  THRONG_RETURN_IF_ERROR(TakeStatus(api_, api_.GetTensorTypeAndShape(&value, &owned)));
  const OrtOwned<OrtTensorInfo> info(owned, api_.ReleaseTensorTypeAndShapeInfo);
  THRONG_ASSIGN_OR_RETURN(TensorFacts facts, ReadTensorInfo(api_, owned));
  shape_ = std::move(facts.shape);
  if (facts.type == DataType::kBytes) return CopyStrings(index, value, outputs);
  THRONG_ASSIGN_OR_RETURN(const uint64_t size_bytes, tensor::ByteSize(facts.type, shape_));
  THRONG_ASSIGN_OR_RETURN(std::span<std::byte> space,
                          outputs.Allocate(index, facts.type, shape_, size_bytes));
  void* data = nullptr;
  THRONG_RETURN_IF_ERROR(TakeStatus(api_, api_.GetTensorMutableData(&value, &data)));
  if (size_bytes > 0) std::memcpy(space.data(), data, size_bytes);
  return OkStatus();
}

Status OnnxModel::CopyStrings(uint16_t index, const OrtValue& value, sdk::OutputSink& outputs) {
  THRONG_ASSIGN_OR_RETURN(const uint64_t count, tensor::ElementCount(shape_));
  size_t length = 0;
  THRONG_RETURN_IF_ERROR(TakeStatus(api_, api_.GetStringTensorDataLength(&value, &length)));
  const uint64_t size_bytes = length + count * sizeof(uint32_t);
  THRONG_ASSIGN_OR_RETURN(std::span<std::byte> space,
                          outputs.Allocate(index, DataType::kBytes, shape_, size_bytes));
  if (count == 0) return OkStatus();
  text_.resize(length);
  offsets_.resize(count);
  THRONG_RETURN_IF_ERROR(TakeStatus(
      api_, api_.GetStringTensorContent(&value, text_.data(), length, offsets_.data(), count)));
  std::byte* out = space.data();
  for (size_t i = 0; i < count; ++i) {
    const size_t end = i + 1 < count ? offsets_[i + 1] : length;
    const auto element_bytes = static_cast<uint32_t>(end - offsets_[i]);
    std::memcpy(out, &element_bytes, sizeof(element_bytes));
    std::memcpy(out + sizeof(element_bytes), text_.data() + offsets_[i], element_bytes);
    out += sizeof(element_bytes) + element_bytes;
  }
  return OkStatus();
}

}  // namespace throng::onnx
