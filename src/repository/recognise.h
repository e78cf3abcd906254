// What a file is, by its first bytes or its archive's list of names, whatever it is called; and for
// what is not served, the line that converts it. Stateless.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "os/file.h"

namespace throng::repository {

enum class Content : uint8_t {
  kUnknown,
  kEmpty,
  kGitLfsPointer,
  kTorchScript,
  kTorchStateDict,
  kTorchModule,        // a pickled module: `detail` names its class
  kTorchLegacy,        // torch.save before 1.6
  kTorchExport,        // .pt2
  kTorchServeArchive,  // .mar
  kKeras,
  kHdf5,
  kPickle,
  kSafetensors,
  kOnnx,
  kGraphDef,
  kSavedModel,
  kTensorFlowLite,
  kBrokenArchive,  // `detail` says how
  kOtherArchive,
};

struct Recognition {
  Content content = Content::kUnknown;
  std::string detail;
};

// Reads at most a few kilobytes, and the directory of an archive. ERRORS: those of `files`.
Result<Recognition> RecogniseFile(const os::FileSystem& files, const std::string& path,
                                  uint64_t file_bytes);

// The probe of a framework's format (model::FormatRule) that such content satisfies; empty: none.
std::string_view ProbeOf(Content content);

// Why such a file is not served, with the shell line that makes a served model of it. `file`: its
// path relative to the served folder. `model_name`: what the result should be called.
std::string RefusalReason(const Recognition& recognition, std::string_view file,
                          std::string_view model_name);

// Suffixes that usually mean a model, whether or not a framework claims them (".h5").
std::span<const std::string_view> ModelLikeSuffixes();
bool LooksLikeModel(std::string_view file_name);

}  // namespace throng::repository
