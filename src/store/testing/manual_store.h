// ManualStore: a RecordStore whose commits wait until the test lets them succeed or fail.
//
//   ManualStore store(executor);
//   store.Create(...);  executor.RunPosted();
//   store.FinishCommit(UnavailableError("disk full"));  executor.RunPosted();
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "store/record_table.h"

namespace throng::store::testing {

class ManualStore final : public RecordTable {
 public:
  explicit ManualStore(Executor& executor, const StoreLimits& limits = {})
      : RecordTable(executor, limits, std::make_unique<RecordIndex>(limits, 1)) {}

  // Nothing: no commit is on its way.
  const CommitBatch* batch() const { return batch_.has_value() ? &*batch_ : nullptr; }
  // REQUIRES: a commit is on its way.
  void FinishCommit(Status status) {
    THRONG_CHECK(batch_.has_value());
    batch_.reset();
    executor().Post([done = std::move(done_), status = std::move(status)]() mutable {
      done(std::move(status));
    });
  }

 private:
  void Commit(CommitBatch batch, Done<Status> done) override {
    THRONG_CHECK(!batch_.has_value());
    batch_ = std::move(batch);
    done_ = std::move(done);
  }

  std::optional<CommitBatch> batch_;
  Done<Status> done_;
};

}  // namespace throng::store::testing
