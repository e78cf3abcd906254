// The front door of `throng serve` with the framework in its own process: the same HTTP, JSON,
// scheduler and residency over InProcessCells. The floor that a cell's latency is held against.
#pragma once

#include "runners/sdk/backend.h"

namespace throng::bench {

// Arguments: the folder of the runners' manifests, the folder of models. Prints the port on a line
// of standard output when it listens, and serves until SIGTERM. Returns the exit status.
int RunFloorServer(int argc, char** argv, sdk::Backend& backend);

}  // namespace throng::bench
