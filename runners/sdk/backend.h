// What the author of a framework's runner writes: a Backend that loads models, and a LoadedModel
// that runs them. The SDK does the rest: protocol, zygote, sandbox, arenas, errors.
//
//   int main(int argc, char** argv) {
//     MyBackend backend;
//     return throng::sdk::RunnerMain(argc, argv, backend);
//   }
//
// Life: the zygote process calls Warm() once and then only forks. Each cell (a fork) calls
// PrepareCell(), is locked down, and from then on calls Load, Execute and the destructor of
// LoadedModel, all on one thread. No file, socket or process can be opened after the lock-down.
// Methods may throw: the SDK turns std::exception into kInternal with a text cleaned of paths.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "os/memory_file.h"
#include "os/sandbox.h"
#include "tensor/tensor.h"

namespace throng::sdk {

// The files of a model, mapped read-only. Hold the shared_ptr as long as bytes are used in place;
// let it go after loading otherwise.
class ArtifactBytes {
 public:
  struct File {
    std::string name;                  // "model.onnx", "variables/variables.index"
    std::span<const std::byte> bytes;  // starts on a page
  };
  ArtifactBytes(os::Mapping mapping, std::vector<File> files)
      : mapping_(std::move(mapping)), files_(std::move(files)) {}

  const std::vector<File>& files() const { return files_; }
  // Null when there is none.
  const File* Find(std::string_view name) const;

 private:
  os::Mapping mapping_;
  std::vector<File> files_;
};

struct LoadSpec {
  std::string name;
  int64_t version = 1;
  std::string platform;  // "onnxruntime_onnx"
  std::shared_ptr<const ArtifactBytes> artifact;
  int64_t max_batch_size = 0;
  std::vector<model::TensorConfig> inputs;  // from the configuration; empty: find them
  std::vector<model::TensorConfig> outputs;
  std::map<std::string, std::string> parameters;
};

struct Input {
  uint16_t index = 0;  // into metadata().inputs (or the N of INPUT__N)
  tensor::TensorView
      tensor;  // data is mapped READ-ONLY: a framework that writes in place must copy
};

// Where a model puts its results. Allocate each output once, then fill it.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  // Space for output `index` in the arena, 64-byte aligned. For BYTES `size_bytes` is the encoded
  // size (length prefixes included). ERRORS: kResourceExhausted — over limits::kReplyTensorBytes;
  // kInvalidArgument — size_bytes is not what type and shape say (fixed-size types).
  virtual Result<std::span<std::byte>> Allocate(uint16_t index, tensor::DataType type,
                                                const tensor::Shape& shape,
                                                uint64_t size_bytes) = 0;
};

class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  // Inputs and outputs as the artefact tells them, completed by the configuration. Names,
  // datatypes, shapes with the batch dimension. Fixed after loading.
  virtual const model::ModelMetadata& metadata() const = 0;
  // Worth a warning in the log: "output 'probabilities' is a sequence; left out".
  virtual std::vector<std::string> warnings() const { return {}; }
  // `inputs` were checked by the front door against metadata() (names, datatypes, shapes, sizes).
  // `requested_outputs`: indices; empty: all. ERRORS: kInvalidArgument — the model refuses these
  // values; kInternal — it failed.
  virtual Status Execute(std::span<const Input> inputs, std::span<const uint16_t> requested_outputs,
                         OutputSink& outputs) = 0;
};

struct BackendSandbox {
  std::vector<os::SyscallRule> extra_syscalls;  // beyond os::SyscallFilter's baseline
  std::vector<std::string> readable_paths;      // for Landlock: what PrepareCell reads
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string framework() const = 0;          // "onnx": as in its manifest
  virtual std::string framework_version() const = 0;  // "1.28.0"
  // Once, in the zygote: load the library, run what makes later loads cheap. Must leave one thread
  // (the SDK asserts it before every fork).
  virtual Status Warm() = 0;
  // In each new cell before the syscall filter, with nothing of a user in memory. May start
  // threads.
  virtual Status PrepareCell() { return OkStatus(); }
  virtual BackendSandbox sandbox() const = 0;
  // In a new cell after the lock-down, when it is a spare that nobody waits for: does what loading
  // and running a small model would do. The pages that this touches are then the cell's own and
  // mapped, which is half of the time of its first load.
  virtual Status Rehearse() { return OkStatus(); }
  // ERRORS: kInvalidArgument — the file is not a valid model (a reason that names no path),
  // kUnimplemented — valid, but needs what this runner lacks.
  virtual Result<std::unique_ptr<LoadedModel>> Load(const LoadSpec& spec) = 0;
};

// Runs the zygote on descriptor wire::kControlDescriptor, and the cells that it forks. Returns the
// exit status of the process.
int RunnerMain(int argc, char** argv, Backend& backend);

}  // namespace throng::sdk
