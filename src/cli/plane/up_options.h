// The flags of `throng up`, and of the commands that talk about a running one.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "control/control_plane.h"

namespace throng::cli {

struct UpOptions {
  control::ControlPlaneOptions plane;
  bool detach = false;
  std::vector<std::string> warnings;  // for the terminal
};

// ERRORS: kInvalidArgument — the flag and its rule.
Result<UpOptions> ParseUpOptions(std::span<const std::string> arguments);
std::string UpHelp();

// What a server would say of arguments that an InferenceService gives it. ERRORS: kInvalidArgument.
Status CheckReplicaArguments(const std::vector<std::string>& arguments);

}  // namespace throng::cli
