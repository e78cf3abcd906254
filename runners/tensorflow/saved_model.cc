#include "runners/tensorflow/saved_model.h"

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "runners/tensorflow/wire_format.h"

namespace throng::tensorflow_runner {
namespace {

using Bytes = std::span<const std::byte>;

// SavedModel
constexpr uint32_t kMetaGraphs = 2;
// MetaGraphDef, MetaInfoDef
constexpr uint32_t kMetaInfoDef = 1;
constexpr uint32_t kTags = 4;
constexpr uint32_t kSignatureDef = 5;
// SignatureDef
constexpr uint32_t kInputs = 1;
constexpr uint32_t kOutputs = 2;
// TensorInfo
constexpr uint32_t kTensorName = 1;
constexpr uint32_t kDataType = 2;
constexpr uint32_t kTensorShape = 3;
// TensorShapeProto, Dim
constexpr uint32_t kDim = 2;
constexpr uint32_t kUnknownRank = 3;
constexpr uint32_t kDimSize = 1;
// An entry of any map
constexpr uint32_t kKey = 1;
constexpr uint32_t kValue = 2;

struct MapEntry {
  std::string_view key;
  Bytes value;
};

Status Malformed() { return InvalidArgumentError("saved_model.pb is not a SavedModel"); }

MapEntry ReadMapEntry(Bytes bytes) {
  MapEntry entry;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == kKey) entry.key = reader.text();
    if (reader.field() == kValue) entry.value = reader.bytes();
  }
  return entry;
}

std::vector<std::string> ReadTags(Bytes meta_graph) {
  std::vector<std::string> tags;
  WireReader reader(meta_graph);
  while (reader.Next()) {
    if (reader.field() != kMetaInfoDef) continue;
    WireReader info(reader.bytes());
    while (info.Next()) {
      if (info.field() == kTags) tags.emplace_back(info.text());
    }
  }
  return tags;
}

// The graph whose only tag is `tag`, else one that has it among others, else the only graph.
std::optional<Bytes> ChooseMetaGraph(Bytes saved_model, std::string_view tag, size_t& graph_count,
                                     bool& malformed) {
  std::optional<Bytes> chosen;
  Bytes last;
  size_t chosen_tag_count = 0;
  graph_count = 0;
  WireReader reader(saved_model);
  while (reader.Next()) {
    if (reader.field() != kMetaGraphs) continue;
    last = reader.bytes();
    ++graph_count;
    const std::vector<std::string> tags = ReadTags(last);
    const bool has_tag = std::find(tags.begin(), tags.end(), tag) != tags.end();
    if (has_tag && (!chosen.has_value() || tags.size() < chosen_tag_count)) {
      chosen = last;
      chosen_tag_count = tags.size();
    }
  }
  malformed = reader.malformed() || graph_count == 0;
  if (!chosen.has_value() && graph_count == 1) chosen = last;
  return chosen;
}

std::string Join(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names.first(std::min<size_t>(names.size(), 10))) {
    text += (text.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  return text.empty() ? "none" : text;
}

Result<Bytes> ChooseSignature(Bytes meta_graph, const std::string& wanted) {
  std::vector<std::string_view> names;
  std::vector<Bytes> signatures;
  WireReader reader(meta_graph);
  while (reader.Next()) {
    if (reader.field() != kSignatureDef) continue;
    const MapEntry entry = ReadMapEntry(reader.bytes());
    // TensorFlow's own bookkeeping: "__saved_model_init_op", "__saved_model_train_op".
    if (entry.key.substr(0, 2) == "__") continue;
    names.push_back(entry.key);
    signatures.push_back(entry.value);
  }
  if (reader.malformed()) return Malformed();
  const std::string_view name = wanted.empty() ? "serving_default" : std::string_view(wanted);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return signatures[static_cast<size_t>(found - names.begin())];
  if (wanted.empty() && signatures.size() == 1) return signatures[0];
  return InvalidArgumentError("the SavedModel has no signature '" + std::string(name) +
                              "'; it has " + Join(names) +
                              " (parameter TF_SIGNATURE_DEF chooses one)");
}

bool ReadShape(Bytes bytes, SignatureTensor& tensor) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == kUnknownRank) tensor.unknown_rank = reader.number() != 0;
    if (reader.field() != kDim) continue;
    int64_t size = 0;  // proto3 leaves out a zero
    WireReader dim(reader.bytes());
    while (dim.Next()) {
      if (dim.field() == kDimSize) size = static_cast<int64_t>(dim.number());
    }
    if (dim.malformed() || tensor.shape.size() >= limits::kTensorRank) return false;
    tensor.shape.push_back(size < 0 ? -1 : size);
  }
  return !reader.malformed();
}

bool ReadTensor(const MapEntry& entry, SignatureTensor& tensor) {
  tensor.name = std::string(entry.key);
  WireReader reader(entry.value);
  while (reader.Next()) {
    if (reader.field() == kTensorName) tensor.tensor_name = std::string(reader.text());
    if (reader.field() == kDataType) tensor.data_type = static_cast<int>(reader.number() & 0xffff);
    if (reader.field() == kTensorShape && !ReadShape(reader.bytes(), tensor)) return false;
  }
  return !reader.malformed();
}

Result<std::vector<SignatureTensor>> ReadTensors(Bytes signature, uint32_t field) {
  std::vector<SignatureTensor> tensors;
  WireReader reader(signature);
  while (reader.Next()) {
    if (reader.field() != field) continue;
    if (tensors.size() >= limits::kModelTensors) {
      return InvalidArgumentError("the signature has over " +
                                  std::to_string(limits::kModelTensors) + " tensors");
    }
    if (!ReadTensor(ReadMapEntry(reader.bytes()), tensors.emplace_back())) return Malformed();
  }
  if (reader.malformed()) return Malformed();
  std::sort(tensors.begin(), tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return tensors;
}

}  // namespace

Result<SavedModelSignature> ReadSignature(std::span<const std::byte> saved_model,
                                          const SignatureChoice& choice) {
  size_t graph_count = 0;
  bool malformed = false;
  const std::optional<Bytes> graph =
      ChooseMetaGraph(saved_model, choice.tag, graph_count, malformed);
  if (malformed) return Malformed();
  if (!graph.has_value()) {
    return InvalidArgumentError("none of the SavedModel's " + std::to_string(graph_count) +
                                " graphs has the tag '" + choice.tag +
                                "' (parameter TF_GRAPH_TAG chooses one)");
  }
  SavedModelSignature result;
  result.tags = ReadTags(*graph);
  THRONG_ASSIGN_OR_RETURN(const Bytes signature, ChooseSignature(*graph, choice.signature));
  THRONG_ASSIGN_OR_RETURN(result.inputs, ReadTensors(signature, kInputs));
  THRONG_ASSIGN_OR_RETURN(result.outputs, ReadTensors(signature, kOutputs));
  return result;
}

}  // namespace throng::tensorflow_runner
