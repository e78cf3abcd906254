// For processes that hold other people's secrets. Thread-safe.
#pragma once

#include "base/status.h"

namespace throng::os {

// From now on the memory of this process is nobody's to read: no core dump, no debugger, no
// /proc/PID/mem or environ for others of the same user.
Status KeepMemoryPrivate();

}  // namespace throng::os
