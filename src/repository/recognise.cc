#include "repository/recognise.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "repository/protobuf_kind.h"
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

// The compressors that joblib.dump offers; "" for none of them.
std::string_view CompressionOf(std::string_view prefix) {
  if (prefix.starts_with("\x1f\x8b"sv)) return "gzip";
  if (prefix.starts_with("BZh"sv)) return "bzip2";
  if (prefix.starts_with("\xfd"
                         "7zXZ\0"sv)) {
    return "xz";
  }
  if (prefix.starts_with("\x5d\0\0"sv)) return "lzma";
  if (prefix.starts_with("\x04\x22\x4d\x18"sv)) return "lz4";
  // zlib: the method, then a level, which together are divisible by 31.
  constexpr std::string_view kLevels = "\x01\x5e\x9c\xda"sv;
  if (prefix.size() > 2 && prefix[0] == '\x78' &&
      kLevels.find(prefix[1]) != std::string_view::npos) {
    return "zlib";
  }
  return {};
}

// torch.save before 1.6 wrote four pickles: a number, a version, facts of the machine, the object.
Recognition RecogniseTorchLegacy(std::string_view prefix) {
  constexpr std::string_view kNextPickle = ".\x80\x02"sv;
  constexpr int kPicklesBefore = 3;
  for (int i = 0; i < kPicklesBefore; ++i) {
    const size_t end = prefix.find(kNextPickle);
    if (end == std::string_view::npos) return {Content::kTorchLegacy, {}};
    prefix.remove_prefix(end + 1);
  }
  // A module's class is wrapped in a tuple: "module", the class, its source.
  constexpr std::string_view kModule = "\x80\x02(X\x06\0\0\0module"sv;
  if (prefix.starts_with(kModule)) {
    const size_t global = prefix.find('c', kModule.size());
    if (global == std::string_view::npos) return {Content::kTorchModule, {}};
    return RecogniseTorchPickle("\x80\x02" + std::string(prefix.substr(global)));
  }
  const bool is_told = prefix.size() > 2 && (prefix[2] == 'c' || prefix[2] == '}');
  return is_told ? RecogniseTorchPickle(prefix) : Recognition{Content::kTorchLegacy, {}};
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
    return legacy ? RecogniseTorchLegacy(prefix) : Recognition{Content::kPickle, {}};
  }
  if (prefix.size() >= 8 && prefix.substr(4, 4) == "TFL3"sv) {
    return Recognition{Content::kTensorFlowLite, {}};
  }
  if (IsSafetensors(prefix, file_bytes)) return Recognition{Content::kSafetensors, {}};
  if (const std::string_view by = CompressionOf(prefix); !by.empty()) {
    return Recognition{Content::kCompressed, std::string(by)};
  }
  THRONG_ASSIGN_OR_RETURN(const Content content,
                          RecogniseProtobuf(files, path, prefix, file_bytes));
  return Recognition{content, {}};
}

std::string_view ProbeOf(Content content) {
  if (content == Content::kTorchScript) return "torchscript_zip";
  if (content == Content::kOnnx) return "onnx";
  return {};
}

std::string_view WhatProbeWants(std::string_view probe) {
  if (probe == "onnx") return "ONNX";
  if (probe == "torchscript_zip") return "TorchScript";
  if (probe == "protobuf") return "a TensorFlow GraphDef";
  if (probe == "saved_model_dir") return "a SavedModel";
  return {};
}

bool SatisfiesProbe(Content content, std::string_view probe) {
  if (probe == "onnx") return content == Content::kOnnx;
  if (probe == "torchscript_zip") return content == Content::kTorchScript;
  if (probe == "protobuf") return content == Content::kGraphDef;
  if (probe == "saved_model_dir") return content == Content::kSavedModel;
  return content != Content::kEmpty && content != Content::kGitLfsPointer;
}

std::span<const std::string_view> ModelLikeSuffixes() {
  static constexpr std::array<std::string_view, 28> kSuffixes = {
      ".bin", ".cbm",         ".ckpt",  ".engine", ".gguf",        ".h5",    ".hdf5",
      ".jit", ".joblib",      ".keras", ".mar",    ".mlmodel",     ".model", ".onnx",
      ".pb",  ".pickle",      ".pkl",   ".plan",   ".pmml",        ".pt",    ".pt2",
      ".pth", ".safetensors", ".sav",   ".tflite", ".torchscript", ".ubj",   ".xgb"};
  return kSuffixes;
}

bool LooksLikeModel(std::string_view file_name) {
  const std::span<const std::string_view> suffixes = ModelLikeSuffixes();
  return std::any_of(suffixes.begin(), suffixes.end(), [file_name](std::string_view suffix) {
    return file_name.size() > suffix.size() && file_name.ends_with(suffix);
  });
}

}  // namespace throng::repository
