#include <cstdlib>

#include "runners/onnx/onnx_backend.h"
#include "runners/sdk/backend.h"

int main(int argc, char** argv) {
  const char* library = std::getenv("THRONG_ONNXRUNTIME_LIBRARY");
  throng::onnx::OnnxBackend backend(library != nullptr ? library : THRONG_ONNXRUNTIME_LIBRARY);
  return throng::sdk::RunnerMain(argc, argv, backend);
}
