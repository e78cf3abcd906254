#include "runners/onnx/ort_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace throng::onnx {
namespace {

// The newest function used below came with version 15 of the table.
constexpr uint32_t kApiVersion = 17;

struct OrtApiBase {
  const void* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

template <typename Function>
void Bind(const void* table, size_t index, Function*& function) {
  static_assert(sizeof(Function*) == sizeof(void*));
  std::memcpy(&function, static_cast<const char*>(table) + index * sizeof(void*), sizeof(void*));
}

// Places in the public onnxruntime_c_api.h.
void BindAll(const void* table, OrtApi& api) {
  Bind(table, 1, api.GetErrorCode);
  Bind(table, 2, api.GetErrorMessage);
  Bind(table, 3, api.CreateEnv);
  Bind(table, 8, api.CreateSessionFromArray);
  Bind(table, 9, api.Run);
  Bind(table, 10, api.CreateSessionOptions);
  Bind(table, 13, api.SetSessionExecutionMode);
  Bind(table, 17, api.DisableMemPattern);
  Bind(table, 19, api.DisableCpuMemArena);
  Bind(table, 23, api.SetGraphOptimizationLevel);
  Bind(table, 24, api.SetIntraOpNumThreads);
  Bind(table, 25, api.SetInterOpNumThreads);
  Bind(table, 30, api.SessionGetInputCount);
  Bind(table, 31, api.SessionGetOutputCount);
  Bind(table, 33, api.SessionGetInputTypeInfo);
  Bind(table, 34, api.SessionGetOutputTypeInfo);
  Bind(table, 36, api.SessionGetInputName);
  Bind(table, 37, api.SessionGetOutputName);
  Bind(table, 48, api.CreateTensorAsOrtValue);
  Bind(table, 49, api.CreateTensorWithDataAsOrtValue);
  Bind(table, 50, api.IsTensor);
  Bind(table, 51, api.GetTensorMutableData);
  Bind(table, 53, api.GetStringTensorDataLength);
  Bind(table, 54, api.GetStringTensorContent);
  Bind(table, 55, api.CastTypeInfoToTensorInfo);
  Bind(table, 56, api.GetOnnxTypeFromTypeInfo);
  Bind(table, 60, api.GetTensorElementType);
  Bind(table, 61, api.GetDimensionsCount);
  Bind(table, 62, api.GetDimensions);
  Bind(table, 65, api.GetTensorTypeAndShape);
  Bind(table, 69, api.CreateCpuMemoryInfo);
  Bind(table, 76, api.AllocatorFree);
  Bind(table, 78, api.GetAllocatorWithDefaultOptions);
  Bind(table, 92, api.ReleaseEnv);
  Bind(table, 93, api.ReleaseStatus);
  Bind(table, 94, api.ReleaseMemoryInfo);
  Bind(table, 95, api.ReleaseSession);
  Bind(table, 96, api.ReleaseValue);
  Bind(table, 98, api.ReleaseTypeInfo);
  Bind(table, 99, api.ReleaseTensorTypeAndShapeInfo);
  Bind(table, 100, api.ReleaseSessionOptions);
  Bind(table, 130, api.AddSessionConfigEntry);
  Bind(table, 252, api.GetResizedStringTensorElementBuffer);
}

}  // namespace

Result<OrtLibrary> OpenOrtLibrary(const std::string& path) {
  // Some builds start a thread and a database under the home folder otherwise.
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return NotFoundError("ONNX Runtime cannot be opened; get it with: ./dev setup onnx (" +
                         std::string(dlerror()) + ")");
  }
  const OrtApiBase* (*get_base)() = nullptr;
  void* symbol = dlsym(handle, "OrtGetApiBase");
  std::memcpy(&get_base, &symbol, sizeof(symbol));
  const OrtApiBase* base = get_base != nullptr ? get_base() : nullptr;
  const void* table = base != nullptr ? base->GetApi(kApiVersion) : nullptr;
  if (table == nullptr) {
    return FailedPreconditionError("this ONNX Runtime is older than 1.17; get another with: " +
                                   std::string("./dev setup onnx"));
  }
  OrtLibrary library;
  library.version = base->GetVersionString();
  BindAll(table, library.api);
  return library;
}

Status TakeStatus(const OrtApi& api, OrtStatus* status) {
  if (status == nullptr) return OkStatus();
  const OrtCode code = api.GetErrorCode(status);
  std::string text = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  if (code == OrtCode::kInvalidArgument) return InvalidArgumentError(std::move(text));
  if (code == OrtCode::kNotImplemented) return UnimplementedError(std::move(text));
  return InternalError(std::move(text));
}

}  // namespace throng::onnx
