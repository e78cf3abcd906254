#include "runner/zygote_process.h"

#include <csignal>

#include "base/limits.h"
#include "os/socket.h"

namespace throng::runner {
namespace {

// Nothing is inherited from the front door's environment: credentials stay with it.
std::vector<std::string> ZygoteEnvironment() {
  return {"LANG=C.UTF-8",           "OMP_NUM_THREADS=1",       "MKL_NUM_THREADS=1",
          "OPENBLAS_NUM_THREADS=1", "ORT_DISABLE_TELEMETRY=1", "TF_CPP_MIN_LOG_LEVEL=3",
          "TF_ENABLE_ONEDNN_OPTS=0"};
}

}  // namespace

ZygoteProcess::ZygoteProcess(os::EventLoop& loop, os::ThreadPool& threads, std::string framework,
                             const RunnerOptions& options)
    : loop_(loop), threads_(threads), framework_(std::move(framework)), options_(options) {}

ZygoteProcess::~ZygoteProcess() {
  loop_.CancelTimer(start_timer_);
  loop_.CancelTimer(fork_timer_);
  if (socket_.valid()) loop_.Unwatch(socket_.get());
  if (process_.valid()) {
    loop_.Unwatch(process_.pidfd());
    if (!ended_) process_.Signal(SIGKILL);
  }
}

Status ZygoteProcess::Start(ReadyHandler on_ready, EndHandler on_end) {
  THRONG_ASSIGN_OR_RETURN(auto sockets, os::SocketPair());
  os::SpawnSpec spec;
  spec.program = os::JoinPath(options_.program_directory, "throng-runner-" + framework_);
  spec.environment = ZygoteEnvironment();
  spec.descriptors = {{sockets.second.get(), wire::kControlDescriptor}};
  spec.own_group = true;  // for EndUnknownClones
  THRONG_ASSIGN_OR_RETURN(process_, os::Spawn(spec));
  // Its cells begin like that too. Where the kernel refuses, the neighbours' latency suffers a bit.
  (void)os::SetUrgency(process_.pid(), os::Urgency::kBackground);
  socket_ = std::move(sockets.first);
  on_ready_ = std::move(on_ready);
  on_end_ = std::move(on_end);
  THRONG_RETURN_IF_ERROR(
      loop_.Watch(socket_.get(), os::kReadable, [this](uint32_t) { OnSocket(); }));
  THRONG_RETURN_IF_ERROR(
      loop_.Watch(process_.pidfd(), os::kReadable, [this](uint32_t) { OnEnded(); }));
  start_timer_ = loop_.StartTimer(loop_.clock().Now() + limits::kZygoteStartDeadline,
                                  [this] { OnStartDeadline(); });
  return OkStatus();
}

void ZygoteProcess::OnStartDeadline() {
  start_timer_ = 0;
  Kill();
}

void ZygoteProcess::Kill() {
  ready_ = false;
  killed_by_us_ = true;
  process_.Signal(SIGKILL);
}

void ZygoteProcess::Fail() {
  broken_ = true;
  loop_.Unwatch(socket_.get());
  Kill();
}

// A warm zygote forks within milliseconds; one that does not (stopped, or stuck) is of no use. Its
// end fails what it owes, and whoever asked for that asks the next one.
void ZygoteProcess::RestartForkTimer() {
  loop_.CancelTimer(fork_timer_);
  fork_timer_ = 0;
  if (forks_.empty()) return;
  fork_timer_ = loop_.StartTimer(loop_.clock().Now() + options_.deadlines.fork, [this] {
    fork_timer_ = 0;
    Kill();
  });
}

void ZygoteProcess::OnSocket() {
  while (!ended_ && !broken_) {
    const std::span<std::byte> space = reader_.Prepare();
    const os::IoResult read = os::ReadSome(socket_.get(), space);
    if (read.kind == os::IoResult::Kind::kWouldBlock) return;
    if (read.kind != os::IoResult::Kind::kDone) {
      ready_ = false;
      broken_ = true;
      loop_.Unwatch(socket_.get());
      process_.Signal(SIGKILL);
      return;
    }
    reader_.Commit(read.bytes);
    if (!HandleFrames().ok()) return Fail();
  }
}

Status ZygoteProcess::HandleFrames() {
  while (true) {
    THRONG_ASSIGN_OR_RETURN(const std::optional<wire::Frame> frame, reader_.Next());
    if (!frame.has_value()) return OkStatus();
    THRONG_RETURN_IF_ERROR(HandleFrame(*frame));
  }
}

Status ZygoteProcess::HandleFrame(const wire::Frame& frame) {
  if (frame.header.kind == wire::MessageKind::kHello) return HandleHello(frame);
  if (frame.header.kind == wire::MessageKind::kFork) return HandleFork(frame);
  return InvalidArgumentError("unexpected message");
}

// Whoever waits is told by OnEnded when this fails, so the handler stays until it is called.
Status ZygoteProcess::HandleHello(const wire::Frame& frame) {
  if (!on_ready_) return InvalidArgumentError("hello twice");
  wire::Hello hello;
  const Status failure = wire::DecodeFailure(frame.header, frame.body);
  if (failure.ok()) {
    THRONG_ASSIGN_OR_RETURN(hello, wire::DecodeHello(frame.body));
  }
  auto handler = std::move(on_ready_);
  on_ready_ = nullptr;
  if (!failure.ok()) {
    handler(failure);
    return UnavailableError("could not warm up");
  }
  loop_.CancelTimer(start_timer_);
  start_timer_ = 0;
  ready_ = true;
  handler(std::move(hello));
  return OkStatus();
}

Status ZygoteProcess::HandleFork(const wire::Frame& frame) {
  if (forks_.empty() || forks_.front().call_id != frame.header.call_id) {
    return InvalidArgumentError("answered a fork that was not its turn");
  }
  wire::ForkReply reply;
  const Status failure = wire::DecodeFailure(frame.header, frame.body);
  if (failure.ok()) {
    THRONG_ASSIGN_OR_RETURN(reply, wire::DecodeForkReply(frame.body));
  }
  PendingFork fork = std::move(forks_.front());
  forks_.pop_front();
  RestartForkTimer();
  if (!failure.ok()) {
    fork.done(failure);
    return OkStatus();
  }
  auto child = os::AdoptChild(reply.pid);
  if (!child.ok()) {
    // It ends by itself when its socket is closed, but somebody has to reap it.
    threads_.Post([pid = reply.pid, group = process_.pid()] {
      (void)os::EndChildOfGroup(pid, group, limits::kEndDeadline);
    });
    fork.done(child.status());
    return OkStatus();
  }
  fork.parts.process = std::move(child).value();
  auto cell = std::make_shared<CellProcess>(loop_, threads_, std::move(fork.parts));
  std::erase_if(cells_, [](const auto& known) { return known.expired(); });
  cells_.push_back(cell);
  fork.done(std::move(cell));
  return OkStatus();
}

Result<CellProcess::Parts> ZygoteProcess::MakeParts(const CellOptions& cell,
                                                    os::UniqueFd& cell_socket) {
  CellProcess::Parts parts;
  parts.id = cell.id;
  parts.framework = framework_;
  parts.user_id = cell.user_id;
  parts.deadlines = options_.deadlines;
  THRONG_ASSIGN_OR_RETURN(auto sockets, os::SocketPair());
  parts.socket = std::move(sockets.first);
  cell_socket = std::move(sockets.second);
  const uint64_t bytes = options_.arena_bytes;
  THRONG_ASSIGN_OR_RETURN(parts.input_arena, os::CreateArenaFile("throng-inputs", bytes));
  THRONG_ASSIGN_OR_RETURN(parts.output_arena, os::CreateArenaFile("throng-outputs", bytes));
  THRONG_ASSIGN_OR_RETURN(parts.input_mapping,
                          os::Mapping::Map(parts.input_arena.get(), bytes, /*writable=*/true));
  THRONG_ASSIGN_OR_RETURN(parts.output_mapping,
                          os::Mapping::Map(parts.output_arena.get(), bytes, /*writable=*/false));
  return parts;
}

Status ZygoteProcess::SendFork(uint64_t call_id, const CellProcess::Parts& parts, int cell_socket,
                               bool is_spare) {
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd inputs_read_only,
                          os::ReopenReadOnly(parts.input_arena.get()));
  wire::ForkRequest request;
  request.front_door_pid = os::ProcessId();
  request.user_id = parts.user_id;
  request.data_limit_bytes = options_.cell_memory_bytes;
  request.input_arena_bytes = options_.arena_bytes;
  request.output_arena_bytes = options_.arena_bytes;
  request.sandbox =
      options_.sandbox == SandboxPolicy::kOff ? wire::SandboxMode::kOff : wire::SandboxMode::kOn;
  request.is_spare = is_spare;
  std::vector<std::byte> bytes;
  wire::Encode(call_id, request, bytes);
  const std::array<int, 3> fds = {cell_socket, inputs_read_only.get(), parts.output_arena.get()};
  const os::IoResult sent = os::SendWithDescriptors(socket_.get(), bytes, fds);
  // The message is small and forks are few: a full or torn socket means that the zygote is stuck.
  if (sent.kind != os::IoResult::Kind::kDone || sent.bytes != bytes.size()) {
    return UnavailableError("the framework's process does not take requests");
  }
  return OkStatus();
}

void ZygoteProcess::Fork(const CellOptions& cell, ForkDone done) {
  os::UniqueFd cell_socket;
  auto parts = MakeParts(cell, cell_socket);
  if (!parts.ok()) return done(parts.status());
  const uint64_t call_id = ++last_call_id_;
  const Status sent = SendFork(call_id, *parts, cell_socket.get(), cell.is_spare);
  if (!sent.ok()) {
    // Dead (its exit is not known yet) or stuck: whoever asks again waits for the next one.
    ready_ = false;
    process_.Signal(SIGKILL);
    return done(sent);
  }
  forks_.push_back({call_id, std::move(parts).value(), std::move(done)});
  if (forks_.size() == 1) RestartForkTimer();
}

void ZygoteProcess::Stop() {
  std::vector<std::byte> bytes;
  wire::EncodeEmpty(wire::MessageKind::kShutdown, 0, bytes);
  (void)os::WriteSome(socket_.get(), bytes);  // one that does not listen ends with the front door
}

// Killed between a clone and its answer, it leaves a child that nobody knows of. The zygote is
// reaped after that, so that its process id, which is its group's, cannot be another's meanwhile.
void ZygoteProcess::EndUnknownClones() {
  std::vector<pid_t> known;
  for (const auto& weak : cells_) {
    if (const auto cell = weak.lock()) known.push_back(static_cast<pid_t>(cell->process_id()));
  }
  threads_.Post([process = std::move(process_), known = std::move(known)]() mutable {
    (void)os::EndChildrenOfGroup(process.pid(), known, limits::kEndDeadline);
    (void)process.TryReap();
  });
}

void ZygoteProcess::OnEnded() {
  const auto exit = process_.Poll();
  if (!exit || ended_) return;
  OnSocket();
  ended_ = true;
  killed_from_outside_ = exit->signal == SIGKILL && !killed_by_us_;
  ready_ = false;
  loop_.Unwatch(socket_.get());
  loop_.Unwatch(process_.pidfd());
  loop_.CancelTimer(fork_timer_);
  EndUnknownClones();
  const std::string reason = exit->signal != 0
                                 ? DescribeSignal(exit->signal)
                                 : "exited with status " + std::to_string(exit->status_code);
  const Status status =
      UnavailableError("the process of framework " + framework_ + " ended: " + reason);
  std::deque<PendingFork> forks = std::move(forks_);
  forks_.clear();
  for (PendingFork& fork : forks) fork.done(status);
  if (on_ready_) {
    auto handler = std::move(on_ready_);
    on_ready_ = nullptr;
    handler(status);
  }
  // Last: the pool may destroy this object.
  if (on_end_) {
    auto handler = std::move(on_end_);
    handler(reason);
  }
}

}  // namespace throng::runner
