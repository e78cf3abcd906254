#include "tests/integration/testing/server_process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "tests/integration/testing/caller.h"

namespace throng::integration {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kPoll{3};
constexpr seconds kStartLimit{20};
constexpr seconds kStopLimit{20};
constexpr int kDidNotEnd = -1000;

template <typename Condition>
bool WaitUntil(milliseconds limit, const Condition& condition) {
  const auto give_up = steady_clock::now() + limit;
  while (!condition()) {
    if (steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

struct ChildSpec {
  std::vector<std::string> command;
  std::string folder;
  std::string output_file;
  std::string error_file;
  std::optional<uid_t> user;
};

// The child's part, after fork: only calls that are safe there.
[[noreturn]] void BecomeProgram(const ChildSpec& spec, char* const* arguments) {
  const int input = open("/dev/null", O_RDONLY);
  const int output = open(spec.output_file.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
  const int error = open(spec.error_file.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (input < 0 || output < 0 || error < 0) _exit(126);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  close_range(3, ~0U, 0);
  if (spec.user) {
    if (setgroups(0, nullptr) != 0 || setgid(*spec.user) != 0 || setuid(*spec.user) != 0) {
      _exit(126);
    }
  }
  if (chdir(spec.folder.c_str()) != 0) _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == 1) _exit(126);
  execv(arguments[0], arguments);
  _exit(127);
}

pid_t StartProgram(ChildSpec spec) {
  std::vector<char*> arguments;
  for (std::string& word : spec.command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  THRONG_CHECK(pid >= 0);
  if (pid == 0) BecomeProgram(spec, arguments.data());
  return pid;
}

std::optional<int> TryReap(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int ReapWithin(pid_t pid, milliseconds limit) {
  std::optional<int> exit;
  WaitUntil(limit, [&] { return (exit = TryReap(pid)).has_value(); });
  if (exit) return *exit;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return kDidNotEnd;
}

struct ProcessState {
  char letter = 'X';  // proc(5); X: there is none
  pid_t parent = 0;
};

ProcessState StateOf(pid_t pid) {
  const std::string text = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  ProcessState state;
  fields >> state.letter >> state.parent;
  return state;
}

bool IsEnd(const ProcessState& state) { return state.letter == 'Z' || state.letter == 'X'; }

// Of everything that runs or waits to be reaped.
std::map<pid_t, ProcessState> ChildrenOf(pid_t parent) {
  std::map<pid_t, ProcessState> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    if (pid <= 0) continue;
    const ProcessState state = StateOf(pid);
    if (state.parent == parent) children[pid] = state;
  }
  return children;
}

}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> arguments, ServerOptions options)
    : ports_file_(folder_.File("ports.json")) {
  std::vector<std::string> command = {ThrongProgram(), "serve", "--ports-file=" + ports_file_};
  command.insert(command.end(), options.port_options.begin(), options.port_options.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  pid_ = StartProgram({std::move(command), folder_.path(), folder_.File("stdout"),
                       folder_.File("stderr"), options.user});
}

ServerProcess::~ServerProcess() {
  if (exit_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool ServerProcess::ReadPorts() {
  const auto ports = nlohmann::json::parse(ReadFile(ports_file_), nullptr, false);
  if (!ports.is_object()) return false;
  http_port_ = ports.value("http", uint16_t{0});
  grpc_port_ = ports.value("grpc", uint16_t{0});
  metrics_port_ = ports.value("metrics", uint16_t{0});
  return true;
}

bool ServerProcess::WaitUntilListening() {
  bool listening = false;
  WaitUntil(kStartLimit, [&] {
    listening = std::filesystem::exists(ports_file_) && ReadPorts();
    return listening || !Running();
  });
  return listening;
}

std::string ServerProcess::WhyNotListening() {
  if (WaitUntilListening()) return "";
  return "the server does not listen; it said: " + Log();
}

bool ServerProcess::WaitUntilScanned() {
  return WaitUntilListening() && WaitUntil(kStartLimit, [&] {
           return Output().find("\nskipped ") != std::string::npos || !Running();
         });
}

bool ServerProcess::WaitForLog(std::string_view text, milliseconds limit) const {
  return WaitUntil(limit, [&] { return Log().find(text) != std::string::npos; });
}

std::string ServerProcess::Log() const { return ReadFile(folder_.File("stderr")); }
std::string ServerProcess::Output() const { return ReadFile(folder_.File("stdout")); }

bool ServerProcess::Running() {
  if (!exit_) exit_ = TryReap(pid_);
  return !exit_;
}

void ServerProcess::Signal(int signal_number) const {
  if (!exit_) kill(pid_, signal_number);
}

std::optional<int> ServerProcess::WaitForExit(milliseconds limit) {
  WaitUntil(limit, [&] { return !Running(); });
  return exit_;
}

int ServerProcess::Stop() {
  Signal(SIGTERM);
  return WaitForExit(kStopLimit).value_or(kDidNotEnd);
}

std::map<std::string, pid_t> ServerProcess::Zygotes() const {
  std::map<std::string, pid_t> zygotes;
  std::istringstream log(Log());
  for (std::string line; std::getline(log, line);) {
    const size_t framework = line.find("] framework ");
    const size_t process = line.find(" is warm, process ");
    if (framework == std::string::npos || process == std::string::npos) continue;
    std::istringstream words(line.substr(framework + 12));
    std::string name;
    words >> name;
    zygotes[name] = static_cast<pid_t>(std::atoi(line.c_str() + process + 18));
  }
  return zygotes;
}

std::vector<pid_t> ServerProcess::Cells() const {
  std::set<pid_t> zygotes;
  for (const auto& [name, pid] : Zygotes()) zygotes.insert(pid);
  std::vector<pid_t> cells;
  for (const auto& [pid, state] : ChildrenOf(pid_)) {
    if (!zygotes.contains(pid) && !IsEnd(state)) cells.push_back(pid);
  }
  return cells;
}

std::vector<pid_t> ServerProcess::Zombies() const {
  std::vector<pid_t> zombies;
  for (const auto& [pid, state] : ChildrenOf(pid_)) {
    if (IsEnd(state)) zombies.push_back(pid);
  }
  return zombies;
}

int64_t ServerProcess::Metric(std::string_view name) const {
  Caller caller(metrics_port_);
  std::istringstream page(caller.Get("/metrics").body);
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with(std::string(name) + " ")) {
      return std::atoll(line.c_str() + name.size() + 1);
    }
  }
  return -1;
}

CommandOutput RunCommand(const std::vector<std::string>& command, const std::string& folder) {
  const TemporaryFolder files;
  const pid_t pid =
      StartProgram({command, folder, files.File("stdout"), files.File("stderr"), std::nullopt});
  CommandOutput result;
  result.exit = ReapWithin(pid, seconds(60));
  result.output = ReadFile(files.File("stdout"));
  result.errors = ReadFile(files.File("stderr"));
  return result;
}

bool HasEnded(pid_t pid) { return IsEnd(StateOf(pid)); }

std::string ThrongProgram() { return std::string(THRONG_BINARY_DIR) + "/bin/throng"; }

bool HasRunner(std::string_view framework) {
  if (framework == "onnx" && !THRONG_HAS_ONNXRUNTIME) return false;
  return std::filesystem::exists(std::string(THRONG_BINARY_DIR) + "/libexec/throng-runner-" +
                                 std::string(framework));
}

bool RunsAsRoot() { return geteuid() == 0; }

bool OrdinaryUserCanRun(const std::string& program) {
  std::filesystem::path path(program);
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || (info.st_mode & 05) != 05) return false;
  while (path.has_relative_path()) {
    path = path.parent_path();
    if (stat(path.c_str(), &info) != 0 || (info.st_mode & 01) == 0) return false;
  }
  return true;
}

}  // namespace throng::integration
