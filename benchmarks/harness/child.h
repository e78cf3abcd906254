// Child: a program or a function that the benchmark runs beside itself, on a core of its own, ended
// when this object goes. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::bench {

// -1: any core.
void PinToCore(int core);

struct ChildSpec {
  std::vector<std::string> command;  // argv; or:
  std::function<int()> function;     // run in a fork
  int core = -1;
  std::string log_path;  // standard output and error; empty: /dev/null
  bool pipes = false;    // instead: output is read with ReadLine, input is held open
};

class Child {
 public:
  Child() = default;
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  // REQUIRES: one thread.
  static Result<Child> Start(const ChildSpec& spec);

  pid_t pid() const { return pid_; }
  // With `pipes`: blocks for a line of its output. ERRORS: kUnavailable — it ended.
  Result<std::string> ReadLine();
  // SIGTERM, then SIGKILL after 10 seconds. No effect when not running.
  void Stop();
  bool running() const;

 private:
  pid_t pid_ = 0;
  os::UniqueFd input_;
  os::UniqueFd output_;
};

}  // namespace throng::bench
