#include "os/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "os/file.h"
#include "os/process.h"
#include "os/testing/forked_child.h"
#include "os/testing/temporary_directory.h"

namespace throng::os {
namespace {

using testing::AwaitChild;
using testing::RunInChild;
using testing::StartChild;

constexpr uint32_t kOtherUser = 60123;
constexpr uint64_t kMebibyte = 1024 * 1024;

bool MapsPrivately(uint64_t size_bytes) {
  void* memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  munmap(memory, size_bytes);
  return true;
}

long LandlockAbi() { return syscall(444, nullptr, 0, 1U); }

class LandlockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (LandlockAbi() < 1) GTEST_SKIP() << "this kernel does not offer Landlock";
    ASSERT_TRUE(RealFileSystem().WriteAtomically(allowed_file_, "allowed").ok());
    ASSERT_TRUE(RealFileSystem().WriteAtomically(denied_file_, "denied").ok());
  }

  static int OpenErrno(const std::string& path, int flags) {
    const int fd = open(path.c_str(), flags, 0600);
    if (fd < 0) return errno;
    close(fd);
    return 0;
  }

  const testing::TemporaryDirectory allowed_;
  const testing::TemporaryDirectory denied_;
  const std::string allowed_file_ = JoinPath(allowed_.path(), "file");
  const std::string denied_file_ = JoinPath(denied_.path(), "file");
};

TEST_F(LandlockTest, DeniesEveryFile) {
  EXPECT_EQ(RunInChild([this] {
              if (!ApplyLandlock({}).ok()) return 1;
              if (OpenErrno(allowed_file_, O_RDONLY) != EACCES) return 2;
              if (OpenErrno(allowed_file_, O_WRONLY) != EACCES) return 3;
              if (OpenErrno(JoinPath(allowed_.path(), "new"), O_WRONLY | O_CREAT) != EACCES)
                return 4;
              if (unlink(allowed_file_.c_str()) == 0) return 5;
              if (OpenErrno("/dev/null", O_RDONLY) != EACCES) return 6;
              execl("/bin/true", "true", nullptr);
              return errno == EACCES ? 0 : 7;
            }),
            "exit 0");
}

TEST_F(LandlockTest, AllowsReadingBeneathTheNamedPathsOnly) {
  const std::string absent = JoinPath(allowed_.path(), "absent");
  EXPECT_EQ(RunInChild([&, this] {
              const std::string paths[] = {absent, allowed_.path()};
              if (!ApplyLandlock(paths).ok()) return 1;
              if (OpenErrno(allowed_file_, O_RDONLY) != 0) return 2;
              if (OpenErrno(allowed_.path(), O_RDONLY | O_DIRECTORY) != 0) return 3;
              if (OpenErrno(allowed_file_, O_WRONLY) != EACCES) return 4;
              if (OpenErrno(denied_file_, O_RDONLY) != EACCES) return 5;
              const std::string around =
                  allowed_.path() + "/../" + std::string(BaseName(denied_.path())) + "/file";
              return OpenErrno(around, O_RDONLY) == EACCES ? 0 : 6;
            }),
            "exit 0");
}

TEST_F(LandlockTest, AllowsOneFileWithoutItsNeighbours) {
  const std::string neighbour = JoinPath(allowed_.path(), "neighbour");
  ASSERT_TRUE(RealFileSystem().WriteAtomically(neighbour, "x").ok());
  EXPECT_EQ(RunInChild([&, this] {
              if (!ApplyLandlock(std::span(&allowed_file_, 1)).ok()) return 1;
              if (OpenErrno(allowed_file_, O_RDONLY) != 0) return 2;
              return OpenErrno(neighbour, O_RDONLY) == EACCES ? 0 : 3;
            }),
            "exit 0");
}

TEST_F(LandlockTest, HoldsInLaterThreadsAndCannotBeUndone) {
  EXPECT_EQ(RunInChild([this] {
              if (!ApplyLandlock({}).ok()) return 1;
              static std::string path;  // of this child only
              path = allowed_file_;
              pthread_t thread;
              const auto run = [](void* out) -> void* {
                *static_cast<int*>(out) = OpenErrno(path, O_RDONLY);
                return nullptr;
              };
              int error_number = 0;
              if (pthread_create(&thread, nullptr, run, &error_number) != 0) return 2;
              pthread_join(thread, nullptr);
              if (error_number != EACCES) return 3;
              const std::string root[] = {"/"};
              if (!ApplyLandlock(root).ok()) return 0;  // cannot even open it: as good
              return OpenErrno(allowed_file_, O_RDONLY) == EACCES ? 0 : 4;
            }),
            "exit 0");
}

TEST_F(LandlockTest, DeniesTcp) {
  if (LandlockAbi() < 4) GTEST_SKIP() << "this kernel's Landlock does not know TCP";
  EXPECT_EQ(RunInChild([] {
              const int fd = socket(AF_INET, SOCK_STREAM, 0);
              if (fd < 0 || !ApplyLandlock({}).ok()) return 1;
              sockaddr_in address = {};
              address.sin_family = AF_INET;
              address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              const auto* generic = reinterpret_cast<const sockaddr*>(&address);
              if (bind(fd, generic, sizeof(address)) == 0 || errno != EACCES) return 2;
              address.sin_port = htons(9);
              return connect(fd, generic, sizeof(address)) != 0 && errno == EACCES ? 0 : 3;
            }),
            "exit 0");
}

TEST_F(LandlockTest, DeniesSignalsAndAbstractSocketsOfOthers) {
  if (LandlockAbi() < 6) GTEST_SKIP() << "this kernel's Landlock has no scopes";
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  // An empty name makes the kernel choose an abstract one.
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
  socklen_t size = sizeof(address);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  const pid_t parent = getpid();
  EXPECT_EQ(RunInChild([&] {
              if (!ApplyLandlock({}).ok()) return 1;
              if (kill(parent, 0) == 0 || errno != EPERM) return 2;
              const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
              const int result = connect(fd, reinterpret_cast<sockaddr*>(&address), size);
              if (result == 0 || errno != EPERM) return 3;
              return kill(getpid(), 0) == 0 ? 0 : 4;
            }),
            "exit 0");
  close(listener);
}

TEST(SandboxTest, SetUserGivesUpRootForGood) {
  if (!IsRoot()) GTEST_SKIP() << "only root can become another user";
  const testing::TemporaryDirectory directory;
  EXPECT_EQ(RunInChild([&directory] {
              if (!SetUser(kOtherUser).ok()) return 1;
              uid_t real = 0, effective = 0, saved = 0;
              if (getresuid(&real, &effective, &saved) != 0) return 2;
              if (real != kOtherUser || effective != kOtherUser || saved != kOtherUser) return 3;
              if (getegid() != kOtherUser || getgroups(0, nullptr) != 0) return 4;
              if (setuid(0) == 0 || seteuid(0) == 0) return 5;
              if (open(directory.path().c_str(), O_RDONLY) >= 0) return 6;  // made with mode 0700
              return prctl(PR_GET_DUMPABLE) == 1 ? 0 : 7;
            }),
            "exit 0");
}

TEST(SandboxTest, SetUserRefusesRootAndNeedsRoot) {
  EXPECT_EQ(SetUser(0).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(SetUser(UINT32_MAX).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(RunInChild([] {
              if (IsRoot() && !SetUser(kOtherUser).ok()) return 1;
              return SetUser(kOtherUser + 1).code() == StatusCode::kPermissionDenied ? 0 : 2;
            }),
            "exit 0");
}

TEST(SandboxTest, ResourceLimitsStopAHugeAllocation) {
  EXPECT_EQ(RunInChild([] {
              const auto used_bytes = ReadDataBytes(getpid());
              if (!used_bytes.ok()) return 1;
              if (!MapsPrivately(1024 * kMebibyte)) return 2;
              if (!ApplyResourceLimits({.data_bytes = *used_bytes + 64 * kMebibyte}).ok()) return 3;
              if (!MapsPrivately(32 * kMebibyte)) return 4;
              if (MapsPrivately(65 * kMebibyte)) return 5;
              return MapsPrivately(1024 * kMebibyte) ? 6 : 0;
            }),
            "exit 0");
}

TEST(SandboxTest, ResourceLimitsBoundDescriptorsAndCores) {
  EXPECT_EQ(RunInChild([] {
              if (!CloseAllBut({}).ok()) return 1;
              if (!ApplyResourceLimits({.open_files = 8}).ok()) return 2;
              int opened = 0;
              while (open("/dev/null", O_RDONLY) >= 0) ++opened;
              if (errno != EMFILE || opened != 5) return 3;  // 0, 1 and 2 are open
              rlimit core = {1, 1};
              if (getrlimit(RLIMIT_CORE, &core) != 0) return 4;
              return core.rlim_cur == 0 && core.rlim_max == 0 ? 0 : 5;
            }),
            "exit 0");
}

TEST(SandboxTest, TheFrontDoorRaisesTheDataLimitOfACell) {
  int to_cell[2];
  int from_cell[2];
  ASSERT_EQ(pipe(to_cell), 0);
  ASSERT_EQ(pipe(from_cell), 0);
  const pid_t cell = StartChild([&] {
    const auto used_bytes = ReadDataBytes(getpid());
    if (!used_bytes.ok()) return 1;
    if (!ApplyResourceLimits({.data_bytes = *used_bytes + 8 * kMebibyte}).ok()) return 2;
    if (MapsPrivately(16 * kMebibyte)) return 3;
    char go = 0;
    if (write(from_cell[1], &go, 1) != 1 || read(to_cell[0], &go, 1) != 1) return 4;
    return MapsPrivately(16 * kMebibyte) ? 0 : 5;
  });
  char byte = 0;
  EXPECT_EQ(read(from_cell[0], &byte, 1), 1);
  const auto used_bytes = ReadDataBytes(cell);
  ASSERT_TRUE(used_bytes.ok());
  EXPECT_TRUE(SetDataLimit(cell, *used_bytes + 32 * kMebibyte).ok());
  EXPECT_EQ(write(to_cell[1], &byte, 1), 1);
  EXPECT_EQ(AwaitChild(cell), "exit 0");
  for (const int fd : {to_cell[0], to_cell[1], from_cell[0], from_cell[1]}) close(fd);
}

TEST(SandboxTest, CloseAllButKeepsExactlyWhatIsNamed) {
  EXPECT_EQ(RunInChild([] {
              int a[2];
              int b[2];
              if (pipe(a) != 0 || pipe(b) != 0) return 1;
              const int keep[] = {b[1], a[0], a[0]};  // neither sorted nor unique
              if (!CloseAllBut(keep).ok()) return 2;
              for (int fd = 0; fd < 1024; ++fd) {
                const bool open = fcntl(fd, F_GETFD) >= 0;
                if (fd > 2 && open != (fd == a[0] || fd == b[1])) return 3;
              }
              return fcntl(STDERR_FILENO, F_GETFD) >= 0 ? 0 : 4;
            }),
            "exit 0");
  const int negative[] = {-1};
  EXPECT_EQ(CloseAllBut(negative).code(), StatusCode::kInvalidArgument);
}

TEST(SandboxTest, DiscardedOutputGoesNowhere) {
  EXPECT_EQ(RunInChild([] {
              std::array<int, 2> ends;
              if (pipe(ends.data()) != 0) return 1;
              if (dup2(ends[1], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0) return 2;
              close(ends[1]);
              if (!DiscardOutput().ok()) return 3;
              if (write(STDOUT_FILENO, "x", 1) != 1 || write(STDERR_FILENO, "x", 1) != 1) return 4;
              char byte = 0;  // nobody can write to the pipe any more
              return read(ends[0], &byte, 1) == 0 ? 0 : 5;
            }),
            "exit 0");
}

TEST(SandboxTest, DieWithParentRefusesAnotherParent) {
  EXPECT_EQ(RunInChild([] {
              return DieWithParent(getppid() + 1).code() == StatusCode::kFailedPrecondition ? 0 : 1;
            }),
            "exit 0");
}

TEST(SandboxTest, CellDiesWithItsParent) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // the orphan becomes ours to reap
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const pid_t parent = StartChild([&] {
    const pid_t self = getpid();
    const pid_t cell = StartChild([&] {
      if (!DieWithParent(self).ok()) return 1;
      const pid_t own = getpid();
      if (write(pipe_fds[1], &own, sizeof(own)) != sizeof(own)) return 2;
      for (;;) pause();
    });
    pid_t ready = 0;
    return read(pipe_fds[0], &ready, sizeof(ready)) == sizeof(ready) && ready == cell &&
                   write(pipe_fds[1], &cell, sizeof(cell)) == sizeof(cell)
               ? 0
               : 1;
  });
  EXPECT_EQ(AwaitChild(parent), "exit 0");
  pid_t cell = 0;
  ASSERT_EQ(read(pipe_fds[0], &cell, sizeof(cell)), static_cast<ssize_t>(sizeof(cell)));
  EXPECT_EQ(AwaitChild(cell), "signal 9");
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

}  // namespace
}  // namespace throng::os
