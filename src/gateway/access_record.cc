#include "gateway/access_record.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "base/control_limits.h"
#include "base/log.h"

namespace throng::gateway {
namespace {

std::string Timestamp(WallTime time) {
  const int64_t total_us =
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(total_us / 1000000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(total_us % 1000000));
  return text.data();
}

void AddText(std::string& line, const char* key, std::string_view value) {
  line.append(",\"").append(key).append("\":").append(
      JsonQuote(value.substr(0, limits::kGatewayLoggedBytes)));
}

void AddNumber(std::string& line, const char* key, uint64_t value) {
  line.append(",\"").append(key).append("\":").append(std::to_string(value));
}

void AddMilliseconds(std::string& line, const char* key, Duration value) {
  std::array<char, 32> text{};
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(value).count();
  std::snprintf(text.data(), text.size(), "%lld.%03d", static_cast<long long>(us / 1000),
                static_cast<int>(us % 1000));
  line.append(",\"").append(key).append("\":").append(text.data());
}

}  // namespace

std::string_view CauseOfSlowness(const AccessRecord& record) {
  struct Part {
    Duration time;
    std::string_view cause;
  };
  const std::array<Part, 4> parts = {{
      {record.waited, "waited for a ready replica"},
      {record.earlier, "other replicas first"},
      {record.first_byte + record.body - record.client_slow, "upstream"},
      {record.client_slow, "client"},
  }};
  const Part* longest = &parts[0];
  for (const Part& part : parts) {
    if (part.time > longest->time) longest = &part;
  }
  return longest->cause;
}

std::string FormatAccessLine(const AccessRecord& record, Duration slow_after) {
  std::string line = "{\"time\":\"" + Timestamp(record.arrived) + "\"";
  AddText(line, "host", record.host);
  AddText(line, "method", record.method);
  AddText(line, "path", record.path);
  AddNumber(line, "status", static_cast<uint64_t>(record.status));
  AddNumber(line, "request_bytes", record.request_bytes);
  AddNumber(line, "bytes", record.reply_bytes);
  AddMilliseconds(line, "total_ms", record.total);
  AddMilliseconds(line, "wait_ms", record.waited);
  AddMilliseconds(line, "earlier_ms", record.earlier);
  AddMilliseconds(line, "first_byte_ms", record.first_byte);
  AddMilliseconds(line, "client_ms", record.client_slow);
  AddText(line, "replica", record.replica);
  AddNumber(line, "attempts", static_cast<uint64_t>(record.attempts));
  AddText(line, "client", record.client);
  AddText(line, "request_id", record.request_id);
  if (record.cut) line.append(",\"cut\":true");
  if (record.total >= slow_after) AddText(line, "slow", CauseOfSlowness(record));
  return line + "}\n";
}

}  // namespace throng::gateway
