// Unpacking archives that nobody vouches for. Only plain files and folders come out of one, under
// names that PathRules allows; a link, a device, a hole, a duplicate, a name that leads elsewhere
// refuse the whole archive. Modes, owners, times and attributes in it are not looked at. The sink
// decides where the files go, so that this touches no disk.
//
//   UnpackArchive(".tgz", source, sink, check)
//
// Thread-safe. ERRORS: kInvalidArgument — what is refused, or a damaged archive;
// kResourceExhausted — over limits::kArtifactFiles, kArtifactBytes, kArtifactDepth or
// kArchiveMembers; what `source`, `sink` and `check` said.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace throng::storage {

class ArchiveSink {
 public:
  virtual ~ArchiveSink() = default;
  // Paths are relative and checked. Folders above it may not have been named.
  virtual Status AddFolder(const std::string& path) = 0;
  virtual Status StartFile(const std::string& path) = 0;
  virtual Status Write(std::string_view bytes) = 0;
  virtual Status EndFile() = 0;
};

struct ArchiveSource {
  uint64_t size_bytes = 0;
  // Fewer bytes than the buffer only at the end.
  std::function<Result<size_t>(uint64_t offset, std::span<char> buffer)> read_at;
};

// `kind`: ".tar" (also when compressed with gzip), ".tgz" or ".zip". `check` is asked from time to
// time, and ends it with its failure.
Status UnpackArchive(std::string_view kind, const ArchiveSource& source, ArchiveSink& sink,
                     const std::function<Status()>& check);

}  // namespace throng::storage
