// file://: models in directories of this machine that the operator allows (--file-root), the
// directories that stand for claims (pvc://), and those behind mirrors. Nothing outside of them is
// reached: names are looked up beneath an open directory, and symbolic links are followed only
// while they stay inside.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "os/disk/directory_tree.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {

// The provider of a file:// URI. ERRORS: kPermissionDenied — it lies below no file root.
Result<std::unique_ptr<StorageProvider>> MakeFileProvider(const ProviderContext& context,
                                                          const StorageUri& uri);

// The provider of a pvc:// URI: the directory that stands for its claim. ERRORS: kNotFound — none
// does, and the message names the flag.
Result<std::unique_ptr<StorageProvider>> MakeClaimProvider(const ProviderContext& context,
                                                           const StorageUri& uri);

// The provider of `rest` below `root`, whatever the URI says (mirrors). ERRORS: kNotFound.
Result<std::unique_ptr<StorageProvider>> MakeDirectoryProvider(const std::string& root,
                                                               const std::string& rest);

}  // namespace throng::storage
