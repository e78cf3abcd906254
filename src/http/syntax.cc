#include "http/syntax.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace throng::http {
namespace {

enum CharacterClass : uint8_t { kToken = 1, kValue = 2, kTarget = 4, kHost = 8 };

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes{};
  for (size_t c = 0; c < classes.size(); ++c) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric) classes[c] |= kToken | kHost;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) classes[c] |= kValue;
    if (c > 0x20 && c < 0x7f && c != '#') classes[c] |= kTarget;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    classes[static_cast<unsigned char>(c)] |= kToken;
  }
  for (const char c : std::string_view("-._~!$&'()*+;=:[]%")) {
    classes[static_cast<unsigned char>(c)] |= kHost;
  }
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = MakeClasses();

bool AllOf(std::string_view text, uint8_t character_class) {
  uint8_t common = character_class;
  for (const char c : text) common &= kClasses[static_cast<unsigned char>(c)];
  return common != 0;
}

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int HexadecimalDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

bool IsToken(std::string_view text) { return !text.empty() && AllOf(text, kToken); }

bool IsFieldValue(std::string_view text) { return AllOf(text, kValue); }

bool IsRequestTarget(std::string_view text) { return !text.empty() && AllOf(text, kTarget); }

bool IsAuthority(std::string_view text) { return AllOf(text, kHost); }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return ToLower(x) == ToLower(y);
         });
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ListHasToken(std::string_view list, std::string_view token) {
  while (true) {
    const size_t comma = list.find(',');
    if (EqualsIgnoringCase(TrimBlanks(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<uint64_t> ParseDecimal(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

std::optional<uint64_t> ParseHexadecimal(std::string_view text) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = HexadecimalDigit(c);
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<uint64_t>(digit);
  }
  return value;
}

bool DecodePercent(std::string_view text, std::string& decoded) {
  decoded.clear();
  while (true) {
    const size_t escape = text.find('%');
    decoded.append(text.substr(0, escape));
    if (escape == std::string_view::npos) return true;
    if (text.size() - escape < 3) return false;
    const int high = HexadecimalDigit(text[escape + 1]);
    const int low = HexadecimalDigit(text[escape + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
    decoded.push_back(static_cast<char>(high * 16 + low));
    text.remove_prefix(escape + 3);
  }
}

std::string_view ReasonPhrase(int status) {
  struct Row {
    int status;
    std::string_view phrase;
  };
  static constexpr std::array<Row, 30> kRows = {{
      {200, "OK"},
      {100, "Continue"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  for (const Row& row : kRows) {
    if (row.status == status) return row.phrase;
  }
  return "Unknown";
}

}  // namespace throng::http
