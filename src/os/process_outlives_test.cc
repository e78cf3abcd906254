// Processes that go on when the one that started them ends.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>

#include <gtest/gtest.h>

#include "os/process.h"
#include "os/testing/forked_child.h"

namespace throng::os {
namespace {

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Pipe MakePipe() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

SpawnSpec Sleeper(int output) {
  return {.program = "/bin/sh",
          .arguments = {"-c", "echo up; exec sleep 1000"},
          .environment = {"PATH=/usr/bin:/bin"},
          .outlives_parent = true,
          .output_descriptor = output};
}

bool Ended(const ChildProcess& process) {
  pollfd ended = {process.pidfd(), POLLIN, 0};
  return poll(&ended, 1, 30'000) == 1;
}

TEST(OutlivingProcessTest, GoesOnAfterItsParentAndIsFoundByItsStamp) {
  Pipe stamps = MakePipe();
  Pipe output = MakePipe();
  const pid_t parent = testing::StartChild([&] {
    auto child = Spawn(Sleeper(output.writer.get()));
    if (!child.ok()) return 1;
    const auto stamp = StampOfProcess(child->pid());
    if (!stamp.ok()) return 2;
    const uint64_t numbers[] = {static_cast<uint64_t>(stamp->pid), stamp->start_ticks};
    return write(stamps.writer.get(), numbers, sizeof numbers) == sizeof numbers ? 0 : 3;
  });
  EXPECT_EQ(testing::AwaitChild(parent), "exit 0");
  uint64_t numbers[2] = {};
  ASSERT_EQ(read(stamps.reader.get(), numbers, sizeof numbers), ssize_t{sizeof numbers});
  std::array<char, 3> text = {};
  ASSERT_EQ(read(output.reader.get(), text.data(), text.size()), 3);
  EXPECT_EQ(std::string_view(text.data(), 2), "up");

  ProcessStamp stamp = *StampOfProcess(getpid());  // for the boot
  stamp.pid = static_cast<pid_t>(numbers[0]);
  stamp.start_ticks = numbers[1];
  auto found = FindProcess(stamp);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_FALSE(found->Poll().has_value()) << "it runs";
  EXPECT_NE(getsid(stamp.pid), getsid(0)) << "a session of its own";
  found->Signal(SIGKILL);
  ASSERT_TRUE(Ended(*found));
  EXPECT_EQ(found->Poll()->status_code, -1) << "only its parent learns how";
  EXPECT_EQ(FindProcess(stamp).status().code(), StatusCode::kNotFound);
}

TEST(OutlivingProcessTest, AnotherProcessWithTheNumberIsNotFound) {
  ProcessStamp stamp = *StampOfProcess(getpid());
  ASSERT_TRUE(FindProcess(stamp).ok());
  stamp.start_ticks -= 1;
  EXPECT_EQ(FindProcess(stamp).status().code(), StatusCode::kNotFound);
  stamp.start_ticks += 1;
  stamp.boot += "0";
  EXPECT_EQ(FindProcess(stamp).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(FindProcess({}).status().code(), StatusCode::kNotFound);
}

TEST(OutlivingProcessTest, TheExitStatusOfAChildIsKnown) {
  SpawnSpec spec = Sleeper(-1);
  spec.arguments = {"-c", "exit 7"};
  auto child = Spawn(spec);
  ASSERT_TRUE(child.ok());
  ASSERT_TRUE(Ended(*child));
  EXPECT_EQ(child->TryReap()->status_code, 7);
}

}  // namespace
}  // namespace throng::os
