// ModelLoader: takes one version of a model from its files to an instance in a cell: read the
// artefact, choose a cell (or start one), load. A bounded number at a time; the rest wait in order.
// Belongs to the data plane's executor.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/executor.h"
#include "base/log.h"
#include "model/framework.h"
#include "residency/cell_table.h"
#include "residency/model_instance.h"
#include "residency/model_source.h"
#include "runner/runner.h"

namespace throng::residency {

struct LoadJob {
  model::ModelKey key;
  std::shared_ptr<const model::ModelConfig> config;
  std::string framework;
  const model::FrameworkManifest* manifest = nullptr;
  repository::ModelVersionEntry version;
  bool alone = false;  // a suspect: nobody else may be hurt
  runner::CellId avoid = 0;
};

struct LoadOutcome {
  Result<std::shared_ptr<ModelInstance>> instance;
  std::optional<runner::CellLoss> lost;  // the cell ended while it loaded this
};

class ModelLoader {
 public:
  ModelLoader(Executor& executor, ModelSource& source, runner::CellFactory& cells, CellTable& table,
              const Logger& logger, size_t max_queued);
  ~ModelLoader();

  void Load(LoadJob job, Done<LoadOutcome> done);

  size_t loads_in_flight() const { return running_; }

 private:
  struct Attempt;
  using AttemptPtr = std::shared_ptr<Attempt>;

  void StartNext();
  void ReadArtifact(const AttemptPtr& attempt);
  void PlaceInCell(const AttemptPtr& attempt);
  void LoadIntoCell(const AttemptPtr& attempt, const std::shared_ptr<runner::Cell>& cell);
  // Takes a load that still waits behind a call to another cell.
  void CheckTurn(const AttemptPtr& attempt, const std::shared_ptr<runner::Cell>& cell);
  // Ends a cell in which such a load, once it has begun, takes too long.
  void WatchLateLoad(const std::shared_ptr<runner::Cell>& cell, MonotonicTime until);
  void OnLoadedTooLate(const std::shared_ptr<runner::Cell>& cell, runner::LoadResult result);
  void OnLoaded(const AttemptPtr& attempt, const std::shared_ptr<runner::Cell>& cell,
                runner::LoadResult result);
  void Finish(const AttemptPtr& attempt, LoadOutcome outcome);
  void LogCreating(const LoadJob& job) const;

  Executor& executor_;
  ModelSource& source_;
  runner::CellFactory& cells_;
  CellTable& table_;
  const Logger& logger_;
  const size_t max_queued_;
  std::deque<AttemptPtr> queue_;
  std::map<runner::CellId, Executor::TimerId> late_loads_;  // timers of WatchLateLoad
  size_t running_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace throng::residency
