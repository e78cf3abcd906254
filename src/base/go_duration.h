// Durations as Go writes them ("1m30s", "1.5ms", "59.9s"): settings of Kubernetes and Knative, and
// flags and reports of vegeta. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace throng {

// Not negative; "0" needs no unit. ERRORS: kInvalidArgument.
Result<Duration> ParseGoDuration(std::string_view text);
// As Duration.String of Go's time package. REQUIRES: not negative.
std::string GoDurationText(Duration duration);

}  // namespace throng
