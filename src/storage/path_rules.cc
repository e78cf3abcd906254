#include "storage/path_rules.h"

#include <algorithm>

#include "base/control_limits.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"

namespace throng::storage {
namespace {

Status Refused(std::string_view path, std::string_view rule) {
  constexpr size_t kShownBytes = 128;
  return InvalidArgumentError("the name '" + EscapeForLog(path, kShownBytes) + "' " +
                              std::string(rule));
}

std::string LowerCase(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

Status CheckRelativePath(std::string_view path) {
  if (path.empty()) return InvalidArgumentError("an empty name");
  if (path.size() > limits::kStoragePathBytes) {
    return Refused(path, "is longer than " + std::to_string(limits::kStoragePathBytes) + " bytes");
  }
  if (path.front() == '/') return Refused(path, "is absolute");
  if (!IsValidUtf8(path)) return Refused(path, "is not UTF-8");
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Refused(path, "has a control character");
    }
    if (c == '\\') return Refused(path, "has a backslash");
  }
  size_t depth = 0;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment.empty()) return Refused(path, "has an empty segment");
    if (segment == "." || segment == "..") return Refused(path, "has '.' or '..' in it");
    if (segment.size() > limits::kStorageNameBytes) {
      return Refused(path, "has a segment longer than " +
                               std::to_string(limits::kStorageNameBytes) + " bytes");
    }
    ++depth;
    begin = end + 1;
  }
  if (depth > limits::kArtifactDepth) {
    return ResourceExhaustedError("folders are nested deeper than " +
                                  std::to_string(limits::kArtifactDepth));
  }
  return OkStatus();
}

Status PathRules::Add(std::string_view path, bool is_file) {
  const auto [found, is_new] =
      known_.try_emplace(LowerCase(path), Known{std::string(path), is_file});
  if (is_new) return OkStatus();
  if (found->second.name != path) return Refused(path, "differs from another in case only");
  if (is_file != found->second.is_file) return Refused(path, "is both a file and a folder");
  if (is_file) return Refused(path, "is there twice");
  return OkStatus();
}

Status PathRules::AddPrefixes(std::string_view path) {
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    THRONG_RETURN_IF_ERROR(Add(path.substr(0, slash), false));
  }
  return OkStatus();
}

Status PathRules::AddFile(std::string_view path) {
  THRONG_RETURN_IF_ERROR(CheckRelativePath(path));
  if (++files_ > limits::kArtifactFiles) {
    return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles) + " files");
  }
  THRONG_RETURN_IF_ERROR(AddPrefixes(path));
  return Add(path, true);
}

Status PathRules::AddFolder(std::string_view path) {
  THRONG_RETURN_IF_ERROR(CheckRelativePath(path));
  THRONG_RETURN_IF_ERROR(AddPrefixes(path));
  THRONG_RETURN_IF_ERROR(Add(path, false));
  // Folders without files are bounded as well.
  if (known_.size() > limits::kArtifactFiles * 2) {
    return ResourceExhaustedError("more than " + std::to_string(limits::kArtifactFiles * 2) +
                                  " names");
  }
  return OkStatus();
}

}  // namespace throng::storage
