// The subcommands of `throng` that serve models and ask for them, and what finds and runs a
// subcommand. Each takes its arguments (without its own name) and returns the program's exit
// status: 0, 1 (it failed), 2 (it was called wrongly). The table of all of them is put together in
// apps/throng.
#pragma once

#include <span>
#include <string>

namespace throng::cli {

int ServeCommand(std::span<const std::string> arguments);
int InspectCommand(std::span<const std::string> arguments);
int InferCommand(std::span<const std::string> arguments);

struct Command {
  const char* name;
  const char* help;
  int (*run)(std::span<const std::string> arguments);
};

// Finds the subcommand that the first argument names, and runs it.
int RunCommand(std::span<const Command> commands, std::span<const std::string> arguments);

}  // namespace throng::cli
