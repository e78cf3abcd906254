// Which of the known protobuf messages a file is, by the tags of its first fields. Stateless.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "os/file.h"
#include "repository/recognise.h"

namespace throng::repository {

// kOnnx, kGraphDef, kSavedModel or kUnknown. `prefix`: how the file begins; further bytes are read
// where a field is longer. Lenient: what is plausible is left to the framework. ERRORS: those of
// `files`.
Result<Content> RecogniseProtobuf(const os::FileSystem& files, const std::string& path,
                                  std::string_view prefix, uint64_t file_bytes);

}  // namespace throng::repository
