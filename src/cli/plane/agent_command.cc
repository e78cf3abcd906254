// throng agent: fetches the models of one replica and has its server load them. `throng up` starts
// one beside each replica.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "agent/agent.h"
#include "agent/kserve/config_agent.h"
#include "cli/options/option_table.h"
#include "cli/plane/plane_commands.h"
#include "os/disk/owned_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/machine/private_memory.h"
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
  std::string config_directory;
  std::string model_directory;
  uint16_t component_port = 0;
  std::chrono::seconds model_timeout{1800};
  bool enable_puller = false;  // what KServe passes; there is nothing else to enable
  std::vector<std::string> mirrors;
  std::vector<std::string> file_roots;
  std::vector<std::string> claims;
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
  table.Heading("In the place of KServe's agent:");
  table.Add({"config-dir", "DIR", "holds models.json, which says which models there are to be",
             Text(&flags.config_directory)});
  table.Add({"model-dir", "DIR", "the model server's repository; models are put there",
             Text(&flags.model_directory)});
  table.Add({"component-port", "PORT", "of the model server (V2 protocol) on 127.0.0.1",
             Port(&flags.component_port)});
  table.Add({"enable-puller", "", "taken for KServe's sake: models are always pulled",
             Boolean(&flags.enable_puller)});
  table.Add({"model-timeout", "SECONDS",
             "one attempt to fetch and load a model may take this long (default 1800)",
             Seconds(&flags.model_timeout, 1, 24 * 3600)});
  table.Heading("Storage:");
  table.AddList({"mirror", "PREFIX=TARGET",
                 "fetch what lies under PREFIX (gs://bucket/) from TARGET, a folder or an https "
                 "address with the same layout (repeatable)",
                 TextList(&flags.mirrors)});
  table.AddList({"file-root", "DIR", "file:// addresses below DIR may be fetched (repeatable)",
                 TextList(&flags.file_roots)});
  table.AddList({"pvc", "CLAIM=DIR",
                 "pvc://CLAIM/ addresses are fetched from DIR; NAMESPACE/CLAIM=DIR: in that "
                 "namespace only (repeatable)",
                 TextList(&flags.claims)});
  table.AddList({"allow-host", "HOST[:PORT]",
                 "models may be fetched from this host though its address is private (repeatable)",
                 TextList(&flags.allowed_hosts)});
  table.Add({"allow-private-storage", "",
             "models may be fetched from any private or loopback address",
             Boolean(&flags.allow_private)});
  table.Add({"help", "", "this text", Boolean(&flags.help)});
  return table;
}

// Either beside a replica or in KServe's place, and then all of it.
Status CheckFlags(const AgentFlags& flags) {
  const bool is_kserve = !flags.config_directory.empty() || !flags.model_directory.empty() ||
                         flags.component_port != 0;
  const bool is_replica = !flags.api_socket.empty() || !flags.name_space.empty() ||
                          !flags.replica.empty() || !flags.directory.empty();
  if (is_kserve && is_replica) {
    return InvalidArgumentError(
        "--config-dir, --model-dir and --component-port do not go with --api-socket, --namespace, "
        "--replica and --directory");
  }
  const auto need = [](const char* name, bool is_there) {
    return is_there ? OkStatus() : InvalidArgumentError("--" + std::string(name) + " is missing");
  };
  if (is_kserve) {
    THRONG_RETURN_IF_ERROR(need("config-dir", !flags.config_directory.empty()));
    THRONG_RETURN_IF_ERROR(need("model-dir", !flags.model_directory.empty()));
    return need("component-port", flags.component_port != 0);
  }
  THRONG_RETURN_IF_ERROR(need("api-socket", !flags.api_socket.empty()));
  THRONG_RETURN_IF_ERROR(need("namespace", !flags.name_space.empty()));
  THRONG_RETURN_IF_ERROR(need("replica", !flags.replica.empty()));
  return need("directory", !flags.directory.empty());
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
  std::vector<storage::ClaimOption> claims;
  for (const std::string& text : flags.claims) {
    THRONG_ASSIGN_OR_RETURN(claims.emplace_back(), storage::ParseClaimOption(text));
  }
  options.claims = storage::ClaimsOf(claims, flags.name_space);
  options.addresses.allow_private = flags.allow_private;
  options.addresses.allowed_hosts.insert(options.addresses.allowed_hosts.end(),
                                         flags.allowed_hosts.begin(), flags.allowed_hosts.end());
  return options;
}

// What both kinds of agent are made of.
struct Surroundings {
  os::EventLoop& loop;
  const agent::ModelFetcher& fetcher;
  Random& random;
  const agent::AgentLog& log;
  int signals = -1;
};

Status RunUntilSignal(const Surroundings& around) {
  THRONG_RETURN_IF_ERROR(around.loop.Watch(around.signals, os::kReadable, [&](uint32_t) {
    while (os::ReadSignal(around.signals)) around.loop.Stop();
  }));
  around.loop.Run();
  around.loop.Unwatch(around.signals);
  return OkStatus();
}

Status RunBesideReplica(const AgentFlags& flags, const Surroundings& around) {
  THRONG_ASSIGN_OR_RETURN(
      const auto agent,
      agent::Agent::Create(around.loop, {.api_socket = flags.api_socket,
                                         .name_space = flags.name_space,
                                         .replica = flags.replica,
                                         .directory = flags.directory,
                                         .fetcher = &around.fetcher,
                                         .random = &around.random,
                                         .log = &around.log,
                                         .before_secrets = os::KeepMemoryPrivate}));
  return RunUntilSignal(around);
}

Status RunInKServesPlace(const AgentFlags& flags, const Surroundings& around) {
  THRONG_RETURN_IF_ERROR(os::KeepMemoryPrivate());
  constexpr uint64_t kKeyFileBytes = 64 * 1024;
  THRONG_ASSIGN_OR_RETURN(
      storage::Credentials credentials,
      storage::CredentialsFromEnvironment(os::Environment(), [](const std::string& path) {
        return os::RealFileSystem().Read(path, kKeyFileBytes);
      }));
  THRONG_ASSIGN_OR_RETURN(
      const auto agent,
      agent::ConfigAgent::Create(around.loop, {.config_directory = flags.config_directory,
                                               .model_directory = flags.model_directory,
                                               .component_port = flags.component_port,
                                               .model_timeout = flags.model_timeout,
                                               .credentials = std::move(credentials),
                                               .fetcher = &around.fetcher,
                                               .random = &around.random,
                                               .log = &around.log}));
  return RunUntilSignal(around);
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
  const Surroundings around{*loop, fetcher, random, log, signals.get()};
  return flags.config_directory.empty() ? RunBesideReplica(flags, around)
                                        : RunInKServesPlace(flags, around);
}

}  // namespace

int AgentCommand(std::span<const std::string> arguments) {
  AgentFlags flags;
  const OptionTable table = MakeTable(flags);
  const auto rest = table.Parse(arguments);
  if (rest.ok() && flags.help) {
    std::printf(
        "usage: throng agent [options]\n\nFetches models and has the model server beside it load "
        "them. `throng up`\nstarts one for each replica.\n\n%s",
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
