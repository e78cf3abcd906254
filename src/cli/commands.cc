#include "cli/commands.h"

#include <cstdio>
#include <vector>

#include "base/log.h"
#include "cli/options/option_table.h"

namespace throng::cli {
namespace {

void PrintUsage(std::span<const Command> commands, FILE* out) {
  std::fputs("usage: throng COMMAND [options]\n\n", out);
  for (const Command& command : commands) {
    std::fprintf(out, "  %-8s  %s\n", command.name, command.help);
  }
  std::fputs("\nthrong COMMAND --help tells its options.\n", out);
}

}  // namespace

int RunCommand(std::span<const Command> commands, std::span<const std::string> arguments) {
  if (arguments.empty()) {
    PrintUsage(commands, stderr);
    return 2;
  }
  const std::string& name = arguments[0];
  if (name == "--help" || name == "help" || name == "-h") {
    PrintUsage(commands, stdout);
    return 0;
  }
  if (name == "--version" || name == "version") {
    std::puts("throng 0.1.0");
    return 0;
  }
  for (const Command& command : commands) {
    if (name == command.name) return command.run(arguments.subspan(1));
  }
  std::vector<std::string> names;
  for (const Command& command : commands) names.emplace_back(command.name);
  const std::string nearest = NearestWord(name, names);
  std::fprintf(stderr, "throng: unknown command '%s'%s\n", EscapeForLog(name).c_str(),
               nearest.empty() ? "" : ("; did you mean '" + nearest + "'?").c_str());
  std::fputs("throng --help lists the commands.\n", stderr);
  return 2;
}

}  // namespace throng::cli
