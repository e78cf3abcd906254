// Which processors a process may use.
#pragma once

#include "base/status.h"

namespace throng::os {

// Keeps this process, and the threads and processes that it starts from now on, to `count` of the
// processors that it may use now; no effect when there are not more. Different processes get
// different ones, as far as there are enough. Call it before the first thread.
Status LimitProcessors(int count);

}  // namespace throng::os
