#include "os/terminal/editor.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "os/file.h"
#include "os/system_call.h"
#include "os/unique_fd.h"

namespace throng::os {
namespace {

constexpr uint64_t kEditedBytes = 64ULL * 1024 * 1024;

// A file that is removed with its owner.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& suffix) {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    path_ = (error ? std::filesystem::path("/tmp") : folder) / ("throng-edit-XXXXXX" + suffix);
    fd_.Reset(::mkostemps(path_.data(), static_cast<int>(suffix.size()), O_CLOEXEC));
    error_ = fd_.valid() ? 0 : errno;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (fd_.valid()) ::unlink(path_.c_str());
  }

  Status Write(std::string_view text) {
    if (!fd_.valid()) return ErrnoStatus("cannot make a temporary file", error_);
    while (!text.empty()) {
      const ssize_t count = ::write(fd_.get(), text.data(), text.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return ErrnoStatus("cannot write a temporary file", errno);
      text.remove_prefix(static_cast<size_t>(count));
    }
    return OkStatus();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  UniqueFd fd_;
  int error_ = 0;
};

// The keys of the terminal that stop a program are the editor's while it runs.
class IgnoredSignals {
 public:
  IgnoredSignals() {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &interrupt_);
    ::sigaction(SIGQUIT, &ignore, &quit_);
  }
  IgnoredSignals(const IgnoredSignals&) = delete;
  IgnoredSignals& operator=(const IgnoredSignals&) = delete;
  ~IgnoredSignals() {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGQUIT, &quit_, nullptr);
  }

 private:
  struct sigaction interrupt_ = {};
  struct sigaction quit_ = {};
};

Status Run(const std::string& editor, const std::string& path) {
  const std::string line = editor + " \"$1\"";
  const char* arguments[] = {"sh", "-c", line.c_str(), "sh", path.c_str(), nullptr};
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGINT);
  ::sigaddset(&defaults, SIGQUIT);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const IgnoredSignals ignored;
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/bin/sh", nullptr, &attributes,
                                  const_cast<char* const*>(arguments), environ);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) return ErrnoStatus("cannot start the editor", error);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OkStatus();
  return Status(StatusCode::kAborted, "the editor '" + editor + "' failed");
}

}  // namespace

Result<std::string> EditText(const std::string& editor, const std::string& text,
                             const std::string& suffix) {
  TemporaryFile file(suffix);
  THRONG_RETURN_IF_ERROR(file.Write(text));
  THRONG_RETURN_IF_ERROR(Run(editor, file.path()));
  // By its path: many editors put another file in its place.
  return RealFileSystem().Read(file.path(), kEditedBytes);
}

}  // namespace throng::os
