#include "store/sqlite_store.h"

#include <utility>

#include "store/backup.h"
#include "store/record_file.h"

namespace throng::store {

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(Executor& executor, Options options) {
  THRONG_ASSIGN_OR_RETURN(auto file,
                          RecordFile::Open(options.path, {.most_bytes = options.most_bytes}));
  auto index = std::make_unique<RecordIndex>(options.limits, file->revision());
  THRONG_RETURN_IF_ERROR(file->Load(*index));
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(executor, std::move(options), std::move(file), std::move(index)));
}

SqliteStore::SqliteStore(Executor& executor, Options options, std::unique_ptr<RecordFile> file,
                         std::unique_ptr<RecordIndex> index)
    : RecordTable(executor, options.limits, std::move(index)),
      path_(std::move(options.path)),
      file_(std::move(file)) {}

SqliteStore::~SqliteStore() { stop_backup_ = true; }

void SqliteStore::Commit(CommitBatch batch, Done<Status> done) {
  writer_.Run<Status>([this, batch = std::move(batch)] { return file_->Write(batch); }, executor(),
                      std::move(done));
}

void SqliteStore::Backup(std::string path, Done<Status> done) {
  if (backup_is_running_) {
    executor().Post([done = std::move(done)]() mutable {
      done(Status(StatusCode::kAborted, "another backup is running"));
    });
    return;
  }
  backup_is_running_ = true;
  if (backup_thread_ == nullptr) backup_thread_ = std::make_unique<os::ThreadPool>(1);
  backup_thread_->Run<Status>(
      [this, path = std::move(path)] { return CopyStore(path_, path, stop_backup_); }, executor(),
      [this, alive = std::weak_ptr(alive_), done = std::move(done)](Status status) mutable {
        if (alive.expired()) return;
        backup_is_running_ = false;
        done(std::move(status));
      });
}

}  // namespace throng::store
