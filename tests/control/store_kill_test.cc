// The store, killed at the points of base/kill_point.h that no running program reaches in time, and
// cut off from power after any byte of its log.
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/kill_point.h"
#include "os/testing/forked_child.h"
#include "store/backup.h"
#include "store/testing/sqlite_harness.h"

namespace throng::store::testing {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHistory = 4;
constexpr int kRounds = 3;
constexpr int kMostWrites = 100;  // until one of them compacts

RecordKey Key(const std::string& name) { return {"pods", "default", name}; }

class StoreKillTest : public ::testing::Test {
 protected:
  StoreKillTest() {
    for (int i = 0; i < 10; ++i) Create(std::to_string(i));
  }
  void Create(const std::string& name) {
    ASSERT_NE(harness_.Create(name, name), 0U) << name;
    acknowledged_.push_back(name);
  }
  // Dies where `point` says. What it was told is durable comes back by `names`.
  void Kill(const std::string& point, const std::function<void()>& work) {
    harness_.Close();
    std::ofstream(harness_.directory() + "/kill-at") << point;
    const std::string ended = os::testing::RunInChild([&] {
      if (chdir(harness_.directory().c_str()) != 0) return 1;
      work();
      return 2;  // it never came there
    });
    EXPECT_EQ(ended, "signal 9") << point;
    EXPECT_EQ(fs::exists(harness_.directory() + "/kill-at"), false) << point;
  }
  void ExpectAll() {
    const Status opened = harness_.Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    for (const std::string& name : acknowledged_) {
      const auto record = harness_.store().Get(Key(name));
      ASSERT_TRUE(record.has_value()) << name;
      EXPECT_EQ(*record->value, name);
    }
  }

  size_t Count() { return harness_.store().List({.selection = {"pods", ""}})->records.size(); }

  // Each scenario leaves a store that can be opened, and says what must be in it.
  void Compaction(const std::string& point) {
    // Which write finds too much history depends on what was left of it: those before are told.
    const std::string told = harness_.directory() + "/told";
    const std::string prefix = "compacted " + std::to_string(acknowledged_.size()) + " ";
    fs::remove(told);
    Kill(point, [&] {
      if (!harness_.Open().ok()) return;
      for (int i = 0; i < kMostWrites; ++i) {
        const std::string name = prefix + std::to_string(i);
        if (harness_.Create(name, name) == 0) return;
        std::ofstream(told, std::ios::app) << name << "\n";
      }
    });
    std::ifstream lines(told);
    for (std::string line; std::getline(lines, line);) acknowledged_.push_back(line);
    ExpectAll();
    EXPECT_EQ(Count(), acknowledged_.size());
  }
  void Backup(const std::string& point) {
    const std::string copy = harness_.directory() + "/copy.db";
    fs::remove(copy);
    Kill(point, [&] {
      const std::atomic<bool> stop = false;
      (void)CopyStore(harness_.path(), copy, stop);
    });
    EXPECT_FALSE(fs::exists(copy));
    ExpectAll();
    // The remains of the one that was killed are not in the way of the next.
    const std::atomic<bool> stop = false;
    const Status copied = CopyStore(harness_.path(), copy, stop);
    ASSERT_TRUE(copied.ok()) << copied.ToString();
    EXPECT_EQ(CheckStoreFile(copy)->records, acknowledged_.size());
  }
  void Restore(const std::string& point, bool is_placed) {
    const std::string copy = harness_.directory() + "/copy.db";
    const std::atomic<bool> stop = false;
    ASSERT_TRUE(CopyStore(harness_.path(), copy, stop).ok());
    const size_t in_copy = acknowledged_.size();
    Create("after the copy " + std::to_string(in_copy));
    // A log that is not played in, as a killed store leaves it.
    const std::string log = harness_.path() + "-wal";
    fs::copy_file(log, log + ".kept", fs::copy_options::overwrite_existing);
    fs::copy_file(harness_.path(), harness_.path() + ".kept", fs::copy_options::overwrite_existing);
    harness_.Close();
    fs::rename(log + ".kept", log);
    fs::rename(harness_.path() + ".kept", harness_.path());
    Kill(point, [&] { (void)RestoreStore(copy, harness_.path()); });
    // Either all of the old one, or all of the copy.
    if (is_placed) acknowledged_.resize(in_copy);
    ExpectAll();
    EXPECT_EQ(Count(), acknowledged_.size());
  }

  SqliteHarness harness_{StoreLimits{.history = kHistory}};
  std::vector<std::string> acknowledged_;
};

TEST_F(StoreKillTest, EveryPointOfTheTable) {
  const std::map<std::string_view, std::function<void(const std::string&)>> scenarios = {
      {"store.compaction.written", [this](const std::string& point) { Compaction(point); }},
      {"store.backup.copied", [this](const std::string& point) { Backup(point); }},
      {"store.backup.marked", [this](const std::string& point) { Backup(point); }},
      {"store.restore.copied", [this](const std::string& point) { Restore(point, false); }},
      {"store.restore.placed", [this](const std::string& point) { Restore(point, true); }},
  };
  for (int round = 0; round < kRounds; ++round) {
    for (const KillPointRow& row : kKillPoints) {
      if (row.process != "store") continue;
      const auto scenario = scenarios.find(row.name);
      ASSERT_NE(scenario, scenarios.end()) << row.name << " has no scenario";
      SCOPED_TRACE(row.name);
      scenario->second(std::string(row.name));
      if (HasFatalFailure()) return;
      Create(std::string(row.name) + std::to_string(round));
    }
  }
}

// What the disk had not been told to keep is gone, from any byte on: each record is there whole or
// not at all, and what was acknowledged before that byte was written is there.
TEST_F(StoreKillTest, PowerCutAfterAnyByteOfTheLog) {
  const std::string log = harness_.path() + "-wal";
  std::map<std::string, uintmax_t> durable_at;
  for (int i = 0; i < 5; ++i) {
    const std::string name = "cut " + std::to_string(i);
    ASSERT_NE(harness_.Create(name, std::string(3000, static_cast<char>('a' + i))), 0U);
    durable_at[name] = fs::file_size(log);
  }
  const uintmax_t whole = fs::file_size(log);
  const fs::path aside = harness_.directory() + "/aside";
  fs::create_directory(aside);
  fs::copy_file(harness_.path(), aside / "db");
  fs::copy_file(log, aside / "log");
  harness_.Close();
  const uintmax_t step = std::max<uintmax_t>(1, whole / 60) | 1;  // hits all places of a page
  for (uintmax_t length = whole; length > step; length -= step) {
    fs::copy_file(aside / "db", harness_.path(), fs::copy_options::overwrite_existing);
    fs::copy_file(aside / "log", log, fs::copy_options::overwrite_existing);
    fs::remove(harness_.path() + "-shm");
    fs::resize_file(log, length);
    const Status opened = harness_.Open();
    ASSERT_TRUE(opened.ok()) << length << ": " << opened.ToString();
    for (const auto& [name, bytes] : durable_at) {
      const auto record = harness_.store().Get(Key(name));
      if (bytes <= length) {
        ASSERT_TRUE(record.has_value()) << name << " with " << length;
      }
      if (record) {
        EXPECT_EQ(*record->value, std::string(3000, record->value->front()));
      }
    }
    harness_.Close();
  }
}

}  // namespace
}  // namespace throng::store::testing
