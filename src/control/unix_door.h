// UnixDoor: the API's Unix socket, for the processes of this user on this machine: agents, the
// gateway, the command line. The kernel says who is there. One event loop.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "http/acceptor.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::control {

class UnixDoor {
 public:
  // Connections are handed to `server`, which must outlive it. ERRORS: as os::ListenUnix.
  static Result<std::unique_ptr<UnixDoor>> Open(os::EventLoop& loop, const std::string& path,
                                                http::HttpServer& server);
  UnixDoor(os::UniqueFd listener, http::HttpServer& server);
  UnixDoor(const UnixDoor&) = delete;
  UnixDoor& operator=(const UnixDoor&) = delete;

 private:
  void Admit(os::UniqueFd connection);

  const os::UniqueFd listener_;
  http::HttpServer& server_;
  const std::shared_ptr<const http::PeerIdentity> owner_;
  std::unique_ptr<http::Acceptor> acceptor_;  // of `listener_`
};

}  // namespace throng::control
