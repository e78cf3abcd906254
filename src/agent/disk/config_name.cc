#include "agent/disk/config_name.h"

#include <algorithm>

namespace throng::agent {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '+';
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Goes through the fields of the outermost message. A name is followed by ':' and a value, or by
  // a message; only depth matters for the rest.
  std::optional<std::string> FindName() {
    for (SkipBlanks(); !text_.empty(); SkipBlanks()) {
      const char c = text_.front();
      if (c == '"' || c == '\'') {
        std::optional<std::string> value = ReadStrings();
        if (!value || IsName()) return value;
        after_colon_ = false;
      } else if (IsWordByte(c)) {
        word_ = ReadWord();
        after_colon_ = false;
      } else if (!ReadSign()) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  // What was read last is "name:" of the outermost message.
  bool IsName() const { return depth_ == 0 && after_colon_ && word_ == "name"; }

  // False: more ends than begins.
  bool ReadSign() {
    const char c = text_.front();
    text_.remove_prefix(1);
    after_colon_ = c == ':';
    if (c == '{' || c == '<' || c == '[') ++depth_;
    if (c == '}' || c == '>' || c == ']') --depth_;
    return depth_ >= 0;
  }

  void SkipBlanks() {
    while (!text_.empty()) {
      if (text_.front() == '#') {
        text_.remove_prefix(std::min(text_.find('\n'), text_.size()));
      } else if (IsBlank(text_.front())) {
        text_.remove_prefix(1);
      } else {
        return;
      }
    }
  }

  std::string ReadWord() {
    size_t length = 0;
    while (length < text_.size() && IsWordByte(text_[length])) ++length;
    std::string word(text_.substr(0, length));
    text_.remove_prefix(length);
    return word;
  }

  // Strings that follow each other are one.
  std::optional<std::string> ReadStrings() {
    std::string value;
    for (; !text_.empty() && (text_.front() == '"' || text_.front() == '\''); SkipBlanks()) {
      if (!ReadString(value)) return std::nullopt;
    }
    return value;
  }

  bool ReadString(std::string& value) {
    const char quote = text_.front();
    text_.remove_prefix(1);
    while (!text_.empty() && text_.front() != '\n') {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == quote) return true;
      if (c != '\\') {
        value += c;
      } else if (!ReadEscape(value)) {
        return false;
      }
    }
    return false;
  }

  bool ReadEscape(std::string& value) {
    if (text_.empty()) return false;
    const char c = text_.front();
    if (IsOctal(c)) return ReadNumber(8, 3, value);
    text_.remove_prefix(1);
    if (c == 'x' || c == 'X') return ReadNumber(16, 2, value);
    constexpr std::string_view kLetters = "abfnrtv";
    constexpr std::string_view kBytes = "\a\b\f\n\r\t\v";
    const size_t letter = kLetters.find(c);
    value += letter == std::string_view::npos ? c : kBytes[letter];
    return true;
  }

  bool ReadNumber(int base, int most_digits, std::string& value) {
    int number = 0;
    int digits = 0;
    for (; digits < most_digits && !text_.empty(); ++digits) {
      const int digit = HexValue(text_.front());
      if (digit < 0 || digit >= base) break;
      number = number * base + digit;
      text_.remove_prefix(1);
    }
    value += static_cast<char>(number);
    return digits > 0;
  }

  std::string_view text_;
  int depth_ = 0;
  std::string word_;  // the last one
  bool after_colon_ = false;
};

}  // namespace

std::optional<std::string> ConfigName(std::string_view config_text) {
  return Scanner(config_text).FindName();
}

}  // namespace throng::agent
