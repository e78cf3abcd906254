// What tests of a framework's Backend share: model files as a cell sees them, a sink that keeps
// what a model returns, and children that are confined like cells. Test code; single-threaded.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "os/sandbox.h"
#include "runners/sdk/backend.h"

namespace throng::runners_testing {

using NamedBytes = std::pair<std::string, std::string>;

// The files of an artefact in one read-only mapping, each on its own page. Aborts on failure.
std::shared_ptr<const sdk::ArtifactBytes> MakeArtifact(const std::vector<NamedBytes>& files);

// The bytes of a file below the source tree. Aborts when it cannot be read.
std::string ReadSourceFile(const std::string& path);

class CollectingSink final : public sdk::OutputSink {
 public:
  struct Output {
    uint16_t index = 0;
    tensor::DataType type = tensor::DataType::kInvalid;
    tensor::Shape shape;
    std::vector<std::byte> data;
  };
  Result<std::span<std::byte>> Allocate(uint16_t index, tensor::DataType type,
                                        const tensor::Shape& shape, uint64_t size_bytes) override;
  const std::vector<std::unique_ptr<Output>>& outputs() const { return outputs_; }
  const Output* Find(uint16_t index) const;
  void Clear() { outputs_.clear(); }

 private:
  std::vector<std::unique_ptr<Output>> outputs_;
};

// Data for one input; view() is valid while it lives.
struct OwnedInput {
  uint16_t index = 0;
  tensor::Tensor tensor;
  sdk::Input view() const { return {index, tensor.view()}; }
};
OwnedInput FloatInput(uint16_t index, tensor::Shape shape, const std::vector<float>& values);
OwnedInput StringInput(uint16_t index, tensor::Shape shape, const std::vector<std::string>& values);

std::vector<float> Floats(const CollectingSink::Output& output);
std::vector<std::string> Strings(const CollectingSink::Output& output);

// Runs the model with all outputs.
Status RunModel(sdk::LoadedModel& model, const std::vector<OwnedInput>& inputs,
                CollectingSink& sink);

// How a child ended: an exit status, or the signal that killed it; and what it reported.
struct ChildEnd {
  int exit_status = -1;
  int signal = 0;
  std::string report;
};
// Forks, prepares the backend, sets its syscall filter (unless the build is sanitised), and runs
// `body`, whose text comes back. Waits at most 60 s, then kills the child (signal SIGKILL).
ChildEnd RunInCell(sdk::Backend& backend, const std::function<std::string()>& body);

}  // namespace throng::runners_testing
