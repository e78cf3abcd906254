#include "kube/json.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"

namespace throng::kube {
namespace {

std::string JsonError(std::string_view text) {
  const auto parsed = ParseJson(text);
  if (parsed.ok()) return "accepted: " + PrintJson(*parsed);
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
  return parsed.status().message();
}

std::string YamlError(std::string_view text) {
  const auto parsed = ParseYaml(text);
  if (parsed.ok()) return "accepted: " + PrintJson(*parsed);
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument);
  return parsed.status().message();
}

// As JSON; the error when there is one.
std::string Yaml(std::string_view text) {
  const auto parsed = ParseYaml(text);
  return parsed.ok() ? PrintJson(*parsed) : parsed.status().message();
}

std::string Repeat(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

TEST(ParseJsonTest, KeepsEveryKindOfValue) {
  const char* text =
      R"({"a":[1,-2,0.5,true,false,null,"x"],"b":{"c":{}},"max":18446744073709551615,)"
      R"("min":-9223372036854775808,"text":"ü\n"})";
  const auto parsed = ParseJson(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(PrintJson(*parsed), text);
  EXPECT_EQ(PrintJson(*ParseJson(" 7 ")), "7");
}

TEST(ParseJsonTest, SaysTheByteOfAnError) {
  EXPECT_EQ(JsonError(R"({"a":x})"),
            "invalid JSON at byte 6: syntax error while parsing value - invalid literal");
  EXPECT_TRUE(JsonError("").starts_with("invalid JSON at byte 1: syntax error"));
  EXPECT_TRUE(JsonError("{} {}").starts_with("invalid JSON at byte 4: "));
  EXPECT_EQ(JsonError("[1e999]"), "invalid JSON at byte 6: a number out of range");
  EXPECT_NE(JsonError("{\"a\":\"\xff\"}").find("invalid string: ill-formed UTF-8 byte"),
            std::string::npos);
  EXPECT_NE(JsonError(R"(["\ud800"])").find("invalid string"), std::string::npos);
}

TEST(ParseJsonTest, RefusesAKeyTwiceWithItsPath) {
  EXPECT_EQ(JsonError(R"({"a":1,"a":1})"), "duplicate field \"a\"");
  EXPECT_EQ(JsonError(R"({"spec":{"list":[{},{"x":{"y":1},"z":2,"x":3}]}})"),
            "duplicate field \"spec.list[1].x\"");
  EXPECT_TRUE(ParseJson(R"({"a":{"a":{"a":1}},"b":{"a":1}})").ok());
}

TEST(ParseJsonTest, BoundsTheDepth) {
  const auto nested = [](size_t depth) { return Repeat("[", depth) + Repeat("]", depth); };
  EXPECT_TRUE(ParseJson(nested(limits::kObjectDepth - 1)).ok());
  EXPECT_TRUE(ParseJson(nested(limits::kObjectDepth)).ok());
  EXPECT_EQ(JsonError(nested(limits::kObjectDepth + 1)), "nested deeper than 64 levels");
  EXPECT_EQ(JsonError(Repeat("{\"a\":[", 1000000)), "nested deeper than 64 levels");
}

TEST(ParseYamlTest, ReadsBlockAndFlow) {
  EXPECT_EQ(Yaml("a: 1\nb:\n- x\n- y: [1, {z: 'q'}]\nc: {}\nd: |\n  one\n  two\n"),
            R"({"a":1,"b":["x",{"y":[1,{"z":"q"}]}],"c":{},"d":"one\ntwo\n"})");
  EXPECT_EQ(Yaml("{\"kind\": \"Pod\", \"n\": [1, 2]}"), R"({"kind":"Pod","n":[1,2]})");
  EXPECT_EQ(Yaml(""), "null");
  EXPECT_EQ(Yaml("# nothing\n"), "null");
}

TEST(ParseYamlTest, ResolvesPlainScalars) {
  EXPECT_EQ(Yaml("[~, null, Null, NULL, '', nUll]"), R"([null,null,null,null,"","nUll"])");
  EXPECT_EQ(Yaml("[true, True, TRUE, false, False, FALSE, tRue]"),
            R"([true,true,true,false,false,false,"tRue"])");
  EXPECT_EQ(Yaml("[yes, No, on, off, y, n]"), R"(["yes","No","on","off","y","n"])");
  EXPECT_EQ(Yaml("[0, 12, -7, +7, 0x1F, 0o17, 0644, 0899]"), "[0,12,-7,7,31,15,420,899]");
  EXPECT_EQ(Yaml("[18446744073709551615, -9223372036854775808]"),
            "[18446744073709551615,-9223372036854775808]");
  EXPECT_EQ(Yaml("[1.5, .5, -1e3, 1e-2]"), "[1.5,0.5,-1000.0,0.01]");
  EXPECT_EQ(Yaml("[1Gi, 500m, 1.2.3, 1_000, 0x, 0b1, '1', \"true\", 2020-01-01, 12:30, ., -]"),
            R"(["1Gi","500m","1.2.3","1_000","0x","0b1","1","true","2020-01-01","12:30",".","-"])");
  EXPECT_EQ(Yaml("a:\nb: x"), R"({"a":null,"b":"x"})");
  EXPECT_EQ(Yaml("{1: a, true: b, '2': c}"), R"({"1":"a","2":"c","true":"b"})");
}

TEST(ParseYamlTest, KnowsTheTagsOfTheCoreSchema) {
  EXPECT_EQ(Yaml("[!!str 1, !!int 1, !!float 1.5, !!bool true, !!null null]"),
            R"(["1",1,1.5,true,null])");
  EXPECT_EQ(Yaml("!!map {a: !!seq [1]}"), R"({"a":[1]})");
  EXPECT_EQ(YamlError("a: !!binary aGk="),
            "invalid YAML at line 1: the tag of a value is not supported");
  EXPECT_EQ(YamlError("a: !!int x"), "invalid YAML at line 1: the tag of a value is not supported");
  EXPECT_EQ(YamlError("a: !mine {}"),
            "invalid YAML at line 1: the tag of a value is not supported");
}

TEST(ParseYamlTest, RefusesWhatJsonDoesNotHave) {
  EXPECT_EQ(YamlError("a: 1\nb: .inf"), "invalid YAML at line 2: a number that JSON does not have");
  EXPECT_EQ(YamlError("-.NaN"), "invalid YAML at line 1: a number that JSON does not have");
  EXPECT_EQ(YamlError("1e999"), "invalid YAML at line 1: a number that JSON does not have");
  EXPECT_EQ(YamlError("[a]: b"), "invalid YAML at line 1: a key must be text");
  EXPECT_EQ(YamlError("~: b"), "invalid YAML at line 1: a key must be text");
}

TEST(ParseYamlTest, RefusesAnchorsAndAliases) {
  EXPECT_EQ(YamlError("a: &x 1\nb: *x"), "invalid YAML at line 1: anchors are not supported");
  EXPECT_EQ(YamlError("a: &x {}"), "invalid YAML at line 1: anchors are not supported");
  EXPECT_EQ(YamlError("a: &x [1]"), "invalid YAML at line 1: anchors are not supported");
  EXPECT_NE(YamlError("b: *x").find("invalid YAML"), std::string::npos);
}

TEST(ParseYamlTest, RefusesAKeyTwiceWithItsLine) {
  EXPECT_EQ(YamlError("a: 1\nspec:\n  x: 1\n  y: 2\n  x: 3"),
            "invalid YAML at line 5: duplicate field \"spec.x\"");
}

TEST(ParseYamlTest, RefusesOtherBytes) {
  EXPECT_EQ(YamlError("a: \xff"), "invalid YAML: the text is not UTF-8");
  EXPECT_EQ(YamlError(std::string_view("a\0: b", 5)),
            "invalid YAML: control characters are not allowed");
  EXPECT_EQ(YamlError("a: \x04"), "invalid YAML: control characters are not allowed");
  EXPECT_TRUE(YamlError("a: [1").starts_with("invalid YAML at line 1: "));
  EXPECT_TRUE(YamlError("a: 1\n b: 2").starts_with("invalid YAML at line 2: "));
}

// yaml-cpp does not move on from these.
TEST(ParseYamlTest, EndsAtTokensThatStartNothing) {
  EXPECT_EQ(YamlError(","), "invalid YAML at line 1: unexpected token");
  EXPECT_EQ(YamlError("a\n---\n,"), "invalid YAML at line 3: unexpected token");
  EXPECT_NE(YamlError("}").find("invalid YAML"), std::string::npos);
}

TEST(ParseYamlTest, BoundsTheDepth) {
  const auto flow = [](size_t depth) { return Repeat("[", depth) + Repeat("]", depth); };
  EXPECT_TRUE(ParseYaml(flow(limits::kObjectDepth)).ok());
  EXPECT_EQ(YamlError(flow(limits::kObjectDepth + 1)),
            "invalid YAML at line 1: nested deeper than 64 levels");
  EXPECT_NE(YamlError(Repeat("- ", 5000) + "x").find("nested deeper"), std::string::npos);
  EXPECT_NE(YamlError(Repeat("{a: ", 5000)).find("invalid YAML"), std::string::npos);
}

TEST(ParseYamlTest, ReadsSeveralDocuments) {
  const auto documents = ParseYamlDocuments("---\na: 1\n---\n# empty\n---\n---\nb: 2\n...\n");
  ASSERT_TRUE(documents.ok()) << documents.status().message();
  ASSERT_EQ(documents->size(), 2u);
  EXPECT_EQ(PrintJson((*documents)[1]), R"({"b":2})");
  EXPECT_EQ(YamlError("a: 1\n---\nb: 2"), "invalid YAML: one document is expected, not 2");
}

TEST(JsonPathTest, FindsWhatIsThere) {
  const Json json = Json::parse(R"({"a":{"b":"text","n":1,"l":[]}})");
  EXPECT_EQ(TextAt(json, {"a", "b"}), "text");
  EXPECT_EQ(TextAt(json, {"a", "n"}), "");
  EXPECT_EQ(TextAt(json, {"a", "b", "c"}), "");
  EXPECT_EQ(FindPath(json, {"a", "x"}), nullptr);
  EXPECT_EQ(FindPath(json, {}), &json);
  EXPECT_EQ(FindPath(json, {"a", "l", "x"}), nullptr);
}

TEST(PrintJsonTest, ReplacesInvalidUtf8) {
  EXPECT_EQ(PrintJson(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace throng::kube
