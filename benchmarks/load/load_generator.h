// LoadGenerator: sends HTTP/1.1 requests over connections that are open before the measurement,
// from one thread over epoll, and records latencies. A stream is either open loop (requests leave
// at planned instants; latency counts from the planned instant, waiting for a free connection
// included) or closed loop (each connection sends its next request when the last one is answered).
// Several streams, to different ports, run at once. Not thread-safe.
//
//   LoadGenerator generator;
//   generator.AddStream({.port = port, .requests = {request}, .connections = 32});
//   auto load = generator.Run(std::chrono::seconds(2));
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "benchmarks/load/histogram.h"
#include "benchmarks/load/send_plan.h"
#include "os/unique_fd.h"

namespace throng::bench {

struct StreamSpec {
  uint16_t port = 0;
  std::vector<std::string> requests;  // whole requests, sent in turn
  int connections = 1;
  double rate_per_second = 0;  // 0: closed loop
  bool poisson = true;
  Duration pause{};        // closed loop: between a reply and the next request
  uint64_t max_count = 0;  // requests per run; 0: no bound
};

struct StreamResult {
  Histogram latency;
  uint64_t ok = 0;
  uint64_t failed = 0;
  std::string first_error;  // head and body of the first reply that was not 200
};

struct LoadResult {
  std::vector<StreamResult> streams;  // in the order of AddStream
  double seconds = 0;                 // from the first send to the last reply
};

class LoadGenerator {
 public:
  LoadGenerator();
  ~LoadGenerator();
  LoadGenerator(const LoadGenerator&) = delete;
  LoadGenerator& operator=(const LoadGenerator&) = delete;

  // Connects. ERRORS: kUnavailable.
  Status AddStream(StreamSpec spec);

  // Sends for `duration`, or until every bounded stream has had its requests when all are bounded;
  // then waits for the replies. May be called again. ERRORS: kUnavailable — a connection was lost,
  // kDeadlineExceeded — replies are missing 30 s after the end, kDataLoss — not HTTP.
  Result<LoadResult> Run(Duration duration);

 private:
  struct Connection;
  struct Stream;

  void Start(MonotonicTime now);
  Status Pump(MonotonicTime now);
  Status PumpStream(Stream& stream, MonotonicTime now);
  Status Send(Connection& connection, MonotonicTime counted_from);
  Status Write(Connection& connection);
  Status Read(Connection& connection);
  void OnReply(Connection& connection, int status);
  bool Finished(MonotonicTime now) const;
  Duration NextWait(MonotonicTime now) const;
  Status Wait(Duration timeout);

  std::vector<std::unique_ptr<Stream>> streams_;
  os::UniqueFd epoll_;
  MonotonicTime stop_at_{};
};

// A whole POST request with a JSON body.
std::string MakePost(std::string_view target, std::string_view body);
std::string MakeInferRequest(std::string_view model, std::string_view body);

}  // namespace throng::bench
