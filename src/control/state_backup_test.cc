#include "control/state_backup.h"

#include <optional>

#include <gtest/gtest.h>

#include "control/plane_files.h"
#include "os/disk/owned_files.h"
#include "os/event_loop.h"
#include "os/file.h"
#include "os/testing/temporary_directory.h"
#include "store/sqlite_store.h"

namespace throng::control {
namespace {

class StateBackupTest : public ::testing::Test {
 protected:
  StateBackupTest() {
    state_ = os::JoinPath(directory_.path(), "state");
    file_ = os::JoinPath(directory_.path(), "backup");
    EXPECT_TRUE(os::EnsurePrivateDirectory(state_).ok());
    loop_ = std::move(*os::EventLoop::Create(os::RealClock()));
  }

  std::unique_ptr<store::SqliteStore> Open() {
    auto opened = store::SqliteStore::Open(*loop_, {.path = StorePath(state_)});
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  void Put(store::RecordStore& store, const std::string& name) {
    std::optional<Status> done;
    store.Create({"configmaps", "default", name}, "{}",
                 [&](const auto& result) { done = result.status(); });
    while (!done) loop_->RunOnce(std::chrono::milliseconds(100));
    EXPECT_TRUE(done->ok()) << done->message();
  }

  os::testing::TemporaryDirectory directory_;
  std::string state_;
  std::string file_;
  std::unique_ptr<os::EventLoop> loop_;
};

TEST_F(StateBackupTest, ComesBackAsItWas) {
  {
    const auto store = Open();
    Put(*store, "a");
    Put(*store, "b");
    // While it runs.
    const auto made = BackUpState(state_, file_);
    ASSERT_TRUE(made.ok()) << made.status().message();
    EXPECT_EQ(made->records, 2U);
    Put(*store, "c");
  }
  const auto restored = RestoreState(file_, state_);
  ASSERT_TRUE(restored.ok()) << restored.status().message();
  EXPECT_EQ(restored->records, 2U);
  EXPECT_EQ(store::CheckStoreFile(StorePath(state_))->records, 2U);
  EXPECT_EQ(store::CheckStoreFile(StorePath(state_) + ".before-restore")->records, 3U);
  Put(*Open(), "d");
}

TEST_F(StateBackupTest, GoesToANewMachine) {
  Put(*Open(), "a");
  ASSERT_TRUE(BackUpState(state_, file_).ok());
  const std::string elsewhere = os::JoinPath(directory_.path(), "elsewhere");
  ASSERT_TRUE(RestoreState(file_, elsewhere).ok());
  EXPECT_EQ(store::CheckStoreFile(StorePath(elsewhere))->records, 1U);
}

TEST_F(StateBackupTest, ADamagedStateCanBeReplacedAndIsKept) {
  Put(*Open(), "a");
  ASSERT_TRUE(BackUpState(state_, file_).ok());
  ASSERT_TRUE(os::WritePrivateFile(StorePath(state_), "no store").ok());
  EXPECT_FALSE(BackUpState(state_, os::JoinPath(directory_.path(), "second")).ok());
  ASSERT_TRUE(RestoreState(file_, state_).ok());
  EXPECT_EQ(*os::RealFileSystem().Read(StorePath(state_) + ".before-restore", 100), "no store");
  EXPECT_EQ(store::CheckStoreFile(StorePath(state_))->records, 1U);
}

TEST_F(StateBackupTest, WhatCannotBeDoneIsToldAndChangesNothing) {
  EXPECT_EQ(BackUpState(state_, file_).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(RestoreState(file_, state_).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(RestoreState(directory_.path(), state_).status().code(), StatusCode::kInvalidArgument);
  Put(*Open(), "a");
  ASSERT_TRUE(os::WritePrivateFile(file_, "no backup").ok());
  EXPECT_FALSE(RestoreState(file_, state_).ok());
  EXPECT_EQ(store::CheckStoreFile(StorePath(state_))->records, 1U);
  ASSERT_TRUE(BackUpState(state_, file_).ok());
  const auto held = TakeState(state_);
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(RestoreState(file_, state_).status().code(), StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace throng::control
