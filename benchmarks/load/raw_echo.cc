#include "benchmarks/load/raw_echo.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "os/socket.h"

namespace throng::bench {
namespace {

struct Connection {
  os::UniqueFd fd;
  std::string in;
};

// The length of the first whole request in `in`, and where its body starts; 0 when it is not whole.
size_t WholeRequest(std::string_view in, size_t& body_at) {
  const size_t end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const size_t at = in.substr(0, end).find(kName);
  size_t length = 0;
  if (at != std::string_view::npos) {
    std::from_chars(in.data() + at + kName.size(), in.data() + end, length);
  }
  body_at = end + 4;
  return in.size() >= body_at + length ? body_at + length : 0;
}

// False when the connection has ended.
bool Serve(Connection& connection) {
  char buffer[64 * 1024];
  const ssize_t got = recv(connection.fd.get(), buffer, sizeof(buffer), 0);
  if (got <= 0) return false;
  connection.in.append(buffer, static_cast<size_t>(got));
  std::string out;
  size_t body_at = 0;
  while (const size_t whole = WholeRequest(connection.in, body_at)) {
    out += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    out += std::to_string(whole - body_at);
    out += "\r\n\r\n";
    out.append(connection.in, body_at, whole - body_at);
    connection.in.erase(0, whole);
  }
  for (std::string_view rest = out; !rest.empty();) {
    const ssize_t sent = send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void Add(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

int RunRawEcho(const os::UniqueFd& listener) {
  const os::UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return 1;
  Add(epoll.get(), listener.get());
  std::unordered_map<int, Connection> connections;
  epoll_event events[64];
  while (true) {
    const int count = epoll_wait(epoll.get(), events, 64, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener.get()) {
        auto accepted = os::Accept(fd);
        if (!accepted.ok() || !accepted->has_value()) continue;
        const int client = (**accepted).get();
        Add(epoll.get(), client);
        connections[client] = Connection{std::move(**accepted), {}};
      } else if (!Serve(connections[fd])) {
        connections.erase(fd);
      }
    }
  }
}

}  // namespace throng::bench
