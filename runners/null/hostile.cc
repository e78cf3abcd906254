#include "runners/null/hostile.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "runners/null/null_model.h"

namespace throng::null_runner {
namespace {

constexpr int kDescriptorsLookedAt = 64;
constexpr uint64_t kNoSuchCall = 0xdeadbeefdeadbeef;
constexpr uint64_t kPageBytes = 4096;

Status Outcome(std::string_view what, long result) {
  if (result >= 0) return InternalError(std::string(what) + " succeeded");
  return InternalError(std::string(what) + " was refused: " + std::strerror(errno));
}

Status OpenFile() { return Outcome("open", open("/etc/passwd", O_RDONLY | O_CLOEXEC)); }

Status Connect() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Outcome("socket", fd);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  Status outcome = Outcome("connect", result);
  close(fd);
  return outcome;
}

Status Fork() {
  const long pid = syscall(SYS_fork);
  if (pid == 0) _exit(0);
  return Outcome("fork", pid);
}

Status Clone3() {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid == 0) _exit(0);
  return Outcome("clone3", pid);
}

Status Exec() {
  char program[] = "/bin/true";
  std::array<char*, 2> arguments = {program, nullptr};
  return Outcome("exec", execve(program, arguments.data(), nullptr));
}

Status MapExecutable() {
  void* memory = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return Outcome("executable memory", memory == MAP_FAILED ? -1 : 0);
}

Status Take(uint64_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return Outcome("taking memory", -1);
  auto* touched = static_cast<volatile char*>(memory);
  for (uint64_t i = 0; i < bytes; i += kPageBytes) touched[i] = 1;
  return OkStatus();
}

Status TruncateArenas(const Surroundings& surroundings) {
  long result = -1;
  for (const int fd : surroundings.memory_files) result = std::max<long>(result, ftruncate(fd, 0));
  return Outcome("truncating", result);
}

Status WritePast(sdk::OutputSink* outputs) {
  if (outputs == nullptr) return InternalError("there is no output to write past while loading");
  THRONG_ASSIGN_OR_RETURN(std::span<std::byte> space,
                          outputs->Allocate(0, tensor::DataType::kUint8, {1}, 1));
  auto* end = reinterpret_cast<volatile char*>(space.data());
  for (uint64_t i = 0;; i += kPageBytes) end[i] = 1;
}

// The id of the call that runs now, from the arena that the SDK writes it to. 0: not found.
uint64_t RunningCallId(const Surroundings& surroundings) {
  for (const int fd : surroundings.memory_files) {
    void* memory = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) continue;  // the input arena cannot be written
    wire::ArenaHeader header;
    std::memcpy(&header, memory, sizeof(header));
    munmap(memory, kPageBytes);
    if (header.running_call_id != 0) return header.running_call_id;
  }
  return 0;
}

Status SendGarbage(const Surroundings& surroundings) {
  std::array<unsigned char, 4096> garbage;
  uint64_t state = 0x9e3779b97f4a7c15;
  for (unsigned char& byte : garbage) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<unsigned char>(state >> 56);
  }
  return Outcome("garbage", write(surroundings.socket, garbage.data(), garbage.size()));
}

Status SendReply(const Surroundings& surroundings, uint64_t call_id,
                 const wire::ExecuteReply& reply) {
  std::vector<std::byte> frame;
  wire::Encode(call_id, reply, frame);
  const ssize_t count = write(surroundings.socket, frame.data(), frame.size());
  return count < 0 ? Outcome("a reply", count) : OkStatus();
}

// While it waits, what it is sent piles up in its socket.
Status GoDeafAndSendGarbage(const Surroundings& surroundings) {
  constexpr int kPileUpMilliseconds = 100;
  SleepMilliseconds(kPileUpMilliseconds);
  (void)SendGarbage(surroundings);
  SleepMilliseconds(-1);
  return OkStatus();
}

Status ClaimHours(const Surroundings& surroundings) {
  wire::ExecuteReply reply;
  reply.compute_ns = UINT64_MAX;
  THRONG_RETURN_IF_ERROR(SendReply(surroundings, RunningCallId(surroundings), reply));
  _exit(0);
}

Status Print() {
  constexpr std::string_view kText = "\nprinted by a model\n";
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (write(fd, kText.data(), kText.size()) < 0) return Outcome("printing", -1);
  }
  return OkStatus();
}

Status ClaimHugeOutput(const Surroundings& surroundings) {
  wire::ExecuteReply reply;
  reply.outputs_produced = uint64_t{1} << 62;
  reply.outputs.push_back(
      {0, tensor::DataType::kUint8, {1 << 20}, wire::Slice{uint64_t{1} << 60, 1 << 20}});
  THRONG_RETURN_IF_ERROR(SendReply(surroundings, RunningCallId(surroundings), reply));
  SleepMilliseconds(-1);
  return OkStatus();
}

// A length that runs past the end.
Status ReturnBadBytes(sdk::OutputSink* outputs) {
  if (outputs == nullptr) return InternalError("there is no output while loading");
  THRONG_ASSIGN_OR_RETURN(std::span<std::byte> space,
                          outputs->Allocate(0, tensor::DataType::kBytes, {1}, 8));
  std::fill(space.begin(), space.end(), std::byte{0xff});
  return OkStatus();
}

[[noreturn]] void Spin() {
  volatile uint64_t turns = 0;
  for (;;) {
    const uint64_t next = turns + 1;
    turns = next;
  }
}

struct Attempt {
  std::string_view behavior;
  uint64_t bytes;
  const Surroundings& surroundings;
  sdk::OutputSink* outputs;
};

struct Row {
  std::string_view name;
  Status (*act)(const Attempt& attempt);
};

constexpr Row kRows[] = {
    {"open_file", [](const Attempt&) { return OpenFile(); }},
    {"connect", [](const Attempt&) { return Connect(); }},
    {"fork", [](const Attempt&) { return Fork(); }},
    {"clone3", [](const Attempt&) { return Clone3(); }},
    {"exec", [](const Attempt&) { return Exec(); }},
    {"ptrace",
     [](const Attempt& attempt) {
       return Outcome("ptrace", ptrace(PTRACE_ATTACH, attempt.surroundings.front_door_pid, 0, 0));
     }},
    {"signal",
     [](const Attempt& attempt) {
       return Outcome("kill", kill(attempt.surroundings.front_door_pid, SIGKILL));
     }},
    {"thread_signal",
     [](const Attempt& attempt) {
       const int pid = attempt.surroundings.front_door_pid;
       return Outcome("tgkill", syscall(SYS_tgkill, pid, pid, SIGKILL));
     }},
    {"map_exec", [](const Attempt&) { return MapExecutable(); }},
    {"map_huge",
     [](const Attempt& attempt) {
       Status status = Take(attempt.bytes);
       return status.ok() ? Outcome("taking memory", 0) : status;
     }},
    {"leak", [](const Attempt& attempt) { return Take(attempt.bytes); }},
    {"truncate_arena", [](const Attempt& attempt) { return TruncateArenas(attempt.surroundings); }},
    {"write_past", [](const Attempt& attempt) { return WritePast(attempt.outputs); }},
    {"garbage_frames", [](const Attempt& attempt) { return SendGarbage(attempt.surroundings); }},
    {"wrong_call_id",
     [](const Attempt& attempt) { return SendReply(attempt.surroundings, kNoSuchCall, {}); }},
    {"answer_twice",
     [](const Attempt& attempt) {
       return SendReply(attempt.surroundings, RunningCallId(attempt.surroundings), {});
     }},
    {"huge_output", [](const Attempt& attempt) { return ClaimHugeOutput(attempt.surroundings); }},
    {"deaf_garbage",
     [](const Attempt& attempt) { return GoDeafAndSendGarbage(attempt.surroundings); }},
    {"claim_hours", [](const Attempt& attempt) { return ClaimHours(attempt.surroundings); }},
    {"print", [](const Attempt&) { return Print(); }},
    {"bad_bytes", [](const Attempt& attempt) { return ReturnBadBytes(attempt.outputs); }},
    {"never_answer",
     [](const Attempt&) {
       SleepMilliseconds(-1);
       return OkStatus();
     }},
    {"spin", [](const Attempt&) -> Status { Spin(); }},
    {"exit", [](const Attempt&) -> Status { _exit(0); }},
    {"segfault", [](const Attempt&) -> Status { CrashSelf(); }},
    {"abort", [](const Attempt&) -> Status { abort(); }},
    {"raise",
     [](const Attempt&) -> Status {
       throw std::runtime_error("raised in /opt/null/model.cc:7 at 0x7f00deadbeef");
     }},
};

const Row* FindRow(std::string_view name) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& candidate) { return candidate.name == name; });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace

Surroundings LookAround() {
  Surroundings surroundings;
  surroundings.front_door_pid = getppid();
  for (int fd = 3; fd < kDescriptorsLookedAt; ++fd) {
    struct stat info {};
    if (fstat(fd, &info) != 0) continue;
    if (S_ISSOCK(info.st_mode)) surroundings.socket = fd;
    if (S_ISREG(info.st_mode)) surroundings.memory_files.push_back(fd);
  }
  // The SDK closes its own once it has mapped them.
  for (int& fd : surroundings.memory_files) fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return surroundings;
}

bool IsHostileBehavior(std::string_view name) { return FindRow(name) != nullptr; }

Status Misbehave(std::string_view behavior, uint64_t bytes, const Surroundings& surroundings,
                 sdk::OutputSink* outputs) {
  return FindRow(behavior)->act({behavior, bytes, surroundings, outputs});
}

void LeaveQuietly() { _exit(0); }

void CrashSelf() {
  volatile int* nowhere = nullptr;
  for (;;) *nowhere = 1;
}

}  // namespace throng::null_runner
