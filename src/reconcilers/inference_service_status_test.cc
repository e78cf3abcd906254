#include "reconcilers/inference_service_status.h"

#include <gtest/gtest.h>

#include "kube/object_meta.h"
#include "reconcilers/trained_model_status.h"

namespace throng::reconcilers {
namespace {

using kube::Json;
using kube::TextAt;

constexpr WallTime kNow{std::chrono::seconds(1621717149)};

ServiceFacts Facts() {
  return {.name_space = "default",
          .name = "mms",
          .domain = "example.com",
          .latest_revision = "mms-predictor-default-00001",
          .replicas = {{.pod = "p", .revision = "mms-predictor-default-00001", .in_route = true}}};
}

Json FindCondition(const Json& status, std::string_view type) {
  for (const Json& condition : status["conditions"]) {
    if (TextAt(condition, {"type"}) == type) return condition;
  }
  return Json::object();
}

TEST(CurlLineTest, GoesToTheIngressOfThisMachine) {
  EXPECT_EQ(CurlLine("http://mms.default.example.com", "127.0.0.1:40575", "/v2/health/ready"),
            "curl -H 'Host: mms.default.example.com' http://127.0.0.1:40575/v2/health/ready");
  EXPECT_EQ(CurlLine("http://mms.default.example.com/v2/models/a/infer", "[::1]:1", "/x"),
            "curl -H 'Host: mms.default.example.com' http://[::1]:1/x");
  EXPECT_EQ(CurlLine("http://mms.default.example.com", "", "/x"), "");
  EXPECT_EQ(CurlLine("", "127.0.0.1:1", "/x"), "");
}

TEST(InferenceServiceStatusTest, TheCurlLineFollowsTheIngressAndStaysWhileItIsNotKnown) {
  ServiceFacts facts = Facts();
  Json status = InferenceServiceStatus(facts, Json::object(), kNow);
  EXPECT_FALSE(status.contains("curl"));
  facts.ingress = "127.0.0.1:1234";
  status = InferenceServiceStatus(facts, status, kNow);
  EXPECT_EQ(status["curl"],
            "curl -H 'Host: mms.default.example.com' http://127.0.0.1:1234/v2/health/ready");
  EXPECT_EQ(status["url"], "http://mms.default.example.com") << "as KServe prints it";
  facts.ingress = "";
  EXPECT_EQ(InferenceServiceStatus(facts, status, kNow), status);
}

TEST(InferenceServiceStatusTest, MaxReplicasIsSaidToHaveNoEffectAndCountsNotForReady) {
  ServiceFacts facts = Facts();
  facts.wanted_replicas = 2;
  for (const int64_t without : {0, 1, 2}) {
    facts.max_replicas = without;
    const Json status = InferenceServiceStatus(facts, Json::object(), kNow);
    EXPECT_TRUE(FindCondition(status, "ScalingActive").empty()) << without;
  }
  facts.max_replicas = 3;
  Json status = InferenceServiceStatus(facts, Json::object(), kNow);
  const Json condition = FindCondition(status, "ScalingActive");
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["severity"], "Info");
  EXPECT_EQ(condition["reason"], "AutoscalingUnavailable");
  EXPECT_NE(TextAt(condition, {"message"}).find("maxReplicas 3 has no effect yet"),
            std::string::npos);
  EXPECT_EQ(FindCondition(status, "Ready")["status"], "True");
  facts.max_replicas = 2;
  status = InferenceServiceStatus(facts, status, kNow);
  EXPECT_TRUE(FindCondition(status, "ScalingActive").empty());
}

}  // namespace
}  // namespace throng::reconcilers
