// Signals as readable events: blocked for the whole program, then read from a descriptor on an
// event loop, so that no code of ours ever runs inside a signal handler.
#pragma once

#include <initializer_list>
#include <optional>

#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

// Blocks `signals` in this thread (and those it starts later) and returns a non-blocking descriptor
// that is readable when one arrives. Those that whoever started the program ignores (nohup, a
// shell's background job) stay ignored. Call it before the first thread.
Result<UniqueFd> WatchSignals(std::initializer_list<int> signals);
// The next signal that arrived; nothing when there is none.
std::optional<int> ReadSignal(int fd);
// Writing to a closed connection becomes an error instead of a signal.
void IgnoreBrokenPipes();
// SIGUSR1 and SIGUSR2 mean nothing to us; by default they would end the program.
void IgnoreUserSignals();

// Raises the soft limit of open files to the hard one; returns what it is now.
uint64_t RaiseOpenFileLimit();

}  // namespace throng::os
