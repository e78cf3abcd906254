// The disk seam. Paths are made by Throng or given on the command line, never by a client: names
// from requests reach the disk only as validated model::ModelName.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

enum class FileKind : uint8_t { kAbsent, kRegular, kDirectory, kOther };

struct FileInfo {
  FileKind kind = FileKind::kAbsent;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;  // mtime
  uint64_t inode = 0;
};

struct DirectoryEntry {
  std::string name;
  FileKind kind = FileKind::kOther;  // symbolic links are followed
};

// Thread-safe. ERRORS of all: kNotFound, kPermissionDenied, kUnavailable (I/O error); messages name
// the last path component only.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // kAbsent is a success.
  virtual Result<FileInfo> Stat(const std::string& path) const = 0;
  // Sorted by name; "." and ".." left out.
  virtual Result<std::vector<DirectoryEntry>> List(const std::string& path) const = 0;
  // ERRORS: kResourceExhausted — longer than `max_bytes`.
  virtual Result<std::string> Read(const std::string& path, uint64_t max_bytes) const = 0;
  // The first `max_bytes` (fewer when the file is shorter).
  virtual Result<std::string> ReadPrefix(const std::string& path, uint64_t max_bytes) const = 0;
  // Up to `size_bytes` from `offset`; fewer at the end of the file.
  virtual Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                        uint64_t size_bytes) const = 0;
  // Appends the whole file to the memory file `fd`; returns its size. ERRORS: kAborted — the file
  // changed while it was read (size, mtime or inode), kResourceExhausted — over `max_bytes`.
  virtual Result<uint64_t> AppendTo(const std::string& path, int fd, uint64_t max_bytes) const = 0;
  // `path` with every symbolic link followed. This default is for file systems without links.
  virtual Result<std::string> RealPath(const std::string& path) const { return path; }
  // Atomic: temporary file beside it, fsync, rename.
  virtual Status WriteAtomically(const std::string& path, std::string_view content) = 0;
};

// The real one. Lives as long as the program.
FileSystem& RealFileSystem();

// "a/b" from "a" (or "a/") and "b".
std::string JoinPath(std::string_view directory, std::string_view name);
std::string_view BaseName(std::string_view path);
std::string DirectoryName(std::string_view path);

}  // namespace throng::os
