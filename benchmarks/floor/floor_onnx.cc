#include "benchmarks/floor/floor_server.h"
#include "runners/onnx/onnx_backend.h"

int main(int argc, char** argv) {
  throng::onnx::OnnxBackend backend(THRONG_ONNXRUNTIME_LIBRARY);
  return throng::bench::RunFloorServer(argc, argv, backend);
}
