// Runs a function in a forked child and says how the child ended: what a sandbox denies cannot be
// tried in the process of the test.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace throng::os::testing {

// How a child ended, as text for EXPECT_EQ: "exit 0", "signal 31".
inline std::string DescribeWaitStatus(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "signal " + std::to_string(WTERMSIG(wait_status));
  return "exit " + std::to_string(WEXITSTATUS(wait_status));
}

// Waits for a child of this process and reaps it.
inline std::string AwaitChild(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) != pid) {
    if (errno != EINTR) return "not a child";
  }
  return DescribeWaitStatus(wait_status);
}

// `function` returns the exit status. A child that hangs is ended by SIGALRM.
template <typename Function>
pid_t StartChild(Function function) {
  constexpr unsigned kSecondsToLive = 30;
  const pid_t pid = fork();
  if (pid != 0) return pid;
  alarm(kSecondsToLive);
  _exit(function());
}

template <typename Function>
std::string RunInChild(Function function) {
  return AwaitChild(StartChild(function));
}

}  // namespace throng::os::testing
