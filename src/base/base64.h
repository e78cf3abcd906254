// Base64 (RFC 4648, with padding), in which text formats hold bytes. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace throng {

std::string EncodeBase64(std::string_view bytes);
// Nothing: not base64 (with padding, without line breaks).
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace throng
