// throng-bench: measures a built Throng. Without arguments it lists what it can measure.
#include <sys/prctl.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/benchmarks.h"
#include "benchmarks/harness/machine.h"

namespace throng::bench {
namespace {

struct Benchmark {
  std::string_view name;
  std::string_view what;
  Status (*run)(const Options& options);
};

constexpr Benchmark kBenchmarks[] = {
    {"cpu", "the machine, and how much of a core a busy thread gets on it", RunMachine},
    {"overhead", "CPU time and latency of a request, beside a raw epoll echo", RunOverhead},
    {"floor", "a request through a cell, beside the same front door with the framework inside it",
     RunFloor},
    {"coldstart", "start of the server, of a framework and of a model, beside exec per model",
     RunColdStart},
    {"density", "memory of a resident model, beside the naive use of each framework", RunDensity},
    {"gateway", "what the gateway adds to a request at a low rate", RunGateway},
    {"neighbour", "latency of a busy model while others load", RunNeighbour},
};

int ListBenchmarks() {
  std::printf("usage: throng-bench NAME [options]\n\n");
  for (const Benchmark& benchmark : kBenchmarks) {
    std::printf("  %-10s %s\n", std::string(benchmark.name).c_str(),
                std::string(benchmark.what).c_str());
  }
  std::printf("\n%s", OptionsHelp().c_str());
  return 0;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  return 1;
}

int Main(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] == "--help") return ListBenchmarks();
  for (const Benchmark& benchmark : kBenchmarks) {
    if (benchmark.name != arguments[0]) continue;
    const auto options = ParseOptions({arguments.begin() + 1, arguments.end()});
    if (!options.ok()) return Fail(options.status());
    prctl(PR_SET_TIMERSLACK, 1);
    std::printf("%s: %s\n%s\n", arguments[0].c_str(), std::string(benchmark.what).c_str(),
                DescribeMachine().c_str());
    std::fflush(stdout);
    const Status status = benchmark.run(*options);
    return status.ok() ? 0 : Fail(status);
  }
  ListBenchmarks();
  return Fail(InvalidArgumentError("no benchmark '" + arguments[0] + "'"));
}

}  // namespace

Status RunMachine(const Options&) { return OkStatus(); }

}  // namespace throng::bench

int main(int argc, char** argv) { return throng::bench::Main({argv + 1, argv + argc}); }
