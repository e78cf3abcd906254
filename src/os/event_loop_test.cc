#include "os/event_loop.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "os/socket.h"

namespace throng::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Duration kNoWait = Duration::zero();

struct Loop {
  explicit Loop(const Clock& clock = RealClock()) : loop(std::move(*EventLoop::Create(clock))) {}
  EventLoop* operator->() { return loop.get(); }
  std::unique_ptr<EventLoop> loop;
};

void WriteByte(int fd) {
  const std::byte byte{'x'};
  ASSERT_EQ(WriteSome(fd, std::span<const std::byte>(&byte, 1)).kind, IoResult::Kind::kDone);
}

TEST(EventLoopTest, RunsPostedTasksInOrderAndThoseTheyPost) {
  Loop loop;
  std::vector<int> order;
  loop->Post([&] {
    order.push_back(1);
    loop->Post([&] { order.push_back(3); });
  });
  loop->Post([&] { order.push_back(2); });
  loop->RunOnce(kNoWait);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(EventLoopTest, EndOfRoundComesAfterEventsTimersAndPosts) {
  Loop loop;
  auto pair = std::move(*SocketPair());
  std::vector<std::string> order;
  WriteByte(pair.second.get());
  ASSERT_TRUE(loop->Watch(pair.first.get(), kReadable,
                          [&](uint32_t) {
                            order.push_back("event");
                            loop->AtEndOfRound([&] { order.push_back("end"); });
                            loop->Post([&] { order.push_back("posted"); });
                          })
                  .ok());
  loop->StartTimer(RealClock().Now(), [&] { order.push_back("timer"); });
  loop->RunOnce(kNoWait);
  EXPECT_EQ(order, (std::vector<std::string>{"event", "timer", "posted", "end"}));
}

TEST(EventLoopTest, TaskThatPostsItselfForEverStarvesNobody) {
  Loop loop;
  auto pair = std::move(*SocketPair());
  WriteByte(pair.second.get());
  int events = 0;
  ASSERT_TRUE(loop->Watch(pair.first.get(), kReadable, [&](uint32_t) { ++events; }).ok());
  std::function<void()> again = [&] { loop->Post([&] { again(); }); };
  again();
  for (int i = 0; i < 3; ++i) loop->RunOnce(seconds(10));  // does not wait either
  EXPECT_EQ(events, 3);
}

TEST(EventLoopTest, TimersFireInOrderOfTimeThenOfStart) {
  throng::testing::FakeClock clock;
  Loop loop(clock);
  std::vector<int> order;
  const MonotonicTime start = clock.Now();
  loop->StartTimer(start + nanoseconds(3), [&] { order.push_back(3); });
  loop->StartTimer(start + nanoseconds(1), [&] { order.push_back(1); });
  loop->StartTimer(start + nanoseconds(3), [&] { order.push_back(4); });
  loop->StartTimer(start + nanoseconds(2), [&] { order.push_back(2); });
  loop->RunOnce(kNoWait);
  EXPECT_TRUE(order.empty());
  clock.Set(start + nanoseconds(2));
  loop->RunOnce(kNoWait);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  clock.Set(start + nanoseconds(3));
  loop->RunOnce(kNoWait);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

TEST(EventLoopTest, CancelledTimerNeverFiresEvenFromADueTimer) {
  throng::testing::FakeClock clock;
  Loop loop(clock);
  int fired = 0;
  const Executor::TimerId victim = [&] {
    EXPECT_NE(loop->StartTimer(clock.Now(), [&] { ++fired; }), 0u);
    return loop->StartTimer(clock.Now() + nanoseconds(1), [&] { fired += 100; });
  }();
  loop->StartTimer(clock.Now(), [&] { loop->CancelTimer(victim); });
  clock.Set(clock.Now() + nanoseconds(1));
  loop->RunOnce(kNoWait);
  EXPECT_EQ(fired, 1);
  // A stale id must not hit the timer that took its place.
  loop->StartTimer(clock.Now(), [&] { ++fired; });
  loop->CancelTimer(victim);
  loop->CancelTimer(0);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(fired, 2);
}

TEST(EventLoopTest, ManyTimersKeepTheirOrderUnderCancellation) {
  throng::testing::FakeClock clock;
  Loop loop(clock);
  const MonotonicTime start = clock.Now();
  uint64_t random = 1;
  std::vector<int64_t> fired;
  std::vector<Executor::TimerId> timers;
  for (int i = 0; i < 2000; ++i) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto delay = static_cast<int64_t>(random >> 54);
    timers.push_back(
        loop->StartTimer(start + nanoseconds(delay), [&fired, delay] { fired.push_back(delay); }));
  }
  for (size_t i = 0; i < timers.size(); i += 3) loop->CancelTimer(timers[i]);
  clock.Set(start + seconds(1));
  loop->RunOnce(kNoWait);
  EXPECT_EQ(fired.size(), 2000u - 667u);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST(EventLoopTest, RealTimerIsNeitherEarlyNorRoundedToMilliseconds) {
  Loop loop;
  bool fired = false;
  const MonotonicTime start = RealClock().Now();
  loop->StartTimer(start + std::chrono::microseconds(200), [&] { fired = true; });
  while (!fired) loop->RunOnce(seconds(10));
  EXPECT_GE(RealClock().Now() - start, std::chrono::microseconds(200));
}

TEST(EventLoopTest, ReportsReadableWritableAndHangUp) {
  Loop loop;
  auto pair = std::move(*SocketPair());
  uint32_t seen = 0;
  const int fd = pair.first.get();
  ASSERT_TRUE(loop->Watch(fd, kReadable | kWritable, [&](uint32_t events) { seen = events; }).ok());
  loop->RunOnce(kNoWait);
  EXPECT_EQ(seen, kWritable);
  WriteByte(pair.second.get());
  loop->SetInterest(fd, kReadable);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(seen, kReadable);
  seen = 0;
  loop->SetInterest(fd, 0);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(seen, 0u);
  pair.second.Reset(-1);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(seen, kHangUp);
}

TEST(EventLoopTest, HandlerMayUnwatchItselfAndOthers) {
  Loop loop;
  auto a = std::move(*SocketPair());
  auto b = std::move(*SocketPair());
  int handled = 0;
  const auto handler = [&, big = std::vector<int>(100, 7)](uint32_t) {
    loop->Unwatch(a.first.get());
    loop->Unwatch(b.first.get());
    handled += big[99];  // its own state is still alive
  };
  ASSERT_TRUE(loop->Watch(a.first.get(), kReadable, handler).ok());
  ASSERT_TRUE(loop->Watch(b.first.get(), kReadable, handler).ok());
  WriteByte(a.second.get());
  WriteByte(b.second.get());
  loop->RunOnce(kNoWait);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(handled, 7);
}

TEST(EventLoopTest, DescriptorReusedInTheSameRoundGetsNoStaleEvent) {
  Loop loop;
  auto a = std::move(*SocketPair());
  auto b = std::move(*SocketPair());
  bool stale = false;
  const auto replace = [&](UniqueFd& fd) {
    loop->Unwatch(fd.get());
    const int number = fd.get();
    fd.Reset(-1);
    fd.Reset(::dup(0));
    ASSERT_EQ(fd.get(), number);
    auto fresh = std::move(*SocketPair());
    ASSERT_EQ(::dup2(fresh.first.get(), number), number);
    ASSERT_TRUE(loop->Watch(number, kReadable, [&](uint32_t) { stale = true; }).ok());
  };
  // Whichever comes first replaces the other, whose event is already in the round.
  ASSERT_TRUE(loop->Watch(a.first.get(), kReadable,
                          [&](uint32_t) {
                            loop->Unwatch(a.first.get());
                            replace(b.first);
                          })
                  .ok());
  ASSERT_TRUE(loop->Watch(b.first.get(), kReadable,
                          [&](uint32_t) {
                            loop->Unwatch(b.first.get());
                            replace(a.first);
                          })
                  .ok());
  WriteByte(a.second.get());
  WriteByte(b.second.get());
  loop->RunOnce(kNoWait);
  EXPECT_FALSE(stale);
}

TEST(EventLoopTest, WatchReplacesHandlerAndRefusesBadDescriptors) {
  Loop loop;
  auto pair = std::move(*SocketPair());
  int first = 0;
  int second = 0;
  ASSERT_TRUE(loop->Watch(pair.first.get(), kReadable, [&](uint32_t) { ++first; }).ok());
  ASSERT_TRUE(loop->Watch(pair.first.get(), kReadable, [&](uint32_t) { ++second; }).ok());
  WriteByte(pair.second.get());
  loop->RunOnce(kNoWait);
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(loop->Watch(-1, kReadable, [](uint32_t) {}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(loop->Watch(9999, kReadable, [](uint32_t) {}).code(), StatusCode::kInvalidArgument);
}

TEST(EventLoopTest, ExclusiveWatchCanRestAndGoOn) {
  Loop loop;
  UniqueFd listener = std::move(*ListenTcp("127.0.0.1", 0));
  int events = 0;
  ASSERT_TRUE(loop->Watch(
                      listener.get(), kReadable, [&](uint32_t) { ++events; }, true)
                  .ok());
  auto client = ConnectTcp("127.0.0.1", *LocalPort(listener.get()));
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(WaitReadable(listener.get(), 5000));
  loop->SetInterest(listener.get(), 0);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(events, 0);
  loop->SetInterest(listener.get(), kReadable);
  loop->RunOnce(kNoWait);
  EXPECT_EQ(events, 1);
  loop->Unwatch(listener.get());
  loop->RunOnce(kNoWait);
  EXPECT_EQ(events, 1);
}

TEST(EventLoopTest, PostFromOtherThreadsWakesASleepingLoop) {
  constexpr int kThreads = 4;
  constexpr int kTasks = 5000;
  Loop loop;
  std::vector<int> last(kThreads, -1);
  int done = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      EXPECT_FALSE(loop->IsCurrent());
      for (int i = 0; i < kTasks; ++i) {
        loop->Post([&, t, i] {
          ordered = ordered && last[static_cast<size_t>(t)] == i - 1;
          last[static_cast<size_t>(t)] = i;
          if (++done == kThreads * kTasks) loop->Stop();
        });
      }
    });
  }
  loop->Run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, kThreads * kTasks);
  EXPECT_TRUE(ordered);
}

TEST(EventLoopTest, EachPostToASleepingLoopIsSeen) {
  Loop loop;
  std::atomic<int> seen = 0;
  std::thread runner([&] { loop->Run(); });
  for (int i = 1; i <= 1000; ++i) {
    loop->Post([&] {
      EXPECT_TRUE(loop->IsCurrent());
      seen.fetch_add(1);
      seen.notify_one();
    });
    seen.wait(i - 1);
  }
  loop->Stop();
  runner.join();
  EXPECT_EQ(seen.load(), 1000);
}

TEST(EventLoopTest, StopBeforeRunMakesItReturnAtOnce) {
  Loop loop;
  loop->Stop();
  loop->Run();
}

TEST(EventLoopTest, PostOnItsOwnThreadMakesNoSystemCall) {
  Loop loop;
  int rounds = 0;
  loop->Post([&] {
    loop->Post([&] { ++rounds; });
    loop->AtEndOfRound([&] { ++rounds; });
  });
  loop->RunOnce(kNoWait);
  EXPECT_EQ(rounds, 2);
  // No wake-up is pending: a wait runs its full time.
  const MonotonicTime start = RealClock().Now();
  loop->RunOnce(milliseconds(5));
  EXPECT_GE(RealClock().Now() - start, milliseconds(5));
}

TEST(EventLoopTest, TasksDroppedWithTheLoopMayUseIt) {
  struct UsesLoopWhenDropped {
    UsesLoopWhenDropped(EventLoop& used_loop, int& counter) : loop(used_loop), count(counter) {}
    ~UsesLoopWhenDropped() {
      loop.Post([] {});
      loop.CancelTimer(1);
      loop.Unwatch(0);
      ++count;
    }
    EventLoop& loop;
    int& count;
  };
  int count = 0;
  {
    Loop loop;
    const auto make = [&] { return std::make_shared<UsesLoopWhenDropped>(*loop.loop, count); };
    loop->Post([token = make()] {});
    loop->AtEndOfRound([token = make()] {});
    loop->StartTimer(RealClock().Now() + seconds(100), [token = make()] {});
  }
  EXPECT_EQ(count, 3);
}

TEST(EventLoopTest, CreateFailsClearlyWithoutDescriptors) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto loop = EventLoop::Create(RealClock());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(loop.ok());
  EXPECT_EQ(loop.status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace throng::os
