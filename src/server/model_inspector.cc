#include "server/model_inspector.h"

#include <optional>

#include "os/event_loop.h"
#include "os/process.h"
#include "os/thread_pool.h"
#include "runner/runner_pool.h"
#include "server/data_plane_server.h"

namespace throng::server {
namespace {

// Loads one version in a cell of its own; returns when the cell has answered or ended.
class OneLoad {
 public:
  OneLoad(os::EventLoop& loop, runner::RunnerPool& runners, InspectedModel& model)
      : loop_(loop), runners_(runners), model_(model) {}

  void Run() {
    model_.load_status = runners_.CanStart(model_.entry.framework);
    if (!model_.load_status.ok()) return;
    auto artifact =
        artifact::ReadArtifact(os::RealFileSystem(), model_.entry.versions.back().source);
    if (!artifact.ok()) {
      model_.load_status = artifact.status();
      return;
    }
    runners_.Start({.framework = model_.entry.framework},
                   [this, artifact = *artifact](Result<std::shared_ptr<runner::Cell>> cell) {
                     if (!cell.ok()) return Finish(cell.status());
                     Load(std::move(cell).value(), artifact);
                   });
    loop_.Run();
  }

 private:
  void Load(std::shared_ptr<runner::Cell> cell,
            const std::shared_ptr<const artifact::Artifact>& artifact) {
    timer_ = loop_.StartTimer(loop_.clock().Now() + limits::kLoadDeadline,
                              [cell] { cell->End(runner::CellExitCause::kDeadline); });
    cell->Load(
        {{model_.entry.name, model_.entry.versions.back().version}, model_.entry.config, artifact},
        [this, cell](runner::LoadResult result) {
          loop_.CancelTimer(timer_);
          if (result.model.ok()) {
            model_.metadata = std::move(result.model->metadata);
            model_.warnings = std::move(result.model->warnings);
            model_.load_time = result.model->load_time;
          }
          cell->End(runner::CellExitCause::kStopped);
          Finish(result.model.status());
        });
  }
  void Finish(Status status) {
    model_.load_status = std::move(status);
    loop_.Stop();
  }

  os::EventLoop& loop_;
  runner::RunnerPool& runners_;
  InspectedModel& model_;
  Executor::TimerId timer_ = 0;
};

model::TensorConfig WithoutBatch(const model::TensorMetadata& tensor, int64_t max_batch_size) {
  model::TensorConfig config;
  config.name = tensor.name;
  config.type = tensor.type;
  config.optional = tensor.optional;
  config.dims = tensor.shape;
  if (max_batch_size > 0 && !config.dims.empty()) config.dims.erase(config.dims.begin());
  return config;
}

}  // namespace

Result<Inspection> InspectPath(const std::string& path, runner::RunnerOptions options,
                               const Logger& logger, size_t max_models) {
  os::FileSystem& files = os::RealFileSystem();
  if (options.program_directory.empty()) {
    THRONG_ASSIGN_OR_RETURN(const std::string here, os::ExecutableDirectory());
    options.program_directory = os::JoinPath(os::DirectoryName(here), "libexec");
  }
  options.spare_cells = 0;
  THRONG_ASSIGN_OR_RETURN(auto manifests, ReadManifests(files, options.program_directory));
  const repository::Repository repository(files, {path}, manifests);
  THRONG_ASSIGN_OR_RETURN(repository::Snapshot snapshot, repository.Scan());
  THRONG_ASSIGN_OR_RETURN(const auto loop, os::EventLoop::Create(os::RealClock()));
  os::ThreadPool threads(1);
  runner::RunnerPool runners(*loop, threads, files, logger, std::move(options), manifests);
  Inspection inspection;
  inspection.skipped = std::move(snapshot.skipped);
  for (auto& entry : snapshot.models) {
    if (inspection.models.size() == max_models) break;
    inspection.models.push_back({std::move(entry), {}, {}, {}, {}});
    OneLoad(*loop, runners, inspection.models.back()).Run();
  }
  return inspection;
}

model::ModelConfig CompleteConfig(const InspectedModel& model) {
  const model::ModelMetadata& metadata = model.metadata;
  model::ModelConfig complete = *model.entry.config;
  complete.max_batch_size = metadata.max_batch_size;
  // A SavedModel whose files lie in the folder itself has no name of its own there.
  if (!model.entry.versions.empty() &&
      model.entry.versions.back().file_name != complete.default_model_filename) {
    complete.default_model_filename.clear();
  }
  if (metadata.accepts_anything && complete.inputs.empty() && metadata.inputs.empty()) {
    complete.inputs.push_back({.name = "INPUT__0"});
  }
  if (metadata.accepts_anything && complete.outputs.empty() && metadata.outputs.empty()) {
    complete.outputs.push_back({.name = "OUTPUT__0"});
  }
  if (complete.inputs.empty()) {
    for (const auto& input : metadata.inputs) {
      complete.inputs.push_back(WithoutBatch(input, metadata.max_batch_size));
    }
  }
  if (complete.outputs.empty()) {
    for (const auto& output : metadata.outputs) {
      complete.outputs.push_back(WithoutBatch(output, metadata.max_batch_size));
    }
  }
  return complete;
}

}  // namespace throng::server
