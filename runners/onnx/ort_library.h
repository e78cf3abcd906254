// OrtLibrary: ONNX Runtime's C API without its header. The API is a table of functions whose order
// is fixed for ever (new ones are appended), so they are declared here by their place in it; the
// wheel that is the default source holds no header. Immutable once open; the functions are
// thread-safe as ONNX Runtime says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/status.h"

namespace throng::onnx {

// Opaque to everybody but ONNX Runtime.
struct OrtStatus;
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtValue;
struct OrtTypeInfo;
struct OrtTensorInfo;
struct OrtMemoryInfo;
struct OrtAllocator;

enum class OrtCode : int { kInvalidArgument = 2, kNotImplemented = 9 };
enum class OrtKind : int { kTensor = 1, kSequence = 2, kMap = 3, kOptional = 6 };
// Where outputs and inputs live: OrtDeviceAllocator and OrtMemTypeDefault.
inline constexpr int kDeviceAllocator = 0;
inline constexpr int kDefaultMemory = 0;
inline constexpr int kLogFatal = 4;
inline constexpr int kSequentialExecution = 0;

struct OrtApi {
  OrtCode (*GetErrorCode)(const OrtStatus*);
  const char* (*GetErrorMessage)(const OrtStatus*);
  OrtStatus* (*CreateEnv)(int log_level, const char* log_id, OrtEnv** out);
  OrtStatus* (*CreateSessionFromArray)(const OrtEnv*, const void* data, size_t size_bytes,
                                       const OrtSessionOptions*, OrtSession** out);
  OrtStatus* (*Run)(OrtSession*, const OrtRunOptions*, const char* const* input_names,
                    const OrtValue* const* inputs, size_t input_count,
                    const char* const* output_names, size_t output_count, OrtValue** outputs);
  OrtStatus* (*CreateSessionOptions)(OrtSessionOptions** out);
  OrtStatus* (*SetSessionExecutionMode)(OrtSessionOptions*, int mode);
  OrtStatus* (*DisableMemPattern)(OrtSessionOptions*);
  OrtStatus* (*DisableCpuMemArena)(OrtSessionOptions*);
  OrtStatus* (*SetGraphOptimizationLevel)(OrtSessionOptions*, int level);
  OrtStatus* (*SetIntraOpNumThreads)(OrtSessionOptions*, int count);
  OrtStatus* (*SetInterOpNumThreads)(OrtSessionOptions*, int count);
  OrtStatus* (*SessionGetInputCount)(const OrtSession*, size_t* out);
  OrtStatus* (*SessionGetOutputCount)(const OrtSession*, size_t* out);
  OrtStatus* (*SessionGetInputTypeInfo)(const OrtSession*, size_t index, OrtTypeInfo** out);
  OrtStatus* (*SessionGetOutputTypeInfo)(const OrtSession*, size_t index, OrtTypeInfo** out);
  OrtStatus* (*SessionGetInputName)(const OrtSession*, size_t index, OrtAllocator*, char** out);
  OrtStatus* (*SessionGetOutputName)(const OrtSession*, size_t index, OrtAllocator*, char** out);
  OrtStatus* (*CreateTensorAsOrtValue)(OrtAllocator*, const int64_t* shape, size_t rank, int type,
                                       OrtValue** out);
  OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo*, void* data, size_t size_bytes,
                                               const int64_t* shape, size_t rank, int type,
                                               OrtValue** out);
  OrtStatus* (*IsTensor)(const OrtValue*, int* out);
  OrtStatus* (*GetTensorMutableData)(OrtValue*, void** out);
  OrtStatus* (*GetStringTensorDataLength)(const OrtValue*, size_t* out);
  OrtStatus* (*GetStringTensorContent)(const OrtValue*, void* text, size_t size_bytes,
                                       size_t* offsets, size_t offset_count);
  // The tensor's information belongs to the type's.
  OrtStatus* (*CastTypeInfoToTensorInfo)(const OrtTypeInfo*, const OrtTensorInfo** out);
  OrtStatus* (*GetOnnxTypeFromTypeInfo)(const OrtTypeInfo*, OrtKind* out);
  OrtStatus* (*GetTensorElementType)(const OrtTensorInfo*, int* out);
  OrtStatus* (*GetDimensionsCount)(const OrtTensorInfo*, size_t* out);
  OrtStatus* (*GetDimensions)(const OrtTensorInfo*, int64_t* dims, size_t rank);
  OrtStatus* (*GetTensorTypeAndShape)(const OrtValue*, OrtTensorInfo** out);
  OrtStatus* (*CreateCpuMemoryInfo)(int allocator, int memory, OrtMemoryInfo** out);
  OrtStatus* (*AllocatorFree)(OrtAllocator*, void*);
  OrtStatus* (*GetAllocatorWithDefaultOptions)(OrtAllocator** out);  // not to be freed
  void (*ReleaseEnv)(OrtEnv*);
  void (*ReleaseStatus)(OrtStatus*);
  void (*ReleaseMemoryInfo)(OrtMemoryInfo*);
  void (*ReleaseSession)(OrtSession*);
  void (*ReleaseValue)(OrtValue*);
  void (*ReleaseTypeInfo)(OrtTypeInfo*);
  void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorInfo*);
  void (*ReleaseSessionOptions)(OrtSessionOptions*);
  OrtStatus* (*AddSessionConfigEntry)(OrtSessionOptions*, const char* key, const char* value);
  // Makes room for a string that need not end with a zero byte (unlike FillStringTensor's).
  OrtStatus* (*GetResizedStringTensorElementBuffer)(OrtValue*, size_t index, size_t size_bytes,
                                                    char** out);
};

struct OrtLibrary {
  OrtApi api{};
  std::string version;  // "1.28.0"
};

// Sets ORT_DISABLE_TELEMETRY first. ERRORS: kNotFound — it cannot be opened (the text says how to
// get it), kFailedPrecondition — it is too old.
Result<OrtLibrary> OpenOrtLibrary(const std::string& path);

// The Status that a call returned; releases it. A null one is success.
Status TakeStatus(const OrtApi& api, OrtStatus* status);

// Owns what the API made, with the function that releases it.
template <typename T>
using OrtOwned = std::unique_ptr<T, void (*)(T*)>;

}  // namespace throng::onnx
