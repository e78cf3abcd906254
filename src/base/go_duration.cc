#include "base/go_duration.h"

#include <array>
#include <cstdint>
#include <optional>

namespace throng {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};

// The longer of two that begin alike comes first.
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\xC2\xB5s", 1'000},  // micro sign
                                         {"\xCE\xBCs", 1'000},  // Greek letter mu
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};
constexpr int64_t kMost = 1'000'000'000'000'000'000;  // 31 years
constexpr int64_t kMostDigits = 100'000'000'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

Status BadDuration(std::string_view text) {
  return InvalidArgumentError("'" + std::string(text.substr(0, 40)) +
                              "' is no duration; write one as 60s, 1m30s or 500ms");
}

// "12.5": whole part, and what follows the point as a number below one.
struct Number {
  int64_t whole = 0;
  double fraction = 0;
};

std::optional<Number> TakeNumber(std::string_view& text) {
  Number number;
  size_t digits = 0;
  while (!text.empty() && IsDigit(text.front())) {
    if (number.whole >= kMostDigits) return std::nullopt;
    number.whole = number.whole * 10 + (text.front() - '0');
    text.remove_prefix(1);
    ++digits;
  }
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    double scale = 1;
    while (!text.empty() && IsDigit(text.front())) {
      scale /= 10;
      number.fraction += (text.front() - '0') * scale;
      text.remove_prefix(1);
      ++digits;
    }
  }
  if (digits == 0) return std::nullopt;
  return number;
}

const Unit* TakeUnit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (text.substr(0, unit.name.size()) != unit.name) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

// `value` in units of 10^digits, without zeros at the end: 1500 and 3 digits are "1.5".
std::string Decimal(int64_t value, int digits) {
  std::string fraction;
  for (int i = 0; i < digits; ++i) {
    const char digit = static_cast<char>('0' + value % 10);
    value /= 10;
    if (digit != '0' || !fraction.empty()) fraction.insert(fraction.begin(), digit);
  }
  return std::to_string(value) + (fraction.empty() ? "" : "." + fraction);
}

}  // namespace

Result<Duration> ParseGoDuration(std::string_view text) {
  const std::string_view all = text;
  if (text == "0") return Duration(0);
  if (text.empty()) return BadDuration(all);
  int64_t total = 0;
  while (!text.empty()) {
    const auto number = TakeNumber(text);
    if (!number) return BadDuration(all);
    const Unit* unit = TakeUnit(text);
    if (unit == nullptr || number->whole > kMost / unit->nanoseconds) return BadDuration(all);
    total += number->whole * unit->nanoseconds +
             static_cast<int64_t>(number->fraction * static_cast<double>(unit->nanoseconds) + 0.5);
    if (total > kMost) return BadDuration(all);
  }
  return Duration(total);
}

std::string GoDurationText(Duration duration) {
  const int64_t value = duration.count();
  if (value == 0) return "0s";
  if (value < 1'000) return std::to_string(value) + "ns";
  if (value < 1'000'000) return Decimal(value, 3) + "\xC2\xB5s";
  if (value < 1'000'000'000) return Decimal(value, 6) + "ms";
  const int64_t minutes = value / 60'000'000'000;
  std::string text = Decimal(value % 60'000'000'000, 9) + "s";
  if (minutes == 0) return text;
  text = std::to_string(minutes % 60) + "m" + text;
  return minutes < 60 ? text : std::to_string(minutes / 60) + "h" + text;
}

}  // namespace throng
