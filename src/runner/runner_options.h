// What an operator can set about runner processes.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/limits.h"

namespace throng::runner {

enum class SandboxPolicy : uint8_t {
  kBestEffort,  // --sandbox on: what the kernel refuses is logged once and shown in metrics
  kRequired,    // --sandbox required: a cell without one of the parts is not used
  kOff,         // --sandbox off: for debuggers and sanitizers
};

// How long what takes milliseconds may take before a process counts as stuck and is killed.
struct RunnerDeadlines {
  Duration fork = limits::kForkDeadline;    // a warm zygote's answer
  Duration hello = limits::kHelloDeadline;  // a new cell's
  Duration stop = limits::kStopDeadline;    // the end of a cell that was asked to stop
};

struct RunnerOptions {
  std::string program_directory;  // where throng-runner-* and their manifests lie
  SandboxPolicy sandbox = SandboxPolicy::kBestEffort;
  uint64_t cell_memory_bytes = limits::kCellMemoryBytes;
  uint64_t arena_bytes = limits::kArenaBytes;
  size_t max_cells = limits::kCells;
  int spare_cells = 1;  // per framework in use
  RunnerDeadlines deadlines;
};

}  // namespace throng::runner
