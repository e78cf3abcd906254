#include "base/log.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/utf8.h"

namespace throng {
namespace {

void AppendHexEscape(unsigned char byte, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

std::string_view FileName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Keeps one event on one line, whatever the text holds.
std::string OneLine(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      AppendHexEscape(byte, out);
    } else {
      out += c;
    }
  }
  return out;
}

std::string GlogLine(const LogOptions& options, LogSeverity severity, WallTime now,
                     std::string_view file, int line, std::string_view text) {
  const int64_t total_us =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(total_us / 1000000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 96> prefix{};
  std::snprintf(prefix.data(), prefix.size(), "%c%02d%02d %02d:%02d:%02d.%06lld %lld ",
                "IWE"[static_cast<size_t>(severity)], utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                utc.tm_min, utc.tm_sec, static_cast<long long>(total_us % 1000000),
                static_cast<long long>(options.process_id));
  return std::string(prefix.data()) + std::string(FileName(file)) + ":" + std::to_string(line) +
         "] " + OneLine(text) + "\n";
}

std::string JsonLine(const LogOptions& options, LogSeverity severity, WallTime now,
                     std::string_view file, int line, std::string_view text) {
  static constexpr std::array<std::string_view, 3> kLevels = {"info", "warning", "error"};
  std::array<char, 40> stamp{};
  const int64_t total_us =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  std::snprintf(stamp.data(), stamp.size(), "%lld.%06lld",
                static_cast<long long>(total_us / 1000000),
                static_cast<long long>(total_us % 1000000));
  return "{\"level\":\"" + std::string(kLevels[static_cast<size_t>(severity)]) +
         "\",\"ts\":" + stamp.data() + ",\"pid\":" + std::to_string(options.process_id) +
         ",\"caller\":" + JsonQuote(std::string(FileName(file)) + ":" + std::to_string(line)) +
         ",\"msg\":" + JsonQuote(text) + "}\n";
}

}  // namespace

std::string FormatLogLine(const LogOptions& options, LogSeverity severity, WallTime now,
                          std::string_view file, int line, std::string_view text) {
  return options.format == LogFormat::kJson ? JsonLine(options, severity, now, file, line, text)
                                            : GlogLine(options, severity, now, file, line, text);
}

std::string EscapeForLog(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= max_bytes) return out + "...";
    const size_t length = Utf8SequenceLength(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0 || first < 0x20 || first == 0x7f || first == '\\') {
      AppendHexEscape(first, out);
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

std::string JsonQuote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    if (first == '"' || first == '\\') {
      out += '\\';
      out += text[0];
    } else if (first < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", first);
      out += escape.data();
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

Logger::Logger(LogOptions options, const Clock& clock, Sink sink)
    : options_(options), clock_(clock), sink_(std::move(sink)) {}

void Logger::Log(LogSeverity severity, std::string_view file, int line,
                 std::string_view text) const {
  sink_(FormatLogLine(options_, severity, clock_.WallNow(), file, line, text));
}

LogMessage::~LogMessage() { logger_.Log(severity_, file_, line_, stream_.str()); }

}  // namespace throng
