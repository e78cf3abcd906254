#include "kube/selector.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/testing/goldens.h"

namespace throng::kube {
namespace {

TEST(LabelSelectorTest, IsThatOfKubernetes) {
  const Json sets =
      Json::parse(R"([{},{"a":""},{"a":"1"},{"a":"2","b":"x"},{"b":"x"},{"a":"in","notin":"y"},)"
                  R"({"example.com/k":"10"},{"a":"x1"}])");
  for (const Json& row : testing::Goldens("label_selectors.json")) {
    const auto text = row["text"].get<std::string>();
    SCOPED_TRACE(text);
    const auto selector = LabelSelector::Parse(text);
    if (row.contains("error")) {
      ASSERT_FALSE(selector.ok()) << selector->ToString();
      EXPECT_EQ(selector.error().message, row["error"]);
      EXPECT_EQ(selector.error().code, 400);
      continue;
    }
    ASSERT_TRUE(selector.ok()) << selector.error().message;
    EXPECT_EQ(selector->ToString(), row["string"]);
    for (size_t i = 0; i < sets.size(); ++i) {
      EXPECT_EQ(selector->Matches(sets[i]), row["matches"][i].get<bool>()) << sets[i];
    }
  }
}

TEST(LabelSelectorTest, BoundsItsTerms) {
  const auto terms = [](size_t count) {
    std::string text = "k in (v0";
    for (size_t i = 1; i + 1 < count; ++i) text += ",v" + std::to_string(i);
    return LabelSelector::Parse(text + ")");
  };
  EXPECT_TRUE(terms(limits::kSelectorTerms - 1).ok());
  EXPECT_TRUE(terms(limits::kSelectorTerms).ok());
  EXPECT_EQ(terms(limits::kSelectorTerms + 1).error().message,
            "a selector must have at most 1000 terms");
}

TEST(LabelSelectorTest, ComesFromAnObject) {
  const auto selector = LabelSelector::FromJson(Json::parse(
      R"({"matchLabels":{"b":"1"},"matchExpressions":[{"key":"a","operator":"In","values":["2","1"]},)"
      R"({"key":"c","operator":"NotIn","values":["3"]},{"key":"d","operator":"Exists"},)"
      R"({"key":"e","operator":"DoesNotExist"}]})"));
  ASSERT_TRUE(selector.ok());
  EXPECT_EQ(selector->ToString(), "a in (1,2),b=1,c notin (3),d,!e");
  EXPECT_TRUE(selector->Matches(Json::parse(R"({"a":"1","b":"1","d":""})")));
  EXPECT_FALSE(selector->Matches(Json::parse(R"({"a":"1","b":"1"})")));
  EXPECT_FALSE(LabelSelector::FromJson(nullptr)->Matches(Json::object()));
  EXPECT_FALSE(LabelSelector::FromJson(nullptr)->empty());
  EXPECT_TRUE(LabelSelector::FromJson(Json::object())->Matches(Json::object()));
  EXPECT_EQ(LabelSelector::FromJson(Json::parse(R"({"matchExpressions":[{"operator":"Is"}]})"))
                .error()
                .message,
            "\"Is\" is not a valid label selector operator");
  EXPECT_FALSE(LabelSelector::FromJson("x").ok());
  EXPECT_FALSE(LabelSelector::FromJson(Json::parse(R"({"matchLabels":{"a":1}})")).ok());
}

TEST(LabelSelectorTest, RefusesNul) {
  EXPECT_FALSE(LabelSelector::Parse(std::string_view("a\0b", 3)).ok());
}

TEST(LabelSelectorTest, ReadsLabelsOfOtherTypesAsMissing) {
  EXPECT_FALSE(LabelSelector::Parse("a")->Matches(Json::parse(R"({"a":1})")));
  EXPECT_FALSE(LabelSelector::Parse("a")->Matches(nullptr));
}

// The paths of the sets as objects.
TEST(FieldSelectorTest, IsThatOfKubernetes) {
  const Json objects = Json::parse(
      R"([{},{"metadata":{"name":"x"}},{"metadata":{"name":"y"},"status":{"phase":"Running"}},)"
      R"({"spec":{"x":"a,b=c\\d"}},{"status":{"phase":""}}])");
  for (const Json& row : testing::Goldens("field_selectors.json")) {
    const auto text = row["text"].get<std::string>();
    SCOPED_TRACE(text);
    const auto selector = FieldSelector::Parse(text);
    if (row.contains("error")) {
      ASSERT_FALSE(selector.ok()) << selector->ToString();
      EXPECT_EQ(selector.error().message, row["error"]);
      continue;
    }
    ASSERT_TRUE(selector.ok()) << selector.error().message;
    EXPECT_EQ(selector->ToString(), row["string"]);
    for (size_t i = 0; i < objects.size(); ++i) {
      EXPECT_EQ(selector->Matches(objects[i]), row["matches"][i].get<bool>()) << objects[i];
    }
  }
}

TEST(FieldSelectorTest, ReadsPathsOfObjects) {
  const Json event = Json::parse(
      R"({"involvedObject":{"kind":"Pod","name":"p"},"spec":{"unschedulable":true,"n":3,"o":{}}})");
  const auto matches = [&](std::string_view text) {
    return FieldSelector::Parse(text)->Matches(event);
  };
  EXPECT_TRUE(matches("involvedObject.kind=Pod,involvedObject.name=p,involvedObject.uid="));
  EXPECT_FALSE(matches("involvedObject.kind=Job"));
  EXPECT_TRUE(matches("spec.unschedulable=true"));
  EXPECT_TRUE(matches("spec.n=3"));
  EXPECT_TRUE(matches("spec.o="));
  EXPECT_TRUE(matches("involvedObject.kind.x!=Pod"));
}

TEST(FieldSelectorTest, RefusesFieldsThatAreNotIndexed) {
  constexpr std::array<std::string_view, 1> kMore = {"status.phase"};
  const auto selector = FieldSelector::Parse("metadata.name=x,metadata.namespace=y,status.phase=z");
  EXPECT_FALSE(selector->CheckFields(kMore, true).has_value());
  constexpr std::array<std::string_view, 1> kOther = {"spec.nodeName"};
  EXPECT_EQ(selector->CheckFields(kOther, true)->message,
            "field label not supported: status.phase");
  EXPECT_EQ(selector->CheckFields({}, true)->message,
            "\"status.phase\" is not a known field selector: only \"metadata.name\", "
            "\"metadata.namespace\"");
  EXPECT_EQ(selector->CheckFields({}, false)->code, 400);
  EXPECT_EQ(selector->ExactValue("metadata.name"), "x");
  EXPECT_EQ(FieldSelector::Parse("metadata.name!=x")->ExactValue("metadata.name"), std::nullopt);
}

TEST(FieldSelectorTest, BoundsItsTerms) {
  const auto terms = [](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + std::string("a=b");
    return FieldSelector::Parse(text);
  };
  EXPECT_TRUE(terms(limits::kSelectorTerms - 1).ok());
  EXPECT_TRUE(terms(limits::kSelectorTerms).ok());
  EXPECT_FALSE(terms(limits::kSelectorTerms + 1).ok());
}

}  // namespace
}  // namespace throng::kube
