#include "os/disk/directory_tree.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "os/testing/forked_child.h"
#include "os/testing/temporary_directory.h"

namespace throng::os {
namespace {

namespace fs = std::filesystem;

// From now on openat2 fails as on a kernel, or in a container, that does not have it.
bool LoseOpenAt2(uint32_t error_number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_number),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {.len = std::size(program), .filter = program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

class DirectoryTreeTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  void Put(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << content;
  }
  std::string Content(const std::string& name) const {
    std::ifstream file(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  unsigned Mode(const std::string& name) const {
    struct stat info = {};
    EXPECT_EQ(stat(Path(name).c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  DirectoryTree& tree_ = RealDirectoryTree();
  const testing::TemporaryDirectory directory_;
};

TEST_F(DirectoryTreeTest, AFileIsWrittenAtOffsetsReadBackAndCut) {
  Result<std::unique_ptr<StagedFile>> file = tree_.CreateFile(Path("a"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(4, "5678").ok());
  ASSERT_TRUE((*file)->WriteAt(0, "1234").ok());
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(*(*file)->Size(), 8u);
  char buffer[16] = {};
  EXPECT_EQ(*(*file)->ReadAt(2, buffer), 6u);
  EXPECT_EQ(std::string_view(buffer, 6), "345678");
  ASSERT_TRUE((*file)->Truncate(3).ok());
  EXPECT_EQ(Content("a"), "123");
  EXPECT_EQ(Mode("a") & 0007, 0u);
}

TEST_F(DirectoryTreeTest, NothingThatIsThereIsOverwritten) {
  Put("file", "old");
  EXPECT_EQ(tree_.CreateFile(Path("file")).status().code(), StatusCode::kAlreadyExists);
  ASSERT_EQ(symlink(Path("elsewhere").c_str(), Path("link").c_str()), 0);
  EXPECT_EQ(tree_.CreateFile(Path("link")).status().code(), StatusCode::kAlreadyExists);
  EXPECT_FALSE(fs::exists(Path("elsewhere")));
  ASSERT_TRUE(tree_.MakeDirectory(Path("folder")).ok());
  EXPECT_EQ(tree_.MakeDirectory(Path("folder")).code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(tree_.MakeDirectory(Path("other")).ok());
  EXPECT_EQ(tree_.Rename(Path("folder"), Path("other")).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(tree_.Rename(Path("none"), Path("new")).code(), StatusCode::kNotFound);
  EXPECT_EQ(tree_.CreateFile(Path("none/a")).status().code(), StatusCode::kNotFound);
}

TEST_F(DirectoryTreeTest, DirectoriesAreRenamedAndExchanged) {
  Put("a/name", "a");
  Put("b/name", "b");
  ASSERT_TRUE(tree_.Exchange(Path("a"), Path("b")).ok());
  EXPECT_EQ(Content("a/name"), "b");
  EXPECT_EQ(Content("b/name"), "a");
  ASSERT_TRUE(tree_.Rename(Path("a"), Path("c")).ok());
  EXPECT_EQ(Content("c/name"), "b");
  ASSERT_TRUE(tree_.SyncDirectory(directory_.path()).ok());
  EXPECT_EQ(tree_.Exchange(Path("a"), Path("b")).code(), StatusCode::kNotFound);
}

TEST_F(DirectoryTreeTest, RemovingFollowsNoLinks) {
  Put("kept/file", "kept");
  Put("gone/1/2/file", "x");
  ASSERT_EQ(symlink(Path("kept").c_str(), Path("gone/1/link").c_str()), 0);
  ASSERT_EQ(symlink(Path("kept").c_str(), Path("link").c_str()), 0);
  EXPECT_TRUE(tree_.RemoveTree(Path("gone")).ok());
  EXPECT_TRUE(tree_.RemoveTree(Path("link")).ok());
  EXPECT_TRUE(tree_.RemoveTree(Path("gone")).ok());
  EXPECT_FALSE(fs::exists(Path("gone")));
  EXPECT_FALSE(fs::is_symlink(Path("link")));
  EXPECT_EQ(Content("kept/file"), "kept");
}

TEST_F(DirectoryTreeTest, FreeSpaceIsTold) {
  EXPECT_GT(*tree_.FreeBytes(directory_.path()), 0u);
  EXPECT_EQ(tree_.FreeBytes(Path("none")).status().code(), StatusCode::kNotFound);
}

TEST_F(DirectoryTreeTest, BeneathReadsWhatIsInside) {
  Put("root/1/model.pt", "model");
  Put("root/a", "");
  ASSERT_EQ(symlink("1/model.pt", Path("root/link").c_str()), 0);
  const Result<BeneathDirectory> root = BeneathDirectory::Open(Path("root"));
  ASSERT_TRUE(root.ok());
  const Result<std::vector<DirectoryEntry>> entries = root->List("");
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "1");
  EXPECT_EQ((*entries)[0].kind, FileKind::kDirectory);
  EXPECT_EQ((*entries)[2].name, "link");
  EXPECT_EQ((*entries)[2].kind, FileKind::kRegular);
  EXPECT_EQ(root->Stat("1/model.pt")->size_bytes, 5u);
  EXPECT_EQ(root->Stat("none")->kind, FileKind::kAbsent);
  const Result<UniqueFd> file = root->OpenFile("link");
  ASSERT_TRUE(file.ok());
  char buffer[8] = {};
  EXPECT_EQ(*ReadFileAt(file->get(), 1, buffer), 4u);
  EXPECT_EQ(std::string_view(buffer, 4), "odel");
  EXPECT_EQ(InfoOf(file->get())->size_bytes, 5u);
}

TEST_F(DirectoryTreeTest, NothingLeadsOutOfBeneath) {
  Put("root/a", "a");
  Put("secret", "secret");
  ASSERT_EQ(symlink("../secret", Path("root/up").c_str()), 0);
  ASSERT_EQ(symlink(Path("secret").c_str(), Path("root/absolute").c_str()), 0);
  ASSERT_EQ(symlink(directory_.path().c_str(), Path("root/folder").c_str()), 0);
  ASSERT_EQ(symlink("loop", Path("root/loop").c_str()), 0);
  const Result<BeneathDirectory> root = BeneathDirectory::Open(Path("root"));
  ASSERT_TRUE(root.ok());
  for (const char* name :
       {"up", "absolute", "folder/secret", "../secret", "/etc/passwd", "loop", "a/../../secret"}) {
    EXPECT_FALSE(root->OpenFile(name).ok()) << name;
    EXPECT_FALSE(root->Stat(name).ok() && root->Stat(name)->kind != FileKind::kAbsent) << name;
  }
  EXPECT_EQ(root->OpenFile("up").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(root->List("").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(root->OpenFile(std::string("a\0b", 3)).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(DirectoryTreeTest, BeneathOpensRegularFilesOnly) {
  fs::create_directories(Path("root/folder"));
  ASSERT_EQ(mkfifo(Path("root/fifo").c_str(), 0600), 0);
  const Result<BeneathDirectory> root = BeneathDirectory::Open(Path("root"));
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->OpenFile("folder").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(root->OpenFile("fifo").status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(root->OpenFile("none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(BeneathDirectory::Open(Path("none")).status().code(), StatusCode::kNotFound);
}

TEST_F(DirectoryTreeTest, BeneathNeedsNoNewKernel) {
  Put("root/1/model.pt", "bytes");
  Put("secret", "x");
  ASSERT_EQ(symlink("../secret", Path("root/out").c_str()), 0);
  for (const int missing : {ENOSYS, EPERM}) {
    const std::string end = testing::RunInChild([&] {
      if (!LoseOpenAt2(static_cast<uint32_t>(missing))) return 1;
      const auto root = BeneathDirectory::Open(Path("root"));
      if (!root.ok()) return 2;
      const auto below = root->List("1");
      if (!below.ok() || below->size() != 1) return 3;
      if (!root->OpenFile("1/model.pt").ok()) return 4;
      if (root->Stat("")->kind != FileKind::kDirectory) return 5;
      if (root->OpenFile("out").status().code() != StatusCode::kPermissionDenied) return 6;
      if (root->OpenFile("../secret").ok()) return 7;
      if (unlink(Path("root/out").c_str()) != 0) return 8;
      const auto all = root->List("");
      if (symlink("../secret", Path("root/out").c_str()) != 0) return 9;
      return all.ok() && all->size() == 1 ? 0 : 10;
    });
    EXPECT_EQ(end, "exit 0") << missing;
  }
}

}  // namespace
}  // namespace throng::os
