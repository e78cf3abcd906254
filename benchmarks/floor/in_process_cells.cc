#include "benchmarks/floor/in_process_cells.h"

#include <future>
#include <map>
#include <utility>
#include <vector>

#include "os/event_loop.h"
#include "os/memory_file.h"
#include "os/process.h"

namespace throng::bench {
namespace {

// What a cell's memory is: 0 would be a failure to measure.
constexpr uint64_t kNoMemoryOfItsOwn = 1;

Result<sdk::LoadSpec> ToSdk(const runner::LoadSpec& from) {
  THRONG_ASSIGN_OR_RETURN(os::Mapping mapping,
                          os::Mapping::Map(from.artifact->fd.get(), from.artifact->size_bytes,
                                           /*writable=*/false));
  std::vector<sdk::ArtifactBytes::File> files;
  for (const artifact::ArtifactFile& file : from.artifact->files) {
    files.push_back({file.name, mapping.bytes().subspan(file.offset, file.size_bytes)});
  }
  sdk::LoadSpec spec;
  spec.name = from.key.name.str();
  spec.version = from.key.version;
  spec.platform = from.config->platform;
  spec.artifact = std::make_shared<const sdk::ArtifactBytes>(std::move(mapping), std::move(files));
  spec.max_batch_size = from.config->max_batch_size;
  spec.inputs = from.config->inputs;
  spec.outputs = from.config->outputs;
  spec.parameters = from.config->parameters;
  return spec;
}

// Outputs straight into the tensors that the front door prints from.
class TensorSink final : public sdk::OutputSink {
 public:
  explicit TensorSink(std::vector<runner::OutputTensor>& outputs) : outputs_(outputs) {}
  Result<std::span<std::byte>> Allocate(uint16_t index, tensor::DataType type,
                                        const tensor::Shape& shape, uint64_t size_bytes) override {
    outputs_.push_back({index, {type, shape, std::vector<std::byte>(size_bytes)}});
    return std::span<std::byte>(outputs_.back().tensor.data);
  }

 private:
  std::vector<runner::OutputTensor>& outputs_;
};

template <typename Body>
Status CatchErrors(Body&& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    return InternalError(error.what());
  }
}

}  // namespace

WorkerThread::WorkerThread() : thread_([this] { Run(); }) {}

WorkerThread::~WorkerThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WorkerThread::Post(Executor::Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void WorkerThread::Run() {
  // As a cell that answers; not so where the kernel refuses.
  (void)os::SetUrgency(os::kThisThread, os::Urgency::kInteractive);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Executor::Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

class InProcessCells::InProcessCell final : public runner::Cell,
                                            public std::enable_shared_from_this<InProcessCell> {
 public:
  InProcessCell(InProcessCells& cells, runner::CellId id, std::string framework)
      : cells_(cells), id_(id), framework_(std::move(framework)) {}

  runner::CellId id() const override { return id_; }
  const std::string& framework() const override { return framework_; }
  int64_t process_id() const override { return os::ProcessId(); }
  bool alive() const override { return alive_; }
  bool accepts_models() const override { return alive_; }
  size_t calls_in_flight() const override { return pending_.size(); }
  MonotonicTime running_since() const override { return running_since_; }
  bool is_loading() const override {
    return !pending_.empty() && pending_.begin()->second.load_done;
  }

  void Load(runner::LoadSpec spec, Done<runner::LoadResult> done) override;
  void Unload(uint32_t slot, Done<Status> done) override;
  uint64_t Execute(uint32_t slot, std::span<const runner::ExecuteInput> inputs,
                   std::span<const uint16_t> requested_outputs,
                   Done<runner::ExecuteResult> done) override;
  void Cancel(uint64_t call_id) override;
  void End(runner::CellExitCause cause) override;
  void MeasureMemory(Done<Result<uint64_t>> done) override {
    cells_.executor_.Post([done = std::move(done)]() mutable { done(kNoMemoryOfItsOwn); });
  }

 private:
  struct Pending {
    Done<runner::LoadResult> load_done;
    Done<Status> unload_done;
    Done<runner::ExecuteResult> execute_done;
  };
  struct Call {
    uint32_t slot = 0;
    std::vector<uint16_t> indices;
    std::vector<tensor::Tensor> inputs;
    std::vector<uint16_t> requested_outputs;
  };

  uint64_t AddPending(Pending pending);
  // Null when the cell has ended meanwhile.
  Pending TakePending(uint64_t call_id);
  // Both on the worker.
  runner::LoadResult RunLoad(uint32_t slot, const runner::LoadSpec& spec);
  runner::ExecuteResult RunCall(const Call& call);

  InProcessCells& cells_;
  const runner::CellId id_;
  const std::string framework_;
  bool alive_ = true;
  std::map<uint64_t, Pending> pending_;  // in the order in which they run
  uint64_t last_call_id_ = 0;
  uint32_t last_slot_ = 0;
  MonotonicTime running_since_{};
  std::map<uint32_t, std::unique_ptr<sdk::LoadedModel>> models_;  // the worker's
};

uint64_t InProcessCells::InProcessCell::AddPending(Pending pending) {
  if (pending_.empty()) running_since_ = cells_.executor_.clock().Now();
  pending_.emplace(++last_call_id_, std::move(pending));
  return last_call_id_;
}

InProcessCells::InProcessCell::Pending InProcessCells::InProcessCell::TakePending(
    uint64_t call_id) {
  running_since_ = cells_.executor_.clock().Now();
  auto node = pending_.extract(call_id);
  return node.empty() ? Pending() : std::move(node.mapped());
}

void InProcessCells::InProcessCell::Load(runner::LoadSpec spec, Done<runner::LoadResult> done) {
  const uint64_t call_id = AddPending({.load_done = std::move(done)});
  cells_.worker_.Post(
      [self = shared_from_this(), call_id, slot = ++last_slot_, spec = std::move(spec)]() mutable {
        auto result = std::make_shared<runner::LoadResult>(self->RunLoad(slot, spec));
        self->cells_.executor_.Post([self, call_id, result] {
          Pending pending = self->TakePending(call_id);
          if (pending.load_done) pending.load_done(std::move(*result));
        });
      });
}

runner::LoadResult InProcessCells::InProcessCell::RunLoad(uint32_t slot,
                                                          const runner::LoadSpec& from) {
  const MonotonicTime begin = os::RealClock().Now();
  std::unique_ptr<sdk::LoadedModel> model;
  const Status status = CatchErrors([&]() -> Status {
    THRONG_ASSIGN_OR_RETURN(const sdk::LoadSpec spec, ToSdk(from));
    THRONG_ASSIGN_OR_RETURN(model, cells_.backend_.Load(spec));
    return OkStatus();
  });
  if (!status.ok()) return {status, std::nullopt};
  runner::LoadedModel loaded{slot, model->metadata(), model->warnings(),
                             os::RealClock().Now() - begin};
  models_[slot] = std::move(model);
  return {std::move(loaded), std::nullopt};
}

void InProcessCells::InProcessCell::Unload(uint32_t slot, Done<Status> done) {
  const uint64_t call_id = AddPending({.unload_done = std::move(done)});
  cells_.worker_.Post([self = shared_from_this(), call_id, slot] {
    self->models_.erase(slot);
    self->cells_.executor_.Post([self, call_id] {
      Pending pending = self->TakePending(call_id);
      if (pending.unload_done) pending.unload_done(OkStatus());
    });
  });
}

uint64_t InProcessCells::InProcessCell::Execute(uint32_t slot,
                                                std::span<const runner::ExecuteInput> inputs,
                                                std::span<const uint16_t> requested_outputs,
                                                Done<runner::ExecuteResult> done) {
  Call call;
  call.slot = slot;
  call.requested_outputs.assign(requested_outputs.begin(), requested_outputs.end());
  for (const runner::ExecuteInput& input : inputs) {
    const tensor::TensorView& view = input.tensor;
    call.indices.push_back(input.index);
    call.inputs.push_back({view.type,
                           tensor::Shape(view.shape.begin(), view.shape.end()),
                           {view.data.begin(), view.data.end()}});
  }
  const uint64_t call_id = AddPending({.execute_done = std::move(done)});
  cells_.worker_.Post([self = shared_from_this(), call_id, call = std::move(call)]() mutable {
    runner::ExecuteResult result = self->RunCall(call);
    self->cells_.executor_.Post([self, call_id, result = std::move(result)]() mutable {
      Pending pending = self->TakePending(call_id);
      if (pending.execute_done) pending.execute_done(std::move(result));
    });
  });
  return call_id;
}

runner::ExecuteResult InProcessCells::InProcessCell::RunCall(const Call& call) {
  runner::ExecuteResult result;
  const auto found = models_.find(call.slot);
  if (found == models_.end()) {
    result.status = NotFoundError("no model is loaded under this number");
    return result;
  }
  std::vector<sdk::Input> inputs;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    inputs.push_back({call.indices[i], call.inputs[i].view()});
  }
  TensorSink sink(result.outputs);
  const MonotonicTime begin = os::RealClock().Now();
  result.status =
      CatchErrors([&] { return found->second->Execute(inputs, call.requested_outputs, sink); });
  result.compute_time = os::RealClock().Now() - begin;
  return result;
}

void InProcessCells::InProcessCell::Cancel(uint64_t call_id) {
  const auto found = pending_.find(call_id);
  if (found == pending_.end() || !found->second.execute_done) return;
  cells_.executor_.Post([done = std::move(found->second.execute_done)]() mutable {
    done({CancelledError("cancelled"), {}, {}, std::nullopt});
  });
  found->second.execute_done = nullptr;
}

void InProcessCells::InProcessCell::End(runner::CellExitCause cause) {
  if (!alive_) return;
  alive_ = false;
  cells_.worker_.Post([self = shared_from_this()] { self->models_.clear(); });
  cells_.executor_.Post([self = shared_from_this(), cause] {
    const Status status = UnavailableError("the model was ended");
    bool running = true;
    for (auto& [call_id, pending] : std::exchange(self->pending_, {})) {
      const runner::CellLoss loss{cause, std::exchange(running, false)};
      if (pending.load_done) pending.load_done({status, loss});
      if (pending.unload_done) pending.unload_done(OkStatus());
      if (pending.execute_done) pending.execute_done({status, {}, {}, loss});
    }
    if (self->cells_.exit_handler_) self->cells_.exit_handler_({self->id_, cause, "ended"});
  });
}

InProcessCells::InProcessCells(Executor& executor, sdk::Backend& backend)
    : executor_(executor), backend_(backend) {}

InProcessCells::~InProcessCells() = default;

Status InProcessCells::Warm() {
  std::promise<Status> warm;
  worker_.Post([this, &warm] {
    warm.set_value(CatchErrors([this]() -> Status {
      THRONG_RETURN_IF_ERROR(backend_.Warm());
      return backend_.PrepareCell();
    }));
  });
  return warm.get_future().get();
}

Status InProcessCells::CanStart(std::string_view framework) const {
  if (framework == backend_.framework()) return OkStatus();
  return UnimplementedError("this program runs " + backend_.framework() + " models only");
}

void InProcessCells::Start(const runner::CellSpec& spec,
                           Done<Result<std::shared_ptr<runner::Cell>>> done) {
  const Status status = CanStart(spec.framework);
  executor_.Post([this, status, framework = spec.framework, done = std::move(done)]() mutable {
    if (!status.ok()) return done(status);
    std::shared_ptr<runner::Cell> cell =
        std::make_shared<InProcessCell>(*this, ++last_cell_id_, framework);
    done(std::move(cell));
  });
}

}  // namespace throng::bench
