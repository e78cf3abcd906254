// Storage addresses, mirrors, numeric addresses, listings and key files: any bytes, never a crash;
// what passes keeps the rules that the rest relies on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "storage/azure/azure_provider.h"
#include "storage/gcs/gcs_provider.h"
#include "storage/gcs/service_account.h"
#include "storage/mirror.h"
#include "storage/path_rules.h"
#include "storage/s3/s3_provider.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {
namespace {

void CheckUri(std::string_view text) {
  const Result<StorageUri> uri = ParseStorageUri(text);
  if (!uri.ok()) {
    THRONG_CHECK(!uri.status().message().empty());
    return;
  }
  THRONG_CHECK(uri->text == text);
  THRONG_CHECK(FindScheme(uri->scheme) != nullptr);
  THRONG_CHECK(uri->authority.find('@') == std::string::npos);
  const std::string framed = "/" + uri->path + "/";
  THRONG_CHECK(framed.find("/../") == std::string::npos);
  THRONG_CHECK(framed.find("/./") == std::string::npos);
  THRONG_CHECK(uri->path.empty() || framed.find("//") == std::string::npos);
  THRONG_CHECK(uri->path.find('\0') == std::string::npos);
  const Result<StorageUri> again = ParseStorageUri(uri->text);
  THRONG_CHECK(again.ok() && again->path == uri->path);
}

void CheckListing(const Result<std::string>& page, const Listing& listing) {
  THRONG_CHECK(listing.objects.size() <= limits::kArtifactFiles);
  if (!page.ok()) return;
  for (const ObjectInfo& object : listing.objects) {
    THRONG_CHECK(object.key == "m/" + object.relative_path);
    (void)CheckRelativePath(object.relative_path);
  }
}

}  // namespace
}  // namespace throng::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace throng::storage;  // NOLINT: one function
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckUri(text);
  if (const auto mirror = ParseMirror(text); mirror.ok()) {
    THRONG_CHECK(!mirror->prefix.ends_with('/') && !mirror->target.empty());
    THRONG_CHECK(FindMirror({*mirror}, mirror->prefix + "/x").has_value());
    THRONG_CHECK(!FindMirror({*mirror}, mirror->prefix + "x").has_value());
  }
  (void)CheckAddress({}, "host", text, 443);
  Listing gcs;
  CheckListing(AddGcsPage(text, "m/", gcs), gcs);
  Listing s3;
  CheckListing(AddS3Page(text, "m/", s3), s3);
  Listing azure;
  CheckListing(AddAzurePage(text, "m/", azure), azure);
  (void)S3ErrorCode(text);
  (void)ParseServiceAccount(text);
  (void)ParseTokenReply(text);
  return 0;
}
