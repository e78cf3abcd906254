// s3://: Amazon S3 and what speaks like it. Signed (SigV4) when there are credentials, anonymous
// otherwise. The ETag of an object is its version; a body that is read whole is compared with its
// CRC32C, or with its MD5 where the ETag is one. A bucket of another region is asked there.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {

// ERRORS: kInvalidArgument — the endpoint is no web address, half of a key pair is missing.
Result<std::unique_ptr<StorageProvider>> MakeS3Provider(const ProviderContext& context,
                                                        const StorageUri& uri);

// One page of ListObjectsV2, for the fuzzer and tests. Keys are expected with encoding-type=url.
// Returns the token of the next page, or "". ERRORS: kUnavailable — not such a page;
// kResourceExhausted — too many objects.
Result<std::string> AddS3Page(std::string_view xml, std::string_view prefix, Listing& listing);

// "NoSuchKey" of an error's body; "" when it holds none.
std::string S3ErrorCode(std::string_view xml);

}  // namespace throng::storage
