// FaultProxy: stands between a client and any server on loopback and breaks connections as a
// network would: after so many bytes towards the client, by reset, end, or silence; or drips them.
// Knows no protocol, so that it serves real servers and TLS too. Threads of its own.
//
//   FaultProxy proxy(server.port());
//   proxy.set_plan([](int connection) { return FaultPlan{.reset_after = 1000}; });
//   Get("http://" + proxy.host_port() + "/");
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace throng::storage::testing {

struct FaultPlan {
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  uint64_t reset_after = kNever;  // bytes towards the client, then RST
  uint64_t close_after = kNever;  // then FIN
  uint64_t hang_after = kNever;   // then nothing, until the proxy ends or the client goes
  double bytes_per_second = 0;    // 0: as fast as it goes
};

class FaultProxy {
 public:
  explicit FaultProxy(uint16_t upstream_port);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy();

  // Called for each connection, counted from 1, on a thread of the proxy.
  void set_plan(std::function<FaultPlan(int connection)> plan);
  uint16_t port() const { return port_; }
  std::string host_port() const { return "127.0.0.1:" + std::to_string(port_); }
  int connection_count() const { return connections_; }

 private:
  void Accept();
  void Serve(int client, const FaultPlan& plan);
  void Relay(int client, int server, const FaultPlan& plan);
  // False: the proxy ends.
  bool Wait(std::chrono::nanoseconds duration);

  const uint16_t upstream_port_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::function<FaultPlan(int)> plan_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace throng::storage::testing
