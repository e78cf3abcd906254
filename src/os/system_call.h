// What os/ shares between its files: errors of system calls and the closing of descriptors.
// Internal to os/. Thread-safe.
#pragma once

#include <string_view>

#include "base/status.h"

namespace throng::os {

// "<action>: No such file or directory" under the code that fits `error_number`: kNotFound,
// kPermissionDenied, kAlreadyExists, kResourceExhausted (descriptors, memory, space),
// kUnimplemented (the kernel lacks the call), else kUnavailable. `action` must hold no path.
Status ErrnoStatus(std::string_view action, int error_number);

// Closes every descriptor in [first, last]; ~0U: to the end. Safe between vfork and exec.
void CloseDescriptorRange(unsigned first, unsigned last) noexcept;

}  // namespace throng::os
