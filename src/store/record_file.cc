#include "store/record_file.h"

#include <filesystem>
#include <utility>

#include "base/kill_point.h"
#include "os/disk/directory_tree.h"
#include "os/disk/owned_files.h"
#include "os/file.h"

namespace throng::store {
namespace {

namespace fs = std::filesystem;

// Revisions that a restored backup leaves out: those given out after it was made must not come
// again with another meaning. A watch or list at one of them is told to start anew.
constexpr uint64_t kRevisionsAfterBackup = 1'000'000'000;

// In SQLite's header: which kind of log the file has.
constexpr uint64_t kLogKindOffset = 18;
constexpr std::string_view kRollbackLog = "\x01\x01";

constexpr char kSettings[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA cache_size = -1024;"             // KiB: reads are answered from our memory
    "PRAGMA journal_size_limit = 16777216;"  // what a large batch leaves on disk
    "PRAGMA secure_delete = FAST;"
    "PRAGMA trusted_schema = OFF;";

Status MakeStore(const std::string& path) {
  const std::string unfinished = path + ".new";
  THRONG_RETURN_IF_ERROR(MakePrivateFile(unfinished));
  {
    THRONG_ASSIGN_OR_RETURN(Database database,
                            Database::Open(unfinished, Database::Mode::kReadWrite));
    THRONG_RETURN_IF_ERROR(MakeSchema(database));
  }
  return MoveDurably(unfinished, path);
}

// A store has a rollback log only as a backup, which has no write-ahead log. One that lies beside
// it is of the store that the backup was copied over, and would be played into it.
Status SetForeignLogAside(const std::string& path) {
  const std::string log = path + "-wal";
  const os::FileSystem& disk = os::RealFileSystem();
  THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, disk.Stat(log));
  THRONG_ASSIGN_OR_RETURN(const std::string kind,
                          disk.ReadRange(path, kLogKindOffset, kRollbackLog.size()));
  if (info.size_bytes == 0 || kind != kRollbackLog) return OkStatus();
  return MoveDurably(log, log + ".replaced");
}

Status PrepareFiles(const std::string& path) {
  const os::FileSystem& disk = os::RealFileSystem();
  THRONG_ASSIGN_OR_RETURN(const os::FileInfo info, disk.Stat(path));
  if (info.kind == os::FileKind::kAbsent) {
    THRONG_ASSIGN_OR_RETURN(const os::FileInfo log, disk.Stat(path + "-wal"));
    if (log.size_bytes > 0) return DamageError("only its log is left");
    return MakeStore(path);
  }
  if (info.kind != os::FileKind::kRegular) {
    return FailedPreconditionError("the store's file is not a regular file");
  }
  // A new store is put at its place whole.
  if (info.size_bytes < kPageBytes) return DamageError("its file is empty or cut off");
  THRONG_RETURN_IF_ERROR(SetForeignLogAside(path));
  std::error_code error;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  if (error) return UnavailableError("the store's file cannot be made private");
  return OkStatus();
}

UndoRow UndoRowOf(const LoggedChange& logged) {
  const Change& change = logged.change;
  return {change.kind,    change.record.key,        change.record.revision,
          logged.created, logged.previous_revision, change.previous};
}

}  // namespace

Status MakePrivateFile(const std::string& path) { return os::WritePrivateFile(path, ""); }

Status MoveDurably(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return UnavailableError("a file of the store cannot be renamed: " + error.message());
  return os::RealDirectoryTree().SyncDirectory(os::DirectoryName(to));
}

Result<std::unique_ptr<RecordFile>> RecordFile::Open(const std::string& path,
                                                     const Options& options) {
  THRONG_RETURN_IF_ERROR(PrepareFiles(path));
  THRONG_ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kReadWrite));
  std::unique_ptr<RecordFile> file(new RecordFile(std::move(database)));
  THRONG_RETURN_IF_ERROR(CheckIdentity(file->database_));
  THRONG_RETURN_IF_ERROR(file->Configure(options));
  THRONG_RETURN_IF_ERROR(CheckStructure(file->database_, IntegrityCheck::kQuick));
  THRONG_ASSIGN_OR_RETURN(file->state_, ReadState(file->database_));
  THRONG_RETURN_IF_ERROR(file->PrepareStatements());
  if (file->state_.is_backup) THRONG_RETURN_IF_ERROR(file->LeaveBackup());
  return file;
}

Status RecordFile::Configure(const Options& options) {
  THRONG_RETURN_IF_ERROR(database_.Run(kSettings));
  THRONG_ASSIGN_OR_RETURN(const std::string journal, database_.ReadText("PRAGMA journal_mode"));
  if (journal != "wal") {
    return UnavailableError("the store's file system has no shared memory for a write-ahead log");
  }
  if (options.most_bytes == 0) return OkStatus();
  return database_.Run("PRAGMA max_page_count = " +
                       std::to_string(options.most_bytes / kPageBytes));
}

Status RecordFile::LeaveBackup() {
  FileState state = state_;
  state.revision += kRevisionsAfterBackup;
  state.history_floor = state.revision;
  state.is_backup = false;
  THRONG_RETURN_IF_ERROR(begin_.Run());
  THRONG_RETURN_IF_ERROR(delete_history_.Bind(state.history_floor).Run());
  THRONG_RETURN_IF_ERROR(WriteState(database_, state));
  THRONG_RETURN_IF_ERROR(commit_.Run());
  state_ = state;
  return OkStatus();
}

Status RecordFile::PrepareStatements() {
  struct Text {
    Statement* statement;
    const char* sql;
  };
  const Text texts[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&rollback_, "ROLLBACK"},
      {&insert_record_,
       "INSERT INTO records (id, resource, name_space, name, revision, value, checksum)"
       " VALUES (?, ?, ?, ?, ?, ?, ?)"},
      {&update_record_, "UPDATE records SET revision = ?, value = ?, checksum = ? WHERE id = ?"},
      {&delete_record_, "DELETE FROM records WHERE id = ?"},
      {&insert_history_,
       "INSERT INTO history (revision, kind, record, resource, name_space, name,"
       " previous_revision, previous, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&delete_history_, "DELETE FROM history WHERE revision <= ?"},
  };
  for (const Text& text : texts) {
    THRONG_ASSIGN_OR_RETURN(*text.statement, database_.Prepare(text.sql));
  }
  return OkStatus();
}

Status RecordFile::Load(RecordIndex& index) {
  const auto take_record = [&index](RecordKey key, Version version) {
    return index.RestoreRecord(std::move(key), std::move(version));
  };
  const auto take_change = [&index](UndoRow row) { return index.RestoreChange(std::move(row)); };
  Status status = ReadRecords(database_, state_, take_record);
  if (status.ok()) status = ReadHistory(database_, state_, take_change);
  if (status.ok()) status = index.FinishRestore(state_.revision, state_.history_floor);
  return status;
}

Status RecordFile::Write(const CommitBatch& batch) {
  FileState state = state_;
  for (const SharedChange& logged : batch.changes) {
    if (logged->change.kind == ChangeKind::kAdded) ++state.record_count;
    if (logged->change.kind == ChangeKind::kDeleted) --state.record_count;
  }
  state.revision = batch.changes.back()->change.record.revision;
  state.history_floor = batch.history_floor;
  const Status status = WriteAll(batch, state);
  if (status.ok()) {
    state_ = state;
    return OkStatus();
  }
  // Some failures have rolled back already.
  if (sqlite3_get_autocommit(database_.get()) == 0) (void)rollback_.Run();
  return Status(StatusCode::kUnavailable, status.message());
}

Status RecordFile::WriteAll(const CommitBatch& batch, const FileState& state) {
  THRONG_RETURN_IF_ERROR(begin_.Run());
  for (const SharedChange& logged : batch.changes) {
    THRONG_RETURN_IF_ERROR(WriteRecord(*logged));
    THRONG_RETURN_IF_ERROR(WriteHistory(*logged));
  }
  if (state.history_floor != state_.history_floor) {
    THRONG_RETURN_IF_ERROR(delete_history_.Bind(state.history_floor).Run());
    KillPoint("store.compaction.written");
  }
  THRONG_RETURN_IF_ERROR(WriteState(database_, state));
  KillPoint("store.commit.before");
  THRONG_RETURN_IF_ERROR(commit_.Run());
  KillPoint("store.commit.after");
  return OkStatus();
}

Status RecordFile::WriteRecord(const LoggedChange& logged) {
  const Record& record = logged.change.record;
  const Version version = {logged.created, record.revision, record.value};
  Status status;
  switch (logged.change.kind) {
    case ChangeKind::kAdded:
      status = insert_record_.Bind(version.created)
                   .Bind(record.key.resource)
                   .Bind(record.key.name_space)
                   .Bind(record.key.name)
                   .Bind(version.revision)
                   .BindBlob(version.value.get())
                   .Bind(ChecksumOf(record.key, version))
                   .Run();
      break;
    case ChangeKind::kModified:
      status = update_record_.Bind(version.revision)
                   .BindBlob(version.value.get())
                   .Bind(ChecksumOf(record.key, version))
                   .Bind(version.created)
                   .Run();
      break;
    case ChangeKind::kDeleted:
      status = delete_record_.Bind(version.created).Run();
      break;
  }
  THRONG_RETURN_IF_ERROR(status);
  if (database_.changes() == 1) return OkStatus();
  return DamageError("the row of '" + record.key.name + "' is not in it any more");
}

Status RecordFile::WriteHistory(const LoggedChange& logged) {
  const UndoRow row = UndoRowOf(logged);
  return insert_history_.Bind(row.revision)
      .Bind(static_cast<int>(row.kind))
      .Bind(row.created)
      .Bind(row.key.resource)
      .Bind(row.key.name_space)
      .Bind(row.key.name)
      .Bind(row.previous_revision)
      .BindBlob(row.previous.get())
      .Bind(ChecksumOf(row))
      .Run();
}

}  // namespace throng::store
