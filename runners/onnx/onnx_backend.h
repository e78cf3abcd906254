// OnnxBackend: ONNX Runtime as a framework of Throng. One environment per process, made in the
// zygote; sessions without threads of their own, from memory.
#pragma once

#include <memory>
#include <string>

#include "runners/onnx/onnx_model.h"
#include "runners/sdk/backend.h"

namespace throng::onnx {

class OnnxBackend final : public sdk::Backend {
 public:
  explicit OnnxBackend(std::string library_path) : library_path_(std::move(library_path)) {}

  std::string framework() const override { return "onnx"; }
  std::string framework_version() const override { return environment_.library.version; }
  Status Warm() override;
  sdk::BackendSandbox sandbox() const override;
  Status Rehearse() override { return RunWarmModel(); }
  Result<std::unique_ptr<sdk::LoadedModel>> Load(const sdk::LoadSpec& spec) override;

 private:
  Status CreateOptions(OrtSessionOptions*& options);
  Status RunWarmModel();

  const std::string library_path_;
  OrtEnvironment environment_;
};

}  // namespace throng::onnx
