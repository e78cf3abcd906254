// What the gateway adds: the same requests at a low rate through `throng gateway` and straight at
// the server behind it, in turns. Rounds alternate which goes first, so that a busy machine
// disturbs both alike.
#include <charconv>
#include <filesystem>
#include <optional>
#include <thread>

#include "benchmarks/benchmarks.h"
#include "benchmarks/harness/child.h"
#include "benchmarks/harness/model_folder.h"
#include "benchmarks/harness/report.h"
#include "benchmarks/harness/server_process.h"
#include "benchmarks/load/load_generator.h"
#include "os/event_loop.h"

namespace throng::bench {
namespace {

constexpr double kRate = 10;  // a second, as in the walk-through's job
constexpr std::chrono::seconds kStartTimeout{30};

struct Way {
  std::string label;
  uint16_t port = 0;
  std::vector<double> p50_us;
  Histogram all;
  uint64_t failed = 0;
};

class GatewayBenchmark {
 public:
  explicit GatewayBenchmark(const Options& options) : options_(options) {}

  Status Run() {
    THRONG_RETURN_IF_ERROR(StartServers());
    PinToCore(options_.loader_core);
    for (Way& way : ways_) THRONG_RETURN_IF_ERROR(Measure(way, true));
    for (int round = 0; round < options_.rounds; ++round) {
      for (size_t i = 0; i < std::size(ways_); ++i) {
        const size_t which = (i + static_cast<size_t>(round)) % std::size(ways_);
        THRONG_RETURN_IF_ERROR(Measure(ways_[which], false));
      }
    }
    Print();
    return OkStatus();
  }

 private:
  Status StartServers() {
    THRONG_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create());
    folder_.emplace(std::move(folder));
    THRONG_ASSIGN_OR_RETURN(const auto examples, ExampleModels(options_));
    for (const ExampleModel& model : examples) {
      if (model.label != "torch cifar10") continue;
      THRONG_RETURN_IF_ERROR(CopyModel(options_, model, folder_->Sub("models"), "cifar10", false));
    }
    THRONG_ASSIGN_OR_RETURN(const std::string body,
                            ReadTextFile(options_.source_path + "/examples/requests/cifar10.json"));
    request_ = MakeInferRequest("cifar10", body);
    THRONG_ASSIGN_OR_RETURN(server_, ServerProcess::Start(options_, folder_->Sub("models")));
    ways_[0] = {.label = "straight at the server", .port = server_.http_port()};
    THRONG_RETURN_IF_ERROR(StartGateway());
    ways_[1] = {.label = "through the gateway", .port = gateway_port_};
    return OkStatus();
  }

  Status StartGateway() {
    const std::string directory = folder_->Sub("gateway");
    THRONG_RETURN_IF_ERROR(WriteTextFile(
        directory + "/routes.json",
        R"({"items":[{"metadata":{"namespace":"default","name":"bench"},"spec":{"hosts":[)"
        R"("127.0.0.1"],"replicas":[{"pod":"p","address":"127.0.0.1","port":)" +
            std::to_string(server_.http_port()) + "}]}}]}"));
    const std::string ports = directory + "/ports";
    ChildSpec spec;
    spec.command = {options_.server_path, "gateway", "--routes-file=" + directory + "/routes.json",
                    "--ports-file=" + ports, "--access-log=" + directory + "/access.log"};
    spec.core = options_.server_core;
    spec.log_path = directory + "/log";
    THRONG_ASSIGN_OR_RETURN(gateway_, Child::Start(spec));
    const MonotonicTime begin = os::RealClock().Now();
    while (!ReadPort(ports)) {
      if (!gateway_.running() || os::RealClock().Now() - begin > kStartTimeout) {
        return UnavailableError("throng gateway does not listen; its log: " + spec.log_path);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return OkStatus();
  }

  bool ReadPort(const std::string& path) {
    if (!std::filesystem::exists(path)) return false;
    const auto text = ReadTextFile(path);
    constexpr std::string_view kKey = "\"ingress\":";
    const size_t at = text.ok() ? text->find(kKey) : std::string::npos;
    if (at == std::string::npos) return false;
    std::from_chars(text->data() + at + kKey.size(), text->data() + text->size(), gateway_port_);
    return gateway_port_ != 0;
  }

  Status Measure(Way& way, bool is_warming) {
    LoadGenerator generator;
    THRONG_RETURN_IF_ERROR(
        generator.AddStream({.port = way.port,
                             .requests = {request_},
                             .connections = 1,
                             .rate_per_second = options_.rate > 0 ? options_.rate : kRate,
                             .poisson = false}));
    THRONG_ASSIGN_OR_RETURN(const LoadResult load,
                            generator.Run(std::chrono::duration_cast<Duration>(
                                std::chrono::duration<double>(std::max(options_.seconds, 1.0)))));
    const StreamResult& stream = load.streams[0];
    if (stream.ok == 0) return UnavailableError(way.label + ": " + stream.first_error);
    if (is_warming) return OkStatus();
    way.p50_us.push_back(stream.latency.PercentileUs(50));
    way.all.Merge(stream.latency);
    way.failed += stream.failed;
    return OkStatus();
  }

  void Print() const {
    Table table({"cifar10, 111 KB, " + Number(options_.rate > 0 ? options_.rate : kRate) + "/s",
                 "requests", "failed", "mean us", "p50 us", "p90 us", "p99 us", "max us"});
    for (const Way& way : ways_) {
      table.Add({way.label, std::to_string(way.all.count()), std::to_string(way.failed),
                 Number(way.all.mean_ns() / 1e3), Number(way.all.PercentileUs(50)),
                 Number(way.all.PercentileUs(90)), Number(way.all.PercentileUs(99)),
                 Number(static_cast<double>(way.all.max_ns()) / 1e3)});
    }
    table.Print(std::to_string(options_.rounds) + " alternating rounds, open loop");
    std::vector<double> added;
    for (size_t i = 0; i < ways_[0].p50_us.size(); ++i) {
      added.push_back(ways_[1].p50_us[i] - ways_[0].p50_us[i]);
    }
    Table difference({"added at p50 within a round", "lower quartile", "median", "upper quartile"});
    difference.Add({"us", Number(Percentile(added, 25)), Number(Median(added)),
                    Number(Percentile(added, 75))});
    difference.Print("The gateway adds");
    constexpr double kMostUs = 300;
    Targets targets;
    targets.AtMost("the gateway adds at p50", Median(added), kMostUs, "us");
    targets.Print();
  }

  const Options& options_;
  std::optional<TemporaryFolder> folder_;
  ServerProcess server_;
  Child gateway_;
  uint16_t gateway_port_ = 0;
  std::string request_;
  Way ways_[2];
};

}  // namespace

Status RunGateway(const Options& options) { return GatewayBenchmark(options).Run(); }

}  // namespace throng::bench
