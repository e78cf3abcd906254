// Quantity: an amount of a resource as Kubernetes writes it: "1Gi", "500m", "2", "1e3", "0.5".
// Exact to 10^-9. A value; thread-safe.
//
//   Result<Quantity> memory = Quantity::Parse("1Gi");
//   memory->Value();     // 1073741824
//   memory->ToString();  // "1Gi"
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kube/json.h"

namespace throng::kube {

class Quantity {
 public:
  enum class Format : uint8_t { kBinarySi, kDecimalSi, kDecimalExponent };

  // ERRORS: kInvalidArgument — with Kubernetes' words; longer than 128 bytes; 10^40 or more.
  static Result<Quantity> Parse(std::string_view text);
  // A JSON text or number.
  static Result<Quantity> FromJson(const Json& json);
  // Zero, DecimalSI.
  Quantity() = default;
  explicit Quantity(int64_t value, Format format = Format::kDecimalSi);

  Format format() const { return format_; }
  bool is_zero() const { return digits_.empty(); }
  bool is_negative() const { return is_negative_; }
  // Whole units or thousandths; rounded away from zero, and the largest (smallest) number when it
  // does not fit.
  int64_t Value() const { return Scaled(0); }
  int64_t MilliValue() const { return Scaled(-3); }

  // The canonical text, or the parsed one where Kubernetes keeps that. "1.5Gi" is "1536Mi".
  std::string ToString() const;
  // What Go prints for a freshly parsed resource.Quantity with %v: "{{1073741824 0} {<nil>} 1Gi
  // BinarySI}". The text is empty where Kubernetes does not keep it; an amount that is not kept in
  // 64 bits ("1.5Gi"), for which Go prints an address, is printed as a number.
  std::string GoText() const;

  std::strong_ordering operator<=>(const Quantity& other) const;
  bool operator==(const Quantity& other) const { return (*this <=> other) == 0; }

 private:
  friend class QuantityParser;

  // value = digits * 10^scale; neither leading nor trailing zeros, none at all for zero.
  void SetDigits(std::string digits, int scale);
  int64_t Scaled(int scale) const;
  std::string CanonicalText() const;

  bool is_negative_ = false;
  std::string digits_;
  int scale_ = 0;
  Format format_ = Format::kDecimalSi;
  // What Kubernetes remembers of the text: itself, and the amount in 64 bits.
  std::string kept_text_;
  bool is_small_ = true;
  int64_t small_value_ = 0;
  int small_scale_ = 0;
};

}  // namespace throng::kube
