#include "http/async_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <span>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "http/client_link.h"
#include "http/message_head.h"
#include "http/reply_parser.h"
#include "os/socket.h"

namespace throng::http {
namespace {

// What one read takes at most; the buffer is shared by the calls of a client.
constexpr size_t kReadBytes = 64 * 1024;
// Reads per event: a fast server must not keep the loop from the others.
constexpr int kReadsPerEvent = 4;

class Call;

// What the calls of one client share; it lives as long as the last of them.
struct ClientCore {
  ClientCore(os::EventLoop& event_loop, const AsyncClientOptions& client_options)
      : loop(event_loop),
        options(client_options),
        pool(event_loop, client_options),
        read_buffer(kReadBytes) {}

  os::EventLoop& loop;
  const AsyncClientOptions options;
  LinkPool pool;
  std::vector<std::byte> read_buffer;
  std::unordered_set<Call*> calls;  // that have not ended
};

std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

bool IsSafeMethod(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// Right after a read that failed: was the connection reset, rather than lost on the way?
bool ReadFailedByReset() { return errno == ECONNRESET || errno == EPIPE; }

// A request and its reply. Shared, because what it calls may destroy its handle.
class Call final : public LinkUser, public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<ClientCore> core, CallSpec spec, MonotonicTime deadline)
      : core_(std::move(core)), spec_(std::move(spec)), deadline_(deadline) {}
  ~Call() override { THRONG_CHECK(ended_); }

  void Start(Done<Result<ClientReply>> done, std::unique_ptr<ReplyConsumer> consumer);
  void Cancel();
  void Resume();
  CallStage stage() const { return stage_; }
  void OnLinkEvents(uint32_t events) override;

 private:
  Status Begin();
  Status Connect();
  void StartOver();
  void OnConnected();
  void Send();
  void Receive();
  bool Take(std::string_view bytes);
  bool TakeFed();
  void OnConnectionEnd(bool is_error);
  void OnSilentEnd(bool is_reset);
  void SetInterest();
  void SetTimer(MonotonicTime now);
  void OnTimer();
  void End();
  void Complete();
  void Fail(Status status);

  const std::shared_ptr<ClientCore> core_;
  const CallSpec spec_;
  const MonotonicTime deadline_;
  Done<Result<ClientReply>> done_;           // of a whole reply
  std::unique_ptr<ReplyConsumer> consumer_;  // of one in pieces
  std::string head_;
  std::unique_ptr<ClientLink> link_;
  std::array<std::span<const std::byte>, 2> unsent_;  // of head and body
  std::optional<ReplyParser> parser_;
  std::string kept_;  // received, not used by the parser yet
  os::EventLoop::TimerId timer_ = 0;
  MonotonicTime connect_deadline_ = MonotonicTime::max();
  CallStage stage_ = CallStage::kNotStarted;
  bool connecting_ = false;
  bool replaced_ = false;
  bool write_failed_ = false;
  bool head_told_ = false;
  bool paused_ = false;
  bool telling_ = false;  // the consumer is running
  bool ended_ = false;
};

void Call::Start(Done<Result<ClientReply>> done, std::unique_ptr<ReplyConsumer> consumer) {
  done_ = std::move(done);
  consumer_ = std::move(consumer);
  core_->calls.insert(this);
  const Status status = Begin();
  if (status.ok()) return;
  core_->loop.Post([weak = weak_from_this(), status] {
    if (const std::shared_ptr<Call> call = weak.lock()) call->Fail(status);
  });
}

Status Call::Begin() {
  const ServerAddress& address = spec_.address;
  THRONG_ASSIGN_OR_RETURN(
      head_, ComposeRequestHead(
                 spec_.method, spec_.target, spec_.headers,
                 address.unix_path.empty() ? HostHeader(address.host, address.port) : "localhost",
                 spec_.body == nullptr ? 0 : spec_.body->size()));
  StartOver();
  link_ = core_->pool.TakeIdle(address);
  if (link_ == nullptr) {
    THRONG_RETURN_IF_ERROR(Connect());
  } else {
    THRONG_RETURN_IF_ERROR(link_->Attach(this, os::kReadable));
    Send();
  }
  SetTimer(core_->loop.clock().Now());
  return OkStatus();
}

void Call::StartOver() {
  stage_ = CallStage::kNotStarted;
  write_failed_ = false;
  kept_.clear();
  unsent_ = {BytesOf(head_),
             spec_.body == nullptr ? std::span<const std::byte>() : BytesOf(*spec_.body)};
  // A body that is taken as it arrives is held back by its consumer instead.
  const size_t max_bytes =
      consumer_ != nullptr ? std::numeric_limits<size_t>::max() : core_->options.max_reply_bytes;
  parser_.emplace(spec_.method == "HEAD", max_bytes);
}

Status Call::Connect() {
  THRONG_ASSIGN_OR_RETURN(link_, core_->pool.Connect(spec_.address));
  connecting_ = true;
  connect_deadline_ = core_->loop.clock().Now() + core_->options.connect_timeout;
  return link_->Attach(this, os::kWritable);
}

void Call::Cancel() {
  if (ended_) return;
  End();
  link_.reset();
  done_ = nullptr;
  // A consumer that is running goes with the call.
  if (!telling_) consumer_.reset();
}

void Call::Resume() {
  if (ended_ || !paused_ || !consumer_->WantsMore()) return;
  paused_ = false;
  SetInterest();
}

void Call::OnLinkEvents(uint32_t events) {
  const std::shared_ptr<Call> self = shared_from_this();
  if (connecting_) return OnConnected();
  if (events & os::kWritable) Send();
  if (paused_) {
    if (events & os::kHangUp) link_->Rest();
    return;
  }
  if (events & (os::kReadable | os::kHangUp)) Receive();
}

void Call::OnConnected() {
  const Status status = os::SocketError(link_->fd());
  if (!status.ok()) return Fail(status.WithContext("cannot connect to the server"));
  connecting_ = false;
  connect_deadline_ = MonotonicTime::max();
  core_->loop.CancelTimer(std::exchange(timer_, 0));
  SetTimer(core_->loop.clock().Now());
  Send();
}

// Writes what the socket takes. After an error nothing is sent any more: what can still be read may
// explain it, and the loop tells of it.
void Call::Send() {
  while (!unsent_[0].empty() || !unsent_[1].empty()) {
    const os::IoResult result =
        os::WriteSome(link_->fd(), std::span<const std::span<const std::byte>>(unsent_));
    if (result.kind == os::IoResult::Kind::kWouldBlock) break;
    if (result.kind != os::IoResult::Kind::kDone) {
      write_failed_ = true;
      unsent_ = {};
      break;
    }
    stage_ = std::max(stage_, CallStage::kSent);
    const size_t of_head = std::min(result.bytes, unsent_[0].size());
    unsent_[0] = unsent_[0].subspan(of_head);
    unsent_[1] = unsent_[1].subspan(result.bytes - of_head);
  }
  SetInterest();
}

void Call::Receive() {
  for (int reads = 0; reads < kReadsPerEvent; ++reads) {
    const os::IoResult result = os::ReadSome(link_->fd(), core_->read_buffer);
    if (result.kind == os::IoResult::Kind::kWouldBlock) return;
    if (result.kind != os::IoResult::Kind::kDone) {
      return OnConnectionEnd(result.kind == os::IoResult::Kind::kError);
    }
    stage_ = CallStage::kReplying;
    const char* const bytes = reinterpret_cast<const char*>(core_->read_buffer.data());
    if (!Take({bytes, result.bytes}) || result.bytes < core_->read_buffer.size()) return;
  }
}

// False when nothing more is to be read now.
bool Call::Take(std::string_view bytes) {
  Result<size_t> used = size_t{0};
  if (kept_.empty()) {
    used = parser_->Feed(bytes);
    if (used.ok()) kept_.append(bytes.substr(*used));
  } else {
    kept_.append(bytes);
    used = parser_->Feed(kept_);
    if (used.ok()) kept_.erase(0, *used);
  }
  if (!used.ok()) {
    Fail(used.status());
    return false;
  }
  return TakeFed();
}

// Tells what the parser has got. False when nothing more is to be read now.
bool Call::TakeFed() {
  if (consumer_ != nullptr) {
    telling_ = true;
    if (!head_told_ && parser_->head_complete()) {
      head_told_ = true;
      consumer_->OnHead(parser_->TakeHead());
    }
    if (!ended_ && head_told_) {
      const std::string body = parser_->TakeBody();
      if (!body.empty()) consumer_->OnBody(body);
    }
    telling_ = false;
    if (ended_) return false;
  }
  if (parser_->complete()) {
    Complete();
    return false;
  }
  if (consumer_ == nullptr || consumer_->WantsMore()) return true;
  paused_ = true;
  SetInterest();
  return false;
}

void Call::OnConnectionEnd(bool is_error) {
  const bool is_reset = is_error ? ReadFailedByReset() : !os::SocketError(link_->fd()).ok();
  if (stage_ != CallStage::kReplying) return OnSilentEnd(is_reset);
  if (is_error) {
    return Fail(UnavailableError("the connection was lost before the reply was complete"));
  }
  const Status status = parser_->FeedEnd();
  if (!status.ok()) return Fail(status);
  TakeFed();
}

// Before anything was answered.
void Call::OnSilentEnd(bool is_reset) {
  // The kernel resets a connection whose bytes were not all read, and ends one whose bytes were.
  if (is_reset) stage_ = CallStage::kNotStarted;
  const bool may_repeat = stage_ == CallStage::kNotStarted || IsSafeMethod(spec_.method);
  if (!link_->is_kept() || replaced_ || !may_repeat) {
    return Fail(UnavailableError("the connection was lost before the reply began"));
  }
  replaced_ = true;
  link_.reset();
  StartOver();
  const Status status = Connect();
  if (!status.ok()) return Fail(status);
  core_->loop.CancelTimer(std::exchange(timer_, 0));
  SetTimer(core_->loop.clock().Now());
}

void Call::SetInterest() {
  const bool is_sending = !unsent_[0].empty() || !unsent_[1].empty();
  link_->SetInterest((paused_ ? 0 : os::kReadable) | (is_sending ? os::kWritable : 0));
}

void Call::SetTimer(MonotonicTime now) {
  const MonotonicTime when = std::min(deadline_, connect_deadline_);
  if (when == MonotonicTime::max()) return;
  timer_ = core_->loop.StartTimer(std::max(when, now), [this] { OnTimer(); });
}

void Call::OnTimer() {
  const std::shared_ptr<Call> self = shared_from_this();
  timer_ = 0;
  const MonotonicTime now = core_->loop.clock().Now();
  if (now >= deadline_) return Fail(DeadlineExceededError("no reply in time"));
  if (now >= connect_deadline_) return Fail(UnavailableError("no connection in time"));
  SetTimer(now);
}

void Call::End() {
  ended_ = true;
  core_->loop.CancelTimer(std::exchange(timer_, 0));
  core_->calls.erase(this);
}

void Call::Complete() {
  // Bytes behind the reply: the server and we disagree about its length.
  const bool sent_all = unsent_[0].empty() && unsent_[1].empty() && !write_failed_;
  const bool may_stay = parser_->keep_alive() && kept_.empty() && sent_all;
  End();
  if (may_stay) {
    core_->pool.Keep(std::move(link_));
  } else {
    link_.reset();
  }
  if (consumer_ != nullptr) {
    const std::unique_ptr<ReplyConsumer> consumer = std::move(consumer_);
    consumer->OnEnd(OkStatus());
  } else {
    Done<Result<ClientReply>> done = std::move(done_);
    done(parser_->TakeReply());
  }
}

void Call::Fail(Status status) {
  if (ended_) return;
  End();
  link_.reset();
  if (consumer_ != nullptr) {
    const std::unique_ptr<ReplyConsumer> consumer = std::move(consumer_);
    consumer->OnEnd(std::move(status));
  } else {
    Done<Result<ClientReply>> done = std::move(done_);
    done(std::move(status));
  }
}

// What the caller holds.
class CallHandle final : public AsyncCall {
 public:
  explicit CallHandle(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~CallHandle() override { call_->Cancel(); }
  CallStage stage() const override { return call_->stage(); }
  void Resume() { call_->Resume(); }

 private:
  const std::shared_ptr<Call> call_;
};

class LoopAsyncClient final : public AsyncClient {
 public:
  LoopAsyncClient(os::EventLoop& loop, const AsyncClientOptions& options)
      : core_(std::make_shared<ClientCore>(loop, options)) {}
  ~LoopAsyncClient() override {
    // Ending one call may end others.
    while (!core_->calls.empty()) (*core_->calls.begin())->shared_from_this()->Cancel();
    core_->pool.CloseIdle();
  }

  std::unique_ptr<AsyncCall> Start(CallSpec spec, MonotonicTime deadline,
                                   Done<Result<ClientReply>> done) override {
    return Begin(std::move(spec), deadline, std::move(done), nullptr);
  }
  std::unique_ptr<AsyncCall> StartStream(CallSpec spec, MonotonicTime deadline,
                                         std::unique_ptr<ReplyConsumer> consumer) override {
    return Begin(std::move(spec), deadline, nullptr, std::move(consumer));
  }
  void Resume(AsyncCall& call) override { static_cast<CallHandle&>(call).Resume(); }

 private:
  std::unique_ptr<AsyncCall> Begin(CallSpec spec, MonotonicTime deadline,
                                   Done<Result<ClientReply>> done,
                                   std::unique_ptr<ReplyConsumer> consumer) {
    auto call = std::make_shared<Call>(core_, std::move(spec), deadline);
    auto handle = std::make_unique<CallHandle>(call);
    call->Start(std::move(done), std::move(consumer));
    return handle;
  }

  const std::shared_ptr<ClientCore> core_;
};

}  // namespace

std::unique_ptr<AsyncClient> AsyncClient::Create(os::EventLoop& loop, AsyncClientOptions options) {
  return std::make_unique<LoopAsyncClient>(loop, options);
}

}  // namespace throng::http
