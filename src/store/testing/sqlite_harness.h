// SqliteHarness: a SqliteStore in a directory of its own, on a real event loop that the test turns.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"
#include "os/event_loop.h"
#include "os/testing/temporary_directory.h"
#include "store/sqlite_store.h"

namespace throng::store::testing {

class SqliteHarness {
 public:
  explicit SqliteHarness(const StoreLimits& limits = {}) : limits_(limits) {
    const Status opened = Open();
    THRONG_CHECK(opened.ok());
  }

  SqliteStore& store() { return *store_; }
  os::EventLoop& loop() { return *loop_; }
  const std::string& directory() const { return directory_.path(); }
  std::string path() const { return directory_.path() + "/store.db"; }

  Status Open() {
    auto store = SqliteStore::Open(*loop_, {.path = path(), .limits = limits_});
    if (!store.ok()) return store.status();
    store_ = std::move(store).value();
    return OkStatus();
  }
  void Close() { store_.reset(); }

  void RunUntil(const std::function<bool()>& condition) { RunUntil(*loop_, condition); }
  // Gives up after ten seconds.
  static void RunUntil(os::EventLoop& loop, const std::function<bool()>& condition) {
    const MonotonicTime end = loop.clock().Now() + std::chrono::seconds(10);
    do {
      // What is posted runs at least once, also when nothing is waited for.
      loop.RunOnce(condition() ? Duration::zero() : std::chrono::milliseconds(100));
    } while (!condition() && loop.clock().Now() < end);
  }

  // Blocks. The revision of the new record, or 0.
  uint64_t Create(const std::string& name, const std::string& value) {
    std::optional<Result<Record>> result;
    store_->Create({"pods", "default", name}, value,
                   [&result](Result<Record> created) { result = std::move(created); });
    RunUntil([&result] { return result.has_value(); });
    return result.has_value() && result->ok() ? (*result)->revision : 0;
  }

 private:
  const StoreLimits limits_;
  const os::testing::TemporaryDirectory directory_;
  const std::unique_ptr<os::EventLoop> loop_ =
      std::move(os::EventLoop::Create(os::RealClock())).value();
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace throng::store::testing
