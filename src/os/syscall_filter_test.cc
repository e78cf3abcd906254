// Every denial is tried in a real child, as the user who runs the test and, when that is root, as
// another user too.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include <gtest/gtest.h>

#include "os/memory_file.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "os/testing/forked_child.h"
#include "os/testing/sanitizer.h"

namespace throng::os {
namespace {

constexpr uint32_t kOtherUser = 60123;
constexpr int kSandboxFailed = 99;
constexpr const char* kKilled = "signal 31";  // SIGSYS
static_assert(SIGSYS == 31 && SIGABRT == 6 && SIGKILL == 9);

enum class User { kSame, kOther };

std::string UserName(const ::testing::TestParamInfo<User>& info) {
  return info.param == User::kSame ? "SameUser" : "OtherUser";
}

// The child that the rules of a cell confine, up to the point where a model's bytes would come.
template <typename Action>
std::string RunConfined(User user, const SyscallFilter& filter, Action action) {
  const pid_t parent = getpid();
  return testing::RunInChild([&]() -> int {
    if (user == User::kOther && !SetUser(kOtherUser).ok()) return kSandboxFailed;
    if (!DieWithParent(parent).ok() || !ApplyResourceLimits(ResourceLimits()).ok()) {
      return kSandboxFailed;
    }
    if (!filter.Apply().ok()) return kSandboxFailed;
    return action();
  });
}

class SyscallFilterTest : public ::testing::TestWithParam<User> {
 protected:
  void SetUp() override {
    if (GetParam() == User::kOther && !IsRoot()) {
      GTEST_SKIP() << "only root can become another user";
    }
  }

  template <typename Action>
  std::string Run(Action action, std::vector<SyscallRule> extra = {}) {
    for (const SyscallRule& rule : testing::SanitizerRules()) extra.push_back(rule);
    const auto filter = SyscallFilter::Compile(extra);
    if (!filter.ok()) return filter.status().ToString();
    return RunConfined(GetParam(), *filter, action);
  }
};

INSTANTIATE_TEST_SUITE_P(Users, SyscallFilterTest, ::testing::Values(User::kSame, User::kOther),
                         UserName);

// Calls whose mere attempt must kill.
struct Denial {
  const char* name;
  void (*attempt)();
};

constexpr unsigned long kPage = 4096;

const Denial kDenials[] = {
    {"open", [] { syscall(SYS_open, "/etc/passwd", O_RDONLY); }},
    {"openat", [] { syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY); }},
    {"openat2", [] { syscall(SYS_openat2, AT_FDCWD, "/dev/null", nullptr, 0); }},
    {"creat", [] { syscall(SYS_creat, "throng-must-not-exist", 0600); }},
    {"stat", [] { syscall(SYS_newfstatat, AT_FDCWD, "/", nullptr, 0); }},
    {"unlink", [] { syscall(SYS_unlink, "throng-must-not-exist"); }},
    {"memfd_create", [] { syscall(SYS_memfd_create, "m", 0); }},
    {"socket of the internet", [] { syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    {"local socket", [] { syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }},
    {"socketpair", [] { syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, nullptr); }},
    {"connect", [] { syscall(SYS_connect, 0, nullptr, 0); }},
    {"io_uring", [] { syscall(SYS_io_uring_setup, 1, nullptr); }},
    {"fork()", [] { fork(); }},
    {"fork", [] { syscall(SYS_fork); }},
    {"vfork", [] { syscall(SYS_vfork); }},
    {"clone of a process", [] { syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
    {"clone of a sibling", [] { syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0); }},
    {"clone into a namespace",
     [] {
       syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWNET, 0, 0, 0, 0);
     }},
    {"execve", [] { syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
    {"execveat", [] { syscall(SYS_execveat, AT_FDCWD, "/bin/true", nullptr, nullptr, 0); }},
    {"ptrace", [] { syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }},
    {"process_vm_readv",
     [] { syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0); }},
    {"kill of the parent", [] { syscall(SYS_kill, 1, 0); }},
    {"tkill", [] { syscall(SYS_tkill, 1, 0); }},
    {"tgkill of another", [] { syscall(SYS_tgkill, 1, 1, SIGABRT); }},
    {"tgkill of ourselves with SIGKILL", [] { syscall(SYS_tgkill, getpid(), gettid(), SIGKILL); }},
    {"rt_sigqueueinfo", [] { syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, nullptr); }},
    {"pidfd_open", [] { syscall(SYS_pidfd_open, 1, 0); }},
    {"pidfd_send_signal", [] { syscall(SYS_pidfd_send_signal, 0, SIGTERM, nullptr, 0); }},
    {"no longer dying with the parent", [] { prctl(PR_SET_PDEATHSIG, 0); }},
    {"a further filter by prctl", [] { prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); }},
    {"a further filter", [] { syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, nullptr); }},
    {"more memory", [] { syscall(SYS_prlimit64, 0, RLIMIT_DATA, nullptr, nullptr); }},
    {"another user", [] { syscall(SYS_setresuid, 0, 0, 0); }},
    {"unshare", [] { syscall(SYS_unshare, CLONE_NEWUSER); }},
    {"mount", [] { syscall(SYS_mount, "", "/", "", 0, nullptr); }},
    {"chroot", [] { syscall(SYS_chroot, "/"); }},
    {"personality", [] { syscall(SYS_personality, 0); }},
    {"bpf", [] { syscall(SYS_bpf, 0, nullptr, 0); }},
    {"ftruncate", [] { syscall(SYS_ftruncate, 0, 0); }},
    {"mapping of code",
     [] {
       syscall(SYS_mmap, 0, kPage, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
     }},
    {"pkey_mprotect", [] { syscall(SYS_pkey_mprotect, 0, kPage, PROT_EXEC, -1); }},
    {"data becoming code",
     [] {
       const long page =
           syscall(SYS_mmap, 0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       syscall(SYS_mprotect, page, kPage, PROT_READ | PROT_EXEC);
     }},
};

TEST_P(SyscallFilterTest, KillsTheCellThatTriesToReachOutside) {
  const auto filter = SyscallFilter::Compile(testing::SanitizerRules());
  ASSERT_TRUE(filter.ok()) << filter.status().ToString();
  ASSERT_EQ(RunConfined(GetParam(), *filter, [] { return 0; }), "exit 0");
  for (const Denial& denial : kDenials) {
    const std::string end = RunConfined(GetParam(), *filter, [&denial] {
      denial.attempt();
      return 0;
    });
    EXPECT_EQ(end, kKilled) << denial.name;
  }
}

TEST_P(SyscallFilterTest, SignalsToTheParentKill) {
  const pid_t parent = getpid();
  EXPECT_EQ(Run([parent] {
              syscall(SYS_kill, parent, 0);
              return 0;
            }),
            kKilled);
  EXPECT_EQ(Run([parent] {
              syscall(SYS_tgkill, parent, parent, SIGABRT);
              return 0;
            }),
            kKilled);
}

TEST_P(SyscallFilterTest, AnswersClone3WithEnosys) {
  EXPECT_EQ(Run([] {
              const bool denied = syscall(SYS_clone3, nullptr, 0) == -1 && errno == ENOSYS;
              return denied ? 0 : 1;
            }),
            "exit 0");
}

TEST_P(SyscallFilterTest, AppliesToThreadsThatRanBefore) {
  struct Opener {
    sem_t confined;
    static void* Run(void* argument) {
      sem_wait(&static_cast<Opener*>(argument)->confined);
      syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
      return nullptr;
    }
  };
  const auto filter = SyscallFilter::Compile(testing::SanitizerRules());
  ASSERT_TRUE(filter.ok());
  const std::string end = testing::RunInChild([&] {
    if (GetParam() == User::kOther && !SetUser(kOtherUser).ok()) return kSandboxFailed;
    Opener opener;
    sem_init(&opener.confined, 0, 0);
    pthread_t thread;
    if (pthread_create(&thread, nullptr, Opener::Run, &opener) != 0) return kSandboxFailed;
    if (!filter->Apply().ok()) return kSandboxFailed;
    sem_post(&opener.confined);
    pthread_join(thread, nullptr);
    return 0;
  });
  EXPECT_EQ(end, kKilled);
}

TEST_P(SyscallFilterTest, ThreadsCanStillBeMade) {
#ifdef THRONG_TEST_SANITIZED
  GTEST_SKIP() << "a sanitizer's own calls in a new thread are not those of a cell";
#endif
  EXPECT_EQ(Run([] {
              int answer = 0;
              const auto run = [](void* out) -> void* {
                *static_cast<int*>(out) = 42;
                return nullptr;
              };
              for (int i = 0; i < 3; ++i) {
                pthread_t thread;
                if (pthread_create(&thread, nullptr, run, &answer) != 0) return 1;
                if (pthread_join(thread, nullptr) != 0) return 2;
              }
              return answer == 42 ? 0 : 3;
            }),
            "exit 0");
}

TEST_P(SyscallFilterTest, AbortEndsWithSigabrt) {
  EXPECT_EQ(Run([]() -> int { abort(); }), "signal 6");
}

TEST_P(SyscallFilterTest, AbortEndsWithSigabrtInAThreadAndInAClone) {
#ifdef THRONG_TEST_SANITIZED
  GTEST_SKIP() << "a sanitizer's own calls in a new thread are not those of a cell";
#endif
  EXPECT_EQ(Run([]() -> int {
              pthread_t thread;
              const auto run = [](void*) -> void* { abort(); };
              if (pthread_create(&thread, nullptr, run, nullptr) != 0) return 1;
              pthread_join(thread, nullptr);
              return 2;
            }),
            "signal 6");
}

TEST_P(SyscallFilterTest, OrdinaryWorkGoesOn) {
  const auto arena = CreateArenaFile("arena", 1 << 20);
  ASSERT_TRUE(arena.ok());
  EXPECT_EQ(Run([&arena] {
              auto mapping = Mapping::Map(arena->get(), 1 << 20, true);
              if (!mapping.ok()) return 1;
              mapping->data()[5] = std::byte{1};
              const std::string large(32 << 20, 'x');
              if (large[1 << 20] != 'x') return 2;
              timespec now = {};
              if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0) return 3;
              try {
                throw std::runtime_error("of a model");
              } catch (const std::runtime_error&) {
              }
              char random[8];
              if (syscall(SYS_getrandom, random, sizeof(random), 0) != sizeof(random)) return 4;
              return write(STDERR_FILENO, "", 0) == 0 ? 0 : 5;
            }),
            "exit 0");
}

TEST_P(SyscallFilterTest, ExtraRulesAllowOrAnswerWithAnErrno) {
  const auto attempt = [] {
    if (syscall(SYS_uname, nullptr) != -1 || errno != EFAULT) return 1;
    return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY) == -1 && errno == ENOENT ? 0 : 2;
  };
  const SyscallRule allowed = {SyscallRule::Action::kAllow, "uname", 0};
  const SyscallRule absent = {SyscallRule::Action::kErrno, "openat", ENOENT};
  EXPECT_EQ(Run(attempt, {allowed, absent}), "exit 0");
  EXPECT_EQ(Run(attempt, {allowed}), kKilled);
  EXPECT_EQ(Run(attempt, {absent}), kKilled);
}

TEST_P(SyscallFilterTest, CodeCanBeMappedOnlyWhereABackendAsksForIt) {
  const auto attempt = [] {
    void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return errno;
    return mprotect(page, kPage, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
  };
  const SyscallRule mmap_allowed = {SyscallRule::Action::kAllow, "mmap", 0};
  const SyscallRule mprotect_allowed = {SyscallRule::Action::kAllow, "mprotect", 0};
  const SyscallRule mprotect_refused = {SyscallRule::Action::kErrno, "mprotect", EACCES};
  EXPECT_EQ(Run(attempt, {mmap_allowed, mprotect_allowed}), "exit 0");
  EXPECT_EQ(Run(attempt, {mmap_allowed}), kKilled);
  EXPECT_EQ(Run(attempt, {mmap_allowed, mprotect_refused}), "exit " + std::to_string(EACCES));
}

TEST_P(SyscallFilterTest, OneFilterServesManyCells) {
  const auto filter = SyscallFilter::Compile(testing::SanitizerRules());
  ASSERT_TRUE(filter.ok());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(RunConfined(GetParam(), *filter, []() -> int { abort(); }), "signal 6");
  }
}

Status CompileStatus(const SyscallRule& rule) {
  return SyscallFilter::Compile(std::span(&rule, 1)).status();
}

TEST(SyscallFilterCompileTest, RefusesNamesThatDoNotExist) {
  const Status status = CompileStatus({SyscallRule::Action::kAllow, "opennat", 0});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("opennat"), std::string::npos);
  EXPECT_FALSE(CompileStatus({SyscallRule::Action::kAllow, "", 0}).ok());
}

TEST(SyscallFilterCompileTest, RefusesToWidenWhatIsFixed) {
  for (const char* name : {"clone", "clone3", "tgkill"}) {
    EXPECT_FALSE(CompileStatus({SyscallRule::Action::kAllow, name, 0}).ok()) << name;
  }
  EXPECT_FALSE(CompileStatus({SyscallRule::Action::kErrno, "read", EPERM}).ok());
  EXPECT_TRUE(CompileStatus({SyscallRule::Action::kAllow, "read", 0}).ok());
}

TEST(SyscallFilterCompileTest, TakesARuleThatIsNamedTwice) {
  const SyscallRule rule = {SyscallRule::Action::kAllow, "uname", 0};
  const SyscallRule twice[] = {rule, rule};
  EXPECT_TRUE(SyscallFilter::Compile(twice).ok());
}

TEST(SyscallFilterCompileTest, RefusesAnswersThatAreNoErrno) {
  EXPECT_FALSE(CompileStatus({SyscallRule::Action::kErrno, "openat", 0}).ok());
  EXPECT_FALSE(CompileStatus({SyscallRule::Action::kErrno, "mmap", 0}).ok());
  EXPECT_FALSE(CompileStatus({SyscallRule::Action::kErrno, "openat", 4095}).ok());
  EXPECT_TRUE(CompileStatus({SyscallRule::Action::kErrno, "openat", 4094}).ok());
}

}  // namespace
}  // namespace throng::os
