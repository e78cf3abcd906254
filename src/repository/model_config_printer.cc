// ModelConfig as config.pbtxt and as the JSON that clients of Triton read.
#include <algorithm>
#include <string>
#include <vector>

#include "base/log.h"
#include "repository/repository.h"

namespace throng::repository {
namespace {

using model::VersionPolicy;

// A string of protobuf's text form. Bytes that are not printable ASCII are written in octal.
std::string QuoteText(std::string_view text) {
  std::string quoted = "\"";
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += static_cast<char>(c);
    } else if (c >= 0x20 && c < 0x7f) {
      quoted += static_cast<char>(c);
    } else {
      quoted += '\\';
      quoted += static_cast<char>('0' + (c >> 6));
      quoted += static_cast<char>('0' + ((c >> 3) & 7));
      quoted += static_cast<char>('0' + (c & 7));
    }
  }
  return quoted + '"';
}

template <typename Range>
std::string Join(const Range& values, std::string_view separator) {
  std::string text;
  for (const auto value : values) {
    if (!text.empty()) text += separator;
    text += std::to_string(value);
  }
  return text;
}

bool IsKnown(const model::TensorConfig& tensor) {
  return tensor.type != tensor::DataType::kInvalid;
}

// What the file does not tell, as a line to fill in: a configuration with half of a tensor would be
// refused, and one with half of the tensors would be wrong.
std::string TensorTemplate(std::string_view kind, const std::vector<model::TensorConfig>& tensors) {
  std::string text = "# " + std::string(kind) + " [";
  std::string_view separator = " ";
  for (const model::TensorConfig& tensor : tensors) {
    text += std::string(separator) + "{ name: " + QuoteText(tensor.name) + " data_type: " +
            std::string(IsKnown(tensor) ? tensor::ConfigDataTypeName(tensor.type) : "TYPE_FP32") +
            " dims: [ " + (tensor.dims.empty() ? "-1" : Join(tensor.dims, ", ")) + " ] }";
    separator = ", ";
  }
  return text + " ]  # the file does not tell: fill in\n";
}

void AppendTextTensors(std::string_view kind, const std::vector<model::TensorConfig>& tensors,
                       std::string& text) {
  if (tensors.empty()) return;
  if (!std::all_of(tensors.begin(), tensors.end(), IsKnown)) {
    text += TensorTemplate(kind, tensors);
    return;
  }
  text += kind;
  text += " [\n";
  for (size_t i = 0; i < tensors.size(); ++i) {
    const model::TensorConfig& tensor = tensors[i];
    text += "  {\n    name: " + QuoteText(tensor.name) + "\n";
    text += "    data_type: " + std::string(tensor::ConfigDataTypeName(tensor.type)) + "\n";
    if (!tensor.format.empty()) text += "    format: " + tensor.format + "\n";
    if (!tensor.dims.empty()) text += "    dims: [ " + Join(tensor.dims, ", ") + " ]\n";
    if (!tensor.label_filename.empty()) {
      text += "    label_filename: " + QuoteText(tensor.label_filename) + "\n";
    }
    if (tensor.optional) text += "    optional: true\n";
    text += i + 1 < tensors.size() ? "  },\n" : "  }\n";
  }
  text += "]\n";
}

std::string TextVersionPolicy(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll:
      return "version_policy: { all: {} }\n";
    case VersionPolicy::Kind::kSpecific:
      return "version_policy: { specific: { versions: [ " + Join(policy.specific, ", ") +
             " ] } }\n";
    case VersionPolicy::Kind::kLatest:
      break;
  }
  if (policy.latest_count == 1) return {};
  return "version_policy: { latest: { num_versions: " + std::to_string(policy.latest_count) +
         " } }\n";
}

std::string_view IsolationName(model::Isolation isolation) {
  switch (isolation) {
    case model::Isolation::kModel:
      return "model";
    case model::Isolation::kNamespace:
      return "namespace";
    case model::Isolation::kFramework:
      return "framework";
    case model::Isolation::kDefault:
      break;
  }
  return {};
}

std::map<std::string, std::string> AllParameters(const model::ModelConfig& config) {
  std::map<std::string, std::string> parameters = config.parameters;
  if (const std::string_view isolation = IsolationName(config.isolation); !isolation.empty()) {
    parameters["isolation"] = isolation;
  }
  return parameters;
}

// --- JSON: every member function-like helper appends "key":value, with a comma before it unless
// it opens an object.

std::string JsonVersionPolicy(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::kAll:
      return R"({"all":{}})";
    case VersionPolicy::Kind::kSpecific:
      return R"({"specific":{"versions":[)" + Join(policy.specific, ",") + "]}}";
    case VersionPolicy::Kind::kLatest:
      break;
  }
  return R"({"latest":{"num_versions":)" + std::to_string(policy.latest_count) + "}}";
}

std::string JsonTensorStart(const model::TensorConfig& tensor) {
  return R"({"name":)" + JsonQuote(tensor.name) + R"(,"data_type":")" +
         std::string(tensor::ConfigDataTypeName(tensor.type)) + '"';
}

std::string JsonInputs(const std::vector<model::TensorConfig>& tensors) {
  std::string json;
  for (const model::TensorConfig& tensor : tensors) {
    if (!json.empty()) json += ',';
    json += JsonTensorStart(tensor);
    json += R"(,"format":)" + JsonQuote(tensor.format.empty() ? "FORMAT_NONE" : tensor.format);
    json += R"(,"dims":[)" + Join(tensor.dims, ",");
    json += R"(],"is_shape_tensor":false,"allow_ragged_batch":false,"optional":)";
    json += tensor.optional ? "true}" : "false}";
  }
  return json;
}

std::string JsonOutputs(const std::vector<model::TensorConfig>& tensors) {
  std::string json;
  for (const model::TensorConfig& tensor : tensors) {
    if (!json.empty()) json += ',';
    json += JsonTensorStart(tensor);
    json += R"(,"dims":[)" + Join(tensor.dims, ",");
    json += R"(],"label_filename":)" + JsonQuote(tensor.label_filename);
    json += R"(,"is_shape_tensor":false})";
  }
  return json;
}

std::string JsonParameters(const model::ModelConfig& config) {
  std::string json;
  for (const auto& [key, value] : AllParameters(config)) {
    if (!json.empty()) json += ',';
    json += JsonQuote(key) + R"(:{"string_value":)" + JsonQuote(value) + '}';
  }
  return json;
}

}  // namespace

std::string FormatModelConfig(const model::ModelConfig& config) {
  std::string text;
  if (!config.name.empty()) text += "name: " + QuoteText(config.name) + "\n";
  if (!config.platform.empty()) text += "platform: " + QuoteText(config.platform) + "\n";
  if (!config.backend.empty()) text += "backend: " + QuoteText(config.backend) + "\n";
  text += TextVersionPolicy(config.version_policy);
  text += "max_batch_size: " + std::to_string(config.max_batch_size) + "\n";
  AppendTextTensors("input", config.inputs, text);
  AppendTextTensors("output", config.outputs, text);
  if (config.instance_count != 1) {
    text += "instance_group [ { kind: KIND_CPU count: " + std::to_string(config.instance_count) +
            " } ]\n";
  }
  if (!config.default_model_filename.empty()) {
    text += "default_model_filename: " + QuoteText(config.default_model_filename) + "\n";
  }
  for (const auto& [key, value] : AllParameters(config)) {
    text += "parameters: { key: " + QuoteText(key) + " value: { string_value: " + QuoteText(value) +
            " } }\n";
  }
  return text;
}

std::string ModelConfigJson(const model::ModelConfig& config) {
  std::string json = R"({"name":)" + JsonQuote(config.name);
  json += R"(,"platform":)" + JsonQuote(config.platform);
  json += R"(,"backend":)" + JsonQuote(config.backend);
  json += R"(,"version_policy":)" + JsonVersionPolicy(config.version_policy);
  json += R"(,"max_batch_size":)" + std::to_string(config.max_batch_size);
  json += R"(,"input":[)" + JsonInputs(config.inputs);
  json += R"(],"output":[)" + JsonOutputs(config.outputs);
  json +=
      R"(],"batch_input":[],"batch_output":[],"optimization":{"priority":"PRIORITY_DEFAULT",)"
      R"("input_pinned_memory":{"enable":true},"output_pinned_memory":{"enable":true},)"
      R"("gather_kernel_buffer_threshold":0,"eager_batching":false},"instance_group":[{"name":)";
  json += JsonQuote(config.name + "_0");
  json += R"(,"kind":"KIND_CPU","count":)" + std::to_string(config.instance_count);
  json += R"(,"gpus":[],"secondary_devices":[],"profile":[],"passive":false,"host_policy":""}])";
  json += R"(,"default_model_filename":)" + JsonQuote(config.default_model_filename);
  json += R"(,"cc_model_filenames":{},"metric_tags":{},"parameters":{)" + JsonParameters(config);
  return json + R"(},"model_warmup":[]})";
}

}  // namespace throng::repository
