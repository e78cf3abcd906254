// ScriptedServer: an HTTP/1.1 server for tests that does what it is told, also what no server
// should: declare another length, stop, drip, reset the connection. On loopback, any free port, a
// thread for each connection. With a TlsIdentity it speaks TLS.
//
//   ScriptedServer server([](const ServedRequest&) { return ServedReply{.body = "x"}; });
//   Get(server.url() + "/a");
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace throng::storage::testing {

inline constexpr size_t kNever = std::numeric_limits<size_t>::max();

struct ServedRequest {
  std::string method;
  std::string target;                          // as sent
  std::string path;                            // of the target, not decoded
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct ServedReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<uint64_t> declared_bytes;  // Content-Length, when it is not the body's
  bool without_length = false;             // the body ends with the connection
  size_t reset_after = kNever;             // bytes of the body, then RST
  size_t close_after = kNever;             // then FIN
  size_t hang_after = kNever;              // then nothing, until the server ends
  double bytes_per_second = 0;             // 0: as fast as it goes
};

struct TlsIdentity {
  std::string certificate_pem;
  std::string key_pem;
};
// Self-signed for `host` (a name or a numeric address), valid from now+`from_seconds` to
// now+`to_seconds`; it is its own authority.
TlsIdentity MakeTlsIdentity(const std::string& host, long from_seconds, long to_seconds);

std::string PercentDecoded(std::string_view text);

// What a good server answers for `content`: Range, HEAD, ETag ("" for none).
ServedReply ServeContent(const ServedRequest& request, const std::string& content,
                         const std::string& etag);

class ScriptedServer {
 public:
  // Called on threads of the server.
  using Handler = std::function<ServedReply(const ServedRequest&)>;

  explicit ScriptedServer(Handler handler, std::optional<TlsIdentity> tls = std::nullopt);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  // Ends connections that hang.
  ~ScriptedServer();

  uint16_t port() const { return port_; }
  std::string host_port() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return (tls_ ? "https://" : "http://") + host_port(); }
  std::vector<ServedRequest> requests() const;
  size_t request_count() const { return requests().size(); }

 private:
  class Connection;
  void Accept();
  void Serve(int fd);
  // False: the server ends.
  bool Wait(std::chrono::nanoseconds duration);

  const Handler handler_;
  const std::optional<TlsIdentity> tls_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<ServedRequest> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace throng::storage::testing
