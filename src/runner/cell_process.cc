#include "runner/cell_process.h"

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/limits.h"
#include "os/socket.h"

namespace throng::runner {
namespace {

// Arenas larger than this are given back to the system when the cell is idle.
constexpr uint64_t kKeepArenaBytes = 1024 * 1024;

bool IsFault(int signal_number) {
  switch (signal_number) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGSYS:
      return true;
    default:
      return false;
  }
}

wire::LoadRequest MakeLoadRequest(uint32_t slot, const LoadSpec& spec) {
  wire::LoadRequest request;
  request.slot = slot;
  request.name = spec.key.name.str();
  request.version = spec.key.version;
  request.platform = spec.config->platform;
  request.artifact_bytes = spec.artifact->size_bytes;
  for (const artifact::ArtifactFile& file : spec.artifact->files) {
    request.files.push_back({file.name, {file.offset, file.size_bytes}});
  }
  request.max_batch_size = spec.config->max_batch_size;
  request.inputs = spec.config->inputs;
  request.outputs = spec.config->outputs;
  request.parameters = spec.config->parameters;
  return request;
}

// Of a call to a cell that has ended.
constexpr CellLoss kNeverSent = {CellExitCause::kOutside, false};
Status Ended() { return UnavailableError("the model's process has ended"); }

}  // namespace

std::string DescribeSignal(int signal_number) {
  switch (signal_number) {
    case SIGSEGV:
      return "SIGSEGV (invalid memory access)";
    case SIGABRT:
      return "SIGABRT (aborted itself)";
    case SIGBUS:
      return "SIGBUS (memory that is not there)";
    case SIGILL:
      return "SIGILL (illegal instruction)";
    case SIGFPE:
      return "SIGFPE (arithmetic error)";
    case SIGSYS:
      return "SIGSYS (system call that the sandbox forbids)";
    case SIGKILL:
      return "SIGKILL";
    default:
      return "signal " + std::to_string(signal_number);
  }
}

CellProcess::CellProcess(os::EventLoop& loop, os::ThreadPool& threads, Parts parts)
    : loop_(loop),
      threads_(threads),
      parts_(std::move(parts)),
      input_space_(wire::kArenaDataOffset, parts_.input_mapping.size()) {}

CellProcess::~CellProcess() {
  loop_.CancelTimer(hello_timer_);
  loop_.CancelTimer(stop_timer_);
  if (parts_.socket.valid()) loop_.Unwatch(parts_.socket.get());
  if (parts_.process.valid()) {
    loop_.Unwatch(parts_.process.pidfd());
    if (alive_) parts_.process.Signal(SIGKILL);
  }
}

void CellProcess::Start(HelloHandler on_hello, ExitHandler on_exit) {
  on_hello_ = std::move(on_hello);
  on_exit_ = std::move(on_exit);
  running_since_ = loop_.clock().Now();
  const Status socket = loop_.Watch(parts_.socket.get(), os::kReadable,
                                    [this](uint32_t events) { OnSocket(events); });
  const Status process =
      loop_.Watch(parts_.process.pidfd(), os::kReadable, [this](uint32_t) { OnProcessEnded(); });
  if (!socket.ok() || !process.ok()) return Violate("could not be watched");
  hello_timer_ =
      loop_.StartTimer(running_since_ + parts_.deadlines.hello, [this] { OnHelloDeadline(); });
}

// No byte of a user's has been near it: whatever holds it up is no offence of a model.
void CellProcess::OnHelloDeadline() {
  hello_timer_ = 0;
  ended_by_us_ = true;
  end_cause_ = CellExitCause::kOutside;
  Break();  // a Hello that comes now is too late
}

void CellProcess::AddPending(Pending pending) {
  if (pending_.empty()) running_since_ = loop_.clock().Now();
  pending.in_cell_since = running_since_;
  pending_.push_back(std::move(pending));
}

void CellProcess::Load(LoadSpec spec, Done<LoadResult> done) {
  if (!alive_) {
    loop_.Post([done = std::move(done)]() mutable { done({Ended(), kNeverSent}); });
    return;
  }
  Pending pending;
  pending.call_id = ++last_call_id_;
  pending.kind = wire::MessageKind::kLoad;
  pending.slot = ++last_slot_;
  pending.load_done = std::move(done);
  if (broken_) return AddPending(std::move(pending));
  // A message of its own: the descriptor travels with its first byte.
  Outgoing outgoing;
  wire::Encode(pending.call_id, MakeLoadRequest(pending.slot, spec), outgoing.bytes);
  if (outgoing.bytes.size() > limits::kWireFrameBytes + sizeof(wire::MessageHeader)) {
    loop_.Post([done = std::move(pending.load_done)]() mutable {
      done({ResourceExhaustedError("the names of the model's files and parameters are too long"),
            std::nullopt});
    });
    return;
  }
  outgoing.artifact = std::move(spec.artifact);
  outgoing_.push_back(std::move(outgoing));
  AddPending(std::move(pending));
  SetUrgency(os::Urgency::kBackground);
  ScheduleFlush();
}

void CellProcess::Unload(uint32_t slot, Done<Status> done) {
  if (!alive_) {
    // It is gone, which is what is asked for.
    loop_.Post([done = std::move(done)]() mutable { done(OkStatus()); });
    return;
  }
  Pending pending;
  pending.call_id = ++last_call_id_;
  pending.kind = wire::MessageKind::kUnload;
  pending.slot = slot;
  pending.unload_done = std::move(done);
  if (broken_) return AddPending(std::move(pending));
  wire::Encode(pending.call_id, wire::UnloadRequest{slot}, OutgoingBytes());
  AddPending(std::move(pending));
  ScheduleFlush();
}

Result<std::vector<wire::WireTensor>> CellProcess::PlaceInputs(std::span<const ExecuteInput> inputs,
                                                               uint64_t& cursor) {
  std::vector<wire::WireTensor> placed;
  placed.reserve(inputs.size());
  for (const ExecuteInput& input : inputs) {
    const auto block = input_space_.Allocate(input.tensor.data.size());
    if (!block) return ResourceExhaustedError("the inputs do not fit into the process's memory");
    cursor = block->cursor;
    std::memcpy(parts_.input_mapping.data() + block->offset, input.tensor.data.data(),
                input.tensor.data.size());
    placed.push_back({input.index,
                      input.tensor.type,
                      tensor::Shape(input.tensor.shape.begin(), input.tensor.shape.end()),
                      {block->offset, input.tensor.data.size()}});
  }
  return placed;
}

uint64_t CellProcess::Execute(uint32_t slot, std::span<const ExecuteInput> inputs,
                              std::span<const uint16_t> requested_outputs,
                              Done<ExecuteResult> done) {
  Pending pending;
  const uint64_t call_id = ++last_call_id_;
  pending.call_id = call_id;
  pending.kind = wire::MessageKind::kExecute;
  pending.slot = slot;
  pending.input_cursor = input_space_.produced();
  if (!alive_) {
    CompleteLater(std::move(done), {Ended(), {}, {}, kNeverSent});
    return call_id;
  }
  if (broken_) {
    pending.execute_done = std::move(done);
    AddPending(std::move(pending));
    return call_id;
  }
  auto placed = PlaceInputs(inputs, pending.input_cursor);
  if (!placed.ok()) {
    // What was placed is freed when the calls before it are answered.
    if (pending_.empty()) input_space_.FreeUpTo(input_space_.produced());
    const bool no_room_yet = !pending_.empty();
    CompleteLater(std::move(done), {placed.status(), {}, {}, std::nullopt, no_room_yet});
    return call_id;
  }
  wire::ExecuteRequest request;
  request.slot = slot;
  request.outputs_consumed = outputs_consumed_;
  request.inputs = std::move(placed).value();
  request.requested_outputs.assign(requested_outputs.begin(), requested_outputs.end());
  outputs_consumed_told_ = outputs_consumed_;
  wire::Encode(call_id, request, OutgoingBytes());
  pending.execute_done = std::move(done);
  AddPending(std::move(pending));
  ScheduleFlush();
  return call_id;
}

void CellProcess::CompleteLater(Done<ExecuteResult> done, ExecuteResult result) {
  loop_.Post(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void CellProcess::Cancel(uint64_t call_id) {
  for (Pending& pending : pending_) {
    if (pending.call_id != call_id || !pending.execute_done) continue;
    Done<ExecuteResult> done = std::move(pending.execute_done);
    pending.execute_done = nullptr;
    if (!broken_) {
      wire::EncodeEmpty(wire::MessageKind::kCancel, call_id, OutgoingBytes());
      ScheduleFlush();
    }
    CompleteLater(std::move(done), {CancelledError("cancelled"), {}, {}, std::nullopt});
    return;
  }
}

std::vector<std::byte>& CellProcess::OutgoingBytes() {
  if (outgoing_.empty() || outgoing_.back().artifact != nullptr) outgoing_.emplace_back();
  return outgoing_.back().bytes;
}

void CellProcess::ScheduleFlush() {
  if (flush_scheduled_ || !alive()) return;
  flush_scheduled_ = true;
  loop_.AtEndOfRound([self = weak_from_this()] {
    if (auto cell = self.lock()) cell->Flush();
  });
}

void CellProcess::Flush() {
  flush_scheduled_ = false;
  while (alive() && !outgoing_.empty()) {
    Outgoing& next = outgoing_.front();
    const auto rest = std::span<const std::byte>(next.bytes).subspan(next.sent_bytes);
    os::IoResult written;
    if (next.artifact != nullptr && next.sent_bytes == 0) {
      const int fd = next.artifact->fd.get();
      written = os::SendWithDescriptors(parts_.socket.get(), rest, {&fd, 1});
    } else {
      written = os::WriteSome(parts_.socket.get(), rest);
    }
    if (written.kind == os::IoResult::Kind::kWouldBlock) {
      loop_.SetInterest(parts_.socket.get(), os::kReadable | os::kWritable);
      return;
    }
    // A dead process's exit is seen through its pidfd; nothing to do here.
    if (written.kind != os::IoResult::Kind::kDone) return;
    next.sent_bytes += written.bytes;
    if (next.sent_bytes < next.bytes.size()) continue;
    if (outgoing_.size() == 1 && next.artifact == nullptr) {
      next.bytes.clear();  // keeps its capacity for the next round
      next.sent_bytes = 0;
      break;
    }
    outgoing_.pop_front();
  }
}

void CellProcess::OnSocket(uint32_t events) {
  const auto self = shared_from_this();  // handlers may drop the last other reference
  if (events & os::kWritable) {
    loop_.SetInterest(parts_.socket.get(), os::kReadable);
    Flush();
  }
  if (events & (os::kReadable | os::kHangUp)) ReadReplies();
}

void CellProcess::ReadReplies() {
  while (alive()) {
    const std::span<std::byte> space = reader_.Prepare();
    // No control buffer: descriptors that a cell sends are dropped by the kernel.
    const os::IoResult read = os::ReadSome(parts_.socket.get(), space);
    if (read.kind == os::IoResult::Kind::kWouldBlock) return;
    if (read.kind != os::IoResult::Kind::kDone) return Break();
    reader_.Commit(read.bytes);
    while (alive()) {
      auto frame = reader_.Next();
      if (!frame.ok()) return Violate("sent a message that is none");
      if (!frame->has_value()) break;
      const Status handled = HandleFrame(**frame);
      if (!handled.ok()) return Violate(handled.message());
    }
    if (read.bytes < space.size()) return;  // the socket is empty; epoll tells when it is not
  }
}

Status CellProcess::HandleFrame(const wire::Frame& frame) {
  if (frame.header.kind != wire::MessageKind::kHello) return HandleReply(frame);
  if (!on_hello_) return InvalidArgumentError("said hello twice");
  wire::Hello hello;
  const Status failure = wire::DecodeFailure(frame.header, frame.body);
  if (failure.ok()) {
    THRONG_ASSIGN_OR_RETURN(hello, wire::DecodeHello(frame.body));
  }
  loop_.CancelTimer(hello_timer_);
  hello_timer_ = 0;
  auto handler = std::move(on_hello_);
  on_hello_ = nullptr;
  if (failure.ok()) {
    handler(std::move(hello));
  } else {
    handler(failure);  // it could not be confined, and exits
  }
  return OkStatus();
}

Status CellProcess::HandleReply(const wire::Frame& frame) {
  if (pending_.empty() || pending_.front().call_id != frame.header.call_id ||
      pending_.front().kind != frame.header.kind) {
    return InvalidArgumentError("answered a call that was not its turn");
  }
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  running_since_ = loop_.clock().Now();
  if (pending.kind == wire::MessageKind::kExecute) return CompleteExecute(pending, frame);
  if (pending.kind == wire::MessageKind::kLoad) {
    CompleteLoad(pending, frame);
  } else {
    pending.unload_done(wire::DecodeFailure(frame.header, frame.body));
  }
  return OkStatus();
}

// A kernel that refuses costs the neighbours some latency, nothing else.
void CellProcess::SetUrgency(os::Urgency urgency) {
  if (alive_) (void)os::SetUrgency(parts_.process.pid(), urgency);
}

// A cell may claim any time; it had no more than what passed here while it held the call. (Replies
// may be read together, so what passed since the reply before this one would be too little.)
Duration CellProcess::AtMostMeasured(uint64_t claimed_ns, const Pending& pending) const {
  const Duration measured = running_since_ - pending.in_cell_since;
  if (claimed_ns > static_cast<uint64_t>(measured.count())) return measured;
  return Duration(claimed_ns);
}

void CellProcess::CompleteLoad(Pending& pending, const wire::Frame& frame) {
  SetUrgency(os::Urgency::kInteractive);
  if (frame.header.code != 0) {
    pending.load_done({wire::DecodeFailure(frame.header, frame.body), std::nullopt});
    return;
  }
  auto reply = wire::DecodeLoadReply(frame.body);
  if (!reply.ok()) {
    pending_.push_front(std::move(pending));  // completed with the others when the process is gone
    return Violate("described a model in a way that cannot be");
  }
  LoadedModel loaded;
  loaded.slot = pending.slot;
  loaded.metadata = std::move(reply->metadata);
  loaded.warnings = std::move(reply->warnings);
  loaded.load_time = AtMostMeasured(reply->load_ns, pending);
  pending.load_done({std::move(loaded), std::nullopt});
}

Status CellProcess::CompleteExecute(Pending& pending, const wire::Frame& frame) {
  ExecuteResult result;
  Status checked;
  if (frame.header.code != 0) {
    result.status = wire::DecodeFailure(frame.header, frame.body);
  } else {
    auto reply = wire::DecodeExecuteReply(frame.body, parts_.output_mapping.size());
    checked = reply.ok() ? TakeOutputs(*reply, result) : reply.status();
    if (checked.ok()) result.compute_time = AtMostMeasured(reply->compute_ns, pending);
  }
  if (!checked.ok()) {
    pending_.push_front(std::move(pending));
    return checked;
  }
  input_space_.FreeUpTo(pending.input_cursor);
  if (pending_.empty()) {
    input_space_.FreeUpTo(input_space_.produced());
    TrimArenas();
  }
  if (pending.execute_done) pending.execute_done(std::move(result));
  return OkStatus();
}

Status CellProcess::TakeOutputs(const wire::ExecuteReply& reply, ExecuteResult& result) {
  THRONG_ASSIGN_OR_RETURN(result.outputs, CopyOutputs(reply));
  if (reply.outputs_produced < outputs_consumed_) {
    return InvalidArgumentError("counted its outputs backwards");
  }
  outputs_consumed_ = reply.outputs_produced;
  if (outputs_consumed_ - outputs_consumed_told_ > parts_.output_mapping.size() / 4) {
    wire::Encode(wire::Consumed{outputs_consumed_}, OutgoingBytes());
    outputs_consumed_told_ = outputs_consumed_;
    ScheduleFlush();
  }
  return OkStatus();
}

// The cell can write the arena while we read, so bytes are copied first and checked on the copy.
Result<std::vector<OutputTensor>> CellProcess::CopyOutputs(const wire::ExecuteReply& reply) {
  std::vector<OutputTensor> outputs;
  outputs.reserve(reply.outputs.size());
  uint64_t total_bytes = 0;
  for (const wire::WireTensor& wire_tensor : reply.outputs) {
    total_bytes += wire_tensor.slice.size_bytes;
    if (total_bytes > limits::kReplyTensorBytes) {
      return InvalidArgumentError("sent more output than a reply may hold");
    }
    output_high_water_ =
        std::max(output_high_water_, wire_tensor.slice.offset + wire_tensor.slice.size_bytes);
    OutputTensor output;
    output.index = wire_tensor.index;
    output.tensor.type = wire_tensor.type;
    output.tensor.shape = wire_tensor.shape;
    const std::byte* begin = parts_.output_mapping.data() + wire_tensor.slice.offset;
    output.tensor.data.assign(begin, begin + wire_tensor.slice.size_bytes);
    THRONG_RETURN_IF_ERROR(
        tensor::CheckTensorData(output.tensor.type, output.tensor.shape, output.tensor.data));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

void CellProcess::TrimArenas() {
  // A failure to punch costs memory only; the next trim tries again.
  if (input_space_.high_water() > kKeepArenaBytes) {
    (void)os::PunchHole(parts_.input_arena.get(), kKeepArenaBytes,
                        parts_.input_mapping.size() - kKeepArenaBytes);
    input_space_.ResetHighWater();
  }
  if (output_high_water_ > kKeepArenaBytes) {
    (void)os::PunchHole(parts_.output_arena.get(), kKeepArenaBytes,
                        parts_.output_mapping.size() - kKeepArenaBytes);
    output_high_water_ = 0;
  }
}

void CellProcess::End(CellExitCause cause) {
  if (!alive_) return;
  // A cell that was asked to stop, and does not, may still be ended for a worse reason.
  const bool worse = end_cause_ == CellExitCause::kStopped && cause != CellExitCause::kStopped;
  if (ended_by_us_ && !worse) return;
  ended_by_us_ = true;
  end_cause_ = cause;
  SetUrgency(os::Urgency::kBackground);  // giving back its memory is work too
  if (cause == CellExitCause::kStopped && pending_.empty() && !broken_) {
    wire::EncodeEmpty(wire::MessageKind::kShutdown, 0, OutgoingBytes());
    ScheduleFlush();
    stop_timer_ = loop_.StartTimer(loop_.clock().Now() + parts_.deadlines.stop, [this] {
      stop_timer_ = 0;
      parts_.process.Signal(SIGKILL);
    });
  } else {
    parts_.process.Signal(SIGKILL);
  }
}

void CellProcess::MeasureMemory(Done<Result<uint64_t>> done) {
  const pid_t pid = parts_.process.pid();
  threads_.Run<Result<uint64_t>>(
      [pid]() -> Result<uint64_t> {
        THRONG_ASSIGN_OR_RETURN(const os::MemoryUse use, os::ReadMemoryUse(pid));
        return use.private_bytes;
      },
      loop_, std::move(done));
}

void CellProcess::Violate(const std::string& what) {
  if (violation_.empty()) violation_ = what;
  Break();
}

void CellProcess::Break() {
  if (broken_) return;
  broken_ = true;
  last_call_before_broken_ = last_call_id_;
  outgoing_.clear();
  loop_.Unwatch(parts_.socket.get());
  parts_.process.Signal(SIGKILL);  // no effect on one that is ending by itself
}

CellExit CellProcess::DescribeExit(const os::ProcessExit& exit) const {
  CellExit result;
  result.cell = parts_.id;
  if (!violation_.empty()) {
    result.cause = CellExitCause::kCrashed;
    result.reason = "broke the runner protocol: " + violation_;
  } else if (ended_by_us_) {
    result.cause = end_cause_;
    result.reason = end_cause_ == CellExitCause::kDeadline  ? "ran past its deadline"
                    : end_cause_ == CellExitCause::kOutside ? "was not ready in time"
                                                            : "stopped";
  } else if (exit.signal != 0) {
    result.cause = IsFault(exit.signal) ? CellExitCause::kCrashed : CellExitCause::kOutside;
    result.reason = DescribeSignal(exit.signal);
  } else {
    // Nothing but the model's own code can make a cell exit unasked.
    result.cause = CellExitCause::kCrashed;
    result.reason = "exited by itself with status " + std::to_string(exit.status_code);
  }
  return result;
}

void CellProcess::OnProcessEnded() {
  const auto exit = parts_.process.Poll();
  if (!exit || !alive_) return;
  const auto self = shared_from_this();
  // Answers that it sent before it died still count.
  ReadReplies();
  alive_ = false;
  loop_.CancelTimer(hello_timer_);
  loop_.CancelTimer(stop_timer_);
  loop_.Unwatch(parts_.socket.get());
  loop_.Unwatch(parts_.process.pidfd());
  threads_.Post([process = std::move(parts_.process)]() mutable { (void)process.TryReap(); });
  const CellExit described = DescribeExit(*exit);
  if (on_hello_) {
    auto handler = std::move(on_hello_);
    on_hello_ = nullptr;
    handler(UnavailableError("the process ended before it was ready: " + described.reason));
  }
  FailPending(described);
  if (on_exit_) {
    auto handler = std::move(on_exit_);
    handler(described);
  }
}

void CellProcess::FailPending(const CellExit& exit) {
  wire::ArenaHeader header;
  std::memcpy(&header, parts_.output_mapping.data(), sizeof(header));
  std::deque<Pending> pending = std::move(pending_);
  pending_.clear();
  // What the cell wrote is only a hint: when it names no pending call, the oldest was running, as
  // calls run in order. One that is charged with nothing has no reason to hide that it was idle.
  const bool idle = !IsOffence(exit.cause) && header.running_call_id == 0;
  uint64_t running = 0;
  for (const Pending& call : pending) {
    if (call.call_id > last_call_before_broken_) break;  // never sent, as all that follow
    if (call.call_id == header.running_call_id || (running == 0 && !idle)) running = call.call_id;
  }
  for (Pending& call : pending) {
    CellLoss loss{exit.cause, call.call_id == running};
    const Status status = UnavailableError("the model's process ended: " + exit.reason);
    if (call.load_done) {
      call.load_done({status, loss});
    } else if (call.unload_done) {
      call.unload_done(OkStatus());  // it is gone, which is what was asked for
    } else if (call.execute_done) {
      call.execute_done(ExecuteResult{status, {}, {}, loss});
    }
  }
}

}  // namespace throng::runner
