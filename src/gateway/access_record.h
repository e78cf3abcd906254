// What is known of one request when it is over, as a line of the access log. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace throng::gateway {

struct AccessRecord {
  std::string host;  // as it came
  std::string method;
  std::string path;  // without the query, which may hold what is nobody's business
  std::string request_id;
  std::string client;
  std::string replica;  // the pod that was asked last; empty: none
  int status = 0;       // 499: the client left before a reply
  bool cut = false;     // the reply began and did not end
  int attempts = 0;     // replicas that were asked
  uint64_t request_bytes = 0;
  uint64_t reply_bytes = 0;
  WallTime arrived;
  Duration waited{0};       // for a replica
  Duration earlier{0};      // in attempts before the last one
  Duration first_byte{0};   // of the last attempt, until its reply began
  Duration body{0};         // from there to its end
  Duration client_slow{0};  // of that, while the client took nothing
  Duration total{0};
};

// The part that most of the time went to, for people who ask why a request was slow: "waited for a
// ready replica", "other replicas first", "upstream" or "client".
std::string_view CauseOfSlowness(const AccessRecord& record);

// One line of JSON. `slow_after`: from which total time on it has a "slow" with the cause.
std::string FormatAccessLine(const AccessRecord& record, Duration slow_after);

}  // namespace throng::gateway
