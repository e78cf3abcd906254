// The misbehaviours of the null runner: what a compromised framework might try. Each acts with
// plain system calls, past the SDK. In a confined cell most end the process; where one comes back,
// it says how it went.
//
//   open_file connect fork clone3 exec ptrace signal thread_signal map_exec    what a cell may not
//   do map_huge leak                   memory: `bytes` at once, or `bytes` more with every call
//   truncate_arena write_past       shrinks both arenas, then writes behind the output arena
//   garbage_frames wrong_call_id answer_twice huge_output bad_bytes    lies to the front door
//   deaf_garbage claim_hours        never reads again and sends garbage; claims to have computed
//   for
//                                   ever, and leaves
//   print                           writes to standard output and error, then echoes
//   never_answer spin               does not come back, idle or busy
//   exit segfault abort raise       ends, or throws
//
// ptrace, signal and thread_signal go for the front door: outside a sandbox `signal` and
// `thread_signal` do kill it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runners/sdk/backend.h"
#include "wire/messages.h"

namespace throng::null_runner {

// What a hostile cell has found out before it was locked down.
struct Surroundings {
  int front_door_pid = 0;
  int socket = -1;
  std::vector<int> memory_files;  // duplicates of the arenas' descriptors
};
Surroundings LookAround();

bool IsHostileBehavior(std::string_view name);

// `outputs` is null while loading. ERRORS: kInternal — what came of it.
Status Misbehave(std::string_view behavior, uint64_t bytes, const Surroundings& surroundings,
                 sdk::OutputSink* outputs);

[[noreturn]] void LeaveQuietly();
[[noreturn]] void CrashSelf();

}  // namespace throng::null_runner
