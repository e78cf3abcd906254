// EventLoop: epoll, timers and posted tasks on one thread; the real Executor.
//
//   EventLoop loop(clock);            // Create() fails only without descriptors
//   loop.Watch(fd, kReadable, [&](uint32_t events) { ... });
//   loop.Run();                       // until Stop()
//
// Level-triggered. A handler may Watch, Unwatch (itself too) and Post freely. Everything but Post,
// Stop and IsCurrent must be called on the loop's thread (or before Run).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/executor.h"
#include "base/status.h"

namespace throng::os {

inline constexpr uint32_t kReadable = 1;
inline constexpr uint32_t kWritable = 2;
// Always reported, never asked for: the peer hung up or the descriptor failed.
inline constexpr uint32_t kHangUp = 4;

class EventLoop : public Executor {
 public:
  using Handler = std::function<void(uint32_t events)>;

  // ERRORS: kResourceExhausted — no descriptor left.
  static Result<std::unique_ptr<EventLoop>> Create(const Clock& clock);

  // Takes no ownership of `fd`. `exclusive` asks for EPOLLEXCLUSIVE (listening sockets shared by
  // loops). Watching a watched descriptor replaces its handler and interest.
  virtual Status Watch(int fd, uint32_t interest, Handler handler, bool exclusive = false) = 0;
  // Changes the interest (0: only hang-ups). REQUIRES: watched.
  virtual void SetInterest(int fd, uint32_t interest) = 0;
  // No handler of `fd` runs after this returns. No effect when not watched.
  virtual void Unwatch(int fd) = 0;

  // Runs `task` once at the end of the current round of events, before the loop waits again: the
  // place to write what several events produced in one system call.
  virtual void AtEndOfRound(Task task) = 0;

  // Runs until Stop().
  virtual void Run() = 0;
  // Runs one round, waiting at most `timeout` for something to do (tests).
  virtual void RunOnce(Duration timeout) = 0;
  // Thread-safe, and safe in a signal handler.
  virtual void Stop() = 0;
};

// The real clocks (CLOCK_MONOTONIC, CLOCK_REALTIME). Lives as long as the program.
const Clock& RealClock();

}  // namespace throng::os
