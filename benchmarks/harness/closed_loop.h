// One measurement of a server under a closed loop: latency, throughput, and the CPU time of its
// processes per request.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/status.h"

namespace throng::bench {

struct ClosedLoop {
  std::string label;  // names the subject in errors
  pid_t pid = 0;      // its front door
  uint16_t port = 0;
  std::string request;
  int connections = 1;
  double seconds = 1;
};

struct Measurement {
  double front_us = 0;  // CPU per request
  double cells_us = 0;
  double p50_us = 0;
  double p99_us = 0;
  double per_second = 0;
};

// ERRORS: kUnavailable — a request was refused; those of LoadGenerator.
Result<Measurement> Measure(const ClosedLoop& loop);

}  // namespace throng::bench
