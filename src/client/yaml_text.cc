#include "client/yaml_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/utf8.h"

namespace throng::client {
namespace {

using kube::Json;

// What YAML 1.1 readers take for something else than text.
constexpr std::array<std::string_view, 33> kWords = {
    "",    "~",   "null", "Null", "NULL",  "y",     "Y",     "yes",  "Yes",  "YES",  "n",
    "N",   "no",  "No",   "NO",   "true",  "True",  "TRUE",  "on",   "On",   "ON",   "off",
    "Off", "OFF", "<<",   "=",    "false", "False", "FALSE", ".nan", ".NaN", ".NAN", ".inf"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Numbers of all kinds, times and dates: everything that begins as one and has none but their
// characters. A quote too many does no harm.
bool LooksLikeNumber(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF") return true;
  if (rest.empty() || (!IsDigit(rest[0]) && rest[0] != '.')) return false;
  for (const auto& [prefix, digits] : {std::pair("0x", "0123456789abcdefABCDEF_"),
                                       std::pair("0o", "01234567_"), std::pair("0b", "01_")}) {
    if (!rest.starts_with(prefix)) continue;
    return rest.find_first_not_of(digits, 2) == std::string_view::npos;
  }
  if (rest.find_first_of("0123456789") == std::string_view::npos) return false;
  const bool is_number = rest.find_first_not_of("0123456789_.eE+-:") == std::string_view::npos;
  // 2021-05-22T20:56:12Z
  const bool is_time = rest.size() >= 10 && rest[4] == '-' &&
                       rest.find_first_not_of("0123456789-:.TtZz+ ") == std::string_view::npos;
  if (is_time) return true;
  if (!is_number) return false;
  // Versions and addresses ("1.2.3", "127.0.0.1") are text; so is "1-2".
  const auto dots = std::count(rest.begin(), rest.end(), '.');
  const size_t sign = rest.find_first_of("+-");
  const bool sign_is_exponent =
      sign == std::string_view::npos ||
      (sign > 0 && (rest[sign - 1] == 'e' || rest[sign - 1] == 'E') && sign + 1 < rest.size());
  return dots <= 1 && sign_is_exponent;
}

bool HasSpecial(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      if ((byte < 0x20 && byte != '\n') || byte == 0x7f) return true;
      ++i;
      continue;
    }
    const size_t length = Utf8SequenceLength(text.substr(i));
    if (length == 0) return true;
    const std::string_view sequence = text.substr(i, length);
    // Controls (C1), line separators, the byte order mark.
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
    if (sequence == "\u2028" || sequence == "\u2029" || sequence == "\ufeff") return true;
    i += length;
  }
  return false;
}

bool PlainIsRead(std::string_view text) {
  constexpr std::string_view kIndicators = "#,[]{}&*!|>'\"%@`";
  if (text.empty() || text.front() == ' ' || text.back() == ' ') return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (kIndicators.find(text[0]) != std::string_view::npos) return false;
  const bool alone = text.size() == 1 || text[1] == ' ';
  if ((text[0] == '-' || text[0] == '?') && alone) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && (i + 1 == text.size() || text[i + 1] == ' ')) return false;
    if (text[i] == '#' && i > 0 && text[i - 1] == ' ') return false;
  }
  return true;
}

std::string DoubleQuoted(std::string_view text) {
  // JSON's escapes are YAML's; nlohmann replaces what is no UTF-8.
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string SingleQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += '\'';
  }
  return out + "'";
}

// On one line.
std::string Flow(std::string_view text) {
  const bool is_word = std::find(kWords.begin(), kWords.end(), text) != kWords.end();
  if (HasSpecial(text) || text.find('\n') != std::string_view::npos) return DoubleQuoted(text);
  if (is_word || LooksLikeNumber(text)) return DoubleQuoted(text);
  return PlainIsRead(text) ? std::string(text) : SingleQuoted(text);
}

bool CanBeBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || HasSpecial(text)) return false;
  if (text.find(" \n") != std::string_view::npos || text.back() == ' ') return false;
  return text.find_first_not_of('\n') != std::string_view::npos;
}

class Writer {
 public:
  std::string Take() { return std::move(out_); }

  // `in_list`: it follows a "- ", so that its first line is not indented.
  void Value(const Json& json, size_t level, bool in_list) {
    if (json.is_object() && !json.empty()) return Object(json, level, in_list);
    if (json.is_array() && !json.empty()) return Array(json, level, in_list);
    if (json.is_string()) return Text(json.get_ref<const std::string&>(), level);
    out_ += json.dump() + "\n";
  }

 private:
  void Object(const Json& json, size_t level, bool in_list) {
    bool first = in_list;
    for (const auto& [key, value] : json.items()) {
      if (!std::exchange(first, false)) out_.append(level * 2, ' ');
      out_ += Flow(key) + ":";
      if (value.is_object() && !value.empty()) {
        out_ += '\n';
        Object(value, level + 1, false);
      } else if (value.is_array() && !value.empty()) {
        out_ += '\n';
        Array(value, level, false);
      } else {
        out_ += ' ';
        Value(value, level + 1, true);
      }
    }
  }

  void Array(const Json& json, size_t level, bool in_list) {
    bool first = in_list;
    for (const Json& value : json) {
      if (!std::exchange(first, false)) out_.append(level * 2, ' ');
      out_ += "- ";
      Value(value, level + 1, true);
    }
  }

  void Text(const std::string& text, size_t level) {
    if (!CanBeBlock(text)) {
      out_ += Flow(text) + "\n";
      return;
    }
    out_ += '|';
    if (text[0] == ' ' || text[0] == '\n') out_ += '2';
    const size_t last = text.find_last_not_of('\n');
    const size_t breaks = text.size() - last - 1;
    if (breaks != 1) out_ += breaks == 0 ? '-' : '+';
    out_ += '\n';
    size_t at = 0;
    while (at < text.size()) {
      const size_t end = std::min(text.find('\n', at), text.size());
      if (end > at) out_.append(level * 2, ' ').append(text, at, end - at);
      out_ += '\n';
      at = end + 1;
    }
  }

  std::string out_;
};

}  // namespace

std::string PrintYaml(const Json& json) {
  Writer writer;
  writer.Value(json, 0, false);
  return writer.Take();
}

std::string PrintGoJson(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i, 3);
    if (text[i] == '<' || text[i] == '>' || text[i] == '&') {
      out += text[i] == '<' ? "\\u003c" : text[i] == '>' ? "\\u003e" : "\\u0026";
    } else if (rest == "\u2028" || rest == "\u2029") {
      out += rest == "\u2028" ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out + "\n";
}

}  // namespace throng::client
