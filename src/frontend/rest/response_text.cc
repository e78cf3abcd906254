#include "frontend/rest/response_text.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "json/json_writer.h"
#include "model/model_config.h"
#include "tensor/tensor.h"

namespace throng::frontend::rest {
namespace {

// Names of tensors come from artefacts and may hold anything.
void AppendText(std::string_view text, std::string& out) {
  if (IsValidUtf8(text)) {
    json::AppendJsonString(text, out);
  } else {
    json::AppendUntrustedJsonString(text, limits::kErrorTextBytes, out);
  }
}

// `key` with its punctuation: ",\"name\":".
void AppendTextField(std::string_view key, std::string_view value, std::string& out) {
  out += key;
  AppendText(value, out);
}

void AppendQuotedInteger(int64_t value, std::string& out) {
  out += '"';
  json::AppendJsonInteger(value, out);
  out += '"';
}

template <typename Items, typename Append>
void AppendList(const Items& items, std::string& out, Append append) {
  out += '[';
  bool is_first = true;
  for (const auto& item : items) {
    if (!is_first) out += ',';
    is_first = false;
    append(item);
  }
  out += ']';
}

void AppendTensors(const std::vector<model::TensorMetadata>& tensors, std::string& out) {
  AppendList(tensors, out, [&](const model::TensorMetadata& tensor) {
    AppendTextField("{\"name\":", tensor.name, out);
    AppendTextField(",\"datatype\":", tensor::DataTypeName(tensor.type), out);
    out += ",\"shape\":" + tensor::ShapeToString(tensor.shape) + "}";
  });
}

void AppendVersionPolicy(const model::VersionPolicy& policy, std::string& out) {
  using Kind = model::VersionPolicy::Kind;
  switch (policy.kind) {
    case Kind::kLatest:
      out += "{\"latest\":{\"num_versions\":" + std::to_string(policy.latest_count) + "}}";
      return;
    case Kind::kAll:
      out += "{\"all\":{}}";
      return;
    case Kind::kSpecific:
      out += "{\"specific\":{\"versions\":";
      AppendList(policy.specific, out,
                 [&](int64_t version) { json::AppendJsonInteger(version, out); });
      out += "}}";
      return;
  }
}

// What a config says of a tensor, from what the artefact says when the config is silent.
std::vector<model::TensorConfig> TensorConfigs(const std::vector<model::TensorConfig>& configured,
                                               const std::vector<model::TensorMetadata>& known,
                                               bool batches) {
  if (!configured.empty()) return configured;
  std::vector<model::TensorConfig> tensors;
  for (const model::TensorMetadata& tensor : known) {
    tensor::Shape dims = tensor.shape;
    if (batches && !dims.empty()) dims.erase(dims.begin());
    tensors.push_back({tensor.name, tensor.type, std::move(dims), tensor.optional});
  }
  return tensors;
}

void AppendInputConfigs(const std::vector<model::TensorConfig>& tensors, std::string& out) {
  AppendList(tensors, out, [&](const model::TensorConfig& tensor) {
    AppendTextField("{\"name\":", tensor.name, out);
    AppendTextField(",\"data_type\":", tensor::ConfigDataTypeName(tensor.type), out);
    out += ",\"format\":\"FORMAT_NONE\",\"dims\":" + tensor::ShapeToString(tensor.dims);
    out += ",\"is_shape_tensor\":false,\"allow_ragged_batch\":false,\"optional\":";
    json::AppendJsonBool(tensor.optional, out);
    out += '}';
  });
}

void AppendOutputConfigs(const std::vector<model::TensorConfig>& tensors, std::string& out) {
  AppendList(tensors, out, [&](const model::TensorConfig& tensor) {
    AppendTextField("{\"name\":", tensor.name, out);
    AppendTextField(",\"data_type\":", tensor::ConfigDataTypeName(tensor.type), out);
    out += ",\"dims\":" + tensor::ShapeToString(tensor.dims);
    out += ",\"label_filename\":\"\",\"is_shape_tensor\":false}";
  });
}

void AppendInstanceGroup(std::string_view name, int32_t count, std::string& out) {
  AppendTextField("[{\"name\":", std::string(name) + "_0", out);
  out += ",\"kind\":\"KIND_CPU\",\"count\":" + std::to_string(count);
  out +=
      ",\"gpus\":[],\"secondary_devices\":[],\"profile\":[],\"passive\":false,"
      "\"host_policy\":\"\"}]";
}

void AppendConfigParameters(const std::map<std::string, std::string>& parameters,
                            std::string& out) {
  out += '{';
  bool is_first = true;
  for (const auto& [key, value] : parameters) {
    if (!is_first) out += ',';
    is_first = false;
    AppendText(key, out);
    AppendTextField(":{\"string_value\":", value, out);
    out += '}';
  }
  out += '}';
}

constexpr std::string_view kDefaultOptimization =
    ",\"optimization\":{\"priority\":\"PRIORITY_DEFAULT\",\"input_pinned_memory\":{\"enable\":true}"
    ","
    "\"output_pinned_memory\":{\"enable\":true},\"gather_kernel_buffer_threshold\":0,"
    "\"eager_batching\":false}";

}  // namespace

std::string ServerMetadataText(std::string_view name, std::string_view version) {
  std::string out;
  AppendTextField("{\"name\":", name, out);
  AppendTextField(",\"version\":", version, out);
  out += ",\"extensions\":[\"model_repository\",\"model_configuration\"]}";
  return out;
}

std::string HealthText(bool ready) {
  return ready ? "{\"live\":true,\"ready\":true}" : "{\"live\":true,\"ready\":false}";
}

std::string ModelMetadataText(const residency::ModelView& view) {
  static const model::ModelMetadata kNothingKnown;
  const model::ModelMetadata& metadata = view.metadata ? *view.metadata : kNothingKnown;
  std::string out;
  AppendTextField("{\"name\":", view.name, out);
  out += ",\"versions\":";
  AppendList(view.versions, out, [&](int64_t version) { AppendQuotedInteger(version, out); });
  AppendTextField(",\"platform\":", view.platform, out);
  out += ",\"inputs\":";
  AppendTensors(metadata.inputs, out);
  out += ",\"outputs\":";
  AppendTensors(metadata.outputs, out);
  out += '}';
  return out;
}

std::string ModelConfigText(const residency::ModelView& view) {
  const model::ModelConfig config = view.config ? *view.config : model::ModelConfig();
  const model::ModelMetadata metadata = view.metadata ? *view.metadata : model::ModelMetadata();
  const bool batches = config.max_batch_size > 0;
  std::string out;
  AppendTextField("{\"name\":", view.name, out);
  AppendTextField(",\"platform\":", config.platform.empty() ? view.platform : config.platform, out);
  AppendTextField(",\"backend\":", config.backend, out);
  out += ",\"version_policy\":";
  AppendVersionPolicy(config.version_policy, out);
  out += ",\"max_batch_size\":" + std::to_string(config.max_batch_size) + ",\"input\":";
  AppendInputConfigs(TensorConfigs(config.inputs, metadata.inputs, batches), out);
  out += ",\"output\":";
  AppendOutputConfigs(TensorConfigs(config.outputs, metadata.outputs, batches), out);
  out += ",\"batch_input\":[],\"batch_output\":[]";
  out += kDefaultOptimization;
  out += ",\"instance_group\":";
  AppendInstanceGroup(view.name, config.instance_count, out);
  AppendTextField(",\"default_model_filename\":", config.default_model_filename, out);
  out += ",\"cc_model_filenames\":{},\"metric_tags\":{},\"parameters\":";
  AppendConfigParameters(config.parameters, out);
  out += ",\"model_warmup\":[]}";
  return out;
}

std::string RepositoryIndexText(const std::vector<residency::IndexEntry>& entries) {
  std::string out;
  AppendList(entries, out, [&](const residency::IndexEntry& entry) {
    AppendTextField("{\"name\":", entry.name, out);
    if (entry.version) {
      out += ",\"version\":";
      AppendQuotedInteger(*entry.version, out);
    }
    if (entry.state) AppendTextField(",\"state\":", model::IndexStateName(*entry.state), out);
    if (!entry.reason.empty()) {
      out += ",\"reason\":";
      json::AppendUntrustedJsonString(entry.reason, limits::kErrorTextBytes, out);
    }
    out += '}';
  });
  return out;
}

std::string ModelDoneText(std::string_view name, std::string_view word) {
  std::string out;
  AppendTextField("{\"name\":", name, out);
  out += ",\"" + std::string(word) + "\":true}";
  return out;
}

}  // namespace throng::frontend::rest
