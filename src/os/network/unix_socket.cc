#include "os/network/unix_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "os/file.h"

namespace throng::os {
namespace {

// A path as a socket address. A long one goes through the descriptor of its folder, which must stay
// open while the address is used.
struct UnixAddress {
  sockaddr_un address{};
  UniqueFd folder;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Status SocketFileError(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDeniedError("no permission for the socket file");
    case ENOENT:
    case ENOTDIR:
      return NotFoundError("the folder of the socket file does not exist");
    case EADDRINUSE:
    case EEXIST:
      return AlreadyExistsError("the socket file is in use");
    default:
      return ResourceExhaustedError(std::string("no Unix socket: ") + std::strerror(error));
  }
}

Result<UnixAddress> ToAddress(const std::string& path) {
  UnixAddress result;
  result.address.sun_family = AF_UNIX;
  constexpr size_t kLongest = sizeof(result.address.sun_path) - 1;
  std::string name = path;
  if (path.size() > kLongest) {
    result.folder.Reset(::open(DirectoryName(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!result.folder.valid()) return SocketFileError(errno);
    name =
        "/proc/self/fd/" + std::to_string(result.folder.get()) + "/" + std::string(BaseName(path));
  }
  if (name.empty() || name.size() > kLongest || name.find('\0') != std::string::npos) {
    return InvalidArgumentError("the name of the socket file is empty or too long");
  }
  std::memcpy(result.address.sun_path, name.c_str(), name.size() + 1);
  return result;
}

Result<UniqueFd> OpenUnixStream() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SocketFileError(errno);
  return fd;
}

int Connect(int fd, const UnixAddress& where) {
  int result = 0;
  do {
    result = ::connect(fd, where.get(), sizeof(where.address));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// Removes a socket that was left behind. Anything else stays.
Status RemoveLeftover(const UnixAddress& where) {
  struct stat info {};
  if (::lstat(where.address.sun_path, &info) != 0) {
    return errno == ENOENT ? OkStatus() : SocketFileError(errno);
  }
  if (!S_ISSOCK(info.st_mode)) return AlreadyExistsError("there is a file that is no socket");
  THRONG_ASSIGN_OR_RETURN(const UniqueFd probe, OpenUnixStream());
  if (Connect(probe.get(), where) != ECONNREFUSED) return SocketFileError(EADDRINUSE);
  if (::unlink(where.address.sun_path) != 0 && errno != ENOENT) return SocketFileError(errno);
  return OkStatus();
}

}  // namespace

Result<UniqueFd> ListenUnix(const std::string& path, int backlog) {
  THRONG_ASSIGN_OR_RETURN(const UnixAddress where, ToAddress(path));
  THRONG_RETURN_IF_ERROR(RemoveLeftover(where));
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, OpenUnixStream());
  if (::bind(fd.get(), where.get(), sizeof(where.address)) != 0) return SocketFileError(errno);
  // Before it listens nobody can connect, so nobody slips in between.
  if (::chmod(where.address.sun_path, 0600) != 0) return SocketFileError(errno);
  if (::listen(fd.get(), backlog) != 0) return SocketFileError(errno);
  return fd;
}

Result<UniqueFd> ConnectUnix(const std::string& path) {
  Result<UnixAddress> where = ToAddress(path);
  if (!where.ok()) {
    // A folder that is not there is one more way for nobody to listen.
    if (where.status().code() != StatusCode::kNotFound) return where.status();
    return UnavailableError("cannot connect: nobody listens");
  }
  THRONG_ASSIGN_OR_RETURN(UniqueFd fd, OpenUnixStream());
  switch (Connect(fd.get(), *where)) {
    case 0:
      return fd;
    case EACCES:
    case EPERM:
      return PermissionDeniedError("cannot connect: no permission for the socket file");
    case EAGAIN:
      return UnavailableError("cannot connect: too many wait already");
    default:
      return UnavailableError("cannot connect: nobody listens");
  }
}

Result<PeerCredentials> PeerOf(int fd) {
  ucred credentials{};
  socklen_t size_bytes = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size_bytes) != 0 ||
      credentials.pid == 0) {
    return InvalidArgumentError("not a connected Unix socket");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

std::string PeerAddress(int fd) {
  sockaddr_storage address{};
  socklen_t size_bytes = sizeof(address);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size_bytes) != 0) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* binary = nullptr;
  if (address.ss_family == AF_INET) {
    binary = &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  } else if (address.ss_family == AF_INET6) {
    binary = &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
  }
  if (binary == nullptr ||
      ::inet_ntop(address.ss_family, binary, text.data(), text.size()) == nullptr) {
    return "";
  }
  return text.data();
}

}  // namespace throng::os
