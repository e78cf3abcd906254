#include "store/schema.h"

#include <string>
#include <utility>

#include "store/checksum.h"

namespace throng::store {
namespace {

constexpr int64_t kApplicationId = 0x54686E67;  // "Thng"

constexpr char kTables[] =
    "CREATE TABLE records (id INTEGER PRIMARY KEY, resource TEXT NOT NULL,"
    " name_space TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,"
    " value BLOB NOT NULL, checksum INTEGER NOT NULL);"
    "CREATE TABLE history (revision INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
    " record INTEGER NOT NULL, resource TEXT NOT NULL, name_space TEXT NOT NULL,"
    " name TEXT NOT NULL, previous_revision INTEGER NOT NULL, previous BLOB,"
    " checksum INTEGER NOT NULL);"
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL,"
    " history_floor INTEGER NOT NULL, record_count INTEGER NOT NULL, is_backup INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL);";

int64_t ChecksumOf(const FileState& state) {
  return Checksum()
      .Add(state.revision)
      .Add(state.history_floor)
      .Add(state.record_count)
      .Add(state.is_backup)
      .value();
}

std::string Pragma(const char* name, int64_t value) {
  return "PRAGMA " + std::string(name) + " = " + std::to_string(value) + ";";
}

std::shared_ptr<const std::string> ValueAt(const Statement& statement, int column) {
  if (statement.IsNull(column)) return nullptr;
  return std::make_shared<const std::string>(statement.Bytes(column));
}

RecordKey KeyAt(const Statement& statement, int column) {
  return {std::string(statement.Bytes(column)), std::string(statement.Bytes(column + 1)),
          std::string(statement.Bytes(column + 2))};
}

}  // namespace

int64_t ChecksumOf(const RecordKey& key, const Version& version) {
  return Checksum()
      .Add(version.created)
      .Add(version.revision)
      .Add(key.resource)
      .Add(key.name_space)
      .Add(key.name)
      .Add(*version.value)
      .value();
}

int64_t ChecksumOf(const UndoRow& row) {
  Checksum checksum;
  checksum.Add(row.revision)
      .Add(static_cast<int>(row.kind))
      .Add(row.created)
      .Add(row.key.resource)
      .Add(row.key.name_space)
      .Add(row.key.name)
      .Add(row.previous_revision);
  if (row.previous != nullptr) checksum.Add(*row.previous);
  return checksum.value();
}

Status MakeSchema(Database& database) {
  THRONG_RETURN_IF_ERROR(database.Run(Pragma("page_size", kPageBytes) + "BEGIN IMMEDIATE;" +
                                      Pragma("application_id", kApplicationId) +
                                      Pragma("user_version", kSchemaVersion) + kTables));
  THRONG_RETURN_IF_ERROR(WriteState(database, FileState()));
  return database.Run("COMMIT");
}

Status CheckIdentity(Database& database) {
  THRONG_ASSIGN_OR_RETURN(const int64_t id, database.ReadNumber("PRAGMA application_id"));
  if (id != kApplicationId) {
    return FailedPreconditionError("the store's file belongs to another program");
  }
  THRONG_ASSIGN_OR_RETURN(const int64_t version, database.ReadNumber("PRAGMA user_version"));
  if (version > kSchemaVersion) {
    return FailedPreconditionError(
        "the store was written by a newer version of this program (schema " +
        std::to_string(version) + "; this one knows " + std::to_string(kSchemaVersion) +
        "). Start that version, or put a backup of this one in its place");
  }
  if (version < kSchemaVersion) return DamageError("its schema version is unknown");
  return OkStatus();
}

Status CheckStructure(Database& database, IntegrityCheck check) {
  THRONG_ASSIGN_OR_RETURN(
      const std::string verdict,
      database.ReadText(check == IntegrityCheck::kQuick ? "PRAGMA quick_check(1)"
                                                        : "PRAGMA integrity_check(1)"));
  if (verdict == "ok") return OkStatus();
  return DamageError("its structure is broken");
}

Result<FileState> ReadState(Database& database) {
  THRONG_ASSIGN_OR_RETURN(
      Statement select,
      database.Prepare("SELECT revision, history_floor, record_count, is_backup, checksum"
                       " FROM state WHERE id = 1"));
  THRONG_ASSIGN_OR_RETURN(const bool has_row, select.Step());
  FileState state;
  if (has_row) {
    state = {select.Revision(0), select.Revision(1), select.Revision(2), select.Number(3) != 0};
  }
  if (!has_row || select.Number(4) != ChecksumOf(state)) {
    return DamageError("the row of its state is wrong");
  }
  return state;
}

Status WriteState(Database& database, const FileState& state) {
  THRONG_ASSIGN_OR_RETURN(
      Statement replace,
      database.Prepare("REPLACE INTO state (id, revision, history_floor, record_count, is_backup,"
                       " checksum) VALUES (1, ?, ?, ?, ?, ?)"));
  return replace.Bind(state.revision)
      .Bind(state.history_floor)
      .Bind(state.record_count)
      .Bind(state.is_backup)
      .Bind(ChecksumOf(state))
      .Run();
}

Status ReadRecords(Database& database, const FileState& state,
                   const std::function<Status(RecordKey, Version)>& take) {
  THRONG_ASSIGN_OR_RETURN(
      Statement select,
      database.Prepare("SELECT id, revision, resource, name_space, name, value, checksum"
                       " FROM records ORDER BY id"));
  uint64_t count = 0;
  while (true) {
    THRONG_ASSIGN_OR_RETURN(const bool has_row, select.Step());
    if (!has_row) break;
    RecordKey key = KeyAt(select, 2);
    Version version = {select.Revision(0), select.Revision(1), ValueAt(select, 5)};
    if (version.value == nullptr || select.Number(6) != ChecksumOf(key, version)) {
      return DamageError("the row of '" + key.name + "' of '" + key.resource + "' (record " +
                         std::to_string(version.created) + ") is wrong");
    }
    THRONG_RETURN_IF_ERROR(take(std::move(key), std::move(version)));
    ++count;
  }
  if (count == state.record_count) return OkStatus();
  return DamageError("it has " + std::to_string(count) + " records and should have " +
                     std::to_string(state.record_count));
}

Status ReadHistory(Database& database, const FileState& state,
                   const std::function<Status(UndoRow)>& take) {
  THRONG_ASSIGN_OR_RETURN(
      Statement select,
      database.Prepare("SELECT revision, kind, record, resource, name_space, name,"
                       " previous_revision, previous, checksum"
                       " FROM history WHERE revision > ? ORDER BY revision DESC"));
  select.Bind(state.history_floor);
  while (true) {
    THRONG_ASSIGN_OR_RETURN(const bool has_row, select.Step());
    if (!has_row) return OkStatus();
    UndoRow row = {static_cast<ChangeKind>(select.Number(1)),
                   KeyAt(select, 3),
                   select.Revision(0),
                   select.Revision(2),
                   select.Revision(6),
                   ValueAt(select, 7)};
    if (select.Number(8) != ChecksumOf(row)) {
      return DamageError("the row of change " + std::to_string(row.revision) + " is wrong");
    }
    THRONG_RETURN_IF_ERROR(take(std::move(row)));
  }
}

}  // namespace throng::store
