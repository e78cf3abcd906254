#include "cli/commands.h"

#include <cstdio>
#include <vector>

#include "base/log.h"
#include "cli/options/option_table.h"

namespace throng::cli {
namespace {

struct Command {
  const char* name;
  const char* help;
  int (*run)(std::span<const std::string>);
};

constexpr Command kCommands[] = {
    {"serve", "serve every model in a folder", ServeCommand},
    {"infer", "send one inference to a running server and show the reply", InferCommand},
    {"inspect", "tell what a model file or folder is, without serving it", InspectCommand},
    {"up", "start a Kubernetes-shaped API, an ingress and model replicas here", UpCommand},
    {"env", "print KUBECONFIG, INGRESS_HOST and INGRESS_PORT for a shell", EnvCommand},
    {"status", "tell whether `throng up` runs, and where", StatusCommand},
    {"down", "drain and end what `throng up` started", DownCommand},
    {"gateway", "the ingress alone (`throng up` starts it)", GatewayCommand},
    {"agent", "the holder of a replica's models alone (`throng up` starts it)", AgentCommand},
};

void PrintUsage(FILE* out) {
  std::fputs("usage: throng COMMAND [options]\n\n", out);
  for (const Command& command : kCommands) {
    std::fprintf(out, "  %-8s  %s\n", command.name, command.help);
  }
  std::fputs("\nthrong COMMAND --help tells its options.\n", out);
}

}  // namespace

int RunCommand(std::span<const std::string> arguments) {
  if (arguments.empty()) {
    PrintUsage(stderr);
    return 2;
  }
  const std::string& name = arguments[0];
  if (name == "--help" || name == "help" || name == "-h") {
    PrintUsage(stdout);
    return 0;
  }
  if (name == "--version" || name == "version") {
    std::puts("throng 0.1.0");
    return 0;
  }
  for (const Command& command : kCommands) {
    if (name == command.name) return command.run(arguments.subspan(1));
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  const std::string nearest = NearestWord(name, names);
  std::fprintf(stderr, "throng: unknown command '%s'%s\n", EscapeForLog(name).c_str(),
               nearest.empty() ? "" : ("; did you mean '" + nearest + "'?").c_str());
  PrintUsage(stderr);
  return 2;
}

}  // namespace throng::cli
