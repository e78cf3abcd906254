#include "repository/recognise.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "repository/zip_directory.h"

namespace throng::repository {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kPrefixBytes = 512;
constexpr uint64_t kPickleBytes = 512;
constexpr uint64_t kSafetensorsHeaderBytes = 100'000'000;  // the format's own bound

// The number that torch.save wrote first before 1.6, as a pickled long.
constexpr std::string_view kTorchLegacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv;

bool Contains(const std::vector<ZipMember>& members, bool (*is)(std::string_view)) {
  return std::any_of(members.begin(), members.end(),
                     [is](const ZipMember& member) { return is(member.name); });
}

// What data.pkl starts with tells a dictionary of weights from a pickled module, which begins with
// the GLOBAL opcode: 'c', module, newline, class, newline.
Recognition RecogniseTorchPickle(std::string_view pickle) {
  if (!pickle.starts_with('\x80') || pickle.size() < 4 || pickle[2] != 'c') {
    return {Content::kTorchStateDict, {}};
  }
  const size_t module_end = pickle.find('\n');
  const size_t class_end =
      module_end == std::string_view::npos ? module_end : pickle.find('\n', module_end + 1);
  if (class_end == std::string_view::npos) return {Content::kTorchModule, {}};
  const std::string_view module = pickle.substr(3, module_end - 3);
  const std::string_view name = pickle.substr(module_end + 1, class_end - module_end - 1);
  if (module == "collections") return {Content::kTorchStateDict, {}};
  return {Content::kTorchModule, EscapeForLog(std::string(module) + "." + std::string(name), 100)};
}

Result<Recognition> RecogniseArchive(const os::FileSystem& files, const std::string& path,
                                     uint64_t file_bytes) {
  const Result<std::vector<ZipMember>> read = ReadZipDirectory(files, path, file_bytes);
  if (!read.ok()) return Recognition{Content::kBrokenArchive, read.status().message()};
  const std::vector<ZipMember>& members = *read;
  const auto pickle = std::find_if(members.begin(), members.end(), [](const ZipMember& member) {
    return member.name.ends_with("/data.pkl");
  });
  const bool has_code = Contains(
      members, [](std::string_view n) { return n.find("/code/") != std::string_view::npos; });
  const bool has_constants =
      Contains(members, [](std::string_view n) { return n.ends_with("/constants.pkl"); });
  if (has_code && has_constants) return Recognition{Content::kTorchScript, {}};
  if (pickle != members.end()) {
    const Result<std::string> head = ReadZipMember(files, path, *pickle, kPickleBytes);
    if (!head.ok()) return Recognition{Content::kBrokenArchive, head.status().message()};
    return RecogniseTorchPickle(*head);
  }
  if (Contains(members, [](std::string_view n) {
        return n.ends_with("archive_format") || n.ends_with("serialized_exported_program.json");
      })) {
    return Recognition{Content::kTorchExport, {}};
  }
  if (Contains(members, [](std::string_view n) { return n == "MAR-INF/MANIFEST.json"; })) {
    return Recognition{Content::kTorchServeArchive, {}};
  }
  if (Contains(members, [](std::string_view n) { return n == "model.weights.h5"; })) {
    return Recognition{Content::kKeras, {}};
  }
  return Recognition{Content::kOtherArchive, {}};
}

bool IsSafetensors(std::string_view prefix, uint64_t file_bytes) {
  if (prefix.size() < 9 || prefix[8] != '{') return false;
  uint64_t header_bytes = 0;
  for (size_t i = 8; i-- > 0;) {
    header_bytes = (header_bytes << 8) | static_cast<unsigned char>(prefix[i]);
  }
  return header_bytes >= 2 && header_bytes <= kSafetensorsHeaderBytes &&
         header_bytes <= file_bytes - 8;
}

// Takes a protobuf varint off the front. False when it is cut off.
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

// ONNX ModelProto: ir_version (1), producer and domain texts (2, 3, 4, 6), model_version (5), graph
// (7), opset_import (8), and few more. SavedModel: schema version 1 (1), then meta graphs (2).
// GraphDef: nodes (1), each starting with its name (1).
Content RecogniseProtobuf(std::string_view prefix, uint64_t file_bytes) {
  std::string_view rest = prefix;
  uint64_t tag = 0;
  uint64_t value = 0;
  if (!TakeVarint(rest, tag)) return Content::kUnknown;
  if (tag == 0x0a) {
    if (!TakeVarint(rest, value) || value == 0 || value > file_bytes) return Content::kUnknown;
    return rest.starts_with('\x0a') ? Content::kGraphDef : Content::kUnknown;
  }
  if (tag != 0x08 || !TakeVarint(rest, value) || value == 0 || value > 100) {
    return Content::kUnknown;
  }
  const bool may_be_saved_model = value == 1;
  if (!TakeVarint(rest, tag) || !TakeVarint(rest, value)) return Content::kUnknown;
  if (tag == 0x12 && may_be_saved_model && value >= 128) return Content::kSavedModel;
  constexpr std::array<uint64_t, 8> kOnnxTags = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72};
  if (std::find(kOnnxTags.begin(), kOnnxTags.end(), tag) == kOnnxTags.end()) {
    return Content::kUnknown;
  }
  return tag == 0x28 || value <= file_bytes ? Content::kOnnx : Content::kUnknown;
}

// --- Refusals. The lines are for a shell: a name that needs quoting is replaced.

std::string ShellName(std::string_view name, std::string_view otherwise) {
  const bool safe =
      !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.' || c == '/';
      });
  return std::string(safe ? name : otherwise);
}

std::string StateDictLine(const std::string& load) {
  return "python3 -c \"import torch; from MODULE import CLASS; m=CLASS(); m.load_state_dict(" +
         load + "); torch.jit.script(m.eval()).save('model.pt')\"";
}

std::string ModuleLine(const std::string& file) {
  return "python3 -c \"import torch; m=torch.load('" + file +
         "', weights_only=False); torch.jit.script(m.eval()).save('model.pt')\"";
}

std::string KerasLine(const std::string& file, const std::string& name) {
  return "python3 -c \"import keras; keras.saving.load_model('" + file + "').export('" + name +
         "/1/model.savedmodel')\"";
}

std::string SklearnLine(const std::string& file, const std::string& name) {
  return "python3 -c \"import joblib; from skl2onnx import to_onnx; "
         "from skl2onnx.common.data_types import FloatTensorType as F; m=joblib.load('" +
         file + "'); open('" + name +
         ".onnx', 'wb').write(to_onnx(m, initial_types=[('X', F([None, m.n_features_in_]))])"
         ".SerializeToString())\"";
}

std::string TorchRefusal(const Recognition& recognition, const std::string& file,
                         const std::string& name) {
  switch (recognition.content) {
    case Content::kTorchStateDict:
      return "PyTorch weights without their model (state_dict); the class is needed: " +
             StateDictLine("torch.load('" + file + "')");
    case Content::kTorchModule:
      return "a pickled PyTorch module" +
             (recognition.detail.empty() ? "" : " (" + recognition.detail + ")") +
             ", not TorchScript; convert it where its class can be imported: " + ModuleLine(file);
    case Content::kTorchLegacy:
      return "a pickle of torch.save before 1.6, not TorchScript; convert it where its class can "
             "be imported: " +
             ModuleLine(file);
    case Content::kTorchExport:
      return "a torch.export program; convert it to ONNX: python3 -c \"import torch; "
             "torch.onnx.export(torch.export.load('" +
             file + "'), dynamo=True).save('" + name + ".onnx')\"";
    case Content::kTorchServeArchive:
      return "a TorchServe archive; take the TorchScript file out of it: unzip '" + file +
             "' '*.pt' -d " + name;
    default:
      return "TorchScript, but no framework that is known serves it";
  }
}

}  // namespace

Result<Recognition> RecogniseFile(const os::FileSystem& files, const std::string& path,
                                  uint64_t file_bytes) {
  if (file_bytes == 0) return Recognition{Content::kEmpty, {}};
  THRONG_ASSIGN_OR_RETURN(const std::string read, files.ReadPrefix(path, kPrefixBytes));
  const std::string_view prefix = read;
  if (prefix.starts_with("PK\x03\x04"sv) || prefix.starts_with("PK\x05\x06"sv)) {
    return RecogniseArchive(files, path, file_bytes);
  }
  if (prefix.starts_with("\x89HDF\r\n\x1a\n"sv)) return Recognition{Content::kHdf5, {}};
  if (prefix.starts_with("version https://git-lfs."sv)) {
    return Recognition{Content::kGitLfsPointer, {}};
  }
  if (prefix.size() >= 3 && prefix[0] == '\x80' && prefix[1] >= 2 && prefix[1] <= 5) {
    const bool legacy = prefix.substr(2).starts_with(kTorchLegacyMagic);
    return Recognition{legacy ? Content::kTorchLegacy : Content::kPickle, {}};
  }
  if (prefix.size() >= 8 && prefix.substr(4, 4) == "TFL3"sv) {
    return Recognition{Content::kTensorFlowLite, {}};
  }
  if (IsSafetensors(prefix, file_bytes)) return Recognition{Content::kSafetensors, {}};
  return Recognition{RecogniseProtobuf(prefix, file_bytes), {}};
}

std::string_view ProbeOf(Content content) {
  if (content == Content::kTorchScript) return "torchscript_zip";
  if (content == Content::kOnnx) return "onnx";
  return {};
}

std::string RefusalReason(const Recognition& recognition, std::string_view file_path,
                          std::string_view model_name) {
  const std::string file = ShellName(file_path, "FILE");
  const std::string name = ShellName(model_name, "NAME");
  switch (recognition.content) {
    case Content::kEmpty:
      return "the file is empty";
    case Content::kGitLfsPointer:
      return "a Git LFS pointer, not the file itself: git lfs pull";
    case Content::kKeras:
      return "a Keras archive; export it: " + KerasLine(file, name);
    case Content::kHdf5:
      return "an HDF5 file; if it is a whole Keras model, export it: " + KerasLine(file, name);
    case Content::kPickle:
      return "a Python pickle, which would run code when loaded; if it is a scikit-learn model "
             "that "
             "you trust, convert it: " +
             SklearnLine(file, name);
    case Content::kSafetensors:
      return "weights without their model (safetensors); the class is needed: " +
             StateDictLine("__import__('safetensors.torch').torch.load_file('" + file + "')");
    case Content::kBrokenArchive:
      return recognition.detail;
    case Content::kOtherArchive:
      return "a zip archive that holds no model that is known";
    case Content::kOnnx:
      return "the content is ONNX: rename it to model.onnx";
    case Content::kGraphDef:
      return "a TensorFlow graph; if it is frozen (a GraphDef), rename it to model.graphdef";
    case Content::kSavedModel:
      return "the graph of a TensorFlow SavedModel; serve its folder: " + name +
             "/saved_model.pb beside variables/";
    case Content::kTensorFlowLite:
      return "a TensorFlow Lite model, which is not served: export a SavedModel instead";
    case Content::kUnknown:
      return "its content is not of a known format";
    default:
      return TorchRefusal(recognition, file, name);
  }
}

std::span<const std::string_view> ModelLikeSuffixes() {
  static constexpr std::array<std::string_view, 20> kSuffixes = {
      ".bin", ".ckpt",  ".h5",          ".hdf5", ".jit",    ".joblib",     ".keras",
      ".mar", ".model", ".onnx",        ".pb",   ".pickle", ".pkl",        ".pt",
      ".pt2", ".pth",   ".safetensors", ".sav",  ".tflite", ".torchscript"};
  return kSuffixes;
}

bool LooksLikeModel(std::string_view file_name) {
  const std::span<const std::string_view> suffixes = ModelLikeSuffixes();
  return std::any_of(suffixes.begin(), suffixes.end(), [file_name](std::string_view suffix) {
    return file_name.size() > suffix.size() && file_name.ends_with(suffix);
  });
}

}  // namespace throng::repository
