#include "store/memory_store.h"

#include <memory>
#include <utility>

namespace throng::store {

MemoryStore::MemoryStore(Executor& executor, uint64_t first_revision, const StoreLimits& limits)
    : RecordTable(executor, limits, std::make_unique<RecordIndex>(limits, first_revision)) {}

void MemoryStore::Commit(CommitBatch, Done<Status> done) {
  executor().Post([done = std::move(done)]() mutable { done(OkStatus()); });
}

}  // namespace throng::store
