// The part of the program that serves a folder: what `./dev demo` builds first, so that a bare
// machine has an answer within minutes. Nobody installs it.
#include <string>
#include <vector>

#include "cli/commands.h"

namespace throng::cli {
namespace {

constexpr Command kCommands[] = {
    {"serve", "serve every model in a folder", ServeCommand},
    {"infer", "send one inference to a running server and show the reply", InferCommand},
    {"inspect", "tell what a model file or folder is, without serving it", InspectCommand},
};

}  // namespace
}  // namespace throng::cli

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return throng::cli::RunCommand(throng::cli::kCommands, arguments);
}
