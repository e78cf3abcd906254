#include "repository/format_table.h"

#include <algorithm>

#include "base/log.h"

namespace throng::repository {
namespace {

// A rule's name without the '/' that says "folder".
std::string_view Plain(std::string_view name) {
  if (name.ends_with('/')) name.remove_suffix(1);
  return name;
}

// The runner of the project's own tests.
bool IsForTests(const Format& format) { return format.manifest->framework == "null"; }

bool IsFolderRule(const model::FormatRule& rule) { return rule.suffix.ends_with('/'); }

void AppendOnce(std::string_view word, std::string& list) {
  if (list.find("'" + std::string(word) + "'") != std::string::npos) return;
  if (!list.empty()) list += ", ";
  list += "'" + std::string(word) + "'";
}

}  // namespace

FormatTable::FormatTable(const std::vector<model::FrameworkManifest>& manifests) {
  for (const model::FrameworkManifest& manifest : manifests) {
    for (const model::FormatRule& rule : manifest.formats) formats_.push_back({&manifest, &rule});
  }
}

std::optional<Format> FormatTable::ByDefaultName(std::string_view name, bool is_folder,
                                                 const model::ModelConfig& config) const {
  for (const Format& format : formats_) {
    if (IsFolderRule(*format.rule) == is_folder && Plain(format.rule->default_name) == name &&
        format.Fits(config)) {
      return format;
    }
  }
  return std::nullopt;
}

std::optional<Format> FormatTable::BySuffix(std::string_view name, bool is_folder,
                                            const model::ModelConfig& config) const {
  std::optional<Format> best;
  for (const Format& format : formats_) {
    const std::string_view suffix = Plain(format.rule->suffix);
    if (IsFolderRule(*format.rule) != is_folder || name.size() <= suffix.size() ||
        !name.ends_with(suffix) || !format.Fits(config)) {
      continue;
    }
    if (!best || Plain(best->rule->suffix).size() < suffix.size()) best = format;
  }
  return best;
}

std::optional<Format> FormatTable::ByProbe(std::string_view probe,
                                           const model::ModelConfig& config) const {
  if (probe.empty()) return std::nullopt;
  for (const Format& format : formats_) {
    if (format.rule->probe == probe && format.Fits(config)) return format;
  }
  return std::nullopt;
}

std::optional<Format> FormatTable::OnlyOneOf(const model::ModelConfig& config) const {
  if (config.platform.empty() && config.backend.empty()) return std::nullopt;
  std::optional<Format> only;
  for (const Format& format : formats_) {
    if (!format.Fits(config)) continue;
    if (only && only->rule->platform != format.rule->platform) return std::nullopt;
    if (!only) only = format;
  }
  return only;
}

Status FormatTable::CheckConfig(const model::ModelConfig& config) const {
  bool platform_known = config.platform.empty();
  bool backend_known = config.backend.empty();
  bool both_fit = false;
  std::string platforms;
  std::string backends;
  for (const Format& format : formats_) {
    platform_known |= config.platform == format.rule->platform;
    backend_known |= config.backend == format.manifest->backend;
    both_fit |= format.Fits(config);
    if (IsForTests(format)) continue;
    AppendOnce(format.rule->platform, platforms);
    AppendOnce(format.manifest->backend, backends);
  }
  if (!platform_known) {
    return InvalidArgumentError("config.pbtxt: platform: unknown platform '" +
                                EscapeForLog(config.platform, 64) + "'; known are " + platforms);
  }
  if (!backend_known) {
    return InvalidArgumentError("config.pbtxt: backend: unknown backend '" +
                                EscapeForLog(config.backend, 64) + "'; known are " + backends);
  }
  if (!both_fit && !formats_.empty()) {
    return InvalidArgumentError("config.pbtxt: platform '" + config.platform +
                                "' does not belong to backend '" + config.backend + "'");
  }
  return OkStatus();
}

std::string FormatTable::DefaultNames(const model::ModelConfig& config) const {
  std::string names;
  for (const Format& format : formats_) {
    if (format.Fits(config) && !IsForTests(format)) AppendOnce(format.rule->default_name, names);
  }
  return names;
}

}  // namespace throng::repository
