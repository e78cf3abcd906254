// Which file of a folder is the model. The order: what the configuration names, a framework's
// default name, the only file with a framework's suffix, the only file with a framework's content.
// Two candidates of one rank are an error: Throng reports, it does not guess.
#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "base/log.h"
#include "repository/model_folder.h"
#include "repository/recognise.h"

namespace throng::repository {
namespace {

using os::DirectoryEntry;
using os::FileKind;

std::string Quote(std::string_view text) { return "'" + EscapeForLog(text, 128) + "'"; }

Status NotServed(const Place& place, const std::string& reason) {
  return InvalidArgumentError(Quote(place.relative) + ": " + reason);
}

// Adds up everything below a folder, as far as limits::kArtifactFiles entries tell.
Status Measure(const os::FileSystem& files, const std::string& path, size_t depth,
               size_t& entries_left, FoundArtifact& artifact) {
  if (depth > limits::kArtifactDepth) return OkStatus();
  THRONG_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, files.List(path));
  for (const DirectoryEntry& entry : entries) {
    if (entries_left == 0) break;
    --entries_left;
    const std::string child = os::JoinPath(path, entry.name);
    if (entry.kind == FileKind::kDirectory) {
      THRONG_RETURN_IF_ERROR(Measure(files, child, depth + 1, entries_left, artifact));
    } else if (entry.kind == FileKind::kRegular) {
      THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, files.Stat(child));
      artifact.size_bytes += info.size_bytes;
      artifact.modified_ns = std::max(artifact.modified_ns, info.modified_ns);
    }
  }
  return OkStatus();
}

// OK when the first bytes of a file are what its name promises.
Status CheckContent(const os::FileSystem& files, const Format& format, const Place& place,
                    const os::FileInfo& info, std::string_view model_name) {
  THRONG_ASSIGN_OR_RETURN(const Recognition recognition,
                          RecogniseFile(files, place.path, info.size_bytes));
  if (SatisfiesProbe(recognition.content, format.rule->probe)) return OkStatus();
  return NotServed(place,
                   RefusalReason(recognition, {place.relative, model_name, place.is_served_alone,
                                               WhatProbeWants(format.rule->probe)}));
}

Result<FoundArtifact> TakeFolder(const os::FileSystem& files, const Format& format,
                                 const Place& place, const std::string& file_name,
                                 std::string_view model_name) {
  if (format.rule->probe == kSavedModelProbe) {
    const Place graph = place.Child(std::string(kSavedModelFile));
    THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, files.Stat(graph.path));
    if (info.kind != FileKind::kRegular) {
      return NotServed(place, "a SavedModel's folder without saved_model.pb");
    }
    THRONG_RETURN_IF_ERROR(CheckContent(files, format, graph, info, model_name));
  }
  FoundArtifact artifact;
  artifact.format = format;
  artifact.source = {place.path, true};
  artifact.file_name = file_name;
  artifact.default_filename = format.rule->default_name;
  if (artifact.default_filename.ends_with('/')) artifact.default_filename.pop_back();
  size_t entries_left = limits::kArtifactFiles;
  THRONG_RETURN_IF_ERROR(Measure(files, place.path, 0, entries_left, artifact));
  return artifact;
}

// A file of a framework's name.
Result<FoundArtifact> TakeFile(const os::FileSystem& files, const Format& format,
                               const Place& place, std::string_view model_name) {
  THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, files.Stat(place.path));
  if (info.kind != FileKind::kRegular) return NotServed(place, "not a regular file");
  if (info.size_bytes > limits::kArtifactBytes) {
    return NotServed(place, "larger than " + std::to_string(limits::kArtifactBytes) + " bytes");
  }
  THRONG_RETURN_IF_ERROR(CheckContent(files, format, place, info, model_name));
  const std::string name(os::BaseName(place.path));
  return FoundArtifact{format, {place.path, false}, info.size_bytes, info.modified_ns, name, name};
}

// A file whose name says nothing certain: served when its content is a framework's, else refused
// with the reason.
Result<FoundArtifact> TakeByContent(const os::FileSystem& files, const FormatTable& formats,
                                    const Place& place, const model::ModelConfig& config,
                                    std::string_view model_name) {
  THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, files.Stat(place.path));
  if (info.kind != FileKind::kRegular) return NotServed(place, "not a regular file");
  THRONG_ASSIGN_OR_RETURN(const Recognition recognition,
                          RecogniseFile(files, place.path, info.size_bytes));
  const std::string_view probe = ProbeOf(recognition.content);
  const std::optional<Format> format = formats.ByProbe(probe, config);
  if (const auto real = formats.ByProbe(probe, model::ModelConfig()); real && !format) {
    return NotServed(place, "its content is " + real->rule->platform +
                                ", but config.pbtxt names another platform or backend");
  }
  if (!format) {
    return NotServed(
        place, RefusalReason(recognition, {place.relative, model_name, place.is_served_alone, {}}));
  }
  return TakeFile(files, *format, place, model_name);
}

struct Candidate {
  const DirectoryEntry* entry = nullptr;
  std::optional<Format> format;
};

bool IsFolder(const DirectoryEntry& entry) { return entry.kind == FileKind::kDirectory; }

// "'a.onnx' and 'b.onnx'"
std::string TwoNames(const std::vector<Candidate>& candidates) {
  return Quote(candidates[0].entry->name) + " and " + Quote(candidates[1].entry->name);
}

class FolderSearch {
 public:
  FolderSearch(const os::FileSystem& files, const FormatTable& formats, const Place& place,
               const std::vector<DirectoryEntry>& entries, const model::ModelConfig& config,
               std::string_view model_name)
      : files_(files),
        formats_(formats),
        place_(place),
        entries_(entries),
        config_(config),
        model_name_(model_name) {}

  Result<FoundArtifact> Find() const {
    if (!config_.default_model_filename.empty()) return FindNamed();
    std::vector<Candidate> found = Collect(&FormatTable::ByDefaultName);
    if (const auto flat = formats_.ByProbe(kSavedModelProbe, config_);
        flat && HasSavedModelFile()) {
      if (!found.empty()) {
        return Ambiguous(Quote(found[0].entry->name) + " and '" + std::string(kSavedModelFile) +
                         "'");
      }
      return TakeFlatSavedModel(*flat);
    }
    if (found.empty()) found = Collect(&FormatTable::BySuffix);
    if (found.size() > 1) return Ambiguous(TwoNames(found));
    if (found.size() == 1) return Take(found[0]);
    return FindByContent();
  }

 private:
  using Lookup = std::optional<Format> (FormatTable::*)(std::string_view, bool,
                                                        const model::ModelConfig&) const;

  std::vector<Candidate> Collect(Lookup lookup) const {
    std::vector<Candidate> found;
    for (const DirectoryEntry& entry : entries_) {
      if (IsIgnoredName(entry.name)) continue;
      const std::optional<Format> format = (formats_.*lookup)(entry.name, IsFolder(entry), config_);
      if (format) found.push_back({&entry, format});
    }
    return found;
  }

  Status Ambiguous(const std::string& names) const {
    return InvalidArgumentError("more than one model file: " + names +
                                "; name the right one by default_model_filename in config.pbtxt");
  }

  bool HasSavedModelFile() const {
    return std::any_of(entries_.begin(), entries_.end(), [](const DirectoryEntry& entry) {
      return entry.name == kSavedModelFile && entry.kind == FileKind::kRegular;
    });
  }

  Result<FoundArtifact> Take(const Candidate& candidate) const {
    const Place place = place_.Child(candidate.entry->name);
    if (!IsFolder(*candidate.entry)) return TakeFile(files_, *candidate.format, place, model_name_);
    return TakeFolder(files_, *candidate.format, place, candidate.entry->name, model_name_);
  }

  Result<FoundArtifact> TakeFlatSavedModel(const Format& format) const {
    return TakeFolder(files_, format, place_, std::string(kSavedModelFile), model_name_);
  }

  Result<FoundArtifact> FindNamed() const {
    const std::string& name = config_.default_model_filename;
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const DirectoryEntry& e) { return e.name == name; });
    if (entry == entries_.end()) {
      return InvalidArgumentError("default_model_filename " + Quote(name) +
                                  " is not in the folder");
    }
    const bool is_folder = IsFolder(*entry);
    std::optional<Format> format = formats_.ByDefaultName(name, is_folder, config_);
    if (!format) format = formats_.BySuffix(name, is_folder, config_);
    if (!format) format = formats_.OnlyOneOf(config_);
    if (format && format->rule->suffix.ends_with('/') != is_folder) format.reset();
    if (format) return Take({&*entry, format});
    if (!is_folder) {
      return TakeByContent(files_, formats_, place_.Child(name), config_, model_name_);
    }
    return NotServed(place_.Child(name), "not a model of a known format");
  }

  Result<FoundArtifact> FindByContent() const {
    std::vector<Candidate> looks;
    for (const DirectoryEntry& entry : entries_) {
      if (entry.kind == FileKind::kRegular && !IsIgnoredName(entry.name) &&
          LooksLikeModel(entry.name)) {
        looks.push_back({&entry, std::nullopt});
      }
    }
    if (looks.empty()) {
      for (const DirectoryEntry& entry : entries_) {
        const std::string_view what = UnservedFormatOf(entry.name);
        if (what.empty() || IsIgnoredName(entry.name)) continue;
        return NotServed(place_.Child(entry.name),
                         "looks like " + std::string(what) + ", which is not supported");
      }
      return NotFoundError("no model in it; expected one of " + formats_.DefaultNames(config_));
    }
    // A folder of shards: one file is enough to say what they are.
    return TakeByContent(files_, formats_, place_.Child(looks[0].entry->name), config_,
                         model_name_);
  }

  const os::FileSystem& files_;
  const FormatTable& formats_;
  const Place& place_;
  const std::vector<DirectoryEntry>& entries_;
  const model::ModelConfig& config_;
  const std::string_view model_name_;
};

}  // namespace

Result<FoundArtifact> FindInFile(const os::FileSystem& files, const FormatTable& formats,
                                 const Place& place, bool is_folder, std::string_view model_name) {
  const std::string name(os::BaseName(place.path));
  const model::ModelConfig anything;
  std::optional<Format> format = formats.BySuffix(name, is_folder, anything);
  if (!format) format = formats.ByDefaultName(name, is_folder, anything);
  if (is_folder) {
    if (!format) return NotServed(place, "not a model of a known format");
    return TakeFolder(files, *format, place, name, model_name);
  }
  if (format) return TakeFile(files, *format, place, model_name);
  return TakeByContent(files, formats, place, anything, model_name);
}

Result<FoundArtifact> FindInFolder(const os::FileSystem& files, const FormatTable& formats,
                                   const Place& place, const std::vector<DirectoryEntry>& entries,
                                   const model::ModelConfig& config, std::string_view model_name) {
  return FolderSearch(files, formats, place, entries, config, model_name).Find();
}

std::string FirstModelName(const FormatTable& formats, const std::vector<DirectoryEntry>& entries,
                           const model::ModelConfig& config) {
  for (const DirectoryEntry& entry : entries) {
    if (IsIgnoredName(entry.name)) continue;
    if (formats.ByDefaultName(entry.name, IsFolder(entry), config) ||
        formats.BySuffix(entry.name, IsFolder(entry), config) ||
        (entry.name == kSavedModelFile && !IsFolder(entry))) {
      return entry.name;
    }
  }
  return {};
}

}  // namespace throng::repository
