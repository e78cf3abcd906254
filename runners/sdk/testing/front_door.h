// FrontDoor: plays the front door for one runner program, for tests of runners: starts its zygote,
// has it fork cells, talks the protocol over blocking sockets. Every wait is bounded. Use it on the
// main thread (the processes die with the thread that made them). Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "os/memory_file.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "tensor/tensor.h"
#include "wire/frame_reader.h"
#include "wire/messages.h"

namespace throng::sdk::testing {

struct Message {
  wire::MessageHeader header;
  std::vector<std::byte> body;
};

// A blocking socket that speaks frames.
class Peer {
 public:
  explicit Peer(os::UniqueFd socket) : socket_(std::move(socket)) {}
  bool Send(std::span<const std::byte> bytes, std::span<const int> fds = {});
  // Nothing at the end of the stream, after an error of it, or after 30 seconds.
  std::optional<Message> Receive();
  int fd() const { return socket_.get(); }
  void Close() { socket_.Reset(-1); }

 private:
  os::UniqueFd socket_;
  wire::FrameReader reader_;
};

struct CellOptions {
  uint64_t arena_bytes = 1 << 20;
  uint64_t data_limit_bytes = 256ULL << 20;
  uint32_t user_id = 0;
  wire::SandboxMode sandbox = wire::SandboxMode::kOn;
};

struct ModelSource {
  std::vector<std::pair<std::string, std::string>> files;  // name, content
  int64_t max_batch_size = 0;
  std::vector<model::TensorConfig> inputs;
  std::vector<model::TensorConfig> outputs;
  std::map<std::string, std::string> parameters;
};

struct Reply {
  uint64_t call_id = 0;
  Status status;
  wire::ExecuteReply execute;
  std::vector<tensor::Tensor> outputs;  // copied from the arena, beside execute.outputs
};

// A cell; SIGKILLed and reaped by the destructor when it still runs.
class CellPeer {
 public:
  CellPeer(os::ChildProcess process, Peer peer, os::UniqueFd input_file, os::UniqueFd output_file,
           const CellOptions& options);
  ~CellPeer();

  Peer& peer() { return peer_; }
  const os::ChildProcess& process() const { return process_; }
  // The Hello that came first.
  Result<wire::Hello> ReceiveHello();

  Result<wire::LoadReply> Load(uint32_t slot, const ModelSource& source);
  Status Unload(uint32_t slot);
  Result<wire::StatsReply> Stats();
  // Sends an Execute with these inputs (copied to the arena one after another from its start) and
  // returns its call_id. `outputs_consumed` as in wire::ExecuteRequest.
  uint64_t SendExecute(uint32_t slot, std::span<const tensor::Tensor> inputs,
                       uint64_t outputs_consumed = 0, std::vector<uint16_t> requested = {});
  // The frame that SendExecute would send, to be sent with others.
  uint64_t AppendExecute(uint32_t slot, std::span<const tensor::Tensor> inputs,
                         uint64_t outputs_consumed, std::vector<uint16_t> requested,
                         std::vector<std::byte>& out);
  // The next reply to an Execute. ERRORS: kUnavailable — the stream ended.
  Result<Reply> ReceiveExecute();
  // Both. A failed call is an error too. All outputs are consumed by the next Execute.
  Result<Reply> Execute(uint32_t slot, std::span<const tensor::Tensor> inputs);

  wire::ArenaHeader arena_header() const;
  // Waits for the end of the process.
  std::optional<os::ProcessExit> WaitForExit();
  uint64_t next_call_id() { return ++last_call_id_; }

 private:
  os::ChildProcess process_;
  Peer peer_;
  os::Mapping inputs_;
  os::Mapping outputs_;
  uint64_t last_call_id_ = 0;
  uint64_t consumed_ = 0;
};

class FrontDoor {
 public:
  // "null": build/libexec/throng-runner-null.
  static Result<std::unique_ptr<FrontDoor>> Start(std::string_view framework,
                                                  std::vector<std::string> environment = {});
  ~FrontDoor();

  const wire::Hello& hello() const { return hello_; }
  Result<std::unique_ptr<CellPeer>> Fork(const CellOptions& options = {});
  Peer& peer() { return peer_; }
  os::ChildProcess& zygote() { return zygote_; }
  std::optional<os::ProcessExit> WaitForExit();

 private:
  FrontDoor(os::ChildProcess zygote, Peer peer)
      : zygote_(std::move(zygote)), peer_(std::move(peer)) {}

  os::ChildProcess zygote_;
  Peer peer_;
  wire::Hello hello_;
};

// Polls the pidfd of a child, then reaps it. Nothing after 30 seconds.
std::optional<os::ProcessExit> WaitForChild(os::ChildProcess& child);

tensor::Tensor Fp32(tensor::Shape shape, std::span<const float> values);
tensor::Tensor Strings(tensor::Shape shape, std::span<const std::string> values);

}  // namespace throng::sdk::testing
