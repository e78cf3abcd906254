// Azure Storage's "Shared Key" signature of requests without a body. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "storage/http/http_transfer.h"

namespace throng::storage {

struct AzureTarget {
  std::string method;                                      // "GET", "HEAD"
  std::string account;                                     // whose key it is
  std::string path;                                        // of the URL, percent-encoded
  std::vector<std::pair<std::string, std::string>> query;  // not encoded
  std::string if_match;                                    // these headers are sent along
  std::string range;
};

// The headers that every request carries (x-ms-date, x-ms-version), and, with a key (base64),
// Authorization. ERRORS: kInvalidArgument — the key is not base64.
Result<HttpHeaders> AzureHeaders(const std::string& account_key, WallTime now,
                                 const AzureTarget& target);

}  // namespace throng::storage
