// The subcommands of `throng`. Each takes its arguments (without its own name) and returns the
// program's exit status: 0, 1 (it failed), 2 (it was called wrongly).
#pragma once

#include <span>
#include <string>

namespace throng::cli {

int ServeCommand(std::span<const std::string> arguments);
int InspectCommand(std::span<const std::string> arguments);
int InferCommand(std::span<const std::string> arguments);
int UpCommand(std::span<const std::string> arguments);
int EnvCommand(std::span<const std::string> arguments);
int StatusCommand(std::span<const std::string> arguments);
int DownCommand(std::span<const std::string> arguments);
int GatewayCommand(std::span<const std::string> arguments);
int AttackCommand(std::span<const std::string> arguments);
int AgentCommand(std::span<const std::string> arguments);

// Finds the subcommand and runs it.
int RunCommand(std::span<const std::string> arguments);

}  // namespace throng::cli
