#include "controller/work_queue.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"

namespace throng::controller {
namespace {

using namespace std::chrono_literals;

class WorkQueueTest : public ::testing::Test {
 protected:
  WorkQueue Make(WorkQueue::Work work, WorkQueueOptions options = {}) {
    return WorkQueue(executor_, options, std::move(work),
                     [this](const ObjectKey&, const Status&) { ++failures_; });
  }
  throng::testing::SimulatedExecutor executor_;
  int failures_ = 0;
};

TEST_F(WorkQueueTest, AKeyThatIsAddedTwiceIsWorkedOnOnce) {
  int count = 0;
  WorkQueue queue = Make([&](const ObjectKey&, WorkQueue::Finished finished) {
    ++count;
    finished(Requeue{});
  });
  queue.Add({"a", "b"});
  queue.Add({"a", "b"});
  executor_.RunPosted();
  EXPECT_EQ(count, 1);
  EXPECT_EQ(queue.size(), 0u);
}

TEST_F(WorkQueueTest, AddedWhileItIsWorkedOnItComesOnceMore) {
  std::vector<WorkQueue::Finished> open;
  WorkQueue queue = Make(
      [&](const ObjectKey&, WorkQueue::Finished finished) { open.push_back(std::move(finished)); });
  queue.Add({"a", "b"});
  executor_.RunPosted();
  queue.Add({"a", "b"});
  queue.Add({"a", "b"});
  executor_.RunPosted();
  ASSERT_EQ(open.size(), 1u) << "one at a time";
  open[0](Requeue{});
  executor_.RunPosted();
  ASSERT_EQ(open.size(), 2u);
  open[1](Requeue{});
  executor_.RunPosted();
  EXPECT_EQ(open.size(), 2u);
}

TEST_F(WorkQueueTest, FailuresComeAgainWithDoublingDelays) {
  std::vector<MonotonicTime> times;
  bool fail = true;
  WorkQueue queue = Make(
      [&](const ObjectKey&, WorkQueue::Finished finished) {
        times.push_back(executor_.clock().Now());
        if (fail) return finished(UnavailableError("no"));
        finished(Requeue{});
      },
      {.first_delay = 1s, .longest_delay = 3s});
  queue.Add({"a", "b"});
  executor_.Advance(8s);
  // At 0, 1, 3, 6 (3 is the longest), 9...
  ASSERT_EQ(times.size(), 4u);
  EXPECT_EQ(times[1] - times[0], Duration(1s));
  EXPECT_EQ(times[2] - times[1], Duration(2s));
  EXPECT_EQ(times[3] - times[2], Duration(3s));
  EXPECT_EQ(failures_, 4);
  fail = false;
  executor_.Advance(2s);
  EXPECT_EQ(times.size(), 5u);
  executor_.Advance(60s);
  EXPECT_EQ(times.size(), 5u) << "success ends it";
}

TEST_F(WorkQueueTest, TheEarlierOfTwoDelaysCounts) {
  std::vector<MonotonicTime> times;
  WorkQueue queue = Make([&](const ObjectKey&, WorkQueue::Finished finished) {
    times.push_back(executor_.clock().Now());
    finished(Requeue{});
  });
  const MonotonicTime start = executor_.clock().Now();
  queue.AddAfter({"a", "b"}, 10s);
  queue.AddAfter({"a", "b"}, 2s);
  queue.AddAfter({"a", "b"}, 5s);
  executor_.Advance(20s);
  ASSERT_EQ(times.size(), 1u);
  EXPECT_EQ(times[0] - start, Duration(2s));
}

TEST_F(WorkQueueTest, WorksOnABoundedNumberBesideEachOther) {
  std::vector<WorkQueue::Finished> open;
  WorkQueue queue = Make(
      [&](const ObjectKey&, WorkQueue::Finished finished) { open.push_back(std::move(finished)); },
      {.max_working = 2});
  for (const char* name : {"a", "b", "c"}) queue.Add({"", name});
  executor_.RunPosted();
  ASSERT_EQ(open.size(), 2u);
  open[0](Requeue{});
  executor_.RunPosted();
  EXPECT_EQ(open.size(), 3u);
}

TEST_F(WorkQueueTest, WhatEndsAfterTheQueueIsHarmless) {
  WorkQueue::Finished kept;
  {
    WorkQueue queue =
        Make([&](const ObjectKey&, WorkQueue::Finished finished) { kept = std::move(finished); });
    queue.Add({"a", "b"});
    queue.AddAfter({"a", "c"}, 5s);
    executor_.RunPosted();
  }
  kept(UnavailableError("late"));
  executor_.Advance(60s);
}

}  // namespace
}  // namespace throng::controller
