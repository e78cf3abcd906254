#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <gtest/gtest.h>

#include "os/file.h"
#include "os/sandbox.h"
#include "os/testing/forked_child.h"
#include "os/testing/sanitizer.h"

namespace throng::os {
namespace {

using testing::AwaitChild;
using testing::RunInChild;
using testing::StartChild;

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Pipe MakePipe() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Until the end of the stream.
std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t count = 0;
  while ((count = read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(count));
  }
  return text;
}

ProcessExit Await(ChildProcess& child) {
  pollfd ended = {child.pidfd(), POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 30'000), 1);
  const auto result = child.TryReap();
  EXPECT_TRUE(result.has_value());
  return result.value_or(ProcessExit{-2, 0, 0});
}

// A shell that runs `script` with the given descriptors.
SpawnSpec Shell(std::string script, std::vector<std::pair<int, int>> descriptors = {}) {
  SpawnSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", std::move(script)};
  spec.descriptors = std::move(descriptors);
  return spec;
}

// A program that does nothing until it is killed.
SpawnSpec Sleep(std::vector<std::pair<int, int>> descriptors) {
  SpawnSpec spec;
  spec.program = "/bin/sleep";
  spec.arguments = {"600"};
  spec.descriptors = std::move(descriptors);
  return spec;
}

// What a shell that was spawned with `spec` writes to its descriptor 3.
std::string OutputOf(SpawnSpec spec) {
  Pipe output = MakePipe();
  spec.descriptors.emplace_back(output.writer.get(), 3);
  auto child = Spawn(spec);
  EXPECT_TRUE(child.ok()) << child.status().ToString();
  output.writer.Reset(-1);
  std::string text = ReadAll(output.reader.get());
  if (child.ok()) Await(*child);
  return text;
}

std::string LinkOf(pid_t pid, int fd) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
  std::array<char, 256> target;
  const ssize_t length = readlink(path.c_str(), target.data(), target.size());
  return length < 0 ? "" : std::string(target.data(), static_cast<size_t>(length));
}

TEST(SpawnTest, ReportsExitStatusAndProcessorTime) {
  auto child = Spawn(Shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 7"));
  ASSERT_TRUE(child.ok()) << child.status().ToString();
  EXPECT_GT(child->pid(), 0);
  const ProcessExit result = Await(*child);
  EXPECT_EQ(result.status_code, 7);
  EXPECT_EQ(result.signal, 0);
  EXPECT_GT(result.cpu_time_us, 0);
}

TEST(SpawnTest, ReportsSignals) {
  Pipe pipe = MakePipe();
  auto waiting = Spawn(Shell("read forever <&3", {{pipe.reader.get(), 3}}));
  ASSERT_TRUE(waiting.ok());
  EXPECT_FALSE(waiting->TryReap().has_value());
  waiting->Signal(SIGTERM);
  EXPECT_EQ(Await(*waiting).signal, SIGTERM);
  waiting->Signal(SIGKILL);  // no effect
  EXPECT_EQ(waiting->TryReap()->status_code, -1);
}

TEST(SpawnTest, PollTellsTheEndWithoutReaping) {
  auto child = Spawn(Shell("exit 9"));
  ASSERT_TRUE(child.ok());
  pollfd ended = {child->pidfd(), POLLIN, 0};
  ASSERT_EQ(poll(&ended, 1, 30'000), 1);
  for (int i = 0; i < 2; ++i) {
    const auto exit = child->Poll();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->status_code, 9);
  }
  EXPECT_EQ(child->TryReap()->status_code, 9);
  EXPECT_EQ(child->Poll()->status_code, -1);
}

// A child that waits to be killed, in a process group.
pid_t Member(pid_t group) {
  const pid_t pid = StartChild([] {
    pause();
    return 0;
  });
  EXPECT_EQ(setpgid(pid, group), 0);
  return pid;
}

TEST(SpawnTest, AProcessMayLeadAGroupOfItsOwn) {
  auto child = Spawn(Sleep({}));
  SpawnSpec spec = Sleep({});
  spec.own_group = true;
  auto leader = Spawn(spec);
  ASSERT_TRUE(child.ok() && leader.ok());
  EXPECT_EQ(getpgid(child->pid()), getpgid(0));
  EXPECT_EQ(getpgid(leader->pid()), leader->pid());
  for (ChildProcess* process : {&*child, &*leader}) {
    process->Signal(SIGKILL);
    Await(*process);
  }
}

TEST(EndChildrenOfGroupTest, EndsUnknownMembersAndNoOthers) {
  SpawnSpec spec = Sleep({});
  spec.own_group = true;
  auto leader = Spawn(spec);
  ASSERT_TRUE(leader.ok());
  const pid_t group = leader->pid();
  const pid_t living = Member(group);
  const pid_t ended = Member(group);
  const pid_t known = Member(group);
  const pid_t elsewhere = Member(0);
  ASSERT_EQ(kill(ended, SIGKILL), 0);
  constexpr std::chrono::seconds kLimit{30};
  EXPECT_FALSE(EndChildOfGroup(elsewhere, group, kLimit));
  EXPECT_FALSE(EndChildOfGroup(getppid(), getpgid(getppid()), kLimit)) << "not a child";
  EXPECT_EQ(EndChildrenOfGroup(group, std::array{known}, kLimit), 2);
  for (const pid_t pid : {living, ended}) {
    EXPECT_EQ(kill(pid, 0), -1) << "ended and reaped";
  }
  for (const pid_t pid : {group, known, elsewhere}) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0) << "still there";
    kill(pid, SIGKILL);
    if (pid != group) {
      EXPECT_EQ(AwaitChild(pid), "signal 9");
    }
  }
  Await(*leader);
}

TEST(UrgencyTest, ChangesBothWaysWithoutPrivilege) {
  EXPECT_EQ(RunInChild([] {
              if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 1;
              if (!SetUrgency(kThisThread, Urgency::kBackground).ok()) return 2;
              if (sched_getscheduler(0) != SCHED_BATCH) return 3;
              if (!SetUrgency(kThisThread, Urgency::kInteractive).ok()) return 4;
              return sched_getscheduler(0) == SCHED_OTHER ? 0 : 5;
            }),
            "exit 0");
}

TEST(UrgencyTest, OfAProcessThatIsGoneIsNotFound) {
  const pid_t gone = StartChild([] { return 0; });
  AwaitChild(gone);
  EXPECT_EQ(SetUrgency(gone, Urgency::kBackground).code(), StatusCode::kNotFound);
}

TEST(SpawnTest, PassesArgumentsAndEnvironmentExactly) {
  ASSERT_EQ(setenv("THRONG_TEST_SECRET", "inherited", 1), 0);
  SpawnSpec spec = Shell("printf '%s|' \"$A\" \"$THRONG_TEST_SECRET\" \"$1\" \"$2\" >&3");
  spec.arguments.insert(spec.arguments.end(), {"name", "one two", ""});
  spec.environment = {"A=b c"};
  EXPECT_EQ(OutputOf(spec), "b c||one two||");
  unsetenv("THRONG_TEST_SECRET");
}

TEST(SpawnTest, StandardInputIsEmpty) {
  EXPECT_EQ(OutputOf(Shell("if read line; then echo some; else echo none; fi >&3")), "none\n");
}

TEST(SpawnTest, SwapsDescriptorsThatAreEachOthersTargets) {
  const Pipe a = MakePipe();
  const Pipe b = MakePipe();
  const int x = a.reader.get();
  const int y = b.reader.get();
  const int far = std::max(x, y) + 40;
  auto child = Spawn(Sleep({{x, y}, {y, x}, {x, far}}));
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(LinkOf(child->pid(), x), LinkOf(getpid(), y));
  EXPECT_EQ(LinkOf(child->pid(), y), LinkOf(getpid(), x));
  EXPECT_EQ(LinkOf(child->pid(), far), LinkOf(getpid(), x));
  EXPECT_EQ(LinkOf(child->pid(), 0), "/dev/null");
  child->Signal(SIGKILL);
  Await(*child);
}

TEST(SpawnTest, ClosesEveryOtherDescriptor) {
  const Pipe leaked = MakePipe();
  const UniqueFd low(fcntl(leaked.writer.get(), F_DUPFD, 3));  // inheritable
  const UniqueFd high(fcntl(leaked.writer.get(), F_DUPFD, 500));
  ASSERT_TRUE(low.valid() && high.valid());
  auto child = Spawn(Sleep({{STDERR_FILENO, 30}}));
  ASSERT_TRUE(child.ok());
  const std::string link = LinkOf(getpid(), low.get());
  for (int fd = 0; fd < 600; ++fd) EXPECT_NE(LinkOf(child->pid(), fd), link) << fd;
  child->Signal(SIGKILL);
  Await(*child);
}

TEST(SpawnTest, SignalsAreReset) {
  struct sigaction ignore = {};
  struct sigaction before = {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(sigaction(SIGPIPE, &ignore, &before), 0);
  sigset_t blocked;
  sigset_t mask_before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &blocked, &mask_before), 0);
  const std::string text =
      OutputOf(Shell("while read line; do echo \"$line\"; done </proc/self/status >&3"));
  EXPECT_NE(text.find("SigIgn:\t0000000000000000"), std::string::npos);
  EXPECT_NE(text.find("SigBlk:\t0000000000000000"), std::string::npos);
  sigset_t mask_after;
  pthread_sigmask(SIG_SETMASK, &mask_before, &mask_after);
  EXPECT_TRUE(sigismember(&mask_after, SIGTERM));  // ours is untouched
  sigaction(SIGPIPE, &before, nullptr);
}

TEST(SpawnTest, AbsentProgramsAreErrorsThatNameNoPath) {
  SpawnSpec spec;
  spec.program = "/nowhere/throng-runner-absent";
  const Status absent = Spawn(spec).status();
  EXPECT_EQ(absent.code(), StatusCode::kNotFound);
  EXPECT_NE(absent.message().find("'throng-runner-absent'"), std::string::npos);
  EXPECT_EQ(absent.message().find('/'), std::string::npos);
  spec.program = "/etc/passwd";
  EXPECT_EQ(Spawn(spec).status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // nothing left to reap
}

TEST(SpawnTest, RefusesDescriptorsThatCannotBeMapped) {
  EXPECT_EQ(Spawn(Shell("", {{0, 2}})).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Spawn(Shell("", {{0, 5}, {1, 5}})).status().code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(Spawn(Shell("", {{-1, 5}})).ok());
  EXPECT_FALSE(Spawn(Shell("", {{9999, 5}})).ok());
}

TEST(SpawnTest, ChildDiesWithTheOneWhoSpawnedIt) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const Pipe pids = MakePipe();
  const Pipe waiting = MakePipe();
  const pid_t spawner = StartChild([&] {
    auto child = Spawn(Shell("read forever <&3", {{waiting.reader.get(), 3}}));
    if (!child.ok()) return 1;
    const pid_t pid = child->pid();
    return write(pids.writer.get(), &pid, sizeof(pid)) == sizeof(pid) ? 0 : 2;
  });
  EXPECT_EQ(AwaitChild(spawner), "exit 0");
  pid_t pid = 0;
  ASSERT_EQ(read(pids.reader.get(), &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
  EXPECT_EQ(AwaitChild(pid), "signal 9");
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// A zygote that clones `cell` once and passes on its number, then waits for its own end.
template <typename Cell>
pid_t StartZygote(const Pipe& pids, Cell cell) {
  return StartChild([&pids, cell]() -> int {
    const auto pid = CloneSibling();
    if (!pid.ok()) return 1;
    if (*pid == 0) _exit(cell());
    if (write(pids.writer.get(), &*pid, sizeof(pid_t)) != sizeof(pid_t)) return 2;
    for (;;) pause();
  });
}

Result<ChildProcess> AdoptFrom(const Pipe& pids) {
  pid_t pid = 0;
  if (read(pids.reader.get(), &pid, sizeof(pid)) != sizeof(pid)) {
    return UnavailableError("the zygote sent nothing");
  }
  return AdoptChild(pid);
}

TEST(CloneSiblingTest, CellIsTheFrontDoorsChildAndOutlivesItsZygote) {
  const Pipe pids = MakePipe();
  const Pipe go = MakePipe();
  const pid_t front_door = getpid();
  const pid_t zygote = StartZygote(pids, [&]() -> int {
    alarm(30);
    if (!DieWithParent(front_door).ok()) return 3;
    char byte = 0;
    if (read(go.reader.get(), &byte, 1) != 1) return 4;
    // What a raw clone may break: threads, exceptions and abort.
    pthread_t thread;
    const auto run = [](void*) -> void* { return nullptr; };
    if (pthread_create(&thread, nullptr, run, nullptr) != 0) return 5;
    pthread_join(thread, nullptr);
    abort();
  });
  auto cell = AdoptFrom(pids);
  ASSERT_TRUE(cell.ok()) << cell.status().ToString();
  kill(zygote, SIGKILL);
  EXPECT_EQ(AwaitChild(zygote), "signal 9");
  EXPECT_FALSE(cell->TryReap().has_value());
  EXPECT_EQ(write(go.writer.get(), "x", 1), 1);
  EXPECT_EQ(Await(*cell).signal, SIGABRT);
}

TEST(CloneSiblingTest, FilteredCellAbortsAsItself) {
  // The number in the filter must be the cell's own, not that of the zygote that compiled it.
  const Pipe pids = MakePipe();
  const auto filter = SyscallFilter::Compile(testing::SanitizerRules());
  ASSERT_TRUE(filter.ok());
  const pid_t zygote = StartZygote(pids, [&]() -> int {
    if (!filter->Apply().ok()) return 3;
    abort();
  });
  auto cell = AdoptFrom(pids);
  ASSERT_TRUE(cell.ok()) << cell.status().ToString();
  EXPECT_EQ(Await(*cell).signal, SIGABRT);
  kill(zygote, SIGKILL);
  AwaitChild(zygote);
}

TEST(CloneSiblingTest, RefusesAProcessWithThreads) {
  EXPECT_EQ(RunInChild([] {
              pthread_t thread;
              const auto run = [](void*) -> void* {
                for (;;) pause();
              };
              if (pthread_create(&thread, nullptr, run, nullptr) != 0) return 1;
              const auto pid = CloneSibling();
              return pid.status().code() == StatusCode::kFailedPrecondition ? 0 : 2;
            }),
            "exit 0");
}

TEST(AdoptChildTest, RefusesWhatIsNotOurChild) {
  EXPECT_EQ(AdoptChild(getppid()).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(AdoptChild(getpid()).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(AdoptChild(0).ok());
  EXPECT_FALSE(AdoptChild(-1).ok());
  const pid_t gone = StartChild([] { return 0; });
  AwaitChild(gone);
  EXPECT_FALSE(AdoptChild(gone).ok());
}

TEST(AdoptChildTest, TakesAChildThatHasAlreadyEnded) {
  const pid_t pid = StartChild([] { return 5; });
  auto child = AdoptChild(pid);
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(Await(*child).status_code, 5);
}

TEST(ProcessInfoTest, EmptyChildIsHarmless) {
  ChildProcess none;
  EXPECT_FALSE(none.valid());
  EXPECT_FALSE(none.TryReap().has_value());
  none.Signal(SIGKILL);
}

TEST(ProcessInfoTest, CountsThreads) {
  EXPECT_EQ(RunInChild([] {
              const auto alone = ThreadCount();
              pthread_t thread;
              const auto run = [](void*) -> void* {
                for (;;) pause();
              };
              if (pthread_create(&thread, nullptr, run, nullptr) != 0) return 1;
              const auto two = ThreadCount();
              return alone.ok() && two.ok() && *two == *alone + 1 ? 0 : 2;
            }),
            "exit 0");
}

TEST(ProcessInfoTest, MemoryUseFollowsTouchedPages) {
  constexpr size_t kTouchedBytes = 32 << 20;
  const auto before = ReadMemoryUse(getpid());
  ASSERT_TRUE(before.ok()) << before.status().ToString();
  const auto data_before = ReadDataBytes(getpid());
  void* memory =
      mmap(nullptr, kTouchedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kTouchedBytes);
  const auto after = ReadMemoryUse(getpid());
  const auto data_after = ReadDataBytes(getpid());
  munmap(memory, kTouchedBytes);
  ASSERT_TRUE(after.ok() && data_before.ok() && data_after.ok());
  EXPECT_GE(after->private_bytes, before->private_bytes + kTouchedBytes / 2);
  EXPECT_GE(after->pss_bytes, after->private_bytes);
  EXPECT_GE(after->resident_bytes, after->pss_bytes);
  EXPECT_GE(*data_after, *data_before + kTouchedBytes);
}

TEST(ProcessInfoTest, ProcessorTimeGrowsWithWork) {
  const auto before = ReadCpuTimeUs(getpid());
  ASSERT_TRUE(before.ok());
  const clock_t start = clock();
  while (clock() - start < CLOCKS_PER_SEC / 100) {
  }
  const auto after = ReadCpuTimeUs(getpid());
  ASSERT_TRUE(after.ok());
  EXPECT_GE(*after - *before, 9'000);
}

TEST(ProcessInfoTest, ProcessesThatAreGoneAreErrors) {
  const pid_t gone = StartChild([] { return 0; });
  AwaitChild(gone);
  EXPECT_EQ(ReadMemoryUse(gone).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadDataBytes(gone).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadCpuTimeUs(gone).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(SetDataLimit(gone, 1).code(), StatusCode::kNotFound);
}

TEST(ProcessInfoTest, DescribesTheHost) {
  EXPECT_EQ(ProcessId(), getpid());
  EXPECT_EQ(ParentProcessId(), getppid());
  EXPECT_EQ(IsRoot(), geteuid() == 0);
  EXPECT_GE(ProcessorCount(), 1);
  EXPECT_LE(ProcessorCount(), sysconf(_SC_NPROCESSORS_CONF));
  const auto available = AvailableMemoryBytes();
  ASSERT_TRUE(available.ok()) << available.status().ToString();
  EXPECT_GT(*available, 0u);
  EXPECT_LT(*available, static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                            static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  const auto directory = ExecutableDirectory();
  ASSERT_TRUE(directory.ok());
  EXPECT_EQ(access(JoinPath(*directory, "os_test").c_str(), X_OK), 0);
}

}  // namespace
}  // namespace throng::os
