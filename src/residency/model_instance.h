// ModelInstance: one model loaded in one cell. ModelHandle: a pin on it; while a handle lives, the
// instance is not unloaded (a cell that dies takes it away all the same: instance().cell tells).
// Belong to the data plane's executor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "model/model_config.h"
#include "model/model_name.h"
#include "runner/runner.h"

namespace throng::residency {

struct ModelInstance {
  explicit ModelInstance(model::ModelKey key_in) : key(std::move(key_in)) {}

  model::ModelKey key;
  std::shared_ptr<const model::ModelConfig> config;
  std::shared_ptr<const model::ModelMetadata> metadata;
  std::shared_ptr<runner::Cell> cell;
  uint32_t slot = 0;
  uint64_t file_bytes = 0;
  bool alone = false;  // has its cell for itself because it is suspected or was asked to
  int pins = 0;
  bool retired = false;               // to be unloaded when the last pin goes
  Duration average_compute{};         // moving average over calls, 0: none yet
  std::function<void()> on_unpinned;  // set when retired
};

class ModelHandle {
 public:
  ModelHandle() = default;
  explicit ModelHandle(std::shared_ptr<ModelInstance> instance) : instance_(std::move(instance)) {
    ++instance_->pins;
  }
  ModelHandle(ModelHandle&& other) noexcept : instance_(std::move(other.instance_)) {}
  ModelHandle& operator=(ModelHandle&& other) noexcept {
    if (this != &other) {
      Release();
      instance_ = std::move(other.instance_);
    }
    return *this;
  }
  ModelHandle(const ModelHandle&) = delete;
  ModelHandle& operator=(const ModelHandle&) = delete;
  ~ModelHandle() { Release(); }

  bool valid() const { return instance_ != nullptr; }
  ModelInstance& instance() const { return *instance_; }
  const std::shared_ptr<ModelInstance>& shared() const { return instance_; }

 private:
  void Release() {
    if (instance_ == nullptr) return;
    const std::shared_ptr<ModelInstance> instance = std::move(instance_);
    instance_ = nullptr;
    if (--instance->pins == 0 && instance->on_unpinned) instance->on_unpinned();
  }
  std::shared_ptr<ModelInstance> instance_;
};

}  // namespace throng::residency
