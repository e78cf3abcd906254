// ModelControl: the questions and commands about models that listeners pass on. Thread-safe: a call
// may come from any executor; `done` runs on the executor that is given. The answers are never
// cached views of a file: they are the residency machine's own state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/status.h"
#include "base/unique_function.h"
#include "model/model_config.h"
#include "model/model_name.h"
#include "model/model_state.h"

namespace throng::residency {

struct ModelView {
  std::string name;
  std::vector<int64_t> versions;  // available; the one asked for when one was
  int64_t version = 1;            // the one that answers
  std::string platform;
  std::shared_ptr<const model::ModelConfig> config;
  std::shared_ptr<const model::ModelMetadata> metadata;
};

struct IndexEntry {
  std::string name;
  std::optional<int64_t> version;  // nothing: never loaded
  std::optional<model::ResidencyState> state;
  std::string reason;  // why it is not ready: "unloaded", a failure, a quarantine
};

class ModelControl {
 public:
  virtual ~ModelControl() = default;

  // Loads the model when needed: metadata is what its artefact says. `deadline` bounds the wait.
  // ERRORS: those of inference-time resolution (kNotFound unknown model or version, kUnavailable).
  virtual void Describe(const model::ModelName& name, std::optional<int64_t> version,
                        MonotonicTime deadline, Executor& executor,
                        Done<Result<ModelView>> done) = 0;
  // Ready means: a request would be answered (resident, or registered and loadable on demand).
  // OK, kNotFound, or kUnavailable with the reason (failed, quarantined, unloaded).
  virtual void CheckReady(const model::ModelName& name, std::optional<int64_t> version,
                          Executor& executor, Done<Status> done) = 0;
  // What a request to this model must look like, when that is known without loading it; else null.
  virtual void Peek(const model::ModelName& name, std::optional<int64_t> version,
                    Executor& executor, Done<std::shared_ptr<const model::ModelMetadata>> done) = 0;
  virtual void Index(bool ready_only, Executor& executor, Done<std::vector<IndexEntry>> done) = 0;
  // Registers it (reading its folder afresh) and loads it; done when it is ready or failed.
  // Idempotent. ERRORS: kInternal "failed to load 'M', failed to poll from model repository" (no
  // such model on disk), kInvalidArgument "load failed for model 'M': version V is at UNAVAILABLE
  // state: REASON".
  virtual void Load(const model::ModelName& name, Executor& executor, Done<Status> done) = 0;
  // Un-registers it and unloads it when its requests are done. Idempotent; unknown models succeed.
  virtual void Unload(const model::ModelName& name, Executor& executor, Done<Status> done) = 0;

  // True when the server would answer (see --strict-readiness); false while it drains.
  virtual bool ServerReady() const = 0;
};

}  // namespace throng::residency
