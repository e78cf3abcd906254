// Closing ranges of descriptors. Internal to os/.
#pragma once

namespace throng::os {

// Closes every descriptor in [first, last]; ~0U: to the end. Safe between vfork and exec.
void CloseDescriptorRange(unsigned first, unsigned last) noexcept;

}  // namespace throng::os
