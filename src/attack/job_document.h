// What a job of requests is handed to its process as: the plan and all files that it names, in one
// text; and what the process leaves behind when it is done. Pure.
#pragma once

#include <string>

#include "attack/pipeline.h"
#include "attack/targets.h"
#include "base/status.h"

namespace throng::attack {

struct AttackJob {
  AttackPlan plan;
  AttackFiles files;
};

std::string AttackJobText(const AttackJob& job);
// ERRORS: kInvalidArgument.
Result<AttackJob> ParseAttackJob(const std::string& text);

// {"exit":0,"message":"","finishedAtNs":N}: what job launchers read. `finished_at` by the wall.
std::string AttackResultText(int exit_status, const std::string& message, WallTime finished_at);

}  // namespace throng::attack
