#include "http/acceptor.h"

#include <optional>
#include <utility>

#include "base/limits.h"
#include "os/socket.h"

namespace throng::http {
namespace {

// The backlog that ListenTcp asks for.
constexpr int kBacklog = 1024;

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::Start(os::EventLoop& loop, int listener,
                                                  OnConnection on_connection) {
  std::unique_ptr<Acceptor> acceptor(new Acceptor(loop, listener, std::move(on_connection)));
  // One connection per round: the other loops that share the socket get theirs.
  THRONG_RETURN_IF_ERROR(loop.Watch(
      listener, os::kReadable, [self = acceptor.get()](uint32_t) { self->AcceptOne(); },
      /*exclusive=*/true));
  return acceptor;
}

Acceptor::Acceptor(os::EventLoop& loop, int listener, OnConnection on_connection)
    : loop_(loop), listener_(listener), on_connection_(std::move(on_connection)) {}

Acceptor::~Acceptor() {
  loop_.CancelTimer(rest_timer_);
  if (!stopped_) loop_.Unwatch(listener_);
}

bool Acceptor::AcceptOne() {
  Result<std::optional<os::UniqueFd>> accepted = os::Accept(listener_);
  if (!accepted.ok()) {
    Rest();
    return false;
  }
  if (!accepted->has_value()) return false;
  on_connection_(std::move(**accepted));
  return true;
}

void Acceptor::Rest() {
  if (stopped_ || rest_timer_ != 0) return;
  loop_.SetInterest(listener_, 0);
  rest_timer_ = loop_.StartTimer(loop_.clock().Now() + limits::kAcceptBackOff, [this] {
    rest_timer_ = 0;
    loop_.SetInterest(listener_, os::kReadable);
  });
}

void Acceptor::Resume() {
  if (stopped_ || rest_timer_ == 0) return;
  loop_.CancelTimer(std::exchange(rest_timer_, 0));
  loop_.SetInterest(listener_, os::kReadable);
}

void Acceptor::Stop() {
  if (stopped_) return;
  for (int taken = 0; taken < kBacklog && AcceptOne(); ++taken) {
  }
  loop_.CancelTimer(std::exchange(rest_timer_, 0));
  stopped_ = true;
  loop_.Unwatch(listener_);
}

}  // namespace throng::http
