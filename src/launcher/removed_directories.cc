#include "launcher/removed_directories.h"

#include <utility>

#include "os/disk/directory_tree.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::launcher {
namespace {

// No namespace begins so.
constexpr std::string_view kPrefix = ".gone-";

}  // namespace

bool RemovedDirectories::IsOne(std::string_view name) {
  return name.substr(0, kPrefix.size()) == kPrefix;
}

void RemovedDirectories::Resume() {
  const auto entries = os::RealFileSystem().List(root_);
  if (!entries.ok()) return;
  for (const os::DirectoryEntry& entry : *entries) {
    if (IsOne(entry.name)) Delete(os::JoinPath(root_, entry.name));
  }
}

void RemovedDirectories::Remove(const std::string& directory) {
  std::string gone;
  Status renamed;
  do {  // numbers of an earlier life may still be there
    gone = os::JoinPath(root_, std::string(kPrefix) + std::to_string(next_++));
    renamed = os::RealDirectoryTree().Rename(directory, gone);
  } while (renamed.code() == StatusCode::kAlreadyExists);
  if (renamed.code() == StatusCode::kNotFound) return;
  Delete(renamed.ok() ? std::move(gone) : directory);
}

void RemovedDirectories::Delete(std::string path) {
  thread_.Run<Status>([path = std::move(path)] { return os::RemoveDirectoryTree(path); }, loop_,
                      [this, life = std::weak_ptr<char>(life_)](const Status& removed) {
                        if (removed.ok() || life.expired()) return;
                        THRONG_LOG_WARNING(logger_)
                            << "files of what was removed stay until the next start: "
                            << removed.message();
                      });
}

}  // namespace throng::launcher
