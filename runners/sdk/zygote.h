// Zygote: a framework loaded and warmed once, which makes cells by cloning itself. It keeps no
// descriptor of a cell and stays single-threaded (asserted before every clone), so that its death
// fails no request. Lives as long as its process.
#pragma once

#include "base/status.h"
#include "os/sandbox.h"
#include "os/unique_fd.h"
#include "runners/sdk/backend.h"
#include "runners/sdk/channel.h"
#include "wire/messages.h"

namespace throng::sdk {

class Zygote {
 public:
  // The backend is warm. `filter` is applied in every cell.
  Zygote(Channel channel, Backend& backend, os::SyscallFilter filter);

  // Says Hello, then forks at request until the front door closes the socket or says Shutdown: 0.
  // When it breaks the protocol: 1. Returns in the zygote only: cells end their process.
  int Run();

 private:
  enum class Next : uint8_t { kGoOn, kStop };

  Result<Next> Handle(const wire::Frame& frame);
  void Fork(const wire::MessageHeader& header, const wire::ForkRequest& request);
  [[noreturn]] void BecomeCell(const wire::ForkRequest& request, os::UniqueFd socket,
                               os::UniqueFd input_arena, os::UniqueFd output_arena);

  Channel channel_;
  Backend& backend_;
  const BackendSandbox sandbox_;
  os::SyscallFilter filter_;
};

}  // namespace throng::sdk
