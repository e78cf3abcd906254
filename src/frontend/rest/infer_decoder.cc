#include "frontend/rest/infer_decoder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.h"
#include "frontend/rest/json_fields.h"
#include "json/json_reader.h"
#include "tensor/tensor.h"

namespace throng::frontend::rest {
namespace {

using Kind = JsonReader::Kind;
using scheduler::NamedTensor;
using scheduler::Parameters;
using scheduler::ParameterValue;
using tensor::DataType;

std::string InputContext(const NamedTensor& input) { return "input '" + input.name + "'"; }

Status NotSupportedYet(std::string_view field, std::string_view kind, std::string_view name) {
  return UnimplementedError("'" + std::string(field) + "' of " + std::string(kind) + " '" +
                            std::string(name) +
                            "' is not supported yet: tensors travel as JSON 'data'");
}

bool IsSharedMemory(std::string_view key) { return key.starts_with("shared_memory_"); }

// What is known of an input before its object ends.
struct PendingInput {
  NamedTensor input;
  bool has_name = false;
  bool has_shape = false;
  bool has_data = false;
  bool is_decoded = false;
  std::optional<std::string> datatype;
  size_t data_offset = 0;  // of data that came before what is needed to decode it
  size_t data_depth = 0;
  Parameters parameters;
};

class BodyDecoder {
 public:
  BodyDecoder(std::string_view body, scheduler::InferRequest& request)
      : body_(body), reader_(body), request_(request) {}

  Status Decode();

 private:
  Status DecodeMember(std::string_view key);
  Status DecodeId();
  Status DecodeRequestParameters();
  Status DecodeInputs();
  Status DecodeInput();
  Status DecodeInputMember(std::string_view key, PendingInput& pending);
  Status DecodeData(PendingInput& pending);
  Status FinishInput(PendingInput& pending);
  Status CheckContent(const PendingInput& pending);
  Status CheckType(PendingInput& pending);
  Status ReadTensor(JsonReader& reader, NamedTensor& input);
  Status Reserve(uint64_t count, size_t body_bytes, NamedTensor& input);
  bool ReadElements(JsonReader& reader, uint64_t count, tensor::Tensor& tensor);
  Status CountTensorBytes(const NamedTensor& input);
  Status DecodeOutputs();
  Status DecodeOutput();
  Status CheckOutputParameters(const std::string& name, const Parameters& parameters);

  const std::string_view body_;
  JsonReader reader_;
  scheduler::InferRequest& request_;
  bool has_inputs_ = false;
  uint64_t tensor_bytes_ = 0;
};

Status BodyDecoder::Decode() {
  THRONG_RETURN_IF_ERROR(BeginBody(reader_));
  std::string_view key;
  while (reader_.NextMember(key)) THRONG_RETURN_IF_ERROR(DecodeMember(key));
  reader_.ExpectEnd();
  THRONG_RETURN_IF_ERROR(reader_.status());
  return has_inputs_ ? OkStatus() : MissingField("inputs");
}

Status BodyDecoder::DecodeMember(std::string_view key) {
  if (key == "inputs") return DecodeInputs();
  if (key == "outputs") return DecodeOutputs();
  if (key == "id") return DecodeId();
  if (key == "parameters") return DecodeRequestParameters();
  reader_.Skip();
  return reader_.status();
}

Status BodyDecoder::DecodeId() {
  THRONG_RETURN_IF_ERROR(ReadStringField(reader_, "id", request_.id));
  if (request_.id.size() > limits::kRequestIdBytes) {
    return InvalidArgumentError("'id' is longer than " + std::to_string(limits::kRequestIdBytes) +
                                " bytes");
  }
  return OkStatus();
}

Status BodyDecoder::DecodeRequestParameters() {
  THRONG_RETURN_IF_ERROR(ReadParameters(reader_, request_.parameters));
  for (const auto& [key, value] : request_.parameters) {
    if (key.starts_with("triton_")) {
      return InvalidArgumentError(
          "parameter keys starting with 'triton_' are reserved for Triton "
          "usage: '" +
          key + "'");
    }
    if (key != "binary_data_output") continue;
    const bool* const flag = std::get_if<bool>(&value);
    if (flag == nullptr) {
      return UnableToParse(key, "attempt to access JSON non-boolean as boolean");
    }
    if (*flag) {
      return UnimplementedError(
          "'binary_data_output' is not supported yet: outputs travel as JSON 'data'");
    }
  }
  return OkStatus();
}

Status BodyDecoder::DecodeInputs() {
  has_inputs_ = true;
  THRONG_RETURN_IF_ERROR(ExpectKind(reader_, Kind::kArray, "inputs", "array"));
  reader_.BeginArray();
  while (reader_.NextElement()) {
    if (request_.inputs.size() == limits::kTensorsPerRequest) {
      return InvalidArgumentError("'inputs' has more than " +
                                  std::to_string(limits::kTensorsPerRequest) + " members");
    }
    THRONG_RETURN_IF_ERROR(DecodeInput());
  }
  return reader_.status();
}

Status BodyDecoder::DecodeInput() {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader_, Kind::kObject, "inputs", "object"));
  PendingInput pending;
  reader_.BeginObject();
  std::string_view key;
  while (reader_.NextMember(key)) THRONG_RETURN_IF_ERROR(DecodeInputMember(key, pending));
  THRONG_RETURN_IF_ERROR(reader_.status());
  THRONG_RETURN_IF_ERROR(FinishInput(pending));
  for (const NamedTensor& other : request_.inputs) {
    if (other.name == pending.input.name) {
      return InvalidArgumentError(InputContext(other) + " already exists in request");
    }
  }
  request_.inputs.push_back(std::move(pending.input));
  return OkStatus();
}

Status BodyDecoder::DecodeInputMember(std::string_view key, PendingInput& pending) {
  if (key == "name") {
    pending.has_name = true;
    return ReadStringField(reader_, key, pending.input.name);
  }
  if (key == "datatype") {
    pending.datatype.emplace();
    return ReadStringField(reader_, key, *pending.datatype);
  }
  if (key == "shape") {
    pending.has_shape = true;
    const Status status = ReadShapeField(reader_, key, pending.input.tensor.shape);
    const bool is_named = pending.has_name && status.code() == StatusCode::kInvalidArgument;
    return is_named ? status.WithContext(InputContext(pending.input)) : status;
  }
  if (key == "data") return DecodeData(pending);
  if (key == "parameters") return ReadParameters(reader_, pending.parameters);
  reader_.Skip();
  return reader_.status();
}

Status BodyDecoder::DecodeData(PendingInput& pending) {
  pending.has_data = true;
  if (pending.has_name && pending.has_shape && pending.datatype) {
    THRONG_RETURN_IF_ERROR(CheckType(pending));
    pending.is_decoded = true;
    return ReadTensor(reader_, pending.input);
  }
  pending.data_offset = reader_.Offset();
  pending.data_depth = reader_.depth();
  uint64_t leaf_count = 0;
  if (!reader_.SkipTensorData(leaf_count) && reader_.ok()) {
    return UnableToParse("data", reader_.data_error());
  }
  return reader_.status();
}

Status BodyDecoder::FinishInput(PendingInput& pending) {
  if (!pending.has_name) return MissingField("name");
  if (!pending.datatype) return MissingField("datatype");
  if (!pending.has_shape) return MissingField("shape");
  THRONG_RETURN_IF_ERROR(CheckContent(pending));
  if (pending.is_decoded) return OkStatus();
  THRONG_RETURN_IF_ERROR(CheckType(pending));
  JsonReader again(body_, pending.data_offset, pending.data_depth);
  return ReadTensor(again, pending.input);
}

// Triton's rule, ValidateInputContentType.
Status BodyDecoder::CheckContent(const PendingInput& pending) {
  const auto has = [&](std::string_view name) {
    const auto is_it = [&](const auto& parameter) { return parameter.first == name; };
    return std::any_of(pending.parameters.begin(), pending.parameters.end(), is_it);
  };
  const bool has_binary = has("binary_data_size");
  const bool has_shared_memory = has("shared_memory_region");
  const int set_count = int{pending.has_data} + int{has_binary} + int{has_shared_memory};
  if (set_count != 1) {
    std::string text =
        "Input must set only one of the following fields: 'data', 'binary_data_size' in "
        "'parameters', 'shared_memory_region' in 'parameters'. But";
    text += set_count == 0 ? " no field is set" : " set";
    if (set_count > 0 && pending.has_data) text += " 'data'";
    if (has_binary) text += " 'binary_data_size'";
    if (has_shared_memory) text += " 'shared_memory_region'";
    return InvalidArgumentError(text + " for " + InputContext(pending.input));
  }
  if (has_binary) return NotSupportedYet("binary_data_size", "input", pending.input.name);
  for (const auto& [key, value] : pending.parameters) {
    if (IsSharedMemory(key)) return NotSupportedYet(key, "input", pending.input.name);
  }
  return OkStatus();
}

Status BodyDecoder::CheckType(PendingInput& pending) {
  NamedTensor& input = pending.input;
  const std::optional<DataType> type = tensor::ParseDataType(*pending.datatype);
  if (!type) {
    return InvalidArgumentError("invalid datatype for input " + input.name + ": '" +
                                *pending.datatype + "'");
  }
  if (*type == DataType::kFp16 || *type == DataType::kBf16) {
    return InvalidArgumentError("receiving " + *pending.datatype +
                                " data via JSON is not supported. Please use the binary data "
                                "format for input " +
                                input.name);
  }
  input.tensor.type = *type;
  return OkStatus();
}

Status BodyDecoder::Reserve(uint64_t count, size_t body_bytes, NamedTensor& input) {
  if (input.tensor.type == DataType::kBytes) {
    constexpr uint64_t kLikelyElementBytes = 16;
    input.tensor.data.reserve(std::min<uint64_t>(count * kLikelyElementBytes, body_bytes));
    return OkStatus();
  }
  const Result<uint64_t> size = tensor::ByteSize(input.tensor.type, input.tensor.shape);
  if (!size.ok()) {
    return InvalidArgumentError("byte size overflow for " + InputContext(input) + ": " +
                                size.status().message());
  }
  input.tensor.data.resize(*size);
  return OkStatus();
}

Status BodyDecoder::ReadTensor(JsonReader& reader, NamedTensor& input) {
  const Result<uint64_t> count = tensor::ElementCount(input.tensor.shape);
  if (!count.ok()) return count.status().WithContext(InputContext(input));
  // The smallest element and its comma take two bytes: a shape that promises more elements than the
  // body can hold must not make us allocate for them.
  const bool may_fit = *count <= reader.remaining() / 2;
  std::string reason;
  if (may_fit) {
    THRONG_RETURN_IF_ERROR(Reserve(*count, reader.remaining(), input));
    if (!ReadElements(reader, *count, input.tensor)) reason = reader.data_error();
  } else {
    uint64_t leaf_count = 0;
    const bool skipped = reader.SkipTensorData(leaf_count);
    reason = skipped ? JsonReader::CountError(*count, leaf_count) : reader.data_error();
  }
  THRONG_RETURN_IF_ERROR(reader.status());
  if (!reason.empty()) return UnableToParse("data", reason + " (" + InputContext(input) + ")");
  return CountTensorBytes(input);
}

bool BodyDecoder::ReadElements(JsonReader& reader, uint64_t count, tensor::Tensor& tensor) {
  std::byte* const data = tensor.data.data();
  switch (tensor.type) {
    case DataType::kBool:
      return reader.ReadNumbers(reinterpret_cast<bool*>(data), count);
    case DataType::kUint8:
      return reader.ReadNumbers(reinterpret_cast<uint8_t*>(data), count);
    case DataType::kUint16:
      return reader.ReadNumbers(reinterpret_cast<uint16_t*>(data), count);
    case DataType::kUint32:
      return reader.ReadNumbers(reinterpret_cast<uint32_t*>(data), count);
    case DataType::kUint64:
      return reader.ReadNumbers(reinterpret_cast<uint64_t*>(data), count);
    case DataType::kInt8:
      return reader.ReadNumbers(reinterpret_cast<int8_t*>(data), count);
    case DataType::kInt16:
      return reader.ReadNumbers(reinterpret_cast<int16_t*>(data), count);
    case DataType::kInt32:
      return reader.ReadNumbers(reinterpret_cast<int32_t*>(data), count);
    case DataType::kInt64:
      return reader.ReadNumbers(reinterpret_cast<int64_t*>(data), count);
    case DataType::kFp32:
      return reader.ReadNumbers(reinterpret_cast<float*>(data), count);
    case DataType::kFp64:
      return reader.ReadNumbers(reinterpret_cast<double*>(data), count);
    case DataType::kBytes:
      return reader.ReadStrings(count, tensor.data);
    case DataType::kFp16:
    case DataType::kBf16:
    case DataType::kInvalid:
      break;
  }
  return false;
}

Status BodyDecoder::CountTensorBytes(const NamedTensor& input) {
  if (input.tensor.data.size() > limits::kTensorBytes) {
    return InvalidArgumentError("byte size overflow for " + InputContext(input) + ": more than " +
                                std::to_string(limits::kTensorBytes) + " bytes");
  }
  tensor_bytes_ += input.tensor.data.size();
  if (tensor_bytes_ > limits::kRequestTensorBytes) {
    return InvalidArgumentError("byte size overflow for " + InputContext(input) +
                                ": the inputs of the request hold more than " +
                                std::to_string(limits::kRequestTensorBytes) + " bytes");
  }
  return OkStatus();
}

Status BodyDecoder::DecodeOutputs() {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader_, Kind::kArray, "outputs", "array"));
  reader_.BeginArray();
  while (reader_.NextElement()) {
    if (request_.requested_outputs.size() == limits::kTensorsPerRequest) {
      return InvalidArgumentError("'outputs' has more than " +
                                  std::to_string(limits::kTensorsPerRequest) + " members");
    }
    THRONG_RETURN_IF_ERROR(DecodeOutput());
  }
  return reader_.status();
}

Status BodyDecoder::DecodeOutput() {
  THRONG_RETURN_IF_ERROR(ExpectKind(reader_, Kind::kObject, "outputs", "object"));
  std::optional<std::string> name;
  Parameters parameters;
  reader_.BeginObject();
  std::string_view key;
  while (reader_.NextMember(key)) {
    if (key == "name") {
      THRONG_RETURN_IF_ERROR(ReadStringField(reader_, key, name.emplace()));
    } else if (key == "parameters") {
      THRONG_RETURN_IF_ERROR(ReadParameters(reader_, parameters));
    } else {
      reader_.Skip();
    }
  }
  THRONG_RETURN_IF_ERROR(reader_.status());
  if (!name) return MissingField("name");
  THRONG_RETURN_IF_ERROR(CheckOutputParameters(*name, parameters));
  auto& outputs = request_.requested_outputs;
  if (std::find(outputs.begin(), outputs.end(), *name) != outputs.end()) {
    return InvalidArgumentError("output '" + *name + "' already exists in request");
  }
  outputs.push_back(std::move(*name));
  return OkStatus();
}

Status BodyDecoder::CheckOutputParameters(const std::string& name, const Parameters& parameters) {
  for (const auto& [key, value] : parameters) {
    if (key == "binary_data") {
      const bool* const flag = std::get_if<bool>(&value);
      if (flag == nullptr) {
        return UnableToParse(key, "attempt to access JSON non-boolean as boolean");
      }
      if (*flag) return NotSupportedYet(key, "output", name);
    }
    if (key == "classification" || IsSharedMemory(key)) return NotSupportedYet(key, "output", name);
  }
  return OkStatus();
}

}  // namespace

Status DecodeInferBody(std::string_view body, scheduler::InferRequest& request) {
  return BodyDecoder(body, request).Decode();
}

}  // namespace throng::frontend::rest
