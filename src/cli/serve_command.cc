#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/given_paths.h"
#include "cli/serve_options.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/machine/processors.h"
#include "os/process.h"
#include "server/data_plane_server.h"

namespace throng::cli {

namespace {

bool AsksForHelp(std::span<const std::string> arguments) {
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  return std::any_of(arguments.begin(), end, [](const std::string& argument) {
    return argument == "--help" || argument == "-h";
  });
}

// What the options name must be there before anything listens.
Status CheckPaths(const server::ServerOptions& options) {
  const os::FileSystem& files = os::RealFileSystem();
  for (const std::string& path : options.model_repositories) {
    THRONG_RETURN_IF_ERROR(CheckExists(files, path));
  }
  THRONG_RETURN_IF_ERROR(
      CheckOptionFolder(files, "runner-directory", options.runners.program_directory));
  return CheckOptionFolder(files, "ports-file", os::DirectoryName(options.ports_file));
}

}  // namespace

int ServeCommand(std::span<const std::string> arguments) {
  if (AsksForHelp(arguments)) {
    std::fputs(ServeHelp().c_str(), stdout);
    return 0;
  }
  auto options = ParseServeOptions(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "throng serve: %s\n", options.status().message().c_str());
    return 2;
  }
  if (const Status usable = CheckPaths(*options); !usable.ok()) {
    std::fprintf(stderr, "throng serve: %s\n", usable.message().c_str());
    return 1;
  }
  if (options->compute_threads > 0) {
    if (const Status limited = os::LimitProcessors(options->compute_threads); !limited.ok()) {
      std::fprintf(stderr, "throng serve: %s\n", limited.message().c_str());
      return 1;
    }
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
