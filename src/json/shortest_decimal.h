// The digits of a double as RapidJSON chooses them (Grisu2: F. Loitsch, "Printing Floating-Point
// Numbers Quickly and Accurately with Integers", PLDI 2010). std::to_chars picks the shortest
// digits nearest to the value; Grisu2 sometimes ends in another digit, and the replies of a Triton,
// which clients compare as text, have Grisu2's: -2.0964810848236086, not ...084. Pure.
#pragma once

namespace throng::json {

// value = 0.DIGITS * 10^point.
struct Decimal {
  char digits[20];
  int digit_count = 0;
  int point = 0;
};

// Digits that read back as `value`. REQUIRES: finite, above zero.
Decimal ShortestDecimal(double value);

}  // namespace throng::json
