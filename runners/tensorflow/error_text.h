// TensorFlow's error texts made fit for a client: the reason alone, without dumps of nodes, names
// of functions and hosts, and cleaned as sdk/error_text.h does. Pure.
#pragma once

#include <string>
#include <string_view>

namespace throng::tensorflow_runner {

std::string ErrorReason(std::string_view text);

}  // namespace throng::tensorflow_runner
