#include "server/data_plane_server.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/check.h"
#include "base/kill_point.h"
#include "frontend/rest/origin_rule.h"
#include "frontend/rest/rest_frontend.h"
#include "grpc/unimplemented_server.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/socket.h"
#include "os/thread_pool.h"
#include "repository/repository.h"
#include "residency/model_control_service.h"
#include "residency/model_manager.h"
#include "runner/runner_pool.h"
#include "scheduler/scheduler.h"
#include "server/folder_source.h"
#include "server/listeners.h"
#include "server/metrics_page.h"
#include "server/startup_report.h"

namespace throng::server {
namespace {

// Disk reads and memory measurements; few, as each may hold a whole artefact.
constexpr int kHelperThreads = 2;
constexpr std::chrono::milliseconds kDrainPoll{10};
// Nothing is done with it, but the answer to a POST is "405", not "too large".
constexpr size_t kMetricsBodyBytes = 64 * 1024;
constexpr std::chrono::milliseconds kExitOnErrorPoll{100};

// An event loop that speaks HTTP. The first one is the data plane's.
struct IoLoop {
  std::unique_ptr<os::EventLoop> loop;
  std::unique_ptr<frontend::rest::RestFrontend> rest;
  std::unique_ptr<http::HttpServer> http;
  std::thread thread;  // not of the first
  std::atomic<bool> drained = false;
  bool accepts = false;  // belongs to the data plane's loop
};

// Runs a loop ahead of what the machine does in the background; not so where the kernel refuses.
void RunInteractive(os::EventLoop& loop) {
  (void)os::SetUrgency(os::kThisThread, os::Urgency::kInteractive);
  loop.Run();
}

std::string MetricsErrorBody(int, std::string_view text) { return std::string(text) + "\n"; }

}  // namespace

struct DataPlaneServer::Parts {
  Parts(ServerOptions options_in, const Logger& logger_in)
      : options(std::move(options_in)), logger(logger_in) {}
  ~Parts();

  Status Open();
  Status BuildDataPlane();
  Status StartListeners();
  Status AddIoLoop();
  Result<std::unique_ptr<http::HttpServer>> StartHttp(IoLoop& io);
  Status StartMetrics();
  http::Reply AnswerMetrics(const http::Request& request) const;
  Status Run();
  void ReadFolder();
  void ScheduleRescan();
  void CheckSandbox();
  void WatchForLoadErrors();
  void OnSignal();
  void StartDraining();
  void CloseListener();
  void PollDrained(MonotonicTime give_up);
  void Stop(Status status);

  os::EventLoop& loop() { return *io_loops.front()->loop; }

  const ServerOptions options;
  const Logger& logger;
  Listeners listeners;
  os::UniqueFd signals;
  std::vector<std::unique_ptr<IoLoop>> io_loops;
  std::unique_ptr<os::ThreadPool> threads;
  std::unique_ptr<repository::Repository> repository;
  std::unique_ptr<FolderSource> source;
  std::unique_ptr<runner::RunnerPool> runners;
  std::unique_ptr<residency::ModelManager> manager;
  std::unique_ptr<residency::ModelControlService> control;
  std::unique_ptr<scheduler::Scheduler> scheduler;
  std::unique_ptr<http::HttpServer> metrics;
  std::unique_ptr<grpc::UnimplementedServer> grpc_server;
  bool draining = false;
  Status result;
};

DataPlaneServer::Parts::~Parts() {
  for (auto& io : io_loops) {
    if (!io->thread.joinable()) continue;
    io->loop->Stop();
    io->thread.join();
  }
  // Helper threads may still be posting results to the loop: they end first, and what they posted
  // is dropped with it.
  threads.reset();
  grpc_server.reset();
  metrics.reset();
  for (auto& io : io_loops) io->http.reset();
  scheduler.reset();
  control.reset();
  manager.reset();
  runners.reset();
}

Status DataPlaneServer::Parts::Open() {
  THRONG_ASSIGN_OR_RETURN(listeners, OpenListeners(options));
  THRONG_ASSIGN_OR_RETURN(signals, os::WatchSignals({SIGTERM, SIGINT, SIGHUP}));
  os::IgnoreBrokenPipes();
  os::IgnoreUserSignals();
  os::RaiseOpenFileLimit();
  io_loops.push_back(std::make_unique<IoLoop>());
  THRONG_ASSIGN_OR_RETURN(io_loops[0]->loop, os::EventLoop::Create(os::RealClock()));
  THRONG_RETURN_IF_ERROR(BuildDataPlane());
  THRONG_RETURN_IF_ERROR(StartListeners());
  if (!options.ports_file.empty()) {
    THRONG_RETURN_IF_ERROR(WritePortsFile(os::RealFileSystem(), options.ports_file, listeners)
                               .WithContext("--ports-file"));
    KillPoint("serve.ports.written");
  }
  return OkStatus();
}

Status DataPlaneServer::Parts::BuildDataPlane() {
  runner::RunnerOptions runner_options = options.runners;
  if (runner_options.program_directory.empty()) {
    THRONG_ASSIGN_OR_RETURN(const std::string here, os::ExecutableDirectory());
    runner_options.program_directory = os::JoinPath(os::DirectoryName(here), "libexec");
  }
  const os::FileSystem& files = os::RealFileSystem();
  THRONG_ASSIGN_OR_RETURN(const auto manifests,
                          ReadManifests(files, runner_options.program_directory));
  threads = std::make_unique<os::ThreadPool>(kHelperThreads);
  repository =
      std::make_unique<repository::Repository>(files, options.model_repositories, manifests);
  source = std::make_unique<FolderSource>(loop(), *threads, files, *repository);
  runners = std::make_unique<runner::RunnerPool>(loop(), *threads, files, logger,
                                                 std::move(runner_options), manifests);
  manager = std::make_unique<residency::ModelManager>(loop(), *source, *runners, logger,
                                                      options.models, manifests);
  control = std::make_unique<residency::ModelControlService>(loop(), *manager);
  scheduler = std::make_unique<scheduler::Scheduler>(loop(), *manager, logger, options.scheduling);
  return OkStatus();
}

Status DataPlaneServer::Parts::StartListeners() {
  int count = options.http_thread_count;
  // Half of the processors parse and print; the cells run on the others.
  if (count == 0) count = std::max(1, os::ProcessorCount() / 2);
  if (listeners.http.fd.valid()) {
    THRONG_ASSIGN_OR_RETURN(io_loops[0]->http, StartHttp(*io_loops[0]));
    for (int i = 1; i < count; ++i) THRONG_RETURN_IF_ERROR(AddIoLoop());
  }
  if (listeners.metrics.fd.valid()) THRONG_RETURN_IF_ERROR(StartMetrics());
  if (listeners.grpc.fd.valid()) {
    THRONG_ASSIGN_OR_RETURN(grpc_server,
                            grpc::UnimplementedServer::Start(loop(), listeners.grpc.fd.get()));
  }
  return loop().Watch(signals.get(), os::kReadable, [this](uint32_t) { OnSignal(); });
}

Result<std::unique_ptr<http::HttpServer>> DataPlaneServer::Parts::StartHttp(IoLoop& io) {
  frontend::rest::RestOptions rest;
  rest.server_name = options.server_id;
  rest.error_style = options.error_style;
  rest.cors_origins = options.cors_origins;
  rest.request_deadline = options.request_deadline;
  io.accepts = true;
  io.rest = std::make_unique<frontend::rest::RestFrontend>(rest, *scheduler, *control, *io.loop);
  http::ServerOptions http_options;
  http_options.max_body_bytes = options.http_max_input_bytes;
  http_options.error_body = [](int, std::string_view text) {
    return frontend::rest::ErrorBody(text);
  };
  return http::HttpServer::Start(*io.loop, listeners.http.fd.get(), std::move(http_options),
                                 [rest_frontend = io.rest.get()](auto exchange) {
                                   rest_frontend->Handle(std::move(exchange));
                                 });
}

Status DataPlaneServer::Parts::AddIoLoop() {
  auto io = std::make_unique<IoLoop>();
  THRONG_ASSIGN_OR_RETURN(io->loop, os::EventLoop::Create(os::RealClock()));
  THRONG_ASSIGN_OR_RETURN(io->http, StartHttp(*io));
  io->thread = std::thread([loop = io->loop.get()] { RunInteractive(*loop); });
  io_loops.push_back(std::move(io));
  return OkStatus();
}

Status DataPlaneServer::Parts::StartMetrics() {
  http::ServerOptions http_options;
  http_options.max_body_bytes = kMetricsBodyBytes;
  http_options.error_body = MetricsErrorBody;
  THRONG_ASSIGN_OR_RETURN(
      metrics, http::HttpServer::Start(loop(), listeners.metrics.fd.get(), std::move(http_options),
                                       [this](const std::shared_ptr<http::Exchange>& exchange) {
                                         exchange->Send(AnswerMetrics(exchange->request()));
                                       }));
  return OkStatus();
}

http::Reply DataPlaneServer::Parts::AnswerMetrics(const http::Request& request) const {
  http::Reply reply;
  reply.content_type = "text/plain; version=0.0.4";
  const frontend::rest::OriginRule origin_rule(options.cors_origins);
  if (origin_rule.Judge(request) == frontend::rest::OriginRule::Verdict::kRefused) {
    reply.status = 403;
    reply.body = MetricsErrorBody(reply.status, "requests from this origin are not allowed");
  } else if (request.path != "/metrics" && request.path != "/metrics/") {
    reply.status = 404;
    reply.body = MetricsErrorBody(reply.status, "Not Found");
  } else if (request.method != "GET" && request.method != "HEAD") {
    reply.status = 405;
    reply.body = MetricsErrorBody(reply.status, "Method Not Allowed");
  } else {
    reply.body = MetricsPage(manager->stats(), runners->stats(), scheduler->stats());
  }
  return reply;
}

Status DataPlaneServer::Parts::Run() {
  LogListeners(logger, listeners);
  WarnAboutOpenAddresses(logger, listeners);
  if (options.runners.sandbox == runner::SandboxPolicy::kRequired) CheckSandbox();
  ReadFolder();
  RunInteractive(loop());
  return result;
}

// The null framework's cells are confined like all others, and start in a millisecond.
void DataPlaneServer::Parts::CheckSandbox() {
  runners->Start({.framework = "null"}, [this](Result<std::shared_ptr<runner::Cell>> cell) {
    if (!cell.ok()) return Stop(cell.status());
    (*cell)->End(runner::CellExitCause::kStopped);
  });
}

void DataPlaneServer::Parts::ReadFolder() {
  manager->ScanAtStart([this](Result<repository::Snapshot> snapshot) {
    if (!snapshot.ok()) return Stop(snapshot.status());
    const std::string report = StartupReport(*snapshot, options, listeners.http.port);
    std::fwrite(report.data(), 1, report.size(), stdout);
    std::fflush(stdout);
    if (options.poll) ScheduleRescan();
    if (options.exit_on_error) WatchForLoadErrors();
  });
}

void DataPlaneServer::Parts::ScheduleRescan() {
  loop().StartTimer(loop().clock().Now() + options.poll_interval, [this] {
    manager->Rescan([this](const Status& status) {
      if (!status.ok()) {
        THRONG_LOG_WARNING(logger) << "the folder could not be read again, what is known stays: "
                                   << EscapeForLog(status.message());
      }
      ScheduleRescan();
    });
  });
}

void DataPlaneServer::Parts::WatchForLoadErrors() {
  if (manager->stats().load_failures > 0) {
    return Stop(UnavailableError("a model could not be loaded (--exit-on-error)"));
  }
  if (manager->ServerReady()) return;
  loop().StartTimer(loop().clock().Now() + kExitOnErrorPoll, [this] { WatchForLoadErrors(); });
}

void DataPlaneServer::Parts::OnSignal() {
  while (const auto number = os::ReadSignal(signals.get())) {
    if (draining) return Stop(OkStatus());
    THRONG_LOG_INFO(logger) << "signal " << *number << ": finishing requests, at most "
                            << options.drain_timeout.count() << " s";
    StartDraining();
  }
}

void DataPlaneServer::Parts::StartDraining() {
  draining = true;
  control->SetDraining();
  // Without this, a connection made between the last accept and the close would be reset.
  if (listeners.http.fd.valid()) (void)os::RefuseConnections(listeners.http.fd.get());
  for (auto& io : io_loops) {
    if (io->rest == nullptr) {
      io->drained = true;
      continue;
    }
    io->rest->StartDraining();
    io->loop->Post([this, io = io.get()] {
      io->http->Drain();
      loop().Post([this, io] {
        io->accepts = false;
        CloseListener();
      });
    });
  }
  PollDrained(loop().clock().Now() + options.drain_timeout);
}

// Once no loop accepts any more: who connects now is told at once.
void DataPlaneServer::Parts::CloseListener() {
  for (const auto& io : io_loops) {
    if (io->accepts) return;
  }
  listeners.http.fd.Reset(-1);
}

void DataPlaneServer::Parts::PollDrained(MonotonicTime give_up) {
  bool all = scheduler->in_flight() == 0;
  for (auto& io : io_loops) all = all && io->drained;
  const MonotonicTime now = loop().clock().Now();
  if (all) return Stop(OkStatus());
  if (now >= give_up) {
    THRONG_LOG_WARNING(logger) << scheduler->in_flight()
                               << " requests were not done when --drain-timeout was over";
    return Stop(OkStatus());
  }
  for (auto& io : io_loops) {
    if (io->http == nullptr) continue;
    io->loop->Post([io = io.get()] { io->drained = io->http->connection_count() == 0; });
  }
  loop().StartTimer(now + kDrainPoll, [this, give_up] { PollDrained(give_up); });
}

void DataPlaneServer::Parts::Stop(Status status) {
  if (!status.ok() && result.ok()) result = std::move(status);
  loop().Stop();
}

DataPlaneServer::DataPlaneServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DataPlaneServer::~DataPlaneServer() = default;

Result<std::unique_ptr<DataPlaneServer>> DataPlaneServer::Create(ServerOptions options,
                                                                 const Logger& logger) {
  auto parts = std::make_unique<Parts>(std::move(options), logger);
  THRONG_RETURN_IF_ERROR(parts->Open());
  return std::unique_ptr<DataPlaneServer>(new DataPlaneServer(std::move(parts)));
}

Status DataPlaneServer::Run() { return parts_->Run(); }

Result<std::vector<model::FrameworkManifest>> ReadManifests(const os::FileSystem& files,
                                                            const std::string& directory) {
  std::vector<model::FrameworkManifest> manifests;
  auto entries = files.List(directory);
  if (!entries.ok()) return entries.status().WithContext("runner directory");
  for (const os::DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(".manifest")) continue;
    THRONG_ASSIGN_OR_RETURN(const std::string text, files.Read(os::JoinPath(directory, entry.name),
                                                               limits::kModelConfigBytes));
    auto manifest = model::ParseFrameworkManifest(text);
    if (!manifest.ok()) return manifest.status().WithContext(entry.name);
    manifests.push_back(std::move(manifest).value());
  }
  return manifests;
}

}  // namespace throng::server
