// Connections of an AsyncClient: one ClientLink each, kept by the LinkPool between calls, newest
// used first, oldest closed when its time is over or the server ends it. Internal to http/. A link
// belongs to a call, or to the pool while it is idle; none outlives the pool. On the loop's thread.
//
//   std::unique_ptr<ClientLink> link = pool.TakeIdle(address);
//   link->Attach(&call, os::kReadable);
//   ...
//   pool.Keep(std::move(link));       // or let it go: closed
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/status.h"
#include "http/async_client.h"
#include "os/event_loop.h"
#include "os/unique_fd.h"

namespace throng::http {

class LinkUser {
 public:
  virtual ~LinkUser() = default;
  // Of EventLoop::Watch. May destroy the link.
  virtual void OnLinkEvents(uint32_t events) = 0;
};

class ClientLink;

// The links to one address.
struct LinkEntry {
  size_t links = 0;                               // idle ones too
  std::vector<std::unique_ptr<ClientLink>> idle;  // oldest first
};

class LinkPool {
 public:
  LinkPool(os::EventLoop& loop, const AsyncClientOptions& options);
  LinkPool(const LinkPool&) = delete;
  LinkPool& operator=(const LinkPool&) = delete;
  ~LinkPool();

  // Null when there is none that still seems to stand.
  std::unique_ptr<ClientLink> TakeIdle(const ServerAddress& address);
  // Begins a connection: writable when it stands, or failed. ERRORS: kResourceExhausted,
  // kUnavailable, kInvalidArgument — not an address, kPermissionDenied.
  Result<std::unique_ptr<ClientLink>> Connect(const ServerAddress& address);
  // Its call is over, and another may follow on it.
  void Keep(std::unique_ptr<ClientLink> link);
  void CloseIdle();

 private:
  friend class ClientLink;
  using Entries = std::map<ServerAddress, LinkEntry>;

  void DropIdle(ClientLink& link);
  void OnLinkClosed(Entries::iterator entry);
  void SetTimer(MonotonicTime when);
  void DropExpired();

  os::EventLoop& loop_;
  const AsyncClientOptions options_;
  Entries entries_;
  os::EventLoop::TimerId timer_ = 0;
};

class ClientLink {
 public:
  ClientLink(LinkPool& pool, std::map<ServerAddress, LinkEntry>::iterator entry, os::UniqueFd fd);
  ClientLink(const ClientLink&) = delete;
  ClientLink& operator=(const ClientLink&) = delete;
  ~ClientLink();

  int fd() const { return fd_.get(); }
  // It carried a call before: the server may have closed it meanwhile.
  bool is_kept() const { return is_kept_; }
  // From now on `user` hears of events. ERRORS: as EventLoop::Watch, at the first one.
  Status Attach(LinkUser* user, uint32_t interest);
  void SetInterest(uint32_t interest);
  // No event at all until the next SetInterest: a hang-up would be told again and again.
  void Rest();

 private:
  friend class LinkPool;

  Status Watch(uint32_t interest);

  LinkPool& pool_;
  const std::map<ServerAddress, LinkEntry>::iterator entry_;
  const os::UniqueFd fd_;
  LinkUser* user_ = nullptr;  // null: idle
  uint32_t interest_ = 0;
  bool is_watched_ = false;
  bool is_kept_ = false;
  MonotonicTime idle_since_;
};

}  // namespace throng::http
