#include "os/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "os/system_call.h"
#include "os/unique_fd.h"

namespace throng::os {
namespace {

Status SetLimit(__rlimit_resource resource, const rlimit& limit) {
  if (setrlimit(resource, &limit) != 0) return ErrnoStatus("setting a resource limit", errno);
  return OkStatus();
}

// Landlock by its three system calls: no libc wraps them, and the headers of the build machine may
// be older than the kernel. Numbers and bits: linux/landlock.h of Linux 6.12.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr uint32_t kAskVersion = 1;
constexpr int kPathBeneath = 1;

constexpr uint64_t kReadFile = 1ULL << 2;
constexpr uint64_t kReadDirectory = 1ULL << 3;
constexpr int kNewestAbi = 6;

struct RulesetAttributes {
  uint64_t handled_file_access = 0;
  uint64_t handled_network_access = 0;  // from ABI 4
  uint64_t scoped = 0;                  // from ABI 6
};

struct __attribute__((packed)) PathBeneathAttributes {
  uint64_t allowed_access = 0;
  int32_t parent_fd = -1;
};

// Everything that each ABI can deny; a later one knows all of the earlier.
RulesetAttributes DenyAll(int abi) {
  RulesetAttributes attributes;
  attributes.handled_file_access = (1ULL << 13) - 1;                  // EXECUTE ... MAKE_SYM
  if (abi >= 2) attributes.handled_file_access |= 1ULL << 13;         // REFER
  if (abi >= 3) attributes.handled_file_access |= 1ULL << 14;         // TRUNCATE
  if (abi >= 4) attributes.handled_network_access = (1ULL << 2) - 1;  // BIND_TCP, CONNECT_TCP
  if (abi >= 5) attributes.handled_file_access |= 1ULL << 15;         // IOCTL_DEV
  if (abi >= 6) attributes.scoped = (1ULL << 2) - 1;  // ABSTRACT_UNIX_SOCKET, SIGNAL
  return attributes;
}

// A kernel refuses attributes that are longer than what it knows unless the rest is zero; older
// ones are given exactly their own length.
size_t AttributeBytes(int abi) {
  if (abi >= 6) return sizeof(RulesetAttributes);
  return (abi >= 4 ? 2 : 1) * sizeof(uint64_t);
}

Status AllowReading(int ruleset, const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) return OkStatus();  // nothing there to be read
  struct stat info = {};
  if (!fd.valid() || fstat(fd.get(), &info) != 0) {
    return ErrnoStatus("landlock: opening a readable path", errno);
  }
  PathBeneathAttributes attributes;
  attributes.allowed_access = S_ISDIR(info.st_mode) ? kReadFile | kReadDirectory : kReadFile;
  attributes.parent_fd = fd.get();
  if (syscall(kAddRule, ruleset, kPathBeneath, &attributes, 0U) != 0) {
    return UnimplementedError("landlock: a rule is refused");
  }
  return OkStatus();
}

}  // namespace

Status CloseAllBut(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : kept) {
    if (fd < 0) return InvalidArgumentError("a descriptor to keep is negative");
    const auto number = static_cast<unsigned>(fd);
    if (number < next) continue;
    if (number > next) CloseDescriptorRange(next, number - 1);
    next = number + 1;
  }
  CloseDescriptorRange(next, ~0U);
  return OkStatus();
}

Status DiscardOutput() {
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null.valid() || dup2(null.get(), STDOUT_FILENO) < 0 || dup2(null.get(), STDERR_FILENO) < 0) {
    return ErrnoStatus("discarding output", errno);
  }
  return OkStatus();
}

Status SetUser(uint32_t id) {
  if (id == 0 || id == static_cast<uint32_t>(-1)) {
    return InvalidArgumentError("own user: root is not one");
  }
  if (setgroups(0, nullptr) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0) {
    return ErrnoStatus("own user", errno);
  }
  // A leftover privilege would show here (a container may keep capabilities over setuid).
  if (setresuid(0, 0, 0) == 0) return InternalError("own user: root could be taken back");
  // Changing user made the process undumpable; its memory must stay measurable.
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return ErrnoStatus("own user", errno);
  return OkStatus();
}

Status DieWithParent(int expected_parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return ErrnoStatus("dying with the parent", errno);
  if (getppid() != expected_parent) {
    return FailedPreconditionError("dying with the parent: it is another process, or gone");
  }
  return OkStatus();
}

Status ApplyResourceLimits(const ResourceLimits& limits) {
  THRONG_RETURN_IF_ERROR(SetLimit(RLIMIT_CORE, {0, 0}));
  rlimit open_files = {};
  rlimit data = {};
  if (getrlimit(RLIMIT_NOFILE, &open_files) != 0 || getrlimit(RLIMIT_DATA, &data) != 0) {
    return ErrnoStatus("reading a resource limit", errno);
  }
  const rlim_t most_files = std::min<rlim_t>(limits.open_files, open_files.rlim_max);
  THRONG_RETURN_IF_ERROR(SetLimit(RLIMIT_NOFILE, {most_files, most_files}));
  if (limits.data_bytes == 0) return OkStatus();
  // The hard limit stays: the front door may have to raise the soft one without privileges.
  data.rlim_cur = std::min<rlim_t>(limits.data_bytes, data.rlim_max);
  return SetLimit(RLIMIT_DATA, data);
}

Status ApplyLandlock(std::span<const std::string> readable_paths) {
  const long abi = syscall(kCreateRuleset, nullptr, size_t{0}, kAskVersion);
  if (abi < 1) return UnimplementedError("landlock: the kernel does not offer it");
  const int known_abi = std::min(static_cast<int>(abi), kNewestAbi);
  const RulesetAttributes attributes = DenyAll(known_abi);
  const UniqueFd ruleset(
      static_cast<int>(syscall(kCreateRuleset, &attributes, AttributeBytes(known_abi), 0U)));
  if (!ruleset.valid()) return UnimplementedError("landlock: a rule set is refused");
  for (const std::string& path : readable_paths) {
    THRONG_RETURN_IF_ERROR(AllowReading(ruleset.get(), path));
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return UnimplementedError("landlock: no_new_privs is refused");
  }
  if (syscall(kRestrictSelf, ruleset.get(), 0U) != 0) {
    return UnimplementedError("landlock: refused by the kernel");
  }
  return OkStatus();
}

}  // namespace throng::os
