// The system call filter of os/sandbox.h: libseccomp writes the program once, each cell patches its
// own process number into it and hands it to the kernel.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "os/memory_file.h"
#include "os/sandbox.h"
#include "os/system_call.h"

namespace throng::os {
namespace {

// Stands for the process number of the cell, which does not exist yet when the filter is compiled.
// Above every real one (PID_MAX_LIMIT is 2^22), and no constant of the rest of the program.
constexpr uint32_t kProcessIdPlaceholder = 0x5eed7617;

constexpr std::array<const char*, 27> kAlwaysAllowed = {
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "rt_sigreturn",
    "restart_syscall",
    "mremap",
    "munmap",
    "madvise",
    "brk",
    "futex",
    "read",
    "write",
    "recvmsg",
    "sendmsg",
    "poll",
    "ppoll",
    "close",
    "getpid",
    "gettid",
    "sched_yield",
    "getrandom",
    "rseq",
    "exit",
    "exit_group",
    "rt_sigprocmask",
    "rt_sigaction",
    "set_robust_list",
};
// Rules with conditions on arguments; only the first two may be widened by a backend.
constexpr std::array<std::string_view, 5> kConditional = {"mmap", "mprotect", "tgkill", "clone",
                                                          "clone3"};
constexpr size_t kWidenable = 2;
constexpr int kFirstNoErrno = 4095;  // MAX_ERRNO of libseccomp

// Every flag that gives the new thread a namespace of its own, sched.h. (CLONE_NEWTIME shares its
// bit with the exit signal and only clone3 knows it.)
constexpr scmp_datum_t kNamespaceFlags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

struct ReleaseContext {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

Status RuleStatus(std::string_view name, int result) {
  if (result == 0) return OkStatus();
  return ErrnoStatus("syscall filter: rule for " + std::string(name), -result);
}

Status AddConditionalRules(scmp_filter_ctx context) {
  THRONG_RETURN_IF_ERROR(
      RuleStatus("tgkill", seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
                                            scmp_arg_cmp{0, SCMP_CMP_EQ, kProcessIdPlaceholder, 0},
                                            scmp_arg_cmp{2, SCMP_CMP_EQ, SIGABRT, 0})));
  THRONG_RETURN_IF_ERROR(RuleStatus(
      "clone", seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | kNamespaceFlags,
                                             CLONE_THREAD})));
  // glibc then takes clone for a thread; the flags of clone3 lie in memory, out of a filter's
  // reach.
  return RuleStatus("clone3",
                    seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
}

uint32_t ActionOf(const SyscallRule& rule) {
  return rule.action == SyscallRule::Action::kAllow
             ? SCMP_ACT_ALLOW
             : SCMP_ACT_ERRNO(static_cast<uint32_t>(rule.errno_value));
}

// mmap and mprotect: always allowed without PROT_EXEC; with it killed, unless a rule of the backend
// says otherwise.
Status AddMappingRules(scmp_filter_ctx context, std::span<const SyscallRule> extra) {
  for (const std::string_view name : std::span(kConditional).first(kWidenable)) {
    const int number = seccomp_syscall_resolve_name(std::string(name).c_str());
    THRONG_RETURN_IF_ERROR(
        RuleStatus(name, seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 1,
                                          scmp_arg_cmp{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0})));
    for (const SyscallRule& rule : extra) {
      if (rule.name != name) continue;
      THRONG_RETURN_IF_ERROR(RuleStatus(
          name, seccomp_rule_add(context, ActionOf(rule), number, 1,
                                 scmp_arg_cmp{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC})));
    }
  }
  return OkStatus();
}

Status AddExtraRule(scmp_filter_ctx context, const SyscallRule& rule) {
  const bool refused = rule.action == SyscallRule::Action::kErrno;
  if (refused && (rule.errno_value <= 0 || rule.errno_value >= kFirstNoErrno)) {
    return InvalidArgumentError("syscall filter: no errno for " + rule.name);
  }
  const auto conditional = std::find(kConditional.begin(), kConditional.end(), rule.name);
  if (conditional != kConditional.end()) {
    if (conditional - kConditional.begin() < static_cast<ptrdiff_t>(kWidenable)) return OkStatus();
    return InvalidArgumentError("syscall filter: the rule for " + rule.name + " is fixed");
  }
  const int number = seccomp_syscall_resolve_name(rule.name.c_str());
  if (number < 0) {
    return InvalidArgumentError("syscall filter: this architecture has no system call '" +
                                rule.name + "'");
  }
  const auto is_rule = [&rule](const char* name) { return rule.name == name; };
  if (std::any_of(kAlwaysAllowed.begin(), kAlwaysAllowed.end(), is_rule)) {
    if (!refused) return OkStatus();
    return InvalidArgumentError("syscall filter: " + rule.name + " is always allowed");
  }
  return RuleStatus(rule.name, seccomp_rule_add(context, ActionOf(rule), number, 0));
}

Result<Context> BuildContext(std::span<const SyscallRule> extra) {
  Context context(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (context == nullptr) return ResourceExhaustedError("syscall filter: out of memory");
  THRONG_RETURN_IF_ERROR(
      RuleStatus("foreign architectures",
                 seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)));
  for (const char* name : kAlwaysAllowed) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0) continue;  // poll exists on some architectures only
    THRONG_RETURN_IF_ERROR(
        RuleStatus(name, seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0)));
  }
  THRONG_RETURN_IF_ERROR(AddConditionalRules(context.get()));
  for (const SyscallRule& rule : extra) {
    THRONG_RETURN_IF_ERROR(AddExtraRule(context.get(), rule));
  }
  THRONG_RETURN_IF_ERROR(AddMappingRules(context.get(), extra));
  return context;
}

// libseccomp before 2.6 exports to a descriptor only.
Result<std::vector<sock_filter>> Export(scmp_filter_ctx context) {
  THRONG_ASSIGN_OR_RETURN(const UniqueFd file, CreateMemoryFile("throng-syscall-filter"));
  THRONG_RETURN_IF_ERROR(RuleStatus("export", seccomp_export_bpf(context, file.get())));
  THRONG_ASSIGN_OR_RETURN(const uint64_t size_bytes, FileSize(file.get()));
  std::vector<sock_filter> instructions(size_bytes / sizeof(sock_filter));
  const ssize_t count = pread(file.get(), instructions.data(), size_bytes, 0);
  if (count < 0 || static_cast<uint64_t>(count) != size_bytes ||
      instructions.size() > std::numeric_limits<unsigned short>::max()) {
    return InternalError("syscall filter: the compiled program cannot be read");
  }
  return instructions;
}

bool ComparesWithProcessId(const sock_filter& instruction) {
  return instruction.code == (BPF_JMP | BPF_JEQ | BPF_K) && instruction.k == kProcessIdPlaceholder;
}

}  // namespace

struct SyscallFilter::Program {
  std::vector<sock_filter> instructions;
};

SyscallFilter::SyscallFilter(std::unique_ptr<Program> program) : program_(std::move(program)) {}
SyscallFilter::SyscallFilter(SyscallFilter&&) noexcept = default;
SyscallFilter& SyscallFilter::operator=(SyscallFilter&&) noexcept = default;
SyscallFilter::~SyscallFilter() = default;

Result<SyscallFilter> SyscallFilter::Compile(std::span<const SyscallRule> extra) {
  THRONG_ASSIGN_OR_RETURN(const Context context, BuildContext(extra));
  auto program = std::make_unique<Program>();
  THRONG_ASSIGN_OR_RETURN(program->instructions, Export(context.get()));
  if (std::none_of(program->instructions.begin(), program->instructions.end(),
                   ComparesWithProcessId)) {
    return InternalError("syscall filter: the compiled program does not check tgkill");
  }
  return SyscallFilter(std::move(program));
}

Status SyscallFilter::Apply() const {
  std::vector<sock_filter> instructions = program_->instructions;
  for (sock_filter& instruction : instructions) {
    if (ComparesWithProcessId(instruction)) instruction.k = static_cast<uint32_t>(getpid());
  }
  sock_fprog program = {};
  program.len = static_cast<unsigned short>(instructions.size());
  program.filter = instructions.data();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return UnimplementedError("syscall filter: no_new_privs is refused");
  }
  const long result =
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (result > 0) return UnimplementedError("syscall filter: a thread could not be included");
  if (result < 0) return UnimplementedError("syscall filter: refused by the kernel");
  return OkStatus();
}

}  // namespace throng::os
