#include "os/disk/directory_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "os/system_call.h"

namespace throng::os {
namespace {

constexpr mode_t kDirectoryMode = 0750;
constexpr mode_t kFileMode = 0640;
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// Deeper than anything we make; what is deeper is not ours, and is left where it is.
constexpr int kRemovalDepth = 128;

Status PathError(std::string_view path, int error_number) {
  return ErrnoStatus("'" + std::string(BaseName(path)) + "'", error_number);
}

FileKind KindOf(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  return FileKind::kOther;
}

FileInfo InfoFrom(const struct stat& info) {
  return {.kind = KindOf(info.st_mode),
          .size_bytes = static_cast<uint64_t>(info.st_size),
          .modified_ns = info.st_mtim.tv_sec * kNanosecondsPerSecond + info.st_mtim.tv_nsec,
          .inode = info.st_ino};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using OpenedDirectory = std::unique_ptr<DIR, CloseDirectory>;

// Takes the descriptor, also when it fails.
OpenedDirectory ReadDirectory(UniqueFd fd) {
  DIR* directory = fdopendir(fd.get());
  if (directory != nullptr) fd.Release();
  return OpenedDirectory(directory);
}

bool IsDotName(std::string_view name) { return name == "." || name == ".."; }

class PosixStagedFile final : public StagedFile {
 public:
  PosixStagedFile(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count =
          pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return PathError(name_, errno);
      bytes.remove_prefix(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    return OkStatus();
  }

  Result<size_t> ReadAt(uint64_t offset, std::span<char> buffer) override {
    return ReadFileAt(fd_.get(), offset, buffer);
  }

  Result<uint64_t> Size() override {
    THRONG_ASSIGN_OR_RETURN(const FileInfo info, InfoOf(fd_.get()));
    return info.size_bytes;
  }

  Status Truncate(uint64_t size_bytes) override {
    if (ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) return PathError(name_, errno);
    return OkStatus();
  }

  Status Sync() override {
    if (fsync(fd_.get()) != 0) return PathError(name_, errno);
    return OkStatus();
  }

 private:
  const UniqueFd fd_;
  const std::string name_;
};

// Removes what is in the directory that `fd` is open on. Goes on after a failure, so that as much
// as possible is given back; returns the first one.
Status RemoveContent(UniqueFd fd, std::string_view name, int depth) {
  if (depth > kRemovalDepth) return FailedPreconditionError("directories are nested too deeply");
  const int descriptor = fd.get();
  const OpenedDirectory directory = ReadDirectory(std::move(fd));
  if (directory == nullptr) return PathError(name, errno);
  Status result;
  for (errno = 0; const dirent* entry = readdir(directory.get()); errno = 0) {
    if (IsDotName(entry->d_name)) continue;
    if (unlinkat(descriptor, entry->d_name, 0) == 0) continue;
    Status status;
    if (errno != EISDIR && errno != EPERM) {
      status = PathError(entry->d_name, errno);
    } else {
      UniqueFd child(
          openat(descriptor, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      status = child.valid() ? RemoveContent(std::move(child), entry->d_name, depth + 1)
                             : PathError(entry->d_name, errno);
      if (unlinkat(descriptor, entry->d_name, AT_REMOVEDIR) != 0 && status.ok()) {
        status = PathError(entry->d_name, errno);
      }
    }
    if (result.ok()) result = std::move(status);
  }
  if (errno != 0 && result.ok()) result = PathError(name, errno);
  return result;
}

class PosixDirectoryTree final : public DirectoryTree {
 public:
  Status MakeDirectory(const std::string& path) override {
    if (mkdir(path.c_str(), kDirectoryMode) != 0) return PathError(path, errno);
    return OkStatus();
  }

  Result<std::unique_ptr<StagedFile>> CreateFile(const std::string& path) override {
    UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
    if (!fd.valid()) return PathError(path, errno);
    return std::unique_ptr<StagedFile>(
        std::make_unique<PosixStagedFile>(std::move(fd), std::string(BaseName(path))));
  }

  Status SyncDirectory(const std::string& path) override {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // Some file systems cannot sync a directory (EINVAL): its entries are there all the same.
    if (!fd.valid() || (fsync(fd.get()) != 0 && errno != EINVAL)) return PathError(path, errno);
    return OkStatus();
  }

  Status Rename(const std::string& from, const std::string& to) override {
    return RenameWith(from, to, RENAME_NOREPLACE);
  }

  Status Exchange(const std::string& a, const std::string& b) override {
    return RenameWith(a, b, RENAME_EXCHANGE);
  }

  Status RemoveTree(const std::string& path) override {
    if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return OkStatus();
    if (errno != EISDIR && errno != EPERM) return PathError(path, errno);
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return PathError(path, errno);
    const Status status = RemoveContent(std::move(fd), BaseName(path), 0);
    if (rmdir(path.c_str()) != 0 && status.ok()) return PathError(path, errno);
    return status;
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info = {};
    if (statvfs(path.c_str(), &info) != 0) return PathError(path, errno);
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }

 private:
  static Status RenameWith(const std::string& from, const std::string& to, unsigned flags) {
    if (syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) {
      return PathError(to, errno);
    }
    return OkStatus();
  }
};

// Where openat2 is missing (an old kernel, a filter): one segment at a time, and no links at all.
UniqueFd OpenWithoutLinks(int directory, std::string_view relative, int flags) {
  const int first = relative.empty() ? flags : O_PATH | O_DIRECTORY;
  UniqueFd current(openat(directory, ".", first | O_CLOEXEC));
  while (current.valid() && !relative.empty()) {
    const size_t slash = relative.find('/');
    const std::string segment(relative.substr(0, slash));
    relative = slash == std::string_view::npos ? std::string_view() : relative.substr(slash + 1);
    if (segment == "..") {
      errno = EXDEV;
      return UniqueFd();
    }
    const int wanted = relative.empty() ? flags : O_PATH | O_DIRECTORY;
    current.Reset(openat(current.get(), segment.c_str(), wanted | O_NOFOLLOW | O_CLOEXEC));
  }
  return current;
}

}  // namespace

DirectoryTree& RealDirectoryTree() {
  static PosixDirectoryTree tree;  // without state
  return tree;
}

Result<FileInfo> InfoOf(int fd) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return ErrnoStatus("cannot look at a file", errno);
  return InfoFrom(info);
}

Result<size_t> ReadFileAt(int fd, uint64_t offset, std::span<char> buffer) {
  size_t done = 0;
  while (done < buffer.size()) {
    if (offset + done > static_cast<uint64_t>(std::numeric_limits<off_t>::max())) break;
    const ssize_t count =
        pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot read a file", errno);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

Result<BeneathDirectory> BeneathDirectory::Open(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return PathError(path, errno);
  return BeneathDirectory(std::move(fd));
}

Result<UniqueFd> BeneathDirectory::OpenBeneath(const std::string& relative, int flags) const {
  // A name with NUL would be cut by the kernel, and mean another one.
  if (relative.find('\0') != std::string::npos) return InvalidArgumentError("NUL in a name");
  const std::string name = relative.empty() ? "." : relative;
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd;
  // EAGAIN: a rename happened meanwhile, and the kernel could not tell whether ".." stays inside.
  for (int attempt = 0; attempt < 8 && !fd.valid(); ++attempt) {
    fd.Reset(static_cast<int>(syscall(SYS_openat2, fd_.get(), name.c_str(), &how, sizeof(how))));
    if (!fd.valid() && errno != EAGAIN) break;
  }
  if (!fd.valid() && (errno == ENOSYS || errno == EPERM)) {
    fd = OpenWithoutLinks(fd_.get(), name == "." ? "" : std::string_view(name), flags);
  }
  if (fd.valid()) return fd;
  if (errno == EXDEV || errno == ELOOP) {
    return PermissionDeniedError("'" + std::string(BaseName(relative)) +
                                 "' leads out of its directory");
  }
  return PathError(relative, errno);
}

Result<FileInfo> BeneathDirectory::Stat(const std::string& relative) const {
  const Result<UniqueFd> fd = OpenBeneath(relative, O_PATH);
  if (!fd.ok() && fd.status().code() == StatusCode::kNotFound) return FileInfo();
  if (!fd.ok()) return fd.status();
  return InfoOf(fd->get());
}

Result<std::vector<DirectoryEntry>> BeneathDirectory::List(const std::string& relative) const {
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, OpenBeneath(relative, O_RDONLY | O_DIRECTORY));
  const OpenedDirectory directory = ReadDirectory(std::move(fd));
  if (directory == nullptr) return PathError(relative, errno);
  std::vector<DirectoryEntry> entries;
  for (errno = 0; const dirent* entry = readdir(directory.get()); errno = 0) {
    if (IsDotName(entry->d_name)) continue;
    if (entries.size() == limits::kDirectoryEntries) {
      return ResourceExhaustedError("a directory has more than " +
                                    std::to_string(limits::kDirectoryEntries) + " entries");
    }
    FileKind kind = FileKind::kOther;
    if (entry->d_type == DT_REG) kind = FileKind::kRegular;
    if (entry->d_type == DT_DIR) kind = FileKind::kDirectory;
    if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) {
      THRONG_ASSIGN_OR_RETURN(const FileInfo info, Stat(JoinPath(relative, entry->d_name)));
      kind = info.kind;
    }
    entries.push_back({entry->d_name, kind});
  }
  if (errno != 0) return PathError(relative, errno);
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<UniqueFd> BeneathDirectory::OpenFile(const std::string& relative) const {
  // O_NONBLOCK: a FIFO must not block us before it is refused.
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, OpenBeneath(relative, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  THRONG_ASSIGN_OR_RETURN(const FileInfo info, InfoOf(fd.get()));
  if (info.kind != FileKind::kRegular) {
    return FailedPreconditionError("'" + std::string(BaseName(relative)) +
                                   "' is not a regular file");
  }
  return fd;
}

}  // namespace throng::os
