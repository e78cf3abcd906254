#include "kube/field_error.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "base/utf8.h"

namespace throng::kube {
namespace {

ApiCause Cause(std::string_view reason, std::string message, std::string_view detail,
               std::string field) {
  if (!detail.empty()) message.append(": ").append(detail);
  return {.reason = std::string(reason), .message = std::move(message), .field = std::move(field)};
}

std::string ValueText(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return QuoteText(value.get_ref<const std::string&>());
    case Json::value_t::null:
      return "\"null\"";
    case Json::value_t::number_float:
      return NumberText(value.get<double>());
    default:
      return PrintJson(value);
  }
}

uint32_t CodePoint(std::string_view sequence) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(sequence[at]); };
  if (sequence.size() == 1) return byte(0);
  uint32_t value = byte(0) & (0xffU >> (sequence.size() + 1));
  for (size_t i = 1; i < sequence.size(); ++i) value = (value << 6) | (byte(i) & 0x3fU);
  return value;
}

// Beyond ASCII: the blanks, format and private characters, which would not be seen.
bool IsPrintable(uint32_t code) {
  struct Range {
    uint32_t first;
    uint32_t last;
  };
  static constexpr std::array<Range, 15> kHidden = {{{0x7f, 0xa0},
                                                     {0xad, 0xad},
                                                     {0x61c, 0x61c},
                                                     {0x1680, 0x1680},
                                                     {0x180e, 0x180e},
                                                     {0x2000, 0x200f},
                                                     {0x2028, 0x202f},
                                                     {0x205f, 0x206f},
                                                     {0x3000, 0x3000},
                                                     {0xe000, 0xf8ff},
                                                     {0xfeff, 0xfeff},
                                                     {0xfff0, 0xfffb},
                                                     {0xfffe, 0xffff},
                                                     {0xe0000, 0xe0fff},
                                                     {0xf0000, 0x10ffff}}};
  if (code < 0x20) return false;
  for (const Range& range : kHidden) {
    if (code >= range.first && code <= range.last) return false;
  }
  return true;
}

void AppendHex(std::string& out, std::string_view prefix, uint32_t value, int digits) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += prefix;
  for (int i = digits - 1; i >= 0; --i) out += kHex[(value >> (4 * i)) & 0xfU];
}

void AppendEscaped(std::string& out, uint32_t code) {
  constexpr std::string_view kNamed = "\a\b\t\n\v\f\r";
  if (code >= 7 && code <= 13) {
    out += '\\';
    out += "abtnvfr"[kNamed.find(static_cast<char>(code))];
  } else if (code < 0x20 || code == 0x7f) {
    AppendHex(out, "\\x", code, 2);
  } else if (code <= 0xffff) {
    AppendHex(out, "\\u", code, 4);
  } else {
    AppendHex(out, "\\U", code, 8);
  }
}

}  // namespace

ApiCause InvalidValue(std::string field, const Json& value, std::string_view detail) {
  return Cause("FieldValueInvalid", "Invalid value: " + ValueText(value), detail, std::move(field));
}

ApiCause TypeInvalidValue(std::string field, const Json& value, std::string_view detail) {
  return Cause("FieldValueTypeInvalid", "Invalid value: " + ValueText(value), detail,
               std::move(field));
}

ApiCause UnsupportedValue(std::string field, const Json& value,
                          std::span<const std::string_view> supported) {
  std::string detail;
  for (const std::string_view one : supported) {
    detail += (detail.empty() ? "supported values: " : ", ") + QuoteText(one);
  }
  return Cause("FieldValueNotSupported", "Unsupported value: " + ValueText(value), detail,
               std::move(field));
}

ApiCause DuplicateValue(std::string field, const Json& value) {
  return Cause("FieldValueDuplicate", "Duplicate value: " + ValueText(value), "", std::move(field));
}

ApiCause RequiredValue(std::string field, std::string_view detail) {
  return Cause("FieldValueRequired", "Required value", detail, std::move(field));
}

ApiCause ForbiddenValue(std::string field, std::string_view detail) {
  return Cause("FieldValueForbidden", "Forbidden", detail, std::move(field));
}

ApiCause TooLongValue(std::string field, size_t most_bytes) {
  return Cause("FieldValueTooLong", "Too long",
               "may not be more than " + std::to_string(most_bytes) + " bytes", std::move(field));
}

ApiCause TooManyValues(std::string field, size_t count, size_t most) {
  return Cause("FieldValueTooMany", "Too many: " + std::to_string(count),
               "must have at most " + std::to_string(most) + " items", std::move(field));
}

std::string QuoteText(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      AppendHex(out, "\\x", static_cast<unsigned char>(text.front()), 2);
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    const uint32_t code = CodePoint(sequence);
    if (code == '"' || code == '\\') {
      out.append("\\").append(sequence);
    } else if (IsPrintable(code)) {
      out += sequence;
    } else {
      AppendEscaped(out, code);
    }
    text.remove_prefix(length);
  }
  return out + "\"";
}

bool IsPrintableText(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0 || !IsPrintable(CodePoint(text.substr(0, length)))) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string CodePointText(std::string_view text) {
  constexpr uint32_t kReplacement = 0xfffd;
  const size_t length = Utf8SequenceLength(text);
  const uint32_t code = length == 0 ? kReplacement : CodePoint(text.substr(0, length));
  std::array<char, 16> buffer;
  const int written = std::snprintf(buffer.data(), buffer.size(), "U+%04X", code);
  return {buffer.data(), static_cast<size_t>(written)};
}

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e21);
  std::array<char, 64> buffer;
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  return {buffer.data(), written.ptr};
}

}  // namespace throng::kube
