// The bounds of every RecordStore, as a typed test suite over the harness of
// store/testing/record_store_contract.h: one below, at and one above each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/testing/record_store_contract.h"

namespace throng::store::testing {

template <typename Harness>
class RecordStoreBounds : public RecordStoreContract<Harness> {};

TYPED_TEST_SUITE_P(RecordStoreBounds);

TYPED_TEST_P(RecordStoreBounds, OldChangesAreForgotten) {
  constexpr size_t kKept = 4;
  this->Start({.history = kKept});
  std::vector<uint64_t> revisions = {this->store().revision()};
  for (size_t i = 0; i < kKept; ++i) {
    revisions.push_back(this->MustCreate(Key("r" + std::to_string(i)), "x"));
  }
  this->RunUntil([] { return true; });
  EXPECT_EQ(this->WatchCode(revisions[0]), StatusCode::kOk);
  EXPECT_EQ(this->ListCode(revisions[0]), StatusCode::kOk);
  revisions.push_back(this->MustCreate(Key("more"), "x"));
  this->RunUntil([] { return true; });
  EXPECT_EQ(this->WatchCode(revisions[0]), StatusCode::kOutOfRange);
  EXPECT_EQ(this->ListCode(revisions[0]), StatusCode::kOutOfRange);
  EXPECT_EQ(this->WatchCode(revisions[1]), StatusCode::kOk);
  EXPECT_EQ(this->ListCode(revisions[1]), StatusCode::kOk);
}

TYPED_TEST_P(RecordStoreBounds, HistoryIsBoundedInBytes) {
  constexpr size_t kValueBytes = 10000;
  this->Start({.history_bytes = 4 * kValueBytes});
  const uint64_t start = this->store().revision();
  // Little is counted besides values, but something is: three fit, four do not.
  for (int i = 0; i < 3; ++i) {
    this->MustCreate(Key(std::to_string(i)), std::string(kValueBytes, 'x'));
  }
  this->RunUntil([] { return true; });
  EXPECT_EQ(this->WatchCode(start), StatusCode::kOk);
  this->MustCreate(Key("3"), std::string(kValueBytes, 'x'));
  this->RunUntil([] { return true; });
  EXPECT_EQ(this->WatchCode(start), StatusCode::kOutOfRange);
  EXPECT_EQ(this->WatchCode(start + 1), StatusCode::kOk);
}

TYPED_TEST_P(RecordStoreBounds, HistoryStaysForAWatchThatNeedsIt) {
  constexpr size_t kChanges = 1000;  // several steps of a late watch
  this->Start({.history = kChanges});
  const uint64_t start = this->store().revision();
  std::vector<Outcome> writes;
  for (size_t i = 0; i < kChanges; ++i) {
    writes.push_back(this->StartCreate(Key(std::to_string(i)), "x"));
  }
  ASSERT_TRUE(this->Await(writes.back()).ok());
  this->RunUntil([] { return true; });
  std::vector<std::string> seen;
  const auto watch = this->MustWatch({"pods", ""}, start, seen);
  for (size_t i = 0; i < kChanges; ++i) {
    writes.push_back(this->StartCreate(Key("more" + std::to_string(i)), "x"));
  }
  this->RunUntil([&] { return seen.size() == 2 * kChanges; });
  ASSERT_EQ(seen.size(), 2 * kChanges);
  EXPECT_EQ(seen.front(), "ADDED 0 x");
  EXPECT_EQ(seen[kChanges], "ADDED more0 x");
  EXPECT_EQ(seen.back(), "ADDED more" + std::to_string(kChanges - 1) + " x");
  this->MustCreate(Key("last"), "x");
  this->RunUntil([] { return true; });
  EXPECT_EQ(this->WatchCode(start), StatusCode::kOutOfRange);
}

TYPED_TEST_P(RecordStoreBounds, WaitingWritesAreBounded) {
  this->Start({.pending_writes = 2});
  const Outcome first = this->StartCreate(Key("a"), "a");
  const Outcome second = this->StartCreate(Key("b"), "b");
  const Outcome third = this->StartCreate(Key("c"), "c");
  const Result<Record> refused = this->Await(third);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.status().retry_after_seconds(), 1);
  EXPECT_TRUE(this->Await(first).ok());
  EXPECT_TRUE(this->Await(second).ok());
  EXPECT_TRUE(this->Create(Key("c"), "c").ok());
}

TYPED_TEST_P(RecordStoreBounds, WaitingBytesAreBounded) {
  this->Start({.pending_bytes = 10});
  const Outcome first = this->StartCreate(Key("a"), std::string(9, 'x'));
  const Outcome too_much = this->StartCreate(Key("b"), std::string(2, 'x'));
  const Outcome fits = this->StartCreate(Key("c"), std::string(1, 'x'));
  EXPECT_EQ(this->Await(too_much).status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(this->Await(first).ok());
  EXPECT_TRUE(this->Await(fits).ok());
  EXPECT_TRUE(this->Create(Key("b"), std::string(10, 'x')).ok());
}

TYPED_TEST_P(RecordStoreBounds, WatchesAreBounded) {
  this->Start({.watches = 2});
  const uint64_t now = this->store().revision();
  std::vector<std::string> seen;
  auto first = this->MustWatch({"pods", ""}, now, seen);
  const auto second = this->MustWatch({"nodes", ""}, now, seen);
  EXPECT_EQ(this->WatchCode(now), StatusCode::kResourceExhausted);
  first.reset();
  EXPECT_EQ(this->WatchCode(now), StatusCode::kOk);
}

TYPED_TEST_P(RecordStoreBounds, RecordsAreBoundedInSize) {
  this->Start({.value_bytes = 8, .key_bytes = 12});
  const RecordKey fits = {"pods", "ns", "abcdef"};
  const RecordKey too_long = {"pods", "ns", "abcdefg"};
  const uint64_t revision = this->MustCreate(fits, std::string(8, 'x'));
  EXPECT_EQ(this->Create(too_long, "").status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(this->Create({"pods", "", "a"}, std::string(9, 'x')).status().code(),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(this->Update(fits, revision, std::string(9, 'x')).status().code(),
            StatusCode::kResourceExhausted);
  this->MustUpdate(fits, revision, std::string(7, 'x'));
}

TYPED_TEST_P(RecordStoreBounds, RecordsAreBoundedInNumber) {
  this->Start({.records = 2});
  const uint64_t first = this->MustCreate(Key("a"), "");
  const Outcome second = this->StartCreate(Key("b"), "");
  const Outcome third = this->StartCreate(Key("c"), "");
  EXPECT_TRUE(this->Await(second).ok());
  EXPECT_EQ(this->Await(third).status().code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(this->Delete(Key("a"), first).ok());
  EXPECT_TRUE(this->Create(Key("c"), "").ok());
  EXPECT_EQ(this->Create(Key("d"), "").status().code(), StatusCode::kResourceExhausted);
}

REGISTER_TYPED_TEST_SUITE_P(RecordStoreBounds, OldChangesAreForgotten, HistoryIsBoundedInBytes,
                            HistoryStaysForAWatchThatNeedsIt, WaitingWritesAreBounded,
                            WaitingBytesAreBounded, WatchesAreBounded, RecordsAreBoundedInSize,
                            RecordsAreBoundedInNumber);

}  // namespace throng::store::testing
