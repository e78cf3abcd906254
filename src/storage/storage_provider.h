// Storage: where models are fetched from. A provider lists and reads objects of one kind of store;
// the fetcher (storage/fetcher.h) does the rest for all of them: staging, retries, resuming,
// parallel parts, checksums, archives. A scheme is one folder of its own under storage/
// (storage/gcs/) with a row in storage/scheme_table.cc.
//
// Providers are called on helper threads: every call blocks until its deadline, and one provider is
// used by several threads at once. No text of an error names a credential or a local path.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "storage/cancel_flag.h"

namespace throng::storage {

// "gs://bucket/models/cifar10" taken apart. Made by ParseStorageUri, which enforces the rules.
struct StorageUri {
  std::string text;       // as written, without a user or password
  std::string scheme;     // "gs"
  std::string authority;  // "bucket", "host:port"
  std::string path;       // "models/cifar10": no leading, no trailing slash, no "." or ".." segment
  std::string query;      // of http and https, without '?'
};

// ERRORS: kInvalidArgument — the rule (unknown scheme, no bucket, credentials in the address, an
// empty path where the whole bucket would be fetched, control characters).
Result<StorageUri> ParseStorageUri(std::string_view text);

// The name of a PersistentVolumeClaim (or of a namespace): a DNS-1123 subdomain. ERRORS:
// kInvalidArgument — the rule.
Status CheckClaimName(std::string_view name);

enum class Checksum : uint8_t { kNone, kCrc32c, kMd5, kSha256 };

struct ObjectInfo {
  // Where it goes beneath the model's folder: "1/model.pt". Relative, checked by the fetcher again.
  std::string relative_path;
  std::string key;  // the provider's own name for it
  uint64_t size_bytes = 0;
  bool size_known = true;  // an https server may not say
  Checksum checksum = Checksum::kNone;
  std::string digest;   // raw bytes of the checksum
  std::string version;  // ETag or generation: what a resumed read must still be; may be empty
  bool ranges = true;   // a read may start in the middle
};

struct Listing {
  std::vector<ObjectInfo> objects;  // at most limits::kArtifactFiles
  // A single archive (https) to be unpacked: ".tar", ".tgz", ".zip". Empty: objects are files.
  std::string archive;
};

struct Deadline {
  const Clock& clock;
  MonotonicTime at;
  const CancelFlag* cancel = nullptr;  // null: nobody cancels
};

inline constexpr uint64_t kToTheEnd = ~uint64_t{0};

// Takes bytes in order; a failure ends the read with that failure.
using ByteSink = std::function<Status(std::string_view bytes)>;

class StorageProvider {
 public:
  virtual ~StorageProvider() = default;

  // What lies under the URI: the object itself, or everything below "path/" (never what merely
  // starts alike). ERRORS: kNotFound — nothing there, kPermissionDenied — also of the address
  // policy, kUnavailable — worth a retry (retry_after_seconds where the store said so),
  // kResourceExhausted — too many objects, kInvalidArgument — an object of a kind that is not
  // fetched, kFailedPrecondition — no use in asking again soon, kDeadlineExceeded, kCancelled.
  virtual Result<Listing> List(const StorageUri& uri, const Deadline& deadline) = 0;
  // Bytes [offset, offset+size_bytes) of an object that List gave; to its end when `size_bytes` is
  // kToTheEnd. ERRORS: as List, and kAborted — it is another version now, kDataLoss — more or fewer
  // bytes than declared; what `sink` said; kCancelled, kUnauthenticated — its certificate is not
  // to be trusted.
  virtual Status Read(const StorageUri& uri, const ObjectInfo& object, uint64_t offset,
                      uint64_t size_bytes, const Deadline& deadline, const ByteSink& sink) = 0;
};

// Which addresses a name may resolve to. Pure; checked on the resolved address of every connection,
// redirects included.
struct AddressPolicy {
  // Private, loopback, link-local, multicast and metadata addresses are refused unless allowed.
  bool allow_private = false;
  std::vector<std::string> allowed_hosts;  // "127.0.0.1:9000": of emulators and mirrors, from the
                                           // operator, never from a model's owner
};
// `address`: numeric. ERRORS: kPermissionDenied.
Status CheckAddress(const AddressPolicy& policy, std::string_view host, std::string_view address,
                    uint16_t port);

}  // namespace throng::storage
