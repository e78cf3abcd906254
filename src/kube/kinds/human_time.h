// Times as kubectl shows them: "23h", "5m30s". The roundings are those of Kubernetes, so that
// tables are equal to its own.
//
//   AgeSince("2021-05-22T20:56:12Z", clock.WallNow())  // "23h"
//
// Thread-safe: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace throng::kube {

// RFC 3339, with or without a fraction, in UTC or with an offset; before 1900 and after 2149: the
// edge of that time. Nothing: it is no such text.
std::optional<WallTime> ParseTimestamp(std::string_view text);

// Two or three figures that mean something: "119s", "2m5s", "3h", "9d". "<invalid>" for a time
// that is more than a second ahead.
std::string HumanDuration(Duration duration);

// The age of a timestamp; "<unknown>" when it is empty, "<invalid>" when it is no timestamp.
std::string AgeSince(std::string_view timestamp, WallTime now);

}  // namespace throng::kube
