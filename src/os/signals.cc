#include "os/signals.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace throng::os {

Result<UniqueFd> WatchSignals(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) {
    struct sigaction action = {};
    if (sigaction(number, nullptr, &action) != 0) return InternalError("no such signal");
    if (action.sa_handler != SIG_IGN) sigaddset(&set, number);
  }
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
    return InternalError("signals could not be blocked");
  }
  UniqueFd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.valid()) return ResourceExhaustedError("no descriptor for signals");
  return fd;
}

std::optional<int> ReadSignal(int fd) {
  signalfd_siginfo info{};
  if (read(fd, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

void IgnoreBrokenPipes() { (void)std::signal(SIGPIPE, SIG_IGN); }

void IgnoreUserSignals() {
  (void)std::signal(SIGUSR1, SIG_IGN);
  (void)std::signal(SIGUSR2, SIG_IGN);
}

uint64_t RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? limit.rlim_max : limit.rlim_cur;
}

}  // namespace throng::os
