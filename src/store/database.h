// Database and Statement: SQLite with a Status for every failure. A connection and its statements
// are used by one thread at a time. Messages hold no path.
//
//   THRONG_ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kReadWrite));
//   THRONG_ASSIGN_OR_RETURN(Statement insert, database.Prepare("INSERT INTO t VALUES (?, ?)"));
//   THRONG_RETURN_IF_ERROR(insert.Bind(7).Bind("text").Run());
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace throng::store {

// kDataLoss for a damaged file (and what to do then), else kUnavailable.
Status DatabaseError(int code, std::string_view what);
// kDataLoss, with what to do.
Status DamageError(std::string_view what);

class Statement {
 public:
  Statement() = default;

  // Each binds the next parameter. Bytes must stay as they are until the statement has run.
  Statement& Bind(std::integral auto number) { return BindNumber(static_cast<int64_t>(number)); }
  Statement& Bind(std::string_view text);
  // Null: NULL.
  Statement& BindBlob(const std::string* bytes);

  // True: there is a row. After the last row, or a failure, it is ready to be bound again.
  Result<bool> Step();
  // Runs it to its end.
  Status Run();

  int64_t Number(int column) const { return sqlite3_column_int64(get(), column); }
  uint64_t Revision(int column) const { return static_cast<uint64_t>(Number(column)); }
  // Valid until the next step.
  std::string_view Bytes(int column) const;
  bool IsNull(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement& BindNumber(int64_t number);
  sqlite3_stmt* get() const { return statement_.get(); }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

class Database {
 public:
  enum class Mode : uint8_t { kReadWrite, kReadOnly };

  // Of a file that is there.
  static Result<Database> Open(const std::string& path, Mode mode);

  // One or more statements whose rows do not matter.
  Status Run(const std::string& sql);
  Result<Statement> Prepare(const char* sql);
  // The first column of the only row.
  Result<int64_t> ReadNumber(const char* sql);
  Result<std::string> ReadText(const char* sql);
  // Rows that the last INSERT, UPDATE or DELETE touched.
  int changes() const { return sqlite3_changes(get()); }
  sqlite3* get() const { return connection_.get(); }

 private:
  struct Close {
    // Statements that are still there keep it open until they are gone.
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };

  explicit Database(sqlite3* connection) : connection_(connection) {}

  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace throng::store
