// Compact JSON text, printed as Triton (RapidJSON) prints it: no spaces, shortest digits, whole
// numbers with ".0" when they are floating point. Stateless functions that append; thread-safe.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace throng::json {

// A string literal with its quotes. REQUIRES: valid UTF-8 (IsValidUtf8, base/utf8.h); otherwise the
// output is not JSON.
void AppendJsonString(std::string_view text, std::string& out);

// The same for text that may hold anything: each invalid byte becomes U+FFFD. At most `max_bytes`
// are appended, quotes included; longer text ends with "...". REQUIRES: max_bytes >= 16.
void AppendUntrustedJsonString(std::string_view text, size_t max_bytes, std::string& out);

// A short decimal that reads back as `value` (shortest_decimal.h), in RapidJSON's form: "1.0",
// "1e30", "0.000001", "1e-7", "-2.0964810848236086"; NaN, Infinity and -Infinity as bare words.
void AppendJsonDouble(double value, std::string& out);

template <std::integral T>
void AppendJsonInteger(T value, std::string& out) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out.append(text, end);
}

inline void AppendJsonBool(bool value, std::string& out) { out += value ? "true" : "false"; }

}  // namespace throng::json
