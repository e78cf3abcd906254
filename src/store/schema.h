// What a store's file holds, and reading all of it with its checksums. Three tables:
//
//   records  one row per record, keyed by the revision that created it
//   history  one row per change: what undoes it (UndoRow)
//   state    one row: revision, where the history begins, how many records there are
//
// Each row has a checksum over its columns. `application_id` tells the file from other SQLite
// files, `user_version` is the version of this schema. Free functions; a Database is its owner's.
#pragma once

#include <cstdint>
#include <functional>

#include "base/status.h"
#include "store/database.h"
#include "store/record_index.h"

namespace throng::store {

inline constexpr int64_t kSchemaVersion = 1;
// Of a file. Objects have 1 to 3 KiB as a rule: of SQLite's usual 4 KiB half would stay empty.
inline constexpr uint64_t kPageBytes = 8192;

// The row of `state`.
struct FileState {
  uint64_t revision = 1;
  uint64_t history_floor = 1;
  uint64_t record_count = 0;
  // A copy that no store has written to: revisions may have been given out that it does not know.
  bool is_backup = false;
};

int64_t ChecksumOf(const RecordKey& key, const Version& version);
int64_t ChecksumOf(const UndoRow& row);

// Tables of an empty store.
Status MakeSchema(Database& database);
// ERRORS: kFailedPrecondition — another program's file, or a newer schema; kDataLoss.
Status CheckIdentity(Database& database);
enum class IntegrityCheck : uint8_t { kQuick, kFull };
// That the file's structure is whole. ERRORS: kDataLoss.
Status CheckStructure(Database& database, IntegrityCheck check);

// ERRORS of all that read: kDataLoss — the row that is damaged is named.
Result<FileState> ReadState(Database& database);
Status WriteState(Database& database, const FileState& state);
// In order of creation.
Status ReadRecords(Database& database, const FileState& state,
                   const std::function<Status(RecordKey, Version)>& take);
// The last change first.
Status ReadHistory(Database& database, const FileState& state,
                   const std::function<Status(UndoRow)>& take);

}  // namespace throng::store
