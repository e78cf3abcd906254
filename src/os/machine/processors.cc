#include "os/machine/processors.h"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "os/system_call.h"

namespace throng::os {

Status LimitProcessors(int count) {
  if (count < 1) return InvalidArgumentError("the number of processors must be 1 or more");
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return ErrnoStatus("reading which processors may be used", errno);
  }
  std::vector<int> processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &allowed)) processors.push_back(processor);
  }
  if (static_cast<size_t>(count) >= processors.size()) return OkStatus();
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  // Process numbers follow each other, so that servers started together get different processors.
  const auto first = static_cast<size_t>(getpid());
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    CPU_SET(processors[(first + i) % processors.size()], &chosen);
  }
  if (sched_setaffinity(0, sizeof chosen, &chosen) != 0) {
    return ErrnoStatus("keeping to some processors", errno);
  }
  return OkStatus();
}

}  // namespace throng::os
