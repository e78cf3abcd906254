// TensorFlow models through its C API: frozen graphs (tensorflow_graphdef) and SavedModels
// (tensorflow_savedmodel), both from memory; a SavedModel's files go through TensorFlow's own
// ram:// file system and are deleted after loading.
//
// A GraphDef's inputs are its placeholders and its outputs the nodes that nobody consumes; a
// SavedModel's are those of its signature (parameters TF_SIGNATURE_DEF and TF_GRAPH_TAG choose, as
// in Triton). A configuration, where there is one, selects among them and must agree.
//
// Not thread-safe (sdk/backend.h: one thread).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "runners/sdk/backend.h"

namespace throng::tensorflow_runner {

class TensorflowBackend final : public sdk::Backend {
 public:
  std::string framework() const override { return "tensorflow"; }
  std::string framework_version() const override;
  // Registers kernels and operators, nothing more: a graph or a session would start threads.
  Status Warm() override;
  // Opens and runs one built-in session, which starts the process's thread pools and settles their
  // sizes for all later sessions; it calls a function when Warm could not do what such calls need.
  Status PrepareCell() override;
  sdk::BackendSandbox sandbox() const override;
  Result<std::unique_ptr<sdk::LoadedModel>> Load(const sdk::LoadSpec& spec) override;

 private:
  bool functions_are_ready_ = false;
  uint64_t next_folder_ = 0;  // each load has its own folder in memory
};

}  // namespace throng::tensorflow_runner
