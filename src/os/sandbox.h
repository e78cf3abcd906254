// What confines a cell: descriptors, user, rlimits, Landlock, seccomp. Each part reports whether it
// was applied, because kernels and containers refuse some; the front door shows that
// (--sandbox required makes any refusal fatal).
//
// Order in a new cell (each later step would block an earlier one):
//   CloseAllBut → DiscardOutput → SetUser → DieWithParent → ApplyResourceLimits → ApplyLandlock →
//   (framework's own warm-up) → SyscallFilter::Apply → first user byte.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace throng::os {

// What a cell reports of its sandbox, in its Hello.
struct SandboxReport {
  bool syscall_filter = false;
  bool landlock = false;
  bool own_user = false;  // only ever true when started as root
  bool resource_limits = false;
  std::string refused;  // "landlock (kernel without it), own user (not root)"; safe text
};

// A syscall by name and what happens when it is called. Names that the architecture lacks are an
// error, so that a typing mistake cannot open a hole.
struct SyscallRule {
  enum class Action : uint8_t { kAllow, kErrno } action = Action::kAllow;
  std::string name;
  int errno_value = 0;
};

// Allow-list with SECCOMP_RET_KILL_PROCESS as the default. Compiled once (in the zygote, ~1 ms) and
// applied in each cell by one system call.
class SyscallFilter {
 public:
  // Always in: clock_gettime clock_getres gettimeofday rt_sigreturn restart_syscall mremap mmap
  // munmap mprotect madvise brk futex read write recvmsg sendmsg poll ppoll close getpid gettid
  // tgkill sched_yield getrandom rseq exit exit_group rt_sigprocmask rt_sigaction set_robust_list;
  // clone3 → ENOSYS; clone only with CLONE_THREAD and no new namespace; mmap and mprotect without
  // PROT_EXEC; tgkill only SIGABRT to ourselves (abort: a SIGKILL of its own would pass for one
  // from outside). `extra` adds to that: a rule for mmap or mprotect says what PROT_EXEC does
  // there (kAllow for a framework that generates code, or an errno; killed without a rule).
  // ERRORS: kInvalidArgument — an unknown name, kErrno for what is always in, clone*, tgkill.
  static Result<SyscallFilter> Compile(std::span<const SyscallRule> extra);

  SyscallFilter(SyscallFilter&&) noexcept;
  SyscallFilter& operator=(SyscallFilter&&) noexcept;
  ~SyscallFilter();

  // Sets no_new_privs and the filter, on every thread of this process (TSYNC). ERRORS:
  // kUnimplemented — the kernel or container refuses.
  Status Apply() const;

 private:
  struct Program;
  explicit SyscallFilter(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

// Closes every descriptor except those listed and 0, 1, 2.
Status CloseAllBut(std::span<const int> keep);
// Standard output and error become /dev/null.
Status DiscardOutput();
// Real, effective and saved user and group become `id`; supplementary groups are dropped.
Status SetUser(uint32_t id);
// SIGKILL when the parent thread dies; fails when the parent is no longer `expected_parent`.
Status DieWithParent(int expected_parent);

struct ResourceLimits {
  uint64_t data_bytes = 0;   // RLIMIT_DATA, the soft one (SetDataLimit moves it); 0: as it is
  uint64_t open_files = 64;  // RLIMIT_NOFILE
};
// Also RLIMIT_CORE 0. ERRORS: kPermissionDenied.
Status ApplyResourceLimits(const ResourceLimits& limits);

// No file access at all, except reading beneath `readable_paths`; no TCP bind or connect where the
// kernel's ABI knows them; no signals or abstract sockets to outside (ABI 6). Restricts the calling
// thread and its later children only: call it before the first thread. Sets no_new_privs. ERRORS:
// kUnimplemented.
Status ApplyLandlock(std::span<const std::string> readable_paths);

}  // namespace throng::os
