#include "os/disk/owned_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <memory>

#include "os/file.h"
#include "os/system_call.h"

namespace throng::os {
namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kOthers = 077;
constexpr uint64_t kEnvironmentBytes = uint64_t{1} << 20;

Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kPrivateDirectory) == 0 || errno == EEXIST) return OkStatus();
  if (errno != ENOENT) return ErrnoStatus("making a directory", errno);
  const std::string above = DirectoryName(path);
  if (above.empty() || above == path) return ErrnoStatus("making a directory", ENOENT);
  THRONG_RETURN_IF_ERROR(MakeDirectory(above));
  if (mkdir(path.c_str(), kPrivateDirectory) == 0 || errno == EEXIST) return OkStatus();
  return ErrnoStatus("making a directory", errno);
}

Status CopyFile(int from, int to) {
  for (;;) {
    constexpr size_t kChunkBytes = size_t{1} << 20;
    const ssize_t count = sendfile(to, from, nullptr, kChunkBytes);
    if (count == 0) return OkStatus();
    if (count < 0 && errno != EINTR) return ErrnoStatus("copying a log", errno);
  }
}

// False: errno tells.
bool WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    content.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool HasAssignment(std::string_view environment, std::string_view assignment) {
  for (size_t at = 0; at < environment.size();) {
    const size_t end = std::min(environment.find('\0', at), environment.size());
    if (environment.substr(at, end - at) == assignment) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

Status EnsurePrivateDirectory(const std::string& path) {
  THRONG_RETURN_IF_ERROR(MakeDirectory(path));
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus("looking at a directory", errno);
  if (!S_ISDIR(info.st_mode)) return FailedPreconditionError("it is no directory");
  if (info.st_uid != geteuid()) return PermissionDeniedError("it belongs to another user");
  if ((info.st_mode & kOthers) != 0 && chmod(path.c_str(), kPrivateDirectory) != 0) {
    return ErrnoStatus("closing a directory to other users", errno);
  }
  return OkStatus();
}

Result<UniqueFd> OpenForAppend(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kPrivateFile));
  if (!fd.valid()) return ErrnoStatus("opening a file for appending", errno);
  return fd;
}

Status AppendText(int fd, std::string_view text) {
  for (;;) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count == static_cast<ssize_t>(text.size())) return OkStatus();
    if (count < 0 && errno == EINTR) continue;
    return count < 0 ? ErrnoStatus("appending to a file", errno)
                     : ResourceExhaustedError("appending to a file: the disk is full");
  }
}

Status WritePrivateFile(const std::string& path, std::string_view content) {
  const std::string draft = path + ".new";
  // Left behind, or laid there by somebody else: a link would be written through.
  THRONG_RETURN_IF_ERROR(RemoveFile(draft));
  const UniqueFd fd(
      open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivateFile));
  if (!fd.valid()) return ErrnoStatus("writing a file", errno);
  const bool is_written = fchmod(fd.get(), kPrivateFile) == 0 && WriteAll(fd.get(), content) &&
                          fsync(fd.get()) == 0 && rename(draft.c_str(), path.c_str()) == 0;
  if (!is_written) {
    const Status status = ErrnoStatus("writing a file", errno);
    unlink(draft.c_str());
    return status;
  }
  UniqueFd above(open(DirectoryName(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (above.valid() && fsync(above.get()) != 0) return ErrnoStatus("writing a file", errno);
  return OkStatus();
}

Result<bool> RotateLog(const std::string& path, uint64_t max_bytes) {
  UniqueFd log(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!log.valid())
    return errno == ENOENT ? Result<bool>(false) : ErrnoStatus("opening a log", errno);
  struct stat info = {};
  if (fstat(log.get(), &info) != 0) return ErrnoStatus("looking at a log", errno);
  if (static_cast<uint64_t>(info.st_size) <= max_bytes) return false;
  UniqueFd old(open((path + ".1").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kPrivateFile));
  if (!old.valid()) return ErrnoStatus("opening the old log", errno);
  THRONG_RETURN_IF_ERROR(CopyFile(log.get(), old.get()));
  // Lines written since are lost; writers append, so they go on at the new end.
  if (ftruncate(log.get(), 0) != 0) return ErrnoStatus("emptying a log", errno);
  return true;
}

Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return OkStatus();
  return ErrnoStatus("removing a file", errno);
}

Status RemoveDirectoryTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  return error ? ErrnoStatus("removing a directory", error.value()) : OkStatus();
}

Result<std::optional<UniqueFd>> TryLockFile(const std::string& path) {
  constexpr int kTries = 200;
  constexpr timespec kPause = {.tv_sec = 0, .tv_nsec = 1'000'000};
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivateFile));
  if (!fd.valid()) return ErrnoStatus("opening a lock", errno);
  for (int tried = 0; tried < kTries; ++tried) {
    if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional<UniqueFd>(std::move(fd));
    if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoStatus("taking a lock", errno);
    nanosleep(&kPause, nullptr);
  }
  return std::optional<UniqueFd>();
}

// Whoever looks shares the lock with others who do.
Result<bool> IsLocked(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return errno == ENOENT ? Result<bool>(false) : ErrnoStatus("opening a lock", errno);
  }
  if (flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return false;
  return errno == EWOULDBLOCK ? Result<bool>(true) : ErrnoStatus("looking at a lock", errno);
}

uint32_t EffectiveUserId() { return geteuid(); }

std::vector<std::string> Environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  return all;
}

Result<ProcessStamp> FindProcessByEnvironment(const std::string& assignment) {
  const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), closedir);
  if (processes == nullptr) return ErrnoStatus("listing processes", errno);
  while (const dirent* entry = readdir(processes.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || pid == getpid()) continue;
    UniqueFd file(open(("/proc/" + std::string(name) + "/environ").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) continue;
    std::string environment(kEnvironmentBytes, '\0');
    const ssize_t count = read(file.get(), environment.data(), environment.size());
    if (count <= 0) continue;
    environment.resize(static_cast<size_t>(count));
    if (HasAssignment(environment, assignment)) return StampOfProcess(pid);
  }
  return NotFoundError("no process was started with this mark");
}

}  // namespace throng::os
