#include "kube/apply_patch.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/field_set.h"
#include "kube/testing/goldens.h"

namespace throng::kube {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1621716972)};

using SharedRules = std::shared_ptr<const MergeRules>;

SharedRules Shared(MergeRules rules) {
  return std::make_shared<const MergeRules>(std::move(rules));
}

SharedRules SetRules() {
  MergeRules rules;
  rules.lists = MergeRules::Lists::kSet;
  return Shared(std::move(rules));
}

SharedRules ListRules(std::vector<std::string> keys, SharedRules items) {
  MergeRules rules;
  rules.lists = MergeRules::Lists::kMap;
  rules.list_keys = std::move(keys);
  rules.items = std::move(items);
  return Shared(std::move(rules));
}

SharedRules FieldRules(std::initializer_list<const char*> plain,
                       std::initializer_list<std::pair<const char*, SharedRules>> others) {
  MergeRules rules;
  for (const char* name : plain) rules.fields.emplace(name, nullptr);
  for (const auto& [name, field] : others) rules.fields.emplace(name, field);
  return Shared(std::move(rules));
}

// The type Thing of testdata/goldens/apply.go.
SharedRules ThingRules() {
  const SharedRules item = FieldRules({"name", "value", "number"}, {{"texts", SetRules()}});
  MergeRules ports = *ListRules({"port", "protocol"}, FieldRules({"port", "protocol", "name"}, {}));
  ports.key_defaults.emplace("protocol", "TCP");
  MergeRules whole;
  whole.is_atomic = true;
  MergeRules parts;
  parts.items = item;
  const SharedRules spec = FieldRules({"value", "number", "other", "plain", "labels"},
                                      {{"texts", SetRules()},
                                       {"whole", Shared(whole)},
                                       {"items", ListRules({"name"}, item)},
                                       {"ports", Shared(ports)},
                                       {"parts", Shared(parts)},
                                       {"sub", item}});
  return FieldRules({"apiVersion", "kind"},
                    {{"metadata", MetadataMergeRules()}, {"spec", spec}, {"status", spec}});
}

FieldWriter WriterOf(const Json& step) {
  return {.manager = TextAt(step, {"manager"}),
          .api_version = "x.dev/v1",
          .kind = "Thing",
          .subresource = TextAt(step, {"subresource"}),
          .has_status = true,
          .now = kNow};
}

// The managers of an object, as the goldens have them, and the object without them.
Json TakeManagers(Json& object) {
  Json managers = Json::array();
  const Json* entries = FindPath(object, {"metadata", "managedFields"});
  for (const Json& entry : entries != nullptr ? *entries : Json::array()) {
    managers.push_back({{"manager", entry["manager"]},
                        {"operation", entry["operation"]},
                        {"subresource", TextAt(entry, {"subresource"})},
                        {"timed", entry.contains("time")},
                        {"fields", entry["fieldsV1"]}});
  }
  if (entries != nullptr) object["metadata"].erase("managedFields");
  return managers;
}

Json Sorted(Json list) {
  std::sort(list.begin(), list.end());
  return list;
}

// What is empty or null says nothing to an object that is stored.
void DropEmpty(Json& value) {
  if (!value.is_object()) return;
  for (auto it = value.begin(); it != value.end();) {
    DropEmpty(*it);
    const bool is_empty = it->is_null() || (it->is_structured() && it->empty());
    it = is_empty ? value.erase(it) : std::next(it);
  }
}

std::vector<std::string> Causes(const ApiError& error) {
  std::vector<std::string> causes;
  for (const ApiCause& cause : error.causes) {
    causes.push_back(cause.reason + " " + cause.field + ": " + cause.message);
  }
  std::sort(causes.begin(), causes.end());
  return causes;
}

void CheckRefusal(const Json& step, const ApiError& error) {
  ASSERT_TRUE(step.contains("error")) << error.message;
  // Of several mistakes we tell the first.
  if (step["error"].get<std::string>().find("errors:") == std::string::npos) {
    EXPECT_EQ(error.message, step["error"]);
  }
  const Json causes = step.contains("causes") ? step["causes"] : Json::array();
  EXPECT_EQ(Json(Causes(error)), causes.is_null() ? Json::array() : causes);
}

void Follow(const Json& script, const MergeRules& rules) {
  Json live;
  for (const Json& step : script["steps"]) {
    SCOPED_TRACE(PrintJson(step));
    const FieldWriter writer = WriterOf(step);
    if (step["op"] == "apply") {
      ApiResult<Json> applied =
          ApplyConfiguration(live, step["object"], rules, writer, step.contains("force"));
      if (!applied.ok()) {
        CheckRefusal(step, applied.error());
        continue;
      }
      live = *std::move(applied);
    } else {
      Json object = step["object"];
      UpdateManagedFields(live, object, rules, writer);
      live = std::move(object);
    }
    ASSERT_FALSE(step.contains("error"));
    Json shown = live;
    EXPECT_EQ(PrintJson(Sorted(TakeManagers(shown))), PrintJson(Sorted(step["managers"])));
    Json expected = step["live"];
    DropEmpty(expected);
    DropEmpty(shown);
    EXPECT_EQ(PrintJson(shown), PrintJson(expected));
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ApplyPatchTest, IsThatOfKubernetes) {
  const SharedRules rules = ThingRules();
  size_t index = 0;
  for (const Json& script : testing::Goldens("applies.json")) {
    SCOPED_TRACE("script " + std::to_string(index++));
    Follow(script, script["typed"].get<bool>() ? *rules : MergeRules::Default());
    if (HasFailure()) return;
  }
}

Json Thing(const char* spec) {
  return {{"apiVersion", "x.dev/v1"}, {"kind", "Thing"}, {"spec", Json::parse(spec)}};
}

FieldWriter Writer(std::string manager) { return WriterOf({{"manager", std::move(manager)}}); }

TEST(ApplyPatchTest, NamesConflictsAsKubectlShowsThem) {
  Json live = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"x", "1"}, {"y", "1"}}}};
  FieldWriter writer{.manager = "kubectl-client-side-apply",
                     .api_version = "v1",
                     .kind = "ConfigMap",
                     .subresource = "",
                     .has_status = false,
                     .now = kNow};
  UpdateManagedFields(nullptr, live, MergeRules::Default(), writer);
  Json config = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"x", "2"}}}};
  writer.manager = "kubectl";
  auto refused = ApplyConfiguration(live, config, MergeRules::Default(), writer, false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: "
            ".data.x");
  EXPECT_EQ(refused.error().code, 409);
  EXPECT_EQ(refused.error().reason, "Conflict");
  config["data"]["y"] = "2";
  refused = ApplyConfiguration(live, config, MergeRules::Default(), writer, false);
  EXPECT_EQ(refused.error().message,
            "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using v1:"
            "\n- .data.x\n- .data.y");
}

TEST(ApplyPatchTest, WritesEntriesAsKubernetesHasThem) {
  auto applied =
      ApplyConfiguration(nullptr, Thing(R"({"value":"a"})"), *ThingRules(), Writer("me"), false);
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(
      PrintJson((*applied)["metadata"]["managedFields"]),
      R"([{"apiVersion":"x.dev/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:value":{}}},)"
      R"("manager":"me","operation":"Apply","time":"2021-05-22T20:56:12Z"}])");
}

TEST(ApplyPatchTest, JoinsTheOldestUpdaters) {
  const SharedRules rules = ThingRules();
  Json live;
  Json labels = Json::object();
  for (size_t i = 0; i <= limits::kUpdateManagers + 1; ++i) {
    labels["k" + std::to_string(i)] = "x";
    Json object = Thing("{}");
    object["spec"]["labels"] = labels;
    FieldWriter writer = Writer("m" + std::to_string(i));
    writer.now += std::chrono::seconds(i);
    UpdateManagedFields(live, object, *rules, writer);
    live = std::move(object);
    const size_t count = live["metadata"]["managedFields"].size();
    EXPECT_EQ(count, std::min(i + 1, limits::kUpdateManagers));
  }
  EXPECT_EQ(live["metadata"]["managedFields"][0]["manager"], "ancient-changes");
  EXPECT_EQ(live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:labels"].size(), 4u);
}

TEST(ApplyPatchTest, StartsWithTheFirstApplyForOldObjects) {
  Json live = Thing(R"({"value":"a"})");
  live["metadata"]["uid"] = "u";
  Json object = live;
  object["spec"]["value"] = "b";
  UpdateManagedFields(live, object, *ThingRules(), Writer("me"));
  EXPECT_FALSE(object["metadata"].contains("managedFields"));
  const auto refused =
      ApplyConfiguration(object, Thing(R"({"value":"c"})"), *ThingRules(), Writer("me"), false);
  EXPECT_EQ(refused.error().message,
            "Apply failed with 1 conflict: conflict with \"before-first-apply\" using x.dev/v1: "
            ".spec.value");
}

TEST(ApplyPatchTest, TakesManagersThatAWriterBrings) {
  const SharedRules rules = ThingRules();
  Json live = Thing(R"({"value":"a"})");
  UpdateManagedFields(nullptr, live, *rules, Writer("one"));
  Json object = live;
  object["metadata"]["managedFields"][0]["manager"] = "renamed";
  UpdateManagedFields(live, object, *rules, Writer("two"));
  EXPECT_EQ(object["metadata"]["managedFields"].size(), 1u);
  EXPECT_EQ(object["metadata"]["managedFields"][0]["manager"], "renamed");
  object["metadata"]["managedFields"] = {{{"manager", "x"}, {"operation", "Steal"}}};
  UpdateManagedFields(live, object, *rules, Writer("two"));
  EXPECT_EQ(object["metadata"]["managedFields"][0]["manager"], "one");
  object["metadata"]["managedFields"] = Json::array();
  object["metadata"]["uid"] = "u";
  live["metadata"]["uid"] = "u";
  UpdateManagedFields(live, object, *rules, Writer("two"));
  EXPECT_FALSE(object["metadata"].contains("managedFields"));
}

TEST(FieldSetTest, RefusesWhatIsNoFieldsV1) {
  const auto is_set = [](const char* text) {
    return FieldSet::FromJson(Json::parse(text)).has_value();
  };
  EXPECT_TRUE(is_set(R"({"f:a":{},"k:{\"n\":1}":{".":{}},"v:\"x\"":{},"i:0":{}})"));
  EXPECT_TRUE(is_set(R"({"z:later":{}})"));
  for (const char* bad : {"[]", R"({"a":{}})", R"({"":{}})", R"({"f:a":1})", R"({"k:x":{}})",
                          R"({"k:1":{}})", R"({"i:x":{}})", R"({"v:":{}})"}) {
    EXPECT_FALSE(is_set(bad)) << bad;
  }
  const char* text = R"({"f:a":{".":{},"f:b":{}},"f:c":{},"k:{\"n\":1}":{".":{},"f:d":{}}})";
  EXPECT_EQ(PrintJson(FieldSet::FromJson(Json::parse(text))->ToJson()), text);
}

TEST(FieldSetTest, PrintsPaths) {
  const auto text = [](std::string_view element) {
    return PathElement::Parse(element)->ToString();
  };
  EXPECT_EQ(text("f:a.b"), ".a.b");
  EXPECT_EQ(text(R"(k:{"a":"x","b":80})"), "[a=\"x\",b=80]");
  EXPECT_EQ(text(R"(v:"x")"), "[=\"x\"]");
  EXPECT_EQ(text("v:1.5"), "[=1.5]");
  EXPECT_EQ(text("i:3"), "[3]");
}

TEST(ManagerNameTest, ComesFromTheUserAgent) {
  EXPECT_EQ(ManagerName("mine", "kubectl/v1.33"), "mine");
  EXPECT_EQ(ManagerName("", "kubectl/v1.33 (linux)"), "kubectl");
  EXPECT_EQ(ManagerName("", ""), "");
  EXPECT_EQ(ManagerName("", "a\tb\xff/1"), "ab");
  EXPECT_EQ(ManagerName("", std::string(200, 'x')).size(), limits::kFieldManagerBytes);
}

TEST(ManagerNameTest, IsBounded) {
  EXPECT_TRUE(ValidateFieldManager(std::string(limits::kFieldManagerBytes - 1, 'x'), "f").empty());
  EXPECT_TRUE(ValidateFieldManager(std::string(limits::kFieldManagerBytes, 'x'), "f").empty());
  const auto causes = ValidateFieldManager(std::string(limits::kFieldManagerBytes + 1, 'x'), "f");
  ASSERT_EQ(causes.size(), 1u);
  EXPECT_EQ(causes[0].message, "Too long: may not be more than 128 bytes");
  EXPECT_TRUE(ValidateFieldManager("a \"b\" \\ ü", "f").empty());
  EXPECT_EQ(ValidateFieldManager("a\tb", "f")[0].message,
            "Invalid value: \"a\\tb\": invalid character U+0009 (at position 1)");
}

TEST(ManagedFieldsTest, AreValidated) {
  const Json entries = Json::parse(
      R"([{"operation":"Steal","fieldsType":"V2","manager":"a\nb"},{"operation":"Apply"}])");
  std::string text;
  for (const ApiCause& cause : ValidateManagedFields(entries, "m")) {
    text += cause.field + ": " + cause.message + "\n";
  }
  EXPECT_EQ(text,
            "m[0].operation: Invalid value: \"Steal\": must be `Apply` or `Update`\n"
            "m[0].fieldsType: Invalid value: \"V2\": must be `FieldsV1`\n"
            "m[0].manager: Invalid value: \"a\\nb\": invalid character U+000A (at position 1)\n");
  EXPECT_EQ(ValidateManagedFields(Json::object(), "m").size(), 1u);
  EXPECT_TRUE(ValidateManagedFields(nullptr, "m").empty());
}

}  // namespace
}  // namespace throng::kube
