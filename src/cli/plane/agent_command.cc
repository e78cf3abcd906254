// throng agent: fetches the models of one replica and has its server load them. `throng up` starts
// one beside each replica.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "agent/agent.h"
#include "cli/options/option_table.h"
#include "cli/plane/plane_commands.h"
#include "os/event_loop.h"
#include "os/machine/secure_random.h"
#include "os/signals.h"
#include "storage/storage_options.h"

namespace throng::cli {
namespace {

struct AgentFlags {
  std::string api_socket;
  std::string name_space;
  std::string replica;
  std::string directory;
  std::vector<std::string> mirrors;
  std::vector<std::string> file_roots;
  std::vector<std::string> allowed_hosts;
  bool allow_private = false;
  bool help = false;
};

OptionTable MakeTable(AgentFlags& flags) {
  OptionTable table;
  table.Heading("Beside a replica (throng up gives these):");
  table.Add({"api-socket", "PATH", "the API's Unix socket: models are assigned there",
             Text(&flags.api_socket)});
  table.Add({"namespace", "NAME", "of the replica", Text(&flags.name_space)});
  table.Add({"replica", "POD", "the replica's name", Text(&flags.replica)});
  table.Add({"directory", "DIR", "the replica's directory: ports, models/, agent/",
             Text(&flags.directory)});
  table.Heading("Storage:");
  table.AddList({"mirror", "PREFIX=TARGET",
                 "fetch what lies under PREFIX (gs://bucket/) from TARGET, a folder or an https "
                 "address with the same layout (repeatable)",
                 TextList(&flags.mirrors)});
  table.AddList({"file-root", "DIR", "file:// addresses below DIR may be fetched (repeatable)",
                 TextList(&flags.file_roots)});
  table.AddList({"allow-host", "HOST[:PORT]",
                 "models may be fetched from this host though its address is private (repeatable)",
                 TextList(&flags.allowed_hosts)});
  table.Add({"allow-private-storage", "",
             "models may be fetched from any private or loopback address",
             Boolean(&flags.allow_private)});
  table.Add({"help", "", "this text", Boolean(&flags.help)});
  return table;
}

Status CheckFlags(const AgentFlags& flags) {
  const std::pair<const char*, const std::string&> needed[] = {{"api-socket", flags.api_socket},
                                                               {"namespace", flags.name_space},
                                                               {"replica", flags.replica},
                                                               {"directory", flags.directory}};
  for (const auto& [name, value] : needed) {
    if (value.empty()) return InvalidArgumentError("--" + std::string(name) + " is missing");
  }
  return OkStatus();
}

Result<storage::StorageOptions> StorageOf(const AgentFlags& flags) {
  THRONG_ASSIGN_OR_RETURN(
      storage::StorageOptions options,
      storage::StorageOptionsFromEnvironment([](const char* name) { return std::getenv(name); }));
  for (const std::string& text : flags.mirrors) {
    THRONG_ASSIGN_OR_RETURN(storage::Mirror mirror, storage::ParseMirror(text));
    options.mirrors.push_back(std::move(mirror));
  }
  options.file_roots = flags.file_roots;
  options.addresses.allow_private = flags.allow_private;
  options.addresses.allowed_hosts.insert(options.addresses.allowed_hosts.end(),
                                         flags.allowed_hosts.begin(), flags.allowed_hosts.end());
  return options;
}

Status Run(const AgentFlags& flags) {
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd signals, os::WatchSignals({SIGTERM, SIGINT}));
  os::IgnoreBrokenPipes();
  os::RaiseOpenFileLimit();
  THRONG_ASSIGN_OR_RETURN(storage::StorageOptions storage, StorageOf(flags));
  THRONG_ASSIGN_OR_RETURN(const auto loop, os::EventLoop::Create(os::RealClock()));
  const agent::AgentLog log(os::RealClock(), [](std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  });
  SeededRandom random(os::SecureSeed());
  const agent::StorageFetcher fetcher(std::move(storage), {.random_seed = os::SecureSeed()});
  THRONG_ASSIGN_OR_RETURN(const auto agent,
                          agent::Agent::Create(*loop, {.api_socket = flags.api_socket,
                                                       .name_space = flags.name_space,
                                                       .replica = flags.replica,
                                                       .directory = flags.directory,
                                                       .fetcher = &fetcher,
                                                       .random = &random,
                                                       .log = &log}));
  THRONG_RETURN_IF_ERROR(loop->Watch(signals.get(), os::kReadable, [&](uint32_t) {
    while (os::ReadSignal(signals.get())) loop->Stop();
  }));
  loop->Run();
  loop->Unwatch(signals.get());
  return OkStatus();
}

}  // namespace

int AgentCommand(std::span<const std::string> arguments) {
  AgentFlags flags;
  const OptionTable table = MakeTable(flags);
  const auto rest = table.Parse(arguments);
  if (rest.ok() && flags.help) {
    std::printf(
        "usage: throng agent [options]\n\nFetches models and has the model server beside it load "
        "them. `throng up` starts one for\neach replica.\n\n%s",
        table.Help().c_str());
    return 0;
  }
  Status status = rest.status();
  if (status.ok() && !rest->empty()) status = InvalidArgumentError("takes no arguments");
  if (status.ok()) status = CheckFlags(flags);
  if (!status.ok()) {
    std::fprintf(stderr, "throng agent: %s\n", status.message().c_str());
    return 2;
  }
  status = Run(flags);
  if (status.ok()) return 0;
  std::fprintf(stderr, "throng agent: %s\n", status.message().c_str());
  return 1;
}

}  // namespace throng::cli
