// The reading half of wire/messages.h. Every byte here may come from a process that a model has
// taken over.
#include "base/limits.h"
#include "wire/body_codec.h"
#include "wire/messages.h"

namespace throng::wire {
namespace {

// Least bytes of one encoded element: what a count is checked against before anything is reserved.
constexpr size_t kStringBytes = sizeof(uint32_t);
constexpr size_t kFileBytes = kStringBytes + sizeof(Slice);
constexpr size_t kNamedTensorBytes = kStringBytes + 1 + sizeof(uint32_t) + 1;
constexpr size_t kWireTensorBytes = sizeof(uint16_t) + 1 + sizeof(uint32_t) + sizeof(Slice);

// kInvalid stands for "not known" in a model's metadata.
tensor::DataType ReadDataType(std::string_view field, BodyReader& reader) {
  const auto number = reader.Integer<uint8_t>(field);
  const tensor::DataType type = tensor::DataTypeFromInt(number);
  if (number != 0 && type == tensor::DataType::kInvalid) reader.Fail(field, "has no such datatype");
  return type;
}

std::vector<model::TensorConfig> ReadTensorConfigs(std::string_view field, BodyReader& reader) {
  std::vector<model::TensorConfig> tensors(
      reader.Count(field, limits::kModelTensors, kNamedTensorBytes));
  for (model::TensorConfig& tensor : tensors) {
    tensor.name = reader.String(field);
    tensor.type = ReadDataType(field, reader);
    tensor.dims = reader.Shape(field, -1);
    tensor.optional = reader.Bool(field);
    if (!reader.ok()) break;
  }
  return tensors;
}

std::vector<model::TensorMetadata> ReadTensorMetadata(std::string_view field, BodyReader& reader) {
  std::vector<model::TensorMetadata> tensors(
      reader.Count(field, limits::kModelTensors, kNamedTensorBytes));
  for (model::TensorMetadata& tensor : tensors) {
    tensor.name = reader.String(field);
    tensor.type = ReadDataType(field, reader);
    tensor.shape = reader.Shape(field, -1);
    tensor.optional = reader.Bool(field);
    if (!reader.ok()) break;
  }
  return tensors;
}

// The sum of all sizes is bounded too: slices may overlap, and 256 of them over the same large
// range would multiply what the reader has to print.
std::vector<WireTensor> ReadWireTensors(std::string_view field, uint64_t arena_bytes,
                                        uint64_t total_limit_bytes, BodyReader& reader) {
  std::vector<WireTensor> tensors(
      reader.Count(field, limits::kTensorsPerRequest, kWireTensorBytes));
  uint64_t total_bytes = 0;
  for (WireTensor& tensor : tensors) {
    tensor.index = reader.Integer<uint16_t>(field);
    tensor.type = ReadDataType(field, reader);
    if (tensor.type == tensor::DataType::kInvalid) reader.Fail(field, "has no datatype");
    tensor.shape = reader.Shape(field, 0);
    tensor.slice = reader.SliceWithin(field, kArenaDataOffset, arena_bytes);
    if (!reader.ok()) break;
    total_bytes += tensor.slice.size_bytes;  // 256 times at most arena_bytes < 2^56
    if (total_bytes > total_limit_bytes) {
      reader.Fail(field,
                  "together are larger than " + std::to_string(total_limit_bytes) + " bytes");
      break;
    }
  }
  return tensors;
}

template <typename Message>
Result<Message> Finish(BodyReader& reader, Message message) {
  THRONG_RETURN_IF_ERROR(reader.Finish());
  return message;
}

}  // namespace

Result<Hello> DecodeHello(std::span<const std::byte> body) {
  BodyReader reader("hello", body);
  Hello message;
  message.is_cell = reader.Bool("is_cell");
  message.framework = reader.String("framework");
  message.framework_version = reader.String("framework_version");
  message.syscall_filter = reader.Bool("syscall_filter");
  message.landlock = reader.Bool("landlock");
  message.own_user = reader.Bool("own_user");
  message.resource_limits = reader.Bool("resource_limits");
  message.sandbox_refused = CleanText(reader.String("sandbox_refused"));
  return Finish(reader, std::move(message));
}

Result<ForkRequest> DecodeForkRequest(std::span<const std::byte> body) {
  BodyReader reader("fork", body);
  ForkRequest message;
  message.front_door_pid = reader.Integer<int32_t>("front_door_pid");
  message.user_id = reader.Integer<uint32_t>("user_id");
  message.data_limit_bytes = reader.Integer<uint64_t>("data_limit_bytes");
  message.input_arena_bytes = reader.Integer<uint64_t>("input_arena_bytes");
  message.output_arena_bytes = reader.Integer<uint64_t>("output_arena_bytes");
  const auto sandbox = reader.Integer<uint8_t>("sandbox");
  if (sandbox > static_cast<uint8_t>(SandboxMode::kOff)) reader.Fail("sandbox", "must be 0 or 1");
  if (reader.ok()) message.sandbox = static_cast<SandboxMode>(sandbox);
  message.is_spare = reader.Bool("is_spare");
  return Finish(reader, message);
}

Result<ForkReply> DecodeForkReply(std::span<const std::byte> body) {
  BodyReader reader("fork reply", body);
  ForkReply message;
  message.pid = reader.Integer<int32_t>("pid");
  // 0 and negative numbers address process groups in kill and waitpid.
  if (message.pid < 1) reader.Fail("pid", "must be positive");
  return Finish(reader, message);
}

Result<LoadRequest> DecodeLoadRequest(std::span<const std::byte> body) {
  BodyReader reader("load", body);
  LoadRequest message;
  message.slot = reader.Integer<uint32_t>("slot");
  message.name = reader.String("name");
  message.version = reader.Integer<int64_t>("version");
  message.platform = reader.String("platform");
  message.artifact_bytes = reader.Integer<uint64_t>("artifact_bytes");
  if (message.artifact_bytes > limits::kArtifactBytes) {
    reader.Fail("artifact_bytes", "is over " + std::to_string(limits::kArtifactBytes));
  }
  message.files.resize(reader.Count("files", limits::kArtifactFiles, kFileBytes));
  for (ArtifactFile& file : message.files) {
    file.name = reader.String("files");
    file.slice = reader.SliceWithin("files", 0, message.artifact_bytes);
    if (!reader.ok()) break;
  }
  message.max_batch_size = reader.Integer<int64_t>("max_batch_size");
  message.inputs = ReadTensorConfigs("inputs", reader);
  message.outputs = ReadTensorConfigs("outputs", reader);
  const size_t parameter_count =
      reader.Count("parameters", limits::kModelParameters, 2 * kStringBytes);
  for (size_t i = 0; i < parameter_count && reader.ok(); ++i) {
    std::string key = reader.String("parameters");
    message.parameters[std::move(key)] = reader.String("parameters");
  }
  return Finish(reader, std::move(message));
}

Result<LoadReply> DecodeLoadReply(std::span<const std::byte> body) {
  BodyReader reader("load reply", body);
  LoadReply message;
  message.metadata.inputs = ReadTensorMetadata("inputs", reader);
  message.metadata.outputs = ReadTensorMetadata("outputs", reader);
  message.metadata.max_batch_size = reader.Integer<int64_t>("max_batch_size");
  if (message.metadata.max_batch_size < 0) reader.Fail("max_batch_size", "must not be negative");
  message.metadata.accepts_anything = reader.Bool("accepts_anything");
  message.warnings.resize(reader.Count("warnings", limits::kLoadWarnings, kStringBytes));
  for (std::string& warning : message.warnings) {
    warning = CleanText(reader.String("warnings"));
  }
  message.load_ns = reader.Integer<uint64_t>("load_ns");
  return Finish(reader, std::move(message));
}

Result<UnloadRequest> DecodeUnloadRequest(std::span<const std::byte> body) {
  BodyReader reader("unload", body);
  UnloadRequest message;
  message.slot = reader.Integer<uint32_t>("slot");
  return Finish(reader, message);
}

Result<ExecuteRequest> DecodeExecuteRequest(std::span<const std::byte> body, uint64_t arena_bytes) {
  BodyReader reader("execute", body);
  ExecuteRequest message;
  message.slot = reader.Integer<uint32_t>("slot");
  message.outputs_consumed = reader.Integer<uint64_t>("outputs_consumed");
  message.inputs = ReadWireTensors("inputs", arena_bytes, limits::kArenaBytes, reader);
  message.requested_outputs.resize(
      reader.Count("requested_outputs", limits::kTensorsPerRequest, sizeof(uint16_t)));
  for (uint16_t& output : message.requested_outputs) {
    output = reader.Integer<uint16_t>("requested_outputs");
  }
  return Finish(reader, std::move(message));
}

Result<ExecuteReply> DecodeExecuteReply(std::span<const std::byte> body, uint64_t arena_bytes) {
  BodyReader reader("execute reply", body);
  ExecuteReply message;
  message.outputs_produced = reader.Integer<uint64_t>("outputs_produced");
  message.compute_ns = reader.Integer<uint64_t>("compute_ns");
  message.outputs = ReadWireTensors("outputs", arena_bytes, limits::kReplyTensorBytes, reader);
  return Finish(reader, std::move(message));
}

Result<Consumed> DecodeConsumed(std::span<const std::byte> body) {
  BodyReader reader("consumed", body);
  Consumed message;
  message.outputs_consumed = reader.Integer<uint64_t>("outputs_consumed");
  return Finish(reader, message);
}

Result<StatsReply> DecodeStatsReply(std::span<const std::byte> body) {
  BodyReader reader("stats reply", body);
  StatsReply message;
  message.models = reader.Integer<uint32_t>("models");
  message.calls = reader.Integer<uint64_t>("calls");
  message.heap_bytes = reader.Integer<uint64_t>("heap_bytes");
  return Finish(reader, message);
}

}  // namespace throng::wire
