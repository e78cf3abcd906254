// What the kernel says of a server and its model processes: CPU time in nanoseconds (schedstat, not
// the 10 ms tick) and private memory. The front door is the parent of every zygote and cell, so its
// direct children are the whole tree.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace throng::bench {

// CPU time of all living threads of a process. 0 when it has ended.
int64_t ReadCpuNs(pid_t pid);

// Processes whose parent is `pid`, oldest first.
std::vector<pid_t> ChildrenOf(pid_t pid);

// The name of the program that a process runs: "throng-runner-onnx".
std::string ProgramName(pid_t pid);

struct TreeCpu {
  int64_t front_door_ns = 0;
  int64_t cells_ns = 0;  // zygotes and spare cells included
};
TreeCpu ReadTreeCpu(pid_t server);

}  // namespace throng::bench
