#include "cli/given_paths.h"

#include "base/limits.h"
#include "base/log.h"

namespace throng::cli {
namespace {

std::string Quote(std::string_view path) {
  return "'" + EscapeForLog(path, limits::kErrorTextBytes) + "'";
}

}  // namespace

Status CheckExists(const os::FileSystem& files, const std::string& path) {
  const Result<os::FileInfo> info = files.Stat(path);
  if (!info.ok()) return WithTypedPath(info.status(), path);
  if (info->kind == os::FileKind::kAbsent) return NotFoundError(Quote(path) + " does not exist");
  return OkStatus();
}

Status CheckOptionFolder(const os::FileSystem& files, std::string_view option,
                         const std::string& path) {
  if (path.empty()) return OkStatus();
  const std::string context = "--" + std::string(option);
  THRONG_RETURN_IF_ERROR(CheckExists(files, path).WithContext(context));
  const Result<os::FileInfo> info = files.Stat(path);
  if (info.ok() && info->kind == os::FileKind::kDirectory) return OkStatus();
  return InvalidArgumentError(Quote(path) + " is not a folder").WithContext(context);
}

Status WithTypedPath(const Status& status, const std::string& path) {
  if (status.ok()) return status;
  const std::string last = "'" + std::string(os::BaseName(path)) + "'";
  std::string text = status.message();
  if (text.starts_with(last)) text.erase(0, last.size());
  if (text.starts_with(": ")) text.erase(0, 2);
  return Status(status.code(), Quote(path) + ": " + text);
}

Status CheckNoMore(const std::vector<std::string>& arguments, size_t count) {
  if (arguments.size() <= count) return OkStatus();
  return InvalidArgumentError("unexpected argument " + Quote(arguments[count]));
}

}  // namespace throng::cli
