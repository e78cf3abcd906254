#include "json/json_writer.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/utf8.h"

namespace throng::json {
namespace {

std::string Double(double value) {
  std::string out;
  AppendJsonDouble(value, out);
  return out;
}

std::string String(std::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

TEST(JsonWriterTest, PrintsDoublesAsRapidJsonDoes) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.0, "-1.0"},
      {10.0, "10.0"},
      {12.5, "12.5"},
      {-2.0964810848236086, "-2.0964810848236086"},
      {static_cast<double>(0.1f), "0.10000000149011612"},
      {0.1, "0.1"},
      {0.001234, "0.001234"},
      {1e-6, "0.000001"},
      {1.5e-6, "0.0000015"},
      {9.9e-7, "9.9e-7"},
      {1e-7, "1e-7"},
      {1e20, "100000000000000000000.0"},
      {123456789012345680000.0, "123456789012345680000.0"},
      {1e21, "1e21"},
      {1.5e21, "1.5e21"},
      {1e30, "1e30"},
      {1e100, "1e100"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e308"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
      {std::numeric_limits<double>::infinity(), "Infinity"},
      {-std::numeric_limits<double>::infinity(), "-Infinity"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(Double(value), text);
}

// The reply of a real Triton to the CIFAR-10 example of KServe's documentation.
TEST(JsonWriterTest, PrintsWidenedFloatsWithTheDigitsOfTriton) {
  for (const char* text :
       {"-2.0964810848236086", "-0.13700756430625916", "-0.5095657706260681", "2.795621395111084",
        "-0.5605481863021851", "1.9934231042861939", "1.1288187503814698", "-1.4043136835098267",
        "0.6004879474639893", "-2.1237082481384279"}) {
    const auto value = static_cast<float>(std::stod(text));
    EXPECT_EQ(Double(static_cast<double>(value)), text);
  }
}

TEST(JsonWriterTest, EveryFiniteDoubleReadsBackExactly) {
  SeededRandom random(7);
  for (int i = 0; i < 100000; ++i) {
    const uint64_t bits = random.Next();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (!std::isfinite(value)) continue;
    const std::string text = Double(value);
    double back = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(result.ptr, text.data() + text.size()) << text;
    ASSERT_EQ(back, value) << text;
    ASSERT_TRUE(nlohmann::json::accept(text)) << text;
  }
}

TEST(JsonWriterTest, EscapesWhatJsonRequires) {
  EXPECT_EQ(String("a\"b\\c/\b\f\n\r\t"), R"("a\"b\\c/\b\f\n\r\t")");
  EXPECT_EQ(String(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001F\x7f\"");
  EXPECT_EQ(String("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
  EXPECT_EQ(String(""), "\"\"");
}

TEST(JsonWriterTest, PrintsIntegersOfEveryWidth) {
  std::string out;
  AppendJsonInteger(std::numeric_limits<int64_t>::min(), out);
  out += ' ';
  AppendJsonInteger(std::numeric_limits<uint64_t>::max(), out);
  out += ' ';
  AppendJsonInteger(static_cast<int8_t>(-128), out);
  EXPECT_EQ(out, "-9223372036854775808 18446744073709551615 -128");
}

TEST(JsonWriterTest, UntrustedTextIsBoundedAndValid) {
  for (size_t max_bytes = 16; max_bytes < 40; ++max_bytes) {
    for (size_t length = 0; length < 40; ++length) {
      for (const char* unit : {"a", "\n", "\x01", "\xff", "\xc3\xa9", "\xf0\x9f\x98\x80"}) {
        std::string text;
        while (text.size() < length) text += unit;
        std::string out = "prefix";
        AppendUntrustedJsonString(text, max_bytes, out);
        const std::string literal = out.substr(6);
        ASSERT_LE(literal.size(), max_bytes);
        ASSERT_TRUE(IsValidUtf8(literal));
        ASSERT_TRUE(nlohmann::json::accept(literal)) << literal;
      }
    }
  }
}

TEST(JsonWriterTest, UntrustedTextThatFitsIsWhole) {
  std::string out;
  AppendUntrustedJsonString("12345678901234", 16, out);
  EXPECT_EQ(out, "\"12345678901234\"");
  out.clear();
  AppendUntrustedJsonString("123456789012345", 16, out);
  EXPECT_EQ(out, "\"12345678901...\"");
}

}  // namespace
}  // namespace throng::json
