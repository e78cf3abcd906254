// Where models come from, without blocking: the folder on disk (server/folder_source.h), a fake in
// tests. Each `done` runs on the data plane's executor.
#pragma once

#include <memory>

#include "artifact/artifact.h"
#include "base/status.h"
#include "base/unique_function.h"
#include "model/model_name.h"
#include "repository/repository.h"

namespace throng::residency {

class ModelSource {
 public:
  virtual ~ModelSource() = default;
  virtual void Scan(Done<Result<repository::Snapshot>> done) = 0;
  // ERRORS: kNotFound — no such model; kInvalidArgument — the reason for which it is not served.
  virtual void Find(const model::ModelName& name, Done<Result<repository::ModelEntry>> done) = 0;
  virtual void Read(const artifact::ArtifactSource& source,
                    Done<Result<std::shared_ptr<const artifact::Artifact>>> done) = 0;
};

}  // namespace throng::residency
