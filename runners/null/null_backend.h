// NullBackend: the framework without a framework, for tests and benchmarks of everything around
// one.
#pragma once

#include <memory>
#include <string>

#include "runners/null/hostile.h"
#include "runners/sdk/backend.h"

namespace throng::null_runner {

class NullBackend final : public sdk::Backend {
 public:
  std::string framework() const override { return "null"; }
  std::string framework_version() const override { return "1"; }
  Status Warm() override { return OkStatus(); }
  Status PrepareCell() override;
  sdk::BackendSandbox sandbox() const override { return {}; }
  Result<std::unique_ptr<sdk::LoadedModel>> Load(const sdk::LoadSpec& spec) override;

 private:
  Surroundings surroundings_;
};

}  // namespace throng::null_runner
