#include "frontend/rest/infer_encoder.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/utf8.h"
#include "json/json_writer.h"
#include "tensor/tensor.h"

namespace throng::frontend::rest {
namespace {

using scheduler::NamedTensor;
using tensor::DataType;

// Space for a tensor's text, so that a large one is not copied as it grows.
constexpr size_t kLikelyNumberBytes = 20;

template <typename T, typename Append>
void AppendElements(const std::vector<std::byte>& data, std::string& out, Append append) {
  const size_t count = data.size() / sizeof(T);
  out.reserve(out.size() + count * kLikelyNumberBytes);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, &data[i * sizeof(T)], sizeof(T));
    if (i > 0) out += ',';
    append(value);
  }
}

template <typename T>
void AppendIntegers(const std::vector<std::byte>& data, std::string& out) {
  AppendElements<T>(data, out, [&](T value) { json::AppendJsonInteger(value, out); });
}

// FP32 is widened first: Triton's text.
template <typename T>
void AppendReals(const std::vector<std::byte>& data, std::string& out) {
  AppendElements<T>(data, out,
                    [&](T value) { json::AppendJsonDouble(static_cast<double>(value), out); });
}

Status AppendStrings(const NamedTensor& output, std::string& out) {
  tensor::BytesReader reader(output.tensor.data);
  for (bool is_first = true;; is_first = false) {
    THRONG_ASSIGN_OR_RETURN(const std::optional<std::string_view> element, reader.Next());
    if (!element) return OkStatus();
    if (!IsValidUtf8(*element)) {
      return InternalError("output '" + output.name +
                           "' holds bytes that are not UTF-8; request binary output");
    }
    if (!is_first) out += ',';
    json::AppendJsonString(*element, out);
  }
}

Status AppendData(const NamedTensor& output, std::string& out) {
  const std::vector<std::byte>& data = output.tensor.data;
  switch (output.tensor.type) {
    case DataType::kBool:
      AppendElements<uint8_t>(data, out,
                              [&](uint8_t value) { json::AppendJsonBool(value != 0, out); });
      return OkStatus();
    case DataType::kUint8:
      AppendIntegers<uint8_t>(data, out);
      return OkStatus();
    case DataType::kUint16:
      AppendIntegers<uint16_t>(data, out);
      return OkStatus();
    case DataType::kUint32:
      AppendIntegers<uint32_t>(data, out);
      return OkStatus();
    case DataType::kUint64:
      AppendIntegers<uint64_t>(data, out);
      return OkStatus();
    case DataType::kInt8:
      AppendIntegers<int8_t>(data, out);
      return OkStatus();
    case DataType::kInt16:
      AppendIntegers<int16_t>(data, out);
      return OkStatus();
    case DataType::kInt32:
      AppendIntegers<int32_t>(data, out);
      return OkStatus();
    case DataType::kInt64:
      AppendIntegers<int64_t>(data, out);
      return OkStatus();
    case DataType::kFp32:
      AppendReals<float>(data, out);
      return OkStatus();
    case DataType::kFp64:
      AppendReals<double>(data, out);
      return OkStatus();
    case DataType::kBytes:
      return AppendStrings(output, out);
    case DataType::kFp16:
    case DataType::kBf16:
    case DataType::kInvalid:
      break;
  }
  return InvalidArgumentError("sending " + std::string(tensor::DataTypeName(output.tensor.type)) +
                              " data via JSON is not supported. Please use the binary data format "
                              "for output " +
                              output.name);
}

Status AppendOutput(const NamedTensor& output, std::string& out) {
  const Status fits =
      tensor::CheckTensorData(output.tensor.type, output.tensor.shape, output.tensor.data);
  if (!fits.ok()) {
    return InternalError("output '" + output.name + "' is malformed: " + fits.message());
  }
  if (!IsValidUtf8(output.name)) return InternalError("the name of an output is not UTF-8");
  out += "{\"name\":";
  json::AppendJsonString(output.name, out);
  out += ",\"datatype\":\"";
  out += tensor::DataTypeName(output.tensor.type);
  out += "\",\"shape\":";
  out += tensor::ShapeToString(output.tensor.shape);
  out += ",\"data\":[";
  THRONG_RETURN_IF_ERROR(AppendData(output, out));
  out += "]}";
  return OkStatus();
}

void AppendMilliseconds(std::string_view name, Duration duration, std::string& out) {
  const int64_t microseconds =
      std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  const std::string fraction = std::to_string(microseconds % 1000);
  out += name;
  out += ";dur=";
  out += std::to_string(microseconds / 1000);
  out += '.';
  out.append(3 - fraction.size(), '0');
  out += fraction;
}

}  // namespace

Result<std::string> EncodeInferReply(const scheduler::InferReply& reply, std::string_view id) {
  std::string out = "{";
  if (!id.empty()) {
    out += "\"id\":";
    json::AppendJsonString(id, out);
    out += ',';
  }
  out += "\"model_name\":";
  json::AppendJsonString(reply.model_name, out);
  out += ",\"model_version\":\"";
  json::AppendJsonInteger(reply.model_version, out);
  out += "\",\"outputs\":[";
  for (size_t i = 0; i < reply.outputs.size(); ++i) {
    if (i > 0) out += ',';
    THRONG_RETURN_IF_ERROR(AppendOutput(reply.outputs[i], out));
  }
  out += "]}";
  return out;
}

std::string ServerTiming(const scheduler::InferTimings& timings) {
  std::string out;
  AppendMilliseconds("queue", timings.queue, out);
  out += ", ";
  AppendMilliseconds("load", timings.load, out);
  out += ", ";
  AppendMilliseconds("compute", timings.compute, out);
  return out;
}

}  // namespace throng::frontend::rest
