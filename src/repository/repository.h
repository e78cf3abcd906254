// A folder of models, as it is on disk: what each entry is, its versions, its configuration, or why
// it is skipped. Scanning reads names, configurations and the first bytes of files; it never loads
// a model. Blocking: call it on a helper thread.
//
// Layouts: Triton's NAME/VERSION/model.* with or without NAME/config.pbtxt; flat NAME/model.* or
// one NAME/*.onnx; bare NAME.onnx. The served folder may also be one model's folder or one file.
// Ignored: hidden files, __pycache__, READMEs; files whose names are of no model; `configs`,
// `warmup` and `initial_state` where they hold no model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/artifact.h"
#include "base/status.h"
#include "model/framework.h"
#include "model/model_config.h"
#include "model/model_name.h"
#include "os/file.h"

namespace throng::repository {

struct ModelVersionEntry {
  int64_t version = 1;
  artifact::ArtifactSource source;
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;  // newest file of it
  std::string file_name;    // "model.pt", for the log
};

// A model that can be tried.
struct ModelEntry {
  model::ModelName name;
  std::string framework;  // "torch": of the manifest
  std::shared_ptr<const model::ModelConfig> config;
  std::vector<ModelVersionEntry> versions;  // ascending; those the version policy selects
  // For the log: configuration fields that are ignored, version folders and files that are left
  // out.
  std::vector<std::string> warnings;
  bool content_is_known = false;  // the file's content, not its name alone, tells its format
  bool tells_inputs = true;       // its file or configuration says which inputs it takes
};

// Something in the folder that is not served, and why. `name` is what a client would ask for;
// "NAME (ENTRY)" for an entry beside another of the same name, which is served or has its own
// reason.
struct SkippedEntry {
  std::string name;  // printable (EscapeForLog)
  std::string
      reason;  // printable, one line, no absolute path; may hold the command that converts it
};

struct Snapshot {
  std::vector<ModelEntry> models;     // sorted by name
  std::vector<SkippedEntry> skipped;  // sorted by name
};

class Repository {
 public:
  // REQUIRES: `files` outlives it.
  Repository(const os::FileSystem& files, std::vector<std::string> roots,
             std::vector<model::FrameworkManifest> manifests);

  // ERRORS: kNotFound, kPermissionDenied — a root cannot be read.
  Result<Snapshot> Scan() const;

  // One model, read afresh. ERRORS: kNotFound — no such entry; kInvalidArgument — the reason for
  // which it is skipped.
  Result<ModelEntry> Find(const model::ModelName& name) const;

 private:
  const os::FileSystem& files_;
  const std::vector<std::string> roots_;
  const std::vector<model::FrameworkManifest> manifests_;
};

// Parses config.pbtxt (protobuf text format of Triton's model_config.proto). `directory_name`: the
// model's folder, which `name` must equal or leave empty. Warnings: fields that are accepted and
// ignored. ERRORS: kInvalidArgument — names the field and the rule; over limits::kModelConfigBytes
// or kModelConfigDepth; fields that are not supported yet (ensemble_scheduling, sequence_batching,
// ...).
struct ParsedConfig {
  model::ModelConfig config;
  std::vector<std::string> warnings;
};
Result<ParsedConfig> ParseModelConfig(std::string_view text, std::string_view directory_name);

// The config.pbtxt that says what is known (`throng inspect`): ParseModelConfig takes it. Inputs or
// outputs of which one has no datatype become a comment to fill in.
std::string FormatModelConfig(const model::ModelConfig& config);
// The JSON of GET /v2/models/M/config: proto field names, defaults printed, 64-bit integers as
// numbers, enums as names (Triton's form).
std::string ModelConfigJson(const model::ModelConfig& config);

}  // namespace throng::repository
