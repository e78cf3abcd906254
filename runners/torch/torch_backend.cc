#include "runners/torch/torch_backend.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <ATen/Parallel.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>
#include <torch/version.h>
#pragma GCC diagnostic pop

#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <sstream>
#include <utility>

#include "base/limits.h"
#include "runners/torch/error_text.h"
#include "runners/torch/tensor_names.h"

namespace throng::torch_runner {
namespace {

using c10::IValue;
using tensor::DataType;

constexpr std::pair<DataType, at::ScalarType> kTypes[] = {
    {DataType::kBool, at::kBool},     {DataType::kUint8, at::kByte},
    {DataType::kUint16, at::kUInt16}, {DataType::kUint32, at::kUInt32},
    {DataType::kUint64, at::kUInt64}, {DataType::kInt8, at::kChar},
    {DataType::kInt16, at::kShort},   {DataType::kInt32, at::kInt},
    {DataType::kInt64, at::kLong},    {DataType::kFp16, at::kHalf},
    {DataType::kFp32, at::kFloat},    {DataType::kFp64, at::kDouble},
    {DataType::kBf16, at::kBFloat16},
};

std::optional<at::ScalarType> ToTorch(DataType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == type) return theirs;
  }
  return std::nullopt;
}

DataType FromTorch(at::ScalarType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) return ours;
  }
  return DataType::kInvalid;
}

// oneDNN compiles a kernel for each shape of convolution: for a small model that costs more than
// the model (CIFAR-10 tutorial network: first run 12 instead of 1 ms, 7 MB, and 80 instead of 30 us
// for each convolution), for a large one it saves up to two thirds of the time.
constexpr size_t kOnednnArchiveBytes = 1024 * 1024;

// Runs `body`, which may throw what LibTorch throws; failures become a Status of `code`.
template <typename Body>
Status CatchErrors(StatusCode code, std::string_view context, Body&& body) {
  std::string text;
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return ResourceExhaustedError(std::string(context) + ": out of memory");
  } catch (const c10::Error& error) {
    text = error.what_without_backtrace();
  } catch (const std::exception& error) {
    text = error.what();
  }
  if (text.find("can't allocate memory") != std::string::npos)
    code = StatusCode::kResourceExhausted;
  if (text.find("Unknown builtin op") != std::string::npos) code = StatusCode::kUnimplemented;
  return Status(code, std::string(context) + ": " + ErrorReason(text));
}

// Lets LibTorch read the archive where it lies; it copies each record once, into the tensor.
class SpanReader final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit SpanReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t size() const override { return bytes_.size(); }
  size_t read(uint64_t position, void* buffer, size_t size_bytes, const char*) const override {
    if (position >= bytes_.size()) return 0;
    const size_t count = std::min<uint64_t>(size_bytes, bytes_.size() - position);
    std::memcpy(buffer, bytes_.data() + position, count);
    return count;
  }

 private:
  const std::span<const std::byte> bytes_;
};

bool IsStringList(const c10::Type& type) {
  return type.kind() == c10::TypeKind::ListType &&
         type.castRaw<c10::ListType>()->getElementType()->kind() == c10::TypeKind::StringType;
}

bool IsTensorDict(const c10::Type& type) {
  if (type.kind() != c10::TypeKind::DictType) return false;
  const auto* dict = type.castRaw<c10::DictType>();
  return dict->getKeyType()->kind() == c10::TypeKind::StringType &&
         dict->getValueType()->kind() == c10::TypeKind::TensorType;
}

// Optional[T] → T.
const c10::Type& Bare(const c10::Type& type) {
  if (type.kind() != c10::TypeKind::OptionalType) return type;
  return *type.castRaw<c10::OptionalType>()->getElementType();
}

// --- Values in -------------------------------------------------------------------------------

// The front door's memory is read-only and a model may write its inputs in place: always a copy.
Result<IValue> CopyTensor(const tensor::TensorView& view) {
  const std::optional<at::ScalarType> type = ToTorch(view.type);
  if (!type.has_value()) {
    return InvalidArgumentError("datatype " + std::string(tensor::DataTypeName(view.type)) +
                                " has no LibTorch equivalent");
  }
  at::Tensor copy = at::empty(c10::IntArrayRef(view.shape.data(), view.shape.size()), *type);
  if (copy.nbytes() != view.data.size()) {
    return InvalidArgumentError("input byte size mismatch: the shape needs " +
                                std::to_string(copy.nbytes()) + ", got " +
                                std::to_string(view.data.size()));
  }
  if (view.type == DataType::kBool) {  // any other byte than 0 and 1 is undefined as a bool
    std::transform(view.data.begin(), view.data.end(), static_cast<bool*>(copy.data_ptr()),
                   [](std::byte b) { return b != std::byte{0}; });
  } else if (!view.data.empty()) {
    std::memcpy(copy.data_ptr(), view.data.data(), view.data.size());
  }
  return IValue(std::move(copy));
}

Result<IValue> CopyStrings(const tensor::TensorView& view) {
  if (view.shape.size() > 1) {
    return InvalidArgumentError(
        "a BYTES input of a TorchScript model is a List[str]: one dimension");
  }
  c10::List<std::string> list;
  tensor::BytesReader reader(view.data);
  while (true) {
    THRONG_ASSIGN_OR_RETURN(const std::optional<std::string_view> element, reader.Next());
    if (!element.has_value()) return IValue(std::move(list));
    list.push_back(std::string(*element));
  }
}

Result<IValue> CopyInput(const tensor::TensorView& view) {
  return view.type == DataType::kBytes ? CopyStrings(view) : CopyTensor(view);
}

// --- Values out ------------------------------------------------------------------------------

Status WriteTensor(uint16_t index, const at::Tensor& value, sdk::OutputSink& outputs) {
  const DataType type = FromTorch(value.scalar_type());
  if (type == DataType::kInvalid || value.layout() != at::kStrided || value.is_quantized() ||
      !value.device().is_cpu()) {
    return InternalError("output " + std::to_string(index) + " is a " +
                         ErrorReason(value.toString()) + "; it has no V2 datatype");
  }
  const tensor::Shape shape(value.sizes().begin(), value.sizes().end());
  // Checked before any copy: an expanded tensor can claim any number of elements.
  THRONG_ASSIGN_OR_RETURN(const uint64_t size_bytes, tensor::ByteSize(type, shape));
  THRONG_ASSIGN_OR_RETURN(const std::span<std::byte> space,
                          outputs.Allocate(index, type, shape, size_bytes));
  if (size_bytes == 0) return OkStatus();
  if (value.is_contiguous() && !value.is_neg()) {
    std::memcpy(space.data(), value.const_data_ptr(), size_bytes);
  } else {
    at::from_blob(space.data(), value.sizes(), value.scalar_type()).copy_(value);
  }
  return OkStatus();
}

Status WriteStrings(uint16_t index, c10::ArrayRef<IValue> list, sdk::OutputSink& outputs) {
  uint64_t size_bytes = 0;
  for (const IValue& element : list) {
    size_bytes += sizeof(uint32_t) + element.toStringRef().size();
  }
  if (size_bytes > limits::kReplyTensorBytes) {
    return ResourceExhaustedError("output " + std::to_string(index) + " is over the limit of " +
                                  std::to_string(limits::kReplyTensorBytes) + " bytes");
  }
  const tensor::Shape shape = {static_cast<int64_t>(list.size())};
  THRONG_ASSIGN_OR_RETURN(const std::span<std::byte> space,
                          outputs.Allocate(index, DataType::kBytes, shape, size_bytes));
  std::byte* to = space.data();
  for (const IValue& element : list) {
    const std::string& text = element.toStringRef();
    const uint32_t length = static_cast<uint32_t>(text.size());
    std::memcpy(to, &length, sizeof(length));
    std::memcpy(to + sizeof(length), text.data(), text.size());
    to += sizeof(length) + text.size();
  }
  return OkStatus();
}

bool IsStringListValue(const IValue& value) {
  return value.isList() && IsStringList(*value.type<c10::Type>());
}

DataType TypeOf(const IValue& value) {
  return value.isTensor() ? FromTorch(value.toTensor().scalar_type()) : DataType::kBytes;
}

Status WriteValue(uint16_t index, const IValue& value, sdk::OutputSink& outputs) {
  if (value.isTensor()) return WriteTensor(index, value.toTensor(), outputs);
  return WriteStrings(index, value.toListRef(), outputs);
}

Status NotATensor(const IValue& value) {
  return InternalError(
      "forward() returned " + ErrorReason(value.type()->str()) +
      "; Tensor, List[str], or a tuple, list or str-keyed dict of these is needed");
}

struct Results {
  std::vector<IValue> values;
  bool in_order_of_names = false;
};

// forward()'s result as a flat list of tensors and string lists. A dict that has all of `names`
// comes in their order, another dict in its own (insertion) order.
Result<Results> Flatten(const IValue& result, std::span<const std::string> names) {
  Results results;
  if (result.isTensor() || IsStringListValue(result)) {
    results.values.push_back(result);
  } else if (result.isTuple()) {
    for (const IValue& element : result.toTupleRef().elements()) results.values.push_back(element);
  } else if (result.isList()) {
    results.values = result.toListRef().vec();
  } else if (result.isGenericDict()) {
    const c10::Dict<IValue, IValue> dict = result.toGenericDict();
    results.in_order_of_names =
        !names.empty() && dict.keyType()->kind() == c10::TypeKind::StringType &&
        std::all_of(names.begin(), names.end(), [&](const auto& n) { return dict.contains(n); });
    if (results.in_order_of_names) {
      for (const std::string& name : names) results.values.push_back(dict.at(name));
    } else {
      for (const auto& entry : dict) results.values.push_back(entry.value());
    }
  } else {
    return NotATensor(result);
  }
  for (const IValue& value : results.values) {
    if (!value.isTensor() && !IsStringListValue(value)) return NotATensor(value);
  }
  return results;
}

// --- The model's face ------------------------------------------------------------------------

std::vector<std::string> Names(std::span<const model::TensorConfig> tensors) {
  std::vector<std::string> names;
  for (const model::TensorConfig& tensor : tensors) names.push_back(tensor.name);
  return names;
}

std::vector<model::TensorMetadata> ConfiguredMetadata(std::span<const model::TensorConfig> tensors,
                                                      int64_t max_batch_size) {
  std::vector<model::TensorMetadata> metadata;
  for (const model::TensorConfig& tensor : tensors) {
    tensor::Shape shape = tensor.dims;
    if (max_batch_size > 0) shape.insert(shape.begin(), -1);
    metadata.push_back({tensor.name, tensor.type, std::move(shape), tensor.optional});
  }
  return metadata;
}

std::optional<std::string> Parameter(const sdk::LoadSpec& spec, const std::string& name) {
  const auto found = spec.parameters.find(name);
  if (found == spec.parameters.end()) return std::nullopt;
  return found->second;
}

struct Argument {
  ForwardArgument name;
  c10::TypePtr type;
  IValue value_when_absent;  // the default, or None
};

// forward()'s arguments after self.
std::vector<Argument> Arguments(const c10::FunctionSchema& schema) {
  std::vector<Argument> arguments;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const c10::Argument& from = schema.arguments()[i];
    const bool required = !from.default_value().has_value() &&
                          from.type()->kind() != c10::TypeKind::OptionalType &&
                          from.type()->kind() != c10::TypeKind::NoneType;
    arguments.push_back(
        {{from.name(), required}, from.type(), from.default_value().value_or(IValue())});
  }
  return arguments;
}

// OUTPUT__0, ... as many as the type of forward()'s result says. A list or a dict may have any
// number: none are listed, and each reply tells.
std::vector<model::TensorMetadata> OutputsOfSchema(const c10::FunctionSchema& schema) {
  size_t count = 0;
  if (schema.returns().size() == 1) {
    const c10::Type& type = *schema.returns()[0].type();
    if (type.kind() == c10::TypeKind::TensorType || IsStringList(type)) count = 1;
    if (type.kind() == c10::TypeKind::TupleType) {
      count = type.castRaw<c10::TupleType>()->elements().size();
    }
  }
  std::vector<model::TensorMetadata> outputs;
  for (size_t i = 0; i < std::min(count, limits::kModelTensors); ++i) {
    outputs.push_back({"OUTPUT__" + std::to_string(i), DataType::kInvalid, {}, false});
  }
  return outputs;
}

class TorchModel final : public sdk::LoadedModel {
 public:
  static Result<std::unique_ptr<sdk::LoadedModel>> Create(const sdk::LoadSpec& spec,
                                                          std::span<const std::byte> bytes);

  const model::ModelMetadata& metadata() const override { return metadata_; }
  Status Execute(std::span<const sdk::Input> inputs, std::span<const uint16_t> requested_outputs,
                 sdk::OutputSink& outputs) override;

 private:
  explicit TorchModel(torch::jit::Method forward)
      : forward_(std::move(forward)), arguments_(Arguments(forward_.function().getSchema())) {}

  Status BindInputs(const sdk::LoadSpec& spec);
  Status BindOutputs(const sdk::LoadSpec& spec);
  Status CheckArgument(const Argument& argument, const model::TensorConfig* input) const;
  Result<std::vector<IValue>> MakeArguments(std::span<const sdk::Input> inputs) const;
  Result<IValue> MakeDict(std::span<const sdk::Input> inputs) const;
  Status WriteResults(const IValue& result, std::span<const uint16_t> requested_outputs,
                      sdk::OutputSink& outputs) const;
  Status WriteResult(uint16_t output, const Results& results, sdk::OutputSink& outputs) const;

  torch::jit::Method forward_;  // owns the module
  std::vector<Argument> arguments_;
  bool optimize_ = false;
  bool use_onednn_ = false;
  bool takes_dict_ = false;  // forward(inputs: Dict[str, Tensor])
  model::ModelMetadata metadata_;
  std::vector<size_t> input_positions_;    // by index into metadata_.inputs
  std::vector<std::string> output_names_;  // empty without configured outputs
  std::vector<size_t> output_positions_;
};

Result<std::unique_ptr<sdk::LoadedModel>> TorchModel::Create(const sdk::LoadSpec& spec,
                                                             std::span<const std::byte> bytes) {
  const torch::NoGradGuard no_gradients;
  torch::jit::Module module =
      torch::jit::load(std::make_shared<SpanReader>(bytes), at::kCPU, /*load_debug_files=*/false);
  module.eval();
  std::optional<torch::jit::Method> forward = module.find_method("forward");
  if (!forward.has_value()) return InvalidArgumentError("the model has no forward()");
  std::unique_ptr<TorchModel> model(new TorchModel(*std::move(forward)));
  model->optimize_ = Parameter(spec, "DISABLE_OPTIMIZED_EXECUTION").value_or("true") == "false";
  const bool is_large = bytes.size() >= kOnednnArchiveBytes;
  model->use_onednn_ =
      Parameter(spec, "USE_ONEDNN").value_or(is_large ? "true" : "false") == "true";
  model->metadata_.max_batch_size = spec.max_batch_size;
  THRONG_RETURN_IF_ERROR(model->BindInputs(spec));
  THRONG_RETURN_IF_ERROR(model->BindOutputs(spec));
  return Result<std::unique_ptr<sdk::LoadedModel>>(std::move(model));
}

Status TorchModel::CheckArgument(const Argument& argument, const model::TensorConfig* input) const {
  const c10::Type& type = Bare(*argument.type);
  const bool strings = IsStringList(type);
  if (!strings && type.kind() != c10::TypeKind::TensorType &&
      type.kind() != c10::TypeKind::AnyType) {
    return UnimplementedError("argument '" + argument.name.name + "' of forward() is a " +
                              ErrorReason(type.str()) + "; only Tensor and List[str] can be sent");
  }
  if (input == nullptr || type.kind() == c10::TypeKind::AnyType) return OkStatus();
  if (strings != (input->type == DataType::kBytes)) {
    return InvalidArgumentError("input '" + input->name + "' is " +
                                std::string(tensor::DataTypeName(input->type)) +
                                " in the configuration, but argument '" + argument.name.name +
                                "' of forward() is a " + ErrorReason(type.str()));
  }
  return OkStatus();
}

Status TorchModel::BindInputs(const sdk::LoadSpec& spec) {
  if (spec.inputs.empty()) {
    metadata_.accepts_anything = true;
    for (const Argument& argument : arguments_) {
      if (!argument.name.required) continue;
      THRONG_RETURN_IF_ERROR(CheckArgument(argument, nullptr));
      metadata_.inputs.push_back(
          {"INPUT__" + std::to_string(metadata_.inputs.size()), DataType::kInvalid, {}, false});
    }
    for (size_t i = 0; i < arguments_.size(); ++i) input_positions_.push_back(i);
    return OkStatus();
  }
  metadata_.inputs = ConfiguredMetadata(spec.inputs, spec.max_batch_size);
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (spec.inputs[i].type == DataType::kBytes && metadata_.inputs[i].shape.size() != 1) {
      return InvalidArgumentError("input '" + spec.inputs[i].name + "' is BYTES with shape " +
                                  tensor::ShapeToString(metadata_.inputs[i].shape) +
                                  "; TorchScript takes strings in one dimension only");
    }
  }
  takes_dict_ = arguments_.size() == 1 && IsTensorDict(*arguments_[0].type);
  if (takes_dict_) return OkStatus();
  std::vector<ForwardArgument> names;
  for (const Argument& argument : arguments_) names.push_back(argument.name);
  THRONG_ASSIGN_OR_RETURN(input_positions_, InputPositions(Names(spec.inputs), names));
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    THRONG_RETURN_IF_ERROR(CheckArgument(arguments_[input_positions_[i]], &spec.inputs[i]));
  }
  return OkStatus();
}

Status TorchModel::BindOutputs(const sdk::LoadSpec& spec) {
  if (spec.outputs.empty()) {
    metadata_.outputs = OutputsOfSchema(forward_.function().getSchema());
    return OkStatus();
  }
  metadata_.outputs = ConfiguredMetadata(spec.outputs, spec.max_batch_size);
  output_names_ = Names(spec.outputs);
  THRONG_ASSIGN_OR_RETURN(output_positions_, OutputPositions(output_names_));
  return OkStatus();
}

Result<IValue> TorchModel::MakeDict(std::span<const sdk::Input> inputs) const {
  c10::Dict<std::string, at::Tensor> dict;
  for (const sdk::Input& input : inputs) {
    THRONG_ASSIGN_OR_RETURN(const IValue value, CopyTensor(input.tensor));
    dict.insert(metadata_.inputs[input.index].name, value.toTensor());
  }
  return IValue(std::move(dict));
}

Result<std::vector<IValue>> TorchModel::MakeArguments(std::span<const sdk::Input> inputs) const {
  std::vector<IValue> values;
  if (takes_dict_) {
    THRONG_ASSIGN_OR_RETURN(IValue dict, MakeDict(inputs));
    values.push_back(std::move(dict));
    return values;
  }
  std::vector<bool> given(arguments_.size(), false);
  for (const Argument& argument : arguments_) values.push_back(argument.value_when_absent);
  for (const sdk::Input& input : inputs) {
    if (input.index >= input_positions_.size()) {
      return InvalidArgumentError("unexpected input INPUT__" + std::to_string(input.index) +
                                  ": forward() takes " + std::to_string(arguments_.size()));
    }
    const size_t position = input_positions_[input.index];
    THRONG_ASSIGN_OR_RETURN(values[position], CopyInput(input.tensor));
    given[position] = true;
  }
  for (size_t i = 0; i < arguments_.size(); ++i) {
    if (arguments_[i].name.required && !given[i]) {
      return InvalidArgumentError("no input for argument " + std::to_string(i) + ", '" +
                                  arguments_[i].name.name + "', of forward()");
    }
  }
  return values;
}

Status TorchModel::WriteResult(uint16_t output, const Results& results,
                               sdk::OutputSink& outputs) const {
  const bool by_position = !output_positions_.empty() && !results.in_order_of_names;
  const size_t position = by_position ? output_positions_[output] : output;
  if (position >= results.values.size()) {
    return InternalError("the model returned " + std::to_string(results.values.size()) +
                         " outputs; there is none at position " + std::to_string(position));
  }
  const IValue& value = results.values[position];
  const DataType type = TypeOf(value);
  if (output < metadata_.outputs.size()) {
    const DataType expected = metadata_.outputs[output].type;
    if (expected != DataType::kInvalid && type != DataType::kInvalid && expected != type) {
      return InternalError("output '" + metadata_.outputs[output].name + "' of the model is " +
                           std::string(tensor::DataTypeName(type)) +
                           ", but its configuration says " +
                           std::string(tensor::DataTypeName(expected)));
    }
  }
  return WriteValue(output, value, outputs);
}

Status TorchModel::WriteResults(const IValue& result, std::span<const uint16_t> requested_outputs,
                                sdk::OutputSink& outputs) const {
  THRONG_ASSIGN_OR_RETURN(const Results results, Flatten(result, output_names_));
  for (const uint16_t output : requested_outputs) {
    THRONG_RETURN_IF_ERROR(WriteResult(output, results, outputs));
  }
  if (!requested_outputs.empty()) return OkStatus();
  const size_t count = output_names_.empty() ? results.values.size() : output_names_.size();
  if (count > limits::kModelTensors) {
    return ResourceExhaustedError("the model returned " + std::to_string(count) +
                                  " outputs; at most " + std::to_string(limits::kModelTensors) +
                                  " are possible");
  }
  for (size_t i = 0; i < count; ++i) {
    THRONG_RETURN_IF_ERROR(WriteResult(static_cast<uint16_t>(i), results, outputs));
  }
  return OkStatus();
}

Status TorchModel::Execute(std::span<const sdk::Input> inputs,
                           std::span<const uint16_t> requested_outputs, sdk::OutputSink& outputs) {
  // Nobody could check the inputs of a model that accepts anything: its refusal is the client's.
  const StatusCode code =
      metadata_.accepts_anything ? StatusCode::kInvalidArgument : StatusCode::kInternal;
  return CatchErrors(code, "PyTorch execute failure", [&]() -> Status {
    const c10::InferenceMode inference_mode;
    const torch::jit::GraphOptimizerEnabledGuard optimize(optimize_);
    at::globalContext().setUserEnabledMkldnn(use_onednn_);
    THRONG_ASSIGN_OR_RETURN(std::vector<IValue> arguments, MakeArguments(inputs));
    return WriteResults(forward_(std::move(arguments)), requested_outputs, outputs);
  });
}

// --- Warming ---------------------------------------------------------------------------------

constexpr char kWarmSource[] = R"(
def forward(self, x: Tensor, names: List[str]) -> Tuple[Tensor, List[str]]:
  y = torch.max_pool2d(torch.relu(torch.conv2d(x, self.filters, self.filters_bias)), [2, 2], [2, 2])
  y = torch.linear(torch.flatten(y, 1), self.weight, self.bias)
  y = torch.softmax(torch.sigmoid(y) + y * 2, 1)
  out: List[str] = []
  for name in names:
    out.append(name)
  return y, out
)";

// A saved archive of a module with a convolution and a linear layer.
std::string MakeWarmArchive(bool frozen) {
  torch::jit::Module module("Warm");
  module.register_parameter("filters", at::full({4, 3, 5, 5}, 0.1), false);
  module.register_parameter("filters_bias", at::zeros({4}), false);
  module.register_parameter("weight", at::full({3, 16}, 0.1), false);
  module.register_parameter("bias", at::zeros({3}), false);
  module.register_attribute("training", c10::BoolType::get(), false);
  module.define(kWarmSource);
  if (frozen) module = torch::jit::freeze(module);
  std::ostringstream archive;
  module.save(archive);
  return archive.str();
}

class DiscardingSink final : public sdk::OutputSink {
 public:
  Result<std::span<std::byte>> Allocate(uint16_t, DataType, const tensor::Shape&,
                                        uint64_t size_bytes) override {
    space_.resize(size_bytes);
    return std::span<std::byte>(space_);
  }

 private:
  std::vector<std::byte> space_;
};

Status LoadAndRunWarmModel(bool frozen, const char* use_onednn) {
  const std::string archive = MakeWarmArchive(frozen);
  sdk::LoadSpec spec;
  spec.parameters["USE_ONEDNN"] = use_onednn;
  THRONG_ASSIGN_OR_RETURN(const std::unique_ptr<sdk::LoadedModel> model,
                          TorchModel::Create(spec, std::as_bytes(std::span<const char>(archive))));
  const std::vector<std::byte> image(sizeof(float) * 3 * 8 * 8);
  const int64_t image_shape[] = {1, 3, 8, 8};
  std::vector<std::byte> names;
  tensor::AppendBytesElement("warm", names);
  const int64_t names_shape[] = {1};
  const sdk::Input inputs[] = {{0, {DataType::kFp32, image_shape, image}},
                               {1, {DataType::kBytes, names_shape, names}}};
  DiscardingSink sink;
  THRONG_RETURN_IF_ERROR(model->Execute(inputs, {}, sink));
  return model->Execute(inputs, {}, sink);
}

// The archive among the artefact's files: the only one, or the first of TorchScript's suffixes.
const sdk::ArtifactBytes::File* FindArchive(const sdk::ArtifactBytes& artifact) {
  const auto& files = artifact.files();
  if (files.size() == 1) return &files[0];
  for (const auto& file : files) {
    const std::string_view name = file.name;
    const size_t dot = name.rfind('.');
    const std::string_view suffix = dot == std::string_view::npos ? "" : name.substr(dot);
    if (suffix == ".pt" || suffix == ".pth") return &file;
  }
  return nullptr;
}

}  // namespace

std::string TorchBackend::framework_version() const { return TORCH_VERSION; }

Status TorchBackend::Warm() {
  return CatchErrors(StatusCode::kInternal, "LibTorch does not start", []() -> Status {
    at::set_num_threads(1);
    at::set_num_interop_threads(1);
    torch::jit::setGraphExecutorOptimize(false);
    THRONG_RETURN_IF_ERROR(LoadAndRunWarmModel(/*frozen=*/false, "true"));
    THRONG_RETURN_IF_ERROR(LoadAndRunWarmModel(/*frozen=*/true, "false"));
    malloc_trim(0);  // a cell then takes fresh pages instead of copies of the zygote's free ones
    return OkStatus();
  });
}

Status TorchBackend::Rehearse() {
  return CatchErrors(StatusCode::kInternal, "LibTorch does not run",
                     [] { return LoadAndRunWarmModel(/*frozen=*/true, "false"); });
}

// oneDNN and FBGEMM (quantised models) compile their kernels: mappings may be executable.
sdk::BackendSandbox TorchBackend::sandbox() const {
  sdk::BackendSandbox sandbox;
  for (const char* name : {"mmap", "mprotect"}) {
    sandbox.extra_syscalls.push_back({os::SyscallRule::Action::kAllow, name, 0});
  }
  return sandbox;
}

Result<std::unique_ptr<sdk::LoadedModel>> TorchBackend::Load(const sdk::LoadSpec& spec) {
  const sdk::ArtifactBytes::File* archive =
      spec.artifact == nullptr ? nullptr : FindArchive(*spec.artifact);
  if (archive == nullptr) return InvalidArgumentError("the model has no .pt file");
  std::unique_ptr<sdk::LoadedModel> model;
  THRONG_RETURN_IF_ERROR(CatchErrors(
      StatusCode::kInvalidArgument, "not a loadable TorchScript model", [&]() -> Status {
        THRONG_ASSIGN_OR_RETURN(model, TorchModel::Create(spec, archive->bytes));
        return OkStatus();
      }));
  return model;
}

}  // namespace throng::torch_runner
