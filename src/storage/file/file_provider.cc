#include "storage/file/file_provider.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace throng::storage {
namespace {

constexpr size_t kReadBytes = 1024 * 1024;

// What changes when a file is written or replaced.
std::string VersionOf(const os::FileInfo& info) {
  return std::to_string(info.inode) + "-" + std::to_string(info.modified_ns) + "-" +
         std::to_string(info.size_bytes);
}

Status CheckTime(const Deadline& deadline) {
  if (deadline.cancel != nullptr && deadline.cancel->cancelled()) {
    return CancelledError("the fetch was cancelled");
  }
  if (deadline.clock.Now() < deadline.at) return OkStatus();
  return DeadlineExceededError("the deadline passed while reading from the store");
}

class FileProvider final : public StorageProvider {
 public:
  FileProvider(os::BeneathDirectory root, std::string rest)
      : root_(std::move(root)), rest_(std::move(rest)) {}

  Result<Listing> List(const StorageUri& uri, const Deadline& deadline) override {
    THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, root_.Stat(rest_));
    Listing listing;
    switch (info.kind) {
      case os::FileKind::kAbsent:
        return NotFoundError("nothing is there");
      case os::FileKind::kOther:
        return PermissionDeniedError("it is neither a file nor a directory");
      case os::FileKind::kRegular:
        listing.objects.push_back(
            ObjectOf(std::string(os::BaseName(rest_.empty() ? uri.path : rest_)), rest_, info));
        return listing;
      case os::FileKind::kDirectory:
        break;
    }
    THRONG_RETURN_IF_ERROR(ListFolder("", 0, deadline, listing));
    if (listing.objects.empty()) return NotFoundError("the directory is empty");
    return listing;
  }

  Status Read(const StorageUri&, const ObjectInfo& object, uint64_t offset, uint64_t size_bytes,
              const Deadline& deadline, const ByteSink& sink) override {
    Result<os::UniqueFd> fd = root_.OpenFile(object.key);
    if (!fd.ok() && fd.status().code() == StatusCode::kNotFound) return Changed();
    if (!fd.ok()) return fd.status();
    THRONG_RETURN_IF_ERROR(CheckVersion(fd->get(), object));
    const uint64_t there = object.size_bytes - std::min(offset, object.size_bytes);
    uint64_t left = std::min(size_bytes, there);
    std::vector<char> buffer(std::min<uint64_t>(kReadBytes, std::max<uint64_t>(left, 1)));
    while (left > 0) {
      THRONG_RETURN_IF_ERROR(CheckTime(deadline));
      const size_t step = std::min<uint64_t>(left, buffer.size());
      THRONG_ASSIGN_OR_RETURN(const size_t count,
                              os::ReadFileAt(fd->get(), offset, {buffer.data(), step}));
      if (count == 0) return Changed();
      THRONG_RETURN_IF_ERROR(sink({buffer.data(), count}));
      offset += count;
      left -= count;
    }
    return CheckVersion(fd->get(), object);
  }

 private:
  static Status Changed() {
    return Status(StatusCode::kAborted, "the file changed while it was read");
  }

  static Status CheckVersion(int fd, const ObjectInfo& object) {
    THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, os::InfoOf(fd));
    return VersionOf(info) == object.version ? OkStatus() : Changed();
  }

  static ObjectInfo ObjectOf(std::string relative, std::string key, const os::FileInfo& info) {
    ObjectInfo object;
    object.relative_path = std::move(relative);
    object.key = std::move(key);
    object.size_bytes = info.size_bytes;
    object.version = VersionOf(info);
    return object;
  }

  // `below`: relative to what the URI names.
  Status ListFolder(const std::string& below, size_t depth, const Deadline& deadline,
                    Listing& listing) const {
    if (depth > limits::kArtifactDepth) {
      return ResourceExhaustedError("folders are nested deeper than " +
                                    std::to_string(limits::kArtifactDepth));
    }
    THRONG_RETURN_IF_ERROR(CheckTime(deadline));
    THRONG_ASSIGN_OR_RETURN(const std::vector<os::DirectoryEntry> entries,
                            root_.List(os::JoinPath(rest_, below)));
    for (const os::DirectoryEntry& entry : entries) {
      const std::string relative = os::JoinPath(below, entry.name);
      if (entry.kind == os::FileKind::kDirectory) {
        THRONG_RETURN_IF_ERROR(ListFolder(relative, depth + 1, deadline, listing));
        continue;
      }
      if (entry.kind == os::FileKind::kAbsent) continue;  // removed meanwhile, or a dangling link
      if (entry.kind != os::FileKind::kRegular) {
        return PermissionDeniedError("there is something that is neither a file nor a directory");
      }
      if (listing.objects.size() == limits::kArtifactFiles) {
        return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles) +
                                      " files");
      }
      const std::string key = os::JoinPath(rest_, relative);
      THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, root_.Stat(key));
      if (info.kind == os::FileKind::kRegular) {
        listing.objects.push_back(ObjectOf(relative, key, info));
      }
    }
    return OkStatus();
  }

  const os::BeneathDirectory root_;
  const std::string rest_;
};

}  // namespace

Result<std::unique_ptr<StorageProvider>> MakeDirectoryProvider(const std::string& root,
                                                               const std::string& rest) {
  Result<os::BeneathDirectory> directory = os::BeneathDirectory::Open(root);
  if (!directory.ok()) return directory.status().WithContext("the directory of the operator");
  return std::unique_ptr<StorageProvider>(
      std::make_unique<FileProvider>(std::move(*directory), rest));
}

Result<std::unique_ptr<StorageProvider>> MakeClaimProvider(const ProviderContext& context,
                                                           const StorageUri& uri) {
  const auto found = context.options.claims.find(uri.authority);
  if (found == context.options.claims.end()) {
    return NotFoundError("no directory stands for the claim \"" + uri.authority +
                         "\": give one with --pvc " + uri.authority + "=DIRECTORY");
  }
  return MakeDirectoryProvider(found->second, uri.path);
}

Result<std::unique_ptr<StorageProvider>> MakeFileProvider(const ProviderContext& context,
                                                          const StorageUri& uri) {
  const std::string path = "/" + uri.path;
  std::string_view best;
  for (std::string_view root : context.options.file_roots) {
    while (root.size() > 1 && root.ends_with('/')) root.remove_suffix(1);
    const bool inside =
        root == "/" || path == root || (path.starts_with(root) && path[root.size()] == '/');
    if (root.starts_with('/') && inside && root.size() > best.size()) best = root;
  }
  if (best.empty()) {
    return PermissionDeniedError(
        "file:// is allowed only below the directories given with --file-root");
  }
  std::string_view rest = std::string_view(path).substr(best.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  return MakeDirectoryProvider(std::string(best), std::string(rest));
}

}  // namespace throng::storage
