// What `throng serve` prints when it has read the folder: what it serves, what it skips and why,
// and lines to paste.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "repository/repository.h"
#include "server/server_options.h"

namespace throng::server {

// Counts by format, at most 10 skipped entries with their reasons, at most 10 models with lines to
// paste. With --load explicit only the models that are loaded at the start count as served.
// `http_port`: the real one; 0: HTTP is off, and there is nothing to paste.
std::string StartupReport(const repository::Snapshot& snapshot, const ServerOptions& options,
                          uint16_t http_port);

// A text of a SkippedEntry for a terminal: as it is when it is printable, which it should be;
// otherwise escaped. Cut at `max_bytes`.
std::string ReportText(std::string_view text, size_t max_bytes);

}  // namespace throng::server
