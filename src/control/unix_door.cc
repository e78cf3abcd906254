#include "control/unix_door.h"

#include <utility>

#include "kube/rest/access.h"
#include "os/disk/owned_files.h"
#include "os/network/unix_socket.h"

namespace throng::control {

Result<std::unique_ptr<UnixDoor>> UnixDoor::Open(os::EventLoop& loop, const std::string& path,
                                                 http::HttpServer& server) {
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd listener, os::ListenUnix(path));
  auto door = std::make_unique<UnixDoor>(std::move(listener), server);
  THRONG_ASSIGN_OR_RETURN(
      door->acceptor_,
      http::Acceptor::Start(loop, door->listener_.get(),
                            [raw = door.get()](os::UniqueFd fd) { raw->Admit(std::move(fd)); }));
  return door;
}

UnixDoor::UnixDoor(os::UniqueFd listener, http::HttpServer& server)
    : listener_(std::move(listener)),
      server_(server),
      owner_(std::make_shared<const http::PeerIdentity>(http::PeerIdentity{
          .user = std::string(kube::server::kInternalUser), .groups = {"system:masters"}})) {}

void UnixDoor::Admit(os::UniqueFd connection) {
  const auto peer = os::PeerOf(connection.get());
  // Root may do what this user may.
  const bool is_owner = peer.ok() && (peer->user_id == os::EffectiveUserId() || peer->user_id == 0);
  if (is_owner) server_.Adopt(std::move(connection), owner_);
}

}  // namespace throng::control
