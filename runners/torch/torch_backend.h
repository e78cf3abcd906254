// TorchScript models through LibTorch. Loads from memory, runs on one thread, without gradients and
// without the optimising executor (a model's parameter DISABLE_OPTIMIZED_EXECUTION=false turns that
// on for it, as in Triton's PyTorch backend).
//
// A model without a configuration takes INPUT__0, INPUT__1, ... of any datatype and shape: its
// metadata lists one input for each argument of forward() that has no default, with datatype
// kInvalid and an empty shape, and its outputs as OUTPUT__0, ... likewise.
//
// Only torch_backend.cc includes the framework. Not thread-safe (sdk/backend.h: one thread).
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "runners/sdk/backend.h"

namespace throng::torch_runner {

class TorchBackend final : public sdk::Backend {
 public:
  std::string framework() const override { return "torch"; }
  std::string framework_version() const override;
  // Sets one thread for good; saves, loads and runs small built-in models (a multi-layer
  // perceptron, a convolution, strings), so that a cell inherits the compiler's and dispatcher's
  // tables.
  Status Warm() override;
  sdk::BackendSandbox sandbox() const override;
  Status Rehearse() override;
  Result<std::unique_ptr<sdk::LoadedModel>> Load(const sdk::LoadSpec& spec) override;
};

}  // namespace throng::torch_runner
