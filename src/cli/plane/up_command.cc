#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/plane/plane_commands.h"
#include "cli/plane/up_options.h"
#include "control/plane_files.h"
#include "os/disk/owned_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/process.h"
#include "os/socket.h"

namespace throng::cli {
namespace {

constexpr int kDetachPollMs = 20;
constexpr std::chrono::seconds kDetachDeadline{60};
constexpr uint64_t kOutputBytes = 64 * 1024;

bool AsksForHelp(std::span<const std::string> arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return argument == "--help" || argument == "-h";
  });
}

std::string Everywhere(const std::string& address) {
  return address == "0.0.0.0" || address == "::" ? "; on every address" : "";
}

// What a user needs next, in ten lines.
void PrintUp(const control::RunningPlane& plane, const std::string& state_directory,
             bool is_default_state) {
  const std::string flag = is_default_state ? "" : " --state-dir " + state_directory;
  std::printf("throng is up (process %lld).\n\n", static_cast<long long>(plane.process_id));
  std::printf("  API         %s  (TLS, certificate or token%s)\n", plane.api_url.c_str(),
              Everywhere(plane.api_address).c_str());
  std::printf("  ingress     http://%s:%u  (no key%s)\n", plane.ingress_host.c_str(),
              plane.ingress_port, Everywhere(plane.ingress_address).c_str());
  std::printf("  kubeconfig  %s\n", plane.kubeconfig.c_str());
  std::printf("  state       %s\n", state_directory.c_str());
  std::printf("  log         %s\n\n", plane.log_file.c_str());
  std::printf("eval \"$(throng env%s)\"   # for kubectl and curl in this shell\n", flag.c_str());
  std::printf("throng status%s; throng down%s\n", flag.c_str(), flag.c_str());
  std::fflush(stdout);
}

int Fail(const Status& status) {
  std::fprintf(stderr, "throng up: %s\n", status.message().c_str());
  return 1;
}

bool IsDefaultState(const std::string& directory) {
  return directory == control::DefaultStateDirectory(
                          [](const char* name) -> const char* { return std::getenv(name); });
}

int RunHere(UpOptions& options) {
  const std::string state = options.plane.state_directory;
  if (const Status made = os::EnsurePrivateDirectory(os::JoinPath(state, "logs")); !made.ok()) {
    return Fail(made.WithContext("the state directory " + state));
  }
  auto log = control::PlaneLog::Open(os::JoinPath(state, "logs/up.log"));
  if (!log.ok()) return Fail(log.status());
  const Logger logger({.process_id = os::ProcessId()}, os::RealClock(),
                      [&log](std::string_view line) { (*log)->Write(line); });
  for (const std::string& warning : options.warnings) THRONG_LOG_WARNING(logger) << warning;
  const bool is_default = IsDefaultState(state);
  options.plane.on_up = [&](const control::ControlPlaneAddresses& addresses) {
    PrintUp({.process_id = os::ProcessId(),
             .api_url = addresses.api_url,
             .ingress_host = addresses.ingress_host,
             .api_port = addresses.api_port,
             .ingress_port = addresses.ingress_port,
             .kubeconfig = addresses.kubeconfig,
             .log_file = addresses.log_file,
             .api_address = addresses.api_address,
             .ingress_address = addresses.ingress_address},
            state, is_default);
  };
  options.plane.on_stopping = [] {
    std::fputs("throng up: stopping; requests under way are answered first (Ctrl-C: do not wait)\n",
               stderr);
  };
  auto plane = control::ControlPlane::Create(std::move(options.plane), logger);
  const Status status = plane.ok() ? (*plane)->Run() : plane.status();
  return status.ok() ? 0 : Fail(status);
}

// The last line that the one in the background said.
std::string LastWords(const std::string& path) {
  auto text = os::RealFileSystem().Read(path, kOutputBytes);
  if (!text.ok() || text->empty()) return "it ended at once";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return text->substr(text->rfind('\n') + 1);
}

int RunDetached(const UpOptions& options, std::span<const std::string> arguments) {
  const std::string& state = options.plane.state_directory;
  if (const auto holder = control::FindHolder(state); holder.ok()) {
    return Fail(AlreadyExistsError("another throng up (process " + std::to_string(*holder) +
                                   ") runs on this state directory"));
  }
  if (const Status made = os::EnsurePrivateDirectory(os::JoinPath(state, "logs")); !made.ok()) {
    return Fail(made.WithContext("the state directory " + state));
  }
  // Of one that was killed. From here on this file says that the new one is up, without a look at
  // its lock, which it could run into.
  const std::string running_file = os::JoinPath(state, "up.json");
  (void)os::RemoveFile(running_file);
  const std::string output = os::JoinPath(state, "logs/up.out");
  (void)os::RemoveFile(output);
  auto file = os::OpenForAppend(output);
  if (!file.ok()) return Fail(file.status());
  os::SpawnSpec spec{.program = options.plane.program,
                     .arguments = {"up"},
                     .environment = os::Environment(),
                     .outlives_parent = true,
                     .output_descriptor = file->get()};
  for (const std::string& argument : arguments) {
    if (argument.rfind("--detach", 0) != 0) spec.arguments.push_back(argument);
  }
  auto child = os::Spawn(spec);
  if (!child.ok()) return Fail(child.status());
  const MonotonicTime deadline = os::RealClock().Now() + kDetachDeadline;
  while (os::RealClock().Now() < deadline) {
    if (os::WaitReadable(child->pidfd(), kDetachPollMs)) {
      std::fprintf(stderr, "%s\n", LastWords(output).c_str());
      return 1;
    }
    const auto info = os::RealFileSystem().Stat(running_file);
    if (!info.ok() || info->kind == os::FileKind::kAbsent) continue;
    const auto running = control::FindRunning(state);
    if (!running.ok() || running->process_id != child->pid()) continue;
    PrintUp(*running, state, IsDefaultState(state));
    return 0;
  }
  return Fail(DeadlineExceededError("it is not up after a minute; see " + output));
}

}  // namespace

int UpCommand(std::span<const std::string> arguments) {
  if (AsksForHelp(arguments)) {
    std::fputs(UpHelp().c_str(), stdout);
    return 0;
  }
  auto options = ParseUpOptions(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "throng up: %s\n", options.status().message().c_str());
    return 2;
  }
  for (const std::string& warning : options->warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  return options->detach ? RunDetached(*options, arguments) : RunHere(*options);
}

}  // namespace throng::cli
