// What every RecordStore keeps, as a typed test suite. The type is a harness:
//
//   struct Harness {
//     explicit Harness(const StoreLimits& limits);   // an empty store
//     RecordStore& store();
//     void RunUntil(const std::function<bool()>& condition);   // runs the executor; bounded
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RecordStoreContract, MemoryHarness);
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "store/record_store.h"
#include "store/store_limits.h"

namespace throng::store::testing {

inline RecordKey Key(const std::string& name, const std::string& name_space = "default",
                     const std::string& resource = "pods") {
  return {resource, name_space, name};
}

// What a completion gave, once it did.
using Outcome = std::shared_ptr<std::optional<Result<Record>>>;

inline RecordStore::WriteDone Into(const Outcome& outcome) {
  return [outcome](Result<Record>&& result) {
    EXPECT_FALSE(outcome->has_value()) << "completed twice";
    outcome->emplace(std::move(result));
  };
}

// "ADDED a 7 text (before: old)" for each change.
inline std::string Describe(const Change& change) {
  static constexpr const char* kKinds[] = {"ADDED", "MODIFIED", "DELETED"};
  std::string text = std::string(kKinds[static_cast<int>(change.kind)]) + " " +
                     change.record.key.name + " " + *change.record.value;
  if (change.previous != nullptr) text += " (before: " + *change.previous + ")";
  return text;
}

inline std::vector<std::string> NamesOf(const RecordPage& page) {
  std::vector<std::string> names;
  for (const Record& record : page.records) names.push_back(record.key.name);
  return names;
}

template <typename Harness>
class RecordStoreContract : public ::testing::Test {
 protected:
  using Names = std::vector<std::string>;

  void Start(const StoreLimits& limits) { harness_ = std::make_unique<Harness>(limits); }
  RecordStore& store() {
    if (harness_ == nullptr) Start({});
    return harness_->store();
  }
  void RunUntil(const std::function<bool()>& condition) { harness_->RunUntil(condition); }
  Result<Record> Await(const Outcome& outcome) {
    RunUntil([&outcome] { return outcome->has_value(); });
    if (!outcome->has_value()) return InternalError("no completion");
    return **outcome;
  }

  Outcome StartCreate(const RecordKey& key, const std::string& value) {
    auto outcome = std::make_shared<std::optional<Result<Record>>>();
    store().Create(key, value, Into(outcome));
    EXPECT_FALSE(outcome->has_value()) << "completed before the call returned";
    return outcome;
  }
  Outcome StartUpdate(const RecordKey& key, uint64_t revision, const std::string& value) {
    auto outcome = std::make_shared<std::optional<Result<Record>>>();
    store().Update(key, revision, value, Into(outcome));
    EXPECT_FALSE(outcome->has_value()) << "completed before the call returned";
    return outcome;
  }
  Outcome StartDelete(const RecordKey& key, uint64_t revision) {
    auto outcome = std::make_shared<std::optional<Result<Record>>>();
    store().Delete(key, revision, Into(outcome));
    EXPECT_FALSE(outcome->has_value()) << "completed before the call returned";
    return outcome;
  }
  Result<Record> Create(const RecordKey& key, const std::string& value) {
    return Await(StartCreate(key, value));
  }
  Result<Record> Update(const RecordKey& key, uint64_t revision, const std::string& value) {
    return Await(StartUpdate(key, revision, value));
  }
  Result<Record> Delete(const RecordKey& key, uint64_t revision) {
    return Await(StartDelete(key, revision));
  }
  // The revision of the new record.
  uint64_t MustCreate(const RecordKey& key, const std::string& value) {
    const Result<Record> created = Create(key, value);
    EXPECT_TRUE(created.ok()) << created.status().ToString();
    return created.ok() ? created->revision : 0;
  }
  uint64_t MustUpdate(const RecordKey& key, uint64_t revision, const std::string& value) {
    const Result<Record> updated = Update(key, revision, value);
    EXPECT_TRUE(updated.ok()) << updated.status().ToString();
    return updated.ok() ? updated->revision : 0;
  }

  // Collects changes as text.
  std::unique_ptr<RecordWatch> MustWatch(Selection selection, uint64_t since, Names& seen) {
    auto watch = store().Watch(std::move(selection), since,
                               [&seen](const Change& change) { seen.push_back(Describe(change)); });
    EXPECT_TRUE(watch.ok()) << watch.status().ToString();
    return watch.ok() ? std::move(watch).value() : nullptr;
  }
  Names ListNames(const ListQuery& query) {
    const Result<RecordPage> page = store().List(query);
    EXPECT_TRUE(page.ok()) << page.status().ToString();
    return page.ok() ? NamesOf(*page) : Names{page.status().ToString()};
  }
  StatusCode ListCode(uint64_t revision) {
    return store().List({.selection = {"pods", ""}, .revision = revision}).status().code();
  }
  StatusCode WatchCode(uint64_t revision) {
    return store().Watch({"pods", ""}, revision, [](const Change&) {}).status().code();
  }

 private:
  std::unique_ptr<Harness> harness_;
};

TYPED_TEST_SUITE_P(RecordStoreContract);

TYPED_TEST_P(RecordStoreContract, ARecordIsThereFromCreationToDeletion) {
  const uint64_t before = this->store().revision();
  const Result<Record> created = this->Create(Key("a"), "one");
  ASSERT_TRUE(created.ok());
  EXPECT_GT(created->revision, before);
  EXPECT_EQ(created->key, Key("a"));
  EXPECT_EQ(*created->value, "one");
  EXPECT_EQ(this->store().revision(), created->revision);

  const Result<Record> updated = this->Update(Key("a"), created->revision, "two");
  ASSERT_TRUE(updated.ok());
  EXPECT_GT(updated->revision, created->revision);
  const std::optional<Record> found = this->store().Get(Key("a"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found->value, "two");
  EXPECT_EQ(found->revision, updated->revision);

  const Result<Record> deleted = this->Delete(Key("a"), updated->revision);
  ASSERT_TRUE(deleted.ok());
  EXPECT_GT(deleted->revision, updated->revision);
  EXPECT_EQ(*deleted->value, "two");
  EXPECT_FALSE(this->store().Get(Key("a")).has_value());
  EXPECT_EQ(this->store().revision(), deleted->revision);
}

TYPED_TEST_P(RecordStoreContract, ValuesAreBytes) {
  const std::string bytes("\0\xff\n'\"", 5);
  this->MustCreate(Key("bytes"), bytes);
  this->MustCreate(Key("empty"), "");
  EXPECT_EQ(*this->store().Get(Key("bytes"))->value, bytes);
  EXPECT_EQ(*this->store().Get(Key("empty"))->value, "");
}

TYPED_TEST_P(RecordStoreContract, ConflictsAreTold) {
  const uint64_t first = this->MustCreate(Key("a"), "one");
  EXPECT_EQ(this->Create(Key("a"), "two").status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(this->Update(Key("b"), 1, "x").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(this->Delete(Key("b"), 1).status().code(), StatusCode::kNotFound);
  const uint64_t second = this->MustUpdate(Key("a"), first, "two");
  EXPECT_EQ(this->Update(Key("a"), first, "x").status().code(), StatusCode::kAborted);
  EXPECT_EQ(this->Delete(Key("a"), first).status().code(), StatusCode::kAborted);
  EXPECT_EQ(this->Update(Key("a"), second + 1, "x").status().code(), StatusCode::kAborted);
  // The same value is a conflict too when the writer has not seen the last one.
  EXPECT_EQ(this->Update(Key("a"), first, "two").status().code(), StatusCode::kAborted);
  EXPECT_EQ(*this->store().Get(Key("a"))->value, "two");
  EXPECT_EQ(this->store().revision(), second);
}

TYPED_TEST_P(RecordStoreContract, WritesThatWaitCountForConflicts) {
  const uint64_t first = this->MustCreate(Key("a"), "one");
  const Outcome update = this->StartUpdate(Key("a"), first, "two");
  const Outcome late = this->StartUpdate(Key("a"), first, "three");
  const Outcome create = this->StartCreate(Key("b"), "b");
  const Outcome again = this->StartCreate(Key("b"), "b");
  EXPECT_EQ(*this->store().Get(Key("a"))->value, "one") << "seen before it was durable";
  EXPECT_FALSE(this->store().Get(Key("b")).has_value());
  EXPECT_EQ(this->store().revision(), first);
  EXPECT_EQ(this->Await(late).status().code(), StatusCode::kAborted);
  EXPECT_EQ(this->Await(again).status().code(), StatusCode::kAlreadyExists);
  const Result<Record> updated = this->Await(update);
  const Result<Record> created = this->Await(create);
  ASSERT_TRUE(updated.ok() && created.ok());
  EXPECT_LT(updated->revision, created->revision);
  EXPECT_EQ(*this->store().Get(Key("a"))->value, "two");
}

TYPED_TEST_P(RecordStoreContract, WritesStackOnOnesThatWait) {
  const uint64_t first = this->MustCreate(Key("a"), "one");
  const Outcome removal = this->StartDelete(Key("a"), first);
  const Outcome gone = this->StartUpdate(Key("a"), first, "x");
  const Outcome anew = this->StartCreate(Key("a"), "anew");
  EXPECT_EQ(this->Await(gone).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(this->Await(removal).ok());
  const Result<Record> created = this->Await(anew);
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(*this->store().Get(Key("a"))->value, "anew");
  EXPECT_TRUE(this->Delete(Key("a"), created->revision).ok());
}

TYPED_TEST_P(RecordStoreContract, TheSameValueAgainChangesNothing) {
  const uint64_t first = this->MustCreate(Key("a"), "one");
  std::vector<std::string> seen;
  const auto watch = this->MustWatch({"pods", ""}, first, seen);
  const Result<Record> same = this->Update(Key("a"), first, "one");
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same->revision, first);
  EXPECT_EQ(*same->value, "one");
  EXPECT_EQ(this->store().revision(), first);
  this->MustUpdate(Key("a"), first, "two");
  this->RunUntil([&] { return !seen.empty(); });
  EXPECT_EQ(seen, (std::vector<std::string>{"MODIFIED a two (before: one)"}));
}

TYPED_TEST_P(RecordStoreContract, NamespacesAndResourcesAreApart) {
  this->MustCreate(Key("a", "x"), "1");
  this->MustCreate(Key("a", "y"), "2");
  this->MustCreate(Key("b", "x"), "3");
  this->MustCreate(Key("a", "x", "podsets"), "4");
  this->MustCreate(Key("cluster", "", "nodes"), "5");
  const uint64_t since = this->store().revision();
  using Names = std::vector<std::string>;
  EXPECT_EQ(this->ListNames({.selection = {"pods", ""}}), (Names{"a", "b", "a"}));
  EXPECT_EQ(this->ListNames({.selection = {"pods", "x"}}), (Names{"a", "b"}));
  EXPECT_EQ(this->ListNames({.selection = {"pods", "none"}}), Names{});
  EXPECT_EQ(this->ListNames({.selection = {"nodes", ""}}), Names{"cluster"});
  EXPECT_EQ(this->ListNames({.selection = {"pod", ""}}), Names{});

  Names all;
  Names only_x;
  const auto first = this->MustWatch({"pods", ""}, since, all);
  const auto second = this->MustWatch({"pods", "x"}, since, only_x);
  this->MustCreate(Key("c", "y"), "c");
  this->MustCreate(Key("other", "x", "podsets"), "-");
  this->MustCreate(Key("d", "x"), "d");
  this->RunUntil([&] { return all.size() == 2; });
  EXPECT_EQ(all, (Names{"ADDED c c", "ADDED d d"}));
  EXPECT_EQ(only_x, Names{"ADDED d d"});
}

TYPED_TEST_P(RecordStoreContract, PagesContinueBehindAKey) {
  for (const char* name : {"e", "a", "c", "b", "d"}) this->MustCreate(Key(name), name);
  ListQuery query = {.selection = {"pods", "default"}, .limit = 2};
  std::vector<std::string> names;
  std::vector<uint64_t> remaining;
  while (true) {
    const Result<RecordPage> page = this->store().List(query);
    ASSERT_TRUE(page.ok());
    EXPECT_EQ(page->revision, this->store().revision());
    for (const Record& record : page->records) names.push_back(record.key.name);
    remaining.push_back(page->remaining_count);
    if (page->remaining_count == 0) break;
    query.after = page->records.back().key;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(remaining, (std::vector<uint64_t>{3, 1, 0}));
  // Keys that are not there, outside of the selection too.
  query = {.selection = {"pods", "default"}, .after = Key("bb")};
  EXPECT_EQ(this->ListNames(query), (std::vector<std::string>{"c", "d", "e"}));
  query.after = Key("z", "zzz");
  EXPECT_EQ(this->ListNames(query), std::vector<std::string>{});
  query.after = Key("z", "aaa");
  EXPECT_EQ(this->ListNames(query).size(), 5U);
}

TYPED_TEST_P(RecordStoreContract, ListsAtARevisionAreAsTheyWere) {
  const uint64_t a1 = this->MustCreate(Key("a"), "a1");
  const uint64_t b1 = this->MustCreate(Key("b"), "b1");
  const uint64_t c1 = this->MustCreate(Key("c"), "c1");
  const uint64_t b2 = this->MustUpdate(Key("b"), b1, "b2");
  ASSERT_TRUE(this->Delete(Key("a"), a1).ok());
  this->MustCreate(Key("bb"), "bb1");
  const uint64_t b3 = this->MustUpdate(Key("b"), b2, "b3");
  this->MustCreate(Key("a"), "a2");

  const Result<RecordPage> then =
      this->store().List({.selection = {"pods", ""}, .limit = 2, .revision = c1});
  ASSERT_TRUE(then.ok());
  EXPECT_EQ(then->revision, c1);
  EXPECT_EQ(NamesOf(*then), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(*then->records[0].value, "a1");
  EXPECT_EQ(then->records[0].revision, a1);
  EXPECT_EQ(*then->records[1].value, "b1");
  EXPECT_EQ(then->records[1].revision, b1);
  EXPECT_EQ(then->remaining_count, 1U);
  EXPECT_EQ(this->ListNames({.selection = {"pods", ""}, .after = Key("b"), .revision = c1}),
            (std::vector<std::string>{"c"}));
  EXPECT_EQ(this->ListNames({.selection = {"pods", ""}, .revision = b3}),
            (std::vector<std::string>{"b", "bb", "c"}));
  EXPECT_EQ(this->ListNames({.selection = {"pods", ""}, .revision = this->store().revision()}),
            (std::vector<std::string>{"a", "b", "bb", "c"}));
  EXPECT_EQ(this->ListCode(this->store().revision() + 1), StatusCode::kOutOfRange);
}

TYPED_TEST_P(RecordStoreContract, WatchesTellEachChangeOnceInOrder) {
  const uint64_t start = this->store().revision();
  const uint64_t a1 = this->MustCreate(Key("a"), "1");
  const uint64_t a2 = this->MustUpdate(Key("a"), a1, "2");
  std::vector<std::string> from_start;
  std::vector<std::string> from_middle;
  std::vector<std::string> from_now;
  const auto first = this->MustWatch({"pods", ""}, start, from_start);
  const auto second = this->MustWatch({"pods", ""}, a1, from_middle);
  const auto third = this->MustWatch({"pods", ""}, a2, from_now);
  EXPECT_TRUE(from_start.empty()) << "called before Watch returned";
  const Outcome create = this->StartCreate(Key("b"), "b");
  ASSERT_TRUE(this->Delete(Key("a"), a2).ok());
  this->RunUntil([&] { return from_start.size() == 4; });
  const std::vector<std::string> all = {"ADDED a 1", "MODIFIED a 2 (before: 1)", "ADDED b b",
                                        "DELETED a 2 (before: 2)"};
  EXPECT_EQ(from_start, all);
  EXPECT_EQ(from_middle, std::vector<std::string>(all.begin() + 1, all.end()));
  EXPECT_EQ(from_now, std::vector<std::string>(all.begin() + 2, all.end()));
  EXPECT_EQ(this->WatchCode(this->store().revision()), StatusCode::kOk);
  EXPECT_EQ(this->WatchCode(this->store().revision() + 1), StatusCode::kOutOfRange);
  EXPECT_EQ(this->WatchCode(start - 1), StatusCode::kOutOfRange);
}

TYPED_TEST_P(RecordStoreContract, AWatchSeesTheStoreAsOfItsChange) {
  const uint64_t start = this->store().revision();
  std::vector<uint64_t> revisions;
  const auto watch = this->store().Watch({"pods", ""}, start, [&](const Change& change) {
    EXPECT_EQ(this->store().revision(), change.record.revision);
    EXPECT_EQ(this->store().Get(change.record.key)->revision, change.record.revision);
    revisions.push_back(change.record.revision);
  });
  const Outcome first = this->StartCreate(Key("a"), "a");
  const Outcome second = this->StartCreate(Key("b"), "b");
  this->RunUntil([&] { return revisions.size() == 2; });
  EXPECT_EQ(revisions,
            (std::vector<uint64_t>{this->Await(first)->revision, this->Await(second)->revision}));
}

TYPED_TEST_P(RecordStoreContract, AWatchMayEndInsideItsHandler) {
  const uint64_t start = this->store().revision();
  this->MustCreate(Key("before"), "");
  std::unique_ptr<RecordWatch> from_past;
  std::unique_ptr<RecordWatch> from_now;
  std::unique_ptr<RecordWatch> other;
  int calls = 0;
  const auto end_all = [&](const Change&) {
    ++calls;
    from_past.reset();
    from_now.reset();
    other.reset();
  };
  from_past = std::move(this->store().Watch({"pods", ""}, start, end_all)).value();
  this->RunUntil([&] { return calls == 1; });
  const uint64_t now = this->store().revision();
  from_now = std::move(this->store().Watch({"pods", ""}, now, end_all)).value();
  other = std::move(this->store().Watch({"pods", ""}, now, end_all)).value();
  std::vector<std::string> seen;
  const auto kept = this->MustWatch({"pods", ""}, now, seen);
  this->MustCreate(Key("a"), "a");
  this->MustCreate(Key("b"), "b");
  this->RunUntil([&] { return seen.size() == 2; });
  EXPECT_EQ(calls, 2);
}

TYPED_TEST_P(RecordStoreContract, HandlersAndCompletionsMayWriteAndWatch) {
  std::vector<std::string> seen;
  std::vector<std::unique_ptr<RecordWatch>> watches;
  bool done = false;
  watches.push_back(
      std::move(
          this->store().Watch(
              {"pods", ""}, this->store().revision(),
              [&](const Change& change) {
                if (change.record.key.name != "a") return;
                watches.push_back(this->MustWatch({"pods", ""}, change.record.revision, seen));
                this->store().Create(Key("b"), "b", [](Result<Record>) {});
              }))
          .value());
  this->store().Create(Key("a"), "a", [&](Result<Record> created) {
    this->store().Update(Key("a"), created->revision, "a2",
                         [&](Result<Record> updated) { done = updated.ok(); });
  });
  this->RunUntil([&] { return done && seen.size() == 2; });
  EXPECT_TRUE(done);
  EXPECT_EQ(seen, (std::vector<std::string>{"ADDED b b", "MODIFIED a a2 (before: a)"}));
}

REGISTER_TYPED_TEST_SUITE_P(RecordStoreContract, ARecordIsThereFromCreationToDeletion,
                            ValuesAreBytes, ConflictsAreTold, WritesThatWaitCountForConflicts,
                            WritesStackOnOnesThatWait, TheSameValueAgainChangesNothing,
                            NamespacesAndResourcesAreApart, PagesContinueBehindAKey,
                            ListsAtARevisionAreAsTheyWere, WatchesTellEachChangeOnceInOrder,
                            AWatchSeesTheStoreAsOfItsChange, AWatchMayEndInsideItsHandler,
                            HandlersAndCompletionsMayWriteAndWatch);

}  // namespace throng::store::testing
