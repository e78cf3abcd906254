#include "repository/model_folder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "base/log.h"

namespace throng::repository {
namespace {

using os::DirectoryEntry;
using os::FileKind;

constexpr std::string_view kConfigFile = "config.pbtxt";

const DirectoryEntry* FindEntry(const std::vector<DirectoryEntry>& entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [name](const DirectoryEntry& e) { return e.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

Result<ParsedConfig> ReadConfig(const os::FileSystem& files, const Place& place,
                                const std::vector<DirectoryEntry>& entries,
                                std::string_view directory_name) {
  if (FindEntry(entries, kConfigFile) == nullptr) return ParsedConfig{};
  Result<std::string> text =
      files.Read(place.Child(std::string(kConfigFile)).path, limits::kModelConfigBytes);
  if (!text.ok()) {
    if (text.status().code() != StatusCode::kResourceExhausted) return text.status();
    return InvalidArgumentError("config.pbtxt: longer than " +
                                std::to_string(limits::kModelConfigBytes) + " bytes");
  }
  return ParseModelConfig(*text, directory_name);
}

// Version folders, ascending. Folders that only look like versions are named in `warnings`, with
// Triton's texts.
std::vector<int64_t> ListVersions(const std::vector<DirectoryEntry>& entries,
                                  std::vector<std::string>& warnings) {
  std::vector<int64_t> versions;
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind != FileKind::kDirectory) continue;
    if (const auto version = model::ParseVersion(entry.name)) {
      versions.push_back(*version);
    } else if (entry.name.find_first_not_of("0123456789") == std::string::npos) {
      const bool zeros = entry.name.starts_with('0');
      warnings.push_back("ignore version directory '" + EscapeForLog(entry.name, 64) + "' which " +
                         (zeros ? "contains leading zeros in its directory name"
                                : "fails to convert to integral number"));
    }
  }
  std::sort(versions.begin(), versions.end());
  return versions;
}

std::vector<int64_t> SelectVersions(const std::vector<int64_t>& versions,
                                    const model::VersionPolicy& policy) {
  switch (policy.kind) {
    case model::VersionPolicy::Kind::kAll:
      return versions;
    case model::VersionPolicy::Kind::kSpecific: {
      std::vector<int64_t> selected;
      std::copy_if(versions.begin(), versions.end(), std::back_inserter(selected),
                   [&](int64_t version) {
                     return std::find(policy.specific.begin(), policy.specific.end(), version) !=
                            policy.specific.end();
                   });
      return selected;
    }
    case model::VersionPolicy::Kind::kLatest:
      break;
  }
  const size_t count = std::min<size_t>(versions.size(), policy.latest_count);
  return {versions.end() - static_cast<std::ptrdiff_t>(count), versions.end()};
}

// Makes the entry from its newest version's artefact; the others are added by AddVersion.
ModelEntry StartEntry(model::ModelName name, ParsedConfig parsed, const FoundArtifact& newest) {
  model::ModelConfig config = std::move(parsed.config);
  const std::string& probe = newest.format.rule->probe;
  const bool content_is_known = probe != kAnyProbe;
  const bool tells_inputs = probe != kTorchScriptProbe || !config.inputs.empty();
  config.name = name.str();
  if (config.platform.empty()) config.platform = newest.format.rule->platform;
  if (config.backend.empty()) config.backend = newest.format.manifest->backend;
  if (config.default_model_filename.empty()) {
    config.default_model_filename = newest.default_filename;
  }
  return ModelEntry{std::move(name),
                    newest.format.manifest->framework,
                    std::make_shared<const model::ModelConfig>(std::move(config)),
                    {},
                    std::move(parsed.warnings),
                    content_is_known,
                    tells_inputs};
}

void AddVersion(int64_t version, FoundArtifact found, ModelEntry& entry) {
  ModelVersionEntry added;
  added.version = version;
  added.source = std::move(found.source);
  added.size_bytes = found.size_bytes;
  added.modified_ns = found.modified_ns;
  added.file_name = std::move(found.file_name);
  entry.versions.push_back(std::move(added));
}

// Reads the folders of `selected` (not empty). The entry has those that can be tried; the others
// are warnings. ERRORS: the newest version's reason when none can.
Result<ModelEntry> ReadVersions(const os::FileSystem& files, const FormatTable& formats,
                                const Place& place, const std::vector<int64_t>& selected,
                                const model::ModelName& name, ParsedConfig parsed) {
  std::vector<std::pair<int64_t, FoundArtifact>> found;
  std::vector<std::string> failures;
  for (auto version = selected.rbegin(); version != selected.rend(); ++version) {
    const Place folder = place.Child(std::to_string(*version));
    Result<std::vector<DirectoryEntry>> listing = files.List(folder.path);
    Result<FoundArtifact> artifact =
        listing.ok() ? FindInFolder(files, formats, folder, *listing, parsed.config, name.str())
                     : listing.status();
    const bool is_ok = artifact.ok();
    if (is_ok && (found.empty() ||
                  found[0].second.format.rule->platform == artifact->format.rule->platform)) {
      found.emplace_back(*version, std::move(*artifact));
      continue;
    }
    const std::string reason =
        is_ok ? "its format differs from the newest version's" : artifact.status().message();
    failures.push_back("version " + std::to_string(*version) + ": " + reason);
  }
  if (found.empty()) return InvalidArgumentError(failures[0]);
  ModelEntry entry = StartEntry(name, std::move(parsed), found[0].second);
  for (auto item = found.rbegin(); item != found.rend(); ++item) {
    AddVersion(item->first, std::move(item->second), entry);
  }
  entry.warnings.insert(entry.warnings.end(), failures.begin(), failures.end());
  return entry;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return lower;
}

// README, README.md, readme.de.md; not README_model.onnx, nor readme.onnx.
bool IsReadme(std::string_view name) {
  constexpr std::array<std::string_view, 12> kTexts = {"",      ".md",  ".markdown", ".txt",
                                                       ".text", ".rst", ".html",     ".htm",
                                                       ".adoc", ".org", ".rtf",      ".pdf"};
  const std::string lower = LowerCase(name);
  if (!lower.starts_with("readme")) return false;
  const std::string_view rest = std::string_view(lower).substr(6);
  if (!rest.empty() && !rest.starts_with('.')) return false;
  const std::string_view extension = rest.empty() ? rest : rest.substr(rest.rfind('.'));
  return std::find(kTexts.begin(), kTexts.end(), extension) != kTexts.end();
}

}  // namespace

bool IsIgnoredName(std::string_view name) {
  return name.starts_with('.') || name == "__pycache__" || IsReadme(name);
}

bool IsDecoration(std::string_view name) {
  return name == "configs" || name == "warmup" || name == "initial_state";
}

Result<ModelEntry> ReadModelFolder(const os::FileSystem& files, const FormatTable& formats,
                                   const Place& place, std::string_view directory_name,
                                   std::string_view fallback_name) {
  THRONG_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(place.path));
  THRONG_ASSIGN_OR_RETURN(ParsedConfig parsed, ReadConfig(files, place, entries, directory_name));
  const std::string_view name_text =
      parsed.config.name.empty() ? fallback_name : std::string_view(parsed.config.name);
  THRONG_ASSIGN_OR_RETURN(const model::ModelName name, model::ModelName::Parse(name_text));
  THRONG_RETURN_IF_ERROR(formats.CheckConfig(parsed.config));

  const std::vector<int64_t> versions = ListVersions(entries, parsed.warnings);
  if (versions.empty()) {
    THRONG_ASSIGN_OR_RETURN(FoundArtifact found, FindInFolder(files, formats, place, entries,
                                                              parsed.config, name.str()));
    ModelEntry entry = StartEntry(name, std::move(parsed), found);
    AddVersion(1, std::move(found), entry);
    return entry;
  }
  if (const std::string beside = FirstModelName(formats, entries, parsed.config); !beside.empty()) {
    parsed.warnings.push_back("'" + EscapeForLog(beside, 128) +
                              "' is not served: the folder has versions, which come before it");
  }
  const std::vector<int64_t> selected = SelectVersions(versions, parsed.config.version_policy);
  if (selected.empty()) {
    return InvalidArgumentError("version_policy selects none of its versions");
  }
  if (selected.size() > limits::kVersionsPerModel) {
    return InvalidArgumentError("version_policy selects more than " +
                                std::to_string(limits::kVersionsPerModel) + " versions");
  }
  return ReadVersions(files, formats, place, selected, name, std::move(parsed));
}

Result<ModelEntry> ReadBareModel(const os::FileSystem& files, const FormatTable& formats,
                                 const Place& place, bool is_folder, std::string_view model_name) {
  THRONG_ASSIGN_OR_RETURN(const model::ModelName name, model::ModelName::Parse(model_name));
  THRONG_ASSIGN_OR_RETURN(FoundArtifact found,
                          FindInFile(files, formats, place, is_folder, model_name));
  ModelEntry entry = StartEntry(name, ParsedConfig{}, found);
  AddVersion(1, std::move(found), entry);
  return entry;
}

}  // namespace throng::repository
