#include <sys/socket.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

#include "os/sandbox.h"
#include "os/unique_fd.h"
#include "runners/sdk/backend.h"
#include "runners/sdk/channel.h"
#include "runners/sdk/error_text.h"
#include "runners/sdk/zygote.h"
#include "wire/messages.h"

namespace throng::sdk {
namespace {

constexpr int kUsageError = 2;

bool IsStreamSocket(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

// Ctrl-C goes to every process of a terminal, and a service manager's stop to all of a service.
// When to end is the front door's decision: it drains first, and a process whose socket closes
// ends. SIGTTOU: a process group of its own is in the background of a terminal, and must not be
// stopped there for what it has to say.
void LeaveStoppingToTheFrontDoor() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGTTOU}) (void)std::signal(number, SIG_IGN);
}

Result<os::SyscallFilter> WarmUp(Backend& backend) {
  try {
    THRONG_RETURN_IF_ERROR(backend.Warm());
    return os::SyscallFilter::Compile(backend.sandbox().extra_syscalls);
  } catch (...) {
    return StatusFromCurrentException();
  }
}

}  // namespace

int RunnerMain(int /*argc*/, char** argv, Backend& backend) {
  if (!IsStreamSocket(wire::kControlDescriptor)) {
    std::fprintf(stderr, "%s: throng starts this program; it does nothing by itself\n", argv[0]);
    return kUsageError;
  }
  LeaveStoppingToTheFrontDoor();
  Channel channel{os::UniqueFd(wire::kControlDescriptor)};
  Result<os::SyscallFilter> filter = WarmUp(backend);
  if (!filter.ok()) {
    wire::EncodeFailure(wire::MessageKind::kHello, 0, SanitizeStatus(filter.status()),
                        channel.unsent());
    channel.Flush();
    return 1;
  }
  Zygote zygote(std::move(channel), backend, std::move(filter).value());
  return zygote.Run();
}

}  // namespace throng::sdk
