#include "tls/tls_connection.h"

#include <utility>

#include <openssl/err.h>

#include "base/limits.h"
#include "os/socket.h"
#include "tls/tls_context.h"

namespace throng::tls {
namespace {

// Reads of one event, so that one connection does not hold the loop.
constexpr int kMovesPerEvent = 8;

std::string TextOf(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

TlsConnection::TlsConnection(TlsConnectionOwner& owner, os::UniqueFd fd, SslPointer ssl)
    : owner_(owner), ssl_(std::move(ssl)) {
  tls_.fd = std::move(fd);
}

TlsConnection::~TlsConnection() { Close(); }

Status TlsConnection::Watch(Side& side) {
  side.interest = os::kReadable;
  return owner_.loop().Watch(side.fd.get(), side.interest,
                             [this, &side](uint32_t events) { OnEvents(side, events); });
}

Status TlsConnection::Start() {
  THRONG_RETURN_IF_ERROR(Watch(tls_));
  SetTimer(owner_.handshake_timeout());
  return OkStatus();
}

void TlsConnection::OnEvents(Side& side, uint32_t events) {
  if ((events & os::kHangUp) != 0) {
    side.hung_up = true;  // it would be reported again and again
    owner_.loop().Unwatch(side.fd.get());
  }
  if (open_) return Pump();
  Handshake();
}

void TlsConnection::Handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    if (Blocked(result, handshake_wants_) == Step::kFailed || tls_.hung_up) return Close();
    return UpdateInterest();
  }
  if (!OpenPlain().ok()) return Close();
  Pump();
}

Status TlsConnection::OpenPlain() {
  THRONG_ASSIGN_OR_RETURN(auto pair, os::NonBlockingSocketPair());
  plain_.fd = std::move(pair.first);
  THRONG_RETURN_IF_ERROR(Watch(plain_));
  open_ = true;
  owner_.loop().CancelTimer(std::exchange(timer_, 0));
  owner_.OnHandshake(std::move(pair.second), PeerOf(*ssl_));
  return OkStatus();
}

void TlsConnection::Pump() {
  // Of a side that is not watched any more no event tells; what it still holds is bounded.
  // Nor of an end that was seen: it is passed on at once.
  bool moved_out = false;
  for (int i = 0;; ++i) {
    const bool may_move = i < kMovesPerEvent;
    const Step in = may_move || tls_.hung_up || in_ended_ ? MoveIn() : Step::kBlocked;
    if (in == Step::kFailed) return Close();
    const Step out = may_move || plain_.hung_up || out_ended_ ? MoveOut() : Step::kBlocked;
    if (out == Step::kFailed) return Close();
    moved_out = moved_out || out == Step::kMoved;
    if (in == Step::kBlocked && out == Step::kBlocked) break;
  }
  if (in_closed_ && out_closed_) return Close();
  UpdateDeadline(moved_out);
  UpdateInterest();
}

TlsConnection::Step TlsConnection::MoveIn() {
  if (in_closed_) return Step::kBlocked;
  if (!in_left_.empty()) {
    const std::string left = std::exchange(in_left_, std::string());
    return WriteIn(std::as_bytes(std::span<const char>(left)));
  }
  if (in_ended_) {
    os::ShutdownWrite(plain_.fd.get());
    in_closed_ = true;
    return Step::kMoved;
  }
  const std::span<std::byte> scratch = owner_.scratch();
  size_t got_bytes = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_.get(), scratch.data(), scratch.size(), &got_bytes);
  if (result == 1) return WriteIn(scratch.first(got_bytes));
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) {
    in_ended_ = true;
    return Step::kMoved;
  }
  return Blocked(result, read_wants_);
}

TlsConnection::Step TlsConnection::WriteIn(std::span<const std::byte> bytes) {
  if (in_refused_) return Step::kMoved;
  const os::IoResult result = os::WriteSome(plain_.fd.get(), bytes);
  if (result.kind == os::IoResult::Kind::kError) {
    in_refused_ = true;
    return Step::kMoved;
  }
  in_left_ = TextOf(bytes.subspan(result.bytes));
  return result.bytes > 0 ? Step::kMoved : Step::kBlocked;
}

TlsConnection::Step TlsConnection::MoveOut() {
  if (out_closed_) return Step::kBlocked;
  if (!out_left_.empty()) {
    const std::string left = std::exchange(out_left_, std::string());
    return WriteOut(std::as_bytes(std::span<const char>(left)));
  }
  if (out_ended_) return EndOut();
  const std::span<std::byte> scratch = owner_.scratch();
  const os::IoResult result = os::ReadSome(plain_.fd.get(), scratch);
  if (result.kind == os::IoResult::Kind::kWouldBlock) return Step::kBlocked;
  if (result.kind == os::IoResult::Kind::kDone) return WriteOut(scratch.first(result.bytes));
  out_ended_ = true;
  return Step::kMoved;
}

TlsConnection::Step TlsConnection::WriteOut(std::span<const std::byte> bytes) {
  size_t sent_bytes = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent_bytes);
  if (result == 1) {
    out_left_ = TextOf(bytes.subspan(sent_bytes));
    return Step::kMoved;
  }
  // OpenSSL wants to be given the very same bytes again.
  out_left_ = TextOf(bytes);
  return Blocked(result, write_wants_);
}

TlsConnection::Step TlsConnection::EndOut() {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0 && Blocked(result, write_wants_) == Step::kBlocked) return Step::kBlocked;
  os::ShutdownWrite(tls_.fd.get());
  out_closed_ = true;
  return Step::kMoved;
}

TlsConnection::Step TlsConnection::Blocked(int result, Wants& wants) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wants = Wants::kRead;
      return Step::kBlocked;
    case SSL_ERROR_WANT_WRITE:
      wants = Wants::kWrite;
      return Step::kBlocked;
    default:
      ERR_clear_error();
      return Step::kFailed;
  }
}

uint32_t TlsConnection::TlsInterest() const {
  const auto bit = [](Wants wants) {
    if (wants == Wants::kNothing) return 0U;
    return wants == Wants::kRead ? os::kReadable : os::kWritable;
  };
  if (!open_) return bit(handshake_wants_);
  uint32_t interest = 0;
  if (!in_ended_ && in_left_.empty()) interest |= bit(read_wants_);
  const bool must_end = out_ended_ && !out_closed_;
  if (!out_left_.empty() || must_end) interest |= bit(write_wants_);
  return interest;
}

uint32_t TlsConnection::PlainInterest() const {
  uint32_t interest = 0;
  if (!in_left_.empty()) interest |= os::kWritable;
  if (out_left_.empty() && !out_ended_) interest |= os::kReadable;
  return interest;
}

void TlsConnection::SetInterest(Side& side, uint32_t interest) {
  if (side.hung_up || side.interest == interest) return;
  side.interest = interest;
  owner_.loop().SetInterest(side.fd.get(), interest);
}

void TlsConnection::UpdateInterest() {
  SetInterest(tls_, TlsInterest());
  if (open_) SetInterest(plain_, PlainInterest());
}

void TlsConnection::UpdateDeadline(bool moved_out) {
  if (!plain_.hung_up || lingering_) return;
  if (out_closed_) {
    lingering_ = true;  // for the client's end; closing now could take the reply from it
    return SetTimer(limits::kHttpLingerTimeout);
  }
  if (moved_out || timer_ == 0) SetTimer(limits::kHttpWriteTimeout);
}

void TlsConnection::SetTimer(Duration after) {
  os::EventLoop& loop = owner_.loop();
  loop.CancelTimer(timer_);
  timer_ = loop.StartTimer(loop.clock().Now() + after, [this] {
    timer_ = 0;
    Close();
  });
}

void TlsConnection::Close() {
  if (closed_) return;
  closed_ = true;
  os::EventLoop& loop = owner_.loop();
  loop.CancelTimer(std::exchange(timer_, 0));
  for (Side* side : {&tls_, &plain_}) {
    if (side->fd.valid() && !side->hung_up) loop.Unwatch(side->fd.get());
    side->fd.Reset(-1);
  }
  owner_.OnClosed(*this);
}

}  // namespace throng::tls
