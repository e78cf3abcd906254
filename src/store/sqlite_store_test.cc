#include "store/sqlite_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "os/testing/forked_child.h"
#include "store/testing/record_store_bounds.h"
#include "store/testing/record_store_contract.h"
#include "store/testing/sqlite_harness.h"

namespace throng::store::testing {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, RecordStoreContract, SqliteHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, RecordStoreBounds, SqliteHarness);

class SqliteStoreTest : public ::testing::Test {
 protected:
  void Reopen() {
    harness_.Close();
    const Status opened = harness_.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
  }
  // With another program's connection, while the store is closed.
  void RunSql(const std::string& sql) {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(harness_.path().c_str(), &connection), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection);
    sqlite3_close(connection);
  }
  mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  std::optional<Result<Record>> Start(SqliteStore& store, const std::string& name) {
    std::optional<Result<Record>> result;
    store.Create(Key(name), "x", [&result](Result<Record> done) { result = std::move(done); });
    SqliteHarness::RunUntil(harness_.loop(), [&result] { return result.has_value(); });
    return result;
  }

  SqliteHarness harness_;
};

TEST_F(SqliteStoreTest, EverythingIsThereAfterReopening) {
  SqliteStore& store = harness_.store();
  const uint64_t start = store.revision();
  const uint64_t a = harness_.Create("a", "a1");
  harness_.Create("b", std::string("\0b", 2));
  harness_.Create("empty", "");
  std::optional<Result<Record>> deleted;
  store.Update(Key("a"), a, "a2", [&](Result<Record> updated) {
    harness_.store().Delete(Key("a"), updated->revision,
                            [&](Result<Record> result) { deleted = std::move(result); });
  });
  harness_.RunUntil([&] { return deleted.has_value(); });
  const uint64_t last = store.revision();

  Reopen();
  EXPECT_EQ(harness_.store().revision(), last);
  EXPECT_FALSE(harness_.store().Get(Key("a")).has_value());
  EXPECT_EQ(*harness_.store().Get(Key("b"))->value, std::string("\0b", 2));
  EXPECT_EQ(*harness_.store().Get(Key("empty"))->value, "");
  EXPECT_EQ(NamesOf(*harness_.store().List({.selection = {"pods", ""}, .revision = a})),
            std::vector<std::string>{"a"});
  std::vector<std::string> seen;
  const auto watch = harness_.store().Watch(
      {"pods", ""}, start, [&seen](const Change& change) { seen.push_back(Describe(change)); });
  harness_.RunUntil([&] { return seen.size() == 5; });
  EXPECT_EQ(seen, (std::vector<std::string>{"ADDED a a1", "ADDED b " + std::string("\0b", 2),
                                            "ADDED empty ", "MODIFIED a a2 (before: a1)",
                                            "DELETED a a2 (before: a2)"}));
}

TEST_F(SqliteStoreTest, RevisionsNeverGoBack) {
  const uint64_t a = harness_.Create("a", "a");
  std::optional<Result<Record>> deleted;
  harness_.store().Delete(Key("a"), a, [&](Result<Record> done) { deleted = std::move(done); });
  harness_.RunUntil([&] { return deleted.has_value(); });
  harness_.Close();
  RunSql("DELETE FROM history");  // as compaction does
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(harness_.store().revision(), a + 1);
  EXPECT_EQ(harness_.Create("a", "a"), a + 2);
}

TEST_F(SqliteStoreTest, HistoryIsCompactedOnDiskToo) {
  SqliteHarness harness(StoreLimits{.history = 3});
  for (int i = 0; i < 20; ++i) ASSERT_NE(harness.Create(std::to_string(i), "x"), 0U);
  const uint64_t last = harness.store().revision();
  harness.Close();
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(harness.path().c_str(), &connection), SQLITE_OK);
  int rows = 0;
  const auto count = [](void* rows, int, char** values, char**) {
    *static_cast<int*>(rows) = std::stoi(values[0]);
    return 0;
  };
  sqlite3_exec(connection, "SELECT count(*) FROM history", count, &rows, nullptr);
  sqlite3_close(connection);
  EXPECT_LE(rows, 4);  // one commit behind
  ASSERT_TRUE(harness.Open().ok());
  const auto watch = [&](uint64_t since) {
    return harness.store().Watch({"pods", ""}, since, [](const Change&) {}).status().code();
  };
  EXPECT_EQ(watch(last - 3), StatusCode::kOk);
  EXPECT_EQ(watch(last - 4), StatusCode::kOutOfRange);
}

TEST_F(SqliteStoreTest, FilesArePrivate) {
  harness_.Create("a", "a");
  for (const char* ending : {"", "-wal", "-shm"}) {
    EXPECT_EQ(ModeOf(harness_.path() + ending), 0600U) << ending;
  }
  harness_.Close();
  ASSERT_EQ(chmod(harness_.path().c_str(), 0644), 0);
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(ModeOf(harness_.path()), 0600U);
}

// The parent kills the child in the middle of its writes; whatever the child was told is there.
TEST_F(SqliteStoreTest, WhatWasAcknowledgedSurvivesKill) {
  harness_.Close();
  int acknowledged[2];
  ASSERT_EQ(pipe(acknowledged), 0);
  const std::string path = harness_.path();
  const pid_t child = os::testing::StartChild([&] {
    close(acknowledged[0]);
    const auto loop = std::move(os::EventLoop::Create(os::RealClock())).value();
    const auto store = std::move(SqliteStore::Open(*loop, {.path = path})).value();
    std::function<void(int)> create = [&](int number) {
      store->Create(Key(std::to_string(number)), std::string(3000, 'x'), [&, number](auto result) {
        if (!result.ok() || write(acknowledged[1], &number, sizeof(number)) < 0) loop->Stop();
        create(number + 4);
      });
    };
    for (int i = 0; i < 4; ++i) create(i);
    loop->Run();
    return 1;
  });
  close(acknowledged[1]);
  std::vector<int> numbers;
  for (int number = 0; read(acknowledged[0], &number, sizeof(number)) == sizeof(number);) {
    numbers.push_back(number);
    if (numbers.size() == 200) kill(child, SIGKILL);
  }
  close(acknowledged[0]);
  EXPECT_EQ(os::testing::AwaitChild(child), "signal 9");
  EXPECT_GE(numbers.size(), 200U);
  const Status opened = harness_.Open();
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  for (const int number : numbers) {
    EXPECT_TRUE(harness_.store().Get(Key(std::to_string(number))).has_value()) << number;
  }
  EXPECT_NE(harness_.Create("after", "x"), 0U);
}

TEST_F(SqliteStoreTest, AFullDiskFailsWritesAndIsGotOver) {
  harness_.Close();
  const std::string path = harness_.path();
  // In a child, since the bound is the process's. A write over it is EFBIG.
  EXPECT_EQ(os::testing::RunInChild([&] {
              signal(SIGXFSZ, SIG_IGN);
              if (!harness_.Open().ok()) return 1;
              if (harness_.Create("small", "x") == 0) return 2;
              rlimit limit = {};
              getrlimit(RLIMIT_FSIZE, &limit);
              const rlimit tight = {200 * 1024, limit.rlim_max};
              setrlimit(RLIMIT_FSIZE, &tight);
              const uint64_t before = harness_.store().revision();
              for (int i = 0; i < 3; ++i) {
                std::optional<Result<Record>> failed;
                harness_.store().Create(Key("large"), std::string(1000000, 'x'),
                                        [&](Result<Record> done) { failed = std::move(done); });
                harness_.RunUntil([&] { return failed.has_value(); });
                if (failed->status().code() != StatusCode::kUnavailable) return 3;
              }
              if (harness_.store().Get(Key("large")).has_value()) return 4;
              if (harness_.store().revision() != before) return 5;
              setrlimit(RLIMIT_FSIZE, &limit);
              if (harness_.Create("large", std::string(1000000, 'x')) == 0) return 6;
              return 0;
            }),
            "exit 0");
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_TRUE(harness_.store().Get(Key("small")).has_value());
  EXPECT_EQ(harness_.store().Get(Key("large"))->value->size(), 1000000U);
}

TEST_F(SqliteStoreTest, AFullFileSaysSo) {
  harness_.Close();
  auto opened = SqliteStore::Open(harness_.loop(), {.path = harness_.path(), .most_bytes = 160000});
  ASSERT_TRUE(opened.ok());
  SqliteStore& store = **opened;
  std::optional<Result<Record>> result;
  store.Create(Key("large"), std::string(400000, 'x'),
               [&](Result<Record> done) { result = std::move(done); });
  harness_.RunUntil([&] { return result.has_value(); });
  EXPECT_EQ(result->status().code(), StatusCode::kUnavailable);
  EXPECT_NE(result->status().message().find("no space is left on the disk"), std::string::npos);
  EXPECT_TRUE(SqliteStoreTest::Start(store, "small")->ok());
}

class DamageTest : public SqliteStoreTest {
 protected:
  void SetUp() override {
    for (int i = 0; i < 40; ++i) harness_.Create("r" + std::to_string(i), std::string(2000, 'x'));
    harness_.Close();
  }
  void Overwrite(std::streamoff offset, const std::string& bytes) {
    std::fstream file(harness_.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void Truncate(uint64_t size) { std::filesystem::resize_file(harness_.path(), size); }
  uint64_t SizeOfFile() { return std::filesystem::file_size(harness_.path()); }
  void ExpectDamage(const std::string& what) {
    const Status status = harness_.Open();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
    EXPECT_NE(status.message().find(what), std::string::npos) << status.ToString();
    EXPECT_NE(status.message().find("Put a backup in its place"), std::string::npos);
    EXPECT_EQ(status.message().find(harness_.directory()), std::string::npos);
  }
};

TEST_F(DamageTest, AnEmptyFileIsNoNewStore) {
  Truncate(0);
  ExpectDamage("its file is empty or cut off");
}

TEST_F(DamageTest, OfAPartOfAFile) {
  for (const uint64_t size :
       {SizeOfFile() - 8192, SizeOfFile() / 2, uint64_t{4096}, uint64_t{50}}) {
    Truncate(size);
    ExpectDamage("the store is damaged");
  }
}

TEST_F(DamageTest, OfTheHeader) {
  Overwrite(0, std::string(100, 'z'));
  ExpectDamage("the store is damaged");
}

TEST_F(DamageTest, OfPages) {
  Overwrite(4 * 8192, std::string(8192, 'z'));
  ExpectDamage("the store is damaged");
}

TEST_F(DamageTest, ARowThatChangedIsNamed) {
  RunSql("UPDATE records SET value = 'y' || substr(value, 2) WHERE name = 'r7'");
  ExpectDamage("the row of 'r7' of 'pods' (record 9) is wrong");
}

TEST_F(DamageTest, ARowThatIsMissingIsMissed) {
  RunSql("DELETE FROM records WHERE name = 'r7'");
  ExpectDamage("it has 39 records and should have 40");
}

TEST_F(DamageTest, OfARowOfHistory) {
  RunSql("UPDATE history SET name = 'other' WHERE revision = 9");
  ExpectDamage("the row of change 9 is wrong");
}

TEST_F(DamageTest, OfTheState) {
  RunSql("UPDATE state SET revision = 2");
  ExpectDamage("the row of its state is wrong");
}

TEST_F(DamageTest, OfATable) {
  RunSql("DROP TABLE history");
  ExpectDamage("a table is missing");
}

TEST_F(DamageTest, OnlyTheLogIsLeft) {
  std::filesystem::rename(harness_.path(), harness_.path() + "-wal");
  ExpectDamage("only its log is left");
}

TEST_F(DamageTest, WhatIsNoStoreIsRefused) {
  RunSql("PRAGMA user_version = 2");
  Status status = harness_.Open();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("newer version"), std::string::npos);
  RunSql("PRAGMA application_id = 1");
  status = harness_.Open();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("another program"), std::string::npos);
  std::filesystem::remove(harness_.path());
  std::filesystem::create_directory(harness_.path());
  EXPECT_EQ(harness_.Open().code(), StatusCode::kFailedPrecondition);
}

TEST_F(DamageTest, AnUnfinishedNewStoreIsMadeAnew) {
  std::filesystem::rename(harness_.path(), harness_.path() + ".new");
  ASSERT_TRUE(harness_.Open().ok());
  EXPECT_EQ(harness_.store().revision(), 1U);
}

}  // namespace
}  // namespace throng::store::testing
