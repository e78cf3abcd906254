#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/serve_options.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "server/data_plane_server.h"

namespace throng::cli {

int ServeCommand(std::span<const std::string> arguments) {
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    std::fputs(ServeHelp().c_str(), stdout);
    return 0;
  }
  auto options = ParseServeOptions(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "throng serve: %s\n", options.status().message().c_str());
    return 2;
  }
  options->log.process_id = os::ProcessId();
  const Logger logger(options->log, os::RealClock(), [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stderr);
  });
  auto server = server::DataPlaneServer::Create(std::move(options).value(), logger);
  const Status status = server.ok() ? (*server)->Run() : server.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "throng serve: %s\n", status.message().c_str());
  return 1;
}

}  // namespace throng::cli
