#include "benchmarks/harness/options.h"

#include <charconv>

#include "os/file.h"
#include "os/process.h"

namespace throng::bench {
namespace {

template <typename Number>
Status SetNumber(const std::string& name, const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return OkStatus();
  return InvalidArgumentError(name + " must be a number, got '" + text + "'");
}

Status Set(const std::string& name, const std::string& value, Options& options) {
  if (name == "--server-core") return SetNumber(name, value, options.server_core);
  if (name == "--loader-core") return SetNumber(name, value, options.loader_core);
  if (name == "--seconds") return SetNumber(name, value, options.seconds);
  if (name == "--rounds") return SetNumber(name, value, options.rounds);
  if (name == "--models") return SetNumber(name, value, options.models);
  if (name == "--rate") return SetNumber(name, value, options.rate);
  if (name == "--only") {
    options.only = value;
  } else if (name == "--server") {
    options.server_path = value;
  } else if (name == "--source") {
    options.source_path = value;
  } else {
    return InvalidArgumentError("no option '" + name + "'");
  }
  return OkStatus();
}

}  // namespace

std::string OptionsHelp() {
  return "  --server-core N   core for the server and its model processes (default 0; -1: any)\n"
         "  --loader-core N   core for this program (default 1; -1: any)\n"
         "  --seconds S       length of each measurement (default 1)\n"
         "  --rounds N        rounds of interleaved measurements (default 5)\n"
         "  --models N        how many models (default: the benchmark's own)\n"
         "  --rate R          requests per second of an open loop (default: the benchmark's own)\n"
         "  --only TEXT       only what has TEXT in its name\n"
         "  --server PATH     the throng to measure (default: beside this program)\n"
         "  --source DIR      the source tree, for its example models\n";
}

Result<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  options.source_path = THRONG_SOURCE_DIR;
  THRONG_ASSIGN_OR_RETURN(const std::string directory, os::ExecutableDirectory());
  options.server_path = os::JoinPath(directory, "throng");
  options.program_directory = directory;
  for (size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return InvalidArgumentError(arguments[i] + " needs a value");
    THRONG_RETURN_IF_ERROR(Set(arguments[i], arguments[i + 1], options));
  }
  if (options.rounds < 1 || options.seconds <= 0) {
    return InvalidArgumentError("--rounds and --seconds must be positive");
  }
  return options;
}

}  // namespace throng::bench
