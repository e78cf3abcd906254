// What the gateway counts, and the text of its /metrics (Prometheus exposition format 0.0.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace throng::gateway {

struct GatewayStats {
  // Upper bounds of the buckets, in milliseconds; one more bucket holds the rest.
  static constexpr std::array<int64_t, 13> kBucketMs = {1,   2,   5,    10,   25,    50,   100,
                                                        250, 500, 1000, 5000, 10000, 60000};

  std::array<uint64_t, 6> replies{};  // by the first digit of the status
  uint64_t unknown_hosts = 0;
  uint64_t waits = 0;          // requests that were held for a replica
  uint64_t waits_in_vain = 0;  // of those, until their time was over
  uint64_t waits_refused = 0;  // too many wait already
  uint64_t unreached = 0;      // attempts that no replica acted on
  uint64_t not_there = 0;      // attempts that one answered 404, so that another was asked
  uint64_t replicas_lost = 0;  // while they handled a request
  uint64_t deadlines = 0;
  uint64_t clients_gone = 0;  // before or during the reply
  uint64_t cut_replies = 0;   // by their replica
  uint64_t request_bytes = 0;
  uint64_t reply_bytes = 0;
  size_t in_flight = 0;  // waiting ones too
  size_t waiting = 0;
  size_t waiting_bytes = 0;
  std::array<uint64_t, kBucketMs.size() + 1> durations{};
  Duration total_duration{0};

  void AddDuration(Duration duration);
};

struct GatewayInventory {
  size_t routes = 0;
  bool routes_synced = false;
  uint64_t watch_failures = 0;
  size_t connections = 0;
  uint64_t access_lines_lost = 0;
};

std::string GatewayMetricsPage(const GatewayStats& stats, const GatewayInventory& inventory);

}  // namespace throng::gateway
