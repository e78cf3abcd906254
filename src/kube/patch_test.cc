#include "kube/patch.h"

#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/testing/goldens.h"

namespace throng::kube {
namespace {

std::string Result(const ApiResult<Json>& result) {
  return result.ok() ? PrintJson(*result) : result.error().message;
}

// The rules of the type Thing in testdata/goldens, so far down as the goldens go.
MergeRules ThingRules(int depth) {
  MergeRules rules;
  if (depth == 0) return rules;
  const auto nested = std::make_shared<const MergeRules>(ThingRules(depth - 1));
  const auto list = [&](const char* key) {
    MergeRules one;
    one.patch_key = key;
    one.items = nested;
    return std::make_shared<const MergeRules>(one);
  };
  MergeRules texts;
  texts.patch_merges = true;
  MergeRules whole = *nested;
  whole.patch_replaces = true;
  rules.fields["merged"] = list("name");
  rules.fields["retained"] = list("name");
  rules.fields["numbered"] = list("number");
  rules.fields["texts"] = std::make_shared<const MergeRules>(texts);
  rules.fields["numbers"] = rules.fields["texts"];
  rules.fields["sub"] = nested;
  rules.fields["kept"] = nested;
  rules.fields["whole"] = std::make_shared<const MergeRules>(whole);
  return rules;
}

TEST(MergePatchTest, IsThatOfKubernetes) {
  for (const Json& row : testing::Goldens("merge_patches.json")) {
    EXPECT_EQ(Result(ApplyMergePatch(row["object"], row["patch"])), PrintJson(row["result"]))
        << row;
  }
}

TEST(MergePatchTest, RefusesWhatIsNoObject) {
  EXPECT_EQ(Result(ApplyMergePatch(Json::object(), Json::array())),
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}");
  EXPECT_EQ(Result(ApplyMergePatch(Json::object(), nullptr)), "Invalid JSON Patch");
  EXPECT_EQ(ApplyMergePatch(Json::object(), 1).error().code, 400);
}

TEST(JsonPatchTest, IsThatOfKubernetes) {
  for (const Json& row : testing::Goldens("json_patches.json")) {
    const auto result = ApplyJsonPatch(row["object"], row["patch"]);
    if (row.contains("error")) {
      EXPECT_FALSE(result.ok()) << row["patch"] << " gave " << *result;
      if (result.ok()) continue;
      EXPECT_EQ(result.error().code, 422);
      EXPECT_EQ(result.error().message,
                "the server rejected our request due to an error in our request");
      continue;
    }
    EXPECT_EQ(Result(result), PrintJson(row["result"])) << row["patch"];
  }
}

TEST(JsonPatchTest, TellsNumbersApartByTheirText) {
  const auto test = [](const char* value) {
    return ApplyJsonPatch(Json{{"a", 1}}, Json::parse(R"([{"op":"test","path":"/a","value":)" +
                                                      std::string(value) + "}]"))
        .ok();
  };
  EXPECT_TRUE(test("1"));
  EXPECT_FALSE(test("1.0"));
}

TEST(JsonPatchTest, RefusesWhatIsNoPatch) {
  const auto error = [](const char* patch) {
    const auto result = ApplyJsonPatch(Json::object(), Json::parse(patch));
    EXPECT_EQ(result.error().code, 400);
    return result.error().message;
  };
  EXPECT_EQ(error("{}"),
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp");
  EXPECT_EQ(error("[1]"),
            "error decoding patch: json: cannot unmarshal number into Go value of type "
            "handlers.jsonPatchOp");
  EXPECT_EQ(error(R"([{"op":1}])"),
            "error decoding patch: json: cannot unmarshal number into Go struct field "
            "jsonPatchOp.op of type string");
  EXPECT_EQ(Result(ApplyJsonPatch(Json::object(), nullptr)), "{}");
  EXPECT_FALSE(ApplyJsonPatch(Json::object(), Json::parse(R"([{"op":"test","path":"/a"}])")).ok());
  EXPECT_FALSE(ApplyJsonPatch(Json::object(), Json::parse(R"([{"op":"replace","path":""}])")).ok());
  EXPECT_FALSE(
      ApplyJsonPatch(Json::object(), Json::parse(R"([{"op":"replace","path":"","value":[]}])"))
          .ok());
}

TEST(JsonPatchTest, BoundsItsOperations) {
  const auto result = [](size_t count) {
    Json patch = Json::array();
    for (size_t i = 0; i < count; ++i) {
      patch.push_back({{"op", "add"}, {"path", "/a"}, {"value", i}});
    }
    return ApplyJsonPatch(Json::object(), patch);
  };
  EXPECT_TRUE(result(limits::kPatchOperations - 1).ok());
  EXPECT_TRUE(result(limits::kPatchOperations).ok());
  EXPECT_EQ(result(limits::kPatchOperations + 1).error().message,
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, "
            "got 10001");
  EXPECT_EQ(result(limits::kPatchOperations + 1).error().code, 413);
}

TEST(JsonPatchTest, BoundsWhatItCopies) {
  const auto result = [](size_t bytes) {
    const Json object = {{"a", std::string(bytes - 2, 'x')}};  // and its quotes
    return ApplyJsonPatch(object, Json::parse(R"([{"op":"copy","from":"/a","path":"/b"}])"));
  };
  EXPECT_TRUE(result(limits::kPatchCopyBytes - 1).ok());
  EXPECT_TRUE(result(limits::kPatchCopyBytes).ok());
  EXPECT_EQ(result(limits::kPatchCopyBytes + 1).error().code, 422);
}

TEST(JsonPatchTest, BoundsTheDepthOfItsResult) {
  Json patch = Json::array();
  for (size_t i = 0; i < limits::kObjectDepth; ++i) {
    patch.push_back({{"op", "copy"}, {"from", "/a"}, {"path", "/a/b"}});
  }
  const Json object = Json::parse(R"({"a":{"b":{}}})");
  EXPECT_FALSE(ApplyJsonPatch(object, patch).ok());
  const auto add = [](size_t depth) {
    Json value = Json::object();
    for (size_t i = 1; i < depth; ++i) value = Json{{"x", std::move(value)}};
    return ApplyJsonPatch(Json::object(),
                          {{{"op", "add"}, {"path", "/a"}, {"value", std::move(value)}}});
  };
  EXPECT_TRUE(add(limits::kObjectDepth - 1).ok());  // with the object itself
  EXPECT_FALSE(add(limits::kObjectDepth).ok());
}

TEST(JsonPatchTest, BoundsItsWork) {
  const auto result = [](size_t removals) {
    Json patch = Json::array();
    for (size_t i = 0; i < removals; ++i) patch.push_back({{"op", "remove"}, {"path", "/l/0"}});
    Json list = Json::array_t(limits::kPatchShiftedItems / 5, 0);
    return ApplyJsonPatch(Json{{"l", std::move(list)}}, patch);
  };
  EXPECT_TRUE(result(5).ok());
  EXPECT_FALSE(result(6).ok());
}

TEST(StrategicPatchTest, IsThatOfKubernetes) {
  const MergeRules rules = ThingRules(5);
  for (const Json& row : testing::Goldens("strategic_patches.json")) {
    const auto result = ApplyStrategicPatch(row["object"], row["patch"], rules);
    EXPECT_EQ(result.ok(), !row.contains("error")) << row;
    EXPECT_EQ(Result(result),
              row.contains("error") ? row["error"].get<std::string>() : PrintJson(row["result"]))
        << row["object"] << "\n"
        << row["patch"];
  }
}

TEST(StrategicPatchTest, RefusesWhatItCannotMerge) {
  const MergeRules rules = ThingRules(3);
  const auto result = [&](const char* object, const char* patch) {
    return ApplyStrategicPatch(Json::parse(object), Json::parse(patch), rules);
  };
  EXPECT_EQ(result("{}", "[]").error().message,
            "json: cannot unmarshal array into Go value of type map[string]interface {}");
  EXPECT_EQ(result(R"({"texts":[["a"]]})", R"({"texts":[["b"]]})").error().code, 422);
  EXPECT_EQ(result(R"({"texts":["a"]})", R"({"texts":[null]})").error().code, 400);
  EXPECT_FALSE(result(R"({"plain":[{}]})", R"({"$deleteFromPrimitiveList/plain":[{}]})").ok());
  EXPECT_FALSE(result(R"({"merged":[{"name":"a"}]})", R"({"$setElementOrder/merged":["a"]})").ok());
  EXPECT_FALSE(result(R"({"merged":"x"})", R"({"$setElementOrder/merged":[]})").ok());
  EXPECT_EQ(Result(result("{}", R"({"$setElementOrder/merged":[],"merged":[]})")),
            R"({"merged":[]})");
}

TEST(MergeRulesTest, AreBuiltFromPaths) {
  const std::vector<MergeRow> rows = {{.path = "spec.containers",
                                       .lists = MergeRules::Lists::kMap,
                                       .list_keys = {"name"},
                                       .patch_key = "name"},
                                      {.path = "spec.containers[].ports",
                                       .lists = MergeRules::Lists::kMap,
                                       .list_keys = {"containerPort", "protocol"},
                                       .key_defaults = {{"protocol", "TCP"}},
                                       .patch_key = "containerPort"},
                                      {.path = "data[]", .is_atomic = true}};
  const MergeRules rules = MakeMergeRules(rows);
  const MergeRules& containers = rules.Field("spec").Field("containers");
  EXPECT_EQ(containers.patch_key, "name");
  EXPECT_EQ(containers.Items().Field("ports").list_keys.size(), 2u);
  EXPECT_EQ(containers.Items().Field("ports").key_defaults.at("protocol"), "TCP");
  EXPECT_TRUE(rules.Field("data").Field("any").is_atomic);
  EXPECT_FALSE(rules.Field("other").Field("any").is_atomic);
  EXPECT_EQ(rules.Field("other").lists, MergeRules::Lists::kAtomic);
  EXPECT_EQ(MetadataMergeRules()->Field("ownerReferences").patch_key, "uid");
}

}  // namespace
}  // namespace throng::kube
