// RecordFile: the file of a SqliteStore: made, checked and read when it is opened, then written one
// batch at a time, each a transaction that is on the disk when Write returns. Blocks; used by one
// thread at a time (opened by the store's maker, written by the store's thread).
//
//   auto file = RecordFile::Open(path, options);
//   (*file)->Load(index);
//   (*file)->Write(batch);
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "store/database.h"
#include "store/record_index.h"
#include "store/record_table.h"
#include "store/schema.h"

namespace throng::store {

class RecordFile {
 public:
  struct Options {
    uint64_t most_bytes = 0;  // of the file; 0: no bound but the disk's
  };

  // Makes an empty store when there is none. ERRORS: kDataLoss — damaged, also when only its log is
  // left; kFailedPrecondition — no regular file, another program's, a newer schema; kUnavailable.
  static Result<std::unique_ptr<RecordFile>> Open(const std::string& path, const Options& options);

  uint64_t revision() const { return state_.revision; }
  // REQUIRES: an empty index. ERRORS: kDataLoss.
  Status Load(RecordIndex& index);
  // All of it or nothing. ERRORS: kUnavailable.
  Status Write(const CommitBatch& batch);

 private:
  explicit RecordFile(Database database) : database_(std::move(database)) {}
  Status Configure(const Options& options);
  Status LeaveBackup();
  Status PrepareStatements();
  Status WriteAll(const CommitBatch& batch, const FileState& state);
  Status WriteRecord(const LoggedChange& logged);
  Status WriteHistory(const LoggedChange& logged);

  Database database_;
  FileState state_;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement insert_record_;
  Statement update_record_;
  Statement delete_record_;
  Statement insert_history_;
  Statement delete_history_;
};

// An empty file at `path` that only this user can read, in place of what was there.
Status MakePrivateFile(const std::string& path);
// Atomically puts `from` at `to`, in place of what was there, and makes that durable.
Status MoveDurably(const std::string& from, const std::string& to);

}  // namespace throng::store
