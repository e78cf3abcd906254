// Files and directories that a program keeps for itself under its state directory: private to its
// user, locked by one process, appended to as logs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/process.h"
#include "os/unique_fd.h"

namespace throng::os {

// Makes `path` and what is missing above it. What it makes has mode 0700. A directory that was
// there must belong to this user and be closed to others, else its mode is set to 0700. ERRORS:
// kPermissionDenied — it is another user's; kFailedPrecondition — it is no directory.
Status EnsurePrivateDirectory(const std::string& path);

// For appending, made with mode 0600.
Result<UniqueFd> OpenForAppend(const std::string& path);
// One write; what does not fit is lost.
Status AppendText(int fd, std::string_view text);
// Created with mode 0600 or replaced, atomically, and durable. Its draft is `path`.new: what has
// that name is removed, never written to; one writer at a time.
Status WritePrivateFile(const std::string& path, std::string_view content);
// An empty file in place of a log that has grown over `max_bytes`; the old one becomes `path`.1
// (its content is copied, since writers keep the file open). True: it was.
Result<bool> RotateLog(const std::string& path, uint64_t max_bytes);
// No effect when there is no such file.
Status RemoveFile(const std::string& path);
// Everything below, without following links. No effect when it is absent.
Status RemoveDirectoryTree(const std::string& path);

// Held while the descriptor, or one that a child inherited, is open. Nothing: another holds it, and
// does not merely look (IsLocked), which is waited out for a fifth of a second.
Result<std::optional<UniqueFd>> TryLockFile(const std::string& path);
// False: nobody holds it, or there is no such file.
Result<bool> IsLocked(const std::string& path);

uint32_t EffectiveUserId();
// "NAME=value" of this process, for a child that is to have the same.
std::vector<std::string> Environment();

// A process of this user that was started with `NAME=value` in its environment. ERRORS: kNotFound.
Result<ProcessStamp> FindProcessByEnvironment(const std::string& assignment);

}  // namespace throng::os
