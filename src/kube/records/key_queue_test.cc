#include "kube/records/key_queue.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"

namespace throng::kube::server {
namespace {

const store::RecordKey kA = {"pods", "default", "a"};
const store::RecordKey kB = {"pods", "default", "b"};

class KeyQueueTest : public ::testing::Test {
 protected:
  // A task that says its name and keeps its turn.
  KeyQueue::Task Hold(char name) {
    return [this, name](KeyQueue::Turn turn) {
      ran_ += name;
      turns_.push_back(std::move(turn));
    };
  }
  void EndFirst() {
    turns_.erase(turns_.begin());
    executor_.RunPosted();
  }

  throng::testing::SimulatedExecutor executor_;
  std::string ran_;
  std::vector<KeyQueue::Turn> turns_;
  KeyQueue queue_{executor_};
};

TEST_F(KeyQueueTest, OneKeyOneAtATime) {
  queue_.Run(kA, Hold('1'));
  queue_.Run(kA, Hold('2'));
  queue_.Run(kB, Hold('3'));
  queue_.Run(kA, Hold('4'));
  executor_.RunPosted();
  EXPECT_EQ(ran_, "13");
  EXPECT_EQ(queue_.size(), 4u);
  EndFirst();
  EXPECT_EQ(ran_, "132");
  EndFirst();
  EXPECT_EQ(ran_, "132");
  EndFirst();
  EXPECT_EQ(ran_, "1324");
  EndFirst();
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(KeyQueueTest, ATaskMayEndItsTurnAtOnce) {
  int runs = 0;
  for (int i = 0; i < 100'000; ++i) {
    queue_.Run(kA, [&](const KeyQueue::Turn&) { ++runs; });
  }
  executor_.RunPosted();
  EXPECT_EQ(runs, 100'000);
  EXPECT_EQ(queue_.size(), 0u);
}

TEST_F(KeyQueueTest, TurnsMayOutliveTheQueue) {
  {
    KeyQueue queue(executor_);
    queue.Run(kA, Hold('1'));
    queue.Run(kA, Hold('2'));
  }
  EndFirst();
  EXPECT_EQ(ran_, "1");
}

}  // namespace
}  // namespace throng::kube::server
