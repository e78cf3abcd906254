#include "benchmarks/harness/machine.h"

#include <sys/utsname.h>
#include <time.h>

#include <fstream>
#include <sstream>

#include "benchmarks/harness/report.h"
#include "os/event_loop.h"
#include "os/process.h"

namespace throng::bench {
namespace {

// The value of the first line of `path` that starts with `key`, after the colon.
std::string Lookup(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "unknown";
}

double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// The part of a second of spinning that this thread got.
double SpinShare() {
  const Clock& clock = os::RealClock();
  const MonotonicTime begin = clock.Now();
  const double cpu_begin = ThreadCpuSeconds();
  while (clock.Now() - begin < std::chrono::seconds(1)) {
  }
  return (ThreadCpuSeconds() - cpu_begin) /
         std::chrono::duration<double>(clock.Now() - begin).count();
}

}  // namespace

std::string DescribeMachine() {
  utsname system{};
  uname(&system);
  std::ifstream load_file("/proc/loadavg");
  std::string load;
  load_file >> load;
  std::ostringstream text;
  text << Lookup("/proc/cpuinfo", "model name") << " (family "
       << Lookup("/proc/cpuinfo", "cpu family") << ", model " << Lookup("/proc/cpuinfo", "model\t")
       << "), " << os::ProcessorCount() << " cores, " << Lookup("/proc/meminfo", "MemTotal")
       << ", kernel " << system.release << "\nload average " << load << "; a spinning thread got "
       << Number(SpinShare() * 100) << " % of a core";
  return text.str();
}

}  // namespace throng::bench
