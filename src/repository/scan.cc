// Repository: the entries of the served folders, grouped by the name that they give a model.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/log.h"
#include "repository/model_folder.h"
#include "repository/recognise.h"
#include "repository/repository.h"

namespace throng::repository {
namespace {

using os::DirectoryEntry;
using os::FileKind;

constexpr size_t kVersionFoldersLookedInto = 8;
constexpr std::string_view kTwoRoots = "model appears in two or more repositories";

enum class CandidateKind : uint8_t {
  kModelFolder,     // NAME/
  kArtifactFolder,  // NAME.savedmodel/
  kFile,            // NAME.onnx
  kUncertainFile,   // NAME.h5: its content decides
};

// An entry of a served folder that gives a model a name.
struct Candidate {
  CandidateKind kind;
  std::string entry_name;
  std::string model_name;
};

// What became of one name in one root: an entry, or the reason that there is none.
struct Outcome {
  std::string name;
  Result<ModelEntry> entry;
  std::vector<SkippedEntry> beside = {};  // further entries of that name

  // A folder that is there for another reason, and holds no model: as if it were not there.
  bool is_nothing() const {
    return IsDecoration(name) && entry.status().code() == StatusCode::kNotFound;
  }
};

// `name` without a format's suffix; the folder's suffix may end with '/'.
std::string WithoutSuffix(std::string_view name, std::string_view suffix) {
  if (suffix.ends_with('/')) suffix.remove_suffix(1);
  return std::string(name.substr(0, name.size() - suffix.size()));
}

std::optional<Candidate> Classify(const FormatTable& formats, const DirectoryEntry& entry) {
  if (IsIgnoredName(entry.name)) return std::nullopt;
  const bool is_folder = entry.kind == FileKind::kDirectory;
  if (const auto format = formats.BySuffix(entry.name, is_folder, model::ModelConfig())) {
    return Candidate{is_folder ? CandidateKind::kArtifactFolder : CandidateKind::kFile, entry.name,
                     WithoutSuffix(entry.name, format->rule->suffix)};
  }
  if (is_folder) return Candidate{CandidateKind::kModelFolder, entry.name, entry.name};
  if (!LooksLikeModel(entry.name)) return std::nullopt;
  return Candidate{CandidateKind::kUncertainFile, entry.name,
                   entry.name.substr(0, entry.name.rfind('.'))};
}

// The names that `model_name` may have as an entry: those that Classify maps to it.
std::vector<std::string> EntryNames(const FormatTable& formats, const std::string& model_name) {
  std::set<std::string> names = {model_name};
  for (const Format& format : formats.formats()) {
    std::string suffix = format.rule->suffix;
    if (suffix.ends_with('/')) suffix.pop_back();
    names.insert(model_name + suffix);
  }
  for (const std::string_view suffix : ModelLikeSuffixes()) {
    names.insert(model_name + std::string(suffix));
  }
  return {names.begin(), names.end()};
}

// The name of a model that is served by its path alone: of the file without its suffix, or, when
// that is a default name or a version, of the folder around it.
std::string NameOfPath(const FormatTable& formats, std::string path, bool is_folder) {
  const model::ModelConfig anything;
  std::string name(os::BaseName(path));
  const bool is_default = formats.ByDefaultName(name, is_folder, anything).has_value();
  const auto format = formats.BySuffix(name, is_folder, anything);
  std::string own_name = name;
  if (format) {
    own_name = WithoutSuffix(name, format->rule->suffix);
  } else if (!is_folder && name.rfind('.') != std::string::npos && name.rfind('.') > 0) {
    own_name = name.substr(0, name.rfind('.'));
  }
  if (!is_default && !(is_folder && model::ParseVersion(name))) return own_name;
  path = os::DirectoryName(path);
  std::string outer(os::BaseName(path));
  if (model::ParseVersion(outer)) outer = os::BaseName(os::DirectoryName(path));
  return model::ModelName::Parse(outer).ok() ? outer : own_name;
}

// One served folder or file.
class Root {
 public:
  Root(const os::FileSystem& files, const FormatTable& formats, std::string path)
      : files_(files), formats_(formats), path_(std::move(path)) {
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  }

  Result<std::vector<Outcome>> ReadAll() const {
    THRONG_ASSIGN_OR_RETURN(const FileKind kind, Kind());
    if (kind == FileKind::kRegular) return One(ReadOneFile());
    THRONG_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, List());
    if (const auto one = ReadAsOneModel(entries)) return One(*one);
    std::map<std::string, std::vector<Candidate>> groups;
    for (const DirectoryEntry& entry : entries) {
      if (auto candidate = Classify(formats_, entry)) {
        std::string name = candidate->model_name;
        groups[std::move(name)].push_back(std::move(*candidate));
      }
    }
    std::vector<Outcome> outcomes;
    outcomes.reserve(groups.size());
    for (auto& [name, candidates] : groups) {
      Outcome outcome = ReadGroup(name, std::move(candidates));
      if (!outcome.is_nothing()) outcomes.push_back(std::move(outcome));
    }
    return outcomes;
  }

  // Nothing: no entry of that name.
  Result<std::optional<Outcome>> ReadOne(const std::string& name) const {
    THRONG_ASSIGN_OR_RETURN(const FileKind kind, Kind());
    if (kind == FileKind::kRegular) return OnlyIfNamed(name, ReadOneFile());
    std::vector<Candidate> candidates;
    for (const std::string& entry_name : EntryNames(formats_, name)) {
      THRONG_ASSIGN_OR_RETURN(const os::FileInfo info,
                              files_.Stat(os::JoinPath(path_, entry_name)));
      if (info.kind == FileKind::kAbsent) continue;
      auto candidate = Classify(formats_, DirectoryEntry{entry_name, info.kind});
      if (candidate && candidate->model_name == name) candidates.push_back(std::move(*candidate));
    }
    THRONG_ASSIGN_OR_RETURN(const bool may_be_one, MayBeOneModel(name, candidates.empty()));
    if (may_be_one) {
      THRONG_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, List());
      if (const auto one = ReadAsOneModel(entries)) return OnlyIfNamed(name, *one);
    }
    if (candidates.empty()) return std::optional<Outcome>();
    Outcome outcome = ReadGroup(name, std::move(candidates));
    if (outcome.is_nothing()) return std::optional<Outcome>();
    return std::optional<Outcome>(std::move(outcome));
  }

 private:
  static std::vector<Outcome> One(Outcome outcome) {
    std::vector<Outcome> outcomes;
    outcomes.push_back(std::move(outcome));
    return outcomes;
  }

  static std::optional<Outcome> OnlyIfNamed(const std::string& name, Outcome outcome) {
    if (outcome.name != name) return std::nullopt;
    return outcome;
  }

  Status Named(const Status& status) const {
    return status.WithContext("model repository '" +
                              EscapeForLog(std::string(os::BaseName(path_))) + "'");
  }

  Result<FileKind> Kind() const {
    const Result<os::FileInfo> info = files_.Stat(path_);
    if (!info.ok()) return Named(info.status());
    if (info->kind == FileKind::kAbsent) return Named(NotFoundError("does not exist"));
    if (info->kind == FileKind::kOther) {
      return Named(InvalidArgumentError("neither a folder nor a file"));
    }
    return info->kind;
  }

  Result<std::vector<DirectoryEntry>> List() const {
    Result<std::vector<DirectoryEntry>> entries = files_.List(path_);
    if (!entries.ok()) return Named(entries.status());
    return entries;
  }

  Outcome ReadOneFile() const {
    const std::string name = NameOfPath(formats_, path_, false);
    const Place place{path_, std::string(os::BaseName(path_)), true};
    return {name, ReadBareModel(files_, formats_, place, false, name)};
  }

  // Listing the root for a single name costs as much as the root is large, so it is left out where
  // the names alone say that the root holds many models.
  Result<bool> MayBeOneModel(const std::string& name, bool nothing_found) const {
    if (nothing_found || name == "model" || name == "saved_model" || model::ParseVersion(name)) {
      return true;
    }
    THRONG_ASSIGN_OR_RETURN(const os::FileInfo info,
                            files_.Stat(os::JoinPath(path_, "config.pbtxt")));
    return info.kind == FileKind::kRegular;
  }

  // The root as one model's folder; nothing when it is a folder of models.
  std::optional<Outcome> ReadAsOneModel(const std::vector<DirectoryEntry>& entries) const {
    const std::string name = NameOfPath(formats_, path_, true);
    if (const auto format = formats_.BySuffix(os::BaseName(path_), true, model::ModelConfig())) {
      const Place place{path_, std::string(os::BaseName(path_))};
      return Outcome{name, ReadBareModel(files_, formats_, place, true, name)};
    }
    if (!IsOneModel(entries)) return std::nullopt;
    const std::string fallback = model::ModelName::Parse(name).ok() ? name : "model";
    Result<ModelEntry> entry = ReadModelFolder(files_, formats_, {path_, ""}, "", fallback);
    if (entry.ok()) return Outcome{entry->name.str(), std::move(entry)};
    return Outcome{fallback, std::move(entry)};
  }

  bool IsOneModel(const std::vector<DirectoryEntry>& entries) const {
    size_t others = 0;
    size_t defaults = 0;
    size_t version_folders = 0;
    size_t versions_with_model = 0;
    for (const DirectoryEntry& entry : entries) {
      const bool is_folder = entry.kind == FileKind::kDirectory;
      if (!is_folder && (entry.name == "config.pbtxt" || entry.name == kSavedModelFile)) {
        return true;
      }
      if (is_folder && model::ParseVersion(entry.name) &&
          version_folders < kVersionFoldersLookedInto) {
        ++version_folders;
        const std::string folder = os::JoinPath(path_, entry.name);
        if (Holds(&FormatTable::ByDefaultName, folder)) return true;
        if (Holds(&FormatTable::BySuffix, folder)) {
          ++versions_with_model;
          continue;
        }
      }
      if (formats_.ByDefaultName(entry.name, is_folder, model::ModelConfig())) {
        ++defaults;
      } else if (!IsDecoration(entry.name) && Classify(formats_, entry)) {
        ++others;
      }
    }
    return defaults + versions_with_model > 0 && others == 0;
  }

  using Lookup = std::optional<Format> (FormatTable::*)(std::string_view, bool,
                                                        const model::ModelConfig&) const;

  bool Holds(Lookup lookup, const std::string& folder) const {
    const Result<std::vector<DirectoryEntry>> entries = files_.List(folder);
    return entries.ok() &&
           std::any_of(entries->begin(), entries->end(), [&](const DirectoryEntry& entry) {
             const bool is_folder = entry.kind == FileKind::kDirectory;
             return entry.name == kSavedModelFile ||
                    (formats_.*lookup)(entry.name, is_folder, model::ModelConfig());
           });
  }

  // Several entries may give one name: what a model was made from beside the model. When one of
  // them can be served, it is, and the others are told; two are not chosen between.
  Outcome ReadGroup(const std::string& name, std::vector<Candidate> candidates) const {
    if (const Result<model::ModelName> parsed = model::ModelName::Parse(name); !parsed.ok()) {
      return {name, parsed.status().WithContext("name '" + EscapeForLog(name) + "'")};
    }
    // A file whose content decides comes last.
    std::stable_partition(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
      return candidate.kind != CandidateKind::kUncertainFile;
    });
    std::vector<Result<ModelEntry>> entries;
    entries.reserve(candidates.size());
    for (const Candidate& candidate : candidates) entries.push_back(ReadCandidate(candidate));
    size_t chosen = 0;
    while (chosen < entries.size() && !entries[chosen].ok()) ++chosen;
    if (chosen == entries.size()) chosen = 0;
    for (size_t i = chosen + 1; i < entries.size(); ++i) {
      if (!entries[i].ok()) continue;
      return {name, InvalidArgumentError("two entries give this name: '" +
                                         EscapeForLog(candidates[chosen].entry_name) + "' and '" +
                                         EscapeForLog(candidates[i].entry_name) +
                                         "'; rename or remove one")};
    }
    Outcome outcome{name, std::move(entries[chosen])};
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i == chosen) continue;
      outcome.beside.push_back({name + " (" + EscapeForLog(candidates[i].entry_name) + ")",
                                entries[i].status().message()});
    }
    return outcome;
  }

  Result<ModelEntry> ReadCandidate(const Candidate& candidate) const {
    const Place place = Place{path_, "", false}.Child(candidate.entry_name);
    if (candidate.kind == CandidateKind::kModelFolder) {
      return ReadModelFolder(files_, formats_, place, candidate.model_name, candidate.model_name);
    }
    return ReadBareModel(files_, formats_, place, candidate.kind == CandidateKind::kArtifactFolder,
                         candidate.model_name);
  }

  const os::FileSystem& files_;
  const FormatTable& formats_;
  std::string path_;
};

}  // namespace

Repository::Repository(const os::FileSystem& files, std::vector<std::string> roots,
                       std::vector<model::FrameworkManifest> manifests)
    : files_(files), roots_(std::move(roots)), manifests_(std::move(manifests)) {}

Result<Snapshot> Repository::Scan() const {
  const FormatTable formats(manifests_);
  std::map<std::string, std::vector<Outcome>> by_name;
  for (const std::string& root : roots_) {
    THRONG_ASSIGN_OR_RETURN(std::vector<Outcome> outcomes, Root(files_, formats, root).ReadAll());
    for (Outcome& outcome : outcomes) by_name[outcome.name].push_back(std::move(outcome));
  }
  Snapshot snapshot;
  for (auto& [name, outcomes] : by_name) {
    if (outcomes.size() > 1) {
      snapshot.skipped.push_back({EscapeForLog(name), std::string(kTwoRoots)});
    } else if (outcomes[0].entry.ok()) {
      snapshot.models.push_back(std::move(*outcomes[0].entry));
    } else {
      snapshot.skipped.push_back({EscapeForLog(name), outcomes[0].entry.status().message()});
    }
    for (Outcome& outcome : outcomes) {
      std::move(outcome.beside.begin(), outcome.beside.end(), std::back_inserter(snapshot.skipped));
    }
  }
  return snapshot;
}

Result<ModelEntry> Repository::Find(const model::ModelName& name) const {
  const FormatTable formats(manifests_);
  std::optional<Outcome> found;
  for (const std::string& root : roots_) {
    THRONG_ASSIGN_OR_RETURN(std::optional<Outcome> outcome,
                            Root(files_, formats, root).ReadOne(name.str()));
    if (!outcome) continue;
    if (found) return InvalidArgumentError(std::string(kTwoRoots));
    found = std::move(outcome);
  }
  if (!found) {
    return NotFoundError("no model named '" + name.str() + "' in the model repository");
  }
  if (found->entry.ok()) return std::move(found->entry);
  return InvalidArgumentError(found->entry.status().message());
}

}  // namespace throng::repository
