#include "gateway/proxied_request.h"

#include <algorithm>
#include <utility>

#include "base/control_limits.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "gateway/forwarding.h"
#include "gateway/proxy.h"
#include "http/syntax.h"

namespace throng::gateway {
namespace {

constexpr int kClientGone = 499;  // as nginx logs it; never sent
constexpr char kRetryAfterSeconds[] = "1";
// Who sees it for the first time has forgotten the header.
constexpr char kNoHost[] =
    "no InferenceService has this host; say which in the Host header: NAME.NAMESPACE";

constexpr char kNoControl[] =
    "models are loaded and unloaded by applying and deleting their TrainedModel, not through here";

std::string PathOf(std::string_view target) {
  return std::string(target.substr(0, target.find('?')));
}

}  // namespace

class ProxiedRequest::InFlight {
 public:
  explicit InFlight(std::shared_ptr<Replica> replica) : replica_(std::move(replica)) {
    ++replica_->in_flight;
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { --replica_->in_flight; }
  const std::shared_ptr<Replica>& replica() const { return replica_; }

 private:
  const std::shared_ptr<Replica> replica_;
};

// It touches nothing of the request after a call that may have destroyed it.
class ProxiedRequest::Consumer final : public http::ReplyConsumer {
 public:
  explicit Consumer(ProxiedRequest& request) : request_(request) {}
  void OnHead(http::ClientReply reply) override { request_.OnHead(std::move(reply)); }
  void OnBody(std::string_view bytes) override { request_.OnBody(bytes); }
  void OnEnd(Status status) override { request_.OnEnd(status); }
  bool WantsMore() override { return request_.WantsMore(); }

 private:
  ProxiedRequest& request_;
};

ProxiedRequest::ProxiedRequest(Proxy& proxy, uint64_t number,
                               std::shared_ptr<http::Exchange> exchange)
    : proxy_(proxy), number_(number), exchange_(std::move(exchange)) {}

ProxiedRequest::~ProxiedRequest() {
  LeaveWaiting();
  proxy_.loop_.CancelTimer(timer_);
}

MonotonicTime ProxiedRequest::Now() const { return proxy_.loop_.clock().Now(); }

void ProxiedRequest::Start() {
  http::Request& request = exchange_->request();
  arrived_ = Now();
  record_.arrived = proxy_.loop_.clock().WallNow();
  record_.host = HostOf(request);
  record_.method = request.method;
  target_ = OriginForm(request.target);
  record_.path = PathOf(target_);
  record_.client = exchange_->client_address();
  record_.request_bytes = request.body.size();
  const std::string* const id = request.FindHeader("X-Request-Id");
  record_.request_id = id == nullptr ? proxy_.MakeRequestId() : *id;
  host_ = NormalizeHost(record_.host);
  headers_ = ForwardedHeaders(request, record_.client, record_.request_id);
  if (!request.body.empty()) {
    body_ = std::make_shared<const std::string>(std::exchange(request.body, std::string()));
  }
  if (ControlsModels(request)) return Refuse(403, kNoControl, false);
  exchange_->OnClientGone([this] { OnClientGone(); });
  TryNext();
}

void ProxiedRequest::TryNext() {
  const RouteTable::Replicas* const replicas = proxy_.table_.Find(host_);
  if (replicas == nullptr) {
    ++proxy_.stats_.unknown_hosts;
    return Refuse(404, kNoHost, false);
  }
  std::shared_ptr<Replica> replica = proxy_.Choose(*replicas, tried_);
  if (replica == nullptr) {
    return !replicas->empty() && NoneHoldsIt(*replicas, nullptr) ? SendNotFound() : Wait();
  }
  LeaveWaiting();
  Ask(std::move(replica));
}

// --- Waiting for a replica ------------------------------------------------------------------

void ProxiedRequest::Wait() {
  const MonotonicTime now = Now();
  if (!std::exchange(has_waited_, true)) ++proxy_.stats_.waits;
  const MonotonicTime deadline = arrived_ + proxy_.options_.wait;
  if (now >= deadline || proxy_.stopped_waiting_) return OnWaitOver();
  if (is_waiting_ && timer_ != 0) return;
  if (!is_waiting_) {
    if (!proxy_.AddWaiting(*this, record_.request_bytes)) {
      ++proxy_.stats_.waits_refused;
      return Refuse(503, "no replica is ready, and too many requests wait for one", true);
    }
    is_waiting_ = true;
    waiting_since_ = now;
  }
  MonotonicTime next = deadline;
  // Replicas that are in the table but could not be reached are asked again.
  if (tried_.size() > without_model_.size()) {
    const Duration doubled = Duration(limits::kReplicaRetry) * (1 << std::min(retries_++, 10));
    next = std::min(next, now + std::min(doubled, Duration(limits::kReplicaRetryMost)));
  }
  timer_ = proxy_.loop_.StartTimer(next, [this] { OnWaitTimer(); });
}

void ProxiedRequest::OnWaitTimer() {
  timer_ = 0;
  tried_ = without_model_;
  TryNext();
}

void ProxiedRequest::StopWaiting() { OnWaitOver(); }

void ProxiedRequest::OnWaitOver() {
  LeaveWaiting();
  ++proxy_.stats_.waits_in_vain;
  Refuse(503, "no replica of the InferenceService is ready", true);
}

void ProxiedRequest::LeaveWaiting() {
  proxy_.loop_.CancelTimer(std::exchange(timer_, 0));
  if (!std::exchange(is_waiting_, false)) return;
  record_.waited += Now() - waiting_since_;
  proxy_.RemoveWaiting(number_, record_.request_bytes);
}

// --- Asking a replica -----------------------------------------------------------------------

void ProxiedRequest::Ask(std::shared_ptr<Replica> replica) {
  const MonotonicTime now = Now();
  if (record_.attempts++ > 0) record_.earlier = now - arrived_ - record_.waited;
  record_.replica = replica->pod;
  asked_at_ = now;
  dropping_ = false;
  http::CallSpec spec{.address = replica->address,
                      .method = record_.method,
                      .target = target_,
                      .headers = headers_,
                      .body = body_};
  in_flight_ = std::make_unique<InFlight>(std::move(replica));
  call_ = proxy_.client_.StartStream(std::move(spec), now + proxy_.options_.upstream_time,
                                     std::make_unique<Consumer>(*this));
  KillPoint("gateway.request.started");
}

bool ProxiedRequest::NoneHoldsIt(const RouteTable::Replicas& replicas, const Replica* asked) const {
  return std::all_of(replicas.begin(), replicas.end(), [&](const auto& replica) {
    return replica.get() == asked ||
           std::find(without_model_.begin(), without_model_.end(), replica) != without_model_.end();
  });
}

void ProxiedRequest::OnHead(http::ClientReply reply) {
  KillPoint("gateway.reply.received");
  if (reply.status == 404) {
    const RouteTable::Replicas* const replicas = proxy_.table_.Find(host_);
    if (replicas != nullptr && !NoneHoldsIt(*replicas, in_flight_->replica().get())) {
      dropping_ = true;
      not_found_ = ForwardedReply(std::move(reply));
      std::erase_if(not_found_.headers, [](const http::Header& header) {
        return http::EqualsIgnoringCase(header.name, "Content-Length");
      });
      return;
    }
  }
  head_at_ = Now();
  record_.first_byte = head_at_ - asked_at_;
  record_.status = reply.status;
  stream_ = exchange_->StartStream(ForwardedReply(std::move(reply)));
  stream_->OnProgress([this] { OnProgress(); });
}

void ProxiedRequest::OnBody(std::string_view bytes) {
  if (dropping_) {
    if (not_found_.body.size() + bytes.size() <= limits::kGatewayDroppedBytes) {
      not_found_.body.append(bytes);
      return;
    }
    // Such a reply is not kept, nor waited for.
    not_found_ = {.status = 404, .body = "{\"error\":\"no replica has it\"}"};
    return OnEnd(OkStatus());
  }
  record_.reply_bytes += bytes.size();
  stream_->Write(bytes);
}

bool ProxiedRequest::WantsMore() {
  if (dropping_ || stream_ == nullptr) return true;
  if (stream_->unsent_bytes() <= limits::kGatewayUnsentBytes) return true;
  if (held_back_since_ == MonotonicTime::max()) held_back_since_ = Now();
  return false;
}

// The client took all that there was.
void ProxiedRequest::OnProgress() {
  if (stream_->client_gone()) return OnClientGone();
  if (held_back_since_ == MonotonicTime::max()) return;
  record_.client_slow += Now() - std::exchange(held_back_since_, MonotonicTime::max());
  if (call_ != nullptr) proxy_.client_.Resume(*call_);
}

void ProxiedRequest::OnEnd(const Status& status) {
  const std::shared_ptr<Replica> replica = in_flight_->replica();
  const http::CallStage stage = call_->stage();
  in_flight_.reset();
  call_.reset();
  if (dropping_) {
    ++proxy_.stats_.not_there;
    without_model_.push_back(replica);
    tried_.push_back(replica);
    return TryNext();
  }
  if (stream_ != nullptr) {
    record_.cut = !status.ok();
    if (status.ok()) {
      stream_->Finish();
    } else {
      ++proxy_.stats_.cut_replies;
    }
    return Finish();
  }
  if (stage == http::CallStage::kNotStarted && status.code() != StatusCode::kDeadlineExceeded) {
    tried_.push_back(replica);
    // A replica that is merely busy is not avoided.
    if (status.code() != StatusCode::kResourceExhausted) {
      replica->suspect_until = Now() + Duration(limits::kReplicaSuspect);
    }
  }
  OnAttemptFailed(status, stage);
}

void ProxiedRequest::OnAttemptFailed(const Status& status, http::CallStage stage) {
  if (status.code() == StatusCode::kDeadlineExceeded) {
    ++proxy_.stats_.deadlines;
    return Refuse(504, "the replica did not answer in time", false);
  }
  if (stage == http::CallStage::kNotStarted) {
    ++proxy_.stats_.unreached;
    return TryNext();
  }
  ++proxy_.stats_.replicas_lost;
  if (status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kResourceExhausted) {
    return Refuse(502, "the replica's reply is not HTTP", false);
  }
  Refuse(502, "the replica was lost while it had the request", false);
}

// --- The end --------------------------------------------------------------------------------

void ProxiedRequest::OnClientGone() {
  ++proxy_.stats_.clients_gone;
  if (stream_ != nullptr) {
    record_.cut = true;
  } else {
    record_.status = kClientGone;
  }
  Finish();
}

void ProxiedRequest::Refuse(int status, std::string_view text, bool may_retry) {
  record_.status = status;
  http::Reply reply;
  reply.status = status;
  reply.body = "{\"error\":" + JsonQuote(text) + "}";
  record_.reply_bytes = reply.body.size();
  if (may_retry) reply.headers = {{"Retry-After", kRetryAfterSeconds}};
  exchange_->Send(std::move(reply));
  Finish();
}

void ProxiedRequest::SendNotFound() {
  record_.status = 404;
  record_.reply_bytes = not_found_.body.size();
  exchange_->Send(std::move(not_found_));
  Finish();
}

void ProxiedRequest::Finish() {
  LeaveWaiting();
  const MonotonicTime now = Now();
  record_.total = now - arrived_;
  if (stream_ != nullptr) record_.body = now - head_at_;
  if (held_back_since_ != MonotonicTime::max()) record_.client_slow += now - held_back_since_;
  proxy_.Remove(*this, record_);
}

}  // namespace throng::gateway
