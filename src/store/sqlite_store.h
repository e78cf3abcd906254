// SqliteStore: the durable RecordStore. Records are read from memory; writes go to a SQLite file
// (WAL, synced at every commit) by a thread of its own, all that wait in one transaction. The last
// changes are in the file too, so that watches go on over a restart.
//
//   auto store = SqliteStore::Open(loop, {.path = state_directory + "/throng.db"});   // blocks
//   (*store)->Backup("/backups/monday.db", [](Status status) { ... });
//
// All calls on the executor, which must take posts from other threads (os::EventLoop). One store
// per file at a time: the state directory's lock sees to that. After a failed commit (disk full)
// writes may be tried again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/executor.h"
#include "base/status.h"
#include "os/thread_pool.h"
#include "store/record_table.h"

namespace throng::store {

class RecordFile;

class SqliteStore final : public RecordTable {
 public:
  struct Options {
    std::string path;  // in a directory that is private to the user; the file gets mode 0600
    StoreLimits limits = {};
    uint64_t most_bytes = 0;  // of the file; 0: as many as the disk has room for
  };

  // Opens or makes it, checks all of it and reads it. ERRORS: as RecordFile::Open and Load; the
  // message says what to do.
  static Result<std::unique_ptr<SqliteStore>> Open(Executor& executor, Options options);
  // Waits for the commit that is on its way.
  ~SqliteStore() override;

  // Copies what is durable to a file (store/backup.h) while the store goes on. One at a time.
  // ERRORS: as CopyStore; kAborted — another one is running.
  void Backup(std::string path, Done<Status> done);

 private:
  SqliteStore(Executor& executor, Options options, std::unique_ptr<RecordFile> file,
              std::unique_ptr<RecordIndex> index);
  void Commit(CommitBatch batch, Done<Status> done) override;

  const std::string path_;
  std::atomic<bool> stop_backup_ = false;
  bool backup_is_running_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  const std::unique_ptr<RecordFile> file_;
  // Joined before what they use goes.
  os::ThreadPool writer_{1};
  std::unique_ptr<os::ThreadPool> backup_thread_;  // made for the first backup
};

}  // namespace throng::store
