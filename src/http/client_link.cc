#include "http/client_link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "os/network/unix_socket.h"
#include "os/socket.h"

namespace throng::http {

// --- ClientLink ---------------------------------------------------------------------------

ClientLink::ClientLink(LinkPool& pool, std::map<ServerAddress, LinkEntry>::iterator entry,
                       os::UniqueFd fd)
    : pool_(pool), entry_(entry), fd_(std::move(fd)) {
  ++entry_->second.links;
}

ClientLink::~ClientLink() {
  if (is_watched_) pool_.loop_.Unwatch(fd_.get());
  pool_.OnLinkClosed(entry_);
}

Status ClientLink::Watch(uint32_t interest) {
  THRONG_RETURN_IF_ERROR(pool_.loop_.Watch(fd_.get(), interest, [this](uint32_t events) {
    if (user_ == nullptr) return pool_.DropIdle(*this);
    user_->OnLinkEvents(events);
  }));
  is_watched_ = true;
  interest_ = interest;
  return OkStatus();
}

Status ClientLink::Attach(LinkUser* user, uint32_t interest) {
  user_ = user;
  if (!is_watched_) return Watch(interest);
  SetInterest(interest);
  return OkStatus();
}

void ClientLink::SetInterest(uint32_t interest) {
  if (!is_watched_) {
    // It was watched before: there is room for it. Otherwise the deadline of the call ends it.
    const Status ignored = Watch(interest);
    return;
  }
  if (interest == interest_) return;
  interest_ = interest;
  pool_.loop_.SetInterest(fd_.get(), interest);
}

void ClientLink::Rest() {
  if (is_watched_) pool_.loop_.Unwatch(fd_.get());
  is_watched_ = false;
}

// --- LinkPool -----------------------------------------------------------------------------

LinkPool::LinkPool(os::EventLoop& loop, const AsyncClientOptions& options)
    : loop_(loop), options_(options) {}

LinkPool::~LinkPool() { CloseIdle(); }

void LinkPool::CloseIdle() {
  loop_.CancelTimer(std::exchange(timer_, 0));
  std::vector<std::unique_ptr<ClientLink>> idle;
  for (auto& [address, entry] : entries_) {
    for (auto& link : entry.idle) idle.push_back(std::move(link));
    entry.idle.clear();
  }
}

std::unique_ptr<ClientLink> LinkPool::TakeIdle(const ServerAddress& address) {
  const auto found = entries_.find(address);
  if (found == entries_.end()) return nullptr;
  while (!found->second.idle.empty()) {
    std::unique_ptr<ClientLink> link = std::move(found->second.idle.back());
    found->second.idle.pop_back();
    // What can be read before a request was sent is the end of it, or nothing to trust.
    std::array<std::byte, 1> byte;
    if (os::ReadSome(link->fd(), byte).kind == os::IoResult::Kind::kWouldBlock) return link;
    const bool was_last = found->second.links == 1;
    link.reset();
    if (was_last) return nullptr;  // the entry is gone
  }
  return nullptr;
}

Result<std::unique_ptr<ClientLink>> LinkPool::Connect(const ServerAddress& address) {
  const auto found = entries_.find(address);
  if (found != entries_.end() && found->second.links >= options_.max_connections_per_address) {
    return ResourceExhaustedError("too many connections to the server");
  }
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd fd, address.unix_path.empty()
                                               ? os::ConnectTcp(address.host, address.port)
                                               : os::ConnectUnix(address.unix_path));
  const auto entry = entries_.try_emplace(address).first;
  return std::make_unique<ClientLink>(*this, entry, std::move(fd));
}

void LinkPool::Keep(std::unique_ptr<ClientLink> link) {
  std::vector<std::unique_ptr<ClientLink>>& idle = link->entry_->second.idle;
  if (idle.size() >= options_.max_idle_connections_per_address) return;
  const MonotonicTime now = loop_.clock().Now();
  link->is_kept_ = true;
  link->user_ = nullptr;
  link->idle_since_ = now;
  link->SetInterest(os::kReadable);
  idle.push_back(std::move(link));
  if (timer_ == 0) SetTimer(now + options_.idle_timeout);
}

// The server closed it, or sent what nobody asked for.
void LinkPool::DropIdle(ClientLink& link) {
  std::vector<std::unique_ptr<ClientLink>>& idle = link.entry_->second.idle;
  const auto found = std::find_if(idle.begin(), idle.end(),
                                  [&](const auto& candidate) { return candidate.get() == &link; });
  if (found == idle.end()) return link.Rest();
  const std::unique_ptr<ClientLink> dropped = std::move(*found);
  idle.erase(found);
}

void LinkPool::OnLinkClosed(Entries::iterator entry) {
  if (--entry->second.links == 0) entries_.erase(entry);
}

void LinkPool::SetTimer(MonotonicTime when) {
  timer_ = loop_.StartTimer(when, [this] { DropExpired(); });
}

void LinkPool::DropExpired() {
  timer_ = 0;
  const MonotonicTime now = loop_.clock().Now();
  MonotonicTime next = MonotonicTime::max();
  std::vector<std::unique_ptr<ClientLink>> expired;  // closing one may remove its entry
  for (auto& [address, entry] : entries_) {
    size_t count = 0;
    while (count < entry.idle.size() &&
           entry.idle[count]->idle_since_ + options_.idle_timeout <= now) {
      expired.push_back(std::move(entry.idle[count++]));
    }
    entry.idle.erase(entry.idle.begin(), entry.idle.begin() + static_cast<ptrdiff_t>(count));
    if (!entry.idle.empty()) {
      next = std::min(next, entry.idle.front()->idle_since_ + options_.idle_timeout);
    }
  }
  if (next != MonotonicTime::max()) SetTimer(next);
}

}  // namespace throng::http
