// Artifact: the bytes of one version of a model, as a runner gets them: one sealed memory file that
// holds the files one after the other, each starting on a page, plus the table of where they are.
// Cells need no file system because of it. Immutable; shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/file.h"
#include "os/unique_fd.h"

namespace throng::artifact {

inline constexpr uint64_t kFileAlignment = 4096;

struct ArtifactFile {
  std::string name;  // relative: "model.onnx", "variables/variables.index"
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

struct Artifact {
  os::UniqueFd fd;  // sealed against every change
  uint64_t size_bytes = 0;
  std::vector<ArtifactFile> files;
};

// Where the files of a version are on disk: a file, or a folder that is read with its subfolders.
struct ArtifactSource {
  std::string path;
  bool is_directory = false;
};

// Reads everything into a sealed memory file. Blocking: call it on a helper thread. Symbolic links
// that leave the folder, devices and the like are refused. ERRORS: kNotFound, kInvalidArgument
// (a file that is not a file), kAborted (changed while read), kResourceExhausted
// (limits::kArtifactBytes, kArtifactFiles), kUnavailable (I/O). Texts name relative names only.
Result<std::shared_ptr<const Artifact>> ReadArtifact(const os::FileSystem& files,
                                                     const ArtifactSource& source);

// An artifact of one file whose bytes are given (tests, built-in models).
Result<std::shared_ptr<const Artifact>> MakeArtifact(const std::string& name,
                                                     std::string_view content);

}  // namespace throng::artifact
