#include "runners/sdk/cell.h"

#include <malloc.h>

#include <atomic>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "runners/sdk/error_text.h"

namespace throng::sdk {
namespace {

// A finished reply waits at most this long for others to be sent with it.
constexpr uint64_t kReplyDelayNs = 50'000;
constexpr size_t kUnsentBytes = 64 * 1024;
// Cancel frames are looked for when the socket was not read for this long.
constexpr uint64_t kQueueStaleNs = 20'000;

}  // namespace

Cell::Cell(Channel& channel, Backend& backend, os::Mapping input_arena, os::Mapping output_arena)
    : channel_(channel),
      backend_(backend),
      input_arena_(std::move(input_arena)),
      output_arena_(std::move(output_arena)),
      sink_(output_arena_.bytes(), [this] { return WaitForRoom(); }) {
  THRONG_CHECK(output_arena_.size() > wire::kArenaDataOffset);
}

int Cell::Run() {
  while (!ended_) {
    if (calls_.empty()) {
      Flush();
      if (!ended_) Receive(Channel::Wait::kBlock);
      continue;
    }
    RefreshQueue();
    if (ended_) break;
    Call call = std::move(calls_.front());
    calls_.pop_front();
    Serve(call);
  }
  // Shutdown comes after calls whose replies may still wait.
  channel_.Flush();
  return exit_status_;
}

void Cell::RefreshQueue() {
  if (now_ns_ > received_ns_ + kQueueStaleNs) Receive(Channel::Wait::kDontWait);
}

bool Cell::Receive(Channel::Wait wait) {
  switch (channel_.Receive(wait)) {
    case Channel::Event::kEnd:
      ended_ = true;
      return false;
    case Channel::Event::kNothing:
      received_ns_ = now_ns_;
      return true;
    case Channel::Event::kBytes:
      break;
  }
  // Only compared with the end of a later call, so the end of the last one is near enough.
  received_ns_ = now_ns_;
  if (TakeFrames()) return true;
  ended_ = true;
  exit_status_ = 1;
  return false;
}

bool Cell::TakeFrames() {
  for (;;) {
    Result<std::optional<wire::Frame>> frame = channel_.Next();
    if (!frame.ok()) return false;
    if (!frame->has_value()) return true;
    if (!Enqueue(**frame)) return false;
  }
}

bool Cell::Enqueue(const wire::Frame& frame) {
  const uint64_t call_id = frame.header.call_id;
  if (frame.header.kind == wire::MessageKind::kCancel) {
    for (Call& call : calls_) {
      if (call.header.call_id == call_id) call.cancelled = true;
    }
    return true;
  }
  if (frame.header.kind == wire::MessageKind::kConsumed) {
    Result<wire::Consumed> consumed = wire::DecodeConsumed(frame.body);
    if (consumed.ok()) sink_.Consumed(consumed->outputs_consumed);
    return consumed.ok();
  }
  if (calls_.size() >= limits::kFramesQueuedInCell) return false;
  Call& call = calls_.emplace_back();
  call.header = frame.header;
  if (frame.header.kind == wire::MessageKind::kExecute) {
    Result<wire::ExecuteRequest> request =
        wire::DecodeExecuteRequest(frame.body, input_arena_.size());
    if (request.ok()) {
      sink_.Consumed(request->outputs_consumed);
      call.execute = std::move(request).value();
    } else {
      call.refused = request.status();
    }
    return true;
  }
  if (frame.header.kind == wire::MessageKind::kLoad) call.artifact = channel_.TakeDescriptor();
  call.body.assign(frame.body.begin(), frame.body.end());
  return true;
}

bool Cell::WaitForRoom() {
  // The front door cannot consume replies that it does not have.
  Flush();
  return !ended_ && Receive(Channel::Wait::kBlock);
}

void Cell::Serve(Call& call) {
  if (call.cancelled) return Fail(call, CancelledError("the request was cancelled"));
  switch (call.header.kind) {
    case wire::MessageKind::kExecute:
      return ServeExecute(call);
    case wire::MessageKind::kLoad:
      return ServeLoad(call);
    case wire::MessageKind::kUnload:
      return ServeUnload(call);
    case wire::MessageKind::kStats:
      return ServeStats(call);
    case wire::MessageKind::kShutdown:
      ended_ = true;
      return;
    default:
      ended_ = true;
      exit_status_ = 1;
  }
}

void Cell::ServeExecute(Call& call) {
  if (!call.refused.ok()) return Fail(call, call.refused);
  const auto slot = slots_.find(call.execute.slot);
  if (slot == slots_.end()) {
    return Fail(call, NotFoundError("no model is loaded under this number"));
  }
  FlushBefore(call);
  if (ended_) return;
  LoadedModel& model = *slot->second.model;
  sink_.Begin(model.metadata().outputs.size());
  const uint64_t started_ns = NowNs();
  MarkRunning(call.header.call_id, started_ns);
  const Status status = RunModel(model, call.execute);
  now_ns_ = NowNs();
  MarkRunning(0, started_ns);
  ++calls_run_;
  slot->second.last_compute_ns = now_ns_ - started_ns;
  if (!status.ok()) return Fail(call, status);
  wire::ExecuteReply& reply = sink_.Finish();
  reply.compute_ns = now_ns_ - started_ns;
  wire::Encode(call.header.call_id, reply, channel_.unsent());
  ReplyAdded();
}

Status Cell::RunModel(LoadedModel& model, const wire::ExecuteRequest& request) {
  inputs_.clear();
  for (const wire::WireTensor& tensor : request.inputs) {
    const std::span<const std::byte> arena = input_arena_.bytes();
    inputs_.push_back(
        {tensor.index,
         {tensor.type, tensor.shape, arena.subspan(tensor.slice.offset, tensor.slice.size_bytes)}});
  }
  try {
    return model.Execute(inputs_, request.requested_outputs, sink_);
  } catch (...) {
    return StatusFromCurrentException();
  }
}

void Cell::ServeLoad(Call& call) {
  Flush();
  if (ended_) return;
  const uint64_t started_ns = NowNs();
  MarkRunning(call.header.call_id, started_ns);
  Result<wire::LoadReply> reply = Load(call);
  now_ns_ = NowNs();
  MarkRunning(0, started_ns);
  if (!reply.ok()) {
    malloc_trim(0);
    return Fail(call, reply.status());
  }
  reply->load_ns = now_ns_ - started_ns;
  wire::Encode(call.header.call_id, *reply, channel_.unsent());
  ReplyAdded();
}

Result<wire::LoadReply> Cell::Load(Call& call) {
  THRONG_ASSIGN_OR_RETURN(wire::LoadRequest request, wire::DecodeLoadRequest(call.body));
  if (slots_.contains(request.slot)) {
    return AlreadyExistsError("a model is loaded under this number");
  }
  if (!call.artifact.valid()) return InvalidArgumentError("the model's files did not come along");
  THRONG_ASSIGN_OR_RETURN(
      os::Mapping mapping,
      os::Mapping::Map(call.artifact.get(), request.artifact_bytes, /*writable=*/false));
  call.artifact.Reset(-1);
  std::vector<ArtifactBytes::File> files;
  for (wire::ArtifactFile& file : request.files) {
    const wire::Slice slice = file.slice;
    if (slice.offset > mapping.size() || slice.size_bytes > mapping.size() - slice.offset) {
      return InvalidArgumentError("a file lies outside the model's files");
    }
    files.push_back(
        {std::move(file.name), mapping.bytes().subspan(slice.offset, slice.size_bytes)});
  }
  LoadSpec spec;
  spec.name = std::move(request.name);
  spec.version = request.version;
  spec.platform = std::move(request.platform);
  spec.artifact = std::make_shared<const ArtifactBytes>(std::move(mapping), std::move(files));
  spec.max_batch_size = request.max_batch_size;
  spec.inputs = std::move(request.inputs);
  spec.outputs = std::move(request.outputs);
  spec.parameters = std::move(request.parameters);
  try {
    THRONG_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> model, backend_.Load(spec));
    wire::LoadReply reply{model->metadata(), model->warnings(), 0};
    slots_[request.slot].model = std::move(model);
    return reply;
  } catch (...) {
    return StatusFromCurrentException();
  }
}

void Cell::ServeUnload(Call& call) {
  Flush();
  if (ended_) return;
  MarkRunning(call.header.call_id, NowNs());
  const Status status = Unload(call);
  MarkRunning(0, now_ns_ = NowNs());
  if (!status.ok()) return Fail(call, status);
  wire::EncodeEmpty(wire::MessageKind::kUnload, call.header.call_id, channel_.unsent());
  ReplyAdded();
}

Status Cell::Unload(const Call& call) {
  THRONG_ASSIGN_OR_RETURN(const wire::UnloadRequest request, wire::DecodeUnloadRequest(call.body));
  slots_.erase(request.slot);
  // glibc keeps almost everything that a model freed until it is asked.
  malloc_trim(0);
  return OkStatus();
}

void Cell::ServeStats(const Call& call) {
  const struct mallinfo2 heap = mallinfo2();
  wire::StatsReply reply;
  reply.models = static_cast<uint32_t>(slots_.size());
  reply.calls = calls_run_;
  reply.heap_bytes = heap.uordblks + heap.hblkhd;
  wire::Encode(call.header.call_id, reply, channel_.unsent());
  ReplyAdded();
}

void Cell::MarkRunning(uint64_t call_id, uint64_t started_ns) {
  auto* header = reinterpret_cast<wire::ArenaHeader*>(output_arena_.data());
  std::atomic_ref(header->started_ns).store(started_ns, std::memory_order_relaxed);
  std::atomic_ref(header->running_call_id).store(call_id, std::memory_order_release);
}

void Cell::FlushBefore(const Call& next) {
  if (oldest_reply_ns_ == 0) return;
  const uint64_t waited_ns = now_ns_ - oldest_reply_ns_;
  const uint64_t expected_ns = slots_.find(next.execute.slot)->second.last_compute_ns;
  if (channel_.unsent().size() > kUnsentBytes || waited_ns > kReplyDelayNs ||
      expected_ns > kReplyDelayNs - waited_ns) {
    Flush();
  }
}

void Cell::Flush() {
  oldest_reply_ns_ = 0;
  if (!channel_.Flush()) ended_ = true;
}

void Cell::Fail(const Call& call, const Status& status) {
  wire::EncodeFailure(call.header.kind, call.header.call_id, SanitizeStatus(status),
                      channel_.unsent());
  ReplyAdded();
}

void Cell::ReplyAdded() {
  if (oldest_reply_ns_ != 0) return;
  // Nothing has run yet when the first call of all is refused.
  oldest_reply_ns_ = now_ns_ = now_ns_ != 0 ? now_ns_ : NowNs();
}

}  // namespace throng::sdk
