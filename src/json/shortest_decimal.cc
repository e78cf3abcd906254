#include "json/shortest_decimal.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace throng::json {
namespace {

// significand * 2^exponent.
struct BinaryFloat {
  uint64_t significand;
  int exponent;
};

constexpr int kSmallestPower = -348;
constexpr int kPowerStep = 8;

// 10^-348, 10^-340, ... 10^340: the upper 64 bits, rounded.
constexpr std::array<uint64_t, 87> kPowers = {
    0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
    0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
    0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
    0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
    0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
    0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
    0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
    0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
    0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
    0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
    0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
    0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
    0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
    0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
    0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
    0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
    0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
    0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
    0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
    0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
    0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
    0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
};

constexpr std::array<uint64_t, 10> kPowersOfTen = [] {
  std::array<uint64_t, 10> powers{};
  uint64_t power = 1;
  for (uint64_t& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}();

// RapidJSON 1.1.0, which Triton is built with, rounds the last digit only when it is one of the
// first eight decimal places (of the scaled value): its table of powers ends there.
constexpr size_t kRoundedPlaces = 9;

BinaryFloat PowerOfTen(int power) {
  const auto index = static_cast<size_t>((power - kSmallestPower) / kPowerStep);
  const int log2_of_power = (power * 1741647) >> 19;
  return {kPowers[index], log2_of_power - 63};
}

// The upper half of the product, rounded.
BinaryFloat Multiply(const BinaryFloat& a, const BinaryFloat& b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a.significand) * b.significand;
  const auto low = static_cast<uint64_t>(product);
  return {static_cast<uint64_t>(product >> 64) + (low >> 63), a.exponent + b.exponent + 64};
}

BinaryFloat Normalize(const BinaryFloat& value) {
  const int shift = std::countl_zero(value.significand);
  return {value.significand << shift, value.exponent - shift};
}

BinaryFloat Decompose(double value) {
  constexpr int kFractionBits = 52;
  constexpr uint64_t kHiddenBit = uint64_t{1} << kFractionBits;
  constexpr int kBias = 1023 + kFractionBits;
  const auto bits = std::bit_cast<uint64_t>(value);
  const uint64_t fraction = bits & (kHiddenBit - 1);
  const int biased = static_cast<int>((bits >> kFractionBits) & 0x7ff);
  if (biased == 0) return {fraction, 1 - kBias};
  return {fraction | kHiddenBit, biased - kBias};
}

// The power of ten, a multiple of the step, that brings a number with this exponent to where its
// integer part has 32 bits at most.
int ScalingPower(int exponent) {
  constexpr double kLog10Of2 = 0.30102999566398114;
  const double exact = (-61 - exponent) * kLog10Of2 - kSmallestPower - 1;
  const int power = static_cast<int>(std::ceil(exact));
  return kSmallestPower + (power / kPowerStep + 1) * kPowerStep;
}

// Each case is a division by a constant, which needs no division.
uint32_t DivideByPowerOfTen(uint32_t value, int power) {
  switch (power) {
    case 0:
      return value;
    case 1:
      return value / 10;
    case 2:
      return value / 100;
    case 3:
      return value / 1000;
    case 4:
      return value / 10000;
    case 5:
      return value / 100000;
    case 6:
      return value / 1000000;
    case 7:
      return value / 10000000;
    case 8:
      return value / 100000000;
    default:
      return value / 1000000000;
  }
}

// One digit after another of a number between two bounds, until what is left is less than their
// distance.
class DigitGenerator {
 public:
  // `value` <= `upper`, scaled alike; any number in [upper - distance, upper] reads back as
  // `value`.
  DigitGenerator(const BinaryFloat& value, const BinaryFloat& upper, uint64_t distance)
      : shift_(-upper.exponent),
        one_(uint64_t{1} << shift_),
        to_value_(upper.significand - value.significand),
        integer_(static_cast<uint32_t>(upper.significand >> shift_)),
        fraction_(upper.significand & (one_ - 1)),
        distance_(distance) {}

  // Returns how many decimal places the digits must be moved to the left.
  int Generate(Decimal& decimal) {
    int places = 1;
    while (places < 10 && integer_ >= kPowersOfTen[static_cast<size_t>(places)]) ++places;
    while (places > 0) {
      const uint64_t power = kPowersOfTen[static_cast<size_t>(--places)];
      const uint32_t digit = DivideByPowerOfTen(integer_, places);
      Append(digit, decimal);
      integer_ -= digit * static_cast<uint32_t>(power);
      const uint64_t rest = (uint64_t{integer_} << shift_) + fraction_;
      if (rest <= distance_) {
        Round(rest, power << shift_, to_value_, decimal);
        return places;
      }
    }
    return GenerateFraction(decimal);
  }

 private:
  static void Append(uint64_t digit, Decimal& decimal) {
    if (digit == 0 && decimal.digit_count == 0) return;
    decimal.digits[decimal.digit_count++] = static_cast<char>('0' + digit);
  }

  int GenerateFraction(Decimal& decimal) {
    for (int places = -1;; --places) {
      fraction_ *= 10;
      distance_ *= 10;
      Append(fraction_ >> shift_, decimal);
      fraction_ &= one_ - 1;
      if (fraction_ < distance_) {
        const auto scale = static_cast<size_t>(-places);
        const uint64_t factor = scale < kRoundedPlaces ? kPowersOfTen[scale] : 0;
        Round(fraction_, one_, to_value_ * factor, decimal);
        return places;
      }
    }
  }

  // Lowers the last digit while that comes closer to the value and stays within the bounds.
  void Round(uint64_t rest, uint64_t unit, uint64_t to_value, Decimal& decimal) const {
    char& last = decimal.digits[decimal.digit_count - 1];
    while (rest < to_value && distance_ - rest >= unit &&
           (rest + unit < to_value || to_value - rest > rest + unit - to_value)) {
      --last;
      rest += unit;
    }
  }

  const int shift_;
  const uint64_t one_;
  const uint64_t to_value_;
  uint32_t integer_;
  uint64_t fraction_;
  uint64_t distance_;
};

}  // namespace

Decimal ShortestDecimal(double value) {
  const BinaryFloat exact = Decompose(value);
  // Halfway to the neighbours; the lower one is nearer at a power of two.
  const BinaryFloat upper = Normalize({(exact.significand << 1) + 1, exact.exponent - 1});
  const bool is_power_of_two = exact.significand == uint64_t{1} << 52;
  const int lower_shift = is_power_of_two ? 2 : 1;
  const int lower_exponent = exact.exponent - lower_shift;
  const BinaryFloat lower = {((exact.significand << lower_shift) - 1)
                                 << (lower_exponent - upper.exponent),
                             upper.exponent};
  const int power = ScalingPower(upper.exponent);
  const BinaryFloat scale = PowerOfTen(power);
  const BinaryFloat scaled_value = Multiply(Normalize(exact), scale);
  BinaryFloat scaled_upper = Multiply(upper, scale);
  // One unit inside, because the products are rounded.
  --scaled_upper.significand;
  const uint64_t distance = scaled_upper.significand - (Multiply(lower, scale).significand + 1);

  Decimal decimal;
  const int places = DigitGenerator(scaled_value, scaled_upper, distance).Generate(decimal);
  decimal.point = decimal.digit_count + places - power;
  return decimal;
}

}  // namespace throng::json
