#include "storage/mirror.h"

#include "storage/storage_provider.h"

namespace throng::storage {
namespace {

std::string WithoutTrailingSlash(std::string_view text) {
  while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

Result<Mirror> ParseMirror(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return InvalidArgumentError("mirror: not PREFIX=TARGET");
  }
  Mirror mirror{.prefix = WithoutTrailingSlash(text.substr(0, equals)),
                .target = WithoutTrailingSlash(text.substr(equals + 1))};
  // Anything below a prefix must be an address, and so must the prefix with a name behind it.
  const Result<StorageUri> below = ParseStorageUri(mirror.prefix + "/name");
  if (!below.ok()) return below.status().WithContext("mirror: the prefix");
  mirror.is_directory = mirror.target.starts_with('/');
  if (mirror.is_directory) {
    if (mirror.target == "/") return InvalidArgumentError("mirror: '/' cannot be the target");
    return mirror;
  }
  const bool is_web = mirror.target.starts_with("https://") || mirror.target.starts_with("http://");
  if (!is_web) {
    return InvalidArgumentError("mirror: the target is neither an absolute path nor http(s)://");
  }
  const Result<StorageUri> target = ParseStorageUri(mirror.target + "/name");
  if (!target.ok()) return target.status().WithContext("mirror: the target");
  if (!target->query.empty()) return InvalidArgumentError("mirror: '?' in the target");
  return mirror;
}

std::optional<MirroredPlace> FindMirror(const std::vector<Mirror>& mirrors, std::string_view uri) {
  while (uri.ends_with('/')) uri.remove_suffix(1);
  std::optional<MirroredPlace> best;
  for (const Mirror& mirror : mirrors) {
    if (best && mirror.prefix.size() <= best->mirror->prefix.size()) continue;
    if (!uri.starts_with(mirror.prefix)) continue;
    const std::string_view rest = uri.substr(mirror.prefix.size());
    if (!rest.empty() && rest.front() != '/') continue;
    best = MirroredPlace{&mirror, std::string(rest.empty() ? rest : rest.substr(1))};
  }
  return best;
}

}  // namespace throng::storage
