// Fetcher: brings a model from its URI into a local directory, whole or not at all. It lists,
// checks every name, reads in parallel (big objects in ranges), resumes what broke, verifies sizes
// and checksums, syncs, and renames a staging directory into place at the very end. On failure
// nothing is left behind.
//
//   Fetcher fetcher(options, {});
//   FetchOutcome outcome = fetcher.Fetch({.uri = "gs://bucket/models/cifar10",
//                                         .destination = "/var/lib/.../models/cifar10.new",
//                                         .deadline = clock.Now() + std::chrono::seconds(120)});
//   if (!outcome.status.ok()) report(outcome.reason, outcome.status.message());
//
// Fetch blocks: call it on a helper thread (os::ThreadPool). Thread-safe: several fetches may run
// at once, each with threads of its own, so that one that hangs holds up no other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "os/disk/directory_tree.h"
#include "os/event_loop.h"
#include "storage/cancel_flag.h"
#include "storage/credentials.h"
#include "storage/storage_options.h"
#include "storage/storage_provider.h"

namespace throng::storage {

// Why a fetch failed, in one word for a condition's reason. Closed set; stable.
enum class FetchReason : uint8_t {
  kNone,                 // ""                   success
  kStorageDenied,        // "StorageDenied"      policy, or the store refused the credentials
  kStorageNotSupported,  // "StorageNotSupported"  a scheme that this build does not have
  kStorageNotFound,      // "StorageNotFound"
  kStorageUnavailable,   // "StorageUnavailable" after retries: worth trying later
  kStorageUntrusted,     // "StorageUntrusted"   its certificate is expired or another host's
  kDownloadTimeout,      // "DownloadTimeout"    the deadline passed
  kChecksumMismatch,     // "ChecksumMismatch"   size, checksum, pin, or it kept changing
  kModelRefused,         // "ModelRefused"       a name or an archive member that is not allowed
  kModelTooLarge,        // "ModelTooLarge"      files, bytes or depth over the limit
  kDiskFull,             // "DiskFull"
  kDiskFailed,           // "DiskFailed"
  kCancelled,            // "Cancelled"
};
std::string_view FetchReasonName(FetchReason reason);

struct FetchProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  // 0: not known
  uint64_t files_done = 0;
  uint64_t files_total = 0;
};

struct FetchRequest {
  std::string uri;
  // Must not exist; its parent must. The staging directory is made beside it (its name starts with
  // ".fetch-"), so that the last step is one rename.
  std::string destination;
  // 64 hexadecimal digits, or empty: what `digest` of the report must be.
  std::string expected_sha256;
  Credentials credentials;
  MonotonicTime deadline;  // of the whole fetch; always to be set
  CancelFlag* cancel = nullptr;
  // Called on threads of the fetch, one call at a time, after each piece that was written.
  std::function<void(const FetchProgress&)> progress;
};

struct FetchReport {
  uint64_t files = 0;  // in the destination (of an archive: its members)
  uint64_t bytes = 0;  // of these files
  // SHA-256 in hexadecimal of what the store holds. One object (also an archive): that of its
  // bytes, as sha256sum prints it. Several: of the lines "<sha256>  <path>\n" sorted by path, as
  // `(cd DIR && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum) |
  // sha256sum` prints it.
  std::string digest;
  // Names this state of the store, for CheckVersion. Empty: the store does not tell versions.
  std::string version_text;
  Duration duration{};
  int retries = 0;
};

struct FetchOutcome {
  Status status;
  FetchReason reason = FetchReason::kNone;
  FetchReport report;  // filled when ok
};

struct VersionOutcome {
  Status status;
  FetchReason reason = FetchReason::kNone;
  std::string version_text;  // another one than in the report: fetch again. Empty: cannot tell
};

// What a test replaces.
struct FetcherSeams {
  const Clock* clock = &os::RealClock();
  os::DirectoryTree* disk = &os::RealDirectoryTree();
  uint64_t random_seed = 0;  // of the jitter; give each process its own
  // Waits before a retry. Empty: for real, and not longer than until the fetch is cancelled.
  std::function<void(Duration)> wait;
  // Makes the provider of a URI. Empty: by the table of schemes.
  std::function<Result<std::unique_ptr<StorageProvider>>(const StorageUri&, const Credentials&)>
      make_provider;
};

class Fetcher {
 public:
  Fetcher(StorageOptions options, FetcherSeams seams);

  FetchOutcome Fetch(const FetchRequest& request) const;

  // Has it changed? Lists only (destination, pin and progress are not looked at).
  VersionOutcome CheckVersion(const FetchRequest& request) const;

  // Removes staging directories that a killed process left in `parent`. Call it before the first
  // fetch into it.
  Status RemoveLeftovers(const std::string& parent) const;

 private:
  const StorageOptions options_;
  const FetcherSeams seams_;
};

}  // namespace throng::storage
