// How long the first answers take: of the server, of a framework, of a model in a cell of its own
// and in one that others use already; beside a program per model that uses the framework naively.
#include <filesystem>
#include <optional>

#include "benchmarks/benchmarks.h"
#include "benchmarks/harness/child.h"
#include "benchmarks/harness/model_folder.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/server_process.h"
#include "benchmarks/load/load_generator.h"
#include "os/event_loop.h"
#include "os/file.h"

namespace throng::bench {
namespace {

constexpr int kModelCount = 40;
constexpr int kServerStarts = 7;
constexpr int kNaiveRuns = 9;
// Until a framework has this many packed cells, a model that arrives while all of them are busy
// gets a fresh one: this many models go first, so that the measured ones share cells.
constexpr int kPrimerCount = 16;
// Time for the spare cell to be forked again: what a server has that does not load back to back.
constexpr std::chrono::milliseconds kGap{100};
constexpr std::chrono::minutes kPatience{5};

struct Bounds {
  std::string_view label;
  double new_cell_ms, packed_ms;
};
constexpr Bounds kBounds[] = {
    {"torch cifar10", 6, 3},
    {"onnx tiny-mlp", 2, 1.5},
    {"onnx cifar10-onnx", 2, 1.5},
    {"tensorflow simple-string", 20, 4},
};

struct Figures {
  Histogram new_cell, back_to_back, packed, second;
  std::vector<double> naive_ms;
};

double Ms(const Histogram& histogram, double percent) {
  return histogram.PercentileUs(percent) / 1e3;
}

class ColdStart {
 public:
  explicit ColdStart(const Options& options)
      : options_(options), count_(options.models > 0 ? options.models : kModelCount) {}

  Status Run() {
    THRONG_ASSIGN_OR_RETURN(models_, ExampleModels(options_));
    std::erase_if(models_, [this](const ExampleModel& model) {
      return model.label.find(options_.only) == std::string::npos;
    });
    THRONG_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create());
    folder_.emplace(std::move(folder));
    PinToCore(options_.loader_core);
    THRONG_RETURN_IF_ERROR(MeasureStarts());
    for (const ExampleModel& model : models_) {
      Figures figures;
      THRONG_RETURN_IF_ERROR(MeasureNewCells(model, figures));
      THRONG_RETURN_IF_ERROR(MeasurePacked(model, figures));
      THRONG_RETURN_IF_ERROR(MeasureNaive(model, figures));
      figures_.push_back(std::move(figures));
    }
    Print();
    return OkStatus();
  }

 private:
  // Sends the requests one after another, `pause` apart.
  Result<Histogram> SendAll(uint16_t port, std::vector<std::string> requests,
                            Duration pause) const {
    LoadGenerator generator;
    const uint64_t count = requests.size();
    THRONG_RETURN_IF_ERROR(generator.AddStream(
        {.port = port, .requests = std::move(requests), .pause = pause, .max_count = count}));
    THRONG_ASSIGN_OR_RETURN(LoadResult load, generator.Run(kPatience));
    if (load.streams[0].failed > 0) return UnavailableError(load.streams[0].first_error);
    return std::move(load.streams[0].latency);
  }

  // Copies `count` models named PREFIX0... and returns requests for them.
  Result<std::vector<std::string>> AddModels(const ExampleModel& model, const std::string& folder,
                                             const std::string& prefix, int count,
                                             bool own_cell) const {
    std::vector<std::string> requests;
    for (int i = 0; i < count; ++i) {
      const std::string name = prefix + std::to_string(i);
      THRONG_RETURN_IF_ERROR(CopyModel(options_, model, folder, name, own_cell));
      requests.push_back(MakeInferRequest(name, model.body));
    }
    return requests;
  }

  Status MeasureStarts() {
    const std::string folder = folder_->Sub("starts");
    std::vector<std::string> firsts;
    for (const ExampleModel& model : models_) {
      const std::string name = "m" + std::to_string(firsts.size()) + "-";
      THRONG_ASSIGN_OR_RETURN(const auto requests, AddModels(model, folder, name, 100, false));
      firsts.push_back(requests[0]);
    }
    std::vector<std::vector<double>> first_ms(models_.size());
    for (int i = 0; i < kServerStarts; ++i) {
      THRONG_ASSIGN_OR_RETURN(ServerProcess server, ServerProcess::Start(options_, folder));
      start_ms_.push_back(std::chrono::duration<double, std::milli>(server.start_time()).count());
      for (size_t j = 0; j < models_.size(); ++j) {
        THRONG_ASSIGN_OR_RETURN(const Histogram first,
                                SendAll(server.http_port(), {firsts[j]}, Duration(0)));
        first_ms[j].push_back(Ms(first, 100));
      }
    }
    Table table({"first requests after exec, ms", "p50", "max"});
    table.Add({"exec of throng to listening, " + std::to_string(100 * models_.size()) + " models",
               Number(Median(start_ms_)), Number(Percentile(start_ms_, 100))});
    for (size_t j = 0; j < models_.size(); ++j) {
      const bool is_first = j == 0 || models_[j].framework != models_[j - 1].framework;
      table.Add({models_[j].label + (is_first ? ", starts its framework" : ", framework is there"),
                 Number(Median(first_ms[j])), Number(Percentile(first_ms[j], 100))});
    }
    table.Print("Starts, " + std::to_string(kServerStarts) + " of each");
    return OkStatus();
  }

  Status MeasureNewCells(const ExampleModel& model, Figures& figures) {
    const std::string folder = folder_->Sub("own");
    THRONG_ASSIGN_OR_RETURN(const auto warm, AddModels(model, folder, "warm", 2, true));
    THRONG_ASSIGN_OR_RETURN(const auto spaced, AddModels(model, folder, "spaced", count_, true));
    THRONG_ASSIGN_OR_RETURN(const auto dense, AddModels(model, folder, "dense", count_, true));
    THRONG_ASSIGN_OR_RETURN(ServerProcess server, ServerProcess::Start(options_, folder));
    THRONG_RETURN_IF_ERROR(SendAll(server.http_port(), warm, kGap).status());
    THRONG_ASSIGN_OR_RETURN(figures.new_cell, SendAll(server.http_port(), spaced, kGap));
    THRONG_ASSIGN_OR_RETURN(figures.second, SendAll(server.http_port(), spaced, kGap / 10));
    THRONG_ASSIGN_OR_RETURN(figures.back_to_back, SendAll(server.http_port(), dense, Duration(0)));
    return RemoveFolder(folder);
  }

  Status MeasurePacked(const ExampleModel& model, Figures& figures) {
    const std::string folder = folder_->Sub("packed");
    THRONG_ASSIGN_OR_RETURN(const auto primers,
                            AddModels(model, folder, "primer", kPrimerCount, false));
    THRONG_ASSIGN_OR_RETURN(const auto packed, AddModels(model, folder, "packed", count_, false));
    THRONG_ASSIGN_OR_RETURN(ServerProcess server, ServerProcess::Start(options_, folder));
    THRONG_RETURN_IF_ERROR(SendAll(server.http_port(), primers, Duration(0)).status());
    THRONG_ASSIGN_OR_RETURN(figures.packed, SendAll(server.http_port(), packed, kGap / 10));
    return RemoveFolder(folder);
  }

  Status RemoveFolder(const std::string& folder) const {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
    return error ? UnavailableError("cannot empty the temporary folder") : OkStatus();
  }

  Status MeasureNaive(const ExampleModel& model, Figures& figures) {
    const auto command = NaiveCommand(options_, model, 1);
    if (!command.ok()) return OkStatus();
    for (int i = 0; i < kNaiveRuns; ++i) {
      const MonotonicTime begin = os::RealClock().Now();
      THRONG_ASSIGN_OR_RETURN(
          Child child,
          Child::Start({.command = *command, .core = options_.server_core, .pipes = true}));
      THRONG_RETURN_IF_ERROR(child.ReadLine().status());
      figures.naive_ms.push_back(
          std::chrono::duration<double, std::milli>(os::RealClock().Now() - begin).count());
    }
    return OkStatus();
  }

  void Print() const {
    Table table({"request to reply, ms", "new cell p50", "p99", "no spare p50", "p99", "packed p50",
                 "p99", "second p50", "exec per model p50", "best", "x new cell", "x packed"});
    Targets targets;
    targets.AtMost("exec of throng to listening, p50", Median(start_ms_), 300, "ms");
    for (size_t i = 0; i < models_.size(); ++i) {
      const Figures& f = figures_[i];
      const double naive = f.naive_ms.empty() ? 0 : Median(f.naive_ms);
      const double best = f.naive_ms.empty() ? 0 : Percentile(f.naive_ms, 0);
      table.Add({models_[i].label, Number(Ms(f.new_cell, 50)), Number(Ms(f.new_cell, 99)),
                 Number(Ms(f.back_to_back, 50)), Number(Ms(f.back_to_back, 99)),
                 Number(Ms(f.packed, 50)), Number(Ms(f.packed, 99)), Number(Ms(f.second, 50)),
                 Number(naive), Number(best), Number(naive / Ms(f.new_cell, 50)),
                 Number(naive / Ms(f.packed, 50))});
      for (const Bounds& bounds : kBounds) {
        if (bounds.label != models_[i].label) continue;
        targets.AtMost(models_[i].label + ", new cell p50", Ms(f.new_cell, 50), bounds.new_cell_ms,
                       "ms");
        targets.AtMost(models_[i].label + ", packed p50", Ms(f.packed, 50), bounds.packed_ms, "ms");
        if (naive > 0) {
          targets.AtLeast(models_[i].label + ", exec per model / new cell",
                          naive / Ms(f.new_cell, 50), 20, "x");
        }
      }
    }
    table.Print("First request of a model, " + std::to_string(count_) + " models of each kind");
    targets.Print();
  }

  const Options& options_;
  const int count_;
  std::vector<ExampleModel> models_;
  std::optional<TemporaryFolder> folder_;
  std::vector<double> start_ms_;
  std::vector<Figures> figures_;
};

}  // namespace

Status RunColdStart(const Options& options) { return ColdStart(options).Run(); }

}  // namespace throng::bench
