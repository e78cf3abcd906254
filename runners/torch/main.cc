#include "runners/sdk/backend.h"
#include "runners/torch/torch_backend.h"

int main(int argc, char** argv) {
  throng::torch_runner::TorchBackend backend;
  return throng::sdk::RunnerMain(argc, argv, backend);
}
