// Processes: the zygotes that the front door starts, the cells that zygotes clone for it, and what
// the kernel says of them. A process is signalled through its pidfd only, so that a reused pid is
// never hit.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "os/unique_fd.h"

namespace throng::os {

struct SpawnSpec {
  std::string program;                   // a path
  std::vector<std::string> arguments;    // argv[1...]
  std::vector<std::string> environment;  // "NAME=value"; nothing is inherited
  // {ours, theirs}: descriptor `ours` becomes number `theirs` (>= 3) in the child. All others are
  // closed. Standard input is /dev/null; output and error are inherited.
  std::vector<std::pair<int, int>> descriptors;
  // It leads a process group of its own. What it clones (CloneSibling) is born into that group, by
  // which it can be told from all other children.
  bool own_group = false;
  // It goes on when its parent ends, in a session of its own; found again by its ProcessStamp.
  bool outlives_parent = false;
  int output_descriptor = -1;  // >= 0: its standard output and error
};

struct ProcessExit {
  int status_code = 0;  // exit status, when not signalled; -1: not ours to reap (any more)
  int signal = 0;       // 0: exited by itself
  int64_t cpu_time_us = 0;
};

// A child of this process, by pidfd (readable when it has ended). Movable.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  bool valid() const { return pidfd_.valid(); }
  // No effect on a process that has ended.
  void Signal(int signal_number) const;
  // How it ended; nothing while it runs. It stays the kernel's until it is reaped. Never blocks.
  std::optional<ProcessExit> Poll() const { return Wait(/*reap=*/false); }
  // Reaps it when it has ended; nothing while it runs. The kernel removes what it kept of the
  // process meanwhile, which has been seen to take 0.9 s: not for an event loop.
  std::optional<ProcessExit> TryReap() { return Wait(/*reap=*/true); }

 private:
  std::optional<ProcessExit> Wait(bool reap) const;

  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

// The child dies with the calling *thread* (PR_SET_PDEATHSIG) unless it outlives its parent, so
// call it on a thread that lives as long as the program. ERRORS: kNotFound — no such program,
// kResourceExhausted.
Result<ChildProcess> Spawn(const SpawnSpec& spec);

// Tells a process from all others, before and after it, on this machine.
struct ProcessStamp {
  pid_t pid = 0;
  uint64_t start_ticks = 0;
  std::string boot;
  bool operator==(const ProcessStamp&) const = default;
};
Result<ProcessStamp> StampOfProcess(pid_t pid);
// The process while it runs, child of ours or not. Of one that is not a child, the exit status
// stays unknown (-1). ERRORS: kNotFound — it has ended (the number may be another's now).
Result<ChildProcess> FindProcess(const ProcessStamp& stamp);

// A child made for us by another process (CLONE_PARENT). REQUIRES: not reaped yet.
Result<ChildProcess> AdoptChild(pid_t pid);

// Ends a child of this process, and reaps it; no effect on one that is not in process group `group`
// (whoever named it may be lying). Blocks until it has ended, at most `limit`. False: no effect, or
// it has not ended yet.
bool EndChildOfGroup(pid_t pid, pid_t group, Duration limit);
// The same for all children of this process in the group, except its leader and those in `keep`:
// clones whose maker was killed before it could name them. Returns how many it ended.
int EndChildrenOfGroup(pid_t group, std::span<const pid_t> keep, Duration limit);

// fork in every respect but that the new process is a sibling: its parent is the caller's parent.
// Returns 0 in the child. REQUIRES: the caller has one thread (asserted from /proc/self/task).
// Raw clone: glibc's fork handlers do not run; mutexes, threads, raise and abort work in the child
// (tried on glibc 2.36).
Result<pid_t> CloneSibling();

Result<int> ThreadCount();  // of this process
pid_t ParentProcessId();
pid_t ProcessId();
bool IsRoot();

struct MemoryUse {
  uint64_t private_bytes = 0;  // Private_Clean + Private_Dirty
  uint64_t pss_bytes = 0;
  uint64_t resident_bytes = 0;
};
// From smaps_rollup: 1.5-2.7 ms for a 128 MB process, so never on an event loop under load.
Result<MemoryUse> ReadMemoryUse(pid_t pid);
// VmData: private writable mappings, what RLIMIT_DATA bounds.
Result<uint64_t> ReadDataBytes(pid_t pid);
// User and system time of all its threads.
Result<int64_t> ReadCpuTimeUs(pid_t pid);
// Raises or lowers RLIMIT_DATA of another process. ERRORS: kPermissionDenied.
Status SetDataLimit(pid_t pid, uint64_t bytes);

// Who goes first when processes compete for a core. Needs no privilege in either direction.
enum class Urgency {
  kInteractive,  // a request waits for it
  kBackground,   // loading, warming: long turns, never in place of one that runs
};
constexpr pid_t kThisThread = 0;
// REQUIRES: a process of ours that was not reaped. Of a process (its first thread), and of the
// threads and processes that it makes later. Turns (slices) need Linux 6.12; older kernels know the
// policy only. ERRORS: kNotFound, kPermissionDenied.
Status SetUrgency(pid_t pid, Urgency urgency);

// Where this program's own executable lies: "/usr/bin/throng" -> "/usr/bin".
Result<std::string> ExecutableDirectory();
int ProcessorCount();  // that this process may use
Result<uint64_t> AvailableMemoryBytes();

}  // namespace throng::os
