// What a file, a version's folder or a model's folder holds: the artefact and its framework, or the
// reason why it is not served. Stateless; used by the scan only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/file.h"
#include "repository/format_table.h"
#include "repository/repository.h"

namespace throng::repository {

// A place on disk and what it is called in texts: relative to the served folder, "" for itself.
struct Place {
  std::string path;
  std::string relative;
  bool is_served_alone = false;  // the path that was given, and a file

  Place Child(const std::string& name) const {
    return {os::JoinPath(path, name), relative.empty() ? name : relative + "/" + name, false};
  }
};

struct FoundArtifact {
  Format format;
  artifact::ArtifactSource source;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;       // of the newest file
  std::string file_name;         // as it is on disk
  std::string default_filename;  // what default_model_filename would have to be
};

// Hidden files, __pycache__ and READMEs.
bool IsIgnoredName(std::string_view name);
// The folders with which Triton decorates a model: where they hold no model, they need no reason.
bool IsDecoration(std::string_view name);

// A model that is one file or one artefact folder. ERRORS: kInvalidArgument — why it is not served;
// those of the file system.
Result<FoundArtifact> FindInFile(const os::FileSystem& files, const FormatTable& formats,
                                 const Place& place, bool is_folder, std::string_view model_name);

// The artefact in the folder `place` (of a version, or of a flat model), whose listing is
// `entries`. ERRORS: kNotFound — nothing in it looks like a model; as above.
Result<FoundArtifact> FindInFolder(const os::FileSystem& files, const FormatTable& formats,
                                   const Place& place,
                                   const std::vector<os::DirectoryEntry>& entries,
                                   const model::ModelConfig& config, std::string_view model_name);

// The entry that FindInFolder would look at first, by its name alone; nothing: none.
std::string FirstModelName(const FormatTable& formats,
                           const std::vector<os::DirectoryEntry>& entries,
                           const model::ModelConfig& config);

// A model's folder. `directory_name`: what the configuration's name must be, "" for anything;
// `fallback_name`: the model's name when the configuration has none. ERRORS: as above.
Result<ModelEntry> ReadModelFolder(const os::FileSystem& files, const FormatTable& formats,
                                   const Place& place, std::string_view directory_name,
                                   std::string_view fallback_name);

// The entry of a model that is one file or one artefact folder. ERRORS: as above.
Result<ModelEntry> ReadBareModel(const os::FileSystem& files, const FormatTable& formats,
                                 const Place& place, bool is_folder, std::string_view model_name);

}  // namespace throng::repository
