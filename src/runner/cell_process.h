// CellProcess: a Cell that is a real, sandboxed process. Made by RunnerPool from a zygote's fork.
//
// Calls are answered in the order in which they were sent, so the pending ones are a queue. What is
// sent in one round of the event loop goes out in one system call. All replies are checked as if an
// enemy had written them; a reply that breaks the protocol ends the cell. From then on it is
// broken: nothing is read or sent, and what is pending, calls made meanwhile too, completes when
// the process is known to have ended.
//
// Runs on the data plane's event loop only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "os/event_loop.h"
#include "os/memory_file.h"
#include "os/process.h"
#include "os/thread_pool.h"
#include "runner/runner.h"
#include "runner/runner_options.h"
#include "wire/frame_reader.h"
#include "wire/messages.h"
#include "wire/space_allocator.h"

namespace throng::runner {

class CellProcess final : public Cell, public std::enable_shared_from_this<CellProcess> {
 public:
  struct Parts {
    CellId id = 0;
    std::string framework;
    os::ChildProcess process;
    os::UniqueFd socket;
    os::UniqueFd input_arena;
    os::UniqueFd output_arena;
    os::Mapping input_mapping;   // writable
    os::Mapping output_mapping;  // read-only
    uint32_t user_id = 0;
    RunnerDeadlines deadlines;
  };
  // `on_hello` runs once: with what the cell says of its sandbox, or with the reason that it never
  // came up. `on_exit` runs once, last.
  using HelloHandler = Done<Result<wire::Hello>>;
  using ExitHandler = Done<CellExit>;

  CellProcess(os::EventLoop& loop, os::ThreadPool& threads, Parts parts);
  ~CellProcess() override;

  // Begins to listen to the process. REQUIRES: called once.
  void Start(HelloHandler on_hello, ExitHandler on_exit);

  CellId id() const override { return parts_.id; }
  const std::string& framework() const override { return parts_.framework; }
  int64_t process_id() const override { return parts_.process.pid(); }
  bool alive() const override { return alive_ && !broken_; }
  bool accepts_models() const override { return alive() && !orphaned_ && !ended_by_us_; }
  uint32_t user_id() const { return parts_.user_id; }
  void SetOrphaned() { orphaned_ = true; }

  void Load(LoadSpec spec, Done<LoadResult> done) override;
  void Unload(uint32_t slot, Done<Status> done) override;
  uint64_t Execute(uint32_t slot, std::span<const ExecuteInput> inputs,
                   std::span<const uint16_t> requested_outputs, Done<ExecuteResult> done) override;
  void Cancel(uint64_t call_id) override;
  size_t calls_in_flight() const override { return pending_.size(); }
  MonotonicTime running_since() const override { return running_since_; }
  bool is_loading() const override {
    return !pending_.empty() && pending_.front().kind == wire::MessageKind::kLoad;
  }
  void End(CellExitCause cause) override;
  void MeasureMemory(Done<Result<uint64_t>> done) override;

 private:
  struct Pending {
    uint64_t call_id = 0;
    wire::MessageKind kind = wire::MessageKind::kHello;
    uint32_t slot = 0;
    MonotonicTime in_cell_since{};  // it began to run then, or later
    uint64_t input_cursor = 0;      // of the input space; freed when the call is answered
    Done<LoadResult> load_done;
    Done<Status> unload_done;
    Done<ExecuteResult> execute_done;  // empty: cancelled
  };
  // Bytes to send; a descriptor goes with the first of them.
  struct Outgoing {
    std::vector<std::byte> bytes;
    size_t sent_bytes = 0;
    std::shared_ptr<const artifact::Artifact> artifact;  // keeps the descriptor open
  };

  void OnSocket(uint32_t events);
  void ReadReplies();
  Status HandleFrame(const wire::Frame& frame);
  Status HandleReply(const wire::Frame& frame);
  void SetUrgency(os::Urgency urgency);
  Duration AtMostMeasured(uint64_t claimed_ns, const Pending& pending) const;
  void CompleteLoad(Pending& pending, const wire::Frame& frame);
  Status CompleteExecute(Pending& pending, const wire::Frame& frame);
  Result<std::vector<OutputTensor>> CopyOutputs(const wire::ExecuteReply& reply);
  Status TakeOutputs(const wire::ExecuteReply& reply, ExecuteResult& result);
  Result<std::vector<wire::WireTensor>> PlaceInputs(std::span<const ExecuteInput> inputs,
                                                    uint64_t& cursor);

  void AddPending(Pending pending);
  void CompleteLater(Done<ExecuteResult> done, ExecuteResult result);
  std::vector<std::byte>& OutgoingBytes();
  void ScheduleFlush();
  void Flush();
  void TrimArenas();

  void OnHelloDeadline();
  // No further byte is read or sent; the process must go.
  void Break();
  // The protocol was broken.
  void Violate(const std::string& what);
  void OnProcessEnded();
  CellExit DescribeExit(const os::ProcessExit& exit) const;
  void FailPending(const CellExit& exit);

  os::EventLoop& loop_;
  os::ThreadPool& threads_;
  Parts parts_;
  HelloHandler on_hello_;
  ExitHandler on_exit_;
  bool alive_ = true;  // not known to have ended
  bool broken_ = false;
  uint64_t last_call_before_broken_ = UINT64_MAX;
  bool orphaned_ = false;
  bool flush_scheduled_ = false;
  bool ended_by_us_ = false;
  CellExitCause end_cause_ = CellExitCause::kOutside;  // when ended_by_us_
  std::string violation_;

  wire::FrameReader reader_;
  std::deque<Outgoing> outgoing_;
  std::deque<Pending> pending_;
  wire::SpaceAllocator input_space_;
  uint64_t output_high_water_ = 0;  // largest offset of an output since the last trim
  uint64_t outputs_consumed_ = 0;
  uint64_t outputs_consumed_told_ = 0;
  uint64_t last_call_id_ = 0;
  uint32_t last_slot_ = 0;
  MonotonicTime running_since_{};
  Executor::TimerId hello_timer_ = 0;
  Executor::TimerId stop_timer_ = 0;
};

// "SIGSEGV (invalid memory access)"; for signals without a text of ours "signal N".
std::string DescribeSignal(int signal_number);

}  // namespace throng::runner
