#include "control/state_backup.h"

#include <atomic>

#include "control/plane_files.h"
#include "os/disk/directory_tree.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::control {
namespace {

Status CheckIsFile(const std::string& path, const std::string& otherwise) {
  THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, os::RealFileSystem().Stat(path));
  if (info.kind == os::FileKind::kAbsent) return NotFoundError(otherwise);
  if (info.kind != os::FileKind::kRegular) return InvalidArgumentError("it is not a regular file");
  return OkStatus();
}

}  // namespace

Result<store::StoreSummary> BackUpState(const std::string& state_directory,
                                        const std::string& file) {
  const std::string path = StorePath(state_directory);
  THRONG_RETURN_IF_ERROR(CheckIsFile(path, "no throng up has run on this state directory"));
  const std::atomic<bool> stop = false;
  THRONG_RETURN_IF_ERROR(store::CopyStore(path, file, stop));
  return store::CheckStoreFile(file);
}

Result<store::StoreSummary> RestoreState(const std::string& file,
                                         const std::string& state_directory) {
  THRONG_RETURN_IF_ERROR(CheckIsFile(file, "there is no such backup"));
  THRONG_ASSIGN_OR_RETURN(const store::StoreSummary summary, store::CheckStoreFile(file));
  THRONG_RETURN_IF_ERROR(os::EnsurePrivateDirectory(state_directory));
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd lock, TakeState(state_directory));
  const std::string path = StorePath(state_directory);
  if (CheckIsFile(path, "none").ok()) {
    const std::atomic<bool> stop = false;
    // One that is damaged is why people restore: its bytes are kept as they are.
    const std::string before = path + ".before-restore";
    if (!store::CopyStore(path, before, stop).ok()) {
      THRONG_RETURN_IF_ERROR(os::RealDirectoryTree().Rename(path, before));
    }
  }
  THRONG_RETURN_IF_ERROR(store::RestoreStore(file, path));
  return summary;
}

}  // namespace throng::control
