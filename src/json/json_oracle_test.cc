// JsonReader against nlohmann-json: random documents, valid and damaged, must be accepted or
// refused alike, and tensor data must have the same values.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "json/json_reader.h"

namespace throng::json {
namespace {

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  size_t Below(size_t bound) { return random_.Next() % bound; }

  std::string Space() {
    static constexpr const char* kSpaces[] = {"", "", "", " ", "\n", "\t ", "\r\n          "};
    return kSpaces[Below(std::size(kSpaces))];
  }

  std::string Number() {
    std::string text = Below(3) == 0 ? "-" : "";
    text += Below(4) == 0 ? "0" : std::to_string(1 + Below(Below(2) == 0 ? 10 : 1000000000));
    if (Below(2) == 0) text += "." + std::to_string(Below(1000000000));
    if (Below(5) == 0) {
      static constexpr const char* kExponents[] = {"e5", "E-7", "e+12", "e-30", "E02"};
      text += kExponents[Below(std::size(kExponents))];
    }
    return text;
  }

  std::string String() {
    static constexpr const char* kPieces[] = {
        "a",        "input",           "\\n",     "\\\"", "\\\\",       "\\u0041",
        "\xc3\xa9", "\\ud83d\\ude00",  "\\u0000", " ",    "0123456789", "\xe4\xb8\x96",
        "\\/",      "\xf0\x9f\x98\x80"};
    std::string text = "\"";
    for (size_t i = Below(6); i > 0; --i) text += kPieces[Below(std::size(kPieces))];
    return text + "\"";
  }

  std::string Value(size_t depth) {
    switch (Below(depth == 0 ? 4 : 6)) {
      case 0:
        return Number();
      case 1:
        return String();
      case 2:
        return Below(2) == 0 ? "true" : "false";
      case 3:
        return "null";
      case 4:
        return Array(depth - 1);
      default:
        return Object(depth - 1);
    }
  }

  std::string Array(size_t depth) {
    std::string text = "[" + Space();
    for (size_t i = 0, count = Below(5); i < count; ++i) {
      if (i > 0) text += "," + Space();
      text += Value(depth) + Space();
    }
    return text + "]";
  }

  std::string Object(size_t depth) {
    std::string text = "{" + Space();
    for (size_t i = 0, count = Below(5); i < count; ++i) {
      if (i > 0) text += "," + Space();
      text += "\"k" + std::to_string(i) + "\"" + Space() + ":" + Space() + Value(depth) + Space();
    }
    return text + "}";
  }

  // Flips, removes, adds or copies a few bytes.
  void Damage(std::string& text) {
    static constexpr std::string_view kBytes =
        "{}[],:\"\\0123456789-+.eEtrufalsn \n\x01\x80\xff\xc3/x";
    for (size_t i = 1 + Below(3); i > 0 && !text.empty(); --i) {
      const size_t at = Below(text.size());
      switch (Below(4)) {
        case 0:
          text[at] = kBytes[Below(kBytes.size())];
          break;
        case 1:
          text.erase(at, 1);
          break;
        case 2:
          text.insert(at, 1, kBytes[Below(kBytes.size())]);
          break;
        default:
          text.insert(at, text.substr(Below(text.size()), Below(8)));
      }
    }
  }

  std::string NestedNumbers(size_t count, bool integers, std::vector<std::string>& leaves) {
    std::string text = "[";
    size_t open = 1;
    bool after_value = false;
    while (leaves.size() < count || open > 1) {
      const bool close = open > 1 && (leaves.size() == count || Below(6) == 0);
      if (close) {
        text += "]";
        --open;
        after_value = true;
        continue;
      }
      if (after_value) text += "," + Space();
      if (open < 6 && Below(6) == 0) {
        text += "[" + Space();
        ++open;
        after_value = false;
        continue;
      }
      leaves.push_back(integers ? std::to_string(static_cast<int32_t>(random_.Next())) : Number());
      text += leaves.back() + Space();
      after_value = true;
    }
    return text + "]";
  }

 private:
  SeededRandom random_;
};

// nlohmann's verdict under our rules: no duplicate keys, no depth above the limit. Overflow of a
// number is an error there only, and the generator makes none except by damage.
enum class Verdict { kAccepts, kRefuses, kNotComparable };

class StrictOracle : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return true;
  }
  bool key(string_t& key) override {
    duplicate_ |= !keys_.back().insert(key).second;
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
    out_of_range_ = e.id == 406;
    return false;
  }

  bool duplicate_ = false;
  bool out_of_range_ = false;

 private:
  std::vector<std::set<std::string>> keys_;
};

Verdict Judge(const std::string& text) {
  // nlohmann skips a byte order mark; RFC 8259 lets a parser refuse it.
  if (text.starts_with("\xef\xbb\xbf")) return Verdict::kNotComparable;
  StrictOracle oracle;
  const bool accepted = nlohmann::json::sax_parse(text, &oracle);
  if (oracle.out_of_range_) return Verdict::kNotComparable;
  return accepted && !oracle.duplicate_ ? Verdict::kAccepts : Verdict::kRefuses;
}

TEST(JsonOracleTest, AcceptsAndRefusesAsNlohmannDoes) {
  constexpr uint64_t kSeed = 20240917;
  Generator generator(kSeed);
  size_t accepted = 0;
  size_t refused = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string text = generator.Space() + generator.Value(4) + generator.Space();
    if (i % 4 != 0) generator.Damage(text);
    const Verdict verdict = Judge(text);
    if (verdict == Verdict::kNotComparable) continue;
    JsonReader reader(text);
    reader.Skip();
    const bool ours = reader.ExpectEnd();
    ASSERT_EQ(ours, verdict == Verdict::kAccepts)
        << "seed " << kSeed << " case " << i << ": " << text << "\n"
        << reader.status().message();
    ++(ours ? accepted : refused);
  }
  EXPECT_GT(accepted, 10000u);
  EXPECT_GT(refused, 10000u);
}

TEST(JsonOracleTest, StringsHaveTheSameBytes) {
  Generator generator(3);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = generator.String();
    JsonReader reader(text);
    std::string value;
    ASSERT_TRUE(reader.ReadString(value)) << text;
    ASSERT_EQ(value, nlohmann::json::parse(text).get<std::string>()) << text;
  }
}

template <typename T>
void CompareNumbers(uint64_t seed, bool integers) {
  Generator generator(seed);
  for (int i = 0; i < 4000; ++i) {
    std::vector<std::string> leaves;
    const size_t count = generator.Below(12);
    const std::string text = generator.NestedNumbers(count, integers, leaves);
    std::vector<T> values(count);
    JsonReader reader(text);
    ASSERT_TRUE(reader.ReadNumbers(values.data(), count)) << text << reader.data_error();
    uint64_t leaf_count = 0;
    ASSERT_TRUE(JsonReader(text).SkipTensorData(leaf_count));
    ASSERT_EQ(leaf_count, count);
    for (size_t j = 0; j < count; ++j) {
      // nlohmann-json reads -0 as the integer 0, and rounds twice for float.
      T expected{};
      if (integers) {
        expected = nlohmann::json::parse(leaves[j]).get<T>();
      } else if (sizeof(T) == sizeof(float)) {
        expected = static_cast<T>(std::strtof(leaves[j].c_str(), nullptr));
      } else {
        expected = static_cast<T>(std::strtod(leaves[j].c_str(), nullptr));
      }
      ASSERT_EQ(std::memcmp(&values[j], &expected, sizeof(T)), 0) << leaves[j];
    }
  }
}

TEST(JsonOracleTest, NumbersHaveTheSameValues) {
  CompareNumbers<double>(11, false);
  CompareNumbers<float>(12, false);
  CompareNumbers<int32_t>(13, true);
  CompareNumbers<int64_t>(14, true);
}

// Where a short cut would round twice: numbers at and beside the middle of two floats, with as many
// digits as fit and more.
TEST(JsonOracleTest, FloatsNearTheMiddleAreRoundedCorrectly) {
  SeededRandom random(31);
  for (int i = 0; i < 60000; ++i) {
    float low = 0;
    int ignored = 0;
    const auto bits = static_cast<uint32_t>(random.Next());
    std::memcpy(&low, &bits, sizeof(low));
    if (!std::isfinite(low) || std::fabs(low) > 1e30f) continue;
    // Mostly of a size that the short cut takes.
    if (i % 4 != 0) low = static_cast<float>(std::ldexp(std::frexp(low, &ignored), i % 24 - 12));
    const float high = std::nextafter(low, std::numeric_limits<float>::infinity());
    const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
    for (const int digits : {7, 8, 9, 15, 16, 17, 18, 19, 25}) {
      char buffer[120];
      std::snprintf(buffer, sizeof(buffer), i % 2 == 0 ? "[%.*e]" : "[%.*f]", digits, middle);
      // Numbers near the end of the text are read in another way than the others.
      const std::string padded = buffer + std::string(i % 3 == 0 ? 0 : 40, ' ');
      const char* const text = padded.c_str();
      const float expected = std::strtof(text + 1, nullptr);
      float value = 0;
      JsonReader reader(padded);
      ASSERT_TRUE(reader.ReadNumbers(&value, 1)) << text;
      ASSERT_EQ(std::memcmp(&value, &expected, sizeof(value)), 0) << text;
      const double expected_double = std::strtod(text + 1, nullptr);
      double wide = 0;
      ASSERT_TRUE(JsonReader(padded).ReadNumbers(&wide, 1));
      ASSERT_EQ(std::memcmp(&wide, &expected_double, sizeof(wide)), 0) << text;
    }
  }
}

// Every length of the integer part and of the fraction, at every distance from the end of the text,
// with what may follow a number and what may not.
TEST(JsonOracleTest, RealsOfEveryLengthHaveTheSameValues) {
  Generator generator(41);
  for (size_t integer_digits = 1; integer_digits <= 21; ++integer_digits) {
    for (size_t fraction_digits = 0; fraction_digits <= 24; ++fraction_digits) {
      std::string number = generator.Below(2) == 0 ? "-" : "";
      number += generator.Below(3) == 0 && integer_digits == 1
                    ? '0'
                    : static_cast<char>('1' + generator.Below(9));
      for (size_t i = 1; i < integer_digits; ++i)
        number += static_cast<char>('0' + generator.Below(10));
      if (fraction_digits > 0) number += '.';
      for (size_t i = 0; i < fraction_digits; ++i)
        number += static_cast<char>('0' + generator.Below(10));
      for (const char* after : {"", "e1", "E-3", " ", "\n", "x", ".", ".5", "-", "e", "+1", "\""}) {
        for (size_t padding = 0; padding <= 48; padding += generator.Below(9) + 1) {
          const std::string text = "[" + number + after + "]" + std::string(padding, ' ');
          const Verdict verdict = Judge(text);
          float value = 0;
          double wide = 0;
          const bool reads = JsonReader(text).ReadNumbers(&value, 1);
          ASSERT_EQ(reads, verdict == Verdict::kAccepts) << text;
          ASSERT_EQ(JsonReader(text).ReadNumbers(&wide, 1), reads) << text;
          if (!reads) continue;
          const float expected = std::strtof(text.c_str() + 1, nullptr);
          const double expected_wide = std::strtod(text.c_str() + 1, nullptr);
          ASSERT_EQ(std::memcmp(&value, &expected, sizeof(value)), 0) << text;
          ASSERT_EQ(std::memcmp(&wide, &expected_wide, sizeof(wide)), 0) << text;
        }
      }
    }
  }
}

// The hot path checks the grammar in its own way: it must agree with the plain one.
TEST(JsonOracleTest, ReadingAndSkippingTensorDataAgree) {
  Generator generator(21);
  for (int i = 0; i < 40000; ++i) {
    std::vector<std::string> leaves;
    const size_t count = generator.Below(6);
    std::string text = generator.NestedNumbers(count, false, leaves);
    generator.Damage(text);
    uint64_t leaf_count = 0;
    JsonReader skipper(text);
    const bool skipped = skipper.SkipTensorData(leaf_count) && skipper.ExpectEnd();
    const Verdict verdict = Judge(text);
    if (verdict == Verdict::kNotComparable) continue;
    std::vector<double> values(leaf_count + 1);
    JsonReader reader(text);
    const bool read =
        skipped && reader.ReadNumbers(values.data(), leaf_count) && reader.ExpectEnd();
    if (!skipped) {
      JsonReader again(text);
      std::vector<double> many(text.size());
      again.ReadNumbers(many.data(), count);
      again.ExpectEnd();
      if (verdict == Verdict::kRefuses) {
        ASSERT_FALSE(again.ok() && again.data_error().empty()) << text;
      }
      continue;
    }
    ASSERT_EQ(verdict, Verdict::kAccepts) << text;
    // Leaves that are no numbers are the one thing that skipping lets pass.
    ASSERT_TRUE(read || (reader.ok() && !reader.data_error().empty())) << text;
  }
}

}  // namespace
}  // namespace throng::json
