// throng gateway: the ingress as a process of its own. `throng up` starts it.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/options/option_table.h"
#include "cli/plane/plane_commands.h"
#include "control/plane_files.h"
#include "gateway/access_log.h"
#include "gateway/gateway.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/machine/secure_random.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/socket.h"

namespace throng::cli {
namespace {

// Whoever reaches it sees figures and no request: never beyond this machine.
constexpr char kAdminAddress[] = "127.0.0.1";

struct GatewayFlags {
  std::string api_socket;
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  uint16_t admin_port = 0;
  std::string last_ports_file;
  std::string access_log;
  std::string routes_file;
  std::string ports_file;
  std::chrono::seconds drain{30};
  bool help = false;
};

OptionTable MakeTable(GatewayFlags& flags) {
  OptionTable table;
  table.Add({"api-socket", "PATH", "the API's Unix socket: routes are followed there",
             Text(&flags.api_socket)});
  table.Add({"address", "ADDRESS", "where to listen (default 127.0.0.1)", Text(&flags.address)});
  table.Add({"port", "PORT", "0 (default): any free one", Port(&flags.port)});
  table.Add({"admin-port", "PORT",
             "port of /metrics, /livez and /readyz on 127.0.0.1; 0 (default): any free one",
             Port(&flags.admin_port)});
  table.Add(
      {"routes-file", "FILE", "the last known routes are kept there", Text(&flags.routes_file)});
  table.Add({"ports-file", "FILE",
             "write the real ports as {\"ingress\":N,\"admin\":N,\"address\":A}",
             Text(&flags.ports_file)});
  table.Add({"last-ports-file", "FILE", "where port 0 is asked for, first try the ports in there",
             Text(&flags.last_ports_file)});
  table.Add({"access-log", "FILE", "write a line of JSON for each request there (default stdout)",
             Text(&flags.access_log)});
  table.Add({"drain-timeout", "SECONDS", "after SIGTERM, wait this long for requests (default 30)",
             Seconds(&flags.drain, 0, 3600)});
  table.Add({"help", "", "this text", Boolean(&flags.help)});
  return table;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "throng gateway: %s\n", status.message().c_str());
  return 1;
}

// `last`: taken when any will do and it is free.
Result<os::UniqueFd> Listen(const std::string& address, uint16_t port, uint16_t last) {
  if (port == 0 && last != 0) {
    auto listener = os::ListenTcp(address, last);
    if (listener.ok()) return listener;
  }
  return os::ListenTcp(address, port);
}

struct Listeners {
  os::UniqueFd clients;
  os::UniqueFd admin;
  control::IngressPorts ports;
};

Result<Listeners> OpenListeners(const GatewayFlags& flags) {
  const control::IngressPorts last = flags.last_ports_file.empty()
                                         ? control::IngressPorts{}
                                         : control::ReadIngressPorts(flags.last_ports_file);
  Listeners listeners;
  THRONG_ASSIGN_OR_RETURN(listeners.clients, Listen(flags.address, flags.port, last.ingress));
  THRONG_ASSIGN_OR_RETURN(listeners.admin, Listen(kAdminAddress, flags.admin_port, last.admin));
  listeners.ports.address = flags.address;
  THRONG_ASSIGN_OR_RETURN(listeners.ports.ingress, os::LocalPort(listeners.clients.get()));
  THRONG_ASSIGN_OR_RETURN(listeners.ports.admin, os::LocalPort(listeners.admin.get()));
  return listeners;
}

void Print(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

Status RunUntilSignal(os::EventLoop& loop, int signals, gateway::Gateway& gateway) {
  bool stopping = false;
  THRONG_RETURN_IF_ERROR(loop.Watch(signals, os::kReadable, [&](uint32_t) {
    while (os::ReadSignal(signals)) {
      if (stopping) return loop.Stop();
      stopping = true;
      gateway.Stop([&] { loop.Stop(); });
    }
  }));
  loop.Run();
  loop.Unwatch(signals);
  return OkStatus();
}

Status Run(const GatewayFlags& flags) {
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd signals, os::WatchSignals({SIGTERM, SIGINT}));
  os::IgnoreBrokenPipes();
  os::RaiseOpenFileLimit();
  // As the servers behind it (docs/design/003): it goes before whatever loads.
  (void)os::SetUrgency(os::kThisThread, os::Urgency::kInteractive);
  THRONG_ASSIGN_OR_RETURN(const auto loop, os::EventLoop::Create(os::RealClock()));
  THRONG_ASSIGN_OR_RETURN(const Listeners listeners, OpenListeners(flags));
  const Logger logger({.process_id = os::ProcessId()}, os::RealClock(), Print);
  SeededRandom random(os::SecureSeed());
  std::unique_ptr<gateway::AccessLog> access_log;
  if (!flags.access_log.empty()) {
    THRONG_ASSIGN_OR_RETURN(access_log, gateway::AccessLog::Open(*loop, flags.access_log));
  }
  gateway::GatewayOptions options{.listener = listeners.clients.get(),
                                  .admin_listener = listeners.admin.get(),
                                  .api_socket = flags.api_socket,
                                  .routes_file = flags.routes_file,
                                  .random = &random,
                                  .logger = &logger,
                                  .access_log = access_log.get(),
                                  .drain = flags.drain};
  options.proxy.access_log = Print;
  if (access_log != nullptr) {
    options.proxy.access_log = [&access_log](std::string_view line) { access_log->Add(line); };
  }
  THRONG_ASSIGN_OR_RETURN(const auto gateway, gateway::Gateway::Create(*loop, std::move(options)));
  if (!flags.ports_file.empty()) {
    THRONG_RETURN_IF_ERROR(control::WriteIngressPorts(flags.ports_file, listeners.ports));
  }
  THRONG_LOG_INFO(logger) << "listening on " << flags.address << ":" << listeners.ports.ingress
                          << "; metrics on " << kAdminAddress << ":" << listeners.ports.admin;
  return RunUntilSignal(*loop, signals.get(), *gateway);
}

}  // namespace

int GatewayCommand(std::span<const std::string> arguments) {
  GatewayFlags flags;
  const OptionTable table = MakeTable(flags);
  const auto rest = table.Parse(arguments);
  if (!rest.ok() || !rest->empty()) {
    std::fprintf(stderr, "throng gateway: %s\n",
                 rest.ok() ? "takes no arguments" : rest.status().message().c_str());
    return 2;
  }
  if (flags.help) {
    std::printf(
        "usage: throng gateway [options]\n\nForwards requests to replicas by their Host. "
        "`throng up` starts one.\n\n%s",
        table.Help().c_str());
    return 0;
  }
  const Status status = Run(flags);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace throng::cli
