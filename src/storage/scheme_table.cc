#include "storage/scheme_table.h"

#include <algorithm>
#include <optional>

#include "storage/azure/azure_provider.h"
#include "storage/file/file_provider.h"
#include "storage/gcs/gcs_provider.h"
#include "storage/https/https_provider.h"
#include "storage/s3/s3_provider.h"

namespace throng::storage {
namespace {

// In the order in which the message about an unknown prefix names them.
constexpr Scheme kSchemes[] = {
    {"gs", AuthorityKind::kBucket, true, &MakeGcsProvider},
    {"s3", AuthorityKind::kBucket, true, &MakeS3Provider},
    {"https", AuthorityKind::kHost, true, &MakeHttpsProvider},
    {"http", AuthorityKind::kHost, true, &MakeHttpsProvider},
    {"azure", AuthorityKind::kHost, true, &MakeAzureProvider},
    {"pvc", AuthorityKind::kClaim, false, &MakeClaimProvider},
    {"file", AuthorityKind::kNone, true, &MakeFileProvider},
};

}  // namespace

std::span<const Scheme> Schemes() { return kSchemes; }

const Scheme* FindScheme(std::string_view name) {
  const auto* found = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                   [name](const Scheme& scheme) { return scheme.name == name; });
  return found == std::end(kSchemes) ? nullptr : found;
}

Result<std::unique_ptr<StorageProvider>> MakeProvider(const ProviderContext& context,
                                                      const StorageUri& uri) {
  if (const std::optional<MirroredPlace> place = FindMirror(context.options.mirrors, uri.text)) {
    if (place->mirror->is_directory) {
      return MakeDirectoryProvider(place->mirror->target, place->rest);
    }
    return MakeWebMirrorProvider(context, place->mirror->target, place->rest);
  }
  const Scheme* scheme = FindScheme(uri.scheme);
  if (scheme == nullptr || scheme->make == nullptr) {
    return UnimplementedError(uri.scheme + ":// is not supported yet by this build");
  }
  return scheme->make(context, uri);
}

}  // namespace throng::storage
