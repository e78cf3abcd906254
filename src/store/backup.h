// Copies of a store's file: made while the store runs, checked, put back. All of it blocks; a
// running store is copied as it was at one moment (SqliteStore::Backup does that on a thread).
//
//   CopyStore("/state/throng.db", "/backups/monday.db", stop);
//   Result<StoreSummary> monday = CheckStoreFile("/backups/monday.db");
//   RestoreStore("/backups/monday.db", "/state/throng.db");   // with the store not running
//
// A copy is one file, with mode 0600. When a store opens one (restored, or just copied to its
// place), its records have their revisions, and the store's own revision goes on far behind all
// that were given out after the copy was made; watches have to start anew.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace throng::store {

struct StoreSummary {
  uint64_t records = 0;
  uint64_t revision = 0;
};

// Replaces `to` atomically, once the copy is complete, on disk and found to be whole. ERRORS:
// kCancelled — `stop` was set; kInvalidArgument — `to` is `from`; kDataLoss, kUnavailable.
Status CopyStore(const std::string& from, const std::string& to, const std::atomic<bool>& stop);

// Reads all of the file, with its checksums. ERRORS: as RecordFile::Open.
Result<StoreSummary> CheckStoreFile(const std::string& path);

// Checks `backup`, then puts a copy of it in place of the store at `path`, which is lost, with its
// log. REQUIRES: no store is open there. ERRORS: as CopyStore; the store is as before.
Status RestoreStore(const std::string& backup, const std::string& path);

}  // namespace throng::store
