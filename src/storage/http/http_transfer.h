// HttpTransfer: requests to stores over libcurl. Redirects are followed here, one by one, so that
// every hop is judged: the address policy on the resolved address of each connection, secrets only
// to the host that they are for. Failures come classified (kUnavailable: worth a retry, with
// Retry-After when the store said so), and never hold an address, a URL or a credential.
//
//   HttpTransfer transfer(options);
//   auto reply = transfer.Send({.url = "https://host/path"}, deadline);
//   if (reply.ok() && reply->status == 200) use(reply->body);
//
// Blocks. Thread-safe: connections are kept and shared by threads, one at a time each.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/control_limits.h"
#include "base/mutex.h"
#include "base/status.h"
#include "storage/storage_options.h"
#include "storage/storage_provider.h"

namespace throng::storage {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";  // or HEAD, POST
  std::string url;
  HttpHeaders headers;
  HttpHeaders
      secret_headers;  // left out as soon as a redirect leads to another scheme, host or port
  std::string body;    // of a POST
  bool follow_redirects = true;
};

struct HttpReply {
  int status = 0;
  HttpHeaders headers;  // names in lower case
  std::string body;     // unless a sink took it; of an error at most its first 64 KiB
  std::string url;      // where it came from, after redirects

  // Null: absent.
  const std::string* Find(std::string_view name) const;
};

// Sees the head of a 2xx reply before its body; a failure ends the transfer with that failure.
using HeadCheck = std::function<Status(const HttpReply& head)>;

class HttpTransfer {
 public:
  explicit HttpTransfer(const StorageOptions& options);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  // Any status is a reply. The body is collected: more than limits::kStorageReplyBytes is an error.
  // ERRORS: kUnavailable, kPermissionDenied (address policy, a header with a line break),
  // kUnauthenticated (certificate), kDeadlineExceeded, kCancelled, kFailedPrecondition (not a URL).
  Result<HttpReply> Send(const HttpRequest& request, const Deadline& deadline);
  // The body of a 2xx reply goes to `sink` as it comes. ERRORS: also what `check` or `sink` said.
  Result<HttpReply> Send(const HttpRequest& request, const Deadline& deadline,
                         const HeadCheck& check, const ByteSink& sink);

 private:
  struct Hop;
  struct Idle;
  Result<HttpReply> SendOnce(const HttpRequest& request, bool with_secrets,
                             const Deadline& deadline, const HeadCheck& check,
                             const ByteSink& sink);

  const StorageOptions options_;
  const std::unique_ptr<Idle> idle_;
};

// What a reply that is no success means. 404, 410: kNotFound; 401, 403: kPermissionDenied; 408,
// 429, 5xx: kUnavailable with Retry-After; 412, 416: kAborted; else kFailedPrecondition.
Status StatusOfReply(const HttpReply& reply, const Clock& clock);

// What is kept for a URL's path or query: everything but letters, digits and "-_.~" becomes %XX.
// `keep_slashes`: '/' stays.
std::string PercentEncode(std::string_view text, bool keep_slashes);

// The Range header of the read below; "" when it reads the whole object.
std::string RangeText(const ObjectInfo& object, uint64_t offset, uint64_t size_bytes);

// Reads [offset, offset+size_bytes) of `object` with `request` (Range is added). `version_of` says
// which version a reply is of; "" when it does not tell. ERRORS: as StorageProvider::Read.
using VersionOf = std::function<std::string(const HttpReply& head)>;
Status ReadObject(HttpTransfer& transfer, HttpRequest request, const ObjectInfo& object,
                  uint64_t offset, uint64_t size_bytes, const Deadline& deadline,
                  const VersionOf& version_of, const ByteSink& sink);

}  // namespace throng::storage
