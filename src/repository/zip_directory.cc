// Offsets and signatures: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central
// directory), 4.3.14–4.3.16 (end records).
#include "repository/zip_directory.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/limits.h"

namespace throng::repository {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kCentralSignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr size_t kLocalBytes = 30;
constexpr size_t kCentralBytes = 46;
constexpr size_t kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kLocator64Bytes = 20;
constexpr uint64_t kFirstTailBytes = 8 * 1024;  // holds the whole directory of a small model
constexpr uint64_t kCommentBytes = 65535;

// Little-endian. REQUIRES: offset + N <= bytes.size().
template <size_t N>
uint64_t Load(std::string_view bytes, size_t offset) {
  uint64_t value = 0;
  for (size_t i = 0; i < N; ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  }
  return value;
}

Status Damaged(const std::string& what) {
  return InvalidArgumentError("the archive is cut short or damaged (" + what + ")");
}

struct DirectoryPlace {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
  uint64_t members = 0;
};

// A range of the file; reads again only what the tail does not hold.
class Reader {
 public:
  Reader(const os::FileSystem& files, const std::string& path, uint64_t file_bytes)
      : files_(files), path_(path), file_bytes_(file_bytes) {}

  Status ReadTail(uint64_t wanted_bytes) {
    tail_offset_ = file_bytes_ - std::min(file_bytes_, wanted_bytes);
    THRONG_ASSIGN_OR_RETURN(tail_, files_.ReadRange(path_, tail_offset_, wanted_bytes));
    if (tail_.size() != file_bytes_ - tail_offset_) return Damaged("changed while it was read");
    return OkStatus();
  }

  const std::string& tail() const { return tail_; }
  uint64_t tail_offset() const { return tail_offset_; }
  uint64_t file_bytes() const { return file_bytes_; }

  Result<std::string> Range(uint64_t offset, uint64_t size_bytes) const {
    if (offset > file_bytes_ || size_bytes > file_bytes_ - offset) return Damaged("past the end");
    if (offset >= tail_offset_) return tail_.substr(offset - tail_offset_, size_bytes);
    THRONG_ASSIGN_OR_RETURN(std::string bytes, files_.ReadRange(path_, offset, size_bytes));
    if (bytes.size() != size_bytes) return Damaged("changed while it was read");
    return bytes;
  }

 private:
  const os::FileSystem& files_;
  const std::string& path_;
  const uint64_t file_bytes_;
  uint64_t tail_offset_ = 0;
  std::string tail_;
};

// Where in the tail the end record starts: the last one whose comment ends with the file.
std::optional<size_t> FindEnd(std::string_view tail) {
  if (tail.size() < kEndBytes) return std::nullopt;
  for (size_t at = tail.size() - kEndBytes + 1; at-- > 0;) {
    if (tail[at] == 'P' && Load<4>(tail, at) == kEndSignature &&
        Load<2>(tail, at + 20) == tail.size() - at - kEndBytes) {
      return at;
    }
  }
  return std::nullopt;
}

// The directory's place from the 64-bit end record, which a locator before `end_offset` names.
Result<DirectoryPlace> FindPlace64(const Reader& reader, uint64_t end_offset) {
  if (end_offset < kLocator64Bytes) return Damaged("no 64-bit end record");
  THRONG_ASSIGN_OR_RETURN(const std::string locator,
                          reader.Range(end_offset - kLocator64Bytes, kLocator64Bytes));
  if (Load<4>(locator, 0) != kLocator64Signature) return Damaged("no 64-bit end record");
  THRONG_ASSIGN_OR_RETURN(const std::string end, reader.Range(Load<8>(locator, 8), kEnd64Bytes));
  if (Load<4>(end, 0) != kEnd64Signature) return Damaged("no 64-bit end record");
  return DirectoryPlace{Load<8>(end, 48), Load<8>(end, 40), Load<8>(end, 32)};
}

Result<DirectoryPlace> FindPlace(Reader& reader) {
  THRONG_RETURN_IF_ERROR(reader.ReadTail(kFirstTailBytes));
  std::optional<size_t> end = FindEnd(reader.tail());
  if (!end && reader.file_bytes() > kFirstTailBytes) {
    THRONG_RETURN_IF_ERROR(reader.ReadTail(kEndBytes + kCommentBytes));
    end = FindEnd(reader.tail());
  }
  if (!end) return Damaged("no end record");
  const std::string_view record = std::string_view(reader.tail()).substr(*end);
  const uint64_t end_offset = reader.tail_offset() + *end;
  DirectoryPlace place{Load<4>(record, 16), Load<4>(record, 12), Load<2>(record, 10)};
  if (place.offset == 0xffffffff || place.size_bytes == 0xffffffff || place.members == 0xffff) {
    THRONG_ASSIGN_OR_RETURN(place, FindPlace64(reader, end_offset));
  }
  if (place.offset > end_offset || place.size_bytes > end_offset - place.offset) {
    return Damaged("the directory lies outside the file");
  }
  if (place.members > limits::kArchiveMembers ||
      place.size_bytes > limits::kArchiveDirectoryBytes) {
    return ResourceExhaustedError(
        "the archive has more than " + std::to_string(limits::kArchiveMembers) + " members or " +
        std::to_string(limits::kArchiveDirectoryBytes) + " bytes of names");
  }
  if (place.members > place.size_bytes / kCentralBytes) return Damaged("too few names");
  return place;
}

// Replaces the values that do not fit 32 bits by those of the 64-bit extra field (header id 1),
// which holds only these, in the order size, stored size, offset.
void ApplyExtra64(std::string_view extra, bool size_is_there, ZipMember& member) {
  while (extra.size() >= 4) {
    const uint64_t id = Load<2>(extra, 0);
    const uint64_t size = Load<2>(extra, 2);
    if (size > extra.size() - 4) return;
    std::string_view field = extra.substr(4, size);
    extra.remove_prefix(4 + size);
    if (id != 1) continue;
    if (size_is_there && field.size() >= 8) field.remove_prefix(8);
    if (member.stored_bytes == 0xffffffff && field.size() >= 8) {
      member.stored_bytes = Load<8>(field, 0);
      field.remove_prefix(8);
    }
    if (member.header_offset == 0xffffffff && field.size() >= 8) {
      member.header_offset = Load<8>(field, 0);
    }
    return;
  }
}

// Takes one member off the front of `directory`.
Result<ZipMember> TakeMember(std::string_view& directory) {
  if (directory.size() < kCentralBytes || Load<4>(directory, 0) != kCentralSignature) {
    return Damaged("a name is missing");
  }
  const size_t name_bytes = Load<2>(directory, 28);
  const size_t extra_bytes = Load<2>(directory, 30);
  const size_t all_bytes = kCentralBytes + name_bytes + extra_bytes + Load<2>(directory, 32);
  if (all_bytes > directory.size()) return Damaged("a name is cut off");
  ZipMember member;
  member.name = directory.substr(kCentralBytes, name_bytes);
  member.header_offset = Load<4>(directory, 42);
  member.stored_bytes = Load<4>(directory, 20);
  member.compressed = Load<2>(directory, 10) != 0;
  ApplyExtra64(directory.substr(kCentralBytes + name_bytes, extra_bytes),
               Load<4>(directory, 24) == 0xffffffff, member);
  directory.remove_prefix(all_bytes);
  return member;
}

// Members may have gaps between them (PyTorch aligns them), but share no byte.
Status CheckNoOverlap(const std::vector<ZipMember>& members, uint64_t directory_offset) {
  std::vector<const ZipMember*> by_offset;
  by_offset.reserve(members.size());
  for (const ZipMember& member : members) by_offset.push_back(&member);
  std::sort(by_offset.begin(), by_offset.end(), [](const ZipMember* a, const ZipMember* b) {
    return a->header_offset < b->header_offset;
  });
  for (size_t i = 0; i < by_offset.size(); ++i) {
    const uint64_t end =
        i + 1 < by_offset.size() ? by_offset[i + 1]->header_offset : directory_offset;
    const ZipMember& member = *by_offset[i];
    const uint64_t header_bytes = kLocalBytes + member.name.size();
    if (end < member.header_offset || end - member.header_offset < header_bytes ||
        end - member.header_offset - header_bytes < member.stored_bytes) {
      return Damaged("members overlap");
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<ZipMember>> ReadZipDirectory(const os::FileSystem& files,
                                                const std::string& path, uint64_t file_bytes) {
  Reader reader(files, path, file_bytes);
  THRONG_ASSIGN_OR_RETURN(const DirectoryPlace place, FindPlace(reader));
  THRONG_ASSIGN_OR_RETURN(const std::string directory,
                          reader.Range(place.offset, place.size_bytes));
  std::string_view rest = directory;
  std::vector<ZipMember> members;
  members.reserve(place.members);
  for (uint64_t i = 0; i < place.members; ++i) {
    THRONG_ASSIGN_OR_RETURN(ZipMember member, TakeMember(rest));
    members.push_back(std::move(member));
  }
  THRONG_RETURN_IF_ERROR(CheckNoOverlap(members, place.offset));
  return members;
}

Result<std::string> ReadZipMember(const os::FileSystem& files, const std::string& path,
                                  const ZipMember& member, uint64_t max_bytes) {
  if (member.compressed) return UnimplementedError("the member is compressed");
  THRONG_ASSIGN_OR_RETURN(const std::string header,
                          files.ReadRange(path, member.header_offset, kLocalBytes));
  if (header.size() != kLocalBytes || Load<4>(header, 0) != kLocalSignature) {
    return Damaged("a member's header is missing");
  }
  const uint64_t data_offset =
      member.header_offset + kLocalBytes + Load<2>(header, 26) + Load<2>(header, 28);
  return files.ReadRange(path, data_offset, std::min(max_bytes, member.stored_bytes));
}

}  // namespace throng::repository
