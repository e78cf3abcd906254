// RecordTable: everything of a RecordStore but how changes are made durable: checks, the state that
// is accepted but not durable yet, group commit, what happens when a commit fails, lists, watches.
// SqliteStore and MemoryStore derive from it.
//
// One batch is on its way at a time; what is accepted meanwhile is the next one. When a batch
// fails, its writes and those of the next one that were checked against them get kUnavailable, and
// nothing else changes. The revisions that they had been given are never used again.
//
// Destroying it forgets writes that are not durable; their completions never run. Like everything
// of RecordStore, all calls are on the executor.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/status.h"
#include "store/record_index.h"
#include "store/record_store.h"
#include "store/store_limits.h"
#include "store/watch_set.h"

namespace throng::store {

// What becomes durable as a whole or not at all.
struct CommitBatch {
  std::vector<SharedChange> changes;  // in order of their revisions
  uint64_t history_floor = 0;         // changes up to here need not be kept any more
};

class RecordTable : public RecordStore {
 public:
  ~RecordTable() override;

  std::optional<Record> Get(const RecordKey& key) const override;
  Result<RecordPage> List(const ListQuery& query) const override;
  uint64_t revision() const override { return index_->revision(); }
  void Create(RecordKey key, std::string value, WriteDone done) override;
  void Update(RecordKey key, uint64_t expected_revision, std::string value,
              WriteDone done) override;
  void Delete(RecordKey key, uint64_t expected_revision, WriteDone done) override;
  Result<std::unique_ptr<RecordWatch>> Watch(Selection selection, uint64_t since_revision,
                                             ChangeHandler handler) override;

 protected:
  RecordTable(Executor& executor, const StoreLimits& limits, std::unique_ptr<RecordIndex> index);
  Executor& executor() { return executor_; }

 private:
  // A write that was accepted.
  struct Write {
    SharedChange logged;  // null: it changes nothing, but stands on a write before it
    Record result;
    WriteDone done;
    size_t bytes = 0;
  };
  // A record as the writes that are not durable yet leave it.
  struct Pending {
    Version version;
    size_t writes = 0;
  };

  // Makes `batch` durable and runs `done` later, on the executor. Called for the next batch only
  // after that.
  virtual void Commit(CommitBatch batch, Done<Status> done) = 0;

  // Null: there is none, or it will be deleted.
  const Version* Last(const RecordKey& key) const;
  Status CheckSize(const RecordKey& key, std::string_view value) const;
  Status CheckExpected(const RecordKey& key, uint64_t expected_revision) const;
  Status CheckRoom(size_t bytes) const;
  void Answer(WriteDone done, Result<Record> result);
  void Accept(ChangeKind kind, RecordKey key, std::shared_ptr<const std::string> value,
              WriteDone done);
  void Enqueue(Write write);
  void StartCommitSoon();
  void StartCommit();
  void Finish(const Status& status);
  void FinishDurable(std::vector<Write> writes);
  void FinishFailed(std::vector<Write> writes, const Status& status);
  void Forget(const Write& write);

  Executor& executor_;
  const StoreLimits limits_;
  const std::unique_ptr<RecordIndex> index_;
  WatchSet watches_;
  std::map<RecordKey, Pending> pending_;
  std::vector<Write> waiting_;     // of the next batch
  std::vector<Write> committing_;  // of the batch on its way
  bool is_committing_ = false;
  bool start_is_posted_ = false;
  size_t pending_writes_ = 0;
  size_t pending_bytes_ = 0;
  int64_t pending_records_ = 0;  // how many more there will be
  uint64_t last_revision_ = 0;   // given to a write
  // Tells tasks that wait in the executor whether this object is still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace throng::store
