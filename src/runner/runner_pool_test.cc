// The pool over the null runner's real processes, some of which are stopped, killed or lying.
#include "runner/runner_pool.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "os/socket.h"
#include "os/testing/forked_child.h"
#include "os/testing/temporary_directory.h"

namespace throng::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// build/tests/runner_test → build/libexec
std::string ProgramDirectory() {
  return os::JoinPath(os::DirectoryName(std::move(os::ExecutableDirectory()).value()), "libexec");
}

// What the kernel says of a process behind its name: "S 1 ...", its state and its parent. Empty
// when there is none.
std::string StatOf(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(stat)), {});
  const size_t name_end = text.rfind(')');
  return name_end == std::string::npos ? "" : text.substr(name_end + 2);
}

// Children of this process, zombies too.
std::set<pid_t> Children() {
  std::set<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    if (pid <= 0) continue;
    const std::string stat = StatOf(pid);
    if (!stat.empty() && std::atoi(stat.c_str() + 1) == getpid()) children.insert(pid);
  }
  return children;
}

// Returns when it has ended and nobody has reaped it.
void WaitForEnd(pid_t pid) {
  const os::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(os::WaitReadable(pidfd.get(), 10'000));
}

class ProcessPoolTest : public ::testing::Test {
 protected:
  void MakePool(RunnerOptions options) {
    if (options.program_directory.empty()) options.program_directory = ProgramDirectory();
    options.arena_bytes = 1 << 20;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    options.sandbox = SandboxPolicy::kOff;  // the sanitizers' own system calls are not on the list
#endif
    pool_ = std::make_unique<RunnerPool>(*loop_, threads_, os::RealFileSystem(), logger_, options,
                                         std::vector<model::FrameworkManifest>{});
    pool_->SetExitHandler([this](const CellExit& exit) { exits_.push_back(exit); });
  }
  bool RunUntil(const std::function<bool()>& done) {
    const MonotonicTime end = os::RealClock().Now() + seconds(30);
    while (!done() && os::RealClock().Now() < end) loop_->RunOnce(milliseconds(20));
    return done();
  }
  Result<std::shared_ptr<Cell>> StartCell(const std::string& framework = "null") {
    std::optional<Result<std::shared_ptr<Cell>>> cell;
    pool_->Start({.framework = framework},
                 [&](Result<std::shared_ptr<Cell>> started) { cell.emplace(std::move(started)); });
    EXPECT_FALSE(cell.has_value()) << "never from inside the call";
    if (!RunUntil([&] { return cell.has_value(); })) return UnavailableError("no answer");
    return std::move(*cell);
  }
  pid_t Zygote() const { return static_cast<pid_t>(pool_->zygote_pids().at("null")); }
  // Without those of earlier tests: their end is nobody's business any more, so they stay zombies.
  std::set<pid_t> NewChildren() const {
    std::set<pid_t> children = Children();
    for (const pid_t pid : before_) children.erase(pid);
    return children;
  }
  // Those that are neither the zygote nor `cell`. REQUIRES: there is one.
  pid_t Spare(const Cell& cell) const {
    std::set<pid_t> others = NewChildren();
    others.erase(Zygote());
    others.erase(static_cast<pid_t>(cell.process_id()));
    return others.empty() ? 0 : *others.rbegin();
  }

  // Until nothing happens for a while.
  void RunUntilQuiet() {
    constexpr milliseconds kQuiet{200};
    MonotonicTime begin;
    do {
      begin = os::RealClock().Now();
      loop_->RunOnce(kQuiet);
    } while (os::RealClock().Now() - begin < kQuiet);
  }

  const std::set<pid_t> before_ = Children();
  std::unique_ptr<os::EventLoop> loop_ = std::move(os::EventLoop::Create(os::RealClock())).value();
  os::ThreadPool threads_{1};
  Logger logger_{{}, os::RealClock(), [](std::string_view) {}};
  std::unique_ptr<RunnerPool> pool_;
  std::vector<CellExit> exits_;
};

TEST_F(ProcessPoolTest, AZygoteThatDoesNotForkIsReplaced) {
  MakePool({.spare_cells = 0, .deadlines = {.fork = milliseconds(50)}});
  const auto first = StartCell();
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  const pid_t stopped = Zygote();
  ASSERT_EQ(kill(stopped, SIGSTOP), 0);
  const auto second = StartCell();
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_NE(Zygote(), stopped);
  EXPECT_EQ(pool_->stats().zygotes_ended, 1U);
  EXPECT_TRUE((*first)->alive());
  EXPECT_FALSE((*first)->accepts_models());
}

TEST_F(ProcessPoolTest, ACellThatIsNeverReadyIsTriedAgainAndThenGivenUp) {
  MakePool({.spare_cells = 0, .deadlines = {.hello = Duration(1)}});
  const auto cell = StartCell();
  EXPECT_EQ(cell.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(cell.status().message().find("was not ready in time"), std::string::npos)
      << cell.status().message();
  EXPECT_EQ(pool_->stats().cells_started, 1U + limits::kCellStartRetries);
  EXPECT_EQ(pool_->stats().cells, 0U);
  EXPECT_EQ(pool_->stats().cells_crashed, 0U);
}

TEST_F(ProcessPoolTest, AStoppedCellThatDoesNotListenIsKilled) {
  MakePool({.spare_cells = 0, .deadlines = {.stop = milliseconds(50)}});
  const auto cell = StartCell();
  ASSERT_TRUE(cell.ok());
  ASSERT_EQ(kill(static_cast<pid_t>((*cell)->process_id()), SIGSTOP), 0);
  (*cell)->End(CellExitCause::kStopped);
  ASSERT_TRUE(RunUntil([&] { return !exits_.empty(); }));
  EXPECT_EQ(exits_[0].cause, CellExitCause::kStopped);
}

TEST_F(ProcessPoolTest, ALostSpareIsReplacedTheLaterTheMoreOftenItHappens) {
  MakePool({});
  const auto cell = StartCell();
  ASSERT_TRUE(cell.ok());
  const MonotonicTime begin = os::RealClock().Now();
  constexpr uint64_t kKills = 4;
  for (uint64_t i = 0; i < kKills; ++i) {
    ASSERT_TRUE(RunUntil([&] { return pool_->stats().cells_started == 2 + i; })) << i;
    ASSERT_TRUE(RunUntil([&] { return Spare(**cell) != 0; }));
    ASSERT_EQ(kill(Spare(**cell), SIGKILL), 0);
    ASSERT_TRUE(RunUntil([&] { return exits_.size() == i + 1; })) << i;
  }
  ASSERT_TRUE(RunUntil([&] { return pool_->stats().cells_started == 2 + kKills; }));
  EXPECT_GE(os::RealClock().Now() - begin, limits::kSpareDelay * (2 + 4 + 8 + 16));
}

TEST_F(ProcessPoolTest, WhoeverHadToForkLeavesASpareBehind) {
  MakePool({});
  const auto first = StartCell();
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(RunUntil([&] { return pool_->stats().cells == 2; }));
  // The first takes the spare, the others fork.
  std::vector<std::shared_ptr<Cell>> cells;
  for (int i = 0; i < 3; ++i) {
    pool_->Start({.framework = "null"}, [&](Result<std::shared_ptr<Cell>> started) {
      if (started.ok()) cells.push_back(*started);
    });
  }
  EXPECT_TRUE(RunUntil([&] { return cells.size() == 3 && pool_->stats().cells == 5; }));
}

TEST_F(ProcessPoolTest, AsManySparesAsWantedAreMade) {
  MakePool({.spare_cells = 3});
  ASSERT_TRUE(StartCell().ok());
  EXPECT_TRUE(RunUntil([&] { return pool_->stats().cells == 4; }));
}

TEST_F(ProcessPoolTest, ASpareThatEndsWhileItIsHandedOverIsNot) {
  MakePool({});
  const auto first = StartCell();
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(RunUntil([&] { return pool_->stats().cells == 2; }));
  RunUntilQuiet();
  // In one round of the loop: somebody asks for a cell, then the spare's end is seen.
  auto sockets = std::move(os::SocketPair()).value();
  std::optional<Result<std::shared_ptr<Cell>>> second;
  ASSERT_TRUE(loop_
                  ->Watch(sockets.first.get(), os::kReadable,
                          [&](uint32_t) {
                            loop_->Unwatch(sockets.first.get());
                            pool_->Start({.framework = "null"},
                                         [&](Result<std::shared_ptr<Cell>> cell) {
                                           second.emplace(std::move(cell));
                                         });
                          })
                  .ok());
  sockets.second.Reset(-1);
  const pid_t spare = Spare(**first);
  ASSERT_EQ(kill(spare, SIGKILL), 0);
  WaitForEnd(spare);
  ASSERT_TRUE(RunUntil([&] { return second.has_value(); }));
  ASSERT_TRUE(second->ok()) << second->status().ToString();
  EXPECT_TRUE((**second)->alive());
}

TEST_F(ProcessPoolTest, ASpareThatIsReadyAfterItsZygotesEndEndsToo) {
  MakePool({});
  const auto cell = StartCell();
  ASSERT_TRUE(cell.ok());
  // The zygote gets the request for a spare, answers it, and ends before the loop sees the answer.
  const pid_t zygote = Zygote();
  ASSERT_EQ(kill(zygote, SIGSTOP), 0);
  RunUntilQuiet();
  ASSERT_EQ(kill(zygote, SIGCONT), 0);
  while (Spare(**cell) == 0 || !StatOf(zygote).starts_with('S')) sched_yield();
  ASSERT_EQ(kill(zygote, SIGKILL), 0);
  WaitForEnd(zygote);
  ASSERT_TRUE(RunUntil([&] { return pool_->stats().cells_started == 2; }));
  ASSERT_EQ(pool_->stats().zygotes, 0U);
  EXPECT_TRUE(RunUntil([&] { return pool_->stats().cells == 1; }));
  EXPECT_TRUE((*cell)->alive());
}

// As left by a zygote that was killed between the clone and its answer.
TEST_F(ProcessPoolTest, ACloneThatNobodyKnowsOfEndsWithItsZygote) {
  MakePool({.spare_cells = 0});
  const auto cell = StartCell();
  ASSERT_TRUE(cell.ok());
  const pid_t unknown = os::testing::StartChild([] { return pause(); });
  ASSERT_EQ(setpgid(unknown, Zygote()), 0);
  const pid_t zygote = Zygote();
  ASSERT_EQ(kill(zygote, SIGKILL), 0);
  ASSERT_TRUE(RunUntil([&] { return pool_->stats().zygotes == 0; }));
  const auto cell_pid = static_cast<pid_t>((*cell)->process_id());
  EXPECT_TRUE(RunUntil([&] { return NewChildren() == std::set<pid_t>{cell_pid}; }));
  EXPECT_TRUE((*cell)->alive());
}

TEST_F(ProcessPoolTest, AZygoteWithAGarbledHelloFailsWhoWaits) {
  const os::testing::TemporaryDirectory folder;
  std::vector<std::byte> hello;
  wire::MessageHeader header;
  header.body_bytes = 1;
  hello.resize(sizeof(header) + header.body_bytes, std::byte{0xff});
  std::memcpy(hello.data(), &header, sizeof(header));
  std::ofstream(folder.path() + "/hello", std::ios::binary)
      .write(reinterpret_cast<const char*>(hello.data()),
             static_cast<std::streamsize>(hello.size()));
  const std::string program = folder.path() + "/throng-runner-liar";
  // It waits to be killed.
  std::ofstream(program) << "#!/bin/sh\n/bin/cat " << folder.path()
                         << "/hello >&3\nread forever <&3\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  MakePool({.program_directory = folder.path()});
  const auto cell = StartCell("liar");
  EXPECT_EQ(cell.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(cell.status().message(), "no answer");
  ASSERT_TRUE(RunUntil([&] { return pool_->stats().zygotes == 0; }));
  EXPECT_EQ(pool_->stats().zygotes_started, 1U) << "it is not started again and again";
}

// --- bounds (base/limits.h) ---------------------------------------------------------------------

TEST_F(ProcessPoolTest, SoManyCellsAreStartedEvenAtOnce) {
  constexpr size_t kLimit = 2;
  MakePool({.max_cells = kLimit, .spare_cells = 0});
  size_t refused = 0;
  std::vector<std::shared_ptr<Cell>> cells;
  const auto start = [&] {
    pool_->Start({.framework = "null"}, [&](Result<std::shared_ptr<Cell>> started) {
      refused += started.status().code() == StatusCode::kResourceExhausted;
      if (started.ok()) cells.push_back(*started);
    });
  };
  for (size_t i = 0; i <= kLimit; ++i) start();
  ASSERT_TRUE(RunUntil([&] { return cells.size() + refused == kLimit + 1; }));
  EXPECT_EQ(cells.size(), kLimit);
  cells[0]->End(CellExitCause::kStopped);
  ASSERT_TRUE(RunUntil([&] { return !exits_.empty(); }));
  start();
  EXPECT_TRUE(RunUntil([&] { return cells.size() == kLimit + 1; })) << "one has gone";
}

TEST_F(ProcessPoolTest, AZygoteKilledFromOutsideIsStartedAgainSoManyTimes) {
  constexpr int kLimit = limits::kZygoteStartRetries;
  for (const int kills : {kLimit, kLimit + 1}) {
    const os::testing::TemporaryDirectory folder;
    const std::string count = folder.path() + "/count";
    const std::string program = folder.path() + "/throng-runner-null";
    std::ofstream(program) << "#!/bin/sh\necho >> " << count << "\n[ $(wc -l < " << count
                           << ") -gt " << kills << " ] || kill -KILL $$\nexec "
                           << ProgramDirectory() << "/throng-runner-null\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    MakePool({.program_directory = folder.path(), .spare_cells = 0});
    const auto cell = StartCell();
    EXPECT_EQ(cell.ok(), kills == kLimit) << cell.status().ToString();
    EXPECT_EQ(pool_->stats().zygotes_started, 1U + kLimit);
  }
}

}  // namespace
}  // namespace throng::runner
