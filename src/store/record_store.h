// RecordStore: named, versioned records with lists at one revision and watches: what an API server
// keeps its objects in. It knows nothing of their content.
//
// One counter, the revision, numbers all changes of a store. Reads answer from memory and see only
// what is durable. A write is checked against everything that was accepted before it (also what is
// not durable yet), and its `done` runs when it is durable: writes that wait together become
// durable together.
//
//   store.Update(key, record.revision, text, [](Result<Record> written) { ... });
//   auto watch = store.Watch({.resource = "pods"}, revision, [](const Change& change) { ... });
//
// Everything is called on one executor, and everything is called back on it. Implementations:
// store/sqlite_store.h (durable), store/memory_store.h (forgets; also the fake of tests). Both pass
// store/testing/record_store_contract.h.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_function.h"

namespace throng::store {

struct RecordKey {
  std::string resource;    // "trainedmodels.serving.kubeflow.org"
  std::string name_space;  // empty: not in a namespace
  std::string name;
  auto operator<=>(const RecordKey&) const = default;
};

struct Record {
  RecordKey key;
  uint64_t revision = 0;  // of its last change
  std::shared_ptr<const std::string> value;
};

enum class ChangeKind : uint8_t { kAdded, kModified, kDeleted };

struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  Record record;  // kDeleted: its last value, with the revision of the deletion
  std::shared_ptr<const std::string> previous;  // the value before; null for kAdded
};

struct Selection {
  std::string resource;
  std::string name_space;  // empty: all
  auto operator<=>(const Selection&) const = default;
};

struct ListQuery {
  Selection selection;
  size_t limit = 0;                  // 0: all
  std::optional<RecordKey> after;    // go on behind this key
  std::optional<uint64_t> revision;  // as the records were then; nothing: now
};

struct RecordPage {
  std::vector<Record> records;   // sorted by key
  uint64_t revision = 0;         // all of them as of this revision
  uint64_t remaining_count = 0;  // records behind the last one
};

// Destroying it ends the watch: no call comes after that.
class RecordWatch {
 public:
  virtual ~RecordWatch() = default;
};

class RecordStore {
 public:
  using WriteDone = Done<Result<Record>>;
  using ChangeHandler = std::function<void(const Change&)>;

  virtual ~RecordStore() = default;

  virtual std::optional<Record> Get(const RecordKey& key) const = 0;
  // ERRORS: kOutOfRange — `revision` is older than what is kept, or has not happened.
  virtual Result<RecordPage> List(const ListQuery& query) const = 0;
  // The revision of the last durable change. Never smaller than in an earlier life of the store.
  virtual uint64_t revision() const = 0;

  // `done` is never called before the call returns. ERRORS of all three: kResourceExhausted — too
  // many writes wait (limits::kStorePendingWrites), or the record is too large; kUnavailable — it
  // could not be made durable (disk full, say); nothing was changed, and a later write may succeed.
  // ERRORS: kAlreadyExists.
  virtual void Create(RecordKey key, std::string value, WriteDone done) = 0;
  // ERRORS: kNotFound, kAborted — `expected_revision` is not its last one (also of a write that is
  // not durable yet). Writing the same value again changes nothing: the record comes back with its
  // old revision.
  virtual void Update(RecordKey key, uint64_t expected_revision, std::string value,
                      WriteDone done) = 0;
  // ERRORS: as Update. Gives the last value with the revision of the deletion.
  virtual void Delete(RecordKey key, uint64_t expected_revision, WriteDone done) = 0;

  // Calls `handler` for every change after `since_revision`, in order, each once; never before this
  // returns. ERRORS: kOutOfRange — those changes are not kept any more, or `since_revision` has not
  // happened; kResourceExhausted — limits::kStoreWatches.
  virtual Result<std::unique_ptr<RecordWatch>> Watch(Selection selection, uint64_t since_revision,
                                                     ChangeHandler handler) = 0;
};

}  // namespace throng::store
