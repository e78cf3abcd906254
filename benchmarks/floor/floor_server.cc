#include "benchmarks/floor/floor_server.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "base/log.h"
#include "benchmarks/floor/in_process_cells.h"
#include "frontend/rest/rest_frontend.h"
#include "http/server.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/socket.h"
#include "os/thread_pool.h"
#include "residency/model_control_service.h"
#include "residency/model_manager.h"
#include "scheduler/scheduler.h"
#include "server/data_plane_server.h"
#include "server/folder_source.h"

namespace throng::bench {
namespace {

Status Serve(const std::string& manifests_folder, const std::string& models,
             sdk::Backend& backend) {
  const os::FileSystem& files = os::RealFileSystem();
  THRONG_ASSIGN_OR_RETURN(const auto manifests, server::ReadManifests(files, manifests_folder));
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd listener, os::ListenTcp("127.0.0.1", 0));
  THRONG_ASSIGN_OR_RETURN(const uint16_t port, os::LocalPort(listener.get()));
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd signals, os::WatchSignals({SIGTERM}));
  os::IgnoreBrokenPipes();
  const Logger logger({}, os::RealClock(), [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stderr);
  });
  THRONG_ASSIGN_OR_RETURN(const auto loop, os::EventLoop::Create(os::RealClock()));
  // In this order: what is declared later goes first, and uses what is above it.
  const repository::Repository repository(files, {models}, manifests);
  InProcessCells cells(*loop, backend);
  THRONG_RETURN_IF_ERROR(cells.Warm());
  auto threads = std::make_unique<os::ThreadPool>(1);
  server::FolderSource source(*loop, *threads, files, repository);
  residency::ModelManager manager(*loop, source, cells, logger, {}, manifests);
  residency::ModelControlService control(*loop, manager);
  scheduler::Scheduler scheduler(*loop, manager, logger, {});
  frontend::rest::RestFrontend rest({}, scheduler, control, *loop);
  THRONG_ASSIGN_OR_RETURN(
      const auto http, http::HttpServer::Start(*loop, listener.get(), {}, [&rest](auto exchange) {
        rest.Handle(std::move(exchange));
      }));
  THRONG_RETURN_IF_ERROR(
      loop->Watch(signals.get(), os::kReadable, [&loop](uint32_t) { loop->Stop(); }));
  manager.ScanAtStart([port](const Result<repository::Snapshot>&) {
    std::printf("%d\n", port);
    std::fflush(stdout);
  });
  // As the server's loop: ahead of what the machine does in the background.
  (void)os::SetUrgency(os::kThisThread, os::Urgency::kInteractive);
  loop->Run();
  threads.reset();
  return OkStatus();
}

}  // namespace

int RunFloorServer(int argc, char** argv, sdk::Backend& backend) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MANIFESTS MODELS (throng-bench starts this program)\n",
                 argv[0]);
    return 2;
  }
  const Status status = Serve(argv[1], argv[2], backend);
  if (!status.ok()) std::fprintf(stderr, "error: %s\n", status.message().c_str());
  // No destructors of frameworks: as in a cell.
  std::fflush(nullptr);
  _exit(status.ok() ? 0 : 1);
}

}  // namespace throng::bench
