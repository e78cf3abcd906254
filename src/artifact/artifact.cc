#include "artifact/artifact.h"

#include <utility>

#include "base/limits.h"
#include "os/memory_file.h"

namespace throng::artifact {
namespace {

using os::FileKind;

Status Quoted(const Status& status, const std::string& name) {
  return status.WithContext("'" + name + "'");
}

// Fills one memory file; every file starts on a page.
class Builder {
 public:
  Builder(const os::FileSystem& files, os::UniqueFd fd) : files_(files) {
    artifact_.fd = std::move(fd);
  }

  Status AddFile(const std::string& path, const std::string& name) {
    THRONG_RETURN_IF_ERROR(AddPadding());
    Result<uint64_t> size =
        files_.AppendTo(path, artifact_.fd.get(), limits::kArtifactBytes - artifact_.size_bytes);
    if (!size.ok()) {
      if (size.status().code() != StatusCode::kResourceExhausted) return size.status();
      return ResourceExhaustedError("'" + name + "': the model's files are larger than " +
                                    std::to_string(limits::kArtifactBytes) + " bytes");
    }
    Record(name, *size);
    return OkStatus();
  }

  Status AddContent(const std::string& name, std::string_view content) {
    THRONG_RETURN_IF_ERROR(AddPadding());
    THRONG_RETURN_IF_ERROR(os::AppendBytes(artifact_.fd.get(), content));
    Record(name, content.size());
    return OkStatus();
  }

  // `prefix`: what the folder's files are called by, "" or "variables/".
  Status AddFolder(const std::string& path, const std::string& prefix, size_t depth) {
    if (depth > limits::kArtifactDepth) {
      return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactDepth) +
                                    " folders inside folders");
    }
    if (depth == 0) {
      THRONG_ASSIGN_OR_RETURN(real_root_, files_.RealPath(path));
    }
    THRONG_ASSIGN_OR_RETURN(const std::vector<os::DirectoryEntry> entries, files_.List(path));
    for (const os::DirectoryEntry& entry : entries) {
      if (entry.name.starts_with('.')) continue;
      THRONG_RETURN_IF_ERROR(AddEntry(path, prefix, entry, depth));
    }
    return OkStatus();
  }

  Result<std::shared_ptr<const Artifact>> Finish() {
    if (artifact_.files.empty()) return InvalidArgumentError("the folder holds no files");
    THRONG_RETURN_IF_ERROR(os::SealReadOnly(artifact_.fd.get()));
    return std::shared_ptr<const Artifact>(std::make_shared<Artifact>(std::move(artifact_)));
  }

 private:
  Status AddEntry(const std::string& folder, const std::string& prefix,
                  const os::DirectoryEntry& entry, size_t depth) {
    // Folders count too: links can make a small tree look endless.
    if (++entry_count_ > limits::kArtifactFiles) {
      return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles) +
                                    " files and folders");
    }
    const std::string name = prefix + entry.name;
    const std::string path = os::JoinPath(folder, entry.name);
    Result<std::string> real = files_.RealPath(path);
    if (!real.ok()) return Quoted(real.status(), name);
    if (!real->starts_with(real_root_.ends_with('/') ? real_root_ : real_root_ + "/")) {
      return InvalidArgumentError("'" + name + "' is a link that leaves the model's folder");
    }
    if (entry.kind == FileKind::kDirectory) return AddFolder(path, name + "/", depth + 1);
    if (entry.kind != FileKind::kRegular) {
      return InvalidArgumentError("'" + name + "' is not a regular file");
    }
    return AddFile(path, name);
  }

  Status AddPadding() {
    static constexpr char kZeros[kFileAlignment] = {};
    const uint64_t over = artifact_.size_bytes % kFileAlignment;
    if (over == 0) return OkStatus();
    const uint64_t padding = kFileAlignment - over;
    if (padding > limits::kArtifactBytes - artifact_.size_bytes) {
      return ResourceExhaustedError("the model's files are larger than " +
                                    std::to_string(limits::kArtifactBytes) + " bytes");
    }
    THRONG_RETURN_IF_ERROR(os::AppendBytes(artifact_.fd.get(), std::string_view(kZeros, padding)));
    artifact_.size_bytes += padding;
    return OkStatus();
  }

  void Record(const std::string& name, uint64_t size_bytes) {
    artifact_.files.push_back({name, artifact_.size_bytes, size_bytes});
    artifact_.size_bytes += size_bytes;
  }

  const os::FileSystem& files_;
  Artifact artifact_;
  std::string real_root_;
  size_t entry_count_ = 0;
};

}  // namespace

Result<std::shared_ptr<const Artifact>> ReadArtifact(const os::FileSystem& files,
                                                     const ArtifactSource& source) {
  const std::string name(os::BaseName(source.path));
  THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, files.Stat(source.path));
  if (info.kind == FileKind::kAbsent) return NotFoundError("'" + name + "' does not exist");
  const FileKind expected = source.is_directory ? FileKind::kDirectory : FileKind::kRegular;
  if (info.kind != expected) {
    return InvalidArgumentError("'" + name + "' is not a " +
                                (source.is_directory ? "folder" : "regular file"));
  }
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd fd, os::CreateMemoryFile("artifact"));
  Builder builder(files, std::move(fd));
  if (source.is_directory) {
    THRONG_RETURN_IF_ERROR(builder.AddFolder(source.path, "", 0));
  } else {
    THRONG_RETURN_IF_ERROR(builder.AddFile(source.path, name));
  }
  return builder.Finish();
}

Result<std::shared_ptr<const Artifact>> MakeArtifact(const std::string& name,
                                                     std::string_view content) {
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd fd, os::CreateMemoryFile("artifact"));
  Builder builder(os::RealFileSystem(), std::move(fd));
  THRONG_RETURN_IF_ERROR(builder.AddContent(name, content));
  return builder.Finish();
}

}  // namespace throng::artifact
