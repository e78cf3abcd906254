// The verbs that work on the objects of an API, for people without kubectl: its names, flags and
// output. Each takes its arguments (without its own name) and returns the program's exit status: 0,
// 1 (it failed), 2 (it was called wrongly). They block.
#pragma once

#include <span>
#include <string>

#include "cli/kube/surroundings.h"

namespace throng::cli::kube {

using VerbFunction = int (*)(std::span<const std::string> arguments, Surroundings& surroundings);

int Annotate(std::span<const std::string> arguments, Surroundings& surroundings);
int Apply(std::span<const std::string> arguments, Surroundings& surroundings);
int Create(std::span<const std::string> arguments, Surroundings& surroundings);
int Delete(std::span<const std::string> arguments, Surroundings& surroundings);
int Describe(std::span<const std::string> arguments, Surroundings& surroundings);
int Diff(std::span<const std::string> arguments, Surroundings& surroundings);
int Edit(std::span<const std::string> arguments, Surroundings& surroundings);
int Events(std::span<const std::string> arguments, Surroundings& surroundings);
int Explain(std::span<const std::string> arguments, Surroundings& surroundings);
int Get(std::span<const std::string> arguments, Surroundings& surroundings);
int LabelVerb(std::span<const std::string> arguments, Surroundings& surroundings);
int Logs(std::span<const std::string> arguments, Surroundings& surroundings);
int Patch(std::span<const std::string> arguments, Surroundings& surroundings);
int Wait(std::span<const std::string> arguments, Surroundings& surroundings);

// As a command of the program, with its real surroundings.
template <VerbFunction kVerb>
int Command(std::span<const std::string> arguments) {
  Surroundings surroundings = RealSurroundings();
  return kVerb(arguments, surroundings);
}

}  // namespace throng::cli::kube
