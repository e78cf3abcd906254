// Randomness from the kernel: for seeds. Secrets are made where keys are (tls/).
#pragma once

#include <cstdint>

namespace throng::os {

// Unpredictable, another one at each call.
uint64_t SecureSeed();

}  // namespace throng::os
