// ONNX Runtime as its tutorial uses it: a session with default options, one run on zeros. For
// comparison only.
#include <memory>
#include <vector>

#include "benchmarks/naive/naive_program.h"
#include "runners/onnx/ort_library.h"

namespace throng::bench {
namespace {

using onnx::OrtApi;

constexpr int kFloat = 1;  // ONNX's number for FP32

void Check(const OrtApi& api, onnx::OrtStatus* status) {
  const Status result = onnx::TakeStatus(api, status);
  if (!result.ok()) FailNaive(result.message());
}

std::vector<int64_t> InputShape(const OrtApi& api, const onnx::OrtSession* session) {
  onnx::OrtTypeInfo* type = nullptr;
  Check(api, api.SessionGetInputTypeInfo(session, 0, &type));
  const onnx::OrtTensorInfo* tensor = nullptr;
  Check(api, api.CastTypeInfoToTensorInfo(type, &tensor));
  size_t rank = 0;
  Check(api, api.GetDimensionsCount(tensor, &rank));
  std::vector<int64_t> shape(rank);
  Check(api, api.GetDimensions(tensor, shape.data(), rank));
  api.ReleaseTypeInfo(type);
  for (int64_t& dim : shape) dim = dim < 0 ? 1 : dim;
  return shape;
}

void LoadAndRun(const OrtApi& api, const onnx::OrtEnv* environment, const char* path) {
  const std::string bytes = ReadWholeFile(path);
  onnx::OrtSessionOptions* options = nullptr;
  Check(api, api.CreateSessionOptions(&options));
  onnx::OrtSession* session = nullptr;  // kept
  Check(api,
        api.CreateSessionFromArray(environment, bytes.data(), bytes.size(), options, &session));
  onnx::OrtAllocator* allocator = nullptr;
  Check(api, api.GetAllocatorWithDefaultOptions(&allocator));
  char* input_name = nullptr;
  char* output_name = nullptr;
  Check(api, api.SessionGetInputName(session, 0, allocator, &input_name));
  Check(api, api.SessionGetOutputName(session, 0, allocator, &output_name));
  const std::vector<int64_t> shape = InputShape(api, session);
  size_t count = 1;
  for (const int64_t dim : shape) count *= static_cast<size_t>(dim);
  std::vector<float> zeros(count);
  onnx::OrtMemoryInfo* memory = nullptr;
  Check(api, api.CreateCpuMemoryInfo(onnx::kDeviceAllocator, onnx::kDefaultMemory, &memory));
  onnx::OrtValue* input = nullptr;
  Check(api, api.CreateTensorWithDataAsOrtValue(memory, zeros.data(), count * sizeof(float),
                                                shape.data(), shape.size(), kFloat, &input));
  onnx::OrtValue* output = nullptr;
  Check(api, api.Run(session, nullptr, &input_name, &input, 1, &output_name, 1, &output));
  api.ReleaseValue(output);
  api.ReleaseValue(input);
  api.ReleaseMemoryInfo(memory);
}

}  // namespace
}  // namespace throng::bench

int main(int argc, char** argv) {
  using namespace throng::bench;
  auto library = throng::onnx::OpenOrtLibrary(THRONG_ONNXRUNTIME_LIBRARY);
  if (!library.ok()) FailNaive(library.status().message());
  throng::onnx::OrtEnv* environment = nullptr;
  Check(library->api, library->api.CreateEnv(throng::onnx::kLogFatal, "naive", &environment));
  return RunNaive(argc, argv,
                  [&](const char* path) { LoadAndRun(library->api, environment, path); });
}
