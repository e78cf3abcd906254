// The contract of FileSystem, held by the real one and by the fake; then what only a disk can do.
#include "os/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "os/memory_file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "os/testing/forked_child.h"
#include "os/testing/memory_file_system.h"
#include "os/testing/temporary_directory.h"

namespace throng::os {
namespace {

constexpr uint64_t kAll = UINT64_MAX;

std::string ContentOf(int fd) {
  const uint64_t size_bytes = *FileSize(fd);
  std::string content(size_bytes, '\0');
  EXPECT_EQ(pread(fd, content.data(), size_bytes, 0), static_cast<ssize_t>(size_bytes));
  return content;
}

// A file system under test, and how a test changes it from outside.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual FileSystem& files() = 0;
  virtual std::string root() const = 0;
  virtual void PutFile(const std::string& path, const std::string& content) = 0;
  virtual void MakeDirectory(const std::string& path) = 0;
  virtual void PutOther(const std::string& path) = 0;
};

class DiskSubject final : public Subject {
 public:
  FileSystem& files() override { return RealFileSystem(); }
  std::string root() const override { return directory_.path(); }
  void PutFile(const std::string& path, const std::string& content) override {
    MakeDirectory(DirectoryName(path));
    std::ofstream(path, std::ios::binary) << content;
  }
  void MakeDirectory(const std::string& path) override {
    std::filesystem::create_directories(path);
  }
  void PutOther(const std::string& path) override { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); }

 private:
  const testing::TemporaryDirectory directory_;
};

class MemorySubject final : public Subject {
 public:
  MemorySubject() { files_.MakeDirectory(root()); }
  FileSystem& files() override { return files_; }
  std::string root() const override { return "/models"; }
  void PutFile(const std::string& path, const std::string& content) override {
    files_.PutFile(path, content);
  }
  void MakeDirectory(const std::string& path) override { files_.MakeDirectory(path); }
  void PutOther(const std::string& path) override { files_.PutOther(path); }

 private:
  testing::MemoryFileSystem files_;
};

enum class Kind { kDisk, kMemory };

class FileSystemContractTest : public ::testing::TestWithParam<Kind> {
 protected:
  FileSystemContractTest() {
    if (GetParam() == Kind::kDisk) {
      subject_ = std::make_unique<DiskSubject>();
    } else {
      subject_ = std::make_unique<MemorySubject>();
    }
  }

  FileSystem& files() { return subject_->files(); }
  std::string At(std::string_view name) const { return JoinPath(subject_->root(), name); }

  std::unique_ptr<Subject> subject_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, FileSystemContractTest,
                         ::testing::Values(Kind::kDisk, Kind::kMemory), [](const auto& info) {
                           return info.param == Kind::kDisk ? "Disk" : "Memory";
                         });

TEST_P(FileSystemContractTest, StatTellsKindAndSize) {
  subject_->PutFile(At("a"), "12345");
  subject_->PutOther(At("fifo"));
  const auto file = files().Stat(At("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->kind, FileKind::kRegular);
  EXPECT_EQ(file->size_bytes, 5u);
  EXPECT_NE(file->inode, 0u);
  EXPECT_EQ(files().Stat(subject_->root())->kind, FileKind::kDirectory);
  EXPECT_EQ(files().Stat(At("fifo"))->kind, FileKind::kOther);
  EXPECT_EQ(files().Stat(At("absent"))->kind, FileKind::kAbsent);
  EXPECT_EQ(files().Stat(At("a/beneath a file"))->kind, FileKind::kAbsent);
}

TEST_P(FileSystemContractTest, ReplacingAFileChangesItsIdentity) {
  ASSERT_TRUE(files().WriteAtomically(At("a"), "one").ok());
  const FileInfo before = *files().Stat(At("a"));
  ASSERT_TRUE(files().WriteAtomically(At("a"), "two").ok());
  const FileInfo after = *files().Stat(At("a"));
  EXPECT_TRUE(before.inode != after.inode || before.modified_ns != after.modified_ns);
}

TEST_P(FileSystemContractTest, ListIsSortedAndShallow) {
  subject_->PutFile(At("b/inner/file"), "");
  subject_->PutFile(At("c"), "");
  subject_->PutFile(At(".hidden"), "");
  subject_->PutOther(At("a"));
  const auto entries = files().List(subject_->root());
  ASSERT_TRUE(entries.ok()) << entries.status().ToString();
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ((*entries)[0].name, ".hidden");
  EXPECT_EQ((*entries)[1].name, "a");
  EXPECT_EQ((*entries)[1].kind, FileKind::kOther);
  EXPECT_EQ((*entries)[2].name, "b");
  EXPECT_EQ((*entries)[2].kind, FileKind::kDirectory);
  EXPECT_EQ((*entries)[3].kind, FileKind::kRegular);
  EXPECT_TRUE(files().List(subject_->root() + "/").ok());
}

TEST_P(FileSystemContractTest, ListOfAnEmptyAbsentOrOtherThing) {
  subject_->MakeDirectory(At("empty"));
  subject_->PutFile(At("file"), "");
  EXPECT_TRUE(files().List(At("empty"))->empty());
  EXPECT_EQ(files().List(At("absent")).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(files().List(At("file")).status().code(), StatusCode::kNotFound);
}

TEST_P(FileSystemContractTest, ReadIsBounded) {
  const std::string content("ab\0cd", 5);
  subject_->PutFile(At("a"), content);
  EXPECT_EQ(files().Read(At("a"), kAll).value(), content);
  EXPECT_EQ(files().Read(At("a"), 6).value(), content);
  EXPECT_EQ(files().Read(At("a"), 5).value(), content);
  const Status refused = files().Read(At("a"), 4).status();
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "'a' is larger than 4 bytes");
  subject_->PutFile(At("empty"), "");
  EXPECT_EQ(files().Read(At("empty"), 0).value(), "");
}

TEST_P(FileSystemContractTest, ReadPrefixAndRangeStopAtTheEnd) {
  subject_->PutFile(At("a"), "0123456789");
  EXPECT_EQ(files().ReadPrefix(At("a"), 4).value(), "0123");
  EXPECT_EQ(files().ReadPrefix(At("a"), 0).value(), "");
  EXPECT_EQ(files().ReadPrefix(At("a"), kAll).value(), "0123456789");
  EXPECT_EQ(files().ReadRange(At("a"), 3, 4).value(), "3456");
  EXPECT_EQ(files().ReadRange(At("a"), 8, 4).value(), "89");
  EXPECT_EQ(files().ReadRange(At("a"), 10, 4).value(), "");
  EXPECT_EQ(files().ReadRange(At("a"), kAll, kAll).value(), "");
  EXPECT_EQ(files().ReadRange(At("a"), 1, kAll).value(), "123456789");
}

TEST_P(FileSystemContractTest, OnlyRegularFilesAreReadAndNothingBlocks) {
  subject_->PutOther(At("fifo"));
  subject_->MakeDirectory(At("directory"));
  const auto copy = CreateMemoryFile("copy");
  ASSERT_TRUE(copy.ok());
  for (const std::string name : {"fifo", "directory"}) {
    const Status expected = FailedPreconditionError("'" + name + "' is not a regular file");
    EXPECT_EQ(files().Read(At(name), kAll).status().ToString(), expected.ToString());
    EXPECT_EQ(files().ReadPrefix(At(name), 1).status().ToString(), expected.ToString());
    EXPECT_EQ(files().AppendTo(At(name), copy->get(), kAll).status().ToString(),
              expected.ToString());
  }
}

TEST_P(FileSystemContractTest, AbsentFilesAreNamedWithoutTheirPath) {
  const Status status = files().Read(At("directory/absent"), kAll).status();
  EXPECT_EQ(status.ToString(), "NOT_FOUND: 'absent': No such file or directory");
  EXPECT_EQ(files().ReadRange(At("absent"), 0, 1).status().code(), StatusCode::kNotFound);
  const auto copy = CreateMemoryFile("copy");
  EXPECT_EQ(files().AppendTo(At("absent"), copy->get(), kAll).status().code(),
            StatusCode::kNotFound);
}

TEST_P(FileSystemContractTest, AppendToAddsWholeFilesWithinTheirBound) {
  const std::string large(1'000'003, 'x');
  subject_->PutFile(At("a"), "first ");
  subject_->PutFile(At("b"), large);
  const auto copy = CreateMemoryFile("copy");
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(files().AppendTo(At("a"), copy->get(), 6).value(), 6u);
  EXPECT_EQ(files().AppendTo(At("b"), copy->get(), kAll).value(), large.size());
  EXPECT_EQ(ContentOf(copy->get()), "first " + large);
  EXPECT_EQ(files().AppendTo(At("a"), copy->get(), 5).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(*FileSize(copy->get()), 6 + large.size());
}

TEST_P(FileSystemContractTest, WriteAtomicallyReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(files().WriteAtomically(At("ports"), "one").ok());
  ASSERT_TRUE(files().WriteAtomically(At("ports"), "").ok());
  ASSERT_TRUE(files().WriteAtomically(At("ports"), std::string(100'000, 'y')).ok());
  EXPECT_EQ(files().Read(At("ports"), kAll).value(), std::string(100'000, 'y'));
  EXPECT_EQ(files().List(subject_->root())->size(), 1u);
}

TEST_P(FileSystemContractTest, WriteAtomicallyFailsWithoutATrace) {
  subject_->MakeDirectory(At("directory"));
  EXPECT_FALSE(files().WriteAtomically(At("directory"), "x").ok());
  EXPECT_EQ(files().WriteAtomically(At("absent/file"), "x").code(), StatusCode::kNotFound);
  EXPECT_EQ(files().List(subject_->root())->size(), 1u);
  EXPECT_EQ(files().Stat(At("directory"))->kind, FileKind::kDirectory);
}

TEST(MemoryFileSystemTest, FailsWhereItIsTold) {
  testing::MemoryFileSystem files;
  files.PutFile("/m/a", "x");
  files.Fail("/m/a", PermissionDeniedError("'a': Permission denied"));
  EXPECT_EQ(files.Read("/m/a", kAll).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(files.Stat("/m//a").status().code(), StatusCode::kPermissionDenied);
  files.Fail("/m/a", OkStatus());
  EXPECT_TRUE(files.Read("/m/a", kAll).ok());
  files.ChangeDuringNextAppend("/m/a");
  const auto copy = CreateMemoryFile("copy");
  EXPECT_EQ(files.AppendTo("/m/a", copy->get(), kAll).status().code(), StatusCode::kAborted);
  EXPECT_TRUE(files.AppendTo("/m/a", copy->get(), kAll).ok());
  files.Remove("/m");
  EXPECT_EQ(files.Stat("/m/a")->kind, FileKind::kAbsent);
}

TEST(RealFileSystemTest, FollowsSymbolicLinks) {
  const testing::TemporaryDirectory directory;
  const std::string& root = directory.path();
  std::ofstream(JoinPath(root, "file")) << "x";
  std::filesystem::create_symlink("file", JoinPath(root, "link"));
  std::filesystem::create_symlink(".", JoinPath(root, "self"));
  std::filesystem::create_symlink("absent", JoinPath(root, "broken"));
  std::filesystem::create_symlink("loop", JoinPath(root, "loop"));
  const auto entries = RealFileSystem().List(root);
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 5u);
  EXPECT_EQ((*entries)[0].kind, FileKind::kOther);      // broken
  EXPECT_EQ((*entries)[2].kind, FileKind::kRegular);    // link
  EXPECT_EQ((*entries)[3].kind, FileKind::kOther);      // loop
  EXPECT_EQ((*entries)[4].kind, FileKind::kDirectory);  // self
  EXPECT_EQ(RealFileSystem().Read(JoinPath(root, "link"), kAll).value(), "x");
  EXPECT_EQ(RealFileSystem().Stat(JoinPath(root, "broken"))->kind, FileKind::kAbsent);
  EXPECT_FALSE(RealFileSystem().Read(JoinPath(root, "loop"), kAll).ok());
}

TEST(RealFileSystemTest, RefusesDevices) {
  EXPECT_EQ(RealFileSystem().Read("/dev/zero", 10).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(RealFileSystem().Read("/dev/zero", kAll).status().message(),
            "'zero' is not a regular file");
}

TEST(RealFileSystemTest, ReadsFilesThatClaimToBeEmpty) {
  const auto status = RealFileSystem().Read("/proc/self/status", 100'000);
  ASSERT_TRUE(status.ok());
  EXPECT_NE(status->find("Threads:"), std::string::npos);
  EXPECT_EQ(RealFileSystem().Read("/proc/self/status", 10).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(RealFileSystemTest, DeniedFilesSayPermissionDenied) {
  const testing::TemporaryDirectory directory;
  const std::string file = JoinPath(directory.path(), "secret");
  std::ofstream(file) << "x";
  ASSERT_EQ(chmod(file.c_str(), 0), 0);
  ASSERT_EQ(chmod(directory.path().c_str(), 0755), 0);
  EXPECT_EQ(testing::RunInChild([&file] {
              if (IsRoot() && !SetUser(60123).ok()) return 1;
              const Status status = RealFileSystem().Read(file, kAll).status();
              return status.ToString() == "PERMISSION_DENIED: 'secret': Permission denied" ? 0 : 2;
            }),
            "exit 0");
}

TEST(RealFileSystemTest, WrittenFilesCanBeReadByOthers) {
  const testing::TemporaryDirectory directory;
  const std::string file = JoinPath(directory.path(), "ports");
  const mode_t before = umask(022);
  ASSERT_TRUE(RealFileSystem().WriteAtomically(file, "{}").ok());
  umask(before);
  struct stat info = {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0644u);
}

// A pipe as destination holds AppendTo in the middle of the file until the test has read on.
class ChangingFileTest : public ::testing::Test {
 protected:
  static constexpr size_t kFileBytes = 4 << 20;  // far more than a pipe holds

  Status AppendWhile(const std::function<void(const std::string& path)>& change) {
    const testing::TemporaryDirectory directory;
    const std::string path = JoinPath(directory.path(), "model.pt");
    std::ofstream(path) << std::string(kFileBytes, 'a');
    int pipe_fds[2] = {-1, -1};
    EXPECT_EQ(pipe(pipe_fds), 0);
    const UniqueFd reader(pipe_fds[0]);
    UniqueFd writer(pipe_fds[1]);
    Status status;
    std::thread appender([&] {
      status = RealFileSystem().AppendTo(path, writer.get(), kAll).status();
      writer.Reset(-1);
    });
    std::string buffer(4096, '\0');
    EXPECT_GT(read(reader.get(), buffer.data(), 1), 0);  // it has begun
    change(path);
    while (read(reader.get(), buffer.data(), buffer.size()) > 0) {
    }
    appender.join();
    return status;
  }
};

TEST_F(ChangingFileTest, NoChangeIsNoError) {
  EXPECT_TRUE(AppendWhile([](const std::string&) {}).ok());
}

TEST_F(ChangingFileTest, NoticesEveryKindOfChange) {
  const std::function<void(const std::string&)> kChanges[] = {
      [](const std::string& path) { std::filesystem::resize_file(path, kFileBytes - 1); },
      [](const std::string& path) { std::filesystem::resize_file(path, kFileBytes + 1); },
      [](const std::string& path) { std::filesystem::resize_file(path, 0); },
      [](const std::string& path) {
        std::fstream(path, std::ios::in | std::ios::out) << "b";  // same size
      },
      [](const std::string& path) {
        EXPECT_TRUE(RealFileSystem().WriteAtomically(path, std::string(kFileBytes, 'a')).ok());
      },
      [](const std::string& path) { std::filesystem::remove(path); },
  };
  for (const auto& change : kChanges) {
    const Status status = AppendWhile(change);
    EXPECT_EQ(status.ToString(), "ABORTED: 'model.pt' changed while it was read")
        << "change " << &change - kChanges;
  }
}

TEST(PathTest, JoinPath) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", "/b"), "a/b");
}

TEST(PathTest, BaseNameAndDirectoryName) {
  EXPECT_EQ(BaseName("/a/b"), "b");
  EXPECT_EQ(BaseName("/a/b/"), "b");
  EXPECT_EQ(BaseName("b"), "b");
  EXPECT_EQ(BaseName("/"), "/");
  EXPECT_EQ(BaseName(""), "");
  EXPECT_EQ(DirectoryName("/a/b"), "/a");
  EXPECT_EQ(DirectoryName("/a/b/"), "/a");
  EXPECT_EQ(DirectoryName("/a"), "/");
  EXPECT_EQ(DirectoryName("a"), ".");
  EXPECT_EQ(DirectoryName("/"), "/");
}

}  // namespace
}  // namespace throng::os
