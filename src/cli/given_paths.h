// Checks of the paths that a user typed, with texts that show them as typed: what the server says
// to its clients names no path, but the user's own terminal should.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/file.h"

namespace throng::cli {

// ERRORS: kNotFound — nothing is there; those of `files`.
Status CheckExists(const os::FileSystem& files, const std::string& path);

// The folder that `--option` names. Nothing given is right. ERRORS: as above; kInvalidArgument — no
// folder.
Status CheckOptionFolder(const os::FileSystem& files, std::string_view option,
                         const std::string& path);

// `status`, whose message names the path's last part (os::FileSystem), with the path as typed.
Status WithTypedPath(const Status& status, const std::string& path);

// ERRORS: kInvalidArgument — there are more than `count` arguments; names the first one too many.
Status CheckNoMore(const std::vector<std::string>& arguments, size_t count);

}  // namespace throng::cli
