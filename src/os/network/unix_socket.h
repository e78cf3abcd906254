// Unix sockets with a path: how the processes of one user on one machine talk. The kernel says who
// is at the other end, and the folder around the socket says who can connect; no secret is needed.
//
//   auto listener = os::ListenUnix(path);          // 0600; os::Accept takes connections
//   auto peer = os::PeerOf((*accepted)->get());
//   auto client = os::ConnectUnix(path);           // connected when it returns
//
// Non-blocking, close-on-exec. Paths may be longer than what fits into a socket address, as long as
// their last component fits. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

struct PeerCredentials {
  int64_t process_id = 0;  // when it connected; the number may belong to another one by now
  uint32_t user_id = 0;
  uint32_t group_id = 0;
};

// A socket at `path` that nobody listens on is replaced. ERRORS: kAlreadyExists — somebody listens
// there, or it is no socket, kInvalidArgument — the name is too long, kPermissionDenied, kNotFound
// — no such folder, kResourceExhausted.
Result<UniqueFd> ListenUnix(const std::string& path, int backlog = 1024);

// ERRORS: kUnavailable — nobody listens there, or too many wait already, kInvalidArgument — the
// name is too long, kPermissionDenied, kResourceExhausted.
Result<UniqueFd> ConnectUnix(const std::string& path);

// Of a connected Unix socket. ERRORS: kInvalidArgument — it is none.
Result<PeerCredentials> PeerOf(int fd);

// Of a connected TCP socket, what stands in the place of that: the IP address at the other end.
// Empty for any other descriptor.
std::string PeerAddress(int fd);

}  // namespace throng::os
