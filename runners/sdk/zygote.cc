#include "runners/sdk/zygote.h"

#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "os/memory_file.h"
#include "os/process.h"
#include "runners/sdk/cell.h"
#include "runners/sdk/confinement.h"
#include "runners/sdk/error_text.h"

namespace throng::sdk {
namespace {

constexpr int kProtocolBroken = 1;

Result<Cell*> MakeCell(Channel& channel, Backend& backend, const wire::ForkRequest& request,
                       os::UniqueFd input_arena, os::UniqueFd output_arena) {
  if (request.output_arena_bytes <= wire::kArenaDataOffset) {
    return InvalidArgumentError("the output arena is too small");
  }
  THRONG_ASSIGN_OR_RETURN(
      os::Mapping inputs,
      os::Mapping::Map(input_arena.get(), request.input_arena_bytes, /*writable=*/false));
  THRONG_ASSIGN_OR_RETURN(
      os::Mapping outputs,
      os::Mapping::Map(output_arena.get(), request.output_arena_bytes, /*writable=*/true));
  // Lives as long as the process, which ends without destructors.
  return new Cell(channel, backend, std::move(inputs), std::move(outputs));
}

wire::Hello CellHello(const Backend& backend, const os::SandboxReport& report) {
  wire::Hello hello;
  hello.is_cell = true;
  hello.framework = backend.framework();
  hello.framework_version = backend.framework_version();
  hello.syscall_filter = report.syscall_filter;
  hello.landlock = report.landlock;
  hello.own_user = report.own_user;
  hello.resource_limits = report.resource_limits;
  hello.sandbox_refused = report.refused;
  return hello;
}

// Only a saving of time: a cell that cannot rehearse loads models more slowly.
void Rehearse(Backend& backend) {
  try {
    (void)backend.Rehearse();
  } catch (...) {
  }
}

}  // namespace

Zygote::Zygote(Channel channel, Backend& backend, os::SyscallFilter filter)
    : channel_(std::move(channel)),
      backend_(backend),
      sandbox_(backend.sandbox()),
      filter_(std::move(filter)) {}

int Zygote::Run() {
  wire::Hello hello;
  hello.framework = backend_.framework();
  hello.framework_version = backend_.framework_version();
  wire::Encode(hello, channel_.unsent());
  for (;;) {
    if (!channel_.Flush()) return 0;
    if (channel_.Receive(Channel::Wait::kBlock) == Channel::Event::kEnd) return 0;
    for (;;) {
      Result<std::optional<wire::Frame>> frame = channel_.Next();
      if (!frame.ok()) return kProtocolBroken;
      if (!frame->has_value()) break;
      Result<Next> next = Handle(**frame);
      if (!next.ok()) return kProtocolBroken;
      if (*next == Next::kStop) return channel_.Flush(), 0;
      // The front door waits for the process id: a second Fork in the same read must not delay it.
      if (!channel_.Flush()) return 0;
    }
  }
}

Result<Zygote::Next> Zygote::Handle(const wire::Frame& frame) {
  if (frame.header.kind == wire::MessageKind::kShutdown) return Next::kStop;
  if (frame.header.kind != wire::MessageKind::kFork) {
    return InvalidArgumentError("a zygote only forks");
  }
  THRONG_ASSIGN_OR_RETURN(const wire::ForkRequest request, wire::DecodeForkRequest(frame.body));
  Fork(frame.header, request);
  return Next::kGoOn;
}

void Zygote::Fork(const wire::MessageHeader& header, const wire::ForkRequest& request) {
  os::UniqueFd socket = channel_.TakeDescriptor();
  os::UniqueFd input_arena = channel_.TakeDescriptor();
  os::UniqueFd output_arena = channel_.TakeDescriptor();
  Result<pid_t> pid = [&]() -> Result<pid_t> {
    if (!output_arena.valid()) return InvalidArgumentError("a Fork brings three descriptors");
    THRONG_ASSIGN_OR_RETURN(const int thread_count, os::ThreadCount());
    if (thread_count != 1) {
      return FailedPreconditionError("the zygote has " + std::to_string(thread_count) +
                                     " threads; it may have one");
    }
    return os::CloneSibling();
  }();
  if (!pid.ok()) {
    wire::EncodeFailure(header.kind, header.call_id, SanitizeStatus(pid.status()),
                        channel_.unsent());
    return;
  }
  if (*pid == 0) {
    BecomeCell(request, std::move(socket), std::move(input_arena), std::move(output_arena));
  }
  wire::Encode(header.call_id, wire::ForkReply{static_cast<int32_t>(*pid)}, channel_.unsent());
}

void Zygote::BecomeCell(const wire::ForkRequest& request, os::UniqueFd socket,
                        os::UniqueFd input_arena, os::UniqueFd output_arena) {
  const std::array<int, 3> keep = {socket.get(), input_arena.get(), output_arena.get()};
  Channel channel(std::move(socket));
  Result<os::SandboxReport> report = Confine(request, keep, backend_, sandbox_, filter_);
  Status failure = report.status();
  Cell* cell = nullptr;
  if (report.ok()) {
    Result<Cell*> made =
        MakeCell(channel, backend_, request, std::move(input_arena), std::move(output_arena));
    failure = made.status();
    if (made.ok()) cell = *made;
  }
  if (cell == nullptr) {
    wire::EncodeFailure(wire::MessageKind::kHello, 0, SanitizeStatus(failure), channel.unsent());
    channel.Flush();
    _exit(1);
  }
  wire::Encode(CellHello(backend_, *report), channel.unsent());
  // No destructors: those of frameworks start threads, write files, or take long.
  if (!channel.Flush()) _exit(0);
  if (request.is_spare) Rehearse(backend_);
  _exit(cell->Run());
}

}  // namespace throng::sdk
