// The benchmarks. Each prints its tables and its targets; a Status is an error of the measurement,
// never a missed target.
#pragma once

#include "base/status.h"
#include "benchmarks/harness/options.h"

namespace throng::bench {

Status RunOverhead(const Options& options);
Status RunFloor(const Options& options);
Status RunColdStart(const Options& options);
Status RunDensity(const Options& options);
Status RunNeighbour(const Options& options);
Status RunGateway(const Options& options);
Status RunMachine(const Options& options);

}  // namespace throng::bench
