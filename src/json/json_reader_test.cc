#include "json/json_reader.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "tensor/tensor.h"

namespace throng::json {
namespace {

// Skips the whole document; empty when it is accepted.
std::string SkipError(std::string_view text) {
  JsonReader reader(text);
  reader.Skip();
  reader.ExpectEnd();
  return reader.status().message();
}

bool Accepts(std::string_view text) { return SkipError(text).empty(); }

std::string ParseError(std::string_view reason, size_t offset) {
  return "failed to parse the request JSON buffer: " + std::string(reason) + " at " +
         std::to_string(offset);
}

template <typename T>
struct NumbersResult {
  std::vector<T> values;
  std::string error;  // of the document or of the data
};

template <typename T>
NumbersResult<T> ReadNumbers(std::string_view text, size_t count) {
  JsonReader reader(text);
  // Not std::vector<bool>: a place to write to is needed.
  auto memory = std::make_unique<T[]>(count + 1);
  const bool done = reader.ReadNumbers(memory.get(), count);
  if (done) reader.ExpectEnd();
  NumbersResult<T> result;
  if (!reader.ok()) {
    result.error = reader.status().message();
  } else if (!done) {
    result.error = reader.data_error();
    EXPECT_FALSE(result.error.empty());
  } else {
    result.values.assign(memory.get(), memory.get() + count);
  }
  return result;
}

TEST(JsonReaderTest, AcceptsEveryKindOfValue) {
  for (const char* text :
       {"null", " true ", "false", "0", "-0", "10.25e-3", "1E+2", "\"\"", "[]", "{}", "[[],[{}]]",
        "{\"a\":{\"b\":[1,\"x\",null]},\"c\":true}", "\t\r\n[ 1 ,\n 2 ]\n", "\"\\u0000\""}) {
    EXPECT_EQ(SkipError(text), "") << text;
  }
}

TEST(JsonReaderTest, RefusesWhatTheGrammarRefuses) {
  for (const char* text :
       {"",     " ",   "nul",        "True",      "+1",         "01",          "-",
        "1.",   ".5",  "1.e5",       "1e",        "1e+",        "0x10",        "--1",
        "-01",  "1 2", "[1,]",       "[,1]",      "[1 2]",      "[",           "[1",
        "]",    "{",   "{\"a\"}",    "{\"a\":}",  "{\"a\":1,}", "{a:1}",       "{\"a\" 1}",
        "{,}",  "\"",  "\"\\\"",     "\"\\x\"",   "\"\\u12\"",  "\"\\u12g4\"", "'a'",
        "[1]]", "NaN", "[Infinity]", "-Infinity", "\"\n\""}) {
    EXPECT_FALSE(Accepts(text)) << text;
  }
}

TEST(JsonReaderTest, NamesTheReasonAndTheOffset) {
  EXPECT_EQ(SkipError("[1,2"), ParseError("Missing a comma or ] after an array element.", 4));
  EXPECT_EQ(SkipError("{\"a\":1 \"b\":2}"),
            ParseError("Missing a comma or } after an object member.", 7));
  EXPECT_EQ(SkipError("{\"a\" 1}"),
            ParseError("Missing a colon after a name of object member.", 5));
  EXPECT_EQ(SkipError("[1,}"), ParseError("Invalid value.", 3));
  EXPECT_EQ(SkipError("{1:2}"), ParseError("Missing a name for object member.", 1));
  EXPECT_EQ(SkipError("\"abc"), ParseError("Missing a closing quotation mark in string.", 0));
  EXPECT_EQ(SkipError("1 x"),
            ParseError("The document root must not be followed by other values.", 2));
}

TEST(JsonReaderTest, RefusesDuplicateKeysHoweverTheyAreSpelt) {
  EXPECT_FALSE(Accepts("{\"a\":1,\"a\":2}"));
  EXPECT_FALSE(Accepts("{\"a\":1,\"\\u0061\":2}"));
  EXPECT_FALSE(Accepts("{\"\":1,\"\":2}"));
  EXPECT_FALSE(Accepts("[{\"x\":{\"b\":1,\"c\":2,\"b\":3}}]"));
  EXPECT_TRUE(Accepts("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"));
  EXPECT_TRUE(Accepts("[{\"a\":1},{\"a\":1}]"));
}

std::string ObjectWithKeys(size_t count) {
  std::string text = "{";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += "\"k" + std::to_string(i) + "\":0";
  }
  return text + "}";
}

TEST(JsonReaderTest, KeysOfAnObjectAreBounded) {
  EXPECT_TRUE(Accepts(ObjectWithKeys(limits::kJsonKeysPerObject - 1)));
  EXPECT_TRUE(Accepts(ObjectWithKeys(limits::kJsonKeysPerObject)));
  EXPECT_FALSE(Accepts(ObjectWithKeys(limits::kJsonKeysPerObject + 1)));
  EXPECT_FALSE(Accepts(ObjectWithKeys(1000000)));
}

TEST(JsonReaderTest, FindsADuplicateAmongManyKeys) {
  for (const char* again : {"k0", "k15", "k16", "k17", "k99"}) {
    std::string text = ObjectWithKeys(100);
    text.back() = ',';
    EXPECT_FALSE(Accepts(text + "\"" + again + "\":1}")) << again;
    EXPECT_TRUE(Accepts(text + "\"other\":1}"));
  }
}

std::string Nested(size_t depth, std::string_view open, std::string_view close) {
  std::string text;
  for (size_t i = 0; i < depth; ++i) text += open;
  if (open != "[") text += "1";
  for (size_t i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(JsonReaderTest, DepthIsBoundedWithoutRecursion) {
  for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    EXPECT_TRUE(Accepts(Nested(limits::kJsonDepth - 1, open, close)));
    EXPECT_TRUE(Accepts(Nested(limits::kJsonDepth, open, close)));
    EXPECT_FALSE(Accepts(Nested(limits::kJsonDepth + 1, open, close)));
    EXPECT_FALSE(Accepts(Nested(1000000, open, close)));
  }
}

TEST(JsonReaderTest, DepthOfTensorDataIsBounded) {
  const auto depth_ok = [](size_t depth) {
    const std::string text = Nested(depth, "[", "]");
    JsonReader reader(text);
    float unused = 0;
    return reader.ReadNumbers(&unused, 0);
  };
  EXPECT_TRUE(depth_ok(limits::kJsonDepth));
  EXPECT_FALSE(depth_ok(limits::kJsonDepth + 1));
  EXPECT_FALSE(depth_ok(1000000));
  const std::string text = Nested(limits::kJsonDepth - 3, "[", "]");
  uint64_t leaf_count = 0;
  EXPECT_TRUE(JsonReader(text, 0, 3).SkipTensorData(leaf_count));
  EXPECT_FALSE(JsonReader(text, 0, 4).SkipTensorData(leaf_count));
}

std::string ReadStringOf(std::string_view text) {
  JsonReader reader(text);
  std::string value;
  reader.ReadString(value);
  reader.ExpectEnd();
  return reader.ok() ? value : "error: " + reader.status().message();
}

TEST(JsonReaderTest, DecodesEscapes) {
  EXPECT_EQ(ReadStringOf(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(ReadStringOf(R"("\u0041\u00e9\u4E16\ud83d\ude00")"),
            "A\xc3\xa9\xe4\xb8\x96\xf0\x9f\x98\x80");
  EXPECT_EQ(ReadStringOf(R"("a\u0000b")"), std::string("a\0b", 3));
  EXPECT_EQ(ReadStringOf("\"caf\xc3\xa9 and a long run of plain text\""),
            "caf\xc3\xa9 and a long run of plain text");
}

TEST(JsonReaderTest, RefusesLoneSurrogates) {
  for (const char* text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")", R"("\ud800\ud800")",
        R"("\udc00\ud800")", R"("\ud800\u0041")", R"("\udbff\ue000")"}) {
    EXPECT_NE(ReadStringOf(text).find("The surrogate pair in string is invalid."),
              std::string::npos)
        << text;
  }
}

TEST(JsonReaderTest, RefusesInvalidUtf8AnywhereInAString) {
  const std::string bad[] = {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                             "\x80"};
  for (const std::string& bytes : bad) {
    for (size_t prefix : {0, 1, 7, 8, 15}) {
      const std::string text = "\"" + std::string(prefix, 'x') + bytes + "\"";
      EXPECT_FALSE(Accepts(text)) << prefix;
      EXPECT_FALSE(Accepts("{" + text + ":1}")) << prefix;
    }
  }
  EXPECT_FALSE(Accepts("\"\xc3\\n\xa9\"")) << "a sequence cut by an escape";
}

TEST(JsonReaderTest, RefusesControlCharactersInStrings) {
  for (int c = 0; c < 0x20; ++c) {
    for (size_t prefix : {0, 3, 9}) {
      EXPECT_FALSE(Accepts("\"" + std::string(prefix, 'x') + static_cast<char>(c) + "yyyyyyyy\""));
    }
  }
  EXPECT_TRUE(Accepts("\"\x7f\x20\""));
}

TEST(JsonReaderTest, ReadsFloatsCorrectlyRounded) {
  const auto result =
      ReadNumbers<float>("[0.1,-0.0,1e-3,16777217,3.4028235e38,1e-45,123456789]", 7);
  ASSERT_EQ(result.error, "");
  EXPECT_EQ(result.values[0], 0.1f);
  EXPECT_TRUE(std::signbit(result.values[1]));
  EXPECT_EQ(result.values[2], 1e-3f);
  EXPECT_EQ(result.values[3], 16777216.0f);
  EXPECT_EQ(result.values[4], std::numeric_limits<float>::max());
  EXPECT_EQ(result.values[5], std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(result.values[6], 123456789.0f);
}

TEST(JsonReaderTest, TakesNonFiniteWordsInTensorDataOnly) {
  const auto result = ReadNumbers<double>("[NaN, Infinity,-Infinity]", 3);
  ASSERT_EQ(result.error, "");
  EXPECT_TRUE(std::isnan(result.values[0]));
  EXPECT_EQ(result.values[1], std::numeric_limits<double>::infinity());
  EXPECT_EQ(result.values[2], -std::numeric_limits<double>::infinity());
  for (const char* text : {"[Inf]", "[nan]", "[-NaN]", "[Infinit]", "[+Infinity]", "[NaNs]"}) {
    EXPECT_NE(ReadNumbers<float>(text, 1).error, "") << text;
    uint64_t leaf_count = 0;
    EXPECT_FALSE(JsonReader(text).SkipTensorData(leaf_count)) << text;
  }
  EXPECT_NE(ReadNumbers<int32_t>("[NaN]", 1).error, "");
  uint64_t leaf_count = 0;
  EXPECT_TRUE(JsonReader("[NaN,[-Infinity]]").SkipTensorData(leaf_count));
  EXPECT_EQ(leaf_count, 2u);
}

TEST(JsonReaderTest, TooSmallIsZeroAndTooLargeIsAnError) {
  const auto small = ReadNumbers<double>("[1e-400,-1e-400,0.0000001e-330,0e999999999999]", 4);
  ASSERT_EQ(small.error, "");
  for (const double value : small.values) EXPECT_EQ(value, 0);
  EXPECT_TRUE(std::signbit(small.values[1]));
  EXPECT_EQ(ReadNumbers<float>("[1e-60]", 1).values.at(0), 0.0f);
  EXPECT_EQ(ReadNumbers<double>("[1,1e309]", 2).error,
            ParseError("Number too big to be stored in double.", 3));
  for (const char* text :
       {"[1000000000000000000e300]", "[0.001e400]", "[1e99999999999999999999]"}) {
    EXPECT_NE(ReadNumbers<double>(text, 1).error, "") << text;
    EXPECT_NE(ReadNumbers<float>(text, 1).error, "") << text;
  }
  EXPECT_EQ(ReadNumbers<double>("[1e-99999999999999999999]", 1).values.at(0), 0);
  EXPECT_EQ(ReadNumbers<float>("[1e39]", 1).error, "value out of range at offset 1");
}

TEST(JsonReaderTest, NumbersOfTensorDataFollowTheGrammar) {
  for (const char* text : {"[01]",   "[1.]",  "[.5]",    "[+1]",  "[-]",   "[1e]",   "[1e+]",
                           "[1.e2]", "[-.5]", "[1.5.5]", "[0x1]", "[-01]", "[00.5]", "[1e5e5]",
                           "[1 2]",  "[1,]",  "[,1]",    "[1",    "[1,",   "[1}",    "[--1]"}) {
    EXPECT_NE(ReadNumbers<float>(text, 1).error, "") << text;
    EXPECT_NE(ReadNumbers<int64_t>(text, 1).error, "") << text;
    uint64_t leaf_count = 0;
    JsonReader reader(text);
    reader.SkipTensorData(leaf_count);
    EXPECT_FALSE(reader.ok()) << text;
  }
}

template <typename T>
void CheckIntegerRange() {
  using Limits = std::numeric_limits<T>;
  const std::string low = std::to_string(Limits::min());
  const std::string high = std::to_string(Limits::max());
  const auto both = ReadNumbers<T>("[" + low + "," + high + "]", 2);
  ASSERT_EQ(both.error, "");
  EXPECT_EQ(both.values[0], Limits::min());
  EXPECT_EQ(both.values[1], Limits::max());
  const std::string beyond_low = Limits::is_signed ? low.substr(0, low.size() - 1) + "9" : "-1";
  const std::string beyond_high = high.substr(0, high.size() - 1) + "9";
  EXPECT_EQ(ReadNumbers<T>("[" + beyond_low + "]", 1).error, "value out of range at offset 1");
  EXPECT_EQ(ReadNumbers<T>("[" + beyond_high + "]", 1).error, "value out of range at offset 1");
}

TEST(JsonReaderTest, IntegersAreRangeChecked) {
  CheckIntegerRange<int8_t>();
  CheckIntegerRange<int16_t>();
  CheckIntegerRange<int32_t>();
  CheckIntegerRange<int64_t>();
  CheckIntegerRange<uint8_t>();
  CheckIntegerRange<uint16_t>();
  CheckIntegerRange<uint32_t>();
  CheckIntegerRange<uint64_t>();
}

TEST(JsonReaderTest, MinusZeroIsAnIntegerOfEveryKind) {
  EXPECT_EQ(ReadNumbers<uint8_t>("[-0,1]", 2).values, (std::vector<uint8_t>{0, 1}));
  EXPECT_EQ(ReadNumbers<uint64_t>("[-0]", 1).values, (std::vector<uint64_t>{0}));
  EXPECT_EQ(ReadNumbers<int32_t>("[-0]", 1).values, (std::vector<int32_t>{0}));
  EXPECT_NE(ReadNumbers<uint8_t>("[-00]", 1).error, "");
}

TEST(JsonReaderTest, IntegersHaveNeitherFractionNorExponent) {
  EXPECT_EQ(ReadNumbers<int32_t>("[1.0]", 1).error, "expected an integer at offset 1");
  EXPECT_EQ(ReadNumbers<int32_t>("[1e2]", 1).error, "expected an integer at offset 1");
  EXPECT_EQ(ReadNumbers<int32_t>("[\"1\"]", 1).error, "expected an integer at offset 1");
}

TEST(JsonReaderTest, BooleansAreTrueAndFalseAlone) {
  EXPECT_EQ(ReadNumbers<bool>("[true,[false]]", 2).values, (std::vector<bool>{true, false}));
  EXPECT_EQ(ReadNumbers<bool>("[1]", 1).error, "expected true or false at offset 1");
  EXPECT_NE(ReadNumbers<bool>("[tru]", 1).error, "");
}

TEST(JsonReaderTest, OnlyTheNumberOfLeavesMatters) {
  EXPECT_EQ(ReadNumbers<int32_t>("[[1,2],[[3],[]],4]", 4).values,
            (std::vector<int32_t>{1, 2, 3, 4}));
  EXPECT_EQ(ReadNumbers<int32_t>("[]", 0).error, "");
  EXPECT_EQ(ReadNumbers<int32_t>("[1,2]", 3).error,
            "Shape does not match true shape of 'data' field: expected 3 elements, got 2");
  EXPECT_EQ(ReadNumbers<int32_t>("[1,2]", 1).error,
            "Shape does not match true shape of 'data' field: expected 1 elements, got more");
  EXPECT_EQ(ReadNumbers<int32_t>("5", 1).error, "expected an array at offset 0");
  EXPECT_EQ(ReadNumbers<int32_t>("[{}]", 1).error, "expected an integer at offset 1");
}

TEST(JsonReaderTest, ReadsStringsInTheBytesEncoding) {
  JsonReader reader(R"([["a",""],["caf\u00e9"]])");
  std::vector<std::byte> data;
  ASSERT_TRUE(reader.ReadStrings(3, data));
  tensor::BytesReader bytes(data);
  EXPECT_EQ(**bytes.Next(), "a");
  EXPECT_EQ(**bytes.Next(), "");
  EXPECT_EQ(**bytes.Next(), "caf\xc3\xa9");
  EXPECT_FALSE(bytes.Next()->has_value());
}

TEST(JsonReaderTest, StringDataMustBeStrings) {
  JsonReader reader("[\"a\",5]");
  std::vector<std::byte> data;
  EXPECT_FALSE(reader.ReadStrings(2, data));
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.data_error(), "expected a string at offset 5");
}

TEST(JsonReaderTest, TellsIntegersFromReals) {
  const auto read = [](std::string_view text) {
    JsonReader::Number number;
    EXPECT_TRUE(JsonReader(text).ReadNumber(number)) << text;
    return number;
  };
  EXPECT_EQ(read("-9223372036854775808").integer, std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(read("9223372036854775808").is_integer);
  EXPECT_EQ(read("9223372036854775808").real, 9223372036854775808.0);
  EXPECT_FALSE(read("1.0").is_integer);
  EXPECT_EQ(read("25e-1").real, 2.5);
}

TEST(JsonReaderTest, TheFirstErrorSticks) {
  JsonReader reader("[1,x,2");
  reader.Skip();
  const std::string first = reader.status().message();
  std::string text;
  EXPECT_FALSE(reader.ReadString(text));
  EXPECT_FALSE(reader.BeginObject());
  EXPECT_FALSE(reader.Fail(InvalidArgumentError("later")));
  EXPECT_EQ(reader.status().message(), first);
  EXPECT_EQ(first, ParseError("Invalid value.", 3));
}

}  // namespace
}  // namespace throng::json
