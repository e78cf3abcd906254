// AttackPlan: what an attack does, and how it is read from the command of a container. One pipeline
// is understood, with the flags of vegeta 12 that have a meaning here:
//
//   vegeta [-cpus=N] attack [flags] | vegeta report [-type=text]
//
// given to a shell (["sh", "-c", TEXT]) or as words. Everything else is refused by name: nothing of
// a command is ever executed. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace throng::attack {

struct AttackRate {
  uint64_t count = 50;
  Duration period = std::chrono::seconds(1);
};

struct AttackPlan {
  std::string name;
  std::string targets_path;
  AttackRate rate;
  Duration duration{0};
  Duration timeout = std::chrono::seconds(30);  // of each request
  uint64_t max_workers = 0;                     // requests at once, the next one waits; 0: no limit
  uint64_t idle_connections = 10000;            // kept open
  bool keep_alive = true;
};

// `words`: command and arguments. ERRORS: kInvalidArgument — what is not supported.
Result<AttackPlan> ParsePipeline(const std::vector<std::string>& words);

// "10", "10/s", "10/1s", "600/1m". ERRORS: kInvalidArgument.
Result<AttackRate> ParseRate(std::string_view text);
// ERRORS: kInvalidArgument — of 0, or longer than limits::kAttackLongest.
Result<Duration> ParseAttackDuration(std::string_view text);

// When request `index` leaves, after the beginning.
Duration PlannedAfter(const AttackRate& rate, uint64_t index);

}  // namespace throng::attack
