// The part of JsonReader that reads tensor data: the hot path of a request.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "json/decimal_real.h"
#include "json/json_reader.h"

namespace throng::json {
namespace {

constexpr const char* kInvalidValue = "Invalid value.";

// One look-up for a sign or a digit.
constexpr std::array<bool, 256> kStartsNumber = [] {
  std::array<bool, 256> starts{};
  for (size_t c = '0'; c <= '9'; ++c) starts[c] = true;
  starts['-'] = true;
  return starts;
}();

// True when the decimal number in `token` is at least 1. REQUIRES: JSON's grammar, and a value that
// is too large or too small for a double, so that only the exponent matters.
bool IsHuge(std::string_view token) {
  const size_t exponent_at = token.find_first_of("eE");
  const std::string_view digits = token.substr(0, exponent_at);
  const size_t first = digits.find_first_of("123456789");
  const size_t point = std::min(digits.find('.'), digits.size());
  if (first == std::string_view::npos) return false;
  int64_t exponent = 0;
  if (exponent_at != std::string_view::npos) {
    std::string_view text = token.substr(exponent_at + 1);
    if (text.front() == '+') text.remove_prefix(1);
    const bool negative = text.front() == '-';
    if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc()) {
      return !negative;
    }
  }
  // Position of the first digit that counts, relative to the point.
  const int64_t magnitude =
      first < point ? static_cast<int64_t>(point - first) : -static_cast<int64_t>(first - point);
  return exponent > 0 ? exponent > -magnitude : magnitude > -exponent;
}

}  // namespace

bool JsonReader::DataError(std::string text) {
  data_error_ = std::move(text);
  return false;
}

bool JsonReader::WrongLeaf(const char* expected) {
  const size_t offset = Offset();
  if (Peek() == Kind::kEnd) return FailAt(kInvalidValue, next_);
  return DataError("expected " + std::string(expected) + " at offset " + std::to_string(offset));
}

std::string JsonReader::CountError(uint64_t expected_count, uint64_t count) {
  // A count above the expected one is where reading stopped.
  return "Shape does not match true shape of 'data' field: expected " +
         std::to_string(expected_count) + " elements, got " +
         (count > expected_count ? "more" : std::to_string(count));
}

JsonReader::Step JsonReader::NextLeaf(Cursor& cursor) {
  using After = Cursor::After;
  for (;;) {
    SkipSpace();
    if (next_ == end_) {
      FailAt("Missing a comma or ] after an array element.", next_);
      return Step::kError;
    }
    const char c = *next_;
    if (cursor.after == After::kValue) {
      if (c == ',') {
        ++next_;
        cursor.after = After::kComma;
        continue;
      }
      if (c != ']') {
        FailAt("Missing a comma or ] after an array element.", next_);
        return Step::kError;
      }
    } else if (c == '[') {
      if (depth_ + ++cursor.level > limits::kJsonDepth) {
        FailAt("Nested deeper than 64 levels.", next_);
        return Step::kError;
      }
      ++next_;
      cursor.after = After::kOpening;
      continue;
    } else if (c != ']' || cursor.after == After::kComma || cursor.level == 0) {
      cursor.after = After::kValue;
      return Step::kLeaf;
    }
    ++next_;
    cursor.after = After::kValue;
    if (--cursor.level == 0) return Step::kDone;
  }
}

bool JsonReader::SkipTensorData(uint64_t& leaf_count) {
  if (Peek() != Kind::kArray) return WrongLeaf("an array");
  leaf_count = 0;
  Cursor cursor;
  for (;;) {
    const Step step = NextLeaf(cursor);
    if (step != Step::kLeaf) return step == Step::kDone;
    do {
      if (*next_ == '{') return WrongLeaf("a number, a string, true or false");
      if (IsDigit(*next_) ? !ScanNumber() : !SkipScalar(Constants::kAccepted)) return false;
      ++leaf_count;
    } while (SkipCommaBeforeLeaf());
  }
}

template <typename T>
bool JsonReader::ReadNumbers(T* out, uint64_t count) {
  if (Peek() != Kind::kArray) return WrongLeaf("an array");
  Cursor cursor;
  for (uint64_t i = 0;; ++i) {
    const Step step = NextLeaf(cursor);
    if (step == Step::kError) return false;
    if (step == Step::kDone) return i == count || DataError(CountError(count, i));
    if (!ReadLeaves(out, count, i)) return false;
  }
}

// Leaves with nothing but a comma between them. `index`: of the first, then of the last.
template <typename T>
bool JsonReader::ReadLeaves(T* out, uint64_t count, uint64_t& index) {
  for (;; ++index) {
    if constexpr (std::is_floating_point_v<T>) index += ReadRealRun(out + index, count - index);
    if (index == count) return DataError(CountError(count, index + 1));
    if (!ReadLeaf(out[index])) return false;
    if (!SkipCommaBeforeLeaf()) return true;
  }
}

// Most of most tensors: "1.5,-0.25, 3,". Each number's end is looked for before the number itself
// is read, so that a processor works on several numbers at a time. Returns how many it has read,
// each with the comma after it; the rest is for the other functions, to refuse where it must be.
template <typename T>
uint64_t JsonReader::ReadRealRun(T* out, uint64_t count) {
  const char* next = next_;
  uint64_t done = 0;
  if (next - begin_ < kRealTextBefore) return 0;
  while (done < count && end_ - next > kRealTextWindow + 1) {
    const uint32_t commas = MatchWindow(next, ',');
    if (commas == 0) break;
    const auto length = static_cast<unsigned>(std::countr_zero(commas));
    if (!ParsePlainReal(next, length, MatchWindow(next, '.'), out[done])) break;
    const char* after = next + length + 1;
    after += static_cast<int>(*after == ' ');
    if (static_cast<unsigned char>(*after) <= ' ' || *after == '[') break;
    next = after;
    ++done;
  }
  next_ = next;
  return done;
}

// The common case of NextLeaf: ",5". What is no leaf fails when it is read.
bool JsonReader::SkipCommaBeforeLeaf() {
  if (end_ - next_ < 2 || next_[0] != ',') return false;
  if (static_cast<unsigned char>(next_[1]) <= ' ' || next_[1] == '[') return false;
  ++next_;
  return true;
}

bool JsonReader::ReadStrings(uint64_t count, std::vector<std::byte>& out) {
  if (Peek() != Kind::kArray) return WrongLeaf("an array");
  Cursor cursor;
  for (uint64_t i = 0;; ++i) {
    const Step step = NextLeaf(cursor);
    if (step == Step::kError) return false;
    if (step == Step::kDone) return i == count || DataError(CountError(count, i));
    if (i == count) return DataError(CountError(count, i + 1));
    if (*next_ != '"') return WrongLeaf("a string");
    const size_t start = out.size();
    out.resize(start + sizeof(uint32_t));
    if (!AppendString(out)) return false;
    const auto length = static_cast<uint32_t>(out.size() - start - sizeof(uint32_t));
    std::memcpy(&out[start], &length, sizeof(length));
  }
}

template <typename T>
bool JsonReader::ReadLeaf(T& value) {
  const char c = *next_;
  if constexpr (std::is_same_v<T, bool>) {
    if (c != 't' && c != 'f') return WrongLeaf("true or false");
    value = c == 't';
    return MatchWord(value ? "true" : "false");
  } else if constexpr (std::is_floating_point_v<T>) {
    const bool may_be_infinite = end_ - next_ > 1 && next_[1] == 'I';
    if (kStartsNumber[static_cast<unsigned char>(c)] && !may_be_infinite) return ReadReal(value);
    const Kind kind = Peek();
    if (kind == Kind::kNumber) return ReadReal(value);
    return kind == Kind::kSpecial ? ReadSpecial(value) : WrongLeaf("a number");
  } else {
    if (!IsDigit(c) && Peek() != Kind::kNumber) return WrongLeaf("an integer");
    return ReadInteger(value);
  }
}

// Consumes a number, checking the grammar as ScanNumber does, and takes its value on the way.
// `end`: where it ends; next_ stays.
template <typename Real>
// NOLINTNEXTLINE(readability-function-cognitive-complexity): the grammar, one branch a rule
bool JsonReader::ScanReal(Real& real, const char*& end) {
  const char* next = next_ + static_cast<int>(*next_ == '-');
  const char* const digits = next;
  for (; next != end_ && IsDigit(*next); ++next) {
    real.mantissa = real.mantissa * 10 + static_cast<uint64_t>(*next - '0');
  }
  const auto integer_count = next - digits;
  if (integer_count == 0 || (*digits == '0' && integer_count > 1)) {
    return FailAt(kInvalidValue, next_);
  }
  auto digit_count = integer_count;
  if (next != end_ && *next == '.') {
    const char* const fraction = ++next;
    next = ScanDigits(next, end_, real.mantissa);
    const auto fraction_count = next - fraction;
    if (fraction_count == 0) return FailAt("Miss fraction part in number.", next);
    digit_count += fraction_count;
    real.exponent = -static_cast<int>(std::min<int64_t>(fraction_count, kMantissaDigits));
  }
  real.is_exact = digit_count <= kMantissaDigits;
  if (next != end_ && (*next == 'e' || *next == 'E')) {
    ++next;
    const bool is_negative = next != end_ && *next == '-';
    if (next != end_ && (*next == '-' || *next == '+')) ++next;
    const char* const exponent_digits = next;
    uint64_t exponent = 0;
    next = ScanDigits(next, end_, exponent);
    if (next == exponent_digits) return FailAt("Miss exponent in number.", next);
    if (next - exponent_digits > kExponentDigits) {
      real.is_exact = false;
    } else {
      real.exponent += is_negative ? -static_cast<int>(exponent) : static_cast<int>(exponent);
    }
  }
  end = next;
  return true;
}

template <typename T>
bool JsonReader::ReadReal(T& value) {
  ScannedReal real;
  const char* end = next_;
  if (!ScanReal(real, end)) return false;
  if (ConvertFast(real, value)) {
    value = WithSign(value, *next_ == '-');
    next_ = end;
    return true;
  }
  if (std::from_chars(next_, end, value).ec != std::errc()) return ReadExtremeReal(end, value);
  next_ = end;
  return true;
}

// A number outside T's range: zero or subnormal when it is small, an error when it is large.
template <typename T>
bool JsonReader::ReadExtremeReal(const char* end, T& value) {
  const std::string_view token(next_, static_cast<size_t>(end - next_));
  double wide = 0;
  if (std::from_chars(token.data(), token.data() + token.size(), wide).ec != std::errc()) {
    if (IsHuge(token)) return FailAt("Number too big to be stored in double.", next_);
    wide = token.front() == '-' ? -0.0 : 0.0;
  }
  if (std::fabs(wide) > static_cast<double>(std::numeric_limits<T>::max())) {
    return DataError("value out of range at offset " + std::to_string(Offset()));
  }
  value = static_cast<T>(wide);
  next_ = end;
  return true;
}

template <typename T>
bool JsonReader::ReadInteger(T& value) {
  const char* const first = next_;
  const auto [end, error] = std::from_chars(first, end_, value);
  const bool has_end = end != end_;
  const bool fraction = has_end && (*end == '.' || *end == 'e' || *end == 'E');
  const char* const digit = first + (*first == '-' ? 1 : 0);
  const bool leading_zero = end_ - digit > 1 && *digit == '0' && IsDigit(digit[1]);
  if (error == std::errc() && !fraction && !leading_zero) {
    next_ = end;
    return true;
  }
  if (!ScanNumber()) return false;
  if (std::string_view(first, static_cast<size_t>(next_ - first)) == "-0") {
    value = 0;  // for unsigned types from_chars knows no sign
    return true;
  }
  const std::string at = " at offset " + std::to_string(first - begin_);
  const std::string_view token(first, static_cast<size_t>(next_ - first));
  const bool is_integer = token.find_first_of(".eE") == std::string_view::npos;
  return DataError((is_integer ? "value out of range" : "expected an integer") + at);
}

template <typename T>
bool JsonReader::ReadSpecial(T& value) {
  const bool negative = *next_ == '-';
  if (negative) ++next_;
  if (!negative && *next_ == 'N') {
    value = std::numeric_limits<T>::quiet_NaN();
    return MatchWord("NaN");
  }
  value = std::numeric_limits<T>::infinity();
  if (negative) value = -value;
  return MatchWord("Infinity");
}

template bool JsonReader::ReadReal<double>(double&);
template bool JsonReader::ReadSpecial<double>(double&);
template bool JsonReader::ReadNumbers<bool>(bool*, uint64_t);
template bool JsonReader::ReadNumbers<float>(float*, uint64_t);
template bool JsonReader::ReadNumbers<double>(double*, uint64_t);
template bool JsonReader::ReadNumbers<int8_t>(int8_t*, uint64_t);
template bool JsonReader::ReadNumbers<int16_t>(int16_t*, uint64_t);
template bool JsonReader::ReadNumbers<int32_t>(int32_t*, uint64_t);
template bool JsonReader::ReadNumbers<int64_t>(int64_t*, uint64_t);
template bool JsonReader::ReadNumbers<uint8_t>(uint8_t*, uint64_t);
template bool JsonReader::ReadNumbers<uint16_t>(uint16_t*, uint64_t);
template bool JsonReader::ReadNumbers<uint32_t>(uint32_t*, uint64_t);
template bool JsonReader::ReadNumbers<uint64_t>(uint64_t*, uint64_t);

}  // namespace throng::json
