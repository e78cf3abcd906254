// ModelInspector: finds out what a model is by loading it in a sandboxed cell, as the server would,
// without serving it. Blocking; for the command line.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "model/model_config.h"
#include "repository/repository.h"
#include "runner/runner_options.h"

namespace throng::server {

struct InspectedModel {
  repository::ModelEntry entry;
  model::ModelMetadata metadata;  // empty when load_status is not OK
  std::vector<std::string> warnings;
  Status load_status;
  Duration load_time{};
};

struct Inspection {
  std::vector<InspectedModel> models;
  std::vector<repository::SkippedEntry> skipped;
};

// Looks at `path` (a model's file or folder, or a folder of models; at most `max_models` are
// loaded). ERRORS: kNotFound, kPermissionDenied — the path; kUnavailable — no event loop.
Result<Inspection> InspectPath(const std::string& path, runner::RunnerOptions options,
                               const Logger& logger, size_t max_models);

// The configuration that says what the metadata says: what `throng inspect` would write. It is one
// to put beside the model's file (or its versions) as that is called now.
model::ModelConfig CompleteConfig(const InspectedModel& model);

}  // namespace throng::server
