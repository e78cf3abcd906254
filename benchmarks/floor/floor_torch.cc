#include "benchmarks/floor/floor_server.h"
#include "runners/torch/torch_backend.h"

int main(int argc, char** argv) {
  throng::torch_runner::TorchBackend backend;
  return throng::bench::RunFloorServer(argc, argv, backend);
}
