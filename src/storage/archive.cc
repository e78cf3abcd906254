#include "storage/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "storage/path_rules.h"

namespace throng::storage {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeArchive>;

Status Damaged() { return InvalidArgumentError("the archive is damaged or of another kind"); }

Status Refused(std::string_view name, std::string_view what) {
  constexpr size_t kShownBytes = 128;
  return InvalidArgumentError("the archive's member '" + EscapeForLog(name, kShownBytes) + "' " +
                              std::string(what));
}

// What libarchive reads from. A failure of the source is kept, because libarchive would only say
// that it could not read.
struct Input {
  const ArchiveSource& source;
  uint64_t at = 0;
  std::vector<char> buffer = std::vector<char>(kReadBytes);
  Status failure;

  static la_ssize_t Read(archive*, void* self, const void** bytes) {
    Input& input = *static_cast<Input*>(self);
    Result<size_t> count = input.source.read_at(input.at, input.buffer);
    if (!count.ok()) {
      input.failure = count.status();
      return ARCHIVE_FATAL;
    }
    input.at += *count;
    *bytes = input.buffer.data();
    return static_cast<la_ssize_t>(*count);
  }

  static la_int64_t Skip(archive*, void* self, la_int64_t request) {
    Input& input = *static_cast<Input*>(self);
    const uint64_t left = input.source.size_bytes - std::min(input.at, input.source.size_bytes);
    const uint64_t step =
        std::min<uint64_t>(left, static_cast<uint64_t>(std::max<la_int64_t>(request, 0)));
    input.at += step;
    return static_cast<la_int64_t>(step);
  }

  static la_int64_t Seek(archive*, void* self, la_int64_t offset, int whence) {
    Input& input = *static_cast<Input*>(self);
    int64_t base = 0;
    if (whence == SEEK_CUR) base = static_cast<int64_t>(input.at);
    if (whence == SEEK_END) base = static_cast<int64_t>(input.source.size_bytes);
    const int64_t size = static_cast<int64_t>(input.source.size_bytes);
    if ((offset < 0 && base < -offset) || (offset > 0 && offset > size - base)) {
      return ARCHIVE_FATAL;
    }
    input.at = static_cast<uint64_t>(base + offset);
    return base + offset;
  }
};

Result<Reader> OpenReader(std::string_view kind, Input& input) {
  Reader reader(archive_read_new());
  THRONG_CHECK(reader != nullptr);
  archive* const raw = reader.get();
  if (kind == ".zip") {
    // By the directory at its end only: what a stream would show first may differ from it.
    archive_read_support_format_zip_seekable(raw);
  } else if (kind == ".tar" || kind == ".tgz") {
    archive_read_support_format_tar(raw);
    archive_read_support_filter_gzip(raw);
  } else {
    return UnimplementedError("an archive of a kind that is not supported");
  }
  archive_read_set_callback_data(raw, &input);
  archive_read_set_read_callback(raw, &Input::Read);
  archive_read_set_skip_callback(raw, &Input::Skip);
  archive_read_set_seek_callback(raw, &Input::Seek);
  if (archive_read_open1(raw) != ARCHIVE_OK) return input.failure.ok() ? Damaged() : input.failure;
  return reader;
}

// In UTF-8 when the archive says what its bytes mean, else as they are; never by the locale.
std::string NameOf(archive_entry* entry) {
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  return name == nullptr ? "" : name;
}

bool IsHardLink(archive_entry* entry) {
  return archive_entry_hardlink(entry) != nullptr || archive_entry_hardlink_utf8(entry) != nullptr;
}

bool IsSymbolicLink(archive_entry* entry) {
  return archive_entry_filetype(entry) == AE_IFLNK || archive_entry_symlink(entry) != nullptr ||
         archive_entry_symlink_utf8(entry) != nullptr;
}

class Unpacker {
 public:
  Unpacker(ArchiveSink& sink, const std::function<Status()>& check, Input& input)
      : sink_(sink), check_(check), input_(input) {}

  Status Run(archive* reader) {
    archive_entry* entry = nullptr;
    for (size_t members = 0;; ++members) {
      THRONG_RETURN_IF_ERROR(check_());
      const int code = archive_read_next_header(reader, &entry);
      if (code == ARCHIVE_EOF) return members == 0 ? Empty() : OkStatus();
      // A warning is about what we do not use (a name in another encoding, attributes).
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return ReadFailure();
      if (members == limits::kArchiveMembers) {
        return ResourceExhaustedError("the archive has more than " +
                                      std::to_string(limits::kArchiveMembers) + " members");
      }
      THRONG_RETURN_IF_ERROR(Take(reader, entry));
    }
  }

 private:
  static Status Empty() { return InvalidArgumentError("the archive is empty"); }

  Status ReadFailure() const { return input_.failure.ok() ? Damaged() : input_.failure; }

  Status Take(archive* reader, archive_entry* entry) {
    std::string name = NameOf(entry);
    const auto type = archive_entry_filetype(entry);
    if (IsSymbolicLink(entry)) return Refused(name, "is a symbolic link");
    if (IsHardLink(entry)) return Refused(name, "is a hard link");
    if (type != AE_IFREG && type != AE_IFDIR) {
      return Refused(name, "is neither a file nor a folder");
    }
    // What `tar -C DIR .` writes.
    while (name.starts_with("./")) name.erase(0, 2);
    if (type == AE_IFDIR) {
      while (name.ends_with('/')) name.pop_back();
      if (name.empty() || name == ".") return OkStatus();
      THRONG_RETURN_IF_ERROR(rules_.AddFolder(name));
      return sink_.AddFolder(name);
    }
    if (archive_entry_is_encrypted(entry)) return Refused(name, "is encrypted");
    if (archive_entry_sparse_count(entry) > 0) return Refused(name, "has holes");
    THRONG_RETURN_IF_ERROR(rules_.AddFile(name));
    return TakeFile(reader, entry, name);
  }

  Status TakeFile(archive* reader, archive_entry* entry, const std::string& name) {
    const bool declared = archive_entry_size_is_set(entry) != 0;
    const int64_t declared_bytes = archive_entry_size(entry);
    if (declared && (declared_bytes < 0 ||
                     static_cast<uint64_t>(declared_bytes) > limits::kArtifactBytes - bytes_)) {
      return TooLarge();
    }
    THRONG_RETURN_IF_ERROR(sink_.StartFile(name));
    uint64_t file_bytes = 0;
    for (;;) {
      const void* block = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      const int code = archive_read_data_block(reader, &block, &size, &offset);
      if (code == ARCHIVE_EOF) break;
      // Also a warning: that is how a wrong CRC of a zip is told.
      if (code != ARCHIVE_OK) return ReadFailure();
      if (static_cast<uint64_t>(offset) != file_bytes) return Refused(name, "has holes");
      if (size > limits::kArtifactBytes - bytes_) return TooLarge();
      bytes_ += size;
      file_bytes += size;
      THRONG_RETURN_IF_ERROR(check_());
      THRONG_RETURN_IF_ERROR(sink_.Write({static_cast<const char*>(block), size}));
    }
    if (declared && static_cast<uint64_t>(declared_bytes) != file_bytes) return Damaged();
    return sink_.EndFile();
  }

  static Status TooLarge() {
    return ResourceExhaustedError("the archive holds more than " +
                                  std::to_string(limits::kArtifactBytes) + " bytes");
  }

  ArchiveSink& sink_;
  const std::function<Status()>& check_;
  const Input& input_;
  PathRules rules_;
  uint64_t bytes_ = 0;
};

}  // namespace

Status UnpackArchive(std::string_view kind, const ArchiveSource& source, ArchiveSink& sink,
                     const std::function<Status()>& check) {
  Input input{.source = source};
  THRONG_ASSIGN_OR_RETURN(const Reader reader, OpenReader(kind, input));
  return Unpacker(sink, check, input).Run(reader.get());
}

}  // namespace throng::storage
