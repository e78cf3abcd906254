#include "residency/model_loader.h"

#include "base/limits.h"

namespace throng::residency {
namespace {

// A load that has not begun after this waits behind a call that takes long: it goes elsewhere.
constexpr std::chrono::milliseconds kTurnTime{100};

}  // namespace

struct ModelLoader::Attempt {
  Attempt(LoadJob job_in, Done<LoadOutcome> done_in)
      : job(std::move(job_in)), done(std::move(done_in)) {}
  LoadJob job;
  Done<LoadOutcome> done;
  std::shared_ptr<const artifact::Artifact> artifact;
  Executor::TimerId deadline_timer = 0;
  Executor::TimerId turn_timer = 0;
  int placement = 0;  // counts the cells it was sent to; answers of earlier ones are too late
};

ModelLoader::ModelLoader(Executor& executor, ModelSource& source, runner::CellFactory& cells,
                         CellTable& table, const Logger& logger, size_t max_queued)
    : executor_(executor),
      source_(source),
      cells_(cells),
      table_(table),
      logger_(logger),
      max_queued_(max_queued) {}

ModelLoader::~ModelLoader() { *alive_ = false; }

void ModelLoader::Load(LoadJob job, Done<LoadOutcome> done) {
  auto attempt = std::make_shared<Attempt>(std::move(job), std::move(done));
  if (queue_.size() >= max_queued_) {
    executor_.Post([attempt] {
      attempt->done({ResourceExhaustedError("too many models wait to be loaded").WithRetryAfter(1),
                     std::nullopt});
    });
    return;
  }
  queue_.push_back(std::move(attempt));
  StartNext();
}

void ModelLoader::StartNext() {
  while (running_ < limits::kConcurrentLoads && !queue_.empty()) {
    AttemptPtr attempt = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    ReadArtifact(attempt);
  }
}

void ModelLoader::ReadArtifact(const AttemptPtr& attempt) {
  // Triton's own text and place, which readers of its logs look for.
  logger_.Info("model_repository_manager.cc", 737, "loading: " + attempt->job.key.ToString());
  const Status runnable = cells_.CanStart(attempt->job.framework);
  if (!runnable.ok()) return Finish(attempt, {runnable, std::nullopt});
  source_.Read(
      attempt->job.version.source,
      [this, alive = alive_, attempt](Result<std::shared_ptr<const artifact::Artifact>> artifact) {
        if (!*alive) return;
        if (!artifact.ok()) return Finish(attempt, {artifact.status(), std::nullopt});
        attempt->artifact = std::move(artifact).value();
        PlaceInCell(attempt);
      });
}

void ModelLoader::PlaceInCell(const AttemptPtr& attempt) {
  const LoadJob& job = attempt->job;
  const uint64_t bytes = attempt->artifact->size_bytes;
  const bool alone = job.alone || WantsOwnCell(*job.config, bytes);
  CellTable::Record* record =
      table_.Choose({job.framework, bytes, alone, job.avoid}, executor_.clock().Now());
  if (record != nullptr) {
    record->loading = true;
    return LoadIntoCell(attempt, record->cell);
  }
  cells_.Start({job.framework, "default"},
               [this, alive = alive_, attempt, alone](Result<std::shared_ptr<runner::Cell>> cell) {
                 if (!*alive) return;
                 if (!cell.ok()) return Finish(attempt, {cell.status(), std::nullopt});
                 table_.Add(*cell, alone).loading = true;
                 LoadIntoCell(attempt, *cell);
               });
}

void ModelLoader::LogCreating(const LoadJob& job) const {
  if (job.manifest == nullptr) return;
  const std::string instance =
      job.key.name.str() + (job.manifest->log_instance_suffix ? "_0_0_cpu" : "");
  logger_.Info(
      job.manifest->log_source, job.manifest->log_line,
      "Creating instance " + instance + " on CPU using " + EscapeForLog(job.version.file_name));
}

void ModelLoader::LoadIntoCell(const AttemptPtr& attempt,
                               const std::shared_ptr<runner::Cell>& cell) {
  LogCreating(attempt->job);
  const int placement = ++attempt->placement;
  attempt->deadline_timer =
      executor_.StartTimer(executor_.clock().Now() + limits::kLoadDeadline,
                           [cell] { cell->End(runner::CellExitCause::kDeadline); });
  attempt->turn_timer = executor_.StartTimer(executor_.clock().Now() + kTurnTime,
                                             [this, alive = alive_, attempt, cell] {
                                               if (*alive) CheckTurn(attempt, cell);
                                             });
  cell->Load({attempt->job.key, attempt->job.config, attempt->artifact},
             [this, alive = alive_, attempt, cell, placement](runner::LoadResult result) {
               if (!*alive) return;
               if (attempt->placement == placement) {
                 OnLoaded(attempt, cell, std::move(result));
               } else {
                 OnLoadedTooLate(cell, std::move(result));
               }
             });
}

void ModelLoader::CheckTurn(const AttemptPtr& attempt, const std::shared_ptr<runner::Cell>& cell) {
  if (!cell->alive() || cell->is_loading()) return;
  executor_.CancelTimer(attempt->deadline_timer);
  ++attempt->placement;
  attempt->job.avoid = cell->id();
  WatchLateLoad(cell, executor_.clock().Now() + limits::kLoadDeadline);
  PlaceInCell(attempt);
}

// The calls before it have deadlines of their own.
void ModelLoader::WatchLateLoad(const std::shared_ptr<runner::Cell>& cell, MonotonicTime until) {
  late_loads_[cell->id()] = executor_.StartTimer(until, [this, alive = alive_, cell] {
    if (!*alive) return;
    const MonotonicTime now = executor_.clock().Now();
    const MonotonicTime begun = cell->is_loading() ? cell->running_since() : now;
    if (now < begun + limits::kLoadDeadline) {
      return WatchLateLoad(cell, begun + limits::kLoadDeadline);
    }
    cell->End(runner::CellExitCause::kDeadline);
  });
}

// The model is in another cell by now, or on its way there.
void ModelLoader::OnLoadedTooLate(const std::shared_ptr<runner::Cell>& cell,
                                  runner::LoadResult result) {
  if (auto timer = late_loads_.extract(cell->id())) executor_.CancelTimer(timer.mapped());
  CellTable::Record* record = table_.Find(cell->id());
  if (record == nullptr) return;
  record->loading = false;
  if (result.lost && result.lost->was_running) record->blamed = true;
  if (!cell->alive()) return;
  if (record->instances.empty()) {
    record->alone = true;
    cell->End(runner::CellExitCause::kStopped);
  } else if (result.model.ok()) {
    cell->Unload(result.model->slot, [](const Status&) {});
  }
}

void ModelLoader::OnLoaded(const AttemptPtr& attempt, const std::shared_ptr<runner::Cell>& cell,
                           runner::LoadResult result) {
  executor_.CancelTimer(attempt->deadline_timer);
  executor_.CancelTimer(attempt->turn_timer);
  CellTable::Record* record = table_.Find(cell->id());
  if (record != nullptr) record->loading = false;
  if (record != nullptr && result.lost && result.lost->was_running) record->blamed = true;
  if (!result.model.ok()) {
    // A cell started for this model alone has nothing left to do.
    if (record != nullptr && record->instances.empty() && cell->alive()) {
      record->alone = true;
      cell->End(runner::CellExitCause::kStopped);
    }
    return Finish(attempt, {result.model.status(), result.lost});
  }
  auto instance = std::make_shared<ModelInstance>(attempt->job.key);
  instance->config = attempt->job.config;
  instance->metadata =
      std::make_shared<const model::ModelMetadata>(std::move(result.model->metadata));
  instance->cell = cell;
  instance->slot = result.model->slot;
  instance->file_bytes = attempt->artifact->size_bytes;
  instance->alone = record != nullptr && record->alone;
  for (const std::string& warning : result.model->warnings) {
    THRONG_LOG_WARNING(logger_) << "model '" << attempt->job.key.name.str()
                                << "': " << EscapeForLog(warning);
  }
  table_.AddInstance(instance);
  Finish(attempt, {std::move(instance), std::nullopt});
}

void ModelLoader::Finish(const AttemptPtr& attempt, LoadOutcome outcome) {
  --running_;
  executor_.Post([this, alive = alive_] {
    if (*alive) StartNext();
  });
  attempt->done(std::move(outcome));
}

}  // namespace throng::residency
