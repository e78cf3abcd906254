#include "runners/sdk/testing/front_door.h"

#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "os/socket.h"

namespace throng::sdk::testing {
namespace {

constexpr int kPatienceMs = 30'000;

Result<std::pair<os::UniqueFd, os::UniqueFd>> BlockingPair() {
  int fds[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return ResourceExhaustedError("no socket pair");
  }
  return std::pair(os::UniqueFd(fds[0]), os::UniqueFd(fds[1]));
}

template <typename T>
Result<T> Decoded(const std::optional<Message>& message, wire::MessageKind kind,
                  Result<T> (*decode)(std::span<const std::byte>)) {
  if (!message.has_value()) return UnavailableError("the stream ended");
  if (message->header.kind != kind) return InternalError("a reply of another kind");
  if (message->header.code != 0) return wire::DecodeFailure(message->header, message->body);
  return decode(message->body);
}

Result<os::UniqueFd> ArtifactFile(const ModelSource& source, wire::LoadRequest& request) {
  constexpr uint64_t kPageBytes = 4096;
  uint64_t size_bytes = 0;
  for (const auto& [name, content] : source.files) {
    request.files.push_back({name, {size_bytes, content.size()}});
    size_bytes += (content.size() / kPageBytes + 1) * kPageBytes;
  }
  request.artifact_bytes = size_bytes;
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd file, os::CreateArenaFile("artifact", size_bytes));
  THRONG_ASSIGN_OR_RETURN(os::Mapping mapping,
                          os::Mapping::Map(file.get(), size_bytes, /*writable=*/true));
  for (size_t i = 0; i < source.files.size(); ++i) {
    const std::string& content = source.files[i].second;
    std::memcpy(mapping.data() + request.files[i].slice.offset, content.data(), content.size());
  }
  return file;
}

}  // namespace

bool Peer::Send(std::span<const std::byte> bytes, std::span<const int> fds) {
  while (!bytes.empty()) {
    const os::IoResult result = os::SendWithDescriptors(socket_.get(), bytes, fds);
    if (result.kind != os::IoResult::Kind::kDone) return false;
    bytes = bytes.subspan(result.bytes);
    fds = {};
  }
  return true;
}

std::optional<Message> Peer::Receive() {
  for (;;) {
    Result<std::optional<wire::Frame>> frame = reader_.Next();
    if (!frame.ok()) return std::nullopt;
    if (frame->has_value()) {
      const std::span<const std::byte> body = (*frame)->body;
      return Message{(*frame)->header, std::vector<std::byte>(body.begin(), body.end())};
    }
    if (!os::WaitReadable(socket_.get(), kPatienceMs)) return std::nullopt;
    const os::IoResult result = os::ReadSome(socket_.get(), reader_.Prepare());
    if (result.kind != os::IoResult::Kind::kDone) return std::nullopt;
    reader_.Commit(result.bytes);
  }
}

CellPeer::CellPeer(os::ChildProcess process, Peer peer, os::UniqueFd input_file,
                   os::UniqueFd output_file, const CellOptions& options)
    : process_(std::move(process)), peer_(std::move(peer)) {
  Result<os::Mapping> inputs = os::Mapping::Map(input_file.get(), options.arena_bytes, true);
  Result<os::Mapping> outputs = os::Mapping::Map(output_file.get(), options.arena_bytes, true);
  if (inputs.ok()) inputs_ = std::move(*inputs);
  if (outputs.ok()) outputs_ = std::move(*outputs);
}

CellPeer::~CellPeer() {
  if (!process_.valid() || process_.TryReap().has_value()) return;
  process_.Signal(SIGKILL);
  WaitForChild(process_);
}

Result<wire::Hello> CellPeer::ReceiveHello() {
  return Decoded(peer_.Receive(), wire::MessageKind::kHello, &wire::DecodeHello);
}

Result<wire::LoadReply> CellPeer::Load(uint32_t slot, const ModelSource& source) {
  wire::LoadRequest request;
  request.slot = slot;
  request.name = "model";
  request.max_batch_size = source.max_batch_size;
  request.inputs = source.inputs;
  request.outputs = source.outputs;
  request.parameters = source.parameters;
  THRONG_ASSIGN_OR_RETURN(const os::UniqueFd file, ArtifactFile(source, request));
  std::vector<std::byte> frame;
  wire::Encode(next_call_id(), request, frame);
  const std::array<int, 1> fds = {file.get()};
  if (!peer_.Send(frame, fds)) return UnavailableError("the stream ended");
  return Decoded(peer_.Receive(), wire::MessageKind::kLoad, &wire::DecodeLoadReply);
}

Status CellPeer::Unload(uint32_t slot) {
  std::vector<std::byte> frame;
  wire::Encode(next_call_id(), wire::UnloadRequest{slot}, frame);
  if (!peer_.Send(frame)) return UnavailableError("the stream ended");
  const std::optional<Message> message = peer_.Receive();
  if (!message.has_value()) return UnavailableError("the stream ended");
  if (message->header.kind != wire::MessageKind::kUnload) return InternalError("another kind");
  if (message->header.code == 0) return OkStatus();
  return wire::DecodeFailure(message->header, message->body);
}

Result<wire::StatsReply> CellPeer::Stats() {
  std::vector<std::byte> frame;
  wire::EncodeEmpty(wire::MessageKind::kStats, next_call_id(), frame);
  if (!peer_.Send(frame)) return UnavailableError("the stream ended");
  return Decoded(peer_.Receive(), wire::MessageKind::kStats, &wire::DecodeStatsReply);
}

uint64_t CellPeer::AppendExecute(uint32_t slot, std::span<const tensor::Tensor> inputs,
                                 uint64_t outputs_consumed, std::vector<uint16_t> requested,
                                 std::vector<std::byte>& out) {
  wire::ExecuteRequest request;
  request.slot = slot;
  request.outputs_consumed = outputs_consumed;
  request.requested_outputs = std::move(requested);
  uint64_t offset = wire::kArenaDataOffset;
  for (const tensor::Tensor& input : inputs) {
    const auto index = static_cast<uint16_t>(request.inputs.size());
    std::copy(input.data.begin(), input.data.end(), inputs_.data() + offset);
    request.inputs.push_back({index, input.type, input.shape, {offset, input.data.size()}});
    offset += (input.data.size() + 63) / 64 * 64;
  }
  const uint64_t call_id = next_call_id();
  wire::Encode(call_id, request, out);
  return call_id;
}

uint64_t CellPeer::SendExecute(uint32_t slot, std::span<const tensor::Tensor> inputs,
                               uint64_t outputs_consumed, std::vector<uint16_t> requested) {
  std::vector<std::byte> frame;
  const uint64_t call_id =
      AppendExecute(slot, inputs, outputs_consumed, std::move(requested), frame);
  peer_.Send(frame);
  return call_id;
}

Result<Reply> CellPeer::ReceiveExecute() {
  const std::optional<Message> message = peer_.Receive();
  if (!message.has_value()) return UnavailableError("the stream ended");
  if (message->header.kind != wire::MessageKind::kExecute) return InternalError("another kind");
  Reply reply;
  reply.call_id = message->header.call_id;
  if (message->header.code != 0) {
    reply.status = wire::DecodeFailure(message->header, message->body);
    return reply;
  }
  THRONG_ASSIGN_OR_RETURN(reply.execute, wire::DecodeExecuteReply(message->body, outputs_.size()));
  for (const wire::WireTensor& output : reply.execute.outputs) {
    const auto bytes = outputs_.bytes().subspan(output.slice.offset, output.slice.size_bytes);
    reply.outputs.push_back({output.type, output.shape, {bytes.begin(), bytes.end()}});
  }
  consumed_ = reply.execute.outputs_produced;
  return reply;
}

Result<Reply> CellPeer::Execute(uint32_t slot, std::span<const tensor::Tensor> inputs) {
  SendExecute(slot, inputs, consumed_);
  THRONG_ASSIGN_OR_RETURN(Reply reply, ReceiveExecute());
  if (!reply.status.ok()) return reply.status;
  return reply;
}

wire::ArenaHeader CellPeer::arena_header() const {
  wire::ArenaHeader header;
  std::memcpy(&header, outputs_.data(), sizeof(header));
  return header;
}

std::optional<os::ProcessExit> CellPeer::WaitForExit() { return WaitForChild(process_); }

Result<std::unique_ptr<FrontDoor>> FrontDoor::Start(std::string_view framework,
                                                    std::vector<std::string> environment) {
  THRONG_ASSIGN_OR_RETURN(auto pair, BlockingPair());
  os::SpawnSpec spec;
  spec.program = std::string(THRONG_LIBEXEC) + "/throng-runner-" + std::string(framework);
  spec.environment = std::move(environment);
  spec.descriptors = {{pair.second.get(), wire::kControlDescriptor}};
  THRONG_ASSIGN_OR_RETURN(os::ChildProcess zygote, os::Spawn(spec));
  pair.second.Reset(-1);
  std::unique_ptr<FrontDoor> door(new FrontDoor(std::move(zygote), Peer(std::move(pair.first))));
  THRONG_ASSIGN_OR_RETURN(
      door->hello_, Decoded(door->peer_.Receive(), wire::MessageKind::kHello, &wire::DecodeHello));
  return door;
}

FrontDoor::~FrontDoor() {
  if (!zygote_.valid() || zygote_.TryReap().has_value()) return;
  zygote_.Signal(SIGKILL);
  WaitForChild(zygote_);
}

Result<std::unique_ptr<CellPeer>> FrontDoor::Fork(const CellOptions& options) {
  THRONG_ASSIGN_OR_RETURN(auto pair, BlockingPair());
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd inputs, os::CreateArenaFile("inputs", options.arena_bytes));
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd outputs,
                          os::CreateArenaFile("outputs", options.arena_bytes));
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd read_only, os::ReopenReadOnly(inputs.get()));
  wire::ForkRequest request;
  request.front_door_pid = os::ProcessId();
  request.user_id = options.user_id;
  request.data_limit_bytes = options.data_limit_bytes;
  request.input_arena_bytes = options.arena_bytes;
  request.output_arena_bytes = options.arena_bytes;
  request.sandbox = options.sandbox;
  std::vector<std::byte> frame;
  wire::Encode(1, request, frame);
  const std::array<int, 3> fds = {pair.second.get(), read_only.get(), outputs.get()};
  if (!peer_.Send(frame, fds)) return UnavailableError("the zygote is gone");
  THRONG_ASSIGN_OR_RETURN(
      const wire::ForkReply reply,
      Decoded(peer_.Receive(), wire::MessageKind::kFork, &wire::DecodeForkReply));
  THRONG_ASSIGN_OR_RETURN(os::ChildProcess process, os::AdoptChild(reply.pid));
  return std::make_unique<CellPeer>(std::move(process), Peer(std::move(pair.first)),
                                    std::move(inputs), std::move(outputs), options);
}

std::optional<os::ProcessExit> FrontDoor::WaitForExit() { return WaitForChild(zygote_); }

std::optional<os::ProcessExit> WaitForChild(os::ChildProcess& child) {
  if (!os::WaitReadable(child.pidfd(), kPatienceMs)) return std::nullopt;
  return child.TryReap();
}

tensor::Tensor Fp32(tensor::Shape shape, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  return {tensor::DataType::kFp32, std::move(shape), {bytes.begin(), bytes.end()}};
}

tensor::Tensor Strings(tensor::Shape shape, std::span<const std::string> values) {
  tensor::Tensor tensor{tensor::DataType::kBytes, std::move(shape), {}};
  for (const std::string& value : values) tensor::AppendBytesElement(value, tensor.data);
  return tensor;
}

}  // namespace throng::sdk::testing
