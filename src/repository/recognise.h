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
  kTorchLegacy,        // torch.save before 1.6, of what is not known
  kTorchExport,        // .pt2
  kTorchServeArchive,  // .mar
  kKeras,
  kHdf5,
  kPickle,
  kCompressed,  // `detail` names the compressor
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

// Whether a file of such content may be given to the framework that has this probe. The probe "any"
// takes all but empty files and Git LFS pointers.
bool SatisfiesProbe(Content content, std::string_view probe);
// "ONNX": what a file of that probe must be, for a person; empty: anything.
std::string_view WhatProbeWants(std::string_view probe);

// A file that is not served, as the texts name it.
struct RefusedFile {
  std::string_view path;         // relative to the served folder
  std::string_view model_name;   // what the result should be called
  bool is_served_alone = false;  // the file itself was given, not a folder that holds it
  std::string_view wanted;       // what its name promises (WhatProbeWants); empty: nothing
};

// Why it is not served, with the shell line that makes a served model of it: run in the served
// folder (or the file's), it writes to where a scan finds a model of the same name. Its length is
// bounded so that the answer to a request for that name can hold it.
std::string RefusalReason(const Recognition& recognition, const RefusedFile& file);

// "a TensorRT engine": what a file's or folder's name looks like, of the formats that are not
// served. Empty: nothing that is known.
std::string_view UnservedFormatOf(std::string_view name);

// Suffixes that usually mean a model, whether or not a framework claims them (".h5").
std::span<const std::string_view> ModelLikeSuffixes();
bool LooksLikeModel(std::string_view file_name);

}  // namespace throng::repository
