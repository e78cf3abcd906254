// Cell: the loop of a cell process. It holds models, takes frames from the front door, runs one
// call at a time in the order of arrival and answers in that order.
//
// Before each call it names the call in the output arena (wire::ArenaHeader), so that the front
// door knows the suspect when the process dies. Cancel and Consumed take effect as soon as they are
// read; all else waits its turn. Replies leave together while further calls wait, unless one would
// wait too long. Single-threaded; lives as long as its process.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "os/memory_file.h"
#include "runners/sdk/arena_sink.h"
#include "runners/sdk/backend.h"
#include "runners/sdk/channel.h"
#include "wire/messages.h"

namespace throng::sdk {

class Cell {
 public:
  // `input_arena` is mapped read-only, `output_arena` writable and larger than
  // wire::kArenaDataOffset.
  Cell(Channel& channel, Backend& backend, os::Mapping input_arena, os::Mapping output_arena);
  Cell(const Cell&) = delete;
  Cell& operator=(const Cell&) = delete;

  // Until the front door closes the socket or says Shutdown: 0. When it breaks the protocol: 1.
  int Run();

 private:
  struct Call {
    wire::MessageHeader header;
    bool cancelled = false;
    Status refused;                // an Execute that could not be decoded
    wire::ExecuteRequest execute;  // of an Execute
    std::vector<std::byte> body;   // of all others
    os::UniqueFd artifact;         // of a Load
  };
  struct Slot {
    std::unique_ptr<LoadedModel> model;
    uint64_t last_compute_ns = UINT64_MAX;  // not known: a reply must not wait for it
  };

  bool Receive(Channel::Wait wait);
  bool TakeFrames();
  bool Enqueue(const wire::Frame& frame);
  bool WaitForRoom();
  void RefreshQueue();

  void Serve(Call& call);
  void ServeExecute(Call& call);
  void ServeLoad(Call& call);
  Result<wire::LoadReply> Load(Call& call);
  void ServeUnload(Call& call);
  Status Unload(const Call& call);
  void ServeStats(const Call& call);

  Status RunModel(LoadedModel& model, const wire::ExecuteRequest& request);
  void MarkRunning(uint64_t call_id, uint64_t started_ns);
  // Sends what waits when the next call may take long, or when there is much of it.
  void FlushBefore(const Call& next);
  void Flush();
  void ReplyAdded();
  void Fail(const Call& call, const Status& status);

  Channel& channel_;
  Backend& backend_;
  os::Mapping input_arena_;
  os::Mapping output_arena_;
  ArenaSink sink_;
  std::deque<Call> calls_;
  std::unordered_map<uint32_t, Slot> slots_;
  std::vector<Input> inputs_;
  uint64_t calls_run_ = 0;
  uint64_t received_ns_ = 0;      // when the socket was last read
  uint64_t now_ns_ = 0;           // when the last call ended
  uint64_t oldest_reply_ns_ = 0;  // 0: nothing is unsent
  bool ended_ = false;
  int exit_status_ = 0;
};

}  // namespace throng::sdk
