// What only shows when commits wait and fail; the rest is in store/testing/record_store_contract.h.
#include "store/record_table.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "store/testing/manual_store.h"
#include "store/testing/record_store_contract.h"

namespace throng::store::testing {
namespace {

class RecordTableTest : public ::testing::Test {
 protected:
  Outcome Create(const std::string& name, const std::string& value) {
    auto outcome = std::make_shared<std::optional<Result<Record>>>();
    store_->Create(Key(name), value, Into(outcome));
    return outcome;
  }
  Outcome Update(const std::string& name, uint64_t revision, const std::string& value) {
    auto outcome = std::make_shared<std::optional<Result<Record>>>();
    store_->Update(Key(name), revision, value, Into(outcome));
    return outcome;
  }
  Outcome Delete(const std::string& name, uint64_t revision) {
    auto outcome = std::make_shared<std::optional<Result<Record>>>();
    store_->Delete(Key(name), revision, Into(outcome));
    return outcome;
  }
  void Finish(Status status) {
    executor_.RunPosted();
    ASSERT_NE(store_->batch(), nullptr);
    store_->FinishCommit(std::move(status));
    executor_.RunPosted();
  }
  uint64_t MustCreate(const std::string& name, const std::string& value) {
    const Outcome created = Create(name, value);
    Finish(OkStatus());
    return (**created)->revision;
  }
  static StatusCode CodeOf(const Outcome& outcome) {
    return outcome->has_value() ? (*outcome)->status().code() : StatusCode::kUnknown;
  }

  throng::testing::SimulatedExecutor executor_;
  std::unique_ptr<ManualStore> store_ = std::make_unique<ManualStore>(executor_);
};

TEST_F(RecordTableTest, WhatWaitsTogetherIsCommittedTogether) {
  const Outcome a = Create("a", "a");
  const Outcome b = Create("b", "b");
  executor_.RunPosted();
  ASSERT_NE(store_->batch(), nullptr);
  EXPECT_EQ(store_->batch()->changes.size(), 2U);
  const Outcome c = Create("c", "c");
  const Outcome d = Create("d", "d");
  executor_.RunPosted();
  EXPECT_EQ(store_->batch()->changes.size(), 2U);
  EXPECT_FALSE(a->has_value());
  Finish(OkStatus());
  EXPECT_EQ(CodeOf(a), StatusCode::kOk);
  EXPECT_EQ(CodeOf(b), StatusCode::kOk);
  EXPECT_FALSE(c->has_value());
  EXPECT_EQ(store_->batch()->changes.size(), 2U);
  Finish(OkStatus());
  EXPECT_EQ(CodeOf(d), StatusCode::kOk);
  EXPECT_EQ(store_->batch(), nullptr);
}

TEST_F(RecordTableTest, AFailedCommitChangesNothing) {
  const uint64_t a = MustCreate("a", "a1");
  const uint64_t b = MustCreate("b", "b1");
  std::vector<std::string> seen;
  const auto watch = store_->Watch(
      {"pods", ""}, b, [&seen](const Change& change) { seen.push_back(Describe(change)); });
  const Outcome update = Update("a", a, "a2");
  const Outcome removal = Delete("b", b);
  const Outcome create = Create("c", "c1");
  Finish(UnavailableError("the disk is full"));
  for (const Outcome& failed : {update, removal, create}) {
    EXPECT_EQ(CodeOf(failed), StatusCode::kUnavailable);
    EXPECT_EQ((*failed)->status().message(), "the disk is full");
  }
  EXPECT_EQ(store_->revision(), b);
  EXPECT_EQ(*store_->Get(Key("a"))->value, "a1");
  EXPECT_TRUE(store_->Get(Key("b")).has_value());
  EXPECT_TRUE(seen.empty());

  // As if they had never been asked for, but for their revisions.
  const Outcome again = Update("a", a, "a3");
  const Outcome created = Create("c", "c2");
  Finish(OkStatus());
  ASSERT_EQ(CodeOf(again), StatusCode::kOk);
  EXPECT_EQ((**again)->revision, b + 4);
  EXPECT_EQ(CodeOf(created), StatusCode::kOk);
  EXPECT_EQ(seen, (std::vector<std::string>{"MODIFIED a a3 (before: a1)", "ADDED c c2"}));
  EXPECT_EQ(*store_->List({.selection = {"pods", ""}, .revision = b + 1})->records[0].value, "a1");
}

TEST_F(RecordTableTest, OnlyWhatStandsOnAFailedCommitFailsWithIt) {
  const uint64_t a = MustCreate("a", "a1");
  const Outcome removal = Delete("a", a);
  executor_.RunPosted();
  const Outcome stacked = Create("a", "anew");
  const Outcome other = Create("b", "b1");
  Finish(UnavailableError("no"));
  EXPECT_EQ(CodeOf(removal), StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(stacked), StatusCode::kUnavailable);
  EXPECT_FALSE(other->has_value());
  ASSERT_NE(store_->batch(), nullptr);
  EXPECT_EQ(store_->batch()->changes.size(), 1U);
  Finish(OkStatus());
  EXPECT_EQ(CodeOf(other), StatusCode::kOk);
  EXPECT_EQ(*store_->Get(Key("a"))->value, "a1");
}

TEST_F(RecordTableTest, TheSameValueWaitsForTheWriteThatItStandsOn) {
  const uint64_t a = MustCreate("a", "a1");
  const Outcome update = Update("a", a, "a2");
  executor_.RunPosted();
  const Outcome same = Update("a", a + 1, "a2");
  executor_.RunPosted();
  EXPECT_FALSE(same->has_value());
  Finish(OkStatus());
  EXPECT_EQ(CodeOf(update), StatusCode::kOk);
  ASSERT_EQ(CodeOf(same), StatusCode::kOk);
  EXPECT_EQ((**same)->revision, a + 1);
  EXPECT_EQ(store_->batch(), nullptr) << "nothing to commit";

  const Outcome failing = Update("a", a + 1, "a3");
  executor_.RunPosted();
  const Outcome failing_same = Update("a", a + 2, "a3");
  Finish(UnavailableError("no"));
  EXPECT_EQ(CodeOf(failing_same), StatusCode::kUnavailable);
  EXPECT_EQ(*store_->Get(Key("a"))->value, "a2");
}

TEST_F(RecordTableTest, RefusedRoomComesBackAfterAFailure) {
  store_ = std::make_unique<ManualStore>(executor_, StoreLimits{.pending_writes = 1, .records = 1});
  const Outcome failed = Create("a", "a");
  EXPECT_EQ(store_->revision(), 1U);
  Finish(UnavailableError("no"));
  EXPECT_EQ(CodeOf(failed), StatusCode::kUnavailable);
  const Outcome created = Create("b", "b");
  Finish(OkStatus());
  EXPECT_EQ(CodeOf(created), StatusCode::kOk);
}

TEST_F(RecordTableTest, WhatIsNotDurableIsForgottenWithTheStore) {
  const Outcome create = Create("a", "a");
  executor_.RunPosted();
  store_->FinishCommit(OkStatus());
  const Outcome waiting = Create("b", "b");
  store_.reset();
  executor_.RunPosted();
  EXPECT_FALSE(create->has_value());
  EXPECT_FALSE(waiting->has_value());
}

TEST_F(RecordTableTest, TheStoreMayGoInsideACallback) {
  const Outcome first = Create("a", "a");
  const Outcome second = Create("b", "b");
  auto watch = store_->Watch({"pods", ""}, 1, [this](const Change&) { store_.reset(); });
  Finish(OkStatus());
  EXPECT_EQ(store_, nullptr);
  EXPECT_FALSE(second->has_value());
  watch->reset();  // outlives its store

  store_ = std::make_unique<ManualStore>(executor_);
  MustCreate("a", "a");
  watch = store_->Watch({"pods", ""}, 1, [this](const Change&) { store_.reset(); });
  executor_.RunPosted();
  EXPECT_EQ(store_, nullptr);

  store_ = std::make_unique<ManualStore>(executor_);
  store_->Create(Key("a"), "a", [this](Result<Record>) { store_.reset(); });
  const Outcome never = Create("b", "b");
  Finish(OkStatus());
  EXPECT_EQ(store_, nullptr);
  EXPECT_FALSE(never->has_value());
}

}  // namespace
}  // namespace throng::store::testing
