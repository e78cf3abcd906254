#include "store/memory_store.h"

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "store/testing/record_store_bounds.h"
#include "store/testing/record_store_contract.h"

namespace throng::store::testing {
namespace {

class MemoryHarness {
 public:
  explicit MemoryHarness(const StoreLimits& limits) : store_(executor_, 1, limits) {}
  RecordStore& store() { return store_; }
  void RunUntil(const std::function<bool()>&) { executor_.RunPosted(); }

 private:
  throng::testing::SimulatedExecutor executor_;
  MemoryStore store_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RecordStoreContract, MemoryHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RecordStoreBounds, MemoryHarness);

TEST(MemoryStoreTest, RevisionsBeginWhereTheyAreTold) {
  throng::testing::SimulatedExecutor executor;
  MemoryStore store(executor, 1'700'000'000'000'000'000);
  EXPECT_EQ(store.revision(), 1'700'000'000'000'000'000U);
  uint64_t revision = 0;
  store.Create({"pods", "", "a"}, "",
               [&](Result<Record> created) { revision = created->revision; });
  executor.RunPosted();
  EXPECT_EQ(revision, 1'700'000'000'000'000'001U);
  // Of an earlier life.
  EXPECT_EQ(store.Watch({"pods", ""}, 5, [](const Change&) {}).status().code(),
            StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace throng::store::testing
