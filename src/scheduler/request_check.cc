#include "scheduler/request_check.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/limits.h"

namespace throng::scheduler {
namespace {

std::string Describe(const model::TensorMetadata& tensor) {
  return "'" + tensor.name + "' (" + std::string(tensor::DataTypeName(tensor.type)) + " " +
         tensor::ShapeToString(tensor.shape) + ")";
}

std::string DescribeAll(const std::vector<model::TensorMetadata>& tensors) {
  std::string text;
  for (const auto& tensor : tensors) text += (text.empty() ? "" : ", ") + Describe(tensor);
  return text;
}

// N of "INPUT__N".
std::optional<uint16_t> PositionInName(std::string_view name) {
  const size_t underscores = name.rfind("__");
  if (underscores == std::string_view::npos) return std::nullopt;
  const std::string_view digits = name.substr(underscores + 2);
  uint16_t position = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  if (position >= limits::kTensorsPerRequest) return std::nullopt;
  return position;
}

std::string QuotedList(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : "','") + name;
  return text.empty() ? "[]" : "[" + text + "']";
}

bool HasInput(const model::ModelMetadata& metadata, const std::string& name) {
  return std::any_of(metadata.inputs.begin(), metadata.inputs.end(),
                     [&name](const auto& input) { return input.name == name; });
}

size_t OptionalCount(const model::ModelMetadata& metadata) {
  return static_cast<size_t>(std::count_if(metadata.inputs.begin(), metadata.inputs.end(),
                                           [](const auto& input) { return input.optional; }));
}

Status CheckInputCount(const InferRequest& request, const model::ModelMetadata& metadata) {
  std::vector<std::string> got;
  std::vector<std::string> missing;
  for (const NamedTensor& input : request.inputs) got.push_back(input.name);
  for (const auto& expected : metadata.inputs) {
    if (expected.optional) continue;
    if (std::find(got.begin(), got.end(), expected.name) == got.end()) {
      missing.push_back(expected.name);
    }
  }
  const bool too_few = got.size() + OptionalCount(metadata) < metadata.inputs.size();
  const bool too_many = got.size() > metadata.inputs.size();
  // As in Triton, an input that the model does not have is named before those that are missing.
  const bool all_known =
      std::all_of(request.inputs.begin(), request.inputs.end(),
                  [&](const NamedTensor& input) { return HasInput(metadata, input.name); });
  if (!too_few && !too_many && (missing.empty() || !all_known)) return OkStatus();
  std::string text = "expected " + std::to_string(metadata.inputs.size()) + " inputs but got " +
                     std::to_string(got.size()) + " inputs for model '" + request.model.str() +
                     "'. Got input(s) " + QuotedList(got);
  if (!missing.empty()) {
    text += ", but missing required input(s) " + QuotedList(missing) +
            ". Please provide all required input(s)";
  }
  return InvalidArgumentError(text + ". The model takes " + DescribeInputs(metadata));
}

Status CheckBatch(const InferRequest& request, const NamedTensor& input,
                  const model::ModelMetadata& metadata) {
  if (metadata.max_batch_size <= 0 || input.tensor.shape.empty()) return OkStatus();
  const int64_t batch = input.tensor.shape[0];
  if (batch > metadata.max_batch_size) {
    return InvalidArgumentError(
        "inference request batch-size must be <= " + std::to_string(metadata.max_batch_size) +
        " for '" + request.model.str() + "'");
  }
  const auto& first = request.inputs.front().tensor.shape;
  if (!first.empty() && first[0] != batch) {
    return InvalidArgumentError("input '" + input.name +
                                "' batch size does not match other inputs for '" +
                                request.model.str() + "'");
  }
  return OkStatus();
}

Status CheckInput(const InferRequest& request, const NamedTensor& input,
                  const model::TensorMetadata& expected, const model::ModelMetadata& metadata) {
  if (expected.type != tensor::DataType::kInvalid && expected.type != input.tensor.type) {
    return InvalidArgumentError("inference input '" + input.name + "' data-type is '" +
                                std::string(tensor::DataTypeName(input.tensor.type)) +
                                "', but model '" + request.model.str() + "' expects '" +
                                std::string(tensor::DataTypeName(expected.type)) + "'");
  }
  THRONG_RETURN_IF_ERROR(CheckBatch(request, input, metadata));
  // A model that tells neither datatype nor shape of an input takes any.
  const bool any_shape = expected.type == tensor::DataType::kInvalid && expected.shape.empty();
  if (!any_shape && !tensor::ShapeMatches(expected.shape, input.tensor.shape)) {
    return InvalidArgumentError("unexpected shape for input '" + input.name + "' for model '" +
                                request.model.str() + "'. Expected " +
                                tensor::ShapeToString(expected.shape) + ", got " +
                                tensor::ShapeToString(input.tensor.shape));
  }
  return OkStatus();
}

Result<uint16_t> FindInput(const InferRequest& request, const NamedTensor& input,
                           const model::ModelMetadata& metadata) {
  for (size_t i = 0; i < metadata.inputs.size(); ++i) {
    if (metadata.inputs[i].name != input.name) continue;
    THRONG_RETURN_IF_ERROR(CheckInput(request, input, metadata.inputs[i], metadata));
    return static_cast<uint16_t>(i);
  }
  if (metadata.accepts_anything) {
    const auto position = PositionInName(input.name);
    if (position) return *position;
    return InvalidArgumentError("unexpected inference input '" + input.name + "' for model '" +
                                request.model.str() +
                                "': it has no configuration, so its inputs are called INPUT__0, "
                                "INPUT__1, ...");
  }
  return InvalidArgumentError("unexpected inference input '" + input.name + "' for model '" +
                              request.model.str() + "'. The model takes " +
                              DescribeInputs(metadata));
}

Result<uint16_t> FindOutput(const InferRequest& request, const std::string& name,
                            const model::ModelMetadata& metadata) {
  for (size_t i = 0; i < metadata.outputs.size(); ++i) {
    if (metadata.outputs[i].name == name) return static_cast<uint16_t>(i);
  }
  const auto position = PositionInName(name);
  if (metadata.accepts_anything && position) return *position;
  return InvalidArgumentError(
      "unexpected inference output '" + name + "' for model '" + request.model.str() +
      "'. The model has " +
      (metadata.accepts_anything ? "OUTPUT__0, OUTPUT__1, ..." : DescribeAll(metadata.outputs)));
}

}  // namespace

std::string DescribeInputs(const model::ModelMetadata& metadata) {
  return metadata.accepts_anything ? "INPUT__0, INPUT__1, ... of any datatype and shape"
                                   : DescribeAll(metadata.inputs);
}

Result<CheckedRequest> CheckRequest(const InferRequest& request,
                                    const model::ModelMetadata& metadata) {
  CheckedRequest checked;
  if (!metadata.accepts_anything) THRONG_RETURN_IF_ERROR(CheckInputCount(request, metadata));
  checked.inputs.reserve(request.inputs.size());
  for (const NamedTensor& input : request.inputs) {
    THRONG_ASSIGN_OR_RETURN(const uint16_t index, FindInput(request, input, metadata));
    for (const auto& other : checked.inputs) {
      if (other.index == index) {
        return InvalidArgumentError("input '" + input.name + "' already exists in request");
      }
    }
    checked.inputs.push_back({index, input.tensor.view()});
  }
  for (const std::string& name : request.requested_outputs) {
    THRONG_ASSIGN_OR_RETURN(const uint16_t index, FindOutput(request, name, metadata));
    auto& outputs = checked.requested_outputs;
    if (std::find(outputs.begin(), outputs.end(), index) != outputs.end()) {
      return InvalidArgumentError("output '" + name + "' already exists in request");
    }
    outputs.push_back(index);
  }
  return checked;
}

std::string OutputName(const model::ModelMetadata& metadata, uint16_t index) {
  if (index < metadata.outputs.size()) return metadata.outputs[index].name;
  return "OUTPUT__" + std::to_string(index);
}

Status WithRequestId(const Status& status, const std::string& request_id) {
  if (status.ok()) return status;
  Status result(status.code(),
                "[request id: " + (request_id.empty() ? std::string("<id_unknown>") : request_id) +
                    "] " + status.message());
  const auto retry_after = status.retry_after_seconds();
  return retry_after ? result.WithRetryAfter(*retry_after) : result;
}

}  // namespace throng::scheduler
