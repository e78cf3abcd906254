#include "os/disk/owned_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>

#include "os/file.h"

namespace throng::os {
namespace {

class OwnedFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "owned-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { ASSERT_TRUE(RemoveDirectoryTree(directory_).ok()); }
  std::string Path(std::string_view name) const { return JoinPath(directory_, name); }
  static mode_t Mode(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 0777;
  }
  std::string directory_;
};

TEST_F(OwnedFilesTest, DirectoriesArePrivateAllTheWay) {
  ASSERT_TRUE(EnsurePrivateDirectory(Path("a/b/c")).ok());
  EXPECT_EQ(Mode(Path("a")), 0700u);
  EXPECT_EQ(Mode(Path("a/b/c")), 0700u);
  ASSERT_EQ(chmod(Path("a").c_str(), 0755), 0);
  ASSERT_TRUE(EnsurePrivateDirectory(Path("a")).ok());
  EXPECT_EQ(Mode(Path("a")), 0700u) << "one that was open is closed";
}

TEST_F(OwnedFilesTest, AFileInTheWayIsToldApart) {
  ASSERT_TRUE(WritePrivateFile(Path("file"), "x").ok());
  EXPECT_EQ(EnsurePrivateDirectory(Path("file")).code(), StatusCode::kFailedPrecondition);
}

TEST_F(OwnedFilesTest, FilesArePrivateAndReplacedWhole) {
  ASSERT_TRUE(WritePrivateFile(Path("key"), "first").ok());
  ASSERT_TRUE(WritePrivateFile(Path("key"), "second").ok());
  EXPECT_EQ(*RealFileSystem().Read(Path("key"), 100), "second");
  EXPECT_EQ(Mode(Path("key")), 0600u);
  ASSERT_TRUE(RemoveFile(Path("key")).ok());
  ASSERT_TRUE(RemoveFile(Path("key")).ok());
}

TEST_F(OwnedFilesTest, WhatLiesInTheDraftsPlaceIsNotWrittenTo) {
  ASSERT_TRUE(WritePrivateFile(Path("others"), "theirs").ok());
  ASSERT_EQ(symlink(Path("others").c_str(), Path("key.new").c_str()), 0);
  ASSERT_TRUE(WritePrivateFile(Path("key"), "secret").ok());
  ASSERT_EQ(link(Path("others").c_str(), Path("key.new").c_str()), 0);
  ASSERT_TRUE(WritePrivateFile(Path("key"), "secret").ok());
  EXPECT_EQ(*RealFileSystem().Read(Path("others"), 100), "theirs");
  EXPECT_EQ(*RealFileSystem().Read(Path("key"), 100), "secret");
  struct stat info = {};
  ASSERT_EQ(lstat(Path("key").c_str(), &info), 0);
  EXPECT_TRUE(S_ISREG(info.st_mode));
}

TEST_F(OwnedFilesTest, AFailedWriteLeavesNoDraft) {
  ASSERT_EQ(mkdir(Path("key").c_str(), 0700), 0);
  EXPECT_FALSE(WritePrivateFile(Path("key"), "secret").ok());
  struct stat info = {};
  EXPECT_NE(lstat(Path("key.new").c_str(), &info), 0);
}

TEST_F(OwnedFilesTest, ALogIsRotatedWhenItIsLargerThanAllowed) {
  auto log = OpenForAppend(Path("log"));
  ASSERT_TRUE(log.ok());
  ASSERT_EQ(write(log->get(), "12345", 5), 5);
  EXPECT_FALSE(*RotateLog(Path("log"), 5));
  ASSERT_EQ(write(log->get(), "6", 1), 1);
  EXPECT_TRUE(*RotateLog(Path("log"), 5));
  ASSERT_EQ(write(log->get(), "7", 1), 1);
  EXPECT_EQ(*RealFileSystem().Read(Path("log"), 100), "7");
  EXPECT_EQ(*RealFileSystem().Read(Path("log.1"), 100), "123456");
  EXPECT_FALSE(*RotateLog(Path("absent"), 5));
}

TEST_F(OwnedFilesTest, ALockHasOneHolder) {
  auto first = TryLockFile(Path("lock"));
  ASSERT_TRUE(first.ok() && first->has_value());
  auto second = TryLockFile(Path("lock"));
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->has_value());
  first->reset();
  second = TryLockFile(Path("lock"));
  EXPECT_TRUE(second.ok() && second->has_value());
}

TEST_F(OwnedFilesTest, LookingAtALockDoesNotTakeIt) {
  EXPECT_FALSE(*IsLocked(Path("lock")));
  std::atomic<bool> is_over = false;
  std::atomic<int> looks = 0;
  std::thread looking([&] {
    for (; !is_over; ++looks) (void)IsLocked(Path("lock"));
  });
  for (int round = 0; round < 100 || looks < 1000; ++round) {
    auto lock = TryLockFile(Path("lock"));
    EXPECT_TRUE(lock.ok() && lock->has_value()) << round;
    EXPECT_TRUE(*IsLocked(Path("lock")));
  }
  is_over = true;
  looking.join();
  EXPECT_FALSE(*IsLocked(Path("lock")));
}

TEST_F(OwnedFilesTest, AProcessIsFoundByItsMark) {
  const std::string mark = "THRONG_TEST_MARK=" + directory_;
  EXPECT_EQ(FindProcessByEnvironment(mark).status().code(), StatusCode::kNotFound);
  auto child =
      Spawn({.program = "/bin/sleep", .arguments = {"1000"}, .environment = {"A=b", mark}});
  ASSERT_TRUE(child.ok());
  const auto found = FindProcessByEnvironment(mark);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_EQ(found->pid, child->pid());
  child->Signal(9);
  while (!child->TryReap()) {
  }
}

}  // namespace
}  // namespace throng::os
