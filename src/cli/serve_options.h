// The flags of `throng serve`: Triton's names where Triton has the flag.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "cli/options/option_table.h"
#include "server/server_options.h"

namespace throng::cli {

// ERRORS: kInvalidArgument — see OptionTable; contradicting values; no folder.
Result<server::ServerOptions> ParseServeOptions(std::span<const std::string> arguments);

std::string ServeHelp();

}  // namespace throng::cli
