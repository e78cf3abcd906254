#include "os/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <memory>

#include "base/limits.h"
#include "os/system_call.h"

namespace throng::os {
namespace {

constexpr size_t kCopyBytes = 256 * 1024;
constexpr uint64_t kExtraBytes = 4096;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  return FileKind::kOther;
}

std::string Quoted(std::string_view path) { return "'" + std::string(BaseName(path)) + "'"; }

Status PathError(std::string_view path, int error_number) {
  return ErrnoStatus(Quoted(path), error_number);
}

Status TooLarge(std::string_view path, uint64_t max_bytes) {
  return ResourceExhaustedError(Quoted(path) + " is larger than " + std::to_string(max_bytes) +
                                " bytes");
}

struct OpenFile {
  UniqueFd fd;
  struct stat info = {};
};

// A FIFO or device is refused before and after opening, and O_NONBLOCK keeps one that was swapped
// in between from blocking us.
Result<OpenFile> OpenRegular(const std::string& path) {
  const Status refusal = FailedPreconditionError(Quoted(path) + " is not a regular file");
  OpenFile file;
  if (stat(path.c_str(), &file.info) != 0) return PathError(path, errno);
  if (!S_ISREG(file.info.st_mode)) return refusal;
  file.fd.Reset(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.fd.valid() || fstat(file.fd.get(), &file.info) != 0) return PathError(path, errno);
  if (!S_ISREG(file.info.st_mode)) return refusal;
  return file;
}

// Up to `size_bytes` from `offset`. The size that the file claims is a hint only.
Result<std::string> ReadBytes(const std::string& path, const OpenFile& file, uint64_t offset,
                              uint64_t size_bytes) {
  constexpr uint64_t kLargestOffset = std::numeric_limits<off_t>::max();
  std::string content;
  if (offset > kLargestOffset) return content;
  size_bytes = std::min(size_bytes, kLargestOffset - offset);
  const uint64_t claimed_bytes = static_cast<uint64_t>(file.info.st_size);
  while (content.size() < size_bytes) {
    const uint64_t used_bytes = content.size();
    const uint64_t at = offset + used_bytes;
    // A little more than the rest, so that the read that finds the end needs no larger buffer.
    const uint64_t step_bytes = (claimed_bytes > at ? claimed_bytes - at : 0) + kExtraBytes;
    content.resize(used_bytes + std::min(step_bytes, size_bytes - used_bytes));
    const ssize_t count = pread(file.fd.get(), content.data() + used_bytes,
                                content.size() - used_bytes, static_cast<off_t>(at));
    const int error_number = errno;
    content.resize(used_bytes + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && error_number != EINTR) return PathError(path, error_number);
    if (count == 0) break;
  }
  return content;
}

Status WriteAll(const std::string& path, int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return PathError(path, errno);
    content.remove_prefix(static_cast<size_t>(count));
  }
  return OkStatus();
}

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         SameTime(a.st_mtim, b.st_mtim) && SameTime(a.st_ctim, b.st_ctim);
}

// Copies until the end of the file, but at most a byte more than it was said to hold.
Result<uint64_t> CopyContent(const std::string& path, const OpenFile& file, int to) {
  const auto buffer = std::make_unique<char[]>(kCopyBytes);
  const uint64_t expected_bytes = static_cast<uint64_t>(file.info.st_size);
  uint64_t copied_bytes = 0;
  while (copied_bytes <= expected_bytes) {
    const ssize_t count = read(file.fd.get(), buffer.get(), kCopyBytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return PathError(path, errno);
    if (count == 0) break;
    THRONG_RETURN_IF_ERROR(WriteAll(path, to, {buffer.get(), static_cast<size_t>(count)}));
    copied_bytes += static_cast<uint64_t>(count);
  }
  return copied_bytes;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

struct FreeMemory {
  void operator()(char* memory) const { free(memory); }
};

FileKind KindOfEntry(DIR* directory, const dirent& entry) {
  if (entry.d_type == DT_REG) return FileKind::kRegular;
  if (entry.d_type == DT_DIR) return FileKind::kDirectory;
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return FileKind::kOther;
  struct stat info = {};
  if (fstatat(dirfd(directory), entry.d_name, &info, 0) != 0) return FileKind::kOther;
  return KindOf(info.st_mode);
}

// A new, empty file beside `path`, hidden from a scan by its leading dot.
Result<UniqueFd> CreateBeside(const std::string& path, std::string& temporary_path) {
  constexpr int kAttempts = 16;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    temporary_path = JoinPath(DirectoryName(path), "." + std::string(BaseName(path)) + ".tmp-" +
                                                       std::to_string(getpid()) + "-" +
                                                       std::to_string(now.tv_nsec));
    UniqueFd fd(open(temporary_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd.valid()) return fd;
    if (errno != EEXIST) return PathError(path, errno);
  }
  return UnavailableError(Quoted(path) + ": no free temporary name");
}

Status SyncDirectory(const std::string& path) {
  const std::string directory = DirectoryName(path);
  const UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a directory (EINVAL): the rename is done all the same.
  if (!fd.valid() || (fsync(fd.get()) != 0 && errno != EINVAL)) return PathError(path, errno);
  return OkStatus();
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<FileInfo> Stat(const std::string& path) const override {
    struct stat info = {};
    FileInfo result;
    if (stat(path.c_str(), &info) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return result;
      return PathError(path, errno);
    }
    result.kind = KindOf(info.st_mode);
    result.size_bytes = static_cast<uint64_t>(info.st_size);
    result.modified_ns = info.st_mtim.tv_sec * kNanosecondsPerSecond + info.st_mtim.tv_nsec;
    result.inode = info.st_ino;
    return result;
  }

  Result<std::string> RealPath(const std::string& path) const override {
    const std::unique_ptr<char, FreeMemory> real(realpath(path.c_str(), nullptr));
    if (real == nullptr) return PathError(path, errno);
    return std::string(real.get());
  }

  Result<std::vector<DirectoryEntry>> List(const std::string& path) const override {
    const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
    if (directory == nullptr) return PathError(path, errno);
    std::vector<DirectoryEntry> entries;
    for (errno = 0; const dirent* entry = readdir(directory.get()); errno = 0) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (entries.size() == limits::kDirectoryEntries) {
        return ResourceExhaustedError(Quoted(path) + " has more than " +
                                      std::to_string(limits::kDirectoryEntries) + " entries");
      }
      entries.push_back({std::string(name), KindOfEntry(directory.get(), *entry)});
    }
    if (errno != 0) return PathError(path, errno);
    std::sort(entries.begin(), entries.end(),
              [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
    return entries;
  }

  Result<std::string> Read(const std::string& path, uint64_t max_bytes) const override {
    THRONG_ASSIGN_OR_RETURN(const OpenFile file, OpenRegular(path));
    if (static_cast<uint64_t>(file.info.st_size) > max_bytes) return TooLarge(path, max_bytes);
    // One byte more, to notice a file that grew or (in /proc) claims to be empty.
    const uint64_t asked_bytes = max_bytes + (max_bytes < UINT64_MAX ? 1 : 0);
    THRONG_ASSIGN_OR_RETURN(std::string content, ReadBytes(path, file, 0, asked_bytes));
    if (content.size() > max_bytes) return TooLarge(path, max_bytes);
    return content;
  }

  Result<std::string> ReadPrefix(const std::string& path, uint64_t max_bytes) const override {
    return ReadRange(path, 0, max_bytes);
  }

  Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                uint64_t size_bytes) const override {
    THRONG_ASSIGN_OR_RETURN(const OpenFile file, OpenRegular(path));
    return ReadBytes(path, file, offset, size_bytes);
  }

  Result<uint64_t> AppendTo(const std::string& path, int fd, uint64_t max_bytes) const override {
    THRONG_ASSIGN_OR_RETURN(const OpenFile file, OpenRegular(path));
    const uint64_t size_bytes = static_cast<uint64_t>(file.info.st_size);
    if (size_bytes > max_bytes) return TooLarge(path, max_bytes);
    THRONG_ASSIGN_OR_RETURN(const uint64_t copied_bytes, CopyContent(path, file, fd));
    struct stat after = {};
    struct stat at_path = {};
    if (fstat(file.fd.get(), &after) != 0) return PathError(path, errno);
    if (copied_bytes != size_bytes || !SameFile(file.info, after) ||
        stat(path.c_str(), &at_path) != 0 || !SameFile(file.info, at_path)) {
      return Status(StatusCode::kAborted, Quoted(path) + " changed while it was read");
    }
    return copied_bytes;
  }

  Status WriteAtomically(const std::string& path, std::string_view content) override {
    std::string temporary_path;
    THRONG_ASSIGN_OR_RETURN(UniqueFd fd, CreateBeside(path, temporary_path));
    Status status = WriteAll(path, fd.get(), content);
    if (status.ok() && fsync(fd.get()) != 0) status = PathError(path, errno);
    fd.Reset(-1);
    if (status.ok() && rename(temporary_path.c_str(), path.c_str()) != 0) {
      status = PathError(path, errno);
    }
    if (!status.ok()) {
      unlink(temporary_path.c_str());
      return status;
    }
    return SyncDirectory(path);
  }
};

}  // namespace

FileSystem& RealFileSystem() {
  static PosixFileSystem file_system;  // without state
  return file_system;
}

std::string JoinPath(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path += '/';
  while (!path.empty() && !name.empty() && name.front() == '/') name.remove_prefix(1);
  return path.append(name);
}

std::string_view BaseName(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

std::string DirectoryName(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<size_t>(slash, 1)));
}

}  // namespace throng::os
