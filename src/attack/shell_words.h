// The words of a shell's line, for lines that need no shell: words, quotes and pipes. What a shell
// would do more than that with is refused, so that no text means something else here than there.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace throng::attack {

struct ShellWord {
  std::string text;
  bool is_pipe = false;  // an unquoted |
  bool operator==(const ShellWord&) const = default;
};

// ERRORS: kInvalidArgument — naming the character or the rule.
Result<std::vector<ShellWord>> SplitShellText(std::string_view text);

}  // namespace throng::attack
