#include "os/machine/private_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

#include "os/system_call.h"

namespace throng::os {

Status KeepMemoryPrivate() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return ErrnoStatus("private memory", errno);
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return ErrnoStatus("private memory", errno);
  return OkStatus();
}

}  // namespace throng::os
