// AttackMetrics: what became of the requests of an attack, summed up as they end, and the report of
// it for people: vegeta's text report, line by line. Not thread-safe.
//
//   AttackMetrics metrics;
//   metrics.Add({.sent_after = 100ms, .latency = 2ms, .code = 200});
//   std::string text = TextReport(metrics.Summary());
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "attack/latency_digest.h"
#include "base/clock.h"

namespace throng::attack {

struct AttackResult {
  Duration sent_after{0};  // since the attack began
  Duration latency{0};     // since it was sent
  int code = 0;            // 0: there was no reply
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  std::string error;  // empty: none
};

struct AttackSummary {
  uint64_t requests = 0;
  double rate = 0;        // sent a second
  double throughput = 0;  // succeeded a second
  Duration attack{0};     // from the first to the last that was sent
  Duration wait{0};       // from there to the last end
  Duration least{0};
  Duration mean{0};
  Duration p50{0};
  Duration p90{0};
  Duration p95{0};
  Duration p99{0};
  Duration most{0};
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  double mean_bytes_in = 0;
  double mean_bytes_out = 0;
  double success = 0;  // share of codes from 200 to 399
  std::map<std::string, uint64_t> codes;
  std::vector<std::string> errors;  // different ones, in order of appearance
};

class AttackMetrics {
 public:
  void Add(const AttackResult& result);
  AttackSummary Summary();

 private:
  uint64_t requests_ = 0;
  uint64_t successes_ = 0;
  Duration first_{0};
  Duration last_{0};
  Duration end_{0};
  Duration total_{0};
  Duration least_{0};
  Duration most_{0};
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  std::map<int, uint64_t> codes_;
  std::vector<std::string> errors_;
  LatencyDigest latencies_;
};

// As `vegeta report -type=text` prints it.
std::string TextReport(const AttackSummary& summary);

}  // namespace throng::attack
