// The runner protocol: what the front door and runner processes say to each other over a stream
// socket. A message is a MessageHeader and a body of header.body_bytes; descriptors (Fork, Load)
// come attached to its first byte. Tensors travel in arenas (wire/space_allocator.h), never in
// messages.
//
//   to a zygote    Fork{3 descriptors}  Shutdown          from it  Hello, Fork reply
//   to a cell      Load{1 descriptor}  Unload  Execute  Cancel  Consumed  Stats  Shutdown
//   from a cell    Hello, and one reply of the same kind and call_id for each Load, Unload,
//                  Execute and Stats, in the order in which they were sent
//
// Each side treats what it reads as hostile: decoding copies first, then checks every count, length
// and slice, and fails with kInvalidArgument. Integers are little-endian as on every machine that
// Throng supports. Encoding functions append to `out`.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "tensor/tensor.h"

namespace throng::wire {

inline constexpr uint32_t kMagic = 0x474e5254;  // "TRNG"
inline constexpr uint16_t kProtocolVersion = 1;
// Descriptor number of the control socket in a zygote.
inline constexpr int kControlDescriptor = 3;

enum class MessageKind : uint16_t {
  kHello = 1,
  kFork = 2,
  kLoad = 3,
  kUnload = 4,
  kExecute = 5,
  kCancel = 6,    // header only: drop call_id if it has not started (it is still answered)
  kConsumed = 7,  // the front door has read outputs up to a cursor
  kStats = 8,
  kShutdown = 9,  // header only: exit cleanly
};

struct MessageHeader {
  uint32_t magic = kMagic;
  uint16_t protocol = kProtocolVersion;
  MessageKind kind = MessageKind::kHello;
  uint64_t call_id = 0;
  uint32_t code = 0;  // replies: a StatusCode; its text is the body when it is not kOk
  uint32_t body_bytes = 0;
};
static_assert(sizeof(MessageHeader) == 24);

// Bytes in an arena.
struct Slice {
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

// First bytes of the output arena; tensors start behind it. Written by the cell, so a hint only.
struct ArenaHeader {
  uint64_t running_call_id = 0;  // 0: none. Set before a call (or load) starts, cleared after it.
  uint64_t started_ns = 0;       // CLOCK_MONOTONIC at that moment
  uint8_t reserved[48] = {};
};
static_assert(sizeof(ArenaHeader) == 64);
inline constexpr uint64_t kArenaDataOffset = 4096;

enum class SandboxMode : uint8_t { kOn = 0, kOff = 1 };

struct Hello {
  bool is_cell = false;
  std::string framework;
  std::string framework_version;
  // Of a cell; all false in a zygote's.
  bool syscall_filter = false;
  bool landlock = false;
  bool own_user = false;
  bool resource_limits = false;
  std::string sandbox_refused;  // why a part is missing
};

// Descriptors: the cell's end of its socket, the input arena (read-only), the output arena.
struct ForkRequest {
  int32_t front_door_pid = 0;
  uint32_t user_id = 0;           // 0: keep
  uint64_t data_limit_bytes = 0;  // RLIMIT_DATA above what is in use at the fork
  uint64_t input_arena_bytes = 0;
  uint64_t output_arena_bytes = 0;
  SandboxMode sandbox = SandboxMode::kOn;
  bool is_spare = false;  // nobody waits for it: it may use the time to rehearse
};
struct ForkReply {
  int32_t pid = 0;
};

struct ArtifactFile {
  std::string name;
  Slice slice;  // in the artefact's memory file
};

// Descriptor: the artefact's sealed memory file.
struct LoadRequest {
  uint32_t slot = 0;  // chosen by the front door; names the model in later messages
  std::string name;
  int64_t version = 1;
  std::string platform;
  uint64_t artifact_bytes = 0;
  std::vector<ArtifactFile> files;
  int64_t max_batch_size = 0;
  std::vector<model::TensorConfig> inputs;  // from a configuration; may be empty
  std::vector<model::TensorConfig> outputs;
  std::map<std::string, std::string> parameters;
};
struct LoadReply {
  model::ModelMetadata metadata;
  std::vector<std::string> warnings;
  uint64_t load_ns = 0;
};

struct UnloadRequest {
  uint32_t slot = 0;
};

struct WireTensor {
  uint16_t index = 0;  // into the metadata's inputs or outputs
  tensor::DataType type = tensor::DataType::kInvalid;
  tensor::Shape shape;
  Slice slice;  // in the input arena (requests) or the output arena (replies)
};

struct ExecuteRequest {
  uint32_t slot = 0;
  uint64_t outputs_consumed = 0;  // cursor of the output space that may be reused
  std::vector<WireTensor> inputs;
  std::vector<uint16_t> requested_outputs;  // empty: all
};
struct ExecuteReply {
  uint64_t outputs_produced = 0;  // cursor after this reply's outputs
  uint64_t compute_ns = 0;
  std::vector<WireTensor> outputs;
};

struct Consumed {
  uint64_t outputs_consumed = 0;
};

struct StatsReply {
  uint32_t models = 0;
  uint64_t calls = 0;
  uint64_t heap_bytes = 0;  // in use, by the allocator's own account
};

// Writes header + body. For a reply that failed, see EncodeFailure.
void Encode(const Hello& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const ForkRequest& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const ForkReply& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const LoadRequest& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const LoadReply& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const UnloadRequest& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const ExecuteRequest& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const ExecuteReply& message, std::vector<std::byte>& out);
void Encode(const Consumed& message, std::vector<std::byte>& out);
void Encode(uint64_t call_id, const StatsReply& message, std::vector<std::byte>& out);
// Messages without a body: Cancel, Stats requests, Shutdown, Unload replies.
void EncodeEmpty(MessageKind kind, uint64_t call_id, std::vector<std::byte>& out);
// A failed reply; the text is cut at limits::kErrorTextBytes.
void EncodeFailure(MessageKind kind, uint64_t call_id, const Status& status,
                   std::vector<std::byte>& out);

// ERRORS of all: kInvalidArgument.
Result<Hello> DecodeHello(std::span<const std::byte> body);
Result<ForkRequest> DecodeForkRequest(std::span<const std::byte> body);
Result<ForkReply> DecodeForkReply(std::span<const std::byte> body);
Result<LoadRequest> DecodeLoadRequest(std::span<const std::byte> body);
Result<LoadReply> DecodeLoadReply(std::span<const std::byte> body);
Result<UnloadRequest> DecodeUnloadRequest(std::span<const std::byte> body);
// Checks slices against the arena's size.
Result<ExecuteRequest> DecodeExecuteRequest(std::span<const std::byte> body, uint64_t arena_bytes);
Result<ExecuteReply> DecodeExecuteReply(std::span<const std::byte> body, uint64_t arena_bytes);
Result<Consumed> DecodeConsumed(std::span<const std::byte> body);
Result<StatsReply> DecodeStatsReply(std::span<const std::byte> body);
// The Status that a reply's header and body carry (control characters removed from the text).
Status DecodeFailure(const MessageHeader& header, std::span<const std::byte> body);

}  // namespace throng::wire
