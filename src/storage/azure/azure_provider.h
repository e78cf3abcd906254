// azure://ACCOUNT/CONTAINER/PATH, and https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH: Azure
// Blob Storage, with an account key, a shared access signature, or anonymous. The ETag of a blob is
// its version, its Content-MD5 (where there is one) its checksum.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {

// ERRORS: kInvalidArgument — no such account, no container, no path in it, a query in the address,
// a key that is not base64.
Result<std::unique_ptr<StorageProvider>> MakeAzureProvider(const ProviderContext& context,
                                                           const StorageUri& uri);

// One page of a listing, for the fuzzer and tests. Returns the marker of the next page, or "".
// ERRORS: kUnavailable — not such a page; kResourceExhausted — too many blobs.
Result<std::string> AddAzurePage(std::string_view xml, std::string_view prefix, Listing& listing);

}  // namespace throng::storage
