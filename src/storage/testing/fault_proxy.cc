#include "storage/testing/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"

namespace throng::storage::testing {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t count = send(fd, bytes, size, MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

}  // namespace

FaultProxy::FaultProxy(uint16_t upstream_port) : upstream_port_(upstream_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  THRONG_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  THRONG_CHECK(listen(listener_, 64) == 0);
  THRONG_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FaultProxy::~FaultProxy() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  changed_.notify_all();
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

void FaultProxy::set_plan(std::function<FaultPlan(int connection)> plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
}

void FaultProxy::Accept() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_ || fd < 0) {
      if (fd >= 0) close(fd);
      return;
    }
    const int number = ++connections_;
    const FaultPlan plan = plan_ ? plan_(number) : FaultPlan();
    open_.push_back(fd);
    threads_.emplace_back([this, fd, plan] { Serve(fd, plan); });
  }
}

void FaultProxy::Serve(int client, const FaultPlan& plan) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(upstream_port_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    Relay(client, server, plan);
  }
  close(server);
  const std::lock_guard lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), client));
  close(client);
}

void FaultProxy::Relay(int client, int server, const FaultPlan& plan) {
  const uint64_t cut = std::min({plan.reset_after, plan.close_after, plan.hang_after});
  uint64_t sent = 0;
  char buffer[16 * 1024];
  pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
  while (poll(ends, 2, -1) >= 0) {
    if (ends[0].revents != 0) {
      const ssize_t count = recv(client, buffer, sizeof(buffer), 0);
      if (count <= 0 || !SendAll(server, buffer, static_cast<size_t>(count))) return;
    }
    if (ends[1].revents == 0) continue;
    const bool drips = plan.bytes_per_second > 0;
    const uint64_t most = std::min<uint64_t>({sizeof(buffer), cut - sent, drips ? 1 : cut});
    const ssize_t count = most == 0 ? 0 : recv(server, buffer, most, 0);
    if (most > 0 && (count <= 0 || !SendAll(client, buffer, static_cast<size_t>(count)))) return;
    sent += static_cast<uint64_t>(count);
    if (drips &&
        !Wait(std::chrono::nanoseconds(static_cast<int64_t>(1e9 / plan.bytes_per_second)))) {
      return;
    }
    if (sent < cut) continue;
    if (cut == plan.hang_after) {
      ends[1].fd = -1;  // what the client says goes on, until it leaves
    } else {
      const linger now = {.l_onoff = plan.reset_after == cut ? 1 : 0, .l_linger = 0};
      setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
      return;
    }
  }
}

bool FaultProxy::Wait(std::chrono::nanoseconds duration) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, duration, [this] { return stopping_; });
}

}  // namespace throng::storage::testing
