#include "cli/plane/up_options.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "cli/options/option_table.h"
#include "cli/serve_options.h"
#include "os/file.h"
#include "os/process.h"

namespace throng::cli {
namespace {

// Variables that say where storage is: read by agents, never by models.
constexpr std::array<const char*, 12> kStorageVariables = {"STORAGE_EMULATOR_HOST",
                                                           "AWS_ENDPOINT_URL",
                                                           "AWS_ENDPOINT_URL_S3",
                                                           "AWS_ACCESS_KEY_ID",
                                                           "AWS_SECRET_ACCESS_KEY",
                                                           "AWS_SESSION_TOKEN",
                                                           "AWS_DEFAULT_REGION",
                                                           "AWS_REGION",
                                                           "AWS_CA_BUNDLE",
                                                           "SSL_CERT_FILE",
                                                           "GOOGLE_APPLICATION_CREDENTIALS",
                                                           "S3_ENDPOINT"};

// Flags that the launcher gives itself: a replica's place in the machine is not its owner's choice.
constexpr std::array<std::string_view, 16> kLauncherFlags = {
    "model-repository", "model-store",     "load",         "model-control-mode",
    "http-port",        "http-address",    "grpc-port",    "grpc-address",
    "metrics-port",     "metrics-address", "ports-file",   "runner-directory",
    "sandbox",          "allow-http",      "memory-limit", "compute-threads"};

struct Draft {
  UpOptions options;
  std::vector<std::string> mirrors;
  std::vector<std::string> file_roots;
  std::vector<std::string> allowed_hosts;
  bool allow_private = false;
};

OptionTable MakeTable(Draft& draft) {
  control::ControlPlaneOptions& plane = draft.options.plane;
  OptionTable table;
  table.Heading("State:");
  table.Add({"state-dir", "DIR", "where everything is kept (default ~/.local/state/throng)",
             Text(&plane.state_directory)});
  table.Add({"kubeconfig", "FILE", "write the kubeconfig there (default STATE/kubeconfig)",
             Text(&plane.kubeconfig)});
  table.Add({"ports-file", "FILE", "write the real ports as {\"api\":N,\"ingress\":N}",
             Text(&plane.ports_file)});
  table.Add(
      {"detach", "", "go on in the background once it is up", Boolean(&draft.options.detach)});
  table.Heading("Listeners (port 0, the default: the one of the last time, else any free one):");
  table.Add({"api-port", "PORT", "port of the Kubernetes-shaped API", Port(&plane.api_port)});
  table.Add({"api-address", "ADDRESS", "address of the API (default 127.0.0.1)",
             Text(&plane.api_address)});
  table.Add({"ingress-port", "PORT", "port of the ingress", Port(&plane.ingress_port)});
  table.Add({"ingress-address", "ADDRESS",
             "address of the ingress (default 127.0.0.1); requests need no key",
             Text(&plane.ingress_address)});
  table.Add(
      {"domain", "NAME", "domain of printed URLs (default example.com)", Text(&plane.domain)});
  table.Heading("Storage:");
  table.AddList({"mirror", "PREFIX=TARGET",
                 "fetch what lies under PREFIX (gs://bucket/) from TARGET, a folder or an https "
                 "address with the same layout (repeatable)",
                 TextList(&draft.mirrors)});
  table.AddList({"file-root", "DIR", "file:// addresses below DIR may be fetched (repeatable)",
                 TextList(&draft.file_roots)});
  table.AddList({"allow-host", "HOST[:PORT]",
                 "models may be fetched from this host though its address is private (repeatable)",
                 TextList(&draft.allowed_hosts)});
  table.Add({"allow-private-storage", "",
             "models may be fetched from any private or loopback address",
             Boolean(&draft.allow_private)});
  table.Heading("Running:");
  table.Add({"drain-timeout", "SECONDS", "when stopping, wait this long for requests (default 30)",
             Seconds(&plane.drain_grace, 0, 3600)});
  return table;
}

// Relative paths are of the directory in which `throng up` is typed; its processes have another
// one.
Status MakeAbsolute(std::string& path) {
  if (path.empty() || path.front() == '/') return OkStatus();
  THRONG_ASSIGN_OR_RETURN(const std::string here, os::RealFileSystem().RealPath("."));
  path = os::JoinPath(here, path);
  return OkStatus();
}

Status MakeMirrorAbsolute(std::string& mirror) {
  const size_t equals = mirror.find('=');
  if (equals == std::string::npos || equals + 1 == mirror.size()) {
    return InvalidArgumentError("--mirror must be PREFIX=TARGET");
  }
  std::string target = mirror.substr(equals + 1);
  if (target.find("://") != std::string::npos) return OkStatus();
  THRONG_RETURN_IF_ERROR(MakeAbsolute(target));
  mirror = mirror.substr(0, equals + 1) + target;
  return OkStatus();
}

bool IsLoopback(std::string_view address) {
  return address.substr(0, 4) == "127." || address == "::1" || address == "localhost";
}

Status FinishPaths(Draft& draft) {
  control::ControlPlaneOptions& plane = draft.options.plane;
  if (plane.state_directory.empty()) {
    plane.state_directory = control::DefaultStateDirectory(
        [](const char* name) -> const char* { return std::getenv(name); });
  }
  THRONG_RETURN_IF_ERROR(MakeAbsolute(plane.state_directory));
  THRONG_RETURN_IF_ERROR(MakeAbsolute(plane.kubeconfig));
  THRONG_RETURN_IF_ERROR(MakeAbsolute(plane.ports_file));
  for (std::string& mirror : draft.mirrors) THRONG_RETURN_IF_ERROR(MakeMirrorAbsolute(mirror));
  for (std::string& root : draft.file_roots) THRONG_RETURN_IF_ERROR(MakeAbsolute(root));
  THRONG_ASSIGN_OR_RETURN(const std::string directory, os::ExecutableDirectory());
  plane.program = os::JoinPath(directory, "throng");
  return OkStatus();
}

void PassOn(Draft& draft) {
  control::ControlPlaneOptions& plane = draft.options.plane;
  const auto pass = [&plane](const char* flag, const std::vector<std::string>& values) {
    for (const std::string& value : values) plane.agent_arguments.push_back(flag + value);
  };
  pass("--mirror=", draft.mirrors);
  pass("--file-root=", draft.file_roots);
  pass("--allow-host=", draft.allowed_hosts);
  if (draft.allow_private) plane.agent_arguments.emplace_back("--allow-private-storage");
  for (const char* name : kStorageVariables) {
    if (const char* value = std::getenv(name)) {
      plane.agent_environment.push_back(std::string(name) + "=" + value);
    }
  }
}

}  // namespace

Result<UpOptions> ParseUpOptions(std::span<const std::string> arguments) {
  Draft draft;
  const OptionTable table = MakeTable(draft);
  THRONG_ASSIGN_OR_RETURN(const auto rest, table.Parse(arguments));
  if (!rest.empty()) return InvalidArgumentError("takes no argument '" + rest[0] + "'");
  THRONG_RETURN_IF_ERROR(FinishPaths(draft));
  PassOn(draft);
  if (!IsLoopback(draft.options.plane.ingress_address)) {
    draft.options.warnings.push_back("the ingress listens on " +
                                     draft.options.plane.ingress_address +
                                     ", and requests need no key: whoever reaches it may infer");
  }
  draft.options.plane.check_server_arguments = CheckReplicaArguments;
  return std::move(draft.options);
}

std::string UpHelp() {
  Draft draft;
  return "usage: throng up [options]\n\nStarts a Kubernetes-shaped API, its controllers, an "
         "ingress "
         "and model replicas on this machine.\n\n" +
         MakeTable(draft).Help();
}

Status CheckReplicaArguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"--model-repository=/", "--load=explicit"};
  for (const std::string& argument : arguments) {
    const std::string_view name = std::string_view(argument).substr(
        std::min(argument.find_first_not_of('-'), argument.size()));
    const std::string_view flag = name.substr(0, name.find('='));
    if (std::find(kLauncherFlags.begin(), kLauncherFlags.end(), flag) != kLauncherFlags.end()) {
      return InvalidArgumentError("argument --" + std::string(flag) +
                                  " is given by Throng itself and cannot be set here");
    }
    all.push_back(argument);
  }
  const auto parsed = ParseServeOptions(all);
  return parsed.ok() ? OkStatus() : parsed.status();
}

}  // namespace throng::cli
