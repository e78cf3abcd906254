#include "store/record_index.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace throng::store {
namespace {

using Snapshot = std::map<RecordKey, std::string>;

SharedChange MakeChange(const RecordIndex& index, ChangeKind kind, const RecordKey& key,
                        const std::string& value) {
  const Version* last = index.Find(key);
  const uint64_t revision = index.revision() + 1;
  auto logged = std::make_shared<LoggedChange>();
  const auto before = last == nullptr ? nullptr : last->value;
  logged->change = {
      kind,
      {key, revision, kind == ChangeKind::kDeleted ? before : std::make_shared<std::string>(value)},
      before};
  logged->created = last == nullptr ? revision : last->created;
  logged->previous_revision = last == nullptr ? 0 : last->revision;
  return logged;
}

// All pages of `page_size`, checking the counts on the way.
Snapshot ListAll(const RecordIndex& index, ListQuery query, size_t page_size) {
  Snapshot all;
  query.limit = page_size;
  while (true) {
    const Result<RecordPage> page = index.List(query);
    if (!page.ok()) return {};
    for (const Record& record : page->records) {
      EXPECT_TRUE(all.empty() || all.rbegin()->first < record.key);
      all.emplace(record.key, *record.value);
    }
    if (page->remaining_count == 0) return all;
    if (page->records.size() != page_size) return {};
    query.after = page->records.back().key;
  }
}

// Random changes, and each of the last revisions listed in pages, against whole copies.
TEST(RecordIndexTest, EveryKeptRevisionCanBeListed) {
  constexpr int kChanges = 300;
  constexpr size_t kKept = 40;
  StoreLimits limits;
  limits.history = kKept;
  RecordIndex index(limits, 1);
  std::mt19937 random(7);
  std::map<uint64_t, Snapshot> snapshots = {{1, {}}};
  for (int i = 0; i < kChanges; ++i) {
    const RecordKey key = {random() % 2 == 0 ? "pods" : "pods2", "n" + std::to_string(random() % 3),
                           std::to_string(random() % 5)};
    const bool exists = index.Find(key) != nullptr;
    const ChangeKind kind = !exists             ? ChangeKind::kAdded
                            : random() % 2 == 0 ? ChangeKind::kDeleted
                                                : ChangeKind::kModified;
    index.Apply(MakeChange(index, kind, key, std::to_string(i)));
    index.Trim(UINT64_MAX);
    Snapshot snapshot;
    const Result<RecordPage> now = index.List({.selection = {"pods", ""}});
    for (const Record& record : now->records) {
      snapshot.emplace(record.key, *record.value);
    }
    snapshots[index.revision()] = snapshot;
  }
  EXPECT_EQ(index.floor(), index.revision() - kKept);
  for (uint64_t revision = index.floor(); revision <= index.revision(); ++revision) {
    for (const size_t page_size : {1, 2, 100}) {
      ListQuery query = {.selection = {"pods", ""}, .revision = revision};
      EXPECT_EQ(ListAll(index, query, page_size), snapshots[revision]) << revision;
      query.selection.name_space = "n1";
      Snapshot in_namespace = snapshots[revision];
      std::erase_if(in_namespace, [](const auto& item) { return item.first.name_space != "n1"; });
      EXPECT_EQ(ListAll(index, query, page_size), in_namespace) << revision;
    }
  }
  EXPECT_EQ(index.List({.selection = {"pods", ""}, .revision = index.floor() - 1}).status().code(),
            StatusCode::kOutOfRange);
}

TEST(RecordIndexTest, HistoryIsRestoredFromWhatUndoesIt) {
  const StoreLimits limits;
  RecordIndex index(limits, 1);
  const RecordKey a = {"pods", "", "a"};
  const RecordKey b = {"pods", "", "b"};
  index.Apply(MakeChange(index, ChangeKind::kAdded, a, "a1"));
  index.Apply(MakeChange(index, ChangeKind::kModified, a, "a2"));
  index.Apply(MakeChange(index, ChangeKind::kAdded, b, "b1"));
  index.Apply(MakeChange(index, ChangeKind::kDeleted, a, ""));
  index.Apply(MakeChange(index, ChangeKind::kAdded, a, "a3"));

  RecordIndex copy(limits, 1);
  const Result<RecordPage> now = index.List({.selection = {"pods", ""}});
  for (const Record& record : now->records) {
    ASSERT_TRUE(copy.RestoreRecord(record.key, *index.Find(record.key)).ok());
  }
  for (auto it = index.history().rbegin(); it != index.history().rend(); ++it) {
    const Change& change = (*it)->change;
    ASSERT_TRUE(copy.RestoreChange({change.kind, change.record.key, change.record.revision,
                                    (*it)->created, (*it)->previous_revision, change.previous})
                    .ok());
  }
  ASSERT_TRUE(copy.FinishRestore(index.revision(), index.floor()).ok());
  ASSERT_EQ(copy.history().size(), index.history().size());
  for (size_t i = 0; i < copy.history().size(); ++i) {
    const Change& expected = index.history()[i]->change;
    const Change& change = copy.history()[i]->change;
    EXPECT_EQ(change.kind, expected.kind);
    EXPECT_EQ(change.record.key, expected.record.key);
    EXPECT_EQ(change.record.revision, expected.record.revision);
    EXPECT_EQ(*change.record.value, *expected.record.value);
    EXPECT_EQ(change.previous == nullptr, expected.previous == nullptr);
  }
}

TEST(RecordIndexTest, ContradictionsAreDataLoss) {
  const auto text = std::make_shared<const std::string>("x");
  const RecordKey a = {"pods", "", "a"};
  const auto code_of = [&](const UndoRow& row) {
    RecordIndex index({}, 1);
    EXPECT_TRUE(index.RestoreRecord(a, {3, 4, text}).ok());
    return index.RestoreChange(row).code();
  };
  EXPECT_EQ(code_of({ChangeKind::kModified, a, 4, 3, 3, text}), StatusCode::kOk);
  EXPECT_EQ(code_of({ChangeKind::kModified, a, 5, 3, 4, text}), StatusCode::kDataLoss);
  EXPECT_EQ(code_of({ChangeKind::kModified, a, 4, 2, 3, text}), StatusCode::kDataLoss);
  EXPECT_EQ(code_of({ChangeKind::kModified, a, 4, 3, 3, nullptr}), StatusCode::kDataLoss);
  EXPECT_EQ(code_of({ChangeKind::kDeleted, a, 4, 3, 3, text}), StatusCode::kDataLoss);
  EXPECT_EQ(code_of({ChangeKind::kAdded, a, 4, 3, 3, text}), StatusCode::kDataLoss);
  EXPECT_EQ(code_of({ChangeKind::kAdded, {"pods", "", "b"}, 4, 3, 0, nullptr}),
            StatusCode::kDataLoss);

  RecordIndex index({}, 1);
  ASSERT_TRUE(index.RestoreRecord(a, {3, 4, text}).ok());
  EXPECT_EQ(index.RestoreRecord(a, {5, 5, text}).code(), StatusCode::kDataLoss);
  EXPECT_EQ(index.FinishRestore(3, 1).code(), StatusCode::kDataLoss);
  EXPECT_EQ(index.FinishRestore(9, 10).code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace throng::store
