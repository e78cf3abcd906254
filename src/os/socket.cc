#include "os/socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/check.h"

namespace throng::os {
namespace {

constexpr size_t kGatheredBuffers = 64;
constexpr size_t kSentDescriptors = 8;
// More than any peer of ours sends in one message; the kernel drops the rest and says so.
constexpr size_t kReceivedDescriptors = 16;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size_bytes = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<SocketAddress> ParseAddress(const std::string& address, uint16_t port) {
  SocketAddress result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
  const std::string numeric = address == "localhost" ? "127.0.0.1" : address;
  if (::inet_pton(AF_INET, numeric.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    result.size_bytes = sizeof(sockaddr_in);
    return result;
  }
  if (::inet_pton(AF_INET6, numeric.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    result.size_bytes = sizeof(sockaddr_in6);
    return result;
  }
  return InvalidArgumentError("'" + address.substr(0, 64) + "' is not an IP address");
}

Status ListenError(int error, const std::string& address, uint16_t port) {
  const std::string where = "port " + std::to_string(port);
  switch (error) {
    case EADDRINUSE:
      return AlreadyExistsError(where + " is already in use");
    case EACCES:
    case EPERM:
      return PermissionDeniedError("no permission to listen on " + where);
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return InvalidArgumentError("this host has no address '" + address.substr(0, 64) + "'");
    default:
      return ResourceExhaustedError("cannot listen on " + where + ": " + std::strerror(error));
  }
}

Result<UniqueFd> OpenStream(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.valid()) return fd;
  if (errno == EAFNOSUPPORT) return InvalidArgumentError("this host lacks that address family");
  return ResourceExhaustedError("cannot open a socket: no file descriptor or memory left");
}

void SetOption(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof(value));
}

IoResult FromTransfer(ssize_t count) {
  if (count > 0) return {IoResult::Kind::kDone, static_cast<size_t>(count)};
  if (count == 0) return {IoResult::Kind::kEnd, 0};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoResult::Kind::kWouldBlock, 0};
  return {IoResult::Kind::kError, 0};
}

IoResult SendMessage(int fd, const msghdr& message) {
  ssize_t count = 0;
  do {
    count = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count == 0) return {IoResult::Kind::kDone, 0};
  return FromTransfer(count);
}

bool WaitFor(int fd, short events, int timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    pollfd entry{fd, events, 0};
    const int count = ::poll(&entry, 1, std::max(timeout_ms, -1));
    if (count > 0) return true;
    if (count == 0) return false;
    if (errno != EINTR && errno != EAGAIN) return false;
    if (timeout_ms < 0) continue;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    timeout_ms = static_cast<int>(std::max<int64_t>(left.count(), 0));
  }
}

}  // namespace

Result<UniqueFd> ListenTcp(const std::string& address, uint16_t port, int backlog) {
  THRONG_ASSIGN_OR_RETURN(const SocketAddress where, ParseAddress(address, port));
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, OpenStream(where.storage.ss_family));
  // A port in TIME_WAIT may be taken; a port with a listener still may not.
  SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (where.storage.ss_family == AF_INET6) SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd.get(), where.get(), where.size_bytes) != 0) {
    return ListenError(errno, address, port);
  }
  if (::listen(fd.get(), backlog) != 0) return ListenError(errno, address, port);
  return fd;
}

Status RefuseConnections(int listener) {
  // A filter that drops every packet: the first one of a connection is never answered.
  sock_filter drop = {BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program = {1, &drop};
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
    return UnavailableError("connections cannot be refused");
  }
  return OkStatus();
}

Result<uint16_t> LocalPort(int fd) {
  SocketAddress where;
  where.size_bytes = sizeof(where.storage);
  auto* address = reinterpret_cast<sockaddr*>(&where.storage);
  if (::getsockname(fd, address, &where.size_bytes) != 0) {
    return InvalidArgumentError("not a socket");
  }
  if (where.storage.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&where.storage)->sin_port);
  }
  if (where.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&where.storage)->sin6_port);
  }
  return InvalidArgumentError("not a TCP socket");
}

Result<std::optional<UniqueFd>> Accept(int listener) {
  // Bounded: a peer that aborts each connection must not hold the loop.
  for (int attempt = 0; attempt < 16; ++attempt) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
      return std::optional<UniqueFd>(std::move(fd));
    }
    switch (errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return ResourceExhaustedError("cannot accept: no file descriptor or memory left");
      case EBADF:
      case EINVAL:
      case ENOTSOCK:
      case EOPNOTSUPP:
        return InvalidArgumentError("cannot accept: not a listening socket");
      case EAGAIN:
        return std::optional<UniqueFd>();
      default:
        break;  // errors of the one connection that was to be accepted, see accept(2)
    }
  }
  return std::optional<UniqueFd>();
}

Result<UniqueFd> ConnectTcp(const std::string& address, uint16_t port) {
  THRONG_ASSIGN_OR_RETURN(const SocketAddress where, ParseAddress(address, port));
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, OpenStream(where.storage.ss_family));
  SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(fd.get(), where.get(), where.size_bytes) != 0 && errno != EINPROGRESS &&
      errno != EINTR) {
    return UnavailableError(std::string("cannot connect: ") + std::strerror(errno));
  }
  return fd;
}

Status SocketError(int fd) {
  int error = 0;
  socklen_t size_bytes = sizeof(error);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size_bytes) != 0) {
    return InvalidArgumentError("not a socket");
  }
  if (error == 0) return OkStatus();
  return UnavailableError(std::strerror(error));
}

IoResult ReadSome(int fd, std::span<std::byte> buffer) {
  if (buffer.empty()) return {IoResult::Kind::kDone, 0};
  ssize_t count = 0;
  do {
    count = ::read(fd, buffer.data(), buffer.size());
  } while (count < 0 && errno == EINTR);
  return FromTransfer(count);
}

IoResult WriteSome(int fd, std::span<const std::byte> buffer) {
  if (buffer.empty()) return {IoResult::Kind::kDone, 0};
  ssize_t count = 0;
  do {
    count = ::send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  return FromTransfer(count);
}

IoResult WriteSome(int fd, std::span<const std::span<const std::byte>> buffers) {
  std::array<iovec, kGatheredBuffers> vectors;
  size_t count = 0;
  for (const std::span<const std::byte>& buffer : buffers) {
    if (count == vectors.size()) break;
    if (buffer.empty()) continue;
    vectors[count++] = {const_cast<std::byte*>(buffer.data()), buffer.size()};
  }
  if (count == 0) return {IoResult::Kind::kDone, 0};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  return SendMessage(fd, message);
}

void ShutdownWrite(int fd) { ::shutdown(fd, SHUT_WR); }

Result<std::pair<UniqueFd, UniqueFd>> SocketPair() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return ResourceExhaustedError("cannot make a socket pair: no file descriptor left");
  }
  std::pair<UniqueFd, UniqueFd> result{UniqueFd(fds[0]), UniqueFd(fds[1])};
  int on = 1;
  if (::ioctl(fds[0], FIONBIO, &on) != 0) return InternalError("cannot make a socket non-blocking");
  return result;
}

Result<std::pair<UniqueFd, UniqueFd>> NonBlockingSocketPair() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) {
    return ResourceExhaustedError("cannot make a socket pair: no file descriptor left");
  }
  return std::pair<UniqueFd, UniqueFd>{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

IoResult SendWithDescriptors(int fd, std::span<const std::byte> bytes, std::span<const int> fds) {
  THRONG_CHECK(fds.size() <= kSentDescriptors);
  THRONG_CHECK(!bytes.empty() || fds.empty());
  if (bytes.empty()) return {IoResult::Kind::kDone, 0};
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kSentDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return SendMessage(fd, message);
}

IoResult ReceiveWithDescriptors(int fd, std::span<std::byte> buffer, std::vector<UniqueFd>& fds) {
  if (buffer.empty()) return {IoResult::Kind::kDone, 0};
  iovec vector{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kReceivedDescriptors * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = 0;
  do {
    count = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  const IoResult result = FromTransfer(count);
  if (count < 0) return result;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < received; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      fds.emplace_back(descriptor);
    }
  }
  // Descriptors were lost: what the bytes say of them can no longer be trusted.
  if (message.msg_flags & MSG_CTRUNC) return {IoResult::Kind::kError, 0};
  return result;
}

bool WaitReadable(int fd, int timeout_ms) { return WaitFor(fd, POLLIN, timeout_ms); }

bool WaitWritable(int fd, int timeout_ms) { return WaitFor(fd, POLLOUT, timeout_ms); }

}  // namespace throng::os
