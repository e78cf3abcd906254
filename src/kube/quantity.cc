#include "kube/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace throng::kube {
namespace {

constexpr size_t kTextBytes = 128;
constexpr size_t kIntegerDigits = 40;
constexpr int kNanoScale = -9;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr size_t kSmallDigits = 18;  // always fit into 64 bits

constexpr std::string_view kFormatError =
    "quantities must match the regular expression "
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr std::string_view kSuffixError = "unable to parse quantity's suffix";

struct Suffix {
  int exponent = 0;  // of 10, or of 2 for binary ones
  Quantity::Format format = Quantity::Format::kDecimalSi;
};

struct DecimalSuffix {
  std::string_view text;
  int exponent;
};
constexpr std::array<DecimalSuffix, 10> kDecimalSuffixes = {{{"n", -9},
                                                             {"u", -6},
                                                             {"m", -3},
                                                             {"", 0},
                                                             {"k", 3},
                                                             {"M", 6},
                                                             {"G", 9},
                                                             {"T", 12},
                                                             {"P", 15},
                                                             {"E", 18}}};
constexpr std::string_view kBinaryLetters = "KMGTPE";  // 2^10, 2^20, ...

std::optional<Suffix> ReadSuffix(std::string_view text) {
  for (const DecimalSuffix& known : kDecimalSuffixes) {
    if (known.text == text) return Suffix{known.exponent, Quantity::Format::kDecimalSi};
  }
  if (text.size() == 2 && text[1] == 'i' && kBinaryLetters.find(text[0]) != text.npos) {
    const auto place = static_cast<int>(kBinaryLetters.find(text[0]));
    return Suffix{10 * (place + 1), Quantity::Format::kBinarySi};
  }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(text[1] == '+' ? 2 : 1);
  int exponent = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), exponent);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  // Beyond these it is too large, or the least there is.
  return Suffix{std::clamp(exponent, -1000, 1000), Quantity::Format::kDecimalExponent};
}

// digits * 1024
std::string Times1024(const std::string& digits) {
  std::string out;
  int carry = 0;
  for (size_t i = digits.size(); i-- > 0;) {
    carry += (digits[i] - '0') * 1024;
    out += static_cast<char>('0' + carry % 10);
    carry /= 10;
  }
  for (; carry > 0; carry /= 10) out += static_cast<char>('0' + carry % 10);
  std::reverse(out.begin(), out.end());
  return out;
}

// digits + 1
std::string Increment(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

// Cuts the last `count` digits off; what is cut and is not zero rounds up.
std::string CutUp(std::string digits, size_t count) {
  if (digits.empty()) return digits;
  const size_t kept = digits.size() > count ? digits.size() - count : 0;
  const bool exact = digits.find_first_not_of('0', kept) == std::string::npos;
  digits.resize(kept);
  if (exact) return digits;
  return digits.empty() ? "1" : Increment(std::move(digits));
}

std::string_view FormatName(Quantity::Format format) {
  switch (format) {
    case Quantity::Format::kBinarySi:
      return "BinarySI";
    case Quantity::Format::kDecimalSi:
      return "DecimalSI";
    case Quantity::Format::kDecimalExponent:
      break;
  }
  return "DecimalExponent";
}

// Whole units in base 1024: "1536Mi".
std::string BinaryText(uint64_t value, bool is_negative) {
  size_t power = 0;
  while (value >= 1024 && value % 1024 == 0 && power < kBinaryLetters.size()) {
    value /= 1024;
    ++power;
  }
  std::string text = (is_negative ? "-" : "") + std::to_string(value);
  if (power > 0) text.append(1, kBinaryLetters[power - 1]).append("i");
  return text;
}

}  // namespace

// Follows Kubernetes' scanner, which is more lenient than the expression that it names.
class QuantityParser {
 public:
  explicit QuantityParser(std::string_view text) : text_(text) {}

  Result<Quantity> Parse() {
    if (text_.empty() || text_.size() > kTextBytes || !Split()) {
      return InvalidArgumentError(std::string(kFormatError));
    }
    const std::optional<Suffix> suffix = ReadSuffix(suffix_);
    if (!suffix) return InvalidArgumentError(std::string(kSuffixError));
    Quantity quantity;
    quantity.format_ = suffix->format;
    quantity.is_negative_ = text_.front() == '-';
    if (!SetAmount(*suffix, quantity)) return InvalidArgumentError("quantity is out of range");
    Remember(*suffix, quantity);
    if (quantity.is_zero()) quantity.is_negative_ = false;
    return quantity;
  }

 private:
  std::string_view TakeDigits(size_t& at) const {
    const size_t start = at;
    while (at < text_.size() && text_[at] >= '0' && text_[at] <= '9') ++at;
    return text_.substr(start, at - start);
  }

  bool Split() {
    size_t at = text_[0] == '-' || text_[0] == '+' ? 1 : 0;
    while (at < text_.size() && text_[at] == '0') ++at;
    whole_ = TakeDigits(at);
    if (whole_.empty()) whole_ = "0";
    if (at < text_.size() && text_[at] == '.') {
      ++at;
      fraction_ = TakeDigits(at);
    }
    const size_t start = at;
    at = std::min(text_.find_first_not_of("eEinumkKMGTP", at), text_.size());
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    TakeDigits(at);
    suffix_ = text_.substr(start);
    return at == text_.size();
  }

  // False: it is too large.
  bool SetAmount(const Suffix& suffix, Quantity& quantity) const {
    std::string digits = whole_ == "0" ? "" : std::string(whole_);
    digits += fraction_;
    int64_t scale = -static_cast<int64_t>(fraction_.size());
    const bool is_binary = suffix.format == Quantity::Format::kBinarySi;
    if (is_binary) {
      for (int i = 0; i < suffix.exponent; i += 10) digits = Times1024(digits);
    } else {
      scale += suffix.exponent;
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    if (digits.empty()) return true;
    if (static_cast<int64_t>(digits.size()) + scale > static_cast<int64_t>(kIntegerDigits)) {
      if (!is_binary) return false;
      quantity.SetDigits(std::to_string(kMost), 0);
      return true;
    }
    if (scale < kNanoScale) {
      const int64_t cut = std::min<int64_t>(kNanoScale - scale, kTextBytes * 4);
      digits = CutUp(std::move(digits), static_cast<size_t>(cut));
      scale = kNanoScale;
    }
    quantity.SetDigits(std::move(digits), static_cast<int>(scale));
    if (!is_binary) return true;
    if (Quantity most(kMost);
        quantity.is_negative_ ? quantity < Quantity(-kMost) : quantity > most) {
      quantity.SetDigits(most.digits_, most.scale_);
    }
    const bool below_one =
        !quantity.is_zero() && static_cast<int>(quantity.digits_.size()) + quantity.scale_ <= 0;
    if (below_one) quantity.format_ = Quantity::Format::kDecimalSi;
    return true;
  }

  // Kubernetes keeps short amounts in 64 bits, and the text of those that look canonical.
  void Remember(const Suffix& suffix, Quantity& quantity) const {
    quantity.is_small_ = false;
    const auto digits = static_cast<int>(whole_.size() + fraction_.size());
    int precision = static_cast<int>(kSmallDigits) - digits;
    int scale = suffix.exponent;
    uint64_t mantissa = 1;
    const bool is_binary = suffix.format == Quantity::Format::kBinarySi;
    if (is_binary) {
      scale = 0;
      if (!fraction_.empty()) return;
      mantissa <<= static_cast<unsigned>(suffix.exponent);
      precision = 15 - static_cast<int>(whole_.size()) - suffix.exponent * 3 / 10 - 1;
    }
    scale -= static_cast<int>(fraction_.size());
    if (precision < 0 || scale < kNanoScale) return;
    const std::string shifted = std::string(whole_) + std::string(fraction_);
    uint64_t value = 0;
    std::from_chars(shifted.data(), shifted.data() + shifted.size(), value);
    if (value != 0 && mantissa > static_cast<uint64_t>(kMost) / value) return;
    quantity.is_small_ = true;
    quantity.small_value_ = static_cast<int64_t>(value * mantissa);
    if (quantity.is_negative_) quantity.small_value_ = -quantity.small_value_;
    quantity.small_scale_ = scale;
    const bool is_canonical =
        is_binary ? (value & 7) != 0
                  : scale % 3 == 0 && !shifted.ends_with("000") && shifted[0] != '0';
    if (is_canonical || text_ == "0") quantity.kept_text_ = text_;
  }

  std::string_view text_;
  std::string_view whole_;
  std::string_view fraction_;
  std::string_view suffix_;
};

Result<Quantity> Quantity::Parse(std::string_view text) { return QuantityParser(text).Parse(); }

Result<Quantity> Quantity::FromJson(const Json& json) {
  if (json.is_string()) {
    std::string_view text = json.get_ref<const std::string&>();
    const size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    text.remove_prefix(start);
    text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    return Parse(text);
  }
  if (json.is_number()) return Parse(PrintJson(json));
  return InvalidArgumentError(std::string(kFormatError));
}

Quantity::Quantity(int64_t value, Format format)
    : is_negative_(value < 0), format_(format), small_value_(value) {
  std::string digits = std::to_string(value);
  SetDigits(is_negative_ ? digits.substr(1) : digits, 0);
}

void Quantity::SetDigits(std::string digits, int scale) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  const size_t kept = digits.find_last_not_of('0') + 1;
  scale_ = digits.empty() ? 0 : scale + static_cast<int>(digits.size() - kept);
  digits.resize(kept);
  digits_ = std::move(digits);
}

int64_t Quantity::Scaled(int scale) const {
  std::string digits = digits_;
  if (scale_ >= scale) {
    digits.append(static_cast<size_t>(scale_ - scale), '0');
  } else {
    digits = CutUp(std::move(digits), static_cast<size_t>(scale - scale_));
  }
  if (digits.empty()) return 0;
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) {
    return is_negative_ ? std::numeric_limits<int64_t>::min() : kMost;
  }
  return is_negative_ ? -value : value;
}

std::string Quantity::ToString() const { return kept_text_.empty() ? CanonicalText() : kept_text_; }

std::string Quantity::CanonicalText() const {
  if (is_zero()) return "0";
  Format format = format_;
  if (format == Format::kBinarySi) {
    const bool small = *this < Quantity(1024) && *this > Quantity(-1024);
    if (small || scale_ < 0) format = Format::kDecimalSi;
  }
  if (format == Format::kBinarySi) {
    const int64_t value = Value();
    return BinaryText(is_negative_ ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value),
                      is_negative_);
  }
  int exponent = scale_;
  std::string text = (is_negative_ ? "-" : "") + digits_;
  while (exponent % 3 != 0 || (format == Format::kDecimalSi && exponent > 18)) {
    text += '0';
    --exponent;
  }
  if (format == Format::kDecimalExponent) {
    return exponent == 0 ? text : text + "e" + std::to_string(exponent);
  }
  for (const DecimalSuffix& suffix : kDecimalSuffixes) {
    if (suffix.exponent == exponent) text += suffix.text;
  }
  return text;
}

std::string Quantity::GoText() const {
  std::string amount = "{0 0} {" + std::string(is_negative_ ? "-" : "") + digits_ + "}";
  if (is_small_) {
    amount = "{" + std::to_string(small_value_) + " " + std::to_string(small_scale_) + "} {<nil>}";
  } else if (scale_ != 0) {
    amount.insert(amount.size() - 1, "e" + std::to_string(scale_));
  }
  return "{" + amount + " " + kept_text_ + " " + std::string(FormatName(format_)) + "}";
}

std::strong_ordering Quantity::operator<=>(const Quantity& other) const {
  const auto sign = [](const Quantity& one) {
    return one.is_zero() ? 0 : (one.is_negative_ ? -1 : 1);
  };
  if (sign(*this) != sign(other)) return sign(*this) <=> sign(other);
  const int scale = std::min(scale_, other.scale_);
  std::string mine = digits_ + std::string(static_cast<size_t>(scale_ - scale), '0');
  std::string others = other.digits_ + std::string(static_cast<size_t>(other.scale_ - scale), '0');
  const std::strong_ordering size =
      mine.size() != others.size() ? mine.size() <=> others.size() : mine.compare(others) <=> 0;
  return is_negative_ ? 0 <=> size : size;
}

}  // namespace throng::kube
