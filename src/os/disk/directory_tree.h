// What a downloader needs of a disk: files written at offsets, directories renamed, exchanged and
// removed as a whole, everything synced; and reading beneath a directory that nothing leads out of.
// FileSystem (os/file.h) stays the seam for reading small files.
//
// Paths of DirectoryTree are made by Throng: nothing in them is a name from outside that was not
// checked. Thread-safe; a StagedFile may be written by several threads at different offsets.
//
//   auto file = RealDirectoryTree().CreateFile("/models/.fetch-a/model.pt");
//   (*file)->WriteAt(0, bytes);  (*file)->Sync();
//   RealDirectoryTree().Rename("/models/.fetch-a", "/models/a");
//
// ERRORS of all: kNotFound, kAlreadyExists, kPermissionDenied, kResourceExhausted (disk or quota
// full, no descriptors), kUnavailable (I/O error). Messages name the last path component only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/file.h"
#include "os/unique_fd.h"

namespace throng::os {

class StagedFile {
 public:
  virtual ~StagedFile() = default;
  virtual Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // Fewer bytes than the buffer only at the end of the file.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<char> buffer) = 0;
  virtual Result<uint64_t> Size() = 0;
  virtual Status Truncate(uint64_t size_bytes) = 0;
  // After a failure the file must be given up: what was lost is not known to a second sync.
  virtual Status Sync() = 0;
};

class DirectoryTree {
 public:
  virtual ~DirectoryTree() = default;
  // Mode 0750. ERRORS: also kAlreadyExists.
  virtual Status MakeDirectory(const std::string& path) = 0;
  // Mode 0640, only when nothing has that name; symbolic links are not followed.
  virtual Result<std::unique_ptr<StagedFile>> CreateFile(const std::string& path) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;
  // ERRORS: kAlreadyExists — there is something at `to`, which stays as it is.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Swaps two names atomically; both must exist.
  virtual Status Exchange(const std::string& a, const std::string& b) = 0;
  // With all beneath it; symbolic links are removed, not followed. Absent: success.
  virtual Status RemoveTree(const std::string& path) = 0;
  // For a process without privileges, on the file system of `path`.
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;
};

// The real one. Lives as long as the program.
DirectoryTree& RealDirectoryTree();

// A directory that is kept open; names are looked up beneath it and nowhere else: symbolic links
// are followed only while they stay inside (kPermissionDenied otherwise). Thread-safe.
class BeneathDirectory {
 public:
  // `path` is the operator's: links in it are followed.
  static Result<BeneathDirectory> Open(const std::string& path);

  // `relative` may be "" for the directory itself. kAbsent is a success.
  Result<FileInfo> Stat(const std::string& relative) const;
  // Sorted by name. Links are resolved beneath; one that leads out is kPermissionDenied.
  Result<std::vector<DirectoryEntry>> List(const std::string& relative) const;
  // ERRORS: also kFailedPrecondition — not a regular file.
  Result<UniqueFd> OpenFile(const std::string& relative) const;

 private:
  explicit BeneathDirectory(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<UniqueFd> OpenBeneath(const std::string& relative, int flags) const;

  UniqueFd fd_;
};

// Of an open regular file.
Result<FileInfo> InfoOf(int fd);
// Fewer bytes than the buffer only at the end of the file.
Result<size_t> ReadFileAt(int fd, uint64_t offset, std::span<char> buffer);

}  // namespace throng::os
