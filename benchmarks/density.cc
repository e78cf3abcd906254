// What a resident model takes: the slope of private memory over the number of models, each asked
// once, in cells of their own and packed into one; beside one process that holds as many with the
// framework's defaults.
#include <optional>
#include <thread>

#include "benchmarks/benchmarks.h"
#include "benchmarks/harness/child.h"
#include "benchmarks/harness/model_folder.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/server_process.h"
#include "benchmarks/load/load_generator.h"
#include "os/process.h"

namespace throng::bench {
namespace {

constexpr int kCounts[] = {8, 24, 48};  // a packed cell takes 64
constexpr std::chrono::minutes kPatience{5};
// For freed memory to be given back and spare cells to be forked.
constexpr std::chrono::milliseconds kSettleTime{500};

struct Bound {
  std::string_view label;
  double own_cell_mb;
};
constexpr Bound kBounds[] = {
    {"torch cifar10", 1.5},
    {"onnx tiny-mlp", 1},
    {"onnx cifar10-onnx", 2},
    {"tensorflow simple-string", 5},
};

struct Memory {
  double private_kb = 0;
  double pss_kb = 0;
};

// Memory at each of kCounts.
struct Series {
  std::vector<double> private_kb, pss_kb, front_kb;
};

double SlopeOf(const std::vector<double>& memory) {
  return Slope({std::begin(kCounts), std::end(kCounts)}, memory);
}

Result<Memory> SumMemory(const std::vector<pid_t>& processes) {
  Memory sum;
  for (const pid_t process : processes) {
    THRONG_ASSIGN_OR_RETURN(const os::MemoryUse use, os::ReadMemoryUse(process));
    sum.private_kb += static_cast<double>(use.private_bytes) / 1024;
    sum.pss_kb += static_cast<double>(use.pss_bytes) / 1024;
  }
  return sum;
}

class Density {
 public:
  explicit Density(const Options& options) : options_(options) {}

  Status Run() {
    THRONG_ASSIGN_OR_RETURN(const std::vector<ExampleModel> models, ExampleModels(options_));
    for (const ExampleModel& model : models) {
      if (model.label.find(options_.only) == std::string::npos) continue;
      THRONG_RETURN_IF_ERROR(Measure(model));
    }
    table_.Print("Private memory per resident model, KB (slope over 8, 24 and 48 models)");
    targets_.Print();
    return OkStatus();
  }

 private:
  Status Measure(const ExampleModel& model) {
    THRONG_ASSIGN_OR_RETURN(const Series own, MeasureServer(model, true));
    THRONG_ASSIGN_OR_RETURN(const Series packed, MeasureServer(model, false));
    Series naive;
    double naive_alone_kb = 0;
    if (NaiveCommand(options_, model, 1).ok()) {
      THRONG_ASSIGN_OR_RETURN(const Memory alone, MeasureNaive(model, 1));
      naive_alone_kb = alone.private_kb;
      for (const int count : kCounts) {
        THRONG_ASSIGN_OR_RETURN(const Memory memory, MeasureNaive(model, count));
        naive.private_kb.push_back(memory.private_kb);
        naive.pss_kb.push_back(memory.pss_kb);
      }
    }
    const double own_kb = SlopeOf(own.private_kb);
    const double packed_kb = SlopeOf(packed.private_kb);
    const double naive_kb = naive.private_kb.empty() ? 0 : SlopeOf(naive.private_kb);
    table_.Add({model.label, Number(own_kb), Number(SlopeOf(own.pss_kb)), Number(packed_kb),
                Number(SlopeOf(packed.pss_kb)), Number(SlopeOf(own.front_kb)),
                Number(SlopeOf(packed.front_kb)), Number(naive_kb), Number(naive_alone_kb),
                Number(naive_alone_kb / own_kb), Number(naive_kb / packed_kb)});
    for (const Bound& bound : kBounds) {
      if (bound.label != model.label) continue;
      targets_.AtMost(model.label + ", own cell", own_kb / 1024, bound.own_cell_mb, "MB");
    }
    return OkStatus();
  }

  Result<Series> MeasureServer(const ExampleModel& model, bool own_cell) {
    THRONG_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create());
    const std::string models = folder.Sub("models");
    for (int i = 0; i < kCounts[2]; ++i) {
      THRONG_RETURN_IF_ERROR(CopyModel(options_, model, models, "m" + std::to_string(i), own_cell));
    }
    THRONG_ASSIGN_OR_RETURN(const ServerProcess server, ServerProcess::Start(options_, models));
    Series series;
    int resident = 0;
    for (const int count : kCounts) {
      THRONG_RETURN_IF_ERROR(AskModels(server, model, resident, count));
      resident = count;
      std::this_thread::sleep_for(kSettleTime);
      std::vector<pid_t> cells = server.RunnersOf(model.framework);
      if (cells.empty()) return UnavailableError("the server has no cells");
      cells.erase(cells.begin());  // the zygote
      THRONG_ASSIGN_OR_RETURN(const Memory memory, SumMemory(cells));
      THRONG_ASSIGN_OR_RETURN(const Memory front, SumMemory({server.pid()}));
      series.private_kb.push_back(memory.private_kb);
      series.pss_kb.push_back(memory.pss_kb);
      series.front_kb.push_back(front.private_kb);
    }
    return series;
  }

  // Loads without running first: a cell that has run nothing takes the next model too.
  Status AskModels(const ServerProcess& server, const ExampleModel& model, int first, int end) {
    std::vector<std::string> requests;
    for (int i = first; i < end; ++i) {
      const std::string name = "m" + std::to_string(i);
      requests.push_back(MakePost("/v2/repository/models/" + name + "/load", "{}"));
    }
    for (int i = first; i < end; ++i) {
      requests.push_back(MakeInferRequest("m" + std::to_string(i), model.body));
    }
    LoadGenerator generator;
    const uint64_t count = requests.size();
    THRONG_RETURN_IF_ERROR(generator.AddStream(
        {.port = server.http_port(), .requests = std::move(requests), .max_count = count}));
    // A cell that ran within the last second would be left out.
    std::this_thread::sleep_for(std::chrono::milliseconds(first == 0 ? 0 : 1100));
    THRONG_ASSIGN_OR_RETURN(const LoadResult load, generator.Run(kPatience));
    if (load.streams[0].failed == 0) return OkStatus();
    return UnavailableError(load.streams[0].first_error);
  }

  Result<Memory> MeasureNaive(const ExampleModel& model, int count) const {
    THRONG_ASSIGN_OR_RETURN(auto command, NaiveCommand(options_, model, count));
    THRONG_ASSIGN_OR_RETURN(Child child,
                            Child::Start({.command = std::move(command), .pipes = true}));
    THRONG_RETURN_IF_ERROR(child.ReadLine().status());
    return SumMemory({child.pid()});
  }

  const Options& options_;
  Table table_{{"KB per model", "own cell", "PSS", "packed", "PSS", "front door, own",
                "front door, packed", "naive", "process per model", "x own", "x packed"}};
  Targets targets_;
};

}  // namespace

Status RunDensity(const Options& options) { return Density(options).Run(); }

}  // namespace throng::bench
