// The name that a config.pbtxt gives its model: the field `name` of the outermost message of
// protobuf's text format. Tolerant: what is no text format has no name, and whoever loads the model
// says what is wrong with it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace throng::agent {

std::optional<std::string> ConfigName(std::string_view config_text);

}  // namespace throng::agent
