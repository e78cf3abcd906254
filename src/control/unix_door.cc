#include "control/unix_door.h"

#include <utility>

#include "os/disk/owned_files.h"
#include "os/network/unix_socket.h"
#include "os/socket.h"

namespace throng::control {

Result<std::unique_ptr<UnixDoor>> UnixDoor::Open(os::EventLoop& loop, const std::string& path,
                                                 http::HttpServer& server) {
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd listener, os::ListenUnix(path));
  auto door = std::make_unique<UnixDoor>(loop, std::move(listener), server);
  THRONG_RETURN_IF_ERROR(loop.Watch(door->listener_.get(), os::kReadable,
                                    [raw = door.get()](uint32_t) { raw->Accept(); }));
  return door;
}

UnixDoor::UnixDoor(os::EventLoop& loop, os::UniqueFd listener, http::HttpServer& server)
    : loop_(loop),
      listener_(std::move(listener)),
      server_(server),
      owner_(std::make_shared<const http::PeerIdentity>(
          http::PeerIdentity{.user = "system:throng", .groups = {"system:masters"}})) {}

UnixDoor::~UnixDoor() { loop_.Unwatch(listener_.get()); }

void UnixDoor::Accept() {
  for (;;) {
    auto connection = os::Accept(listener_.get());
    if (!connection.ok() || !connection->has_value()) return;
    const auto peer = os::PeerOf((*connection)->get());
    // Root may do what this user may.
    const bool is_owner =
        peer.ok() && (peer->user_id == os::EffectiveUserId() || peer->user_id == 0);
    if (is_owner) server_.Adopt(std::move(**connection), owner_);
  }
}

}  // namespace throng::control
