// The options of a benchmark, from the command line.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace throng::bench {

struct Options {
  int server_core = 0;   // -1: any
  int loader_core = 1;   // -1: any
  double seconds = 1.0;  // of each measurement
  int rounds = 5;        // of interleaved measurements
  int models = 0;        // 0: as many as the benchmark is made for
  double rate = 0;       // open loop, per second; 0: as the benchmark is made
  std::string only;      // measure only what has this in its name
  std::string server_path;
  std::string program_directory;  // where the naive programs are
  std::string source_path;        // where examples/ and tests/fixtures/ are
};

// The rows of --help.
std::string OptionsHelp();

// ERRORS: kInvalidArgument — names the argument.
Result<Options> ParseOptions(const std::vector<std::string>& arguments);

}  // namespace throng::bench
