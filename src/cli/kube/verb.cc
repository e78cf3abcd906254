#include "cli/kube/verb.h"

#include <charconv>

#include "client/kubeconfig.h"
#include "client/server_error.h"

namespace throng::cli::kube {
namespace {

std::vector<std::string> Fallbacks(const Surroundings& io) {
  const std::string home = io.environment("HOME");
  const std::string state = io.environment("XDG_STATE_HOME");
  std::vector<std::string> paths;
  if (!home.empty()) paths.push_back(home + "/.kube/config");
  // What `throng up` writes when it is told nothing else.
  if (!state.empty()) {
    paths.push_back(state + "/throng/kubeconfig");
  } else if (!home.empty()) {
    paths.push_back(home + "/.local/state/throng/kubeconfig");
  }
  return paths;
}

}  // namespace

Verb::Verb(std::string name, std::string usage, std::string help, Surroundings& surroundings)
    : name_(std::move(name)), usage_(std::move(usage)), help_(std::move(help)), io_(surroundings) {
  flags_.Add('n',
             {"namespace", "NAME", "the namespace (default: the context's)", Text(&name_space_)});
}

void Verb::AddAllNamespaces() {
  flags_.Add('A', {"all-namespaces", "", "in all namespaces", Boolean(&all_namespaces_)});
}

std::optional<int> Verb::Parse(std::span<const std::string> arguments) {
  flags_.Heading("Which cluster:");
  flags_.Add({"kubeconfig", "FILE",
              "this file alone (default: those of KUBECONFIG, ~/.kube/config, that of throng up)",
              Text(&kubeconfig_)});
  flags_.Add({"context", "NAME", "a context of it (default: the current one)", Text(&context_)});
  flags_.Add({"help", "", "this text", Boolean(&wants_help_)});
  Result<std::vector<std::string>> words = flags_.Parse(arguments);
  if (!words.ok()) return Misused(words.status().message());
  words_ = std::move(*words);
  if (!wants_help_) return std::nullopt;
  io_.out("usage: throng " + name_ + " " + usage_ + "\n\n" + help_ + "\n\n" + flags_.Help());
  return 0;
}

int Verb::Misused(std::string_view what) {
  io_.error("error: " + std::string(what) + "\nusage: throng " + name_ + " " + usage_ +
            "\n(throng " + name_ + " --help tells more)\n");
  return 2;
}

int Verb::Fail(const Status& status) {
  Complain(status);
  return 1;
}

void Verb::Complain(const Status& status) {
  failed_ = true;
  io_.error(client::ErrorLine(status));
}

Result<std::unique_ptr<Cluster>> Verb::Connect() {
  const client::KubeconfigOptions options{.file = kubeconfig_,
                                          .list = io_.environment("KUBECONFIG"),
                                          .fallbacks = Fallbacks(io_),
                                          .context = context_};
  THRONG_ASSIGN_OR_RETURN(client::ClusterAccess access, client::LoadAccess(*io_.files, options));
  THRONG_ASSIGN_OR_RETURN(client::KubeClient connected, client::KubeClient::Create(access));
  connected.SetOnWarning(
      [error = io_.error](const std::string& text) { error("Warning: " + text + "\n"); });
  auto cluster = std::make_unique<Cluster>(std::move(connected));
  cluster->name_space = name_space_.empty() ? access.name_space : name_space_;
  cluster->namespace_given = !name_space_.empty();
  cluster->access = std::move(access);
  return cluster;
}

Result<client::KubeClient> Verb::ConnectAnother(const Cluster& cluster) {
  return client::KubeClient::Create(cluster.access);
}

Result<Duration> ParseDuration(std::string_view text) {
  const Status rule = InvalidArgumentError("must be a time such as 30s, 5m or 1h30m");
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text == "0") return Duration(0);
  if (text.empty()) return rule;
  double total_ns = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) return rule;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789."));
    text.remove_prefix(unit.size());
    const double unit_ns = unit == "h"    ? 3600e9
                           : unit == "m"  ? 60e9
                           : unit == "s"  ? 1e9
                           : unit == "ms" ? 1e6
                                          : 0;
    if (unit_ns == 0) return rule;
    total_ns += number * unit_ns;
  }
  if (total_ns > 9e18) return rule;
  const Duration duration(static_cast<int64_t>(total_ns));
  return negative ? -duration : duration;
}

OptionSetter DurationFlag(Duration* target) {
  return [target](std::string_view value) -> Status {
    THRONG_ASSIGN_OR_RETURN(*target, ParseDuration(value));
    return OkStatus();
  };
}

OptionSetter DryRunFlag(DryRun* target) {
  return Choice({"none", "client", "server"},
                [target](size_t index) { *target = static_cast<DryRun>(index); });
}

}  // namespace throng::cli::kube
