#include "os/network/outgoing_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "os/system_call.h"

namespace throng::os {

PeerAddress DescribeAddress(const void* address, size_t size_bytes) {
  PeerAddress peer;
  char text[INET6_ADDRSTRLEN] = {};
  sa_family_t family = AF_UNSPEC;
  if (size_bytes < offsetof(sockaddr, sa_family) + sizeof(family)) return peer;
  std::memcpy(&family, static_cast<const char*>(address) + offsetof(sockaddr, sa_family),
              sizeof(family));
  if (family == AF_INET && size_bytes >= sizeof(sockaddr_in)) {
    sockaddr_in v4 = {};
    std::memcpy(&v4, address, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    peer.port = ntohs(v4.sin_port);
  } else if (family == AF_INET6 && size_bytes >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6 = {};
    std::memcpy(&v6, address, sizeof(v6));
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    peer.port = ntohs(v6.sin6_port);
  }
  peer.text = text;
  return peer;
}

Result<UniqueFd> OpenOutgoingSocket(int family, int type, int protocol) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) return ErrnoStatus("cannot make a socket", errno);
  return fd;
}

}  // namespace throng::os
