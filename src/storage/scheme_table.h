// The table of schemes: which addresses of models there are, and which provider reads them. A new
// one is a folder under storage/ and a row in scheme_table.cc.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "storage/credentials.h"
#include "storage/storage_options.h"
#include "storage/storage_provider.h"

namespace throng::storage {

struct ProviderContext {
  const StorageOptions& options;  // outlives the provider
  const Credentials& credentials;
  const Clock& clock;
};

// What stands between "scheme://" and the path.
enum class AuthorityKind : uint8_t { kBucket, kHost, kClaim, kNone };

struct Scheme {
  std::string_view name;
  AuthorityKind authority = AuthorityKind::kBucket;
  bool path_required = true;  // without one everything there would be fetched
  // Null: known, but not supported by this build.
  Result<std::unique_ptr<StorageProvider>> (*make)(const ProviderContext& context,
                                                   const StorageUri& uri) = nullptr;
};

std::span<const Scheme> Schemes();
// Null: no such scheme.
const Scheme* FindScheme(std::string_view name);

// The provider for `uri`, which is the mirror's when a mirror holds it. ERRORS: kUnimplemented —
// the scheme is not supported; kInvalidArgument — credentials that cannot be used.
Result<std::unique_ptr<StorageProvider>> MakeProvider(const ProviderContext& context,
                                                      const StorageUri& uri);

}  // namespace throng::storage
