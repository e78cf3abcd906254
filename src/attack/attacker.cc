#include "attack/attacker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "http/syntax.h"

namespace throng::attack {
namespace {

http::AsyncClientOptions ClientOptions(const AttackPlan& plan, size_t max_in_flight) {
  http::AsyncClientOptions options;
  options.max_idle_connections_per_address =
      plan.keep_alive ? std::min<size_t>(plan.idle_connections, max_in_flight) : 0;
  // Idle ones count too.
  options.max_connections_per_address = 2 * max_in_flight;
  return options;
}

// "Post" of "POST", as it stands in vegeta's errors.
std::string Capitalised(std::string method) {
  for (size_t i = 1; i < method.size(); ++i) {
    if (method[i] >= 'A' && method[i] <= 'Z') method[i] = static_cast<char>(method[i] - 'A' + 'a');
  }
  return method;
}

}  // namespace

// One reply: its size and how it ended.
class Attacker::Reply final : public http::ReplyConsumer {
 public:
  Reply(Attacker& attacker, const Shot& shot, uint64_t sequence, MonotonicTime sent)
      : attacker_(attacker), shot_(shot), sequence_(sequence), sent_(sent) {}

  void OnHead(http::ClientReply reply) override {
    code_ = reply.status;
    reason_ = std::move(reply.reason);
  }
  void OnBody(std::string_view bytes) override { bytes_in_ += bytes.size(); }
  void OnEnd(Status status) override {
    AttackResult result{.sent_after = sent_ - attacker_.began_,
                        .latency = attacker_.loop_.clock().Now() - sent_};
    if (status.ok()) {
      result.code = code_;
      result.bytes_in = bytes_in_;
      result.bytes_out = shot_.target.body == nullptr ? 0 : shot_.target.body->size();
      if (code_ < 200 || code_ >= 400) {
        result.error = EscapeForLog(std::to_string(code_) + " " + reason_);
      }
    } else {
      result.error = attacker_.ErrorOf(shot_, status);
    }
    attacker_.OnReply(sequence_, std::move(result));
  }

 private:
  Attacker& attacker_;
  const Shot& shot_;
  const uint64_t sequence_;
  const MonotonicTime sent_;
  int code_ = 0;
  std::string reason_;
  uint64_t bytes_in_ = 0;
};

Attacker::Attacker(os::EventLoop& loop, AttackPlan plan, std::vector<AttackTarget> targets,
                   const DestinationRules& rules, std::function<void()> on_end,
                   size_t max_in_flight)
    : loop_(loop),
      plan_(std::move(plan)),
      on_end_(std::move(on_end)),
      max_in_flight_(max_in_flight),
      client_(http::AsyncClient::Create(loop, ClientOptions(plan_, max_in_flight))) {
  THRONG_CHECK(!targets.empty());
  shots_.reserve(targets.size());
  for (AttackTarget& target : targets) {
    Result<Destination> destination = FindDestination(target.url, rules);
    shots_.push_back({std::move(target), std::move(destination)});
  }
}

Attacker::~Attacker() {
  *alive_ = false;
  loop_.CancelTimer(timer_);
  calls_.clear();
}

void Attacker::Start() {
  began_ = loop_.clock().Now();
  sending_ = true;
  // Not from inside: `on_end` may come at once.
  timer_ = loop_.StartTimer(began_, [this] {
    timer_ = 0;
    Send();
  });
}

void Attacker::StopSending() {
  sending_ = false;
  loop_.CancelTimer(std::exchange(timer_, 0));
  loop_.Post([this, alive = alive_] {
    if (*alive) EndIfDone();
  });
}

bool Attacker::IsOver(MonotonicTime now) const {
  if (next_ > 0 && PlannedAfter(plan_.rate, next_) >= plan_.duration) return true;
  // Where requests wait for each other there may be some left when the time is over.
  return plan_.max_workers > 0 && now - began_ > plan_.duration;
}

void Attacker::Send() {
  while (sending_) {
    const MonotonicTime now = loop_.clock().Now();
    if (IsOver(now)) {
      sending_ = false;
      break;
    }
    if (plan_.max_workers > 0 && calls_.size() >= plan_.max_workers) return;  // a reply goes on
    if (began_ + PlannedAfter(plan_.rate, next_) > now) return SendLater();
    SendOne();
  }
  EndIfDone();
}

void Attacker::SendLater() {
  loop_.CancelTimer(timer_);
  timer_ = loop_.StartTimer(began_ + PlannedAfter(plan_.rate, next_), [this] {
    timer_ = 0;
    Send();
  });
}

void Attacker::SendOne() {
  const uint64_t sequence = next_++;
  const Shot& shot = shots_[sequence % shots_.size()];
  const MonotonicTime sent = loop_.clock().Now();
  Status refused = shot.destination.status();
  if (refused.ok() && calls_.size() >= max_in_flight_) {
    refused = ResourceExhaustedError("not sent: " + std::to_string(max_in_flight_) +
                                     " requests wait for their replies");
  }
  if (!refused.ok()) {
    return metrics_.Add({.sent_after = sent - began_, .error = ErrorOf(shot, refused)});
  }
  calls_[sequence] = client_->StartStream(SpecOf(shot, sequence), sent + plan_.timeout,
                                          std::make_unique<Reply>(*this, shot, sequence, sent));
}

http::CallSpec Attacker::SpecOf(const Shot& shot, uint64_t sequence) const {
  const AttackTarget& target = shot.target;
  http::CallSpec spec{.address = shot.destination->address,
                      .method = target.method,
                      .target = shot.destination->target,
                      .headers = target.headers,
                      .body = target.body};
  const bool has_host = std::any_of(
      target.headers.begin(), target.headers.end(),
      [](const http::Header& header) { return http::EqualsIgnoringCase(header.name, "Host"); });
  if (!has_host) spec.headers.push_back({"Host", shot.destination->host});
  if (!plan_.keep_alive) spec.headers.push_back({"Connection", "close"});
  if (!plan_.name.empty()) spec.headers.push_back({"X-Vegeta-Attack", plan_.name});
  spec.headers.push_back({"X-Vegeta-Seq", std::to_string(sequence)});
  return spec;
}

std::string Attacker::ErrorOf(const Shot& shot, const Status& status) const {
  return Capitalised(shot.target.method) + " \"" + EscapeForLog(shot.target.url) +
         "\": " + status.message();
}

void Attacker::OnReply(uint64_t sequence, AttackResult result) {
  metrics_.Add(result);
  calls_.erase(sequence);
  if (sending_ && plan_.max_workers > 0 && timer_ == 0) return Send();
  EndIfDone();
}

void Attacker::EndIfDone() {
  if (sending_ || !calls_.empty() || ended_) return;
  ended_ = true;
  loop_.Post([this, alive = alive_] {
    if (*alive) on_end_();
  });
}

}  // namespace throng::attack
