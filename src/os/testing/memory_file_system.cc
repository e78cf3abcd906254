#include "os/testing/memory_file_system.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/limits.h"

namespace throng::os::testing {
namespace {

// "/a/b" of "/a//b/." ; "." of "".
std::string Normal(std::string_view path) {
  std::string normal = path.substr(0, 1) == "/" ? "/" : "";
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    normal = normal.empty() ? std::string(part) : JoinPath(normal, part);
  }
  return normal.empty() ? "." : normal;
}

bool IsTop(const std::string& normal) { return normal == "/" || normal == "."; }

Status Missing(std::string_view path) {
  return NotFoundError("'" + std::string(BaseName(path)) + "': No such file or directory");
}

Status TooLarge(std::string_view path, uint64_t max_bytes) {
  return ResourceExhaustedError("'" + std::string(BaseName(path)) + "' is larger than " +
                                std::to_string(max_bytes) + " bytes");
}

}  // namespace

MemoryFileSystem::Node& MemoryFileSystem::Put(const std::string& path, FileKind kind) {
  const std::string normal = Normal(path);
  for (std::string above = normal; !IsTop(above);) {
    above = Normal(DirectoryName(above));
    if (nodes_.count(above) == 0) nodes_[above].inode = ++changes_;
  }
  Node& node = nodes_[normal];
  node.kind = kind;
  node.inode = ++changes_;
  node.modified_ns = static_cast<int64_t>(changes_);
  return node;
}

void MemoryFileSystem::PutFile(const std::string& path, std::string content) {
  const MutexLock lock(mutex_);
  Put(path, FileKind::kRegular).content = std::move(content);
}

void MemoryFileSystem::MakeDirectory(const std::string& path) {
  const MutexLock lock(mutex_);
  Put(path, FileKind::kDirectory);
}

void MemoryFileSystem::PutOther(const std::string& path) {
  const MutexLock lock(mutex_);
  Put(path, FileKind::kOther);
}

void MemoryFileSystem::Remove(const std::string& path) {
  const MutexLock lock(mutex_);
  const std::string normal = Normal(path);
  const std::string beneath = JoinPath(normal, "");
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    const bool removed =
        node->first == normal || node->first.compare(0, beneath.size(), beneath) == 0;
    node = removed ? nodes_.erase(node) : std::next(node);
  }
}

void MemoryFileSystem::Fail(const std::string& path, const Status& failure) {
  const MutexLock lock(mutex_);
  if (failure.ok()) {
    failures_.erase(Normal(path));
  } else {
    failures_[Normal(path)] = failure;
  }
}

void MemoryFileSystem::ChangeDuringNextAppend(const std::string& path) {
  const MutexLock lock(mutex_);
  nodes_[Normal(path)].changes_during_append = true;
}

const MemoryFileSystem::Node* MemoryFileSystem::Find(const std::string& normal) const {
  const auto node = nodes_.find(normal);
  return node == nodes_.end() ? nullptr : &node->second;
}

Status MemoryFileSystem::Failure(const std::string& normal) const {
  const auto failure = failures_.find(normal);
  return failure == failures_.end() ? OkStatus() : failure->second;
}

Result<FileInfo> MemoryFileSystem::Stat(const std::string& path) const {
  const MutexLock lock(mutex_);
  const std::string normal = Normal(path);
  THRONG_RETURN_IF_ERROR(Failure(normal));
  FileInfo info;
  const Node* node = Find(normal);
  if (node == nullptr) return info;
  info.kind = node->kind;
  info.size_bytes = node->content.size();
  info.modified_ns = node->modified_ns;
  info.inode = node->inode;
  return info;
}

Result<std::vector<DirectoryEntry>> MemoryFileSystem::List(const std::string& path) const {
  const MutexLock lock(mutex_);
  const std::string normal = Normal(path);
  THRONG_RETURN_IF_ERROR(Failure(normal));
  const Node* directory = Find(normal);
  if (directory == nullptr || directory->kind != FileKind::kDirectory) return Missing(path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, node] : nodes_) {
    if (IsTop(name) || Normal(DirectoryName(name)) != normal) continue;
    if (entries.size() == limits::kDirectoryEntries) {
      return ResourceExhaustedError("'" + std::string(BaseName(path)) + "' has too many entries");
    }
    entries.push_back({std::string(BaseName(name)), node.kind});
  }
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<std::string> MemoryFileSystem::Content(const std::string& path) const {
  const std::string normal = Normal(path);
  THRONG_RETURN_IF_ERROR(Failure(normal));
  const Node* node = Find(normal);
  if (node == nullptr) return Missing(path);
  if (node->kind != FileKind::kRegular) {
    return FailedPreconditionError("'" + std::string(BaseName(path)) + "' is not a regular file");
  }
  return node->content;
}

Result<std::string> MemoryFileSystem::Read(const std::string& path, uint64_t max_bytes) const {
  const MutexLock lock(mutex_);
  THRONG_ASSIGN_OR_RETURN(std::string content, Content(path));
  if (content.size() > max_bytes) return TooLarge(path, max_bytes);
  return content;
}

Result<std::string> MemoryFileSystem::ReadPrefix(const std::string& path,
                                                 uint64_t max_bytes) const {
  return ReadRange(path, 0, max_bytes);
}

Result<std::string> MemoryFileSystem::ReadRange(const std::string& path, uint64_t offset,
                                                uint64_t size_bytes) const {
  const MutexLock lock(mutex_);
  THRONG_ASSIGN_OR_RETURN(const std::string content, Content(path));
  if (offset >= content.size()) return std::string();
  return content.substr(offset, size_bytes);
}

Result<uint64_t> MemoryFileSystem::AppendTo(const std::string& path, int fd,
                                            uint64_t max_bytes) const {
  const MutexLock lock(mutex_);
  THRONG_ASSIGN_OR_RETURN(const std::string content, Content(path));
  if (content.size() > max_bytes) return TooLarge(path, max_bytes);
  for (size_t written = 0; written < content.size();) {
    const ssize_t count = write(fd, content.data() + written, content.size() - written);
    if (count < 0)
      return UnavailableError("'" + std::string(BaseName(path)) + "': cannot be copied");
    written += static_cast<size_t>(count);
  }
  bool& changes = nodes_[Normal(path)].changes_during_append;
  if (std::exchange(changes, false)) {
    return Status(StatusCode::kAborted,
                  "'" + std::string(BaseName(path)) + "' changed while it was read");
  }
  return content.size();
}

Status MemoryFileSystem::WriteAtomically(const std::string& path, std::string_view content) {
  const MutexLock lock(mutex_);
  const std::string normal = Normal(path);
  THRONG_RETURN_IF_ERROR(Failure(normal));
  const Node* directory = Find(Normal(DirectoryName(normal)));
  if (directory == nullptr || directory->kind != FileKind::kDirectory) return Missing(path);
  const Node* node = Find(normal);
  if (node != nullptr && node->kind == FileKind::kDirectory) {
    return UnavailableError("'" + std::string(BaseName(path)) + "': Is a directory");
  }
  Put(path, FileKind::kRegular).content = std::string(content);
  return OkStatus();
}

}  // namespace throng::os::testing
