// The floor that a front door is measured against: an HTTP/1.1 server of one epoll loop that
// understands only keep-alive requests with Content-Length and answers with the body it got.
#pragma once

#include "os/unique_fd.h"

namespace throng::bench {

// Serves `listener` until the process is ended. Returns the exit status after an error.
int RunRawEcho(const os::UniqueFd& listener);

}  // namespace throng::bench
