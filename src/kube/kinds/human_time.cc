#include "kube/kinds/human_time.h"

namespace throng::kube {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kFirstYear = 1900;
constexpr int kLastYear = 2149;

std::chrono::year_month_day Day(int year) {
  return {std::chrono::year(year), std::chrono::January, std::chrono::day(1)};
}

// Digits only, exactly `length` of them at `at`.
std::optional<int> Digits(std::string_view text, size_t at, size_t length) {
  if (text.size() < at + length) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, length)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "Z", "+02:00", "-07:30".
std::optional<minutes> ParseOffset(std::string_view text) {
  if (text == "Z" || text == "z") return minutes(0);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const std::optional<int> hour = Digits(text, 1, 2);
  const std::optional<int> minute = Digits(text, 4, 2);
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  const minutes offset = hours(*hour) + minutes(*minute);
  return text[0] == '-' ? -offset : offset;
}

// ".123456" at the front of `text`, which is shortened by it.
std::optional<Duration> TakeFraction(std::string_view& text) {
  if (text.empty() || text[0] != '.') return Duration(0);
  text.remove_prefix(1);
  int64_t value_ns = 0;
  int64_t unit_ns = 100'000'000;
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
    value_ns += (text[count] - '0') * unit_ns;
    unit_ns /= 10;
    ++count;
  }
  if (count == 0 || count > 9) return std::nullopt;
  text.remove_prefix(count);
  return Duration(value_ns);
}

std::string Pair(int64_t first, std::string_view first_unit, int64_t second,
                 std::string_view second_unit) {
  std::string text = std::to_string(first);
  text += first_unit;
  if (second != 0) {
    text += std::to_string(second);
    text += second_unit;
  }
  return text;
}

}  // namespace

std::optional<WallTime> ParseTimestamp(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const auto year = Digits(text, 0, 4);
  const auto month = Digits(text, 5, 2);
  const auto day = Digits(text, 8, 2);
  const auto hour = Digits(text, 11, 2);
  const auto minute = Digits(text, 14, 2);
  const auto second = Digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  text.remove_prefix(19);
  const std::optional<Duration> fraction = TakeFraction(text);
  const std::optional<minutes> offset = ParseOffset(text);
  if (!fraction || !offset) return std::nullopt;
  // The difference of any two must fit into 64 bits of nanoseconds.
  if (*year < kFirstYear) return WallTime(std::chrono::sys_days(Day(kFirstYear)));
  if (*year > kLastYear) return WallTime(std::chrono::sys_days(Day(kLastYear + 1)));
  return WallTime(std::chrono::sys_days(date)) + hours(*hour) + minutes(*minute) +
         seconds(*second) + *fraction - *offset;
}

std::string HumanDuration(Duration duration) {
  const int64_t whole_seconds = std::chrono::duration_cast<seconds>(duration).count();
  if (whole_seconds < -1) return "<invalid>";
  if (whole_seconds < 0) return "0s";
  if (whole_seconds < 120) return std::to_string(whole_seconds) + "s";
  const int64_t whole_minutes = whole_seconds / 60;
  if (whole_minutes < 10) return Pair(whole_minutes, "m", whole_seconds % 60, "s");
  if (whole_minutes < 180) return std::to_string(whole_minutes) + "m";
  const int64_t whole_hours = whole_minutes / 60;
  if (whole_hours < 8) return Pair(whole_hours, "h", whole_minutes % 60, "m");
  if (whole_hours < 48) return std::to_string(whole_hours) + "h";
  const int64_t whole_days = whole_hours / 24;
  if (whole_days < 8) return Pair(whole_days, "d", whole_hours % 24, "h");
  if (whole_days < 2 * 365) return std::to_string(whole_days) + "d";
  if (whole_days < 8 * 365) return Pair(whole_days / 365, "y", whole_days % 365, "d");
  return std::to_string(whole_days / 365) + "y";
}

std::string AgeSince(std::string_view timestamp, WallTime now) {
  // Go's zero time.
  if (timestamp.empty() || timestamp == "0001-01-01T00:00:00Z") return "<unknown>";
  const std::optional<WallTime> time = ParseTimestamp(timestamp);
  if (!time) return "<invalid>";
  return HumanDuration(now - *time);
}

}  // namespace throng::kube
