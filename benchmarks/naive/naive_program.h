// What the naive programs share: arguments, the "ready" line, and waiting to be measured.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace throng::bench {

inline std::string ReadWholeFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

[[noreturn]] inline void FailNaive(const std::string& reason) {
  std::fprintf(stderr, "error: %s\n", reason.c_str());
  std::exit(1);
}

// PROGRAM FILE COUNT: loads FILE COUNT times with `load`, which also runs it once and must keep it;
// says so; and stays until standard input ends. Leaves without the destructors of the framework.
template <typename Load>
int RunNaive(int argc, char** argv, Load&& load) {
  if (argc != 3) FailNaive("usage: PROGRAM FILE COUNT");
  for (int i = std::atoi(argv[2]); i > 0; --i) load(argv[1]);
  std::printf("ready\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  std::_Exit(0);
}

}  // namespace throng::bench
