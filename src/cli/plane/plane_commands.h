// The subcommands that start and stop a control plane on this machine, and the processes that it is
// made of. As cli/commands.h says of all.
#pragma once

#include <span>
#include <string>

namespace throng::cli {

int UpCommand(std::span<const std::string> arguments);
int EnvCommand(std::span<const std::string> arguments);
int StatusCommand(std::span<const std::string> arguments);
int DownCommand(std::span<const std::string> arguments);
int BackupCommand(std::span<const std::string> arguments);
int RestoreCommand(std::span<const std::string> arguments);
int GatewayCommand(std::span<const std::string> arguments);
int AgentCommand(std::span<const std::string> arguments);
int AttackCommand(std::span<const std::string> arguments);

}  // namespace throng::cli
