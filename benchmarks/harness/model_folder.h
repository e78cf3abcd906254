// TemporaryFolder and the models and requests that the benchmarks serve: copies of the examples
// under names of their own, and bodies of known size.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "benchmarks/harness/options.h"

namespace throng::bench {

// Removed, with all that is in it, when this object goes.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Create();
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  // A folder of that name in it, made at need.
  std::string Sub(const std::string& name) const;

 private:
  TemporaryFolder() = default;
  std::string path_;
};

// A model that the tree holds, and how to ask it.
struct ExampleModel {
  std::string label;      // "torch cifar10"
  std::string framework;  // "torch"
  std::string path;       // below the source tree: a model's folder, or a file
  std::string body;       // of a request
};

// cifar10, cifar10-unfrozen, tiny-mlp, cifar10-onnx, simple-string.
Result<std::vector<ExampleModel>> ExampleModels(const Options& options);

// Copies `model` into `folder` as `name`. `own_cell`: with the parameter isolation "model".
Status CopyModel(const Options& options, const ExampleModel& model, const std::string& folder,
                 const std::string& name, bool own_cell);

// The program that uses the framework of `model` naively, `count` times the model in one process;
// its output is one line, when all have run once. ERRORS: kNotFound — it was not built.
Result<std::vector<std::string>> NaiveCommand(const Options& options, const ExampleModel& model,
                                              int count);

Result<std::string> ReadTextFile(const std::string& path);
Status WriteTextFile(const std::string& path, std::string_view text);

// Input `name` of FP32 with `shape` ("1,3,32,32"), the values spread over [-1, 1] and printed as
// short as they go.
std::string MakeFloatBody(std::string_view name, std::string_view shape, int count);

}  // namespace throng::bench
