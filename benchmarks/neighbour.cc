// What loading other models does to a busy one: its latency in an open loop, quiet and while models
// of each framework are loaded, asked once and unloaded, one after another. A raw echo is asked at
// the same time: its own change is the machine's, and says how far the ratio can be trusted.
#include <cstdio>
#include <iterator>
#include <optional>

#include "benchmarks/benchmarks.h"
#include "benchmarks/harness/child.h"
#include "benchmarks/harness/model_folder.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/server_process.h"
#include "benchmarks/load/load_generator.h"
#include "benchmarks/load/raw_echo.h"
#include "os/socket.h"

namespace throng::bench {
namespace {

constexpr int kOthers = 20;  // of each kind
constexpr std::chrono::milliseconds kBetweenLoads{20};
constexpr double kWitnessRate = 200;
constexpr double kTarget = 1.3;

struct Hot {
  std::string_view label;
  double rate_per_second;
};
constexpr Hot kHot[] = {{"onnx tiny-mlp", 500}, {"torch cifar10", 200}};
constexpr std::string_view kLoading[] = {"onnx cifar10-onnx", "torch cifar10",
                                         "tensorflow simple-string"};

struct Phase {
  Histogram hot, witness;
  uint64_t loads = 0;
  double seconds = 0;
};

class Neighbour {
 public:
  explicit Neighbour(const Options& options) : options_(options) {}

  Status Run() {
    THRONG_RETURN_IF_ERROR(StartServers());
    PinToCore(options_.loader_core);
    for (const Hot& hot : kHot) {
      for (const std::string_view loading : kLoading) {
        THRONG_RETURN_IF_ERROR(MeasurePair(hot, FindModel(hot.label), FindModel(loading)));
      }
    }
    table_.Print("A busy model while others load, one at a time; open loop, Poisson");
    targets_.Print();
    return OkStatus();
  }

 private:
  const ExampleModel& FindModel(std::string_view label) const {
    for (const ExampleModel& model : models_) {
      if (model.label == label) return model;
    }
    return models_[0];
  }

  static std::string OtherName(const ExampleModel& model, int number) {
    return model.label.substr(model.label.find(' ') + 1) + "-other" + std::to_string(number);
  }

  Status StartServers() {
    THRONG_ASSIGN_OR_RETURN(models_, ExampleModels(options_));
    THRONG_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create());
    folder_.emplace(std::move(folder));
    const std::string path = folder_->Sub("models");
    for (const Hot& hot : kHot) {
      const ExampleModel& model = FindModel(hot.label);
      THRONG_RETURN_IF_ERROR(CopyModel(options_, model, path, "hot-" + model.framework, false));
    }
    for (const std::string_view loading : kLoading) {
      const ExampleModel& model = FindModel(loading);
      for (int i = 0; i < kOthers; ++i) {
        THRONG_RETURN_IF_ERROR(CopyModel(options_, model, path, OtherName(model, i), false));
      }
    }
    THRONG_ASSIGN_OR_RETURN(server_, ServerProcess::Start(options_, path));
    THRONG_ASSIGN_OR_RETURN(const os::UniqueFd listener, os::ListenTcp("127.0.0.1", 0));
    THRONG_ASSIGN_OR_RETURN(witness_port_, os::LocalPort(listener.get()));
    ChildSpec spec;
    spec.function = [&listener] { return RunRawEcho(listener); };
    spec.core = options_.server_core;
    THRONG_ASSIGN_OR_RETURN(witness_, Child::Start(spec));
    return OkStatus();
  }

  // One phase; `loading` null: quiet.
  Status RunPhase(const Hot& hot, const ExampleModel& model, const ExampleModel* loading,
                  Phase& phase) const {
    LoadGenerator generator;
    const double rate = options_.rate > 0 ? options_.rate : hot.rate_per_second;
    THRONG_RETURN_IF_ERROR(
        generator.AddStream({.port = server_.http_port(),
                             .requests = {MakeInferRequest("hot-" + model.framework, model.body)},
                             .connections = 32,
                             .rate_per_second = rate}));
    THRONG_RETURN_IF_ERROR(generator.AddStream({.port = witness_port_,
                                                .requests = {MakePost("/echo", "{}")},
                                                .connections = 8,
                                                .rate_per_second = kWitnessRate}));
    if (loading != nullptr) {
      THRONG_RETURN_IF_ERROR(generator.AddStream({.port = server_.http_port(),
                                                  .requests = LoadAndUnload(*loading),
                                                  .pause = kBetweenLoads / 3}));
    }
    THRONG_ASSIGN_OR_RETURN(
        const LoadResult load,
        generator.Run(std::chrono::nanoseconds(static_cast<int64_t>(options_.seconds * 1e9))));
    for (const StreamResult& stream : load.streams) {
      if (stream.failed > 0) return UnavailableError(stream.first_error);
    }
    phase.hot.Merge(load.streams[0].latency);
    phase.witness.Merge(load.streams[1].latency);
    phase.seconds += load.seconds;
    if (loading != nullptr) phase.loads += load.streams[2].ok / 3;
    return OkStatus();
  }

  static std::vector<std::string> LoadAndUnload(const ExampleModel& model) {
    std::vector<std::string> requests;
    for (int i = 0; i < kOthers; ++i) {
      const std::string name = OtherName(model, i);
      // Unloading un-registers, so an inference alone would not load it again.
      requests.push_back(MakePost("/v2/repository/models/" + name + "/load", "{}"));
      requests.push_back(MakeInferRequest(name, model.body));
      requests.push_back(MakePost("/v2/repository/models/" + name + "/unload", "{}"));
    }
    return requests;
  }

  Status MeasurePair(const Hot& hot, const ExampleModel& model, const ExampleModel& loading) {
    if ((model.label + " " + loading.label).find(options_.only) == std::string::npos) {
      return OkStatus();
    }
    Phase warm, quiet, busy;
    THRONG_RETURN_IF_ERROR(RunPhase(hot, model, &loading, warm));
    for (int round = 0; round < options_.rounds; ++round) {
      THRONG_RETURN_IF_ERROR(RunPhase(hot, model, nullptr, quiet));
      THRONG_RETURN_IF_ERROR(RunPhase(hot, model, &loading, busy));
    }
    const double ratio = busy.hot.PercentileUs(99) / quiet.hot.PercentileUs(99);
    const double witness = busy.witness.PercentileUs(99) / quiet.witness.PercentileUs(99);
    table_.Add({model.label + " / " + loading.label, Number(quiet.hot.PercentileUs(50)),
                Number(busy.hot.PercentileUs(50)), Number(quiet.hot.PercentileUs(99)),
                Number(busy.hot.PercentileUs(99)), Number(ratio),
                Number(quiet.witness.PercentileUs(99)), Number(busy.witness.PercentileUs(99)),
                Number(witness), Number(static_cast<double>(busy.loads) / busy.seconds)});
    targets_.AtMost(model.label + " while " + loading.label + " loads, p99 / quiet p99", ratio,
                    kTarget, "x");
    return OkStatus();
  }

  const Options& options_;
  std::vector<ExampleModel> models_;
  std::optional<TemporaryFolder> folder_;
  ServerProcess server_;
  Child witness_;
  uint16_t witness_port_ = 0;
  Table table_{{"busy / loading, us", "p50 quiet", "p50 loading", "p99 quiet", "p99 loading",
                "ratio", "witness p99 quiet", "loading", "ratio", "loads/s"}};
  Targets targets_;
};

}  // namespace

Status RunNeighbour(const Options& options) { return Neighbour(options).Run(); }

}  // namespace throng::bench
