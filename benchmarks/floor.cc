// What the other process costs: cifar10 JSON at one connection through a cell, and through the same
// front door with the framework on a thread of its own process (floor/). The two are measured in
// turns, in the order that swaps each round, with a raw epoll echo between; what counts is the
// median of the differences within a round. A round is quiet when the echo's p50 is among the
// lowest quarter.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "benchmarks/benchmarks.h"
#include "benchmarks/harness/child.h"
#include "benchmarks/harness/closed_loop.h"
#include "benchmarks/harness/model_folder.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/server_process.h"
#include "benchmarks/load/load_generator.h"
#include "benchmarks/load/raw_echo.h"
#include "os/file.h"
#include "os/socket.h"

namespace throng::bench {
namespace {

constexpr double kWarmSeconds = 0.5;
constexpr double kTargetUs = 60;
constexpr double kQuietPercent = 25;
constexpr double kEchoSeconds = 0.1;

struct Rounds {
  std::vector<double> p50_us, p99_us, cpu_us;

  void Add(const Measurement& measured) {
    p50_us.push_back(measured.p50_us);
    p99_us.push_back(measured.p99_us);
    cpu_us.push_back(measured.front_us + measured.cells_us);
  }
};

struct Pair {
  std::string label;
  ClosedLoop cell;
  ClosedLoop floor;
  Child floor_process;
  Rounds cell_rounds;
  Rounds floor_rounds;
  std::vector<double> echo_us;  // p50 of the raw echo in the same round
};

std::vector<double> Differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> differences;
  for (size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return differences;
}

class Floor {
 public:
  explicit Floor(const Options& options) : options_(options) {}

  Status Run() {
    THRONG_RETURN_IF_ERROR(StartServers());
    if (pairs_.empty()) return NotFoundError("no throng-floor-* program was built");
    PinToCore(options_.loader_core);
    for (Pair& pair : pairs_) {
      for (ClosedLoop loop : {pair.cell, pair.floor}) {
        loop.seconds = kWarmSeconds;
        THRONG_RETURN_IF_ERROR(Measure(loop).status());
      }
    }
    for (int round = 0; round < options_.rounds; ++round) {
      for (Pair& pair : pairs_) THRONG_RETURN_IF_ERROR(MeasureRound(pair, round % 2 == 1));
    }
    Print();
    return OkStatus();
  }

 private:
  Status StartServers() {
    THRONG_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create());
    folder_.emplace(std::move(folder));
    const std::string models = folder_->Sub("models");
    THRONG_ASSIGN_OR_RETURN(examples_, ExampleModels(options_));
    std::erase_if(examples_, [this](const ExampleModel& model) {
      const bool is_cifar10 = model.label == "torch cifar10" || model.label == "onnx cifar10-onnx";
      return !is_cifar10 || model.label.find(options_.only) == std::string::npos ||
             !std::filesystem::exists(FloorProgram(model));
    });
    for (const ExampleModel& model : examples_) {
      THRONG_RETURN_IF_ERROR(CopyModel(options_, model, models, model.framework, false));
    }
    // One loop, as the floor has, whatever the machine.
    THRONG_ASSIGN_OR_RETURN(server_,
                            ServerProcess::Start(options_, models, {"--http-thread-count", "1"}));
    for (const ExampleModel& model : examples_) {
      THRONG_RETURN_IF_ERROR(AddPair(model, models));
    }
    return StartEcho();
  }

  std::string FloorProgram(const ExampleModel& model) const {
    return options_.program_directory + "/throng-floor-" + model.framework;
  }

  Status AddPair(const ExampleModel& model, const std::string& models) {
    Pair pair;
    pair.label = model.label;
    ChildSpec spec;
    // The environment of a zygote.
    spec.command = {"/usr/bin/env",
                    "-i",
                    "LANG=C.UTF-8",
                    "OMP_NUM_THREADS=1",
                    "MKL_NUM_THREADS=1",
                    "OPENBLAS_NUM_THREADS=1",
                    "ORT_DISABLE_TELEMETRY=1",
                    FloorProgram(model),
                    os::JoinPath(os::DirectoryName(options_.program_directory), "libexec"),
                    models};
    spec.core = options_.server_core;
    spec.pipes = true;
    THRONG_ASSIGN_OR_RETURN(pair.floor_process, Child::Start(spec));
    THRONG_ASSIGN_OR_RETURN(const std::string port, pair.floor_process.ReadLine());
    const std::string request = MakeInferRequest(model.framework, model.body);
    pair.cell = {model.label + " in a cell",
                 server_.pid(),
                 server_.http_port(),
                 request,
                 1,
                 options_.seconds};
    pair.floor = {model.label + " in the front door",
                  pair.floor_process.pid(),
                  static_cast<uint16_t>(std::atoi(port.c_str())),
                  request,
                  1,
                  options_.seconds};
    pairs_.push_back(std::move(pair));
    return OkStatus();
  }

  Status StartEcho() {
    THRONG_ASSIGN_OR_RETURN(const os::UniqueFd listener, os::ListenTcp("127.0.0.1", 0));
    THRONG_ASSIGN_OR_RETURN(const uint16_t port, os::LocalPort(listener.get()));
    ChildSpec spec;
    spec.function = [&listener] { return RunRawEcho(listener); };
    spec.core = options_.server_core;
    THRONG_ASSIGN_OR_RETURN(echo_process_, Child::Start(spec));
    echo_ = {"raw epoll echo", echo_process_.pid(), port, MakePost("/echo", "[0]"), 1,
             kEchoSeconds};
    return OkStatus();
  }

  Status MeasureRound(Pair& pair, bool floor_first) {
    THRONG_ASSIGN_OR_RETURN(const Measurement before, Measure(echo_));
    THRONG_ASSIGN_OR_RETURN(const Measurement first, Measure(floor_first ? pair.floor : pair.cell));
    THRONG_ASSIGN_OR_RETURN(const Measurement second,
                            Measure(floor_first ? pair.cell : pair.floor));
    THRONG_ASSIGN_OR_RETURN(const Measurement after, Measure(echo_));
    pair.cell_rounds.Add(floor_first ? second : first);
    pair.floor_rounds.Add(floor_first ? first : second);
    pair.echo_us.push_back(std::max(before.p50_us, after.p50_us));
    return OkStatus();
  }

  void Print() const {
    Targets targets;
    for (const Pair& pair : pairs_) {
      const double quiet_us = Percentile(pair.echo_us, kQuietPercent);
      PrintRounds(pair, 1e9, "all rounds", targets);
      PrintRounds(pair, quiet_us, "quiet rounds", targets);
    }
    targets.Print();
  }

  // Of the rounds in which the echo took no longer than `echo_us`.
  static void PrintRounds(const Pair& pair, double echo_us, const std::string& which,
                          Targets& targets) {
    const auto chosen = [&](const std::vector<double>& values) {
      std::vector<double> result;
      for (size_t i = 0; i < values.size(); ++i) {
        if (pair.echo_us[i] <= echo_us) result.push_back(values[i]);
      }
      return result;
    };
    const Rounds cell = {chosen(pair.cell_rounds.p50_us), chosen(pair.cell_rounds.p99_us),
                         chosen(pair.cell_rounds.cpu_us)};
    const Rounds floor = {chosen(pair.floor_rounds.p50_us), chosen(pair.floor_rounds.p99_us),
                          chosen(pair.floor_rounds.cpu_us)};
    const std::vector<double> differences = Differences(cell.p50_us, floor.p50_us);
    Table table({"c=1", "p50 us", "best", "p99 us", "CPU-us"});
    const auto add = [&table](const std::string& label, const Rounds& rounds) {
      table.Add({label, Number(Median(rounds.p50_us)), Number(Percentile(rounds.p50_us, 0)),
                 Number(Median(rounds.p99_us)), Number(Median(rounds.cpu_us))});
    };
    add(pair.label + " in a cell", cell);
    add(pair.label + " in the front door", floor);
    table.Add({"difference", Number(Median(differences)),
               Number(Percentile(cell.p50_us, 0) - Percentile(floor.p50_us, 0)),
               Number(Median(Differences(cell.p99_us, floor.p99_us))),
               Number(Median(Differences(cell.cpu_us, floor.cpu_us)))});
    table.Print(which + ": medians of " + std::to_string(differences.size()) +
                "; differences of p50 within a round: quartiles " +
                Number(Percentile(differences, 25)) + " and " +
                Number(Percentile(differences, 75)) + " us; raw echo p50 " +
                Number(Median(chosen(pair.echo_us))) + " us");
    targets.AtMost(pair.label + ", " + which + ": p50 over the floor", Median(differences),
                   kTargetUs, "us");
  }

  const Options& options_;
  std::optional<TemporaryFolder> folder_;
  std::vector<ExampleModel> examples_;
  ServerProcess server_;
  Child echo_process_;
  ClosedLoop echo_;
  std::vector<Pair> pairs_;
};

}  // namespace

Status RunFloor(const Options& options) { return Floor(options).Run(); }

}  // namespace throng::bench
