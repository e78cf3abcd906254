// PathRules: which names a store or an archive may give to files below a model's folder. One object
// sees all names of one model, because some rules are about several: duplicates, names that differ
// in case only (they are one file on some disks), a file where another name needs a folder.
//
//   PathRules rules;
//   THRONG_RETURN_IF_ERROR(rules.AddFile("1/model.pt"));
//
// Not thread-safe. ERRORS: kInvalidArgument — the rule, with the name escaped; kResourceExhausted —
// more than limits::kArtifactFiles, or deeper than limits::kArtifactDepth.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace throng::storage {

// Relative, segments without '.' and '..', valid UTF-8 without control characters or backslashes,
// within limits::kStoragePathBytes and kStorageNameBytes.
Status CheckRelativePath(std::string_view path);

class PathRules {
 public:
  Status AddFile(std::string_view path);
  // A folder may be named again.
  Status AddFolder(std::string_view path);

 private:
  struct Known {
    std::string name;
    bool is_file = false;
  };
  Status AddPrefixes(std::string_view path);
  Status Add(std::string_view path, bool is_file);

  std::map<std::string, Known> known_;  // by the name in lower case
  size_t files_ = 0;
};

}  // namespace throng::storage
