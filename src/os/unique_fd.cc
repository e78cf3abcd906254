#include "os/unique_fd.h"

#include <unistd.h>

namespace throng::os {

void UniqueFd::Reset(int fd) {
  // Linux frees the descriptor even when close reports EINTR: never again.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace throng::os
