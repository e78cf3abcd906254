// FakeCellFactory: cells without processes, on fake time. Each model's behaviour is scripted by
// name. Passes the same contract as the real thing (runner/testing/runner_contract.h).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/limits.h"
#include "runner/runner.h"

namespace throng::runner::testing {

struct FakeModel {
  Duration load_time = std::chrono::milliseconds(1);
  Status load_status;
  std::optional<CellExitCause> load_ends_cell;
  Duration execute_time = std::chrono::microseconds(100);
  Status execute_status;
  std::optional<CellExitCause> execute_ends_cell;
  bool never_answers = false;
  model::ModelMetadata metadata = EchoMetadata();

  // One FP32 [-1,4] input "IN", one output "OUT" of the same kind.
  static model::ModelMetadata EchoMetadata();
};

class FakeCellFactory;

class FakeCell final : public Cell, public std::enable_shared_from_this<FakeCell> {
 public:
  FakeCell(CellId id, CellSpec spec, FakeCellFactory& factory, Executor& executor);

  CellId id() const override { return id_; }
  const std::string& framework() const override { return spec_.framework; }
  int64_t process_id() const override { return 0; }
  bool alive() const override { return alive_; }
  bool accepts_models() const override { return alive_ && !orphaned; }
  void Load(LoadSpec spec, Done<LoadResult> done) override;
  void Unload(uint32_t slot, Done<Status> done) override;
  uint64_t Execute(uint32_t slot, std::span<const ExecuteInput> inputs,
                   std::span<const uint16_t> requested_outputs, Done<ExecuteResult> done) override;
  void Cancel(uint64_t call_id) override;
  size_t calls_in_flight() const override { return work_.size(); }
  MonotonicTime running_since() const override { return running_since_; }
  bool is_loading() const override { return !work_.empty() && work_.front().load_done; }
  void End(CellExitCause cause) override { Die(cause, "ended"); }
  void MeasureMemory(Done<Result<uint64_t>> done) override;

  // As if its process ended.
  void Die(CellExitCause cause, const std::string& reason);

  bool orphaned = false;
  std::map<uint32_t, std::string> loaded;  // slot → model
  std::vector<std::string> executed;       // models, in order

 private:
  struct Work {
    uint64_t call_id = 0;
    std::string model;
    uint32_t slot = 0;
    tensor::Tensor input;
    Done<LoadResult> load_done;
    Done<Status> unload_done;
    Done<ExecuteResult> execute_done;
  };
  void Push(Work work);
  void RunNext();
  void Finish();
  void FinishExecute(Work& work);

  const CellId id_;
  const CellSpec spec_;
  FakeCellFactory& factory_;
  Executor& executor_;
  bool alive_ = true;
  std::deque<Work> work_;
  uint64_t last_call_id_ = 0;
  uint32_t last_slot_ = 0;
  MonotonicTime running_since_{};
};

class FakeCellFactory final : public CellFactory {
 public:
  explicit FakeCellFactory(Executor& executor) : executor_(executor) {}

  Status CanStart(std::string_view framework) const override;
  void Start(const CellSpec& spec, Done<Result<std::shared_ptr<Cell>>> done) override;
  void SetExitHandler(ExitHandler handler) override { exit_handler_ = std::move(handler); }

  FakeModel& model(const std::string& name) { return models_[name]; }
  // Living cells, oldest first.
  std::vector<std::shared_ptr<FakeCell>> cells() const;
  std::shared_ptr<FakeCell> cell_of(const std::string& model) const;

  Duration start_time = std::chrono::milliseconds(2);
  Status start_status;
  size_t started = 0;
  size_t loads = 0;
  uint64_t input_arena_bytes = limits::kArenaBytes;
  std::function<void()> before_load;  // runs once, before the next load is sent to its cell
  std::string missing_framework;      // CanStart refuses it

 private:
  friend class FakeCell;
  Executor& executor_;
  ExitHandler exit_handler_;
  std::map<std::string, FakeModel> models_;
  std::vector<std::shared_ptr<FakeCell>> cells_;
};

}  // namespace throng::runner::testing
