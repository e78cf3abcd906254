#include "residency/model_control_service.h"

#include "base/run_on.h"

namespace throng::residency {

void ModelControlService::OnDataPlane(Executor::Task task) { RunOn(executor_, std::move(task)); }

void ModelControlService::Describe(const model::ModelName& name, std::optional<int64_t> version,
                                   MonotonicTime deadline, Executor& executor,
                                   Done<Result<ModelView>> done) {
  OnDataPlane([this, name, version, deadline,
               done = CompleteOn(executor, std::move(done))]() mutable {
    manager_.Acquire(name, version, deadline,
                     [this, version, done = std::move(done)](Result<ModelHandle> handle) mutable {
                       if (!handle.ok()) return done(handle.status());
                       done(manager_.View(handle->instance(), version));
                     });
  });
}

void ModelControlService::CheckReady(const model::ModelName& name, std::optional<int64_t> version,
                                     Executor& executor, Done<Status> done) {
  OnDataPlane([this, name, version, done = CompleteOn(executor, std::move(done))]() mutable {
    done(manager_.CheckReady(name, version));
  });
}

void ModelControlService::Peek(const model::ModelName& name, std::optional<int64_t> version,
                               Executor& executor,
                               Done<std::shared_ptr<const model::ModelMetadata>> done) {
  OnDataPlane([this, name, version, done = CompleteOn(executor, std::move(done))]() mutable {
    done(manager_.Peek(name, version));
  });
}

void ModelControlService::Index(bool ready_only, Executor& executor,
                                Done<std::vector<IndexEntry>> done) {
  OnDataPlane([this, ready_only, done = CompleteOn(executor, std::move(done))]() mutable {
    done(manager_.Index(ready_only));
  });
}

void ModelControlService::Load(const model::ModelName& name, Executor& executor,
                               Done<Status> done) {
  OnDataPlane([this, name, done = CompleteOn(executor, std::move(done))]() mutable {
    manager_.Load(name, std::move(done));
  });
}

void ModelControlService::Unload(const model::ModelName& name, Executor& executor,
                                 Done<Status> done) {
  OnDataPlane([this, name, done = CompleteOn(executor, std::move(done))]() mutable {
    manager_.Unload(name, std::move(done));
  });
}

}  // namespace throng::residency
