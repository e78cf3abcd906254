#include "repository/protobuf_kind.h"

#include <algorithm>

#include "base/limits.h"

namespace throng::repository {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kFieldHeaderBytes = 21;  // a tag, a length, and the first byte of the content
constexpr uint64_t kMaxOnnxIrVersion = 100;
constexpr uint64_t kMinMetaGraphBytes = 128;

// The tags (field number and wire type) that the messages may have on top.
// ModelProto: ir_version, producer_name, producer_version, domain, model_version, doc_string,
// graph, opset_import, metadata_props, training_info, functions, configuration.
constexpr std::string_view kOnnxTags = "\x08\x12\x1a\x22\x28\x32\x3a\x42\x72"sv;
constexpr uint64_t kOnnxTwoByteTags[] = {0xa2, 0xca, 0xd2};
constexpr uint64_t kOnnxIrVersion = 0x08;
constexpr uint64_t kOnnxGraph = 0x3a;
// GraphDef: node, library, version, versions, debug_info.
constexpr std::string_view kGraphDefTags = "\x0a\x12\x18\x22\x2a"sv;
constexpr uint64_t kGraphDefNode = 0x0a;
// NodeDef: name, op, input, device, attr, and two more.
constexpr std::string_view kNodeTags = "\x0a\x12\x1a\x22\x2a\x32\x3a"sv;
// SavedModel: schema version, meta graphs.
constexpr uint64_t kSavedModelVersion = 0x08;
constexpr uint64_t kSavedModelMetaGraph = 0x12;

struct Field {
  uint64_t tag = 0;
  uint64_t value = 0;  // of a number; of anything else its length
  bool is_number = false;
  bool is_whole = false;  // its bytes are all in the file
  int first_byte = -1;    // of its content; -1: not there
};

// Takes a varint off the front. False when it is cut off.
bool TakeVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool HasTag(std::string_view tags, uint64_t tag) {
  return tag < 0x80 && tags.find(static_cast<char>(tag)) != std::string_view::npos;
}

bool IsOnnxTag(uint64_t tag) {
  return HasTag(kOnnxTags, tag) ||
         std::find(std::begin(kOnnxTwoByteTags), std::end(kOnnxTwoByteTags), tag) !=
             std::end(kOnnxTwoByteTags);
}

// The fields on top of a message, one after the other.
class FieldWalk {
 public:
  FieldWalk(const os::FileSystem& files, const std::string& path, std::string_view prefix,
            uint64_t file_bytes)
      : files_(files), path_(path), prefix_(prefix), file_bytes_(file_bytes) {}

  // False at the end, and at bytes that are no field of wire type 0 or 2.
  Result<bool> Next(Field& field) {
    if (offset_ >= file_bytes_) return false;
    THRONG_RETURN_IF_ERROR(ReadHeader());
    std::string_view rest = header_;
    field = Field();
    if (!TakeVarint(rest, field.tag)) return false;
    field.is_number = (field.tag & 7) == 0;
    if (!field.is_number && (field.tag & 7) != 2) return false;
    if (!TakeVarint(rest, field.value)) {
      // Cut off behind a tag: the tag alone may tell.
      offset_ = file_bytes_;
      return rest.empty() && header_.size() < kFieldHeaderBytes;
    }
    const uint64_t content = offset_ + (header_.size() - rest.size());
    if (!rest.empty()) field.first_byte = static_cast<unsigned char>(rest.front());
    field.is_whole = field.is_number || field.value <= file_bytes_ - content;
    offset_ = field.is_number ? content : field.is_whole ? content + field.value : file_bytes_;
    return true;
  }

 private:
  Status ReadHeader() {
    if (offset_ + kFieldHeaderBytes <= prefix_.size() || prefix_.size() >= file_bytes_) {
      header_ = std::string(prefix_.substr(offset_, kFieldHeaderBytes));
      return OkStatus();
    }
    THRONG_ASSIGN_OR_RETURN(header_, files_.ReadRange(path_, offset_, kFieldHeaderBytes));
    return OkStatus();
  }

  const os::FileSystem& files_;
  const std::string& path_;
  const std::string_view prefix_;
  const uint64_t file_bytes_;
  uint64_t offset_ = 0;
  std::string header_;
};

// What the fields so far leave possible.
class Verdict {
 public:
  // True when the field decides.
  bool Add(const Field& field) {
    AddToOnnx(field);
    AddToGraphDef(field);
    AddToSavedModel(field);
    return decided_ != Content::kUnknown || !(may_be_onnx_ || may_be_graph_def_ || saw_meta_graph_);
  }
  Content content() const {
    if (decided_ != Content::kUnknown) return decided_;
    return saw_meta_graph_ ? Content::kSavedModel : Content::kUnknown;
  }

 private:
  void AddToOnnx(const Field& field) {
    if (!may_be_onnx_) return;
    if (field.tag == kOnnxGraph) {
      decided_ = Content::kOnnx;
      return;
    }
    may_be_onnx_ = IsOnnxTag(field.tag) && field.is_whole;
    if (field.tag == kOnnxIrVersion) {
      may_be_onnx_ = may_be_onnx_ && field.value > 0 && field.value <= kMaxOnnxIrVersion;
    }
  }
  void AddToGraphDef(const Field& field) {
    if (!may_be_graph_def_ || decided_ != Content::kUnknown) return;
    may_be_graph_def_ = HasTag(kGraphDefTags, field.tag) && field.is_whole;
    if (!may_be_graph_def_ || field.tag != kGraphDefNode) return;
    if (field.value > 0 && field.first_byte >= 0 &&
        HasTag(kNodeTags, static_cast<uint64_t>(field.first_byte))) {
      decided_ = Content::kGraphDef;
    } else {
      may_be_graph_def_ = false;
    }
  }
  void AddToSavedModel(const Field& field) {
    if (field.tag == kSavedModelVersion) is_version_one_ = field.value == 1;
    if (field.tag == kSavedModelMetaGraph && is_version_one_ && field.value >= kMinMetaGraphBytes) {
      saw_meta_graph_ = true;
    }
  }

  Content decided_ = Content::kUnknown;
  bool may_be_onnx_ = true;
  bool may_be_graph_def_ = true;
  bool is_version_one_ = false;
  bool saw_meta_graph_ = false;
};

}  // namespace

Result<Content> RecogniseProtobuf(const os::FileSystem& files, const std::string& path,
                                  std::string_view prefix, uint64_t file_bytes) {
  FieldWalk walk(files, path, prefix, file_bytes);
  Verdict verdict;
  Field field;
  for (int i = 0; i < limits::kProtobufFieldsWalked; ++i) {
    THRONG_ASSIGN_OR_RETURN(const bool is_field, walk.Next(field));
    if (!is_field || verdict.Add(field)) break;
  }
  return verdict.content();
}

}  // namespace throng::repository
