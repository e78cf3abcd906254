// Texts that are made of objects: YAML, JSON, aligned columns, merge patches.
#include <gtest/gtest.h>

#include "client/aligned_text.h"
#include "client/merge_patch.h"
#include "client/yaml_text.h"

namespace throng::client {
namespace {

using kube::Json;

TEST(YamlTextTest, LooksAsKubectlPrintsIt) {
  const Json object = *kube::ParseJson(
      R"({"metadata":{"name":"a","labels":{},"finalizers":[]},"kind":"X",
          "status":{"conditions":[{"type":"Ready","status":"True",
          "lastTransitionTime":"2021-05-22T20:56:12Z"},{"type":"B"}],
          "list":[["a","b"],["c"]],"n":-1.5,"t":true,"z":null}})");
  EXPECT_EQ(PrintYaml(object),
            "kind: X\n"
            "metadata:\n"
            "  finalizers: []\n"
            "  labels: {}\n"
            "  name: a\n"
            "status:\n"
            "  conditions:\n"
            "  - lastTransitionTime: \"2021-05-22T20:56:12Z\"\n"
            "    status: \"True\"\n"
            "    type: Ready\n"
            "  - type: B\n"
            "  list:\n"
            "  - - a\n"
            "    - b\n"
            "  - - c\n"
            "  \"n\": -1.5\n"
            "  t: true\n"
            "  z: null\n");
}

TEST(YamlTextTest, QuotesWhatWouldBeReadAsSomethingElse) {
  const struct {
    const char* text;
    const char* printed;
  } rows[] = {
      {"", "\"\""},
      {"null", "\"null\""},
      {"~", "\"~\""},
      {"yes", "\"yes\""},
      {"off", "\"off\""},
      {"1", "\"1\""},
      {"-1.5e3", "\"-1.5e3\""},
      {"0x1f", "\"0x1f\""},
      {"0b101", "\"0b101\""},
      {"0b0e2a9f-4235-49f9", "0b0e2a9f-4235-49f9"},
      {".5", "\".5\""},
      {"1:30", "\"1:30\""},
      {"2021-05-22", "\"2021-05-22\""},
      {"1Gi", "1Gi"},
      {"600s", "600s"},
      {"1.2.3", "1.2.3"},
      {"127.0.0.1", "127.0.0.1"},
      {"triton-mms-predictor-default-00001", "triton-mms-predictor-default-00001"},
      {"http://a.b/c?d=e", "http://a.b/c?d=e"},
      {"a: b", "'a: b'"},
      {"a #b", "'a #b'"},
      {"a#b", "a#b"},
      {"- a", "'- a'"},
      {"-a", "-a"},
      {"[a]", "'[a]'"},
      {"{a}", "'{a}'"},
      {"*a", "'*a'"},
      {"it's", "it's"},
      {"'a'", "'''a'''"},
      {" a", "' a'"},
      {"a ", "'a '"},
      {"a\tb", "\"a\\tb\""},
      {"\x1b[31m", "\"\\u001b[31m\""},
      {"ä€", "ä€"},
      {"a:", "'a:'"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(PrintYaml(row.text), std::string(row.printed) + "\n");
    const auto again = kube::ParseYaml(PrintYaml({{"k", row.text}}));
    ASSERT_TRUE(again.ok()) << row.text;
    EXPECT_EQ((*again)["k"], row.text);
  }
}

TEST(YamlTextTest, TextOfSeveralLinesIsABlock) {
  EXPECT_EQ(PrintYaml({{"a", "one\ntwo\n"}}), "a: |\n  one\n  two\n");
  EXPECT_EQ(PrintYaml({{"a", "one\n\n  two"}}), "a: |-\n  one\n\n    two\n");
  EXPECT_EQ(PrintYaml({{"a", "one\n\n"}}), "a: |+\n  one\n\n");
  EXPECT_EQ(PrintYaml({{"a", {"x\ny"}}}), "a:\n- |-\n  x\n  y\n");
  EXPECT_EQ(PrintYaml({{"a", " x\ny"}}), "a: |2-\n   x\n  y\n");
  for (const std::string& text :
       {std::string("one\ntwo\n"), std::string("one\n\n  two"), std::string("one\n\n"),
        std::string(" x\ny"), std::string("a \nb"), std::string("\n"), std::string("\n\na"),
        std::string("a\n# no comment\n"), std::string("a\r\nb")}) {
    const Json object = {{"a", {{"b", text}}}, {"c", {text, "z"}}};
    const auto again = kube::ParseYaml(PrintYaml(object));
    ASSERT_TRUE(again.ok()) << PrintYaml(object);
    EXPECT_EQ(*again, object) << PrintYaml(object);
  }
}

TEST(GoJsonTest, EscapesAsGoDoes) {
  EXPECT_EQ(PrintGoJson({{"b", "<a&b>"}, {"a", "\u2028x"}}),
            "{\"a\":\"\\u2028x\",\"b\":\"\\u003ca\\u0026b\\u003e\"}\n");
}

TEST(AlignTest, ColumnsAreBlocks) {
  EXPECT_EQ(
      Align("Name:\ta\nNamespace:\tdefault\nSpec:\n  A:\tb\n  Longer:\tc\nD:\te\n",
            kDescribeAlignment),
      "Name:       a\nNamespace:  default\nSpec:\n  A:       b\n  Longer:  c\nD:         e\n");
  EXPECT_EQ(Align("a\tb\tc\nä\tlong\t\n", kTableAlignment), "a     b      c\nä     long   \n");
  EXPECT_EQ(Align("", kTableAlignment), "\n");
}

TEST(RowAlignerTest, ColumnsNeverGetNarrower) {
  RowAligner aligner(kTableAlignment);
  EXPECT_EQ(aligner.Add({{"NAME", "AGE"}, {"long-name", "5m"}}),
            "NAME        AGE\nlong-name   5m\n");
  EXPECT_EQ(aligner.Add({{"a", "6m"}}), "a           6m\n");
}

TEST(CellTextTest, SaysNothingToTheTerminal) {
  EXPECT_EQ(CellText("a\x1b[31mb\tc"), "a^[[31mb c");
  EXPECT_EQ(CellText("one\ntwo"), "one...");
  EXPECT_EQ(TextWidth("ä€"), 2u);
}

TEST(MergePatchTest, TwoWay) {
  const Json from = {{"a", 1}, {"b", {{"c", 1}, {"d", 2}}}, {"e", {1, 2}}};
  const Json to = {{"a", 1}, {"b", {{"c", 3}}}, {"e", {1}}, {"f", {{"g", 1}}}};
  const Json patch = MergePatchOf(from, to);
  EXPECT_EQ(patch, *kube::ParseJson(R"({"b":{"c":3,"d":null},"e":[1],"f":{"g":1}})"));
  Json patched = from;
  patched.merge_patch(patch);
  EXPECT_EQ(patched, to);
  EXPECT_TRUE(MergePatchOf(from, from).empty());
}

TEST(MergePatchTest, ThreeWayKeepsWhatOthersSet) {
  const Json original = {{"spec", {{"a", 1}, {"gone", 1}, {"never", {{"x", 1}}}}}};
  const Json modified = {{"spec", {{"a", 2}}}};
  const Json current = {{"spec", {{"a", 1}, {"gone", 1}, {"theirs", 5}}}, {"status", {{"s", 1}}}};
  EXPECT_EQ(ThreeWayMergePatch(original, modified, current),
            *kube::ParseJson(R"({"spec":{"a":2,"gone":null}})"));
  EXPECT_TRUE(ThreeWayMergePatch(original, {{"spec", {{"a", 1}}}}, {{"spec", {{"a", 1}}}}).empty());
  EXPECT_EQ(ThreeWayMergePatch(Json(), modified, current), *kube::ParseJson(R"({"spec":{"a":2}})"));
}

}  // namespace
}  // namespace throng::client
