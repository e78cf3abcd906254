#include "store/backup.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "store/testing/record_store_contract.h"
#include "store/testing/sqlite_harness.h"

namespace throng::store::testing {
namespace {

namespace fs = std::filesystem;

class BackupTest : public ::testing::Test {
 protected:
  Status Backup() {
    std::optional<Status> status;
    harness_.store().Backup(backup_, [&status](Status done) { status = std::move(done); });
    harness_.RunUntil([&status] { return status.has_value(); });
    return status.value_or(InternalError("no completion"));
  }
  void ExpectRecords(uint64_t a, uint64_t b) {
    const auto found_a = harness_.store().Get(Key("a"));
    const auto found_b = harness_.store().Get(Key("b"));
    ASSERT_TRUE(found_a.has_value() && found_b.has_value());
    EXPECT_EQ(found_a->revision, a);
    EXPECT_EQ(*found_b->value, "b");
    EXPECT_EQ(found_b->revision, b);
    EXPECT_FALSE(harness_.store().Get(Key("later")).has_value());
  }

  SqliteHarness harness_;
  const std::string backup_ = harness_.directory() + "/backup.db";
};

TEST_F(BackupTest, IsOnePrivateFileThatEqualsTheStore) {
  const uint64_t a = harness_.Create("a", std::string(100000, 'x'));
  const uint64_t b = harness_.Create("b", "b");
  ASSERT_TRUE(Backup().ok());
  harness_.Create("later", "x");
  struct stat info = {};
  ASSERT_EQ(stat(backup_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  for (const char* ending : {"-wal", "-shm", "-journal", ".partial"}) {
    EXPECT_FALSE(fs::exists(backup_ + ending)) << ending;
  }
  const Result<StoreSummary> summary = CheckStoreFile(backup_);
  ASSERT_TRUE(summary.ok()) << summary.status().ToString();
  EXPECT_EQ(summary->records, 2U);
  EXPECT_EQ(summary->revision, b);

  const uint64_t last = harness_.store().revision();
  harness_.Close();
  const Status restored = RestoreStore(backup_, harness_.path());
  ASSERT_TRUE(restored.ok()) << restored.ToString();
  ASSERT_TRUE(harness_.Open().ok());
  ExpectRecords(a, b);
  // What was given out after the backup never comes again.
  EXPECT_GT(harness_.store().revision(), last);
  EXPECT_EQ(harness_.store().Watch({"pods", ""}, b, [](const Change&) {}).status().code(),
            StatusCode::kOutOfRange);
  const uint64_t next = harness_.Create("c", "c");
  EXPECT_GT(next, last);
  harness_.Close();
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(harness_.store().revision(), next) << "it is no backup any more";
}

TEST_F(BackupTest, ABackupCopiedByHandIsNotMixedWithAnOldLog) {
  const uint64_t a = harness_.Create("a", "a");
  const uint64_t b = harness_.Create("b", "b");
  ASSERT_TRUE(Backup().ok());
  harness_.Create("later", "x");
  const std::string log = harness_.path() + "-wal";
  fs::copy_file(log, harness_.directory() + "/log");
  harness_.Close();
  fs::copy_file(backup_, harness_.path(), fs::copy_options::overwrite_existing);
  fs::rename(harness_.directory() + "/log", log);  // as after a kill
  const Status opened = harness_.Open();
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  ExpectRecords(a, b);
  EXPECT_TRUE(fs::exists(log + ".replaced"));
}

TEST_F(BackupTest, TheStoreGoesOnMeanwhile) {
  for (int i = 0; i < 50; ++i) harness_.Create(std::to_string(i), std::string(100000, 'x'));
  std::optional<Status> status;
  std::optional<Status> second;
  harness_.store().Backup(backup_, [&status](Status done) { status = std::move(done); });
  harness_.store().Backup(backup_, [&second](Status done) { second = std::move(done); });
  uint64_t writes = 0;
  while (!status.has_value() && writes < 10000) {
    ASSERT_NE(harness_.Create("during" + std::to_string(writes++), "x"), 0U);
  }
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(status->ok()) << status->ToString();
  EXPECT_EQ(second->code(), StatusCode::kAborted);
  const Result<StoreSummary> summary = CheckStoreFile(backup_);
  ASSERT_TRUE(summary.ok()) << summary.status().ToString();
  EXPECT_GE(summary->records, 50U);
  EXPECT_LE(summary->records, 50U + writes);
  EXPECT_TRUE(Backup().ok()) << "another one may follow";
}

TEST_F(BackupTest, EndsWithItsStore) {
  for (int i = 0; i < 20; ++i) harness_.Create(std::to_string(i), std::string(100000, 'x'));
  bool completed = false;
  harness_.store().Backup(backup_, [&completed](Status) { completed = true; });
  harness_.Close();
  harness_.loop().RunOnce(Duration::zero());
  EXPECT_FALSE(completed);
  EXPECT_FALSE(fs::exists(backup_ + ".partial"));
}

TEST_F(BackupTest, TheStoreIsNotCopiedToItself) {
  const std::string same = harness_.directory() + "/./store.db";
  EXPECT_EQ(CopyStore(harness_.path(), same, false).code(), StatusCode::kInvalidArgument);
}

TEST_F(BackupTest, AStoppedCopyLeavesNothing) {
  harness_.Create("a", "a");
  EXPECT_EQ(CopyStore(harness_.path(), backup_, true).code(), StatusCode::kCancelled);
  EXPECT_TRUE(fs::exists(harness_.path()));
  EXPECT_FALSE(fs::exists(backup_));
  EXPECT_FALSE(fs::exists(backup_ + ".partial"));
}

TEST_F(BackupTest, WhereNoFileCanBeMadeFails) {
  harness_.Create("a", "a");
  std::optional<Status> status;
  harness_.store().Backup(harness_.directory() + "/none/backup.db",
                          [&status](Status done) { status = std::move(done); });
  harness_.RunUntil([&status] { return status.has_value(); });
  EXPECT_FALSE(status->ok());
  EXPECT_EQ(status->message().find(harness_.directory()), std::string::npos);
}

TEST_F(BackupTest, ADamagedBackupReplacesNothing) {
  const uint64_t a = harness_.Create("a", "a");
  const uint64_t b = harness_.Create("b", "b");
  ASSERT_TRUE(Backup().ok());
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(backup_.c_str(), &connection), SQLITE_OK);
  sqlite3_exec(connection, "UPDATE records SET value = 'wrong' WHERE name = 'a'", nullptr, nullptr,
               nullptr);
  sqlite3_close(connection);
  EXPECT_EQ(CheckStoreFile(backup_).status().code(), StatusCode::kDataLoss);
  harness_.Close();
  EXPECT_EQ(RestoreStore(backup_, harness_.path()).code(), StatusCode::kDataLoss);
  ASSERT_TRUE(harness_.Open().ok());
  ExpectRecords(a, b);
  EXPECT_FALSE(CheckStoreFile(harness_.directory() + "/none").ok());
}

}  // namespace
}  // namespace throng::store::testing
