// The list of members of a zip archive, read without trusting it: PyTorch and Keras keep models in
// zip archives, and what is inside tells which kind. Nothing is ever decompressed. Stateless.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "os/file.h"

namespace throng::repository {

struct ZipMember {
  std::string name;
  uint64_t header_offset = 0;  // of the local header
  uint64_t stored_bytes = 0;   // in the archive
  bool compressed = false;
};

// ERRORS: kInvalidArgument — cut short, members overlap or lie outside the file, or it is no zip
// archive; kResourceExhausted — over limits::kArchiveMembers or kArchiveDirectoryBytes; those of
// `files`.
Result<std::vector<ZipMember>> ReadZipDirectory(const os::FileSystem& files,
                                                const std::string& path, uint64_t file_bytes);

// The first bytes of a member that is not compressed. ERRORS: as above.
Result<std::string> ReadZipMember(const os::FileSystem& files, const std::string& path,
                                  const ZipMember& member, uint64_t max_bytes);

}  // namespace throng::repository
