// config.pbtxt in the text form of protobuf, checked field by field. What is neither honoured nor
// harmless to leave out is refused: a model must not answer differently from what its file says.
#include <algorithm>
#include <set>
#include <string>

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "base/limits.h"
#include "base/log.h"
#include "repository/model_config.pb.h"
#include "repository/repository.h"

namespace throng::repository {
namespace {

using google::protobuf::TextFormat;
using InfoTree = TextFormat::ParseInfoTree;

constexpr size_t kParserTextBytes = 400;  // of the parser's own message, which quotes the file

std::string Quote(std::string_view text) { return "'" + EscapeForLog(text, 64) + "'"; }

// Keeps the parser's first error. Its lines and columns count from 0.
class FirstError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!text_.empty()) return;
    text_ = "config.pbtxt";
    if (line >= 0) {
      text_ += ", line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1);
    }
    text_ += ": " + EscapeForLog(message, kParserTextBytes);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A message of the file, and where its fields are in the text.
class Node {
 public:
  Node(const google::protobuf::Message& message, const InfoTree* tree, std::string path)
      : message_(message), tree_(tree), path_(std::move(path)) {}

  // "config.pbtxt, line 7: input[0].dims"; `field` need not be there.
  std::string Where(const std::string& field, int index = 0) const {
    std::string text = "config.pbtxt";
    const auto* descriptor = message_.GetDescriptor()->FindFieldByName(field);
    int line = -1;
    if (tree_ != nullptr && descriptor != nullptr) {
      const bool repeated = descriptor->is_repeated();
      line = tree_->GetLocation(descriptor, repeated ? index : -1).line;
      // Of "dims: [ 1, 2 ]" the parser remembers the first place only.
      if (line < 0 && repeated) line = tree_->GetLocation(descriptor, 0).line;
    }
    if (line >= 0) text += ", line " + std::to_string(line + 1);
    return text + ": " + path_ + field;
  }

  Status Error(const std::string& field, const std::string& rule, int index = 0) const {
    return InvalidArgumentError(Where(field, index) + ": " + rule);
  }

  Node Child(const google::protobuf::Message& child, const std::string& field, int index) const {
    const auto* descriptor = message_.GetDescriptor()->FindFieldByName(field);
    const bool repeated = descriptor->is_repeated();
    const InfoTree* tree =
        tree_ == nullptr ? nullptr : tree_->GetTreeForNested(descriptor, repeated ? index : -1);
    std::string path = path_ + field;
    if (repeated) path += "[" + std::to_string(index) + "]";
    return Node(child, tree, path + ".");
  }

 private:
  const google::protobuf::Message& message_;
  const InfoTree* const tree_;
  const std::string path_;
};

class ConfigReader {
 public:
  ConfigReader(const inference::ModelConfig& source, const InfoTree& tree)
      : source_(source), root_(source, &tree, "") {}

  Result<ParsedConfig> Read(std::string_view directory_name) {
    THRONG_RETURN_IF_ERROR(ReadName(directory_name));
    THRONG_RETURN_IF_ERROR(RefuseUnsupported());
    model::ModelConfig& config = parsed_.config;
    config.platform = source_.platform();
    config.backend = source_.backend();
    if (source_.max_batch_size() < 0) {
      return root_.Error("max_batch_size", "must not be negative");
    }
    config.max_batch_size = source_.max_batch_size();
    THRONG_RETURN_IF_ERROR(ReadTensors("input", source_.input(), config.inputs));
    THRONG_RETURN_IF_ERROR(ReadTensors("output", source_.output(), config.outputs));
    THRONG_RETURN_IF_ERROR(ReadVersionPolicy());
    THRONG_RETURN_IF_ERROR(ReadFileName());
    THRONG_RETURN_IF_ERROR(ReadInstances());
    THRONG_RETURN_IF_ERROR(ReadParameters());
    WarnOfIgnored();
    config.from_file = true;
    return std::move(parsed_);
  }

 private:
  void Warn(const std::string& text) { parsed_.warnings.push_back(text); }

  Status ReadName(std::string_view directory_name) {
    const std::string& name = source_.name();
    if (!name.empty() && !directory_name.empty() && name != directory_name) {
      // Triton's text.
      return InvalidArgumentError("unexpected directory name " + Quote(directory_name) +
                                  " for model " + Quote(name) +
                                  ", directory name must equal model name");
    }
    parsed_.config.name = name.empty() ? std::string(directory_name) : name;
    return OkStatus();
  }

  Status RefuseUnsupported() const {
    const std::string rule = "is not supported yet";
    if (source_.has_ensemble_scheduling()) return root_.Error("ensemble_scheduling", rule);
    if (source_.has_sequence_batching()) return root_.Error("sequence_batching", rule);
    if (source_.batch_input_size() > 0) return root_.Error("batch_input", rule);
    if (source_.batch_output_size() > 0) return root_.Error("batch_output", rule);
    if (source_.model_operations().op_library_filename_size() > 0) {
      return root_.Error("model_operations", "libraries of operators cannot be loaded");
    }
    if (source_.model_transaction_policy().decoupled()) {
      return root_.Error("model_transaction_policy",
                         "decoupled models (many replies to one request) are not supported yet");
    }
    return OkStatus();
  }

  template <typename Tensors>
  Status ReadTensors(const std::string& field, const Tensors& tensors,
                     std::vector<model::TensorConfig>& read) {
    if (static_cast<size_t>(tensors.size()) > limits::kModelTensors) {
      return root_.Error(field, "more than " + std::to_string(limits::kModelTensors) + " tensors",
                         static_cast<int>(limits::kModelTensors));
    }
    std::set<std::string_view> names;
    for (int i = 0; i < tensors.size(); ++i) {
      const Node node = root_.Child(tensors[i], field, i);
      THRONG_ASSIGN_OR_RETURN(model::TensorConfig tensor, ReadTensor(field, tensors[i], node));
      if (!names.insert(tensors[i].name()).second) {
        return node.Error("name", "another " + field + " is named " + Quote(tensor.name) + " too");
      }
      read.push_back(std::move(tensor));
    }
    return OkStatus();
  }

  template <typename Source>
  Result<model::TensorConfig> ReadTensor(const std::string& kind, const Source& source,
                                         const Node& node) {
    if (source.name().empty()) return node.Error("name", "model " + kind + " must specify 'name'");
    model::TensorConfig tensor;
    tensor.name = source.name();
    tensor.type = tensor::ParseConfigDataType(inference::DataType_Name(source.data_type()))
                      .value_or(tensor::DataType::kInvalid);
    if (tensor.type == tensor::DataType::kInvalid) {
      return node.Error("data_type",
                        "model " + kind + " " + Quote(tensor.name) + " must specify 'data_type'");
    }
    THRONG_RETURN_IF_ERROR(ReadDims(source, node, tensor.dims));
    if (source.has_reshape() &&
        !std::equal(source.dims().begin(), source.dims().end(), source.reshape().shape().begin(),
                    source.reshape().shape().end())) {
      return node.Error("reshape", "is not supported yet: give dims as the model itself has them");
    }
    if (source.is_shape_tensor()) return node.Error("is_shape_tensor", "is not supported yet");
    if (source.is_non_linear_format_io()) {
      return node.Error("is_non_linear_format_io", "is not supported yet");
    }
    ReadOwnFields(source, node, tensor);
    return tensor;
  }

  template <typename Source>
  Status ReadDims(const Source& source, const Node& node, tensor::Shape& dims) const {
    const size_t most = limits::kTensorRank - (source_.max_batch_size() > 0 ? 1 : 0);
    if (static_cast<size_t>(source.dims_size()) > most) {
      return node.Error("dims", "more than " + std::to_string(most) + " dimensions");
    }
    for (int i = 0; i < source.dims_size(); ++i) {
      if (source.dims(i) < -1 || source.dims(i) == 0) {
        return node.Error("dims",
                          "dimension must be integer >= 1, or -1 to indicate a variable-size "
                          "dimension; got " +
                              std::to_string(source.dims(i)),
                          i);
      }
      dims.push_back(source.dims(i));
    }
    return OkStatus();
  }

  void ReadOwnFields(const inference::ModelInput& source, const Node& node,
                     model::TensorConfig& tensor) {
    tensor.optional = source.optional();
    if (source.format() != inference::ModelInput::FORMAT_NONE) {
      tensor.format = inference::ModelInput::Format_Name(source.format());
    }
    if (source.allow_ragged_batch()) Warn(node.Where("allow_ragged_batch") + " is ignored");
  }

  void ReadOwnFields(const inference::ModelOutput& source, const Node& node,
                     model::TensorConfig& tensor) {
    tensor.label_filename = source.label_filename();
    if (!tensor.label_filename.empty()) {
      Warn(node.Where("label_filename") + " is ignored: replies carry no labels yet");
    }
  }

  Status ReadVersionPolicy() {
    model::VersionPolicy& policy = parsed_.config.version_policy;
    const inference::ModelVersionPolicy& source = source_.version_policy();
    if (source.has_all()) {
      policy.kind = model::VersionPolicy::Kind::kAll;
    } else if (source.has_specific()) {
      policy.kind = model::VersionPolicy::Kind::kSpecific;
      policy.specific.assign(source.specific().versions().begin(),
                             source.specific().versions().end());
      if (policy.specific.empty()) {
        return root_.Error("version_policy", "specific names no version");
      }
      if (std::any_of(policy.specific.begin(), policy.specific.end(),
                      [](int64_t version) { return version < 0; })) {
        return root_.Error("version_policy", "a version must not be negative");
      }
    } else if (source.has_latest()) {
      policy.latest_count = source.latest().num_versions();
      if (policy.latest_count == 0) {
        return root_.Error("version_policy", "latest.num_versions must be at least 1");
      }
    }
    return OkStatus();
  }

  Status ReadFileName() {
    const std::string& name = source_.default_model_filename();
    if (name == "." || name.find("..") != std::string::npos ||
        name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      return root_.Error("default_model_filename",
                         "must be the name of a file in the version's folder, without '/' or '..'");
    }
    parsed_.config.default_model_filename = name;
    return OkStatus();
  }

  Status ReadInstances() {
    int64_t count = 0;
    for (int i = 0; i < source_.instance_group_size(); ++i) {
      const inference::ModelInstanceGroup& group = source_.instance_group(i);
      const Node node = root_.Child(group, "instance_group", i);
      if (group.count() < 0) return node.Error("count", "must not be negative");
      count += std::max(1, group.count());
      if (group.kind() == inference::ModelInstanceGroup::KIND_GPU || group.gpus_size() > 0) {
        Warn(node.Where("kind") + ": KIND_GPU is ignored: the model runs on the CPU");
      }
      if (group.has_rate_limiter()) Warn(node.Where("rate_limiter") + " is ignored");
    }
    if (count > static_cast<int64_t>(limits::kModelInstances)) {
      return root_.Error("instance_group",
                         "more than " + std::to_string(limits::kModelInstances) + " instances");
    }
    parsed_.config.instance_count = static_cast<int32_t>(std::max<int64_t>(1, count));
    return OkStatus();
  }

  Status ReadParameters() {
    model::ModelConfig& config = parsed_.config;
    for (const auto& [key, parameter] : source_.parameters()) {
      config.parameters[key] = parameter.string_value();
    }
    const auto isolation = config.parameters.find("isolation");
    if (isolation == config.parameters.end()) return OkStatus();
    if (isolation->second == "model") {
      config.isolation = model::Isolation::kModel;
    } else if (isolation->second == "namespace") {
      config.isolation = model::Isolation::kNamespace;
    } else if (isolation->second == "framework") {
      config.isolation = model::Isolation::kFramework;
    } else {
      return root_.Error(
          "parameters",
          "isolation must be 'model', 'namespace' or 'framework', got " + Quote(isolation->second));
    }
    return OkStatus();
  }

  void WarnIf(bool present, const std::string& field, const std::string& why = "") {
    if (present) Warn(root_.Where(field) + " is ignored" + why);
  }

  void WarnOfIgnored() {
    WarnIf(source_.has_dynamic_batching(), "dynamic_batching", ": requests are not batched yet");
    WarnIf(source_.has_optimization(), "optimization");
    WarnIf(source_.cc_model_filenames_size() > 0, "cc_model_filenames");
    WarnIf(source_.metric_tags_size() > 0, "metric_tags");
    WarnIf(source_.model_warmup_size() > 0, "model_warmup");
    WarnIf(source_.has_model_repository_agents(), "model_repository_agents");
    WarnIf(source_.response_cache().enable(), "response_cache");
    WarnIf(!source_.runtime().empty(), "runtime");
  }

  const inference::ModelConfig& source_;
  const Node root_;
  ParsedConfig parsed_;
};

}  // namespace

Result<ParsedConfig> ParseModelConfig(std::string_view text, std::string_view directory_name) {
  if (text.size() > limits::kModelConfigBytes) {
    return InvalidArgumentError("config.pbtxt: longer than " +
                                std::to_string(limits::kModelConfigBytes) + " bytes");
  }
  inference::ModelConfig source;
  InfoTree tree;
  FirstError error;
  TextFormat::Parser parser;
  parser.SetRecursionLimit(static_cast<int>(limits::kModelConfigDepth));
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(std::string(text), &source)) {
    return InvalidArgumentError(error.text().empty() ? "config.pbtxt: cannot be parsed"
                                                     : error.text());
  }
  return ConfigReader(source, tree).Read(directory_name);
}

}  // namespace throng::repository
