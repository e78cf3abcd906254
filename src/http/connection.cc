#include "http/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "http/reply_head.h"
#include "os/socket.h"

namespace throng::http {
namespace {

// An idle connection keeps no more than this many slots.
constexpr size_t kIdleSlots = 8;

}  // namespace

class PendingExchange final : public Exchange {
 public:
  PendingExchange(Connection& connection, uint64_t sequence, std::shared_ptr<RequestPool> pool,
                  Request request)
      : connection_(&connection),
        sequence_(sequence),
        pool_(std::move(pool)),
        request_(std::move(request)) {}
  ~PendingExchange() override;

  Request& request() override { return request_; }
  void Send(Reply reply) override;
  bool client_gone() const override { return connection_ == nullptr && !answered_; }

  void OnClientGone() { connection_ = nullptr; }

 private:
  Connection* connection_;  // null when answered, or gone
  const uint64_t sequence_;
  bool answered_ = false;
  const std::shared_ptr<RequestPool> pool_;
  Request request_;
};

PendingExchange::~PendingExchange() {
  if (connection_ != nullptr) connection_->Unanswered(sequence_);
  pool_->Give(std::move(request_));
}

void PendingExchange::Send(Reply reply) {
  THRONG_CHECK(!answered_);
  answered_ = true;
  Connection* const connection = std::exchange(connection_, nullptr);
  if (connection != nullptr) connection->Answer(sequence_, std::move(reply));
}

Connection::Connection(ConnectionOwner& owner, os::UniqueFd fd)
    : owner_(owner),
      fd_(std::move(fd)),
      parser_(owner.options().max_body_bytes),
      output_(owner.buffers()) {}

Connection::~Connection() { THRONG_CHECK(closed_); }

Status Connection::Start() {
  interest_ = os::kReadable;
  THRONG_RETURN_IF_ERROR(
      owner_.loop().Watch(fd_.get(), interest_, [this](uint32_t events) { OnEvents(events); }));
  read_deadline_ = owner_.loop().clock().Now() + owner_.options().header_timeout;
  SetTimer();
  return OkStatus();
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  owner_.loop().CancelTimer(timer_);
  owner_.loop().Unwatch(fd_.get());
  fd_.Reset(-1);
  output_.Clear();
  kept_.clear();
  for (Slot& slot : slots_) {
    if (slot.exchange != nullptr) slot.exchange->OnClientGone();
  }
  slots_.clear();
  owner_.OnClosed(*this);
}

// --- Reading ------------------------------------------------------------------------------

void Connection::OnEvents(uint32_t events) {
  if (events & os::kHangUp) return Close();
  if (events & os::kReadable) Read(owner_.read_buffer());
  if (!closed_) owner_.NeedsEndOfRound(*this);
}

void Connection::Read(std::span<std::byte> buffer) {
  const os::IoResult result = os::ReadSome(fd_.get(), buffer);
  switch (result.kind) {
    case os::IoResult::Kind::kWouldBlock:
      return;
    case os::IoResult::Kind::kEnd:
      return OnPeerClosed();
    case os::IoResult::Kind::kError:
      return Close();
    case os::IoResult::Kind::kDone:
      break;
  }
  read_bytes_ += result.bytes;
  if (discarding_) return;
  const std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), result.bytes);
  if (!kept_.empty()) {
    kept_.append(bytes);
    return ProcessKept();
  }
  const size_t used = Process(bytes);
  if (used == bytes.size() || discarding_ || closed_) return;
  kept_ = owner_.buffers().Take();
  kept_.append(bytes.substr(used));
}

// A client that ends its side while it waits for a reply has gone, as for nginx and Go's server;
// replies that are under way are still written.
void Connection::OnPeerClosed() {
  if (!slots_.empty() || output_.empty()) return Close();
  peer_done_ = true;
  discarding_ = true;
  linger_ = false;
  close_when_sent_ = true;
}

void Connection::ProcessKept() {
  std::string bytes = std::exchange(kept_, std::string());
  const size_t used = Process(bytes);
  if (used < bytes.size() && !discarding_ && !closed_) {
    bytes.erase(0, used);
    kept_ = std::move(bytes);
  } else {
    owner_.buffers().Give(std::move(bytes));
  }
}

// Returns how many bytes were used; stops at the bounds of pipelining.
size_t Connection::Process(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && !discarding_ && !closed_ && !ReadingPaused()) {
    if (!has_spare_request_) {
      parser_.Reuse(owner_.requests()->Take());
      has_spare_request_ = true;
    }
    used += parser_.Feed(bytes.substr(used));
    if (parser_.phase() == RequestParser::Phase::kComplete) {
      StartExchange();
    } else if (parser_.phase() == RequestParser::Phase::kFailed) {
      Refuse(parser_.error_status(), parser_.error_text());
    } else {
      break;
    }
  }
  stalled_ = used < bytes.size() && ReadingPaused();
  if (parser_.expects_continue() && parser_.reading_body() && !continue_seen_) {
    continue_seen_ = true;
    continue_due_ = parser_.body_bytes() == 0;
  }
  return used;
}

void Connection::StartExchange() {
  Slot slot;
  slot.keep_alive = parser_.keep_alive();
  slot.is_head = parser_.is_head();
  has_spare_request_ = false;
  continue_seen_ = false;
  continue_due_ = false;
  auto exchange = std::make_shared<PendingExchange>(*this, first_sequence_ + slots_.size(),
                                                    owner_.requests(), parser_.TakeRequest());
  slot.minor_version = exchange->request().minor_version;
  slot.exchange = exchange.get();
  if (!slot.keep_alive) discarding_ = true;
  slots_.push_back(std::move(slot));
  owner_.Handle(std::move(exchange));
}

void Connection::Refuse(int status, std::string_view text) {
  discarding_ = true;
  linger_ = true;
  Slot slot;
  slot.keep_alive = false;
  slot.is_head = parser_.is_head();
  slot.reply = std::make_unique<Reply>();
  slot.reply->status = status;
  slot.reply->body = owner_.ErrorBody(status, text);
  slots_.push_back(std::move(slot));
  SendReadyReplies();
}

// --- Replies ------------------------------------------------------------------------------

void Connection::Answer(uint64_t sequence, Reply reply) {
  const size_t index = static_cast<size_t>(sequence - first_sequence_);
  THRONG_CHECK(index < slots_.size());
  Slot& slot = slots_[index];
  slot.exchange = nullptr;
  if (index == 0) {
    Render(slot, std::move(reply));
    if (closed_) return;
    slots_.erase(slots_.begin());
    ++first_sequence_;
    SendReadyReplies();
  } else {
    slot.reply = std::make_unique<Reply>(std::move(reply));
  }
}

void Connection::Unanswered(uint64_t sequence) {
  Answer(sequence, {.status = 500,
                    .body = owner_.ErrorBody(500, "the request was dropped without an answer")});
}

void Connection::SendReadyReplies() {
  size_t sent = 0;
  while (sent < slots_.size() && slots_[sent].reply != nullptr && !closed_) {
    Render(slots_[sent], std::move(*slots_[sent].reply));
    ++sent;
  }
  if (closed_) return;
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(sent));
  first_sequence_ += sent;
  owner_.NeedsEndOfRound(*this);
}

// Appends the reply of the first slot to the output.
void Connection::Render(const Slot& slot, Reply reply) {
  if (reply.body.size() + output_.unsent_bytes() > limits::kHttpUnsentReplyBytes) return Close();
  const bool is_last = &slot == &slots_.back();
  const bool closes = !slot.keep_alive || (draining_ && is_last);
  ConnectionHeader header = ConnectionHeader::kNone;
  if (closes) header = ConnectionHeader::kClose;
  if (!closes && slot.minor_version == 0) header = ConnectionHeader::kKeepAlive;
  AppendReplyHead(reply, header, output_.Tail());
  output_.Appended();
  if (!slot.is_head && StatusHasBody(reply.status)) output_.Append(std::move(reply.body));
  if (!closes) return;
  close_when_sent_ = true;
  if (slot.keep_alive) linger_ = true;
  discarding_ = true;
}

bool Connection::ReadingPaused() const {
  return slots_.size() >= limits::kHttpPipelinedRequests ||
         output_.unsent_bytes() > limits::kHttpUnsentBeforePause;
}

// --- The end of a round -------------------------------------------------------------------

void Connection::EndRound(MonotonicTime now) {
  while (FlushOutput(now)) {
    if (!stalled_ || ReadingPaused()) break;
    ProcessKept();
  }
  if (closed_) return;
  if (slots_.empty() && slots_.capacity() > kIdleSlots) slots_.shrink_to_fit();
  SetReadDeadline(now);
  SetTimer();
  SetInterest();
}

// False when the connection is closed.
bool Connection::FlushOutput(MonotonicTime now) {
  if (closed_) return false;
  if (continue_due_ && slots_.empty() && !discarding_) {
    output_.Tail().append("HTTP/1.1 100 Continue\r\n\r\n");
    output_.Appended();
    continue_due_ = false;
  }
  const OutputQueue::Progress progress = output_.Write(fd_.get());
  if (progress == OutputQueue::Progress::kFailed) {
    Close();
    return false;
  }
  if (progress == OutputQueue::Progress::kBlocked) {
    const bool moved = output_.sent_bytes() - sent_progress_bytes_ >= limits::kHttpProgressBytes;
    if (write_deadline_ == MonotonicTime::max() || moved) {
      write_deadline_ = now + owner_.options().write_timeout;
      sent_progress_bytes_ = output_.sent_bytes();
    }
    return true;
  }
  write_deadline_ = MonotonicTime::max();
  if (!close_when_sent_ || !slots_.empty() || lingering_) return true;
  if (!linger_) {
    Close();
    return false;
  }
  // Closing with unread input would reset the connection and might take the reply with it.
  lingering_ = true;
  os::ShutdownWrite(fd_.get());
  return true;
}

Connection::Waiting Connection::WhatFor() const {
  if (lingering_) return Waiting::kForEnd;
  if (discarding_ || ReadingPaused()) return Waiting::kForNothing;
  if (parser_.reading_body()) return Waiting::kForBody;
  if (!parser_.at_start() || !kept_.empty()) return Waiting::kForHeaders;
  if (!slots_.empty() || !output_.empty()) return Waiting::kForNothing;
  return first_sequence_ == 0 ? Waiting::kForFirst : Waiting::kForNext;
}

void Connection::SetReadDeadline(MonotonicTime now) {
  const Waiting waiting = WhatFor();
  const uint64_t sequence = first_sequence_ + slots_.size();
  const bool is_new = waiting != waiting_ || sequence != waiting_sequence_;
  const bool progressed =
      waiting == Waiting::kForBody && read_bytes_ - progress_bytes_ >= limits::kHttpProgressBytes;
  if (!is_new && !progressed) return;
  waiting_ = waiting;
  waiting_sequence_ = sequence;
  progress_bytes_ = read_bytes_;
  const ServerOptions& options = owner_.options();
  switch (waiting) {
    case Waiting::kForFirst:
    case Waiting::kForHeaders:
      read_deadline_ = now + options.header_timeout;
      return;
    case Waiting::kForNext:
      read_deadline_ = now + options.idle_timeout;
      return;
    case Waiting::kForBody:
      read_deadline_ = now + options.body_timeout;
      return;
    case Waiting::kForNothing:
      read_deadline_ = MonotonicTime::max();
      return;
    case Waiting::kForEnd:
      read_deadline_ = now + limits::kHttpLingerTimeout;
      return;
  }
}

void Connection::SetInterest() {
  uint32_t interest = 0;
  if (!peer_done_ && (discarding_ || !ReadingPaused())) interest |= os::kReadable;
  if (!output_.empty()) interest |= os::kWritable;
  if (interest == interest_) return;
  interest_ = interest;
  owner_.loop().SetInterest(fd_.get(), interest);
}

// A timer is moved only when the deadline comes nearer; one that fires early looks again. So a
// connection that is kept busy costs no timer.
void Connection::SetTimer() {
  const MonotonicTime deadline = std::min(read_deadline_, write_deadline_);
  if (deadline == MonotonicTime::max() || (timer_ != 0 && timer_time_ <= deadline)) return;
  owner_.loop().CancelTimer(timer_);
  timer_time_ = deadline;
  timer_ = owner_.loop().StartTimer(deadline, [this] { OnTimer(); });
}

void Connection::OnTimer() {
  timer_ = 0;
  const MonotonicTime now = owner_.loop().clock().Now();
  if (now >= write_deadline_) return Close();
  if (now < read_deadline_) return SetTimer();
  switch (waiting_) {
    case Waiting::kForHeaders:
      Refuse(408, "the headers of the request took too long");
      return;
    case Waiting::kForBody:
      Refuse(408, "the body of the request took too long");
      return;
    default:
      return Close();
  }
}

void Connection::Drain() {
  if (closed_ || draining_) return;
  draining_ = true;
  if (WhatFor() == Waiting::kForNext) {
    // A request may lie in the socket already: it is answered.
    std::array<std::byte, 4096> buffer;
    Read(buffer);
    if (closed_) return;
    if (WhatFor() == Waiting::kForNext) return Close();
  } else if (WhatFor() == Waiting::kForFirst) {
    const MonotonicTime now = owner_.loop().clock().Now();
    read_deadline_ = std::min(read_deadline_, now + Duration(limits::kHttpDrainGrace));
    SetTimer();
  } else if (slots_.empty() && !output_.empty() && parser_.at_start() && !discarding_) {
    // Its last reply went out as one of a connection that stays.
    discarding_ = true;
    linger_ = true;
    close_when_sent_ = true;
  }
  owner_.NeedsEndOfRound(*this);
}

}  // namespace throng::http
