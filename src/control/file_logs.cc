#include "control/file_logs.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "os/file.h"

namespace throng::control {
namespace {

using kube::server::LogQuery;
using kube::server::LogReading;

constexpr std::chrono::milliseconds kFollowEvery{100};
constexpr uint64_t kChunkBytes = 256 * 1024;

std::optional<int> Digits(std::string_view text, size_t at, size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  const auto parsed = std::from_chars(text.data() + at, text.data() + at + count, value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + at + count) return std::nullopt;
  return value;
}

// "I0522 20:59:09.469834".
std::optional<WallTime> TimeOfGlogLine(std::string_view line, WallTime now) {
  const auto month = Digits(line, 1, 2);
  const auto day = Digits(line, 3, 2);
  const auto hour = Digits(line, 6, 2);
  const auto minute = Digits(line, 9, 2);
  const auto second = Digits(line, 12, 2);
  const int microsecond = Digits(line, 15, 6).value_or(0);
  if (!month || !day || !hour || !minute || !second) return std::nullopt;
  const auto today = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day calendar{
      std::chrono::time_point_cast<std::chrono::days>(today)};
  for (const int years_back : {0, 1}) {
    const auto date = std::chrono::year_month_day{calendar.year() - std::chrono::years(years_back),
                                                  std::chrono::month(static_cast<unsigned>(*month)),
                                                  std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) continue;
    const WallTime time = std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                          std::chrono::minutes(*minute) + std::chrono::seconds(*second) +
                          std::chrono::microseconds(microsecond);
    if (time <= now + std::chrono::hours(24)) return time;
  }
  return std::nullopt;
}

// Puts before each line the time that it tells; before one that tells none, that of the line
// before, or when the file was written last. A line that is not whole yet is kept back.
class LineStamper {
 public:
  // Of what comes next. `written`: when the file was written last; `is_end`: nothing follows.
  std::string Stamp(std::string_view text, WallTime written, bool is_end) {
    std::string out;
    rest_ += text;
    size_t start = 0;
    while (start < rest_.size()) {
      const size_t newline = rest_.find('\n', start);
      const bool is_whole = newline != std::string::npos;
      if (!is_whole && !is_end && rest_.size() - start < kChunkBytes) break;
      const size_t end = is_whole ? newline + 1 : rest_.size();
      const std::string_view line = std::string_view(rest_).substr(start, end - start);
      last_ = TimeOfLogLine(line, written).value_or(last_.value_or(written));
      out += kube::MicroTimestamp(*last_) + " ";
      out += line;
      start = end;
    }
    rest_.erase(0, start);
    return out;
  }

 private:
  std::string rest_;
  std::optional<WallTime> last_;
};

WallTime ModifiedAt(const os::FileInfo& info) {
  return WallTime(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(info.modified_ns)));
}

class FileReading final : public LogReading {
 public:
  FileReading(os::EventLoop& loop, std::string path, const LogQuery& query,
              FileLogs::IsOver is_over, kube::server::LogSource::Sink sink)
      : loop_(loop),
        path_(std::move(path)),
        query_(query),
        is_over_(std::move(is_over)),
        sink_(std::move(sink)) {
    loop_.Post([this, alive = alive_] {
      if (*alive) ReadFirst();
    });
  }
  ~FileReading() override {
    *alive_ = false;
    if (timer_ != 0) loop_.CancelTimer(timer_);
  }

 private:
  void ReadFirst() {
    const auto info = os::RealFileSystem().Stat(path_);
    const uint64_t size = info.ok() ? info->size_bytes : 0;
    const uint64_t start = size > limits::kLogReplyBytes ? size - limits::kLogReplyBytes : 0;
    auto text = os::RealFileSystem().ReadRange(path_, start, size - start);
    if (!text.ok()) return sink_.finish(text.status());
    offset_ = start + text->size();
    std::string_view shown = *text;
    // Cut within a line: the rest of it tells nothing.
    if (start > 0) shown.remove_prefix(std::min(shown.find('\n') + 1, shown.size()));
    if (query_.since) shown = Since(shown);
    if (query_.tail_lines) shown.remove_prefix(StartOfLastLines(shown, *query_.tail_lines));
    const auto alive = alive_;
    if (info.ok()) modified_ = ModifiedAt(*info);
    if (!Show(shown, !query_.follow) || !*alive) return;
    if (query_.follow) return Later();
    sink_.finish(OkStatus());
  }

  std::string_view Since(std::string_view text) const {
    const WallTime now = loop_.clock().WallNow();
    for (std::string_view rest = text; !rest.empty();) {
      const auto time = TimeOfLogLine(rest.substr(0, rest.find('\n')), now);
      if (time && *time >= now - *query_.since) return rest;
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    }
    return {};
  }

  // False: that was all that was asked for.
  bool Show(std::string_view text, bool is_end) {
    std::string stamped;
    if (query_.timestamps) {
      stamped = stamper_.Stamp(text, modified_, is_end);
      text = stamped;
    }
    const bool is_limited = query_.limit_bytes.has_value();
    if (is_limited) text = text.substr(0, *query_.limit_bytes - shown_bytes_);
    shown_bytes_ += text.size();
    const auto alive = alive_;
    if (!text.empty()) sink_.write(text);
    if (!*alive) return false;
    if (!is_limited || shown_bytes_ < *query_.limit_bytes) return true;
    sink_.finish(OkStatus());
    return false;
  }

  void Later() {
    timer_ = loop_.StartTimer(loop_.clock().Now() + kFollowEvery, [this] {
      timer_ = 0;
      ReadMore();
    });
  }

  bool IsOver() const { return is_over_ && is_over_(query_.name_space, query_.pod); }

  void ReadMore() {
    const bool is_over = IsOver();  // before the last of it is read
    const auto info = os::RealFileSystem().Stat(path_);
    // The replica is gone, and its log with it.
    if (!info.ok() || info->kind == os::FileKind::kAbsent) return sink_.finish(OkStatus());
    if (info->size_bytes < offset_) offset_ = 0;
    modified_ = ModifiedAt(*info);
    const auto alive = alive_;
    while (offset_ < info->size_bytes) {
      const auto text = os::RealFileSystem().ReadRange(path_, offset_, kChunkBytes);
      if (!text.ok() || text->empty()) break;
      offset_ += text->size();
      if (!Show(*text, false) || !*alive) return;
    }
    if (is_over) {
      if (!Show({}, true) || !*alive) return;
      return sink_.finish(OkStatus());
    }
    Later();
  }

  os::EventLoop& loop_;
  const std::string path_;
  const LogQuery query_;
  const FileLogs::IsOver is_over_;
  kube::server::LogSource::Sink sink_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Executor::TimerId timer_ = 0;
  uint64_t offset_ = 0;
  uint64_t shown_bytes_ = 0;
  WallTime modified_;
  LineStamper stamper_;
};

}  // namespace

std::optional<WallTime> TimeOfLogLine(std::string_view line, WallTime now) {
  constexpr std::string_view kStamp = "\"ts\":";
  if (line.empty() || line.front() != '{') return TimeOfGlogLine(line, now);
  const size_t at = line.find(kStamp);
  if (at == std::string_view::npos) return std::nullopt;
  constexpr double kLatest = 9e9;  // of 64 bits of nanoseconds
  double seconds = 0;
  const char* begin = line.data() + at + kStamp.size();
  if (std::from_chars(begin, line.data() + line.size(), seconds).ec != std::errc()) {
    return std::nullopt;
  }
  // Also when it is no number.
  if (!(seconds >= 0 && seconds < kLatest)) return std::nullopt;
  return WallTime(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

size_t StartOfLastLines(std::string_view text, uint64_t count) {
  if (count == 0) return text.size();
  size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  while (at > 0) {
    if (text[at - 1] == '\n' && --count == 0) return at;
    --at;
  }
  return 0;
}

Result<std::unique_ptr<LogReading>> FileLogs::Read(const LogQuery& query, const kube::Json&,
                                                   Sink sink) {
  THRONG_ASSIGN_OR_RETURN(std::string path, locator_(query.name_space, query.pod, query.container));
  if (query.previous) {
    path += ".1";
    const auto info = os::RealFileSystem().Stat(path);
    if (!info.ok() || info->kind == os::FileKind::kAbsent) {
      return NotFoundError("previous terminated container \"" + query.container + "\" in pod \"" +
                           query.pod + "\" not found");
    }
  }
  return std::unique_ptr<LogReading>(
      std::make_unique<FileReading>(loop_, std::move(path), query, is_over_, std::move(sink)));
}

}  // namespace throng::control
