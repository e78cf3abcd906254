// Decimal real numbers: from digits to float and double, correctly rounded, without a look at each
// character where that can be helped. Half of what the front door does with a request of a few
// thousand numbers happens here.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace throng::json {

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// mantissa * 10^exponent, without the sign.
struct ScannedReal {
  uint64_t mantissa = 0;
  int exponent = 0;
  bool is_exact = false;  // false: more digits or a larger exponent than fit here
};

constexpr uint64_t kEveryByte = 0x0101010101010101ULL;
constexpr int kMantissaDigits = 19;
constexpr int kExponentDigits = 4;

inline bool AreEightDigits(uint64_t word) {
  const uint64_t high_halves = word & (kEveryByte * 0xf0);
  const uint64_t above_nine = (word + kEveryByte * 0x06) & (kEveryByte * 0xf0);
  return (high_halves | (above_nine >> 4)) == kEveryByte * 0x33;
}

// The value of eight digits (0 to 9, not text), the first in the lowest byte: pairs, then fours,
// then all.
inline uint64_t EightDigits(uint64_t word) {
  constexpr uint64_t kMask = 0x000000ff000000ffULL;
  constexpr uint64_t kFirst = 100 + (1000000ULL << 32);
  constexpr uint64_t kSecond = 1 + (10000ULL << 32);
  word = word * 10 + (word >> 8);
  return ((word & kMask) * kFirst + ((word >> 16) & kMask) * kSecond) >> 32;
}

inline const char* ScanDigits(const char* next, const char* end, uint64_t& mantissa) {
  while (end - next >= 8) {
    uint64_t word;
    std::memcpy(&word, next, sizeof(word));
    if (!AreEightDigits(word)) break;
    mantissa = mantissa * 100000000 + EightDigits(word ^ (kEveryByte * '0'));
    next += 8;
  }
  for (; next != end && IsDigit(*next); ++next) {
    mantissa = mantissa * 10 + static_cast<uint64_t>(*next - '0');
  }
  return next;
}

constexpr std::array<uint64_t, 19> kPowersOfTen = [] {
  std::array<uint64_t, 19> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

constexpr double kExactPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kLargestExactPower = 22;

inline double Scale(const ScannedReal& real) {
  const auto mantissa = static_cast<double>(real.mantissa);
  return real.exponent < 0 ? mantissa / kExactPowersOfTen[-real.exponent]
                           : mantissa * kExactPowersOfTen[real.exponent];
}

// Both give up (false) where only the long way is certain to round correctly.

// W. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990: one rounding only when
// both operands are exact.
inline bool ConvertFast(const ScannedReal& real, double& value) {
  constexpr uint64_t kLargestExactMantissa = uint64_t{1} << 53;
  if (!real.is_exact || std::abs(real.exponent) > kLargestExactPower ||
      real.mantissa > kLargestExactMantissa) {
    return false;
  }
  value = Scale(real);
  return true;
}

constexpr double kNegativePowersOfTen[] = {1e-0,  1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,
                                           1e-8,  1e-9,  1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
                                           1e-16, 1e-17, 1e-18, 1e-19, 1e-20, 1e-21, 1e-22};

// Three roundings of half a unit in the last place: of the mantissa, the power and the product.
inline double ScaleRoughly(const ScannedReal& real) {
  const auto mantissa = static_cast<double>(static_cast<int64_t>(real.mantissa));
  return mantissa * (real.exponent < 0 ? kNegativePowersOfTen[-real.exponent]
                                       : kExactPowersOfTen[real.exponent]);
}

// For float a double within two units in its last place is enough, unless it is that close to the
// middle between two floats.
[[gnu::always_inline]] inline bool ConvertFast(const ScannedReal& real, float& value) {
  if (!real.is_exact || std::abs(real.exponent) > kLargestExactPower) return false;
  if (real.mantissa > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
  const double wide = ScaleRoughly(real);
  constexpr uint64_t kDroppedBits = (uint64_t{1} << 29) - 1;
  constexpr uint64_t kMiddle = uint64_t{1} << 28;
  constexpr uint64_t kMargin = 4;
  const uint64_t dropped = std::bit_cast<uint64_t>(wide) & kDroppedBits;
  const bool near_middle = dropped - (kMiddle - kMargin) <= 2 * kMargin;
  const bool is_normal = wide >= static_cast<double>(std::numeric_limits<float>::min()) &&
                         wide <= static_cast<double>(std::numeric_limits<float>::max());
  if (near_middle || !is_normal) {
    value = 0;
    return real.mantissa == 0;
  }
  value = static_cast<float>(wide);
  return true;
}

// Without a branch: signs are the least predictable part of most tensors. REQUIRES: value >= 0.
template <typename T>
T WithSign(T value, bool is_negative) {
  using Bits = std::conditional_t<sizeof(T) == sizeof(uint32_t), uint32_t, uint64_t>;
  constexpr int kSignBit = std::numeric_limits<Bits>::digits - 1;
  return std::bit_cast<T>(std::bit_cast<Bits>(value) | Bits{is_negative} << kSignBit);
}

// --- Plain reals: [-]digits[.digits] of which the end is known
// -------------------------------------

constexpr int kRealTextWindow = 32;  // bytes looked at from a number's start
constexpr int kRealTextBefore = 24;  // bytes before a number's end that are read, needed or not

// Which of the 32 bytes from `text` on are `c`: bit 0 is the first.
inline uint32_t MatchWindow(const char* text, char c) {
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(c);
  const auto match = [&](const char* half) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(half));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
  };
  return match(text) | match(text + 16) << 16;
#else
  uint32_t mask = 0;
  for (int i = 0; i < kRealTextWindow; ++i) mask |= uint32_t{text[i] == c} << i;
  return mask;
#endif
}

// The values of the last `count` (0 to 8) of the eight characters before `end`; zeros before them.
inline uint64_t DigitsBefore(const char* end, unsigned count) {
  uint64_t word;
  std::memcpy(&word, end - sizeof(word), sizeof(word));
  const unsigned half = 4 * (8 - count);  // two shifts, as one by 64 is undefined
  return (word ^ (kEveryByte * '0')) & (~uint64_t{0} << half << half);
}

// Not 0: one of the bytes is above nine.
inline uint64_t AboveNine(uint64_t digits) {
  constexpr uint64_t kHighBits = kEveryByte * 0x80;
  return (((digits & ~kHighBits) + kEveryByte * 0x76) | digits) & kHighBits;
}

// The number that is the whole of `length` (< 32) characters from `text`; `points`: which of them
// are a '.' (MatchWindow). False where it is none, or not of the plain kind, or where a longer way
// is needed to round it correctly. Hardly any branch, as the lengths of a tensor's numbers are what
// a processor predicts worst. Reads kRealTextBefore bytes before the number's end.
template <typename T>
[[gnu::always_inline]] inline bool ParsePlainReal(const char* text, unsigned length,
                                                  uint32_t points, T& value) {
  constexpr unsigned kWord = 8;
  const bool is_negative = *text == '-';
  const uint32_t inside = points & ((uint32_t{1} << length) - 1);
  const auto point = static_cast<unsigned>(std::countr_zero(inside | uint32_t{1} << length));
  const unsigned integer_count = point - unsigned{is_negative};
  const unsigned fraction_count = length - point - unsigned{inside != 0};
  if (integer_count - 1 >= kWord || fraction_count > 2 * kWord + 2) return false;
  if (inside != 0 && fraction_count == 0) return false;
  if (integer_count + fraction_count > kMantissaDigits) return false;
  const char* const end = text + length;
  uint64_t integer = static_cast<unsigned char>(text[unsigned{is_negative}] - '0');
  uint64_t bad = integer > 9;
  if (integer_count > 1) {
    const uint64_t digits = DigitsBefore(text + point, integer_count);
    bad |= uint64_t{integer == 0} | AboveNine(digits);
    integer = EightDigits(digits);
  }
  const uint64_t low = DigitsBefore(end, std::min(fraction_count, kWord));
  const unsigned high_count = std::max(fraction_count, kWord) - kWord;
  const uint64_t high = DigitsBefore(end - kWord, std::min(high_count, kWord));
  bad |= AboveNine(low) | AboveNine(high);
  uint64_t fraction = EightDigits(high) * kPowersOfTen[kWord] + EightDigits(low);
  if (fraction_count > 2 * kWord) {
    const uint64_t top = DigitsBefore(end - 2 * kWord, fraction_count - 2 * kWord);
    bad |= AboveNine(top);
    fraction += EightDigits(top) * kPowersOfTen[2 * kWord];
  }
  if (bad != 0) return false;
  const ScannedReal real = {.mantissa = integer * kPowersOfTen[fraction_count] + fraction,
                            .exponent = -static_cast<int>(fraction_count),
                            .is_exact = true};
  if (!ConvertFast(real, value)) return false;
  value = WithSign(value, is_negative);
  return true;
}

}  // namespace throng::json
