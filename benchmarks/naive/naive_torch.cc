// LibTorch as its tutorial uses it: load, run one image. For comparison only.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <torch/script.h>
#pragma GCC diagnostic pop

#include <vector>

#include "benchmarks/naive/naive_program.h"

int main(int argc, char** argv) {
  std::vector<torch::jit::Module> modules;
  return throng::bench::RunNaive(argc, argv, [&modules](const char* path) {
    modules.push_back(torch::jit::load(path));
    modules.back().forward({at::zeros({1, 3, 32, 32})});
  });
}
