#include "os/thread_pool.h"

#include <atomic>
#include <latch>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "os/event_loop.h"

namespace throng::os {
namespace {

TEST(ThreadPoolTest, RunsWorkOnItsThreadsAndCompletesOnTheExecutor) {
  auto loop = std::move(*EventLoop::Create(RealClock()));
  ThreadPool pool(2);
  std::string result;
  bool on_loop = false;
  const std::thread::id here = std::this_thread::get_id();
  pool.Run<std::string>(
      [here] { return std::this_thread::get_id() == here ? "same thread" : "done"; }, *loop,
      [&](std::string text) {
        result = std::move(text);
        on_loop = loop->IsCurrent();
        loop->Stop();
      });
  loop->Run();
  EXPECT_EQ(result, "done");
  EXPECT_TRUE(on_loop);
}

TEST(ThreadPoolTest, RunsWorkOfAllThreadsAtOnce) {
  ThreadPool pool(3);
  std::latch all(4);
  for (int i = 0; i < 3; ++i) pool.Post([&] { all.arrive_and_wait(); });
  all.arrive_and_wait();  // returns only when all three run together
}

TEST(ThreadPoolTest, DestructionRunsWhatWasPosted) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 100; ++i) pool.Post([&] { ran.fetch_add(1); });
  }
  EXPECT_EQ(ran.load(), 100);
}

}  // namespace
}  // namespace throng::os
