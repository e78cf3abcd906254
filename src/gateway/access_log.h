// The access log: one line for each request, in a file with a bound (limits::kLogFileBytes, one
// older is kept). Lines are gathered and written by a thread of its own, after the requests that
// they are about, so that no request waits for a disk; what a slow disk leaves no room for is lost
// and counted. Called on the loop's thread.
//
//   auto log = AccessLog::Open(loop, "logs/access.log");
//   options.proxy.access_log = [&](std::string_view line) { (*log)->Add(line); };
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "os/event_loop.h"
#include "os/thread_pool.h"
#include "os/unique_fd.h"

namespace throng::gateway {

class AccessLog {
 public:
  // ERRORS: of the file.
  static Result<std::unique_ptr<AccessLog>> Open(os::EventLoop& loop, std::string path);
  AccessLog(os::EventLoop& loop, std::string path, os::UniqueFd file);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  // Writes what is not written yet.
  ~AccessLog();

  // A line with its end.
  void Add(std::string_view line);
  uint64_t lost_count() const { return lost_.load(std::memory_order_relaxed); }

 private:
  void Flush();

  os::EventLoop& loop_;
  const std::string path_;
  const os::UniqueFd file_;
  std::string lines_;
  uint64_t line_count_ = 0;
  os::EventLoop::TimerId timer_ = 0;
  std::atomic<size_t> unwritten_bytes_{0};  // given to the thread
  std::atomic<uint64_t> lost_{0};
  os::ThreadPool thread_;  // last: its work uses what is above
};

}  // namespace throng::gateway
