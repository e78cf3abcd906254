#include "benchmarks/harness/server_process.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "benchmarks/harness/process_clock.h"
#include "os/event_loop.h"

namespace throng::bench {
namespace {

constexpr std::chrono::seconds kStartTimeout{60};

// 0 while the file is not there. It appears by a rename, so it is whole.
uint16_t ReadHttpPort(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  constexpr std::string_view kKey = "\"http\":";
  const size_t at = text.find(kKey);
  if (at == std::string::npos) return 0;
  uint16_t port = 0;
  std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), port);
  return port;
}

}  // namespace

Result<ServerProcess> ServerProcess::Start(const Options& options, const std::string& models,
                                           const std::vector<std::string>& arguments) {
  const std::string ports_file = models + ".ports";
  std::filesystem::remove(ports_file);
  ChildSpec spec;
  spec.command = {options.server_path, "serve", models,           "--http-port", "0",
                  "--grpc-port",       "0",     "--metrics-port", "0",           "--ports-file",
                  ports_file};
  spec.command.insert(spec.command.end(), arguments.begin(), arguments.end());
  spec.core = options.server_core;
  spec.log_path = models + ".log";
  const Clock& clock = os::RealClock();
  const MonotonicTime begin = clock.Now();
  ServerProcess server;
  THRONG_ASSIGN_OR_RETURN(server.child_, Child::Start(spec));
  while ((server.http_port_ = ReadHttpPort(ports_file)) == 0) {
    if (!server.child_.running()) {
      return UnavailableError("throng serve ended; its log: " + spec.log_path);
    }
    if (clock.Now() - begin > kStartTimeout) return DeadlineExceededError("throng does not listen");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  server.start_time_ = clock.Now() - begin;
  return server;
}

std::vector<pid_t> ServerProcess::RunnersOf(const std::string& framework) const {
  std::vector<pid_t> runners;
  for (const pid_t child : ChildrenOf(pid())) {
    if (ProgramName(child) == "throng-runner-" + framework) runners.push_back(child);
  }
  return runners;
}

}  // namespace throng::bench
