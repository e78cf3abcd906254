#include "admission/hosting.h"

#include <gtest/gtest.h>

namespace throng::admission {
namespace {

using kube::Json;

PredictorsConfig Shipped() {
  return *ReadPredictorsConfig(R"({
    "triton": {"supportedFrameworks": ["tensorflow", "pytorch"], "multiModelServer": true},
    "sklearn": {"v1": {"supportedFrameworks": ["sklearn"], "multiModelServer": true},
                "v2": {"supportedFrameworks": ["sklearn"], "multiModelServer": false}}})");
}

Json Service(const char* predictor) { return {{"spec", {{"predictor", Json::parse(predictor)}}}}; }

TEST(HostingTest, TritonHostsManyAsLongAsItHasNoModelOfItsOwn) {
  const Hosting hosting = ReadHosting(Service(R"({"triton":{}})"), Shipped());
  EXPECT_TRUE(hosting.is_multi_model);
  EXPECT_EQ(hosting.protocol, "v2");
  EXPECT_EQ(hosting.memory_limit_bytes, kDefaultMemoryBytes);
  EXPECT_TRUE(SupportsFramework(hosting, "pytorch"));
  EXPECT_FALSE(SupportsFramework(hosting, "sklearn"));
  EXPECT_FALSE(
      ReadHosting(Service(R"({"triton":{"storageUri":"gs://b/m"}})"), Shipped()).is_multi_model);
}

TEST(HostingTest, TheConfigurationAndTheEnvironmentSwitchItOn) {
  EXPECT_FALSE(ReadHosting(Service(R"({"triton":{}})"), {}).is_multi_model);
  EXPECT_TRUE(ReadHosting(Service(R"({"triton":{"env":[
      {"name":"MULTI_MODEL_SERVER","value":"true"}]}})"),
                          {})
                  .is_multi_model);
  EXPECT_FALSE(ReadHosting(Service(R"({"triton":{"env":[
      {"name":"MULTI_MODEL_SERVER","value":"false"}]}})"),
                           {})
                   .is_multi_model);
}

TEST(HostingTest, ProtocolsHaveTheirOwnEntries) {
  EXPECT_FALSE(ReadHosting(Service(R"({"sklearn":{}})"), Shipped()).is_multi_model);
  const Hosting v1 = ReadHosting(Service(R"({"sklearn":{"protocolVersion":"v1"}})"), Shipped());
  EXPECT_TRUE(v1.is_multi_model);
  EXPECT_TRUE(SupportsFramework(v1, "sklearn"));
}

TEST(HostingTest, TheNewerFormAndCustomContainers) {
  EXPECT_EQ(
      ReadHosting(Service(R"({"model":{"modelFormat":{"name":"triton"}}})"), Shipped()).predictor,
      "triton");
  EXPECT_EQ(
      ReadHosting(Service(R"({"model":{"runtime":"kserve-tritonserver"}})"), Shipped()).predictor,
      "triton");
  const Hosting custom = ReadHosting(
      Service(R"({"containers":[{"env":[{"name":"MULTI_MODEL_SERVER","value":"true"}]}]})"),
      Shipped());
  EXPECT_TRUE(custom.is_multi_model);
  EXPECT_TRUE(SupportsFramework(custom, "anything"));
}

TEST(HostingTest, AnyJsonIsTaken) {
  for (const char* predictor : {"null", "[]", "1", R"({"triton":1})", R"({"model":[]})",
                                R"({"containers":{}})", R"({"triton":{"env":{},"args":1}})"}) {
    EXPECT_FALSE(ReadHosting(Service(predictor), {}).is_multi_model) << predictor;
  }
  EXPECT_FALSE(ReadPredictorsConfig("[]").ok());
  EXPECT_FALSE(ReadPredictorsConfig("{").ok());
}

TEST(ReplicaTemplateTest, ArgumentsEnvironmentAndResources) {
  const auto replica = ReadReplicaTemplate(Service(R"({"minReplicas":2,"triton":{
      "args":["--log-verbose=1"],"env":[{"name":"A","value":"b"},{"name":"EMPTY"}],
      "resources":{"limits":{"cpu":"1500m","memory":"512Mi"}}}})"));
  ASSERT_TRUE(replica.ok()) << replica.status().ToString();
  EXPECT_EQ(replica->arguments, std::vector<std::string>{"--log-verbose=1"});
  EXPECT_EQ(replica->environment, (std::vector<std::string>{"A=b", "EMPTY="}));
  EXPECT_EQ(replica->memory_limit_bytes, 512ULL << 20);
  EXPECT_EQ(replica->compute_threads, 2u);
  EXPECT_EQ(replica->min_replicas, 2);
}

TEST(ReplicaTemplateTest, RefusesWhatCannotRun) {
  struct Case {
    const char* predictor;
    const char* part;
  };
  for (const Case& test :
       {Case{"{}", "spec.predictor"}, Case{R"({"triton":{"args":"x"}})", "args must be a list"},
        Case{R"({"triton":{"args":[1]}})", "args must be a list"},
        Case{R"({"triton":{"env":[{"name":"1A"}]}})", "env"},
        Case{R"({"triton":{"env":[{"name":"A=B"}]}})", "env"},
        Case{R"({"triton":{"resources":{"limits":{"memory":"much"}}}})", "memory"},
        Case{R"({"minReplicas":257,"triton":{}})", "minReplicas"},
        Case{R"({"minReplicas":-1,"triton":{}})", "minReplicas"}}) {
    const auto replica = ReadReplicaTemplate(Service(test.predictor));
    ASSERT_FALSE(replica.ok()) << test.predictor;
    EXPECT_NE(replica.status().message().find(test.part), std::string::npos)
        << replica.status().message();
  }
  EXPECT_TRUE(ReadReplicaTemplate(Service(R"({"minReplicas":256,"triton":{}})")).ok());
  EXPECT_EQ(ReadReplicaTemplate(Service(R"({"minReplicas":0,"triton":{}})"))->min_replicas, 1);
}

}  // namespace
}  // namespace throng::admission
