// backup and restore: what was applied to a throng up, as a file.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>

#include "cli/options/option_table.h"
#include "cli/plane/plane_commands.h"
#include "control/control_plane.h"
#include "control/state_backup.h"

namespace throng::cli {
namespace {

using Step = std::function<Result<store::StoreSummary>(const std::string& state_directory,
                                                       const std::string& file)>;

struct Words {
  const char* command;
  const char* what;
  const char* done;  // "123 objects are in FILE"
};

int Run(const Words& words, std::span<const std::string> arguments, const Step& step) {
  std::string state_directory;
  bool help = false;
  OptionTable table;
  table.Add(
      {"state-dir", "DIR", "of throng up (default ~/.local/state/throng)", Text(&state_directory)});
  table.Add({"help", "", "this text", Boolean(&help)});
  const auto rest = table.Parse(arguments);
  if (help && rest.ok()) {
    std::printf("usage: throng %s [options] FILE\n\n%s\n\n%s", words.command, words.what,
                table.Help().c_str());
    return 0;
  }
  if (!rest.ok() || rest->size() != 1) {
    std::fprintf(stderr, "throng %s: %s\n", words.command,
                 rest.ok() ? "takes one FILE" : rest.status().message().c_str());
    return 2;
  }
  if (state_directory.empty()) {
    state_directory = control::DefaultStateDirectory(
        [](const char* name) -> const char* { return std::getenv(name); });
  }
  const auto summary = step(state_directory, rest->front());
  if (!summary.ok()) {
    std::fprintf(stderr, "throng %s: %s\n", words.command, summary.status().message().c_str());
    return 1;
  }
  std::printf("%llu objects %s %s\n", static_cast<unsigned long long>(summary->records), words.done,
              rest->front().c_str());
  return 0;
}

}  // namespace

int BackupCommand(std::span<const std::string> arguments) {
  return Run({"backup",
              "Copies all that was applied (Secrets too) to one private file, as it is at one "
              "moment, and\nchecks the copy. throng up may run, and goes on.",
              "are in"},
             arguments, control::BackUpState);
}

int RestoreCommand(std::span<const std::string> arguments) {
  return Run({"restore",
              "Puts a file of throng backup in place of what the state directory holds; what it "
              "held is\nkept as throng.db.before-restore there. throng up must be down.",
              "were restored from"},
             arguments, [](const std::string& state_directory, const std::string& file) {
               return control::RestoreState(file, state_directory);
             });
}

}  // namespace throng::cli
