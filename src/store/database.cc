#include "store/database.h"

#include <utility>

namespace throng::store {
namespace {

// For others that look into the file (a backup, sqlite3): they hold it for moments only.
constexpr int kBusyTimeoutMs = 2000;
constexpr int kPrimaryCode = 0xff;

}  // namespace

Status DamageError(std::string_view what) {
  return DataLossError("the store is damaged: " + std::string(what) +
                       ". Put a backup in its place, or move the store's files away, start anew "
                       "and apply your objects again");
}

Status DatabaseError(int code, std::string_view what) {
  switch (code & kPrimaryCode) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DamageError(std::string(what) + ": " + sqlite3_errstr(code & kPrimaryCode));
    case SQLITE_FULL:
      return UnavailableError(std::string(what) + ": no space is left on the disk");
    case SQLITE_IOERR:
      return UnavailableError(std::string(what) + ": the disk reports an error");
    default:
      return UnavailableError(std::string(what) + ": " + sqlite3_errstr(code));
  }
}

Statement& Statement::Bind(std::string_view text) {
  // An empty view may have no address, which would be NULL.
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text64(get(), ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::BindBlob(const std::string* bytes) {
  if (bytes == nullptr) {
    sqlite3_bind_null(get(), ++bound_);
  } else {
    sqlite3_bind_blob64(get(), ++bound_, bytes->data(), bytes->size(), SQLITE_STATIC);
  }
  return *this;
}

Statement& Statement::BindNumber(int64_t number) {
  sqlite3_bind_int64(get(), ++bound_, number);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  // Bound bytes are not ours: they are let go at once.
  sqlite3_reset(get());
  sqlite3_clear_bindings(get());
  bound_ = 0;
  if (code == SQLITE_DONE) return false;
  return DatabaseError(code, "the store's file cannot be used");
}

Status Statement::Run() {
  while (true) {
    THRONG_ASSIGN_OR_RETURN(const bool has_row, Step());
    if (!has_row) return OkStatus();
  }
}

std::string_view Statement::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(get(), column);
  const int size = sqlite3_column_bytes(get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

Result<Database> Database::Open(const std::string& path, Mode mode) {
  sqlite3* connection = nullptr;
  const int flags = (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  Database database(connection);
  if (code != SQLITE_OK) return DatabaseError(code, "the store's file cannot be opened");
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, kBusyTimeoutMs);
  return database;
}

Status Database::Run(const std::string& sql) {
  const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return DatabaseError(code, "the store's file cannot be used");
  return OkStatus();
}

Result<Statement> Database::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  // The only statements are ours: when one does not fit, the file's tables are not.
  if (code == SQLITE_ERROR) return DamageError("a table is missing or has other columns");
  if (code != SQLITE_OK) return DatabaseError(code, "the store's file cannot be used");
  return Statement(statement);
}

Result<int64_t> Database::ReadNumber(const char* sql) {
  THRONG_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  THRONG_ASSIGN_OR_RETURN(const bool has_row, statement.Step());
  return has_row ? statement.Number(0) : 0;
}

Result<std::string> Database::ReadText(const char* sql) {
  THRONG_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  THRONG_ASSIGN_OR_RETURN(const bool has_row, statement.Step());
  return std::string(has_row ? statement.Bytes(0) : std::string_view());
}

}  // namespace throng::store
