// Sockets for libraries that make connections themselves (libcurl): the socket, and which address
// it is about to be connected to, so that a policy can be asked first. Thread-safe.
//
//   const PeerAddress peer = DescribeAddress(&address->addr, address->addrlen);
//   if (allowed(peer.text, peer.port)) fd = OpenOutgoingSocket(address->family, ...);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

struct PeerAddress {
  std::string text;  // "127.0.0.1", "::1" (without a zone); empty: not an internet address
  uint16_t port = 0;
};

// `address`: a sockaddr of `size_bytes`.
PeerAddress DescribeAddress(const void* address, size_t size_bytes);

// Close-on-exec; the numbers are socket(2)'s. ERRORS: kResourceExhausted, kUnavailable.
Result<UniqueFd> OpenOutgoingSocket(int family, int type, int protocol);

}  // namespace throng::os
