#include "json/json_writer.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "json/shortest_decimal.h"

namespace throng::json {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::string_view kEllipsis = "...";

bool NeedsEscape(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

void AppendEscape(char c, std::string& out) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  static constexpr std::string_view kValues = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kNames = "\"\\bfnrt";
  out += '\\';
  if (const size_t found = kValues.find(c); found != std::string_view::npos) {
    out += kNames[found];
    return;
  }
  out += "u00";
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

// The character that starts `text`, as it stands in a literal; `length` 0: not valid UTF-8.
std::string JsonCharacter(std::string_view text, size_t length) {
  if (length == 0) return std::string(kReplacement);
  if (length > 1 || !NeedsEscape(text[0])) return std::string(text.substr(0, length));
  std::string escape;
  AppendEscape(text[0], escape);
  return escape;
}

void AppendZeros(int count, std::string& out) { out.append(static_cast<size_t>(count), '0'); }

// RapidJSON, internal/dtoa.h, Prettify: plain notation for 10^-6 <= value < 10^21.
void AppendDecimal(const Decimal& decimal, std::string& out) {
  constexpr int kLargestPlainPoint = 21;
  constexpr int kSmallestPlainPoint = -6;
  const std::string_view digits(decimal.digits, static_cast<size_t>(decimal.digit_count));
  if (decimal.point >= decimal.digit_count && decimal.point <= kLargestPlainPoint) {
    out += digits;
    AppendZeros(decimal.point - decimal.digit_count, out);
    out += ".0";
  } else if (decimal.point > 0 && decimal.point <= kLargestPlainPoint) {
    out += digits.substr(0, static_cast<size_t>(decimal.point));
    out += '.';
    out += digits.substr(static_cast<size_t>(decimal.point));
  } else if (decimal.point > kSmallestPlainPoint && decimal.point <= 0) {
    out += "0.";
    AppendZeros(-decimal.point, out);
    out += digits;
  } else {
    out += digits[0];
    if (digits.size() > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += 'e';
    AppendJsonInteger(decimal.point - 1, out);
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  for (size_t run = 0; run < text.size();) {
    size_t end = run;
    while (end < text.size() && !NeedsEscape(text[end])) ++end;
    out.append(text, run, end - run);
    if (end < text.size()) AppendEscape(text[end++], out);
    run = end;
  }
  out += '"';
}

void AppendUntrustedJsonString(std::string_view text, size_t max_bytes, std::string& out) {
  const size_t limit = out.size() + max_bytes - 1;  // keeps room for the closing quote
  out += '"';
  // Where the text can be cut so that "..." still fits.
  size_t cut = out.size();
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    const std::string character = JsonCharacter(text, length);
    if (out.size() + character.size() > limit) {
      out.resize(cut);
      out += kEllipsis;
      break;
    }
    out += character;
    if (out.size() + kEllipsis.size() <= limit) cut = out.size();
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  out += '"';
}

void AppendJsonDouble(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out += '-';
  if (std::isinf(value)) {
    out += "Infinity";
  } else if (value == 0) {
    out += "0.0";
  } else {
    AppendDecimal(ShortestDecimal(std::fabs(value)), out);
  }
}

}  // namespace throng::json
