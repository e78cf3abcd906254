// Logging: one line per event, in glog's prefix (what readers of Triton's logs know) or as JSON.
//
//   logger.Info("model_repository_manager.cc", 737, "loading: " + name);
//   THRONG_LOG_INFO(logger) << "listening on port " << port;
//
// Text that came from outside must pass EscapeForLog first: a newline in a model's name must not
// forge a line. Thread-safe: one line is one write to the sink.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace throng {

enum class LogSeverity : uint8_t { kInfo, kWarning, kError };
enum class LogFormat : uint8_t { kGlog, kJson };

struct LogOptions {
  LogFormat format = LogFormat::kGlog;
  int verbose = 0;         // --log-verbose
  int64_t process_id = 0;  // printed in the prefix
};

// Renders one event, newline included:
//   glog  I0522 20:59:09.469834 PID file.cc:LINE] text
//   JSON  {"level":"info","ts":1621717149.469834,"pid":PID,"caller":"file.cc:LINE","msg":"text"}
// The glog stamp is in UTC. Control characters in `text` are escaped.
std::string FormatLogLine(const LogOptions& options, LogSeverity severity, WallTime now,
                          std::string_view file, int line, std::string_view text);

// Printable form of untrusted bytes: control characters, quotes' backslash and invalid UTF-8 as
// \xNN; cut at `max_bytes` with "...".
std::string EscapeForLog(std::string_view text, size_t max_bytes = 256);

// A JSON string literal with its quotes; invalid UTF-8 becomes U+FFFD.
std::string JsonQuote(std::string_view text);

// Thread-safe.
class Logger {
 public:
  using Sink = std::function<void(std::string_view line)>;

  Logger(LogOptions options, const Clock& clock, Sink sink);

  const LogOptions& options() const { return options_; }
  void Log(LogSeverity severity, std::string_view file, int line, std::string_view text) const;
  void Info(std::string_view file, int line, std::string_view text) const {
    Log(LogSeverity::kInfo, file, line, text);
  }

 private:
  const LogOptions options_;
  const Clock& clock_;
  const Sink sink_;
};

// One event being composed; writes it when it goes out of scope.
class LogMessage {
 public:
  LogMessage(const Logger& logger, LogSeverity severity, const char* file, int line)
      : logger_(logger), severity_(severity), file_(file), line_(line) {}
  LogMessage(const LogMessage&) = delete;
  LogMessage& operator=(const LogMessage&) = delete;
  ~LogMessage();
  std::ostream& stream() { return stream_; }

 private:
  const Logger& logger_;
  const LogSeverity severity_;
  const char* const file_;
  const int line_;
  std::ostringstream stream_;
};

}  // namespace throng

#define THRONG_LOG_AT(logger, severity) \
  ::throng::LogMessage((logger), (severity), __FILE__, __LINE__).stream()
#define THRONG_LOG_INFO(logger) THRONG_LOG_AT(logger, ::throng::LogSeverity::kInfo)
#define THRONG_LOG_WARNING(logger) THRONG_LOG_AT(logger, ::throng::LogSeverity::kWarning)
#define THRONG_LOG_ERROR(logger) THRONG_LOG_AT(logger, ::throng::LogSeverity::kError)
