// throng gateway: the ingress as a process of its own. `throng up` starts it.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "cli/options/option_table.h"
#include "cli/plane/plane_commands.h"
#include "gateway/gateway.h"
#include "os/disk/owned_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/machine/secure_random.h"
#include "os/process.h"
#include "os/signals.h"
#include "os/socket.h"

namespace throng::cli {
namespace {

struct GatewayFlags {
  std::string api_socket;
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  bool any_port = false;
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
  table.Add({"fallback-to-any-port", "", "take any free port when that one is taken",
             Boolean(&flags.any_port)});
  table.Add(
      {"routes-file", "FILE", "the last known routes are kept there", Text(&flags.routes_file)});
  table.Add(
      {"ports-file", "FILE", "write the real port as {\"ingress\":N}", Text(&flags.ports_file)});
  table.Add({"drain-timeout", "SECONDS", "after SIGTERM, wait this long for requests (default 30)",
             Seconds(&flags.drain, 0, 3600)});
  table.Add({"help", "", "this text", Boolean(&flags.help)});
  return table;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "throng gateway: %s\n", status.message().c_str());
  return 1;
}

Result<os::UniqueFd> Listen(const GatewayFlags& flags) {
  auto listener = os::ListenTcp(flags.address, flags.port);
  const bool taken = listener.status().code() == StatusCode::kAlreadyExists;
  if (taken && flags.any_port) return os::ListenTcp(flags.address, 0);
  return listener;
}

Status Run(const GatewayFlags& flags) {
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd signals, os::WatchSignals({SIGTERM, SIGINT}));
  os::IgnoreBrokenPipes();
  os::RaiseOpenFileLimit();
  THRONG_ASSIGN_OR_RETURN(const auto loop, os::EventLoop::Create(os::RealClock()));
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd listener, Listen(flags));
  const auto print = [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  };
  const Logger logger({.process_id = os::ProcessId()}, os::RealClock(), print);
  SeededRandom random(os::SecureSeed());
  gateway::GatewayOptions options{.listener = listener.get(),
                                  .api_socket = flags.api_socket,
                                  .routes_file = flags.routes_file,
                                  .random = &random,
                                  .logger = &logger,
                                  .drain = flags.drain};
  options.proxy.access_log = print;
  THRONG_ASSIGN_OR_RETURN(const auto gateway, gateway::Gateway::Create(*loop, std::move(options)));
  THRONG_ASSIGN_OR_RETURN(const uint16_t port, os::LocalPort(listener.get()));
  if (!flags.ports_file.empty()) {
    THRONG_RETURN_IF_ERROR(
        os::WritePrivateFile(flags.ports_file, "{\"ingress\":" + std::to_string(port) + "}\n"));
  }
  THRONG_LOG_INFO(logger) << "listening on port " << port;
  bool stopping = false;
  THRONG_RETURN_IF_ERROR(loop->Watch(signals.get(), os::kReadable, [&](uint32_t) {
    while (os::ReadSignal(signals.get())) {
      if (stopping) return loop->Stop();
      stopping = true;
      gateway->Stop([&] { loop->Stop(); });
    }
  }));
  loop->Run();
  loop->Unwatch(signals.get());
  return OkStatus();
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
