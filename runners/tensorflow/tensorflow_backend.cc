#include "runners/tensorflow/tensorflow_backend.h"

#include <dlfcn.h>
#include <malloc.h>

#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "runners/tensorflow/loaded_graph.h"
#include "runners/tensorflow/tensor_copy.h"
#include "runners/tensorflow/tensorflow_api.h"

namespace throng::tensorflow_runner {
namespace {

using tensor::DataType;

class TensorflowModel final : public sdk::LoadedModel {
 public:
  TensorflowModel(LoadedGraph loaded, int64_t max_batch_size) : loaded_(std::move(loaded)) {
    metadata_.max_batch_size = max_batch_size;
    for (const Endpoint& input : loaded_.inputs) metadata_.inputs.push_back(input.metadata);
    for (const Endpoint& output : loaded_.outputs) metadata_.outputs.push_back(output.metadata);
  }

  const model::ModelMetadata& metadata() const override { return metadata_; }
  std::vector<std::string> warnings() const override { return loaded_.warnings; }
  Status Execute(std::span<const sdk::Input> inputs, std::span<const uint16_t> requested_outputs,
                 sdk::OutputSink& outputs) override;

 private:
  Result<std::vector<TensorPtr>> RunSession(std::span<const sdk::Input> inputs,
                                            std::span<const uint16_t> requested_outputs) const;

  LoadedGraph loaded_;
  model::ModelMetadata metadata_;
};

Result<std::vector<TensorPtr>> TensorflowModel::RunSession(
    std::span<const sdk::Input> inputs, std::span<const uint16_t> requested_outputs) const {
  std::vector<TF_Output> feeds;
  std::vector<TensorPtr> owned;
  std::vector<TF_Tensor*> values;
  for (const sdk::Input& input : inputs) {
    THRONG_ASSIGN_OR_RETURN(TensorPtr value, MakeTensor(input.tensor));
    feeds.push_back(loaded_.inputs[input.index].output);
    values.push_back(value.get());
    owned.push_back(std::move(value));
  }
  std::vector<TF_Output> fetches;
  for (const uint16_t output : requested_outputs) {
    fetches.push_back(loaded_.outputs[output].output);
  }
  std::vector<TF_Tensor*> fetched(fetches.size(), nullptr);
  const StatusPtr status(TF_NewStatus());
  TF_SessionRun(loaded_.session.get(), nullptr, feeds.data(), values.data(),
                static_cast<int>(feeds.size()), fetches.data(), fetched.data(),
                static_cast<int>(fetches.size()), nullptr, 0, nullptr, status.get());
  std::vector<TensorPtr> results;
  results.reserve(fetched.size());
  for (TF_Tensor* value : fetched) results.emplace_back(value);
  THRONG_RETURN_IF_ERROR(ToStatus(status.get(), StatusCode::kInternal, "TensorFlow"));
  return results;
}

Status TensorflowModel::Execute(std::span<const sdk::Input> inputs,
                                std::span<const uint16_t> requested_outputs,
                                sdk::OutputSink& outputs) {
  std::vector<uint16_t> all;
  if (requested_outputs.empty()) {
    for (size_t i = 0; i < loaded_.outputs.size(); ++i) all.push_back(static_cast<uint16_t>(i));
    requested_outputs = all;
  }
  THRONG_ASSIGN_OR_RETURN(const std::vector<TensorPtr> results,
                          RunSession(inputs, requested_outputs));
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i] == nullptr) return InternalError("TensorFlow returned no tensor");
    THRONG_RETURN_IF_ERROR(WriteTensor(requested_outputs[i], results[i].get(), outputs));
  }
  return OkStatus();
}

// --- Warming ---------------------------------------------------------------------------------

constexpr char kWarmFunction[] = "throng_warm";

TF_Output AddPlaceholder(TF_Graph* graph, TF_Status* status) {
  TF_OperationDescription* x = TF_NewOperation(graph, "Placeholder", "x");
  TF_SetAttrType(x, "dtype", TF_FLOAT);
  return {TF_FinishOperation(x, status), 0};
}

// f(x) = x
FunctionPtr MakeIdentityFunction(TF_Status* status) {
  const GraphPtr body(TF_NewGraph());
  const TF_Output input = AddPlaceholder(body.get(), status);
  TF_OperationDescription* y = TF_NewOperation(body.get(), "Identity", "y");
  TF_AddInput(y, input);
  const TF_Output output = {TF_FinishOperation(y, status), 0};
  if (TF_GetCode(status) != TF_OK) return nullptr;
  return FunctionPtr(TF_GraphToFunction(body.get(), kWarmFunction, /*append_hash_to_fn_name=*/0, -1,
                                        nullptr, 1, &input, 1, &output, nullptr, nullptr,
                                        kWarmFunction, status));
}

// y = f(x).
Result<TF_Output> AddFunctionCall(TF_Graph* graph, TF_Output x, TF_Status* status) {
  const FunctionPtr function = MakeIdentityFunction(status);
  if (function != nullptr) TF_GraphCopyFunction(graph, function.get(), nullptr, status);
  THRONG_RETURN_IF_ERROR(ToStatus(status, StatusCode::kInternal, "warm-up"));
  constexpr TF_DataType kFloat[] = {TF_FLOAT};
  TF_OperationDescription* y = TF_NewOperation(graph, "PartitionedCall", "y");
  TF_AddInputList(y, &x, 1);
  TF_SetAttrTypeList(y, "Tin", kFloat, 1);
  TF_SetAttrTypeList(y, "Tout", kFloat, 1);
  TF_SetAttrFuncName(y, "f", kWarmFunction, sizeof(kWarmFunction) - 1);
  return TF_Output{TF_FinishOperation(y, status), 0};
}

// A graph of one operator, built by hand: there is nothing of a user in a new cell.
Status BuildWarmGraph(bool with_function, LoadedGraph& loaded) {
  loaded.graph.reset(TF_NewGraph());
  TF_Graph* graph = loaded.graph.get();
  const StatusPtr status(TF_NewStatus());
  const TF_Output input = AddPlaceholder(graph, status.get());
  TF_Output output = {nullptr, 0};
  if (with_function) {
    THRONG_ASSIGN_OR_RETURN(output, AddFunctionCall(graph, input, status.get()));
  } else {
    TF_OperationDescription* y = TF_NewOperation(graph, "Identity", "y");
    TF_AddInput(y, input);
    output.oper = TF_FinishOperation(y, status.get());
  }
  THRONG_RETURN_IF_ERROR(ToStatus(status.get(), StatusCode::kInternal, "warm-up"));
  loaded.inputs.push_back({input, {"x", DataType::kFp32, {-1}, false}});
  loaded.outputs.push_back({output, {"y", DataType::kFp32, {-1}, false}});
  return OpenSession(loaded);
}

// Calls a function of TensorFlow that its C API does not show, for the value that it keeps. False
// when this build of TensorFlow has none of that name.
bool CallHidden(const char* mangled_name) {
  using Function = int64_t (*)();
  const auto function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, mangled_name));
  if (function != nullptr) function();
  return function != nullptr;
}

class DiscardingSink final : public sdk::OutputSink {
 public:
  Result<std::span<std::byte>> Allocate(uint16_t, DataType, const tensor::Shape&,
                                        uint64_t size_bytes) override {
    space_.resize(size_bytes);
    return std::span<std::byte>(space_);
  }

 private:
  std::vector<std::byte> space_;
};

const sdk::ArtifactBytes::File* FindSavedModel(const sdk::ArtifactBytes& artifact) {
  constexpr std::string_view kName = "saved_model.pb";
  for (const auto& file : artifact.files()) {
    const size_t slash = file.name.rfind('/');
    if (file.name.substr(slash == std::string::npos ? 0 : slash + 1) == kName) return &file;
  }
  return nullptr;
}

}  // namespace

std::string TensorflowBackend::framework_version() const { return TF_Version(); }

Status TensorflowBackend::Warm() {
  // Read when TensorFlow first picks kernels. oneDNN's convolutions are compiled for each shape,
  // which small models never earn back, and round differently.
  setenv("TF_ENABLE_ONEDNN_OPTS", "0", /*overwrite=*/0);
  const BufferPtr operators(TF_GetAllOpList());
  if (operators == nullptr) return InternalError("TensorFlow does not list its operators");
  // What TensorFlow reads from files when first needed: the machine's topology, at the first
  // session; the clock's frequency and a seed for this thread, at the first call of a function,
  // which may be after the lock-down. None of these starts a thread.
  CallHidden("_ZN3tsl4port12NUMANumNodesEv");
  const bool has_frequency = CallHidden("_ZN3tsl4port19NominalCPUFrequencyEv");
  const bool has_seed = CallHidden("_ZN3tsl6random16ThreadLocalNew64Ev");
  functions_are_ready_ = has_frequency && has_seed;
  malloc_trim(0);
  return OkStatus();
}

Status TensorflowBackend::PrepareCell() {
  LoadedGraph loaded;
  THRONG_RETURN_IF_ERROR(BuildWarmGraph(/*with_function=*/!functions_are_ready_, loaded));
  TensorflowModel model(std::move(loaded), 0);
  const float values[] = {1, 2, 3, 4};
  const int64_t shape[] = {4};
  const sdk::Input input = {0, {DataType::kFp32, shape, std::as_bytes(std::span(values))}};
  DiscardingSink sink;
  return model.Execute({&input, 1}, {}, sink);
}

// mmap and mprotect: products of matrices run in kernels that oneDNN compiles, so mappings may be
// executable.
sdk::BackendSandbox TensorflowBackend::sandbox() const {
  sdk::BackendSandbox sandbox;
  for (const char* name : {"mmap", "mprotect", "sched_getaffinity", "sysinfo", "clock_nanosleep",
                           "uname", "set_robust_list"}) {
    sandbox.extra_syscalls.push_back({os::SyscallRule::Action::kAllow, name, 0});
  }
  sandbox.readable_paths = {"/proc/cpuinfo", "/sys/devices/system/cpu", "/dev/urandom"};
  return sandbox;
}

Result<std::unique_ptr<sdk::LoadedModel>> TensorflowBackend::Load(const sdk::LoadSpec& spec) {
  if (spec.artifact == nullptr || spec.artifact->files().empty()) {
    return InvalidArgumentError("the model has no file");
  }
  const sdk::ArtifactBytes::File* saved_model = FindSavedModel(*spec.artifact);
  Result<LoadedGraph> loaded = saved_model != nullptr
                                   ? LoadSavedModel(spec, *saved_model, next_folder_++)
                                   : LoadGraphDef(spec, spec.artifact->files()[0].bytes);
  if (!loaded.ok()) return loaded.status();
  return std::unique_ptr<sdk::LoadedModel>(
      std::make_unique<TensorflowModel>(*std::move(loaded), spec.max_batch_size));
}

}  // namespace throng::tensorflow_runner
