// Archives for tests, good and hostile ones, made by libarchive in memory.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace throng::storage::testing {

struct Member {
  std::string name;
  std::string content;
  unsigned type = AE_IFREG;
  std::string hard_link;
  bool has_hole = false;
};

inline std::string MakeArchive(std::string_view kind, const std::vector<Member>& members) {
  constexpr size_t kMemberBytes = 2048;  // at most, of headers and padding
  size_t most_bytes = 1024 * 1024 + members.size() * kMemberBytes;
  for (const Member& member : members) most_bytes += member.content.size();
  std::string bytes(most_bytes, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  if (kind == ".zip") {
    archive_write_set_format_zip(writer);
  } else {
    archive_write_set_format_pax(writer);
    if (kind == ".tgz") archive_write_add_filter_gzip(writer);
  }
  archive_write_open_memory(writer, bytes.data(), bytes.size(), &used);
  for (const Member& member : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_filetype(entry, member.type);
    archive_entry_set_perm(entry, 04777);
    if (member.type == AE_IFLNK) archive_entry_set_symlink(entry, "/etc/passwd");
    if (!member.hard_link.empty()) archive_entry_set_hardlink(entry, member.hard_link.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(member.content.size()));
    if (member.has_hole) {
      archive_entry_set_size(entry, 1 << 30);
      archive_entry_sparse_add_entry(entry, 0, static_cast<la_int64_t>(member.content.size()));
    }
    THRONG_CHECK(archive_write_header(writer, entry) >= ARCHIVE_WARN);
    archive_write_data(writer, member.content.data(), member.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  bytes.resize(used);
  return bytes;
}

}  // namespace throng::storage::testing
