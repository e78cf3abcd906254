// env, status and down: of a `throng up` that runs.
#include "cli/plane/plane_commands.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cli/options/option_table.h"
#include "control/control_plane.h"
#include "control/plane_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/process.h"
#include "os/socket.h"

namespace throng::cli {
namespace {

constexpr int kTerminate = 15;
constexpr int kKill = 9;

struct PlaneFlags {
  std::string state_directory;
  std::chrono::seconds timeout{90};
};

// Parses the flags of one of these commands. Nothing: it has answered itself with *exit_status.
std::optional<PlaneFlags> ParseFlags(const char* command, const char* what, bool has_timeout,
                                     std::span<const std::string> arguments, int* exit_status) {
  PlaneFlags flags;
  bool help = false;
  OptionTable table;
  table.Add({"state-dir", "DIR", "of the running throng up (default ~/.local/state/throng)",
             Text(&flags.state_directory)});
  if (has_timeout) {
    table.Add({"timeout", "SECONDS", "end it by force after this long (default 90)",
               Seconds(&flags.timeout, 1, 3600)});
  }
  table.Add({"help", "", "this text", Boolean(&help)});
  const auto rest = table.Parse(arguments);
  if (!rest.ok() || !rest->empty()) {
    std::fprintf(stderr, "throng %s: %s\n", command,
                 rest.ok() ? "takes no arguments" : rest.status().message().c_str());
    *exit_status = 2;
    return std::nullopt;
  }
  if (help) {
    std::printf("usage: throng %s [options]\n\n%s\n\n%s", command, what, table.Help().c_str());
    *exit_status = 0;
    return std::nullopt;
  }
  if (flags.state_directory.empty()) {
    flags.state_directory = control::DefaultStateDirectory(
        [](const char* name) -> const char* { return std::getenv(name); });
  }
  return flags;
}

int Fail(const char* command, const Status& status) {
  std::fprintf(stderr, "throng %s: %s\n", command, status.message().c_str());
  return 1;
}

// For a shell's eval: in single quotes.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// Told where it is not what the URL says.
std::string ListensOn(const std::string& address, uint16_t port) {
  const bool is_any = address == "0.0.0.0" || address == "::";
  return is_any ? ", listens on " + address + ":" + std::to_string(port) : "";
}

}  // namespace

int EnvCommand(std::span<const std::string> arguments) {
  int exit_status = 0;
  const auto flags = ParseFlags("env", "Prints lines for a shell: eval \"$(throng env)\".", false,
                                arguments, &exit_status);
  if (!flags) return exit_status;
  const auto plane = control::FindRunning(flags->state_directory);
  if (!plane.ok()) return Fail("env", plane.status());
  std::printf("export KUBECONFIG=%s INGRESS_HOST=%s INGRESS_PORT=%u\n",
              Quoted(plane->kubeconfig).c_str(), plane->ingress_host.c_str(), plane->ingress_port);
  return 0;
}

int StatusCommand(std::span<const std::string> arguments) {
  int exit_status = 0;
  const auto flags = ParseFlags("status", "Tells whether throng up runs, and where.", false,
                                arguments, &exit_status);
  if (!flags) return exit_status;
  const auto plane = control::FindRunning(flags->state_directory);
  if (!plane.ok()) return Fail("status", plane.status());
  const auto row = [](const char* name, const std::string& text) {
    std::printf("%-11s %s\n", name, text.c_str());
  };
  row("up", "process " + std::to_string(plane->process_id));
  row("API", plane->api_url + "  (TLS, certificate or token)" +
                 ListensOn(plane->api_address, plane->api_port));
  row("ingress", "http://" + plane->ingress_host + ":" + std::to_string(plane->ingress_port) +
                     "  (no key)" + ListensOn(plane->ingress_address, plane->ingress_port));
  row("metrics", plane->admin_port == 0 ? "none: the gateway does not run; it is started again"
                                        : "http://127.0.0.1:" + std::to_string(plane->admin_port) +
                                              "/metrics  (of the ingress; also /livez, /readyz)");
  row("kubeconfig", plane->kubeconfig);
  row("state", flags->state_directory);
  row("log", plane->log_file);
  row("access log", control::AccessLogPath(flags->state_directory) + "  (a line per request)");
  return 0;
}

int DownCommand(std::span<const std::string> arguments) {
  int exit_status = 0;
  const auto flags =
      ParseFlags("down",
                 "Drains and ends throng up, its gateway and its replicas. What was applied "
                 "stays on disk for the next throng up.",
                 true, arguments, &exit_status);
  if (!flags) return exit_status;
  // Also one that has not come up yet.
  const auto holder = control::FindHolder(flags->state_directory);
  if (!holder.ok()) return Fail("down", holder.status());
  const auto stamp = os::StampOfProcess(static_cast<pid_t>(*holder));
  auto process = stamp.ok() ? os::FindProcess(*stamp) : Result<os::ChildProcess>(stamp.status());
  if (!process.ok()) return Fail("down", process.status());
  process->Signal(kTerminate);
  constexpr int kMilliseconds = 1000;
  if (os::WaitReadable(process->pidfd(),
                       static_cast<int>(flags->timeout.count()) * kMilliseconds)) {
    std::puts("throng is down.");
    return 0;
  }
  process->Signal(kKill);
  return Fail("down", DeadlineExceededError("it did not end in time and was killed; replicas may "
                                            "still run: throng up takes them over"));
}

}  // namespace throng::cli
