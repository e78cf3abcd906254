// gs://: Google Cloud Storage by its JSON API. Anonymous, with a bearer token, or as a service
// account. The generation of an object is its version, and CRC32C (else MD5) its checksum.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {

// ERRORS: kInvalidArgument — the service account's key cannot be read; kPermissionDenied — its
// token_uri is not https.
Result<std::unique_ptr<StorageProvider>> MakeGcsProvider(const ProviderContext& context,
                                                         const StorageUri& uri);

// One page of a listing, for the fuzzer and tests. `prefix`: "models/x/" (what is cut from names).
// Returns the token of the next page, or "". ERRORS: kUnavailable — not such a page;
// kResourceExhausted — too many objects; kInvalidArgument — stored with Content-Encoding.
Result<std::string> AddGcsPage(std::string_view json, std::string_view prefix, Listing& listing);

}  // namespace throng::storage
