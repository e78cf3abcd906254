#include "kube/kinds/merge.h"

#include <gtest/gtest.h>

#include "kube/patch.h"

namespace throng::kube {
namespace {

using Keys = std::vector<std::string>;

TEST(MergeRulesOf, PodsAndWhatHoldsThem) {
  const MergeRules& pod = MergeRulesOf(*FindKind("v1", "Pod"));
  const MergeRules& job = MergeRulesOf(*FindKind("batch/v1", "Job"));
  const MergeRules& service =
      MergeRulesOf(*FindKind("serving.kserve.io/v1beta1", "InferenceService"));
  for (const MergeRules* const spec :
       {&pod.Field("spec"), &job.Field("spec").Field("template").Field("spec"),
        &service.Field("spec").Field("predictor")}) {
    const MergeRules& containers = spec->Field("containers");
    EXPECT_EQ(containers.lists, MergeRules::Lists::kMap);
    EXPECT_EQ(containers.list_keys, Keys{"name"});
    EXPECT_EQ(containers.patch_key, "name");
    const MergeRules& ports = containers.Items().Field("ports");
    EXPECT_EQ(ports.list_keys, (Keys{"containerPort", "protocol"}));
    EXPECT_EQ(ports.patch_key, "containerPort");
    EXPECT_EQ(ports.key_defaults.at("protocol"), "TCP");
    EXPECT_EQ(containers.Items().Field("args").lists, MergeRules::Lists::kAtomic);
    EXPECT_TRUE(spec->Field("nodeSelector").is_atomic);
  }
  // A framework of a predictor is a container without a list around it.
  EXPECT_EQ(service.Field("spec").Field("predictor").Field("triton").Field("env").patch_key,
            "name");
}

TEST(MergeRulesOf, MetadataAndSets) {
  const MergeRules& map = MergeRulesOf(*FindKind("v1", "ConfigMap"));
  EXPECT_EQ(map.Field("metadata").Field("ownerReferences").patch_key, "uid");
  EXPECT_TRUE(map.Field("metadata").Field("finalizers").patch_merges);
  EXPECT_EQ(map.Field("data").lists, MergeRules::Lists::kAtomic);
  EXPECT_FALSE(map.Field("data").is_atomic);
  const MergeRules& job = MergeRulesOf(*FindKind("batch/v1", "Job"));
  EXPECT_EQ(job.Field("status").Field("conditions").patch_key, "type");
  EXPECT_EQ(job.Field("status").Field("conditions").lists, MergeRules::Lists::kAtomic);
  EXPECT_EQ(MergeRulesOf(Kind()).Field("x").lists, MergeRules::Lists::kAtomic);
}

TEST(MergeRulesOf, StrategicPatchOfAPod) {
  const Json pod = Json::parse(R"({"spec": {"containers": [
      {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}})");
  const Json patch = Json::parse(R"({"spec": {"containers": [
      {"name": "a", "env": [{"name": "Y", "value": "2"}]}]}})");
  const ApiResult<Json> patched =
      ApplyStrategicPatch(pod, patch, MergeRulesOf(*FindKind("v1", "Pod")));
  ASSERT_TRUE(patched.ok());
  const Json& containers = (*patched)["spec"]["containers"];
  ASSERT_EQ(containers.size(), 2U);
  EXPECT_EQ(containers[0]["image"], "1");
  EXPECT_EQ(containers[0]["env"].size(), 2U);
}

}  // namespace
}  // namespace throng::kube
