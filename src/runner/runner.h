// Cells as the rest of the server sees them. residency/ and scheduler/ reach runner processes only
// through this header, and their tests through runner/testing/fake_runner.h, which passes the same
// contract test as the real thing.
//
// Everything runs on one executor (the data plane's); nothing blocks. Each `done` is called exactly
// once, never from inside the call that took it. When a cell dies, all its pending calls complete
// first (with cell_died), then the exit handler runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/artifact.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/unique_function.h"
#include "model/model_config.h"
#include "model/model_name.h"
#include "tensor/tensor.h"

namespace throng::runner {

using CellId = uint64_t;

struct LoadSpec {
  model::ModelKey key;
  std::shared_ptr<const model::ModelConfig> config;
  std::shared_ptr<const artifact::Artifact> artifact;
};

struct LoadedModel {
  uint32_t slot = 0;  // names the model in this cell
  model::ModelMetadata metadata;
  std::vector<std::string> warnings;
  Duration load_time{};
};

struct ExecuteInput {
  uint16_t index = 0;  // into the metadata's inputs
  tensor::TensorView tensor;
};

struct OutputTensor {
  uint16_t index = 0;  // into the metadata's outputs
  tensor::Tensor tensor;
};

enum class CellExitCause : uint8_t {
  kStopped,      // we asked it to
  kCrashed,      // a fault of its own: SIGSEGV, SIGABRT, SIGSYS, ... or it broke the protocol
  kDeadline,     // we killed it: a call ran past its deadline
  kOutOfMemory,  // proven out of memory
  kOutside,      // killed from outside: no offence
};

// The model, not its surroundings, is to blame.
inline bool IsOffence(CellExitCause cause) {
  return cause == CellExitCause::kCrashed || cause == CellExitCause::kDeadline ||
         cause == CellExitCause::kOutOfMemory;
}

// Why a call got no answer from its cell.
struct CellLoss {
  CellExitCause cause = CellExitCause::kOutside;
  bool was_running = false;  // this is the call that the cell was running when it ended
};

struct ExecuteResult {
  Status status;
  std::vector<OutputTensor> outputs;  // checked: datatype, shape and size agree; BYTES well formed
  Duration compute_time{};
  std::optional<CellLoss> lost;  // set when the cell ended before it answered
  // Not sent: the inputs find room once calls in flight have been answered.
  bool no_room_yet = false;
};

struct LoadResult {
  Result<LoadedModel> model;
  std::optional<CellLoss> lost;
};

struct CellExit {
  CellId cell = 0;
  CellExitCause cause = CellExitCause::kOutside;
  std::string reason;  // "SIGSEGV (invalid memory access)"; safe to show
};

class Cell {
 public:
  virtual ~Cell() = default;

  virtual CellId id() const = 0;
  virtual const std::string& framework() const = 0;
  virtual int64_t process_id() const = 0;
  // False as soon as it is known that it will answer nothing more; calls to it complete when its
  // process has ended.
  virtual bool alive() const = 0;
  // False when its zygote has gone: it serves what it holds, gets no further models, and is ended
  // when idle (its pages are no longer shared with anything).
  virtual bool accepts_models() const = 0;

  virtual void Load(LoadSpec spec, Done<LoadResult> done) = 0;
  // Idempotent.
  virtual void Unload(uint32_t slot, Done<Status> done) = 0;
  // The inputs' bytes are copied before it returns. Returns the call's number, for Cancel. ERRORS:
  // kResourceExhausted — the inputs never fit into the arena, or not now (no_room_yet).
  virtual uint64_t Execute(uint32_t slot, std::span<const ExecuteInput> inputs,
                           std::span<const uint16_t> requested_outputs,
                           Done<ExecuteResult> done) = 0;

  // Completes a call with kCancelled now; the cell skips it if it has not started. Its answer, if
  // one comes, is dropped. No effect on a call that has completed.
  virtual void Cancel(uint64_t call_id) = 0;

  // Loads and calls that were sent and not answered.
  virtual size_t calls_in_flight() const = 0;
  // When the oldest of them was sent or the one before it was answered, whichever is later: how
  // long the running one has been running. Meaningless when none is in flight.
  virtual MonotonicTime running_since() const = 0;

  // True when the oldest of them is a load.
  virtual bool is_loading() const = 0;

  // kStopped: drained and idle, ask it to exit, and kill it when it does not. kDeadline: SIGKILL,
  // also after kStopped. Others are the cell's own doing.
  virtual void End(CellExitCause cause) = 0;
  // Private bytes of the process, read on a helper thread.
  virtual void MeasureMemory(Done<Result<uint64_t>> done) = 0;
};

struct CellSpec {
  std::string framework;
  std::string tenant = "default";  // the namespace; cells of two tenants never share a user id
};

class CellFactory {
 public:
  virtual ~CellFactory() = default;

  // ERRORS: kUnimplemented — no runner for this framework is installed; the text says how to get
  // it.
  virtual Status CanStart(std::string_view framework) const = 0;
  // A fresh, locked-down cell: a spare when there is one. Starts the framework's zygote when
  // needed. ERRORS: as CanStart; kUnavailable — the zygote or the fork failed; kResourceExhausted —
  // limits::kCells.
  virtual void Start(const CellSpec& spec, Done<Result<std::shared_ptr<Cell>>> done) = 0;

  using ExitHandler = std::function<void(const CellExit&)>;
  virtual void SetExitHandler(ExitHandler handler) = 0;
};

}  // namespace throng::runner
