// OnnxModel: one ONNX Runtime session. Single-threaded: a cell runs one call at a time, and the
// buffers below are reused from call to call.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runners/onnx/ort_library.h"
#include "runners/sdk/backend.h"

namespace throng::onnx {

// What all sessions of a process share. Outlives them.
struct OrtEnvironment {
  OrtLibrary library;
  OrtEnv* env = nullptr;
  OrtMemoryInfo* memory = nullptr;
  OrtAllocator* allocator = nullptr;
  OrtSessionOptions* options = nullptr;               // for .onnx
  OrtSessionOptions* direct_bytes_options = nullptr;  // for .ort: the file's bytes stay in use
};

class OnnxModel final : public sdk::LoadedModel {
 public:
  // `spec.artifact` holds one file. ERRORS: kInvalidArgument — not an ONNX model, or the
  // configuration contradicts it; kUnimplemented — sequence inputs, weights in other files,
  // operators that this ONNX Runtime lacks.
  static Result<std::unique_ptr<OnnxModel>> Load(const OrtEnvironment& environment,
                                                 const sdk::LoadSpec& spec);

  const model::ModelMetadata& metadata() const override { return metadata_; }
  std::vector<std::string> warnings() const override { return warnings_; }
  Status Execute(std::span<const sdk::Input> inputs, std::span<const uint16_t> requested_outputs,
                 sdk::OutputSink& outputs) override;

 private:
  OnnxModel(const OrtEnvironment& environment, OrtOwned<OrtSession> session)
      : environment_(environment), api_(environment.library.api), session_(std::move(session)) {}

  Status Describe(const sdk::LoadSpec& spec);
  Result<std::vector<model::TensorMetadata>> DescribeInputs();
  Result<std::vector<model::TensorMetadata>> DescribeOutputs();

  Result<OrtOwned<OrtValue>> MakeInput(const tensor::TensorView& tensor);
  Result<OrtOwned<OrtValue>> MakeStrings(const tensor::TensorView& tensor);
  Status CopyOutput(uint16_t index, OrtValue& value, sdk::OutputSink& outputs);
  Status CopyStrings(uint16_t index, const OrtValue& value, sdk::OutputSink& outputs);

  const OrtEnvironment& environment_;
  const OrtApi& api_;
  std::shared_ptr<const sdk::ArtifactBytes> artifact_;  // while the session uses its bytes
  OrtOwned<OrtSession> session_;
  model::ModelMetadata metadata_;
  std::vector<std::string> warnings_;

  std::vector<OrtOwned<OrtValue>> input_values_;
  std::vector<const char*> input_names_;
  std::vector<const OrtValue*> inputs_;
  std::vector<uint16_t> output_indices_;
  std::vector<const char*> output_names_;
  std::vector<OrtValue*> outputs_;
  tensor::Shape shape_;
  std::string text_;
  std::vector<size_t> offsets_;
};

}  // namespace throng::onnx
