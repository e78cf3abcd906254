#include "store/backup.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "base/kill_point.h"
#include "os/disk/owned_files.h"
#include "os/file.h"
#include "store/database.h"
#include "store/record_file.h"
#include "store/schema.h"

namespace throng::store {
namespace {

constexpr int kPagesPerStep = 1024;

struct FinishBackup {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

// The transaction keeps the source at one moment while it is written to.
Status CopyPages(Database& from, Database& to, const std::atomic<bool>& stop) {
  THRONG_RETURN_IF_ERROR(from.Run("BEGIN; SELECT revision FROM state"));
  const std::unique_ptr<sqlite3_backup, FinishBackup> backup(
      sqlite3_backup_init(to.get(), "main", from.get(), "main"));
  if (backup == nullptr) {
    return DatabaseError(sqlite3_errcode(to.get()), "the store cannot be copied");
  }
  while (true) {
    if (stop) return CancelledError("the backup was stopped");
    const int code = sqlite3_backup_step(backup.get(), kPagesPerStep);
    if (code == SQLITE_DONE) return OkStatus();
    if (code != SQLITE_OK) return DatabaseError(code, "the store cannot be copied");
  }
}

Status MarkAsBackup(Database& database) {
  THRONG_RETURN_IF_ERROR(database.Run("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL"));
  THRONG_ASSIGN_OR_RETURN(FileState state, ReadState(database));
  state.is_backup = true;
  return WriteState(database, state);
}

Status WriteCopy(const std::string& from, const std::string& to, const std::atomic<bool>& stop) {
  THRONG_ASSIGN_OR_RETURN(Database source, Database::Open(from, Database::Mode::kReadOnly));
  THRONG_RETURN_IF_ERROR(CheckIdentity(source));
  THRONG_RETURN_IF_ERROR(MakePrivateFile(to));
  THRONG_ASSIGN_OR_RETURN(Database target, Database::Open(to, Database::Mode::kReadWrite));
  THRONG_RETURN_IF_ERROR(CopyPages(source, target, stop));
  KillPoint("store.backup.copied");
  return MarkAsBackup(target);
}

}  // namespace

Status CopyStore(const std::string& from, const std::string& to, const std::atomic<bool>& stop) {
  std::error_code none;
  if (std::filesystem::equivalent(from, to, none)) {
    return InvalidArgumentError("a store cannot be copied to itself");
  }
  const std::string unfinished = to + ".partial";
  Status status = WriteCopy(from, unfinished, stop);
  if (status.ok()) status = CheckStoreFile(unfinished).status();
  if (status.ok()) KillPoint("store.backup.marked");
  if (status.ok()) status = MoveDurably(unfinished, to);
  if (!status.ok()) {
    for (const char* ending : {"", "-journal"}) (void)os::RemoveFile(unfinished + ending);
  }
  return status;
}

Result<StoreSummary> CheckStoreFile(const std::string& path) {
  THRONG_ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kReadOnly));
  THRONG_RETURN_IF_ERROR(CheckIdentity(database));
  THRONG_RETURN_IF_ERROR(CheckStructure(database, IntegrityCheck::kFull));
  THRONG_ASSIGN_OR_RETURN(const FileState state, ReadState(database));
  THRONG_RETURN_IF_ERROR(
      ReadRecords(database, state, [](const RecordKey&, const Version&) { return OkStatus(); }));
  THRONG_RETURN_IF_ERROR(ReadHistory(database, state, [](const UndoRow&) { return OkStatus(); }));
  return StoreSummary{state.record_count, state.revision};
}

Status RestoreStore(const std::string& backup, const std::string& path) {
  const std::string unfinished = path + ".restored";
  const std::atomic<bool> stop = false;
  THRONG_RETURN_IF_ERROR(CopyStore(backup, unfinished, stop));
  KillPoint("store.restore.copied");
  THRONG_RETURN_IF_ERROR(MoveDurably(unfinished, path));
  KillPoint("store.restore.placed");
  // After the file: until then the log is half of what is there. One that stays behind because this
  // was ended here is set aside when the store is opened (RecordFile), not played into the copy.
  for (const char* ending : {"-wal", "-shm"}) {
    THRONG_RETURN_IF_ERROR(os::RemoveFile(path + ending));
  }
  return OkStatus();
}

}  // namespace throng::store
