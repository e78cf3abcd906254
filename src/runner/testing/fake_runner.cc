#include "runner/testing/fake_runner.h"

namespace throng::runner::testing {

model::ModelMetadata FakeModel::EchoMetadata() {
  model::ModelMetadata metadata;
  metadata.inputs.push_back({"IN", tensor::DataType::kFp32, {-1, 4}, false});
  metadata.outputs.push_back({"OUT", tensor::DataType::kFp32, {-1, 4}, false});
  return metadata;
}

FakeCell::FakeCell(CellId id, CellSpec spec, FakeCellFactory& factory, Executor& executor)
    : id_(id), spec_(std::move(spec)), factory_(factory), executor_(executor) {}

void FakeCell::Push(Work work) {
  work_.push_back(std::move(work));
  if (work_.size() == 1) RunNext();
}

void FakeCell::Load(LoadSpec spec, Done<LoadResult> done) {
  if (auto hook = std::move(factory_.before_load)) {
    factory_.before_load = nullptr;
    hook();
  }
  if (!alive_) {
    executor_.Post([done = std::move(done)]() mutable {
      done({UnavailableError("ended"), CellLoss{CellExitCause::kOutside, false}});
    });
    return;
  }
  ++factory_.loads;
  Work work;
  work.model = spec.key.name.str();
  work.slot = ++last_slot_;
  work.load_done = std::move(done);
  Push(std::move(work));
}

void FakeCell::Unload(uint32_t slot, Done<Status> done) {
  if (!alive_) {
    executor_.Post([done = std::move(done)]() mutable { done(OkStatus()); });
    return;
  }
  Work work;
  work.slot = slot;
  work.unload_done = std::move(done);
  Push(std::move(work));
}

uint64_t FakeCell::Execute(uint32_t slot, std::span<const ExecuteInput> inputs,
                           std::span<const uint16_t>, Done<ExecuteResult> done) {
  const uint64_t call_id = ++last_call_id_;
  if (!alive_) {
    executor_.Post([done = std::move(done)]() mutable {
      done({UnavailableError("ended"), {}, {}, CellLoss{CellExitCause::kOutside, false}});
    });
    return call_id;
  }
  uint64_t input_bytes = 0;
  for (const ExecuteInput& input : inputs) input_bytes += input.tensor.data.size();
  uint64_t used_bytes = 0;
  for (const Work& other : work_) used_bytes += other.input.data.size();
  if (used_bytes + input_bytes > factory_.input_arena_bytes) {
    executor_.Post([done = std::move(done), no_room_yet = !work_.empty()]() mutable {
      done({ResourceExhaustedError("no room"), {}, {}, std::nullopt, no_room_yet});
    });
    return call_id;
  }
  Work work;
  work.call_id = call_id;
  work.slot = slot;
  work.model = loaded[slot];
  if (!inputs.empty()) {
    const auto& view = inputs[0].tensor;
    work.input.type = view.type;
    work.input.shape.assign(view.shape.begin(), view.shape.end());
    work.input.data.assign(view.data.begin(), view.data.end());
  }
  work.execute_done = std::move(done);
  Push(std::move(work));
  return call_id;
}

void FakeCell::Cancel(uint64_t call_id) {
  for (Work& work : work_) {
    if (work.call_id != call_id || !work.execute_done) continue;
    Done<ExecuteResult> done = std::move(work.execute_done);
    work.execute_done = nullptr;
    executor_.Post([done = std::move(done)]() mutable {
      done({CancelledError("cancelled"), {}, {}, std::nullopt});
    });
  }
}

void FakeCell::MeasureMemory(Done<Result<uint64_t>> done) {
  executor_.Post([done = std::move(done)]() mutable { done(uint64_t{1 << 20}); });
}

void FakeCell::RunNext() {
  running_since_ = executor_.clock().Now();
  if (work_.empty()) return;
  const Work& work = work_.front();
  const FakeModel& model = factory_.models_[work.model];
  if (work.execute_done && model.never_answers) return;
  Duration duration{};
  if (work.load_done) duration = model.load_time;
  if (work.execute_done) duration = model.execute_time;
  executor_.StartTimer(executor_.clock().Now() + duration, [self = shared_from_this()] {
    if (self->alive_) self->Finish();
  });
}

void FakeCell::Finish() {
  const FakeModel model = factory_.models_[work_.front().model];
  const auto& ends = work_.front().load_done ? model.load_ends_cell : model.execute_ends_cell;
  if (!work_.front().unload_done && ends) return Die(*ends, "scripted");
  Work work = std::move(work_.front());
  work_.pop_front();
  RunNext();
  if (work.unload_done) {
    loaded.erase(work.slot);
    work.unload_done(OkStatus());
  } else if (work.load_done) {
    if (!model.load_status.ok()) return work.load_done({model.load_status, std::nullopt});
    loaded[work.slot] = work.model;
    LoadedModel reply;
    reply.slot = work.slot;
    reply.metadata = model.metadata;
    reply.load_time = model.load_time;
    work.load_done({std::move(reply), std::nullopt});
  } else if (work.execute_done) {
    FinishExecute(work);
  }
}

void FakeCell::FinishExecute(Work& work) {
  const FakeModel& model = factory_.models_[work.model];
  executed.push_back(work.model);
  ExecuteResult result;
  result.status = model.execute_status;
  result.compute_time = model.execute_time;
  if (result.status.ok()) result.outputs.push_back({0, std::move(work.input)});
  work.execute_done(std::move(result));
}

void FakeCell::Die(CellExitCause cause, const std::string& reason) {
  if (!alive_) return;
  alive_ = false;
  executor_.Post([self = shared_from_this(), cause, reason] {
    std::deque<Work> lost = std::move(self->work_);
    self->work_.clear();
    const Status status = UnavailableError("the model's process ended: " + reason);
    bool running = true;
    for (Work& work : lost) {
      const CellLoss loss{cause, running};
      running = false;
      if (work.load_done) work.load_done({status, loss});
      if (work.unload_done) work.unload_done(OkStatus());
      if (work.execute_done) work.execute_done({status, {}, {}, loss});
    }
    std::erase(self->factory_.cells_, self);
    if (self->factory_.exit_handler_) self->factory_.exit_handler_({self->id_, cause, reason});
  });
}

Status FakeCellFactory::CanStart(std::string_view framework) const {
  if (framework != missing_framework || framework.empty()) return OkStatus();
  return UnimplementedError("the runner for " + missing_framework +
                            " models is not installed; get it with: ./dev setup");
}

void FakeCellFactory::Start(const CellSpec& spec, Done<Result<std::shared_ptr<Cell>>> done) {
  executor_.StartTimer(
      executor_.clock().Now() + start_time, [this, spec, done = std::move(done)]() mutable {
        if (!start_status.ok()) return done(start_status);
        cells_.push_back(std::make_shared<FakeCell>(++started, spec, *this, executor_));
        std::shared_ptr<Cell> cell = cells_.back();
        done(std::move(cell));
      });
}

std::vector<std::shared_ptr<FakeCell>> FakeCellFactory::cells() const { return cells_; }

std::shared_ptr<FakeCell> FakeCellFactory::cell_of(const std::string& model) const {
  for (const auto& cell : cells_) {
    for (const auto& [slot, name] : cell->loaded) {
      if (name == model) return cell;
    }
  }
  return nullptr;
}

}  // namespace throng::runner::testing
