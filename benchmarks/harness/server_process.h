// ServerProcess: `throng serve` on free ports, started for a benchmark.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "benchmarks/harness/child.h"
#include "benchmarks/harness/options.h"

namespace throng::bench {

class ServerProcess {
 public:
  // Returns once it listens. Its log and ports file lie beside `models`.
  static Result<ServerProcess> Start(const Options& options, const std::string& models,
                                     const std::vector<std::string>& arguments = {});

  pid_t pid() const { return child_.pid(); }
  uint16_t http_port() const { return http_port_; }
  // From fork and exec to the ports file.
  Duration start_time() const { return start_time_; }
  // The runner processes of a framework, oldest first: the first one is the zygote.
  std::vector<pid_t> RunnersOf(const std::string& framework) const;
  void Stop() { child_.Stop(); }

 private:
  Child child_;
  uint16_t http_port_ = 0;
  Duration start_time_{};
};

}  // namespace throng::bench
