// Lets a person edit a text with a program of theirs, in a file of its own (mode 0600), which is
// gone afterwards. Blocks; for command lines only.
//
//   THRONG_ASSIGN_OR_RETURN(std::string edited, EditText("vi", text, ".yaml"));
#pragma once

#include <string>

#include "base/status.h"

namespace throng::os {

// `editor` is a line of a shell ("code --wait"); the file's path is its last argument. The program
// has this one's terminal; a Ctrl-C is the editor's. ERRORS: kAborted — it failed;
// kPermissionDenied, kResourceExhausted — no file can be made in the temporary folder.
Result<std::string> EditText(const std::string& editor, const std::string& text,
                             const std::string& suffix);

}  // namespace throng::os
