// LibTorch's error texts made fit for a client: one line that says what is wrong, without C++ or
// TorchScript frames and source positions, and cleaned as sdk/error_text.h does. Pure.
#pragma once

#include <string>
#include <string_view>

namespace throng::torch_runner {

std::string ErrorReason(std::string_view text);

}  // namespace throng::torch_runner
