// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace throng {

// Length (1-4) of the sequence that `text` starts with; 0 when it starts with no valid one.
// REQUIRES: !text.empty().
size_t Utf8SequenceLength(std::string_view text);

bool IsValidUtf8(std::string_view text);

}  // namespace throng
