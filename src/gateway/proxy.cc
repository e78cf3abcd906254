#include "gateway/proxy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/proxied_request.h"

namespace throng::gateway {

Proxy::Proxy(os::EventLoop& loop, http::AsyncClient& client, RouteTable& table, Random& random,
             ProxyOptions options)
    : loop_(loop), client_(client), table_(table), random_(random), options_(std::move(options)) {}

Proxy::~Proxy() { requests_.clear(); }

void Proxy::Handle(std::shared_ptr<http::Exchange> exchange) {
  stats_.request_bytes += exchange->request().body.size();
  auto request = std::make_unique<ProxiedRequest>(*this, ++next_number_, std::move(exchange));
  ProxiedRequest& added = *request;
  requests_.emplace(&added, std::move(request));
  ++stats_.in_flight;
  added.Start();
}

std::shared_ptr<Replica> Proxy::Choose(const RouteTable::Replicas& replicas,
                                       const std::vector<std::shared_ptr<Replica>>& tried) {
  const MonotonicTime now = loop_.clock().Now();
  const auto find = [&](bool with_suspects, uint64_t number, Replica* other) {
    for (const std::shared_ptr<Replica>& replica : replicas) {
      if (replica.get() == other || (!with_suspects && replica->suspect_until > now)) continue;
      if (std::find(tried.begin(), tried.end(), replica) != tried.end()) continue;
      if (number-- == 0) return replica;
    }
    return std::shared_ptr<Replica>();
  };
  const auto count = [&](bool with_suspects) {
    return static_cast<uint64_t>(
        std::count_if(replicas.begin(), replicas.end(), [&](const auto& replica) {
          return (with_suspects || replica->suspect_until <= now) &&
                 std::find(tried.begin(), tried.end(), replica) == tried.end();
        }));
  };
  bool with_suspects = false;
  uint64_t candidates = count(false);
  if (candidates == 0) {
    with_suspects = true;
    candidates = count(true);
  }
  if (candidates == 0) return nullptr;
  if (candidates == 1) return find(with_suspects, 0, nullptr);
  std::shared_ptr<Replica> first = find(with_suspects, random_.Next() % candidates, nullptr);
  std::shared_ptr<Replica> second =
      find(with_suspects, random_.Next() % (candidates - 1), first.get());
  return second->in_flight < first->in_flight ? second : first;
}

bool Proxy::AddWaiting(ProxiedRequest& request, size_t body_bytes) {
  if (waiting_.size() >= options_.max_waiting ||
      stats_.waiting_bytes + body_bytes > options_.max_waiting_bytes) {
    return false;
  }
  waiting_.emplace(request.number(), &request);
  stats_.waiting = waiting_.size();
  stats_.waiting_bytes += body_bytes;
  return true;
}

void Proxy::RemoveWaiting(uint64_t number, size_t body_bytes) {
  waiting_.erase(number);
  stats_.waiting = waiting_.size();
  stats_.waiting_bytes -= body_bytes;
}

void Proxy::OnRoutesChanged() {
  // A look may end a request, and one may wait again under its old number.
  uint64_t next = 0;
  for (auto at = waiting_.lower_bound(next); at != waiting_.end();
       at = waiting_.lower_bound(next)) {
    next = at->first + 1;
    at->second->LookAgain();
  }
}

void Proxy::StopWaiting() {
  stopped_waiting_ = true;
  while (!waiting_.empty()) waiting_.begin()->second->StopWaiting();
}

void Proxy::Remove(ProxiedRequest& request, const AccessRecord& record) {
  ++stats_.replies[std::min<size_t>(static_cast<size_t>(record.status) / 100,
                                    stats_.replies.size() - 1)];
  stats_.reply_bytes += record.reply_bytes;
  stats_.AddDuration(record.total);
  --stats_.in_flight;
  if (options_.access_log) options_.access_log(FormatAccessLine(record, options_.slow_after));
  requests_.erase(&request);
}

std::string Proxy::MakeRequestId() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  for (int word = 0; word < 2; ++word) {
    uint64_t bits = random_.Next();
    for (int i = 0; i < 16; ++i, bits >>= 4) id += kDigits[bits & 15];
  }
  return id;
}

}  // namespace throng::gateway
