// What a framework says of a failure, made fit for a client: no absolute paths, no addresses, no
// control characters, bounded. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace throng::sdk {

// "/opt/x/op.cc:12 at 0x7f12ab34cd56" -> "op.cc:12 at <address>". Of an absolute path its last
// component stays. Control characters become spaces, bytes that are not UTF-8 become '?'; the text
// is cut at limits::kErrorTextBytes.
std::string SanitizeErrorText(std::string_view text);

// The same failure with a sanitised text. No change to success.
Status SanitizeStatus(const Status& status);

// The Status for the exception that is being handled. REQUIRES: called in a catch block.
Status StatusFromCurrentException();

}  // namespace throng::sdk
