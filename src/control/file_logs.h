// FileLogs: the logs of pods, which are files of this machine. Following one looks at the file a
// few times a second; a log that was rotated is read on from its new start. One event loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kube/server/log_handler.h"
#include "os/event_loop.h"

namespace throng::control {

class FileLogs final : public kube::server::LogSource {
 public:
  // The file of a pod's container. ERRORS: kNotFound.
  using Locator = std::function<Result<std::string>(
      const std::string& name_space, const std::string& pod, const std::string& container)>;

  // Whether nothing is written any more: following such a log ends at its end.
  using IsOver = std::function<bool(const std::string& name_space, const std::string& pod)>;

  FileLogs(os::EventLoop& loop, Locator locator, IsOver is_over = nullptr)
      : loop_(loop), locator_(std::move(locator)), is_over_(std::move(is_over)) {}

  Result<std::unique_ptr<kube::server::LogReading>> Read(const kube::server::LogQuery& query,
                                                         const kube::Json& pod, Sink sink) override;

 private:
  os::EventLoop& loop_;
  const Locator locator_;
  const IsOver is_over_;
};

// When a line was written: a JSON line's "ts", or glog's prefix (which has no year: the one that
// makes it not later than a day from `now`). Nothing when it does not say.
std::optional<WallTime> TimeOfLogLine(std::string_view line, WallTime now);

// Where the last `count` lines of `text` start.
size_t StartOfLastLines(std::string_view text, uint64_t count);

}  // namespace throng::control
