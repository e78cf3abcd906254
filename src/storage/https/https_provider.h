// https:// and http://: one object from a web server, as it is or, when its name or type says that
// it is an archive (.tar, .tar.gz, .tgz, .zip), to be unpacked.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {

Result<std::unique_ptr<StorageProvider>> MakeHttpsProvider(const ProviderContext& context,
                                                           const StorageUri& uri);

// Reads `rest` below the web address `base`, whatever the URI says (mirrors): the object of that
// name, or the archive beside it.
Result<std::unique_ptr<StorageProvider>> MakeWebMirrorProvider(const ProviderContext& context,
                                                               const std::string& base,
                                                               const std::string& rest);

// ".tar", ".tgz", ".zip" or "" by the file's name; by `content_type` only when the name has no
// suffix: a model file may well be sent as application/zip, because PyTorch's are.
std::string ArchiveKind(std::string_view file_name, std::string_view content_type);

}  // namespace throng::storage
