// What a request costs: CPU time of the front door and of the cells, latency and throughput at one
// and at 32 connections, with a raw epoll echo measured between. Rounds are interleaved, so that a
// busy machine disturbs every subject alike; each figure is the median of its rounds.
#include <cstdio>
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
#include "os/socket.h"

namespace throng::bench {
namespace {

constexpr int kConnections[] = {1, 32};
constexpr double kWarmSeconds = 0.3;

struct Rounds {
  std::vector<double> front_us, cells_us, total_us, p50_us, p99_us, per_second;
};

struct Subject {
  std::string label;
  pid_t pid = 0;
  uint16_t port = 0;
  std::string request;
  Rounds rounds[2];  // per entry of kConnections
};

std::string MakeEchoBody() { return MakeFloatBody("INPUT0", "1,16", 16); }

class Overhead {
 public:
  explicit Overhead(const Options& options) : options_(options) {}

  Status Run() {
    THRONG_RETURN_IF_ERROR(StartServers());
    THRONG_RETURN_IF_ERROR(AddSubjects());
    PinToCore(options_.loader_core);
    for (Subject& subject : subjects_) THRONG_RETURN_IF_ERROR(Warm(subject));
    for (int round = 0; round < options_.rounds; ++round) {
      for (Subject& subject : subjects_) {
        for (size_t i = 0; i < std::size(kConnections); ++i) {
          THRONG_RETURN_IF_ERROR(Measure(subject, i));
        }
      }
    }
    Print();
    return OkStatus();
  }

 private:
  Status StartServers() {
    THRONG_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Create());
    folder_.emplace(std::move(folder));
    const std::string models = folder_->Sub("models");
    THRONG_RETURN_IF_ERROR(WriteTextFile(models + "/echo.null", "behavior: echo\n"));
    THRONG_ASSIGN_OR_RETURN(examples_, ExampleModels(options_));
    for (const ExampleModel& model : examples_) {
      if (model.framework == "tensorflow" || model.label == "torch cifar10-unfrozen") continue;
      THRONG_RETURN_IF_ERROR(CopyModel(options_, model, models, NameOf(model), false));
    }
    THRONG_ASSIGN_OR_RETURN(server_, ServerProcess::Start(options_, models));

    THRONG_ASSIGN_OR_RETURN(const os::UniqueFd listener, os::ListenTcp("127.0.0.1", 0));
    THRONG_ASSIGN_OR_RETURN(echo_port_, os::LocalPort(listener.get()));
    ChildSpec spec;
    spec.function = [&listener] { return RunRawEcho(listener); };
    spec.core = options_.server_core;
    THRONG_ASSIGN_OR_RETURN(echo_, Child::Start(spec));
    return OkStatus();
  }

  static std::string NameOf(const ExampleModel& model) {
    return model.label.substr(model.label.find(' ') + 1);
  }

  Status AddSubjects() {
    const std::string small = MakeEchoBody();
    AddSubject("raw epoll echo", echo_.pid(), echo_port_, MakePost("/echo", small));
    AddSubject("null echo, 16 floats", server_.pid(), server_.http_port(),
               MakeInferRequest("echo", small));
    for (const ExampleModel& model : examples_) {
      if (model.framework == "tensorflow" || model.label == "torch cifar10-unfrozen") continue;
      AddSubject(model.label + ", " + Number(static_cast<double>(model.body.size()) / 1000) + " KB",
                 server_.pid(), server_.http_port(), MakeInferRequest(NameOf(model), model.body));
    }
    THRONG_ASSIGN_OR_RETURN(const std::string seed_body,
                            ReadTextFile(options_.source_path + "/examples/requests/cifar10.json"));
    AddSubject("torch cifar10, 111 KB", server_.pid(), server_.http_port(),
               MakeInferRequest("cifar10", seed_body));
    AddSubject("raw epoll echo again", echo_.pid(), echo_port_, MakePost("/echo", small));
    return OkStatus();
  }

  void AddSubject(std::string label, pid_t pid, uint16_t port, std::string request) {
    if (label.find(options_.only) == std::string::npos && label.find("raw") != 0) return;
    subjects_.push_back({std::move(label), pid, port, std::move(request), {}});
  }

  static Status Warm(const Subject& subject) {
    return bench::Measure(
               {subject.label, subject.pid, subject.port, subject.request, 1, kWarmSeconds})
        .status();
  }

  Status Measure(Subject& subject, size_t which) {
    THRONG_ASSIGN_OR_RETURN(
        const Measurement measured,
        bench::Measure({subject.label, subject.pid, subject.port, subject.request,
                        kConnections[which], options_.seconds}));
    Rounds& rounds = subject.rounds[which];
    rounds.front_us.push_back(measured.front_us);
    rounds.cells_us.push_back(measured.cells_us);
    rounds.total_us.push_back(measured.front_us + measured.cells_us);
    rounds.p50_us.push_back(measured.p50_us);
    rounds.p99_us.push_back(measured.p99_us);
    rounds.per_second.push_back(measured.per_second);
    return OkStatus();
  }

  void Print() const {
    Table table({"CPU-us per request", "c", "front", "cells", "total", "best", "p50 us", "p99 us",
                 "requests/s"});
    for (const Subject& subject : subjects_) {
      for (size_t i = 0; i < std::size(kConnections); ++i) {
        const Rounds& rounds = subject.rounds[i];
        table.Add({subject.label, std::to_string(kConnections[i]), Number(Median(rounds.front_us)),
                   Number(Median(rounds.cells_us)), Number(Median(rounds.total_us)),
                   Number(Percentile(rounds.total_us, 0)), Number(Median(rounds.p50_us)),
                   Number(Median(rounds.p99_us)), Number(Median(rounds.per_second))});
      }
    }
    table.Print("Medians of " + std::to_string(options_.rounds) + " interleaved rounds of " +
                Number(options_.seconds) + " s, closed loop");
    PrintTargets();
  }

  void PrintTargets() const {
    Targets targets;
    for (const Subject& subject : subjects_) {
      const Rounds& one = subject.rounds[0];
      const Rounds& many = subject.rounds[1];
      if (subject.label.starts_with("null")) {
        targets.AtMost("null echo in a cell, c=32: CPU", Median(many.total_us), 25, "us");
      }
      if (subject.label.starts_with("torch") && subject.label.find("111") == std::string::npos) {
        targets.AtMost("cifar10 JSON, torch, c=32: CPU", Median(many.total_us), 300, "us");
        targets.AtMost("cifar10 JSON, torch, c=1: CPU", Median(one.total_us), 300, "us");
        targets.AtMost("cifar10 JSON, torch, c=1: p50", Median(one.p50_us), 400, "us");
      }
    }
    targets.Print();
  }

  const Options& options_;
  std::optional<TemporaryFolder> folder_;
  std::vector<ExampleModel> examples_;
  ServerProcess server_;
  Child echo_;
  uint16_t echo_port_ = 0;
  std::vector<Subject> subjects_;
};

}  // namespace

Status RunOverhead(const Options& options) { return Overhead(options).Run(); }

}  // namespace throng::bench
