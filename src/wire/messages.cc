#include "wire/messages.h"

#include <algorithm>

#include "base/limits.h"
#include "wire/body_codec.h"

namespace throng::wire {
namespace {

constexpr auto kSuccess = static_cast<uint32_t>(StatusCode::kOk);

void WriteTensorConfigs(const std::vector<model::TensorConfig>& tensors, BodyWriter& writer) {
  writer.Integer(static_cast<uint32_t>(tensors.size()));
  for (const model::TensorConfig& tensor : tensors) {
    writer.String(tensor.name);
    writer.Integer(static_cast<uint8_t>(tensor.type));
    writer.Shape(tensor.dims);
    writer.Bool(tensor.optional);
  }
}

void WriteTensorMetadata(const std::vector<model::TensorMetadata>& tensors, BodyWriter& writer) {
  writer.Integer(static_cast<uint32_t>(tensors.size()));
  for (const model::TensorMetadata& tensor : tensors) {
    writer.String(tensor.name);
    writer.Integer(static_cast<uint8_t>(tensor.type));
    writer.Shape(tensor.shape);
    writer.Bool(tensor.optional);
  }
}

void WriteWireTensors(const std::vector<WireTensor>& tensors, BodyWriter& writer) {
  writer.Integer(static_cast<uint32_t>(tensors.size()));
  for (const WireTensor& tensor : tensors) {
    writer.Integer(tensor.index);
    writer.Integer(static_cast<uint8_t>(tensor.type));
    writer.Shape(tensor.shape);
    writer.SliceField(tensor.slice);
  }
}

}  // namespace

void Encode(const Hello& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kHello, 0, kSuccess, out);
  writer.Bool(message.is_cell);
  writer.String(message.framework);
  writer.String(message.framework_version);
  writer.Bool(message.syscall_filter);
  writer.Bool(message.landlock);
  writer.Bool(message.own_user);
  writer.Bool(message.resource_limits);
  writer.String(CleanText(message.sandbox_refused));
  writer.Finish();
}

void Encode(uint64_t call_id, const ForkRequest& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kFork, call_id, kSuccess, out);
  writer.Integer(message.front_door_pid);
  writer.Integer(message.user_id);
  writer.Integer(message.data_limit_bytes);
  writer.Integer(message.input_arena_bytes);
  writer.Integer(message.output_arena_bytes);
  writer.Integer(static_cast<uint8_t>(message.sandbox));
  writer.Bool(message.is_spare);
  writer.Finish();
}

void Encode(uint64_t call_id, const ForkReply& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kFork, call_id, kSuccess, out);
  writer.Integer(message.pid);
  writer.Finish();
}

void Encode(uint64_t call_id, const LoadRequest& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kLoad, call_id, kSuccess, out);
  writer.Integer(message.slot);
  writer.String(message.name);
  writer.Integer(message.version);
  writer.String(message.platform);
  writer.Integer(message.artifact_bytes);
  writer.Integer(static_cast<uint32_t>(message.files.size()));
  for (const ArtifactFile& file : message.files) {
    writer.String(file.name);
    writer.SliceField(file.slice);
  }
  writer.Integer(message.max_batch_size);
  WriteTensorConfigs(message.inputs, writer);
  WriteTensorConfigs(message.outputs, writer);
  writer.Integer(static_cast<uint32_t>(message.parameters.size()));
  for (const auto& [key, value] : message.parameters) {
    writer.String(key);
    writer.String(value);
  }
  writer.Finish();
}

void Encode(uint64_t call_id, const LoadReply& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kLoad, call_id, kSuccess, out);
  WriteTensorMetadata(message.metadata.inputs, writer);
  WriteTensorMetadata(message.metadata.outputs, writer);
  writer.Integer(message.metadata.max_batch_size);
  writer.Bool(message.metadata.accepts_anything);
  const size_t warning_count = std::min(message.warnings.size(), limits::kLoadWarnings);
  writer.Integer(static_cast<uint32_t>(warning_count));
  for (size_t i = 0; i < warning_count; ++i) writer.String(CleanText(message.warnings[i]));
  writer.Integer(message.load_ns);
  writer.Finish();
}

void Encode(uint64_t call_id, const UnloadRequest& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kUnload, call_id, kSuccess, out);
  writer.Integer(message.slot);
  writer.Finish();
}

void Encode(uint64_t call_id, const ExecuteRequest& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kExecute, call_id, kSuccess, out);
  writer.Integer(message.slot);
  writer.Integer(message.outputs_consumed);
  WriteWireTensors(message.inputs, writer);
  writer.Integer(static_cast<uint32_t>(message.requested_outputs.size()));
  for (const uint16_t output : message.requested_outputs) writer.Integer(output);
  writer.Finish();
}

void Encode(uint64_t call_id, const ExecuteReply& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kExecute, call_id, kSuccess, out);
  writer.Integer(message.outputs_produced);
  writer.Integer(message.compute_ns);
  WriteWireTensors(message.outputs, writer);
  writer.Finish();
}

void Encode(const Consumed& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kConsumed, 0, kSuccess, out);
  writer.Integer(message.outputs_consumed);
  writer.Finish();
}

void Encode(uint64_t call_id, const StatsReply& message, std::vector<std::byte>& out) {
  BodyWriter writer(MessageKind::kStats, call_id, kSuccess, out);
  writer.Integer(message.models);
  writer.Integer(message.calls);
  writer.Integer(message.heap_bytes);
  writer.Finish();
}

void EncodeEmpty(MessageKind kind, uint64_t call_id, std::vector<std::byte>& out) {
  BodyWriter(kind, call_id, kSuccess, out).Finish();
}

void EncodeFailure(MessageKind kind, uint64_t call_id, const Status& status,
                   std::vector<std::byte>& out) {
  BodyWriter writer(kind, call_id, static_cast<uint32_t>(status.code()), out);
  writer.Rest(CleanText(status.message()));
  writer.Finish();
}

Status DecodeFailure(const MessageHeader& header, std::span<const std::byte> body) {
  const StatusCode code = StatusCodeFromInt(header.code);
  if (code == StatusCode::kOk) return OkStatus();
  return Status(code, CleanText({reinterpret_cast<const char*>(body.data()), body.size()}));
}

}  // namespace throng::wire
