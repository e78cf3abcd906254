#include "cli/request_maker.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/options/text_table.h"
#include "tensor/tensor.h"

namespace throng::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxElements = 10'000'000;
constexpr size_t kValuesShown = 8;

Json RandomValue(tensor::DataType type, Random& random) {
  const uint64_t bits = random.Next() >> 11;
  switch (type) {
    case tensor::DataType::kBool:
      return (bits & 1) != 0;
    case tensor::DataType::kFp32:
    case tensor::DataType::kFp64:
      return static_cast<double>(bits % 100000) / 100000.0;
    case tensor::DataType::kBytes:
      return std::to_string(bits % 10);
    default:
      return bits % 10;
  }
}

Result<Json> RandomInput(const Json& input, Random& random) {
  const auto type = tensor::ParseDataType(input.value("datatype", ""));
  if (!type) {
    return InvalidArgumentError("the model does not tell the datatype of its input; give --data");
  }
  if (*type == tensor::DataType::kFp16 || *type == tensor::DataType::kBf16) {
    return InvalidArgumentError("inputs of " + std::string(tensor::DataTypeName(*type)) +
                                " cannot be written as JSON");
  }
  tensor::Shape shape = input.value("shape", tensor::Shape{});
  for (int64_t& dimension : shape) dimension = dimension < 0 ? 1 : dimension;
  THRONG_ASSIGN_OR_RETURN(const uint64_t count, tensor::ElementCount(shape));
  if (count > kMaxElements)
    return InvalidArgumentError("the model's inputs are too large for this");
  Json data = Json::array();
  for (uint64_t i = 0; i < count; ++i) data.push_back(RandomValue(*type, random));
  return Json{{"name", input.value("name", "")},
              {"datatype", input.value("datatype", "")},
              {"shape", shape},
              {"data", std::move(data)}};
}

std::string FirstValues(const Json& data) {
  std::string text;
  const size_t shown = std::min(data.size(), kValuesShown);
  for (size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : " ") + data[i].dump();
  if (data.size() > shown) text += " ... (" + std::to_string(data.size()) + ")";
  return text;
}

}  // namespace

Result<std::string> MakeRandomRequest(std::string_view metadata_json, Random& random) {
  const Json metadata = Json::parse(metadata_json, nullptr, /*allow_exceptions=*/false);
  if (!metadata.is_object() || !metadata.contains("inputs") || !metadata["inputs"].is_array()) {
    return DataLossError("the server's answer is not a model's metadata");
  }
  if (metadata["inputs"].empty()) {
    return InvalidArgumentError(
        "the model does not tell its inputs (TorchScript without a config.pbtxt); give --data");
  }
  Json inputs = Json::array();
  for (const Json& input : metadata["inputs"]) {
    THRONG_ASSIGN_OR_RETURN(Json made, RandomInput(input, random));
    inputs.push_back(std::move(made));
  }
  return Json{{"inputs", std::move(inputs)}}.dump();
}

Result<std::string> ReplyTable(std::string_view reply_json) {
  const Json reply = Json::parse(reply_json, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object() || !reply.contains("outputs") || !reply["outputs"].is_array()) {
    return DataLossError("the server's answer is not an inference reply");
  }
  TextTable table({"output", "datatype", "shape", "data"});
  for (const Json& output : reply["outputs"]) {
    table.AddRow({output.value("name", ""), output.value("datatype", ""),
                  tensor::ShapeToString(output.value("shape", tensor::Shape{})),
                  output.contains("data") ? FirstValues(output["data"]) : ""});
  }
  return table.Text();
}

std::string ErrorText(std::string_view body) {
  const Json parsed = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_object() && parsed.contains("error") && parsed["error"].is_string()) {
    return parsed["error"].get<std::string>();
  }
  return std::string(body);
}

}  // namespace throng::cli
