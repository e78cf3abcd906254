#include "runners/onnx/onnx_backend.h"

#include <cerrno>
#include <utility>

#include "runners/onnx/warm_model.h"

namespace throng::onnx {
namespace {

// ORT_ENABLE_BASIC. The levels above it take 30-35 KB more per small model; they run convolutions a
// quarter faster and the tiny network no faster.
constexpr int kBasicOptimization = 1;

}  // namespace

Status OnnxBackend::Warm() {
  THRONG_ASSIGN_OR_RETURN(environment_.library, OpenOrtLibrary(library_path_));
  const OrtApi& api = environment_.library.api;
  // What it has to say reaches us as a Status; its log would print users' names and paths.
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.CreateEnv(kLogFatal, "throng", &environment_.env)));
  THRONG_RETURN_IF_ERROR(TakeStatus(
      api, api.CreateCpuMemoryInfo(kDeviceAllocator, kDefaultMemory, &environment_.memory)));
  THRONG_RETURN_IF_ERROR(
      TakeStatus(api, api.GetAllocatorWithDefaultOptions(&environment_.allocator)));
  THRONG_RETURN_IF_ERROR(CreateOptions(environment_.options));
  OrtSessionOptions*& direct = environment_.direct_bytes_options;
  THRONG_RETURN_IF_ERROR(CreateOptions(direct));
  for (const char* key :
       {"session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers",
        "session.disable_prepacking"}) {
    THRONG_RETURN_IF_ERROR(TakeStatus(api, api.AddSessionConfigEntry(direct, key, "1")));
  }
  return RunWarmModel();
}

Status OnnxBackend::CreateOptions(OrtSessionOptions*& options) {
  const OrtApi& api = environment_.library.api;
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.CreateSessionOptions(&options)));
  // A session of one thread starts none, neither in the zygote nor in a cell.
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.SetIntraOpNumThreads(options, 1)));
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.SetInterOpNumThreads(options, 1)));
  THRONG_RETURN_IF_ERROR(
      TakeStatus(api, api.SetSessionExecutionMode(options, kSequentialExecution)));
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.DisableCpuMemArena(options)));
  THRONG_RETURN_IF_ERROR(TakeStatus(api, api.DisableMemPattern(options)));
  return TakeStatus(api, api.SetGraphOptimizationLevel(options, kBasicOptimization));
}

Status OnnxBackend::RunWarmModel() {
  const OrtApi& api = environment_.library.api;
  const std::string bytes = WarmModelBytes();
  OrtSession* session = nullptr;
  THRONG_RETURN_IF_ERROR(
      TakeStatus(api, api.CreateSessionFromArray(environment_.env, bytes.data(), bytes.size(),
                                                 environment_.options, &session)));
  OrtOwned<OrtSession> owned_session(session, api.ReleaseSession);
  float x[16] = {};
  const int64_t shape[] = {1, 1, 4, 4};
  constexpr int kFloat = 1;
  OrtValue* input = nullptr;
  THRONG_RETURN_IF_ERROR(
      TakeStatus(api, api.CreateTensorWithDataAsOrtValue(environment_.memory, x, sizeof(x), shape,
                                                         4, kFloat, &input)));
  OrtOwned<OrtValue> owned_input(input, api.ReleaseValue);
  const char* input_name = "x";
  const char* output_name = "y";
  OrtValue* output = nullptr;
  THRONG_RETURN_IF_ERROR(
      TakeStatus(api, api.Run(session, nullptr, &input_name, &input, 1, &output_name, 1, &output)));
  api.ReleaseValue(output);
  return OkStatus();
}

sdk::BackendSandbox OnnxBackend::sandbox() const {
  using Action = os::SyscallRule::Action;
  sdk::BackendSandbox sandbox;
  // A model may name files for its weights: the attempt to open one fails with a text instead of
  // ending the cell.
  for (const char* name : {"open", "openat", "stat", "lstat", "newfstatat", "readlink"}) {
    sandbox.extra_syscalls.push_back({Action::kErrno, name, ENOENT});
  }
  return sandbox;
}

Result<std::unique_ptr<sdk::LoadedModel>> OnnxBackend::Load(const sdk::LoadSpec& spec) {
  THRONG_ASSIGN_OR_RETURN(std::unique_ptr<OnnxModel> model, OnnxModel::Load(environment_, spec));
  return std::unique_ptr<sdk::LoadedModel>(std::move(model));
}

}  // namespace throng::onnx
