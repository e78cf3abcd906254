// Confinement: what turns a fresh clone of a zygote into a cell, in a fixed order: each step would
// block a later one the other way round. A part that the kernel or the container refuses is
// reported, not fatal: the front door decides.
#pragma once

#include <span>

#include "base/status.h"
#include "os/sandbox.h"
#include "runners/sdk/backend.h"
#include "wire/messages.h"

namespace throng::sdk {

// `filter` was compiled in the zygote. ERRORS: the front door is gone, or PrepareCell failed; the
// process must end.
Result<os::SandboxReport> Confine(const wire::ForkRequest& request,
                                  std::span<const int> descriptors, Backend& backend,
                                  const BackendSandbox& sandbox, const os::SyscallFilter& filter);

}  // namespace throng::sdk
