#include "kube/records/object_rules.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/control_limits.h"
#include "base/random.h"
#include "kube/object_meta.h"
#include "kube/records/built_in_rules.h"
#include "kube/records/stored_object.h"

namespace throng::kube::server {
namespace {

const Kind& KindOf(std::string_view api_version, std::string_view kind) {
  return *FindKind(api_version, kind);
}

class ObjectRulesTest : public ::testing::Test {
 protected:
  Json Create(const Kind& kind, Json object) {
    return PrepareCreate(kind, std::move(object), Context());
  }
  RuleContext Context() {
    return {.now = WallTime(std::chrono::seconds(1621717148)), .random = &random_};
  }
  SeededRandom random_{7};
};

TEST_F(ObjectRulesTest, BodiesAreFilledIn) {
  const Target target{&KindOf("v1", "ConfigMap"), "default", "a"};
  Json body = Json::object();
  EXPECT_FALSE(CheckBody(target, body));
  EXPECT_EQ(body, Json({{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"metadata", {{"name", "a"}, {"namespace", "default"}}}}));
  Json other = {{"metadata", {{"name", "b"}}}};
  EXPECT_EQ(CheckBody(target, other)->message,
            "the name of the object (b) does not match the name on the URL (a)");
  Json cluster = {{"metadata", {{"name", "n"}, {"namespace", "x"}}}};
  EXPECT_FALSE(CheckBody({&KindOf("v1", "Namespace"), "", "n"}, cluster));
  EXPECT_FALSE(cluster["metadata"].contains("namespace"));
}

TEST_F(ObjectRulesTest, NamespacesBeginActiveAndHeld) {
  const Kind& kind = KindOf("v1", "Namespace");
  const Json made = Create(kind, {{"metadata", {{"name", "n"}}}});
  EXPECT_EQ(made["status"]["phase"], "Active");
  EXPECT_EQ(made["spec"]["finalizers"], Json({"kubernetes"}));
  EXPECT_EQ(LabelOf(made, "kubernetes.io/metadata.name"), "n");
  EXPECT_TRUE(IsHeldByKind(kind, made));
  const ApiResult<Plan> plan = PrepareDelete({&kind, "", "n"}, made, {}, Context());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.value().act, Plan::Act::kWrite);
  EXPECT_EQ(plan.value().object["status"]["phase"], "Terminating");
}

TEST_F(ObjectRulesTest, JobsHaveWhatClientsReadUnasked) {
  const Kind& kind = KindOf("batch/v1", "Job");
  const Json made = Create(kind, {{"metadata", {{"name", "j"}}}, {"spec", {{"backoffLimit", 2}}}});
  EXPECT_EQ(made["spec"]["parallelism"], 1);
  EXPECT_EQ(made["spec"]["completions"], 1);
  EXPECT_EQ(made["spec"]["backoffLimit"], 2);
  EXPECT_EQ(made["spec"]["template"]["metadata"]["labels"]["job-name"], "j");
  EXPECT_EQ(made["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"],
            UidOf(made));
  EXPECT_EQ(GenerationOf(made), 1);
  Json again = made;
  FillBuiltIn(kind, again);
  EXPECT_EQ(again, made);
}

TEST_F(ObjectRulesTest, DataOfConfigMapsAndSecretsIsBounded) {
  const Kind& map = KindOf("v1", "ConfigMap");
  const Kind& secret = KindOf("v1", "Secret");
  const auto wrong = [](const Kind& kind, const Json& object, const Json* old = nullptr) {
    std::string all;
    for (const ApiCause& cause : ValidateBuiltIn(kind, object, old)) {
      all += cause.field + ": " + cause.message + ";";
    }
    return all;
  };
  const size_t most = limits::kConfigMapBytes;
  for (const size_t bytes : {most - 1, most, most + 1}) {
    const std::string expected =
        bytes > most ? "[]: Too long: may not be more than 1048576 bytes;" : "";
    EXPECT_EQ(wrong(map, {{"data", {{"a", std::string(bytes - 3, 'x')}}},
                          {"binaryData", {{"b", "AAAA"}}}}),
              expected);
    const std::string data = EncodeBase64(std::string(bytes, 'x'));
    EXPECT_EQ(wrong(secret, {{"data", {{"a", data}}}}), expected);
  }
  EXPECT_EQ(
      wrong(map, {{"data", {{"a-b_C.1", ""}, {"...", ""}, {"a/b", ""}, {"", ""}}}}).find("a-b_C.1"),
      std::string::npos);
  for (const char* key : {"..", "...", ".", "a/b", "", "a b"}) {
    EXPECT_NE(wrong(map, {{"data", {{key, ""}}}}), "") << key;
  }
  EXPECT_EQ(wrong(map, {{"data", {{std::string(253, 'k'), ""}}}}), "");
  EXPECT_NE(wrong(map, {{"data", {{std::string(254, 'k'), ""}}}}), "");
  EXPECT_NE(wrong(map, {{"data", {{"a", ""}}}, {"binaryData", {{"a", ""}}}}), "");
}

TEST_F(ObjectRulesTest, WhatIsImmutableStays) {
  const Kind& map = KindOf("v1", "ConfigMap");
  const Json old = {{"immutable", true}, {"data", {{"a", "1"}}}};
  EXPECT_TRUE(ValidateBuiltIn(map, old, &old).empty());
  EXPECT_EQ(ValidateBuiltIn(map, {{"immutable", true}, {"data", {{"a", "2"}}}}, &old).size(), 1u);
  EXPECT_EQ(ValidateBuiltIn(map, {{"data", {{"a", "1"}}}}, &old).size(), 1u);
  const Json secret = {{"type", "Opaque"}};
  EXPECT_EQ(ValidateBuiltIn(KindOf("v1", "Secret"), {{"type", "other"}}, &secret).size(), 1u);
}

TEST_F(ObjectRulesTest, OnlyPodsHaveTimeToEnd) {
  const Kind& kind = KindOf("v1", "Pod");
  Json pod = Create(kind, {{"metadata", {{"name", "p"}, {"finalizers", {"a.io/b"}}}}});
  EXPECT_EQ(pod["status"]["phase"], "Pending");
  const auto end = [&](std::optional<int64_t> grace) {
    const auto plan =
        PrepareDelete({&kind, "default", "p"}, pod, {.grace_period_seconds = grace}, Context());
    return plan.value().object["metadata"]["deletionTimestamp"].get<std::string>();
  };
  EXPECT_EQ(end(std::nullopt), "2021-05-22T20:59:38Z");
  EXPECT_EQ(end(0), "2021-05-22T20:59:08Z");
  EXPECT_EQ(GracePeriodSeconds(KindOf("v1", "Secret"), 5), 0);
}

TEST_F(ObjectRulesTest, EmptyMetadataIsLeftOut) {
  const Json made = Create(KindOf("v1", "ConfigMap"), {{"metadata",
                                                        {{"name", "a"},
                                                         {"labels", Json::object()},
                                                         {"annotations", nullptr},
                                                         {"finalizers", Json::array()},
                                                         {"selfLink", "/x"},
                                                         {"resourceVersion", "5"}}}});
  for (const char* key : {"labels", "annotations", "finalizers", "selfLink", "resourceVersion"}) {
    EXPECT_FALSE(made["metadata"].contains(key)) << key;
  }
}

TEST(StoredObjectTest, RecordsHoldNoRevision) {
  const Kind& kserve = KindOf("serving.kserve.io/v1beta1", "InferenceService");
  const Json object = {{"apiVersion", "serving.kserve.io/v1beta1"},
                       {"kind", "InferenceService"},
                       {"metadata", {{"name", "a"}, {"resourceVersion", "7"}}}};
  const std::string text = EncodeObject(StoredForm(kserve, object));
  EXPECT_EQ(text,
            "{\"apiVersion\":\"serving.kubeflow.org/v1beta1\",\"kind\":\"InferenceService\","
            "\"metadata\":{\"name\":\"a\"}}");
  ObjectCache cache;
  const store::Record record{KeyOf(kserve, "default", "a"), 9,
                             std::make_shared<const std::string>(text)};
  EXPECT_EQ(record.key.resource, "inferenceservices.serving.kubeflow.org");
  const SharedObject decoded = cache.Decode(record);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(ResourceVersionOf(*decoded), "9");
  EXPECT_EQ(cache.Decode(record), decoded);
  EXPECT_EQ(ViewAs(kserve, *decoded)["apiVersion"], "serving.kserve.io/v1beta1");
}

TEST(StoredObjectTest, DamagedRecordsAreNoObjects) {
  ObjectCache cache;
  for (const char* text : {"", "{", "[]", "7"}) {
    EXPECT_EQ(cache.Decode({{}, 1, std::make_shared<const std::string>(text)}), nullptr) << text;
  }
  EXPECT_EQ(cache.Decode({{}, 1, nullptr}), nullptr);
}

TEST(StoredObjectTest, TheCacheIsBounded) {
  ObjectCache cache;
  const auto text = std::make_shared<const std::string>("{\"metadata\":{}}");
  const std::weak_ptr<const Json> first = cache.Decode({{}, 1, text});
  EXPECT_FALSE(first.expired());
  for (uint64_t i = 2; i < 1000; ++i) cache.Decode({{}, i, text});
  EXPECT_TRUE(first.expired());
}

}  // namespace
}  // namespace throng::kube::server
