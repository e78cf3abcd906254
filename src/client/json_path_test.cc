#include "client/json_path.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"

namespace throng::client {
namespace {

using kube::Json;

const Json& Sample() {
  static const Json kSample = *kube::ParseJson(R"({
    "status": {"url": "http://triton-mms.default.example.com", "n": 3, "ok": true, "none": null,
      "conditions": [{"type": "Ready", "status": "True", "age": 2},
                     {"type": "Loaded", "status": "False", "age": 5}]},
    "metadata": {"annotations": {"a.b/c": "dotted", "name": "inner"}, "name": "outer"},
    "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}, {"metadata": {}}]})");
  return kSample;
}

std::string Print(const std::string& text) {
  const auto path = JsonPath::Parse(text);
  if (!path.ok()) return "error: " + path.status().message();
  const auto printed = path->Print(Sample());
  return printed.ok() ? *printed : "error: " + printed.status().message();
}

TEST(JsonPathTest, FindsWhatKubectlFinds) {
  const struct {
    const char* text;
    const char* printed;
  } rows[] = {
      {"{.status.url}", "http://triton-mms.default.example.com"},
      {"{status.n}", "3"},
      {"{$.status.ok}", "true"},
      {"{.status.none}", "null"},
      {"{.status.missing}", ""},
      {"{.status.missing.deeper[3]}", ""},
      {"x{.status.n}y", "x3y"},
      {"plain", "plain"},
      {"", ""},
      {"{.items[*].metadata.name}", "a b"},
      {"{.items[0].metadata.name}", "a"},
      {"{.items[-2].metadata.name}", "b"},
      {"{.items[7]}", ""},
      {"{.items[0:2].metadata.name}", "a b"},
      {"{.items[1:].metadata.name}", "b"},
      {"{.items[:-2].metadata.name}", "a"},
      {"{.items[::2].metadata}", "{\"name\":\"a\"} {}"},
      {"{.items[0,1].metadata.name}", "a b"},
      {"{.status['url','n']}", "http://triton-mms.default.example.com 3"},
      {"{.metadata.annotations.a\\.b/c}", "dotted"},
      {"{.metadata.annotations['a.b/c']}", "dotted"},
      {"{.status.conditions[?(@.type==\"Ready\")].status}", "True"},
      {"{.status.conditions[?(@.type=='Loaded')].status}", "False"},
      {"{.status.conditions[?(@.type!='Loaded')].type}", "Ready"},
      {"{.status.conditions[?(@.age>2)].type}", "Loaded"},
      {"{.status.conditions[?(@.age >= 2)].type}", "Ready Loaded"},
      {"{.status.conditions[?(@.age<5)].type}", "Ready"},
      {"{.items[?(@.metadata.name)].metadata.name}", "a b"},
      {"{..name}", "a b outer inner"},
      {"{.items..name}", "a b"},
      {"{range .items[*]}[{.metadata.name}]{\"\\n\"}{end}.", "[a]\n[b]\n[]\n."},
      {"{range .items[*]}{range .metadata}{.name},{end}{end}", "a,b,,"},
      {"{'single'}", "single"},
      {"{.metadata.*}", "{\"a.b/c\":\"dotted\",\"name\":\"inner\"} outer"},
      {"{ .status.n }", "3"},
  };
  for (const auto& row : rows) EXPECT_EQ(Print(row.text), row.printed) << row.text;
}

TEST(JsonPathTest, WhatCannotBeReadIsAnError) {
  for (const char* bad :
       {"{", "{.a", "{.a[", "{.a[0", "{.a['x]}", "{.a[?(@.b]}", "{.a[?(@.b==)]}", "{end}",
        "{range .a}", "{range .a}{.b}", "{.a[x]}", "{.a[0:3:0]}", "{.a[::-1]}", "{.a]}",
        "{.a[?@.b]}", "{\"a}", "{.a[0]b}", "{.a[?(@.b==[1])]}"}) {
    EXPECT_TRUE(Print(bad).starts_with("error: jsonpath: ")) << bad << " " << Print(bad);
  }
}

TEST(JsonPathTest, ExpressionsMayBeWithoutBraces) {
  for (const char* text : {"{.status.n}", ".status.n", "status.n"}) {
    const auto path = JsonPath::ParseExpression(text);
    ASSERT_TRUE(path.ok()) << text;
    const auto found = path->Find(Sample());
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(*found->front(), 3);
  }
  EXPECT_FALSE(JsonPath::ParseExpression("{.a}{.b}").ok());
  EXPECT_FALSE(JsonPath::ParseExpression("{range .a}{end}").ok());
}

TEST(JsonPathTest, BoundsHold) {
  EXPECT_TRUE(JsonPath::Parse(std::string(limits::kTemplateBytes, 'x')).ok());
  EXPECT_FALSE(JsonPath::Parse(std::string(limits::kTemplateBytes + 1, 'x')).ok());
  const auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "{range .a}";
    for (size_t i = 0; i < depth; ++i) text += "{end}";
    return JsonPath::Parse(text).ok();
  };
  EXPECT_TRUE(nested(limits::kTemplateDepth));
  EXPECT_FALSE(nested(limits::kTemplateDepth + 1));
  Json wide = Json::array();
  for (int i = 0; i < 1000; ++i) wide.push_back(i);
  Json square = Json::array();
  for (int i = 0; i < 998; ++i) square.push_back(wide);
  // 998 rows and 998,000 cells; a row more than fits.
  const auto path = JsonPath::ParseExpression("{.[*][*]}");
  ASSERT_TRUE(path.ok());
  EXPECT_TRUE(path->Find(square).ok());
  square.push_back(wide);
  square.push_back(wide);
  EXPECT_EQ(path->Find(square).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace throng::client
