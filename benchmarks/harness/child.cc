#include "benchmarks/harness/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

namespace throng::bench {
namespace {

// In the child: nothing but system calls before exec.
void Redirect(const ChildSpec& spec, int input, int output) {
  const std::string path = spec.log_path.empty() ? "/dev/null" : spec.log_path;
  const int log = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return;
  dup2(spec.pipes ? output : log, 1);
  dup2(log, 2);
  if (spec.pipes) dup2(input, 0);
}

[[noreturn]] void RunChild(const ChildSpec& spec, int input, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  PinToCore(spec.core);
  Redirect(spec, input, output);
  if (spec.function) _exit(spec.function());
  std::vector<char*> arguments;
  for (const std::string& argument : spec.command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

void PinToCore(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(core), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

Result<Child> Child::Start(const ChildSpec& spec) {
  int input[2] = {-1, -1};
  int output[2] = {-1, -1};
  if (spec.pipes && (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)) {
    return ResourceExhaustedError("no descriptor for a pipe");
  }
  const pid_t pid = fork();
  if (pid < 0) return ResourceExhaustedError("fork failed");
  if (pid == 0) RunChild(spec, input[0], output[1]);
  Child child;
  child.pid_ = pid;
  if (spec.pipes) {
    close(input[0]);
    close(output[1]);
    child.input_ = os::UniqueFd(input[1]);
    child.output_ = os::UniqueFd(output[0]);
  }
  return child;
}

Child::~Child() { Stop(); }

Child::Child(Child&& other) noexcept { *this = std::move(other); }

Child& Child::operator=(Child&& other) noexcept {
  Stop();
  pid_ = std::exchange(other.pid_, 0);
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  return *this;
}

Result<std::string> Child::ReadLine() {
  std::string line;
  char byte = 0;
  while (read(output_.get(), &byte, 1) == 1) {
    if (byte == '\n') return line;
    line += byte;
  }
  return UnavailableError("the program ended before it was ready");
}

bool Child::running() const {
  siginfo_t information{};
  return pid_ != 0 &&
         waitid(P_PID, static_cast<id_t>(pid_), &information, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         information.si_pid == 0;
}

void Child::Stop() {
  if (pid_ == 0) return;
  input_ = os::UniqueFd();
  kill(pid_, SIGTERM);
  for (int i = 0; i < 2000 && running(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (running()) kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

}  // namespace throng::bench
