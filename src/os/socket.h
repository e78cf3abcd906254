// Sockets: non-blocking, close-on-exec, SIGPIPE never raised.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

struct IoResult {
  enum class Kind : uint8_t { kDone, kWouldBlock, kEnd, kError } kind = Kind::kError;
  size_t bytes = 0;
};

// ERRORS: kAlreadyExists — the port is in use (the message names it), kInvalidArgument — not an
// address, kPermissionDenied. Port 0: any free port. No SO_REUSEPORT: a second server on the port
// must fail.
Result<UniqueFd> ListenTcp(const std::string& address, uint16_t port, int backlog = 1024);
Result<uint16_t> LocalPort(int fd);
// Non-blocking with TCP_NODELAY. Nothing when there is nothing to accept. ERRORS:
// kResourceExhausted — out of descriptors or memory: stop accepting for a while.
Result<std::optional<UniqueFd>> Accept(int listener);
// From now on nobody can connect: what is in the backlog can be accepted to the last one, and
// closing the listener after that resets nobody. Clients find out when it is closed.
Status RefuseConnections(int listener);
// Starts a connection (tests, client, bench): writable when established.
Result<UniqueFd> ConnectTcp(const std::string& address, uint16_t port);
// The pending SO_ERROR as a Status.
Status SocketError(int fd);

IoResult ReadSome(int fd, std::span<std::byte> buffer);
IoResult WriteSome(int fd, std::span<const std::byte> buffer);
// Gathers up to 64 buffers in one call.
IoResult WriteSome(int fd, std::span<const std::span<const std::byte>> buffers);
void ShutdownWrite(int fd);

// A connected pair of stream sockets, both close-on-exec. First: non-blocking (ours); second:
// blocking (the child's).
Result<std::pair<UniqueFd, UniqueFd>> SocketPair();
// The same for two ends in this process: both non-blocking.
Result<std::pair<UniqueFd, UniqueFd>> NonBlockingSocketPair();

// Sends bytes with descriptors attached to the first byte (SCM_RIGHTS). At most 8 descriptors.
IoResult SendWithDescriptors(int fd, std::span<const std::byte> bytes, std::span<const int> fds);
// Receives bytes, appending the descriptors that came along (close-on-exec).
IoResult ReceiveWithDescriptors(int fd, std::span<std::byte> buffer, std::vector<UniqueFd>& fds);
// Blocks until `fd` is readable or the time is over (runner side, tests). False: time is over.
bool WaitReadable(int fd, int timeout_ms);
// The same for writing (client side).
bool WaitWritable(int fd, int timeout_ms);

}  // namespace throng::os
