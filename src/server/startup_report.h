// What `throng serve` prints when it has read the folder: what it serves, what it skips and why,
// and lines to paste.
#pragma once

#include <string>

#include "repository/repository.h"

namespace throng::server {

// Counts by format, at most 10 skipped entries with their reasons, at most 10 curl lines.
std::string StartupReport(const repository::Snapshot& snapshot, const std::string& http_address,
                          uint16_t http_port);

}  // namespace throng::server
