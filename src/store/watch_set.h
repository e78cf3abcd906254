// WatchSet: the watches of one store. Those that are up to date are called for each change as it
// happens; one that begins in the past is brought up to date in steps of bounded length from the
// index's history, which is kept for it meanwhile. Owned by RecordTable; everything on its
// executor.
//
//   auto watch = watches.Add({.resource = "pods"}, since, handler);
//   index.Apply(change);
//   watches.Deliver(*change);
//   index.Trim(watches.NeededAfter());
#pragma once

#include <cstdint>
#include <memory>

#include "base/executor.h"
#include "base/status.h"
#include "store/record_index.h"
#include "store/record_store.h"

namespace throng::store {

class WatchSet {
 public:
  WatchSet(Executor& executor, const RecordIndex& index, size_t most);
  // Watches that are still held stay silent from now on.
  ~WatchSet();

  // ERRORS: as RecordStore::Watch.
  Result<std::unique_ptr<RecordWatch>> Add(Selection selection, uint64_t since_revision,
                                           RecordStore::ChangeHandler handler);
  // REQUIRES: it was just applied to the index, and the caller keeps it. A handler may destroy
  // this object.
  void Deliver(const LoggedChange& logged);
  // Changes after this revision still have to be delivered to somebody.
  uint64_t NeededAfter() const;

 private:
  struct Watcher;
  struct State;
  class Handle;

  std::shared_ptr<State> state_;
  const size_t most_;
};

}  // namespace throng::store
