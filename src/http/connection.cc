#include "http/connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/check.h"
#include "http/syntax.h"
#include "os/network/unix_socket.h"
#include "os/socket.h"

namespace throng::http {
namespace {

// An idle connection keeps no more than this many slots.
constexpr size_t kIdleSlots = 8;

}  // namespace

// A reply that is sent piece by piece, in the slot of its request.
struct StreamedReply {
  PendingStream* writer = nullptr;  // null when it finished, or gave up
  Reply head;                       // until it is sent
  std::string waiting;              // framed; until the head is sent
  BodyEnd end = BodyEnd::kChunked;
  std::string length_text;
  uint64_t left_bytes = 0;  // of the length that was promised
  bool started = false;     // the head is sent
  bool finished = false;
  bool cut = false;
  bool progress_due = true;  // something was written since the writer was told of progress
};

class PendingStream final : public ReplyStream {
 public:
  PendingStream(Connection& connection, uint64_t sequence)
      : connection_(&connection),
        loop_(connection.loop()),
        sequence_(sequence),
        self_(std::make_shared<PendingStream*>(this)) {}
  ~PendingStream() override;

  void Write(std::string_view bytes) override {
    if (connection_ != nullptr) connection_->WriteStream(sequence_, bytes);
  }
  void Finish() override;
  size_t unsent_bytes() const override {
    return connection_ == nullptr ? 0 : connection_->UnsentOfStream(sequence_);
  }
  bool client_gone() const override { return gone_; }
  void OnProgress(std::function<void()> handler) override { handler_ = std::move(handler); }

  void OnClientGone();
  void PostProgress();

 private:
  void TellProgress();

  Connection* connection_;  // null when finished, or gone
  os::EventLoop& loop_;
  const uint64_t sequence_;
  bool gone_ = false;
  bool posted_ = false;
  std::function<void()> handler_;
  // Null when this is gone: what was posted may come after it.
  const std::shared_ptr<PendingStream*> self_;
};

PendingStream::~PendingStream() {
  *self_ = nullptr;
  if (connection_ != nullptr) connection_->DropStream(sequence_);
}

void PendingStream::Finish() {
  Connection* const connection = std::exchange(connection_, nullptr);
  if (connection != nullptr) connection->FinishStream(sequence_);
}

void PendingStream::OnClientGone() {
  connection_ = nullptr;
  gone_ = true;
  PostProgress();
}

void PendingStream::PostProgress() {
  if (std::exchange(posted_, true)) return;
  loop_.Post([self = self_] {
    if (*self != nullptr) (*self)->TellProgress();
  });
}

void PendingStream::TellProgress() {
  posted_ = false;
  if (!handler_ || (!gone_ && unsent_bytes() > 0)) return;
  // The handler may destroy this, and itself with it, or set another one.
  const std::shared_ptr<PendingStream*> self = self_;
  std::function<void()> handler = std::exchange(handler_, nullptr);
  handler();
  if (*self != nullptr && !handler_ && !gone_) handler_ = std::move(handler);
}

class PendingExchange final : public Exchange {
 public:
  PendingExchange(Connection& connection, uint64_t sequence, std::shared_ptr<RequestPool> pool,
                  std::shared_ptr<const PeerIdentity> peer, Request request)
      : connection_(&connection),
        sequence_(sequence),
        pool_(std::move(pool)),
        peer_(std::move(peer)),
        request_(std::move(request)) {}
  ~PendingExchange() override;

  Request& request() override { return request_; }
  void Send(Reply reply) override;
  std::unique_ptr<ReplyStream> StartStream(Reply head) override;
  bool client_gone() const override { return connection_ == nullptr && !answered_; }
  void OnClientGone(std::function<void()> handler) override;
  const PeerIdentity* peer() const override { return peer_.get(); }
  std::string client_address() const override {
    return connection_ == nullptr ? "" : connection_->client_address();
  }

  void LoseClient();

 private:
  Connection* connection_;  // null when answered, or gone
  const uint64_t sequence_;
  bool answered_ = false;
  const std::shared_ptr<RequestPool> pool_;
  const std::shared_ptr<const PeerIdentity> peer_;
  Request request_;
  std::shared_ptr<std::function<void()>> on_gone_;  // null when nobody asked
};

// The stream of a client that has gone already.
class DroppedStream final : public ReplyStream {
 public:
  void Write(std::string_view) override {}
  void Finish() override {}
  size_t unsent_bytes() const override { return 0; }
  bool client_gone() const override { return true; }
  void OnProgress(std::function<void()>) override {}
};

PendingExchange::~PendingExchange() {
  if (connection_ != nullptr) connection_->Unanswered(sequence_);
  pool_->Give(std::move(request_));
}

void PendingExchange::Send(Reply reply) {
  THRONG_CHECK(!answered_);
  answered_ = true;
  on_gone_.reset();
  Connection* const connection = std::exchange(connection_, nullptr);
  if (connection != nullptr) connection->Answer(sequence_, std::move(reply));
}

std::unique_ptr<ReplyStream> PendingExchange::StartStream(Reply head) {
  THRONG_CHECK(!answered_);
  answered_ = true;
  on_gone_.reset();
  Connection* const connection = std::exchange(connection_, nullptr);
  if (connection == nullptr) return std::make_unique<DroppedStream>();
  auto stream = std::make_unique<PendingStream>(*connection, sequence_);
  connection->StartStream(sequence_, std::move(head), *stream);
  return stream;
}

void PendingExchange::OnClientGone(std::function<void()> handler) {
  if (answered_) return;
  on_gone_ = std::make_shared<std::function<void()>>(std::move(handler));
}

void PendingExchange::LoseClient() {
  Connection* const connection = std::exchange(connection_, nullptr);
  if (on_gone_ == nullptr) return;
  connection->loop().Post([weak = std::weak_ptr<std::function<void()>>(on_gone_)] {
    if (const auto handler = weak.lock()) (*handler)();
  });
}

Connection::Connection(ConnectionOwner& owner, os::UniqueFd fd,
                       std::shared_ptr<const PeerIdentity> peer)
    : owner_(owner),
      fd_(std::move(fd)),
      peer_(std::move(peer)),
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
  DropSlots(0);
  owner_.OnClosed(*this);
}

const std::string& Connection::client_address() {
  if (!client_address_) client_address_ = os::PeerAddress(fd_.get());
  return *client_address_;
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
  auto exchange = std::make_shared<PendingExchange>(
      *this, first_sequence_ + slots_.size(), owner_.requests(), peer_, parser_.TakeRequest());
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

Connection::Slot& Connection::SlotOf(uint64_t sequence) {
  const size_t index = static_cast<size_t>(sequence - first_sequence_);
  THRONG_CHECK(index < slots_.size());
  return slots_[index];
}

void Connection::Answer(uint64_t sequence, Reply reply) {
  Slot& slot = SlotOf(sequence);
  slot.exchange = nullptr;
  if (&slot == &slots_.front()) {
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
  while (sent < slots_.size() && !closed_) {
    Slot& slot = slots_[sent];
    if (slot.reply != nullptr) {
      Render(slot, std::move(*slot.reply));
    } else if (slot.stream == nullptr || !StartStreamedReply(slot)) {
      break;
    }
    ++sent;
  }
  if (closed_) return;
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(sent));
  first_sequence_ += sent;
  if (!slots_.empty() && slots_.front().stream != nullptr && slots_.front().stream->cut) CutReply();
  owner_.NeedsEndOfRound(*this);
}

// Appends the reply of the first slot to the output.
void Connection::Render(const Slot& slot, Reply reply) {
  if (reply.body.size() + output_.unsent_bytes() > limits::kHttpUnsentReplyBytes) return Close();
  const bool is_last = &slot == &slots_.back();
  const bool closes = !slot.keep_alive || (draining_ && is_last);
  AppendReplyHead(reply, HeaderFor(slot, closes), output_.Tail());
  output_.Appended();
  if (!slot.is_head && StatusHasBody(reply.status)) output_.Append(std::move(reply.body));
  if (closes) CloseAfter(slot);
}

ConnectionHeader Connection::HeaderFor(const Slot& slot, bool closes) const {
  if (closes) return ConnectionHeader::kClose;
  return slot.minor_version == 0 ? ConnectionHeader::kKeepAlive : ConnectionHeader::kNone;
}

void Connection::CloseAfter(const Slot& slot) {
  close_when_sent_ = true;
  if (slot.keep_alive) linger_ = true;
  discarding_ = true;
}

// --- Replies in pieces ----------------------------------------------------------------------

void Connection::StartStream(uint64_t sequence, Reply head, PendingStream& writer) {
  Slot& slot = SlotOf(sequence);
  slot.exchange = nullptr;
  slot.stream = std::make_unique<StreamedReply>();
  StreamedReply& stream = *slot.stream;
  stream.writer = &writer;
  const bool has_body = StatusHasBody(head.status);
  const std::string* length = nullptr;
  for (const Header& header : head.headers) {
    if (EqualsIgnoringCase(header.name, "Content-Length")) length = &header.value;
  }
  const auto length_bytes = length == nullptr ? std::nullopt : ParseDecimal(*length);
  if (length_bytes && (has_body || head.status == 304)) stream.length_text = *length;
  if (slot.is_head || !has_body) {
    stream.end = BodyEnd::kNoBody;
  } else if (length_bytes) {
    stream.end = BodyEnd::kLength;
    stream.left_bytes = *length_bytes;
  } else {
    stream.end = slot.minor_version == 0 ? BodyEnd::kClose : BodyEnd::kChunked;
  }
  const std::string body = std::exchange(head.body, std::string());
  stream.head = std::move(head);
  if (&slot == &slots_.front()) StartStreamedReply(slot);
  WriteStream(sequence, body);
}

// Sends what there is of it; true when that is all. REQUIRES: all before it is sent.
bool Connection::StartStreamedReply(Slot& slot) {
  StreamedReply& stream = *slot.stream;
  if (stream.cut) return false;
  const bool is_last = &slot == &slots_.back();
  const bool ends_by_close = stream.end == BodyEnd::kClose;
  const bool closes = !slot.keep_alive || ends_by_close || (draining_ && is_last);
  AppendStreamHead(stream.head, stream.end, stream.length_text, HeaderFor(slot, closes),
                   output_.Tail());
  output_.Appended();
  output_.Append(std::exchange(stream.waiting, std::string()));
  stream.head = Reply();
  stream.started = true;
  if (closes) CloseAfter(slot);
  // Requests that were read before it was known that the connection cannot stay.
  if (ends_by_close) DropSlots(static_cast<size_t>(&slot - slots_.data()) + 1);
  owner_.NeedsEndOfRound(*this);
  return stream.finished;
}

void Connection::WriteStream(uint64_t sequence, std::string_view bytes) {
  StreamedReply& stream = *SlotOf(sequence).stream;
  if (bytes.empty() || stream.end == BodyEnd::kNoBody) return;
  if (UnsentOfStream(sequence) + bytes.size() > limits::kHttpUnsentReplyBytes) return Close();
  if (stream.end == BodyEnd::kLength) {
    // More than was promised would be read as the next reply.
    if (bytes.size() > stream.left_bytes) return Close();
    stream.left_bytes -= bytes.size();
  }
  stream.progress_due = true;
  if (stream.end != BodyEnd::kChunked) return AppendToStream(stream, bytes);
  std::array<char, 18> size_line;
  char* end = std::to_chars(size_line.data(), size_line.data() + 16, bytes.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  AppendToStream(stream, {size_line.data(), static_cast<size_t>(end - size_line.data())});
  AppendToStream(stream, bytes);
  AppendToStream(stream, "\r\n");
}

void Connection::AppendToStream(StreamedReply& stream, std::string_view bytes) {
  if (!stream.started) {
    stream.waiting.append(bytes);
    return;
  }
  output_.AppendCopy(bytes);
  owner_.NeedsEndOfRound(*this);
}

void Connection::FinishStream(uint64_t sequence) {
  StreamedReply& stream = *SlotOf(sequence).stream;
  if (stream.end == BodyEnd::kLength && stream.left_bytes > 0) return DropStream(sequence);
  if (stream.end == BodyEnd::kChunked) AppendToStream(stream, "0\r\n\r\n");
  stream.writer = nullptr;
  stream.finished = true;
  if (!stream.started) return;
  // The head was sent as one of a connection that stays.
  if (draining_ && slots_.size() == 1 && !close_when_sent_) CloseAfter(slots_.front());
  slots_.erase(slots_.begin());
  ++first_sequence_;
  SendReadyReplies();
}

void Connection::DropStream(uint64_t sequence) {
  StreamedReply& stream = *SlotOf(sequence).stream;
  stream.writer = nullptr;
  stream.cut = true;
  // Otherwise what comes before it is sent first.
  if (stream.started) CutReply();
}

// Sends what is written and then ends the connection in the middle of the first reply.
void Connection::CutReply() {
  DropSlots(0);
  kept_.clear();
  discarding_ = true;
  linger_ = false;
  close_when_sent_ = true;
  owner_.NeedsEndOfRound(*this);
}

// Whoever answers the slots from `first` on is told that nobody waits.
void Connection::DropSlots(size_t first) {
  for (size_t i = first; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.exchange != nullptr) slot.exchange->LoseClient();
    if (slot.stream != nullptr && slot.stream->writer != nullptr) {
      slot.stream->writer->OnClientGone();
    }
  }
  slots_.erase(slots_.begin() + static_cast<ptrdiff_t>(first), slots_.end());
}

size_t Connection::UnsentOfStream(uint64_t sequence) const {
  const size_t index = static_cast<size_t>(sequence - first_sequence_);
  THRONG_CHECK(index < slots_.size());
  return slots_[index].stream->waiting.size() + output_.unsent_bytes();
}

void Connection::TellProgress() {
  if (slots_.empty() || slots_.front().stream == nullptr || !output_.empty()) return;
  StreamedReply& stream = *slots_.front().stream;
  if (stream.writer == nullptr || !std::exchange(stream.progress_due, false)) return;
  stream.writer->PostProgress();
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
  TellProgress();
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
