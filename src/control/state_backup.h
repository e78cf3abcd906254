// What people applied, as one file that can be put back: on the same state directory, or on a new
// one elsewhere. Access files, logs and what replicas hold are not in it: the next throng up makes
// them anew. All of it blocks.
//
//   BackUpState("/state", "/backups/monday.db");     // whether throng up runs or not
//   RestoreState("/backups/monday.db", "/state");    // only when it does not
#pragma once

#include <string>

#include "base/status.h"
#include "store/backup.h"

namespace throng::control {

// Replaces `file` once the copy is whole and on disk; its mode is 0600. ERRORS: kNotFound — there
// is no state; kDataLoss — it is damaged, `file` is as it was; kUnavailable — the disk.
Result<store::StoreSummary> BackUpState(const std::string& state_directory,
                                        const std::string& file);

// Checks the backup first; what the state directory held before is kept beside it as
// throng.db.before-restore (one). ERRORS: kNotFound — no backup there; kAlreadyExists — a throng up
// runs on the state; kDataLoss, kFailedPrecondition — it is damaged, or no backup; kUnavailable.
Result<store::StoreSummary> RestoreState(const std::string& file,
                                         const std::string& state_directory);

}  // namespace throng::control
