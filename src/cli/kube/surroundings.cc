#include "cli/kube/surroundings.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "os/event_loop.h"
#include "os/terminal/editor.h"

namespace throng::cli::kube {
namespace {

void Print(FILE* file, std::string_view text) {
  // One call: a line of one thread is not cut by another's.
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

Result<std::string> ReadInput(uint64_t max_bytes) {
  std::string text;
  std::array<char, 64 * 1024> buffer;
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), count);
    if (text.size() > max_bytes) {
      return ResourceExhaustedError("standard input is larger than " + std::to_string(max_bytes) +
                                    " bytes");
    }
  }
  return text;
}

}  // namespace

Surroundings RealSurroundings() {
  Surroundings real;
  real.out = [](std::string_view text) { Print(stdout, text); };
  real.error = [](std::string_view text) { Print(stderr, text); };
  real.input = ReadInput;
  real.environment = [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
  real.edit = os::EditText;
  real.files = &os::RealFileSystem();
  real.clock = &os::RealClock();
  return real;
}

}  // namespace throng::cli::kube
