// RecordIndex: what a store holds and its last changes, in memory: lookup, sorted pages with the
// count of what is left, and the records as they were at an older revision, which is found by
// undoing changes. Pure data of one owner (RecordTable); not thread-safe.
//
//   index.Apply(change);
//   Result<RecordPage> page = index.List({.selection = {"pods", ""}, .limit = 500});
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>

#include "base/status.h"
#include "store/record_store.h"
#include "store/store_limits.h"

namespace throng::store {

// A record without its key. No value: there is none.
struct Version {
  uint64_t created = 0;  // the revision that created it: no two records ever share it
  uint64_t revision = 0;
  std::shared_ptr<const std::string> value;
};

// A change, and what is needed to undo it and to find its row.
struct LoggedChange {
  Change change;
  uint64_t created = 0;
  uint64_t previous_revision = 0;  // 0: there was none
};
using SharedChange = std::shared_ptr<const LoggedChange>;

// A change as it is kept on disk: only what undoes it, since what it wrote is still known from the
// records or from the undoing of a later one.
struct UndoRow {
  ChangeKind kind = ChangeKind::kAdded;
  RecordKey key;
  uint64_t revision = 0;
  uint64_t created = 0;
  uint64_t previous_revision = 0;
  std::shared_ptr<const std::string> previous;
};

class RecordIndex {
 public:
  // Changes after `revision` are kept from here on.
  RecordIndex(const StoreLimits& limits, uint64_t revision)
      : limits_(limits), revision_(revision), floor_(revision) {}

  // Filling it from a disk: all records, then their history, the last change first, then its
  // bounds. ERRORS: kDataLoss — they contradict each other.
  Status RestoreRecord(RecordKey key, Version version);
  Status RestoreChange(UndoRow row);
  Status FinishRestore(uint64_t revision, uint64_t floor);

  // Null: there is none.
  const Version* Find(const RecordKey& key) const;
  // ERRORS: kOutOfRange.
  Result<RecordPage> List(const ListQuery& query) const;

  // REQUIRES: a revision after the last one; the change fits to the record as it is.
  void Apply(SharedChange change);
  // Forgets the oldest changes that are over the bounds, but none after `needed_after`.
  void Trim(uint64_t needed_after);

  uint64_t revision() const { return revision_; }
  // Changes up to this revision are not kept.
  uint64_t floor() const { return floor_; }
  size_t size() const { return records_.size(); }
  // The oldest first.
  const std::deque<SharedChange>& history() const { return history_; }

 private:
  using Records =
      __gnu_pbds::tree<RecordKey, Version, std::less<RecordKey>, __gnu_pbds::rb_tree_tag,
                       __gnu_pbds::tree_order_statistics_node_update>;
  struct Range {  // [first, end)
    RecordKey first;
    RecordKey end;
  };

  static Range RangeOf(const ListQuery& query);
  std::map<RecordKey, Version> Undo(const Range& range, uint64_t revision) const;
  uint64_t Count(const Range& range, const std::map<RecordKey, Version>& undone) const;
  void Fill(const Range& range, const std::map<RecordKey, Version>& undone, size_t limit,
            RecordPage& page) const;

  const StoreLimits limits_;
  Records records_;
  std::deque<SharedChange> history_;
  size_t history_bytes_ = 0;
  uint64_t revision_ = 0;
  uint64_t floor_ = 0;
  // While it is restored: what the undone changes found (the value after the next one to undo).
  std::map<RecordKey, Version> restored_;
};

}  // namespace throng::store
