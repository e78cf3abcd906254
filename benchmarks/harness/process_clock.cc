#include "benchmarks/harness/process_clock.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace throng::bench {
namespace {

namespace fs = std::filesystem;

pid_t ToPid(const std::string& text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc() && end == text.data() + text.size() ? pid : 0;
}

// Parent and start time (in ticks), from /proc/PID/stat: fields 4 and 22, after the name in
// parentheses. {0, 0} when it has ended.
std::pair<pid_t, uint64_t> ParentAndStart(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {0, 0};
  std::istringstream fields(text.substr(name_end + 1));
  std::string state;
  pid_t parent = 0;
  fields >> state >> parent;
  std::string skipped;
  for (int field = 5; field < 22; ++field) fields >> skipped;
  uint64_t start = 0;
  fields >> start;
  return {parent, start};
}

}  // namespace

int64_t ReadCpuNs(pid_t pid) {
  int64_t total = 0;
  std::error_code error;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    std::ifstream file(task.path() / "schedstat");
    int64_t on_cpu_ns = 0;
    if (file >> on_cpu_ns) total += on_cpu_ns;
  }
  return total;
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<std::pair<uint64_t, pid_t>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const pid_t candidate = ToPid(entry.path().filename().string());
    if (candidate == 0) continue;
    const auto [parent, start] = ParentAndStart(candidate);
    if (parent == pid) found.emplace_back(start, candidate);
  }
  std::sort(found.begin(), found.end());
  std::vector<pid_t> children;
  for (const auto& [start, child] : found) children.push_back(child);
  return children;
}

std::string ProgramName(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
  std::string path;
  std::getline(file, path, '\0');
  return path.substr(path.rfind('/') + 1);
}

TreeCpu ReadTreeCpu(pid_t server) {
  TreeCpu cpu;
  cpu.front_door_ns = ReadCpuNs(server);
  for (const pid_t child : ChildrenOf(server)) cpu.cells_ns += ReadCpuNs(child);
  return cpu;
}

}  // namespace throng::bench
