#include "cli/plane/up_options.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/control_limits.h"
#include "base/log.h"
#include "cli/options/option_table.h"
#include "cli/serve_options.h"
#include "os/file.h"
#include "os/process.h"
#include "os/socket.h"
#include "storage/mirror.h"
#include "storage/storage_options.h"

namespace throng::cli {
namespace {

// Variables that say where storage is: read by agents, never by models. None of them is a secret:
// credentials are in Secrets, per InferenceService, and never in an environment.
constexpr std::array<const char*, 6> kStorageVariables = {
    "STORAGE_EMULATOR_HOST",          "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
    "AZURE_STORAGE_SERVICE_ENDPOINT", "AWS_CA_BUNDLE",    "SSL_CERT_FILE"};

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
  std::vector<std::string> claims;
  std::vector<std::string> allowed_hosts;
  bool allow_private = false;
  bool help = false;  // answered before anything is parsed
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
  table.Add({"api-address", "ADDRESS",
             "address of the API (default 127.0.0.1); always TLS, and a token or a certificate",
             Text(&plane.api_address)});
  table.AddList({"api-name", "NAME",
                 "a further name or address that clients use for the API: its certificate has it "
                 "(repeatable)",
                 TextList(&plane.api_names)});
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
  table.AddList({"pvc", "CLAIM=DIR",
                 "pvc://CLAIM/ addresses are fetched from DIR; NAMESPACE/CLAIM=DIR: in that "
                 "namespace only (repeatable)",
                 TextList(&draft.claims)});
  table.AddList({"allow-host", "HOST[:PORT]",
                 "models may be fetched from this host though its address is private (repeatable)",
                 TextList(&draft.allowed_hosts)});
  table.Add({"allow-private-storage", "",
             "models may be fetched from any private or loopback address",
             Boolean(&draft.allow_private)});
  table.Heading("Running:");
  table.Add({"drain-timeout", "SECONDS", "when stopping, wait this long for requests (default 30)",
             Seconds(&plane.drain_grace, 0, 3600)});
  table.Add({"help", "", "this text", Boolean(&draft.help)});
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

// A folder that comes later (a mount) is no mistake; a misspelt one is.
void WarnOfMissingFolder(const char* option, const std::string& path,
                         std::vector<std::string>& warnings) {
  const auto info = os::RealFileSystem().Stat(path);
  if (info.ok() && info->kind == os::FileKind::kDirectory) return;
  warnings.push_back(std::string(option) + ": there is no folder " + path);
}

// With its folder as an absolute path.
Status FinishMirror(std::string& mirror, std::vector<std::string>& warnings) {
  const size_t equals = mirror.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == mirror.size()) {
    return InvalidArgumentError("--mirror must be PREFIX=TARGET, got '" + mirror + "'");
  }
  std::string target = mirror.substr(equals + 1);
  if (target.find("://") == std::string::npos) {
    THRONG_RETURN_IF_ERROR(MakeAbsolute(target));
    mirror = mirror.substr(0, equals + 1) + target;
    WarnOfMissingFolder("--mirror", target, warnings);
  }
  const auto parsed = storage::ParseMirror(mirror);
  return parsed.ok() ? OkStatus() : InvalidArgumentError("--" + parsed.status().message());
}

Status MakeClaimAbsolute(std::string& claim) {
  const size_t equals = claim.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == claim.size()) {
    return InvalidArgumentError("--pvc must be CLAIM=DIR or NAMESPACE/CLAIM=DIR");
  }
  std::string directory = claim.substr(equals + 1);
  THRONG_RETURN_IF_ERROR(MakeAbsolute(directory));
  claim = claim.substr(0, equals + 1) + directory;
  return storage::ParseClaimOption(claim).status();
}

bool IsHostName(std::string_view name) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= limits::kObjectNameBytes && is_plain(name.front()) &&
         is_plain(name.back()) && name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_plain(c) || c == '-' || c == '.'; });
}

Status BadOption(const char* option, const char* rule, const std::string& value) {
  return InvalidArgumentError("option '" + std::string(option) + "': must be " + rule + ", got '" +
                              EscapeForLog(value) + "'");
}

// What would be found out only when somebody is in need of it.
Status CheckNames(const Draft& draft) {
  const control::ControlPlaneOptions& plane = draft.options.plane;
  if (!IsHostName(plane.domain)) {
    return BadOption("--domain", "a DNS name in lower case", plane.domain);
  }
  for (const std::string& host : draft.allowed_hosts) {
    if (host.find_first_of(" \t/@?#") != std::string::npos) {
      return BadOption("--allow-host", "HOST or HOST:PORT", host);
    }
  }
  for (const std::string& name : plane.api_names) {
    const bool is_ip6 = name.find(':') != std::string::npos;
    if (!is_ip6 && !IsHostName(name)) {
      return BadOption("--api-name", "a DNS name or an address", name);
    }
  }
  const auto check_address = [](const char* option, const std::string& address) {
    // Whether it is one of this machine, only the system knows.
    const auto tried = os::ListenTcp(address, 0);
    return tried.ok() ? OkStatus()
                      : InvalidArgumentError("option '" + std::string(option) +
                                             "': " + tried.status().message());
  };
  THRONG_RETURN_IF_ERROR(check_address("--api-address", plane.api_address));
  return check_address("--ingress-address", plane.ingress_address);
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
  std::vector<std::string>& warnings = draft.options.warnings;
  for (std::string& mirror : draft.mirrors) {
    THRONG_RETURN_IF_ERROR(FinishMirror(mirror, warnings));
  }
  for (std::string& claim : draft.claims) THRONG_RETURN_IF_ERROR(MakeClaimAbsolute(claim));
  for (std::string& root : draft.file_roots) {
    THRONG_RETURN_IF_ERROR(MakeAbsolute(root));
    WarnOfMissingFolder("--file-root", root, warnings);
  }
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
  pass("--pvc=", draft.claims);
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
  THRONG_RETURN_IF_ERROR(CheckNames(draft));
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
         "ingress and model replicas\non this machine.\n" +
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
