#include "runners/sdk/backend.h"
#include "runners/tensorflow/tensorflow_backend.h"

int main(int argc, char** argv) {
  throng::tensorflow_runner::TensorflowBackend backend;
  return throng::sdk::RunnerMain(argc, argv, backend);
}
