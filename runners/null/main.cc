#include "runners/null/null_backend.h"
#include "runners/sdk/backend.h"

int main(int argc, char** argv) {
  throng::null_runner::NullBackend backend;
  return throng::sdk::RunnerMain(argc, argv, backend);
}
