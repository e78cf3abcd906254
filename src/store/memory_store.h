// MemoryStore: a RecordStore that forgets. It is the store of derived kinds, which controllers make
// anew after each start, and the fake of tests. Its revisions begin at `first_revision`: derived
// kinds take that from the clock, so that a revision of an earlier life is too old.
//
//   MemoryStore store(loop, NanosecondsSinceEpoch(clock));
//
// All calls on the executor.
#pragma once

#include <cstdint>

#include "store/record_table.h"

namespace throng::store {

class MemoryStore final : public RecordTable {
 public:
  explicit MemoryStore(Executor& executor, uint64_t first_revision = 1,
                       const StoreLimits& limits = {});

 private:
  void Commit(CommitBatch batch, Done<Status> done) override;
};

}  // namespace throng::store
