// ModelControlService: ModelManager's thread-safe face. Moves each call to the data plane's
// executor and its answer back to the caller's.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "residency/model_control.h"
#include "residency/model_manager.h"

namespace throng::residency {

class ModelControlService final : public ModelControl {
 public:
  // REQUIRES: both outlive it.
  ModelControlService(Executor& executor, ModelManager& manager)
      : executor_(executor), manager_(manager) {}

  void Describe(const model::ModelName& name, std::optional<int64_t> version,
                MonotonicTime deadline, Executor& executor, Done<Result<ModelView>> done) override;
  void CheckReady(const model::ModelName& name, std::optional<int64_t> version, Executor& executor,
                  Done<Status> done) override;
  void Peek(const model::ModelName& name, std::optional<int64_t> version, Executor& executor,
            Done<std::shared_ptr<const model::ModelMetadata>> done) override;
  void Index(bool ready_only, Executor& executor, Done<std::vector<IndexEntry>> done) override;
  void Load(const model::ModelName& name, Executor& executor, Done<Status> done) override;
  void Unload(const model::ModelName& name, Executor& executor, Done<Status> done) override;
  bool ServerReady() const override {
    return !draining_.load(std::memory_order_relaxed) && manager_.ServerReady();
  }

  // From now on the server says that it is not ready. Thread-safe.
  void SetDraining() { draining_.store(true, std::memory_order_relaxed); }

 private:
  // Runs `task` on the data plane, at once when already there.
  void OnDataPlane(Executor::Task task);

  Executor& executor_;
  ModelManager& manager_;
  std::atomic<bool> draining_ = false;
};

}  // namespace throng::residency
