#include "gateway/access_log.h"

#include <utility>

#include "base/control_limits.h"
#include "os/disk/owned_files.h"

namespace throng::gateway {

Result<std::unique_ptr<AccessLog>> AccessLog::Open(os::EventLoop& loop, std::string path) {
  THRONG_ASSIGN_OR_RETURN(os::UniqueFd file, os::OpenForAppend(path));
  return std::make_unique<AccessLog>(loop, std::move(path), std::move(file));
}

AccessLog::AccessLog(os::EventLoop& loop, std::string path, os::UniqueFd file)
    : loop_(loop), path_(std::move(path)), file_(std::move(file)), thread_(1) {}

AccessLog::~AccessLog() {
  loop_.CancelTimer(timer_);
  Flush();
}

void AccessLog::Add(std::string_view line) {
  const size_t held = lines_.size() + unwritten_bytes_.load(std::memory_order_relaxed);
  if (held + line.size() > limits::kGatewayAccessBytes) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  lines_.append(line);
  ++line_count_;
  if (timer_ != 0) return;
  timer_ = loop_.StartTimer(loop_.clock().Now() + Duration(limits::kGatewayAccessDelay), [this] {
    timer_ = 0;
    Flush();
  });
}

void AccessLog::Flush() {
  if (lines_.empty()) return;
  unwritten_bytes_.fetch_add(lines_.size(), std::memory_order_relaxed);
  thread_.Post(
      [this, lines = std::exchange(lines_, std::string()), count = std::exchange(line_count_, 0)] {
        if (!os::AppendText(file_.get(), lines).ok())
          lost_.fetch_add(count, std::memory_order_relaxed);
        (void)os::RotateLog(path_, limits::kLogFileBytes);
        unwritten_bytes_.fetch_sub(lines.size(), std::memory_order_relaxed);
      });
}

}  // namespace throng::gateway
