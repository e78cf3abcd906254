#include "os/system_call.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "os/unique_fd.h"

namespace throng::os {
namespace {

StatusCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case EEXIST:
      return StatusCode::kAlreadyExists;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
      return StatusCode::kResourceExhausted;
    case ENOSYS:
    case EOPNOTSUPP:
      return StatusCode::kUnimplemented;
    default:
      return StatusCode::kUnavailable;
  }
}

}  // namespace

void UniqueFd::Reset(int fd) {
  // Linux frees the descriptor even when close reports EINTR: never again.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Status ErrnoStatus(std::string_view action, int error_number) {
  return Status(CodeOf(error_number),
                std::string(action) + ": " + std::generic_category().message(error_number));
}

void CloseDescriptorRange(unsigned first, unsigned last) noexcept {
  if (first > last || syscall(SYS_close_range, first, last, 0U) == 0) return;
  // A kernel before 5.9, or a container that denies the call.
  constexpr rlim_t kMostTried = 65536;
  rlimit open_files = {};
  if (getrlimit(RLIMIT_NOFILE, &open_files) != 0) open_files.rlim_cur = kMostTried;
  const auto end = static_cast<unsigned>(std::min(open_files.rlim_cur, kMostTried));
  for (unsigned fd = first; fd < end && fd <= last; ++fd) close(static_cast<int>(fd));
}

}  // namespace throng::os
