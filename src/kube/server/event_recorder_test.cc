#include "kube/server/event_recorder.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "kube/server/bootstrap.h"
#include "kube/server/testing/registry_harness.h"
#include "kube/testing/failing_objects.h"

namespace throng::kube::server {
namespace {

using testing::ConfigMap;
using testing::KindOf;
using testing::RegistryHarness;

class EventRecorderTest : public ::testing::Test {
 protected:
  EventRecorderTest() {
    const Kind& kind = KindOf("v1", "ConfigMap");
    object_ = harness_.Create({&kind, "default", ""}, ConfigMap("a", "1"))->object;
  }
  void Say(std::string_view message) {
    recorder_.Record(object_, EventType::kWarning, "Testing", message);
    harness_.executor.RunPosted();
  }
  std::vector<Json> Events() { return harness_.registry.List("events", ""); }

  RegistryHarness harness_;
  Json object_;
  EventRecorder recorder_{harness_.executor, harness_.random, harness_.registry, "test-controller"};
};

TEST_F(EventRecorderTest, SaysWhatHappenedToWhat) {
  Say("it broke");
  ASSERT_EQ(Events().size(), 1u);
  const Json event = Events()[0];
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Testing");
  EXPECT_EQ(event["message"], "it broke");
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["source"]["component"], "test-controller");
  EXPECT_EQ(event["involvedObject"]["uid"], UidOf(object_));
  EXPECT_EQ(event["involvedObject"]["kind"], "ConfigMap");
  EXPECT_EQ(NameOf(event).rfind("a.", 0), 0u);
}

TEST_F(EventRecorderTest, TheSameAgainIsCounted) {
  Say("it broke");
  harness_.executor.Advance(std::chrono::seconds(5));
  Say("it broke");
  Say("it broke");
  Say("it broke more");
  ASSERT_EQ(Events().size(), 2u);
  int counted = 0;
  for (const Json& event : Events()) {
    if (event["message"] != "it broke") continue;
    EXPECT_EQ(event["count"], 3);
    EXPECT_EQ(event["firstTimestamp"], "2021-05-22T21:15:48Z");
    EXPECT_EQ(event["lastTimestamp"], "2021-05-22T21:15:53Z");
    ++counted;
  }
  EXPECT_EQ(counted, 1);
}

TEST_F(EventRecorderTest, WhatIsSaidWhileOneIsWrittenIsCounted) {
  for (int i = 0; i < 5; ++i) recorder_.Record(object_, EventType::kNormal, "Testing", "again");
  harness_.executor.RunPosted();
  ASSERT_EQ(Events().size(), 1u);
  EXPECT_EQ(Events()[0]["count"], 5);
}

TEST_F(EventRecorderTest, AnEventThatWasDeletedBeginsAnew) {
  Say("it broke");
  const Kind& kind = KindOf("v1", "Event");
  ASSERT_TRUE(harness_.Delete({&kind, "default", NameOf(Events()[0])}).ok());
  Say("it broke");
  ASSERT_EQ(Events().size(), 1u);
  EXPECT_EQ(Events()[0]["count"], 1);
}

TEST_F(EventRecorderTest, AnObjectThatIsTalkedAboutTooMuchIsNotHeard) {
  for (int i = 0; i < 26; ++i) Say("message " + std::to_string(i));
  EXPECT_EQ(Events().size(), 25u);
  harness_.executor.Advance(std::chrono::seconds(301));
  Say("one more");
  Say("two more");
  EXPECT_EQ(Events().size(), 26u);
}

TEST_F(EventRecorderTest, ObjectsOfTheClusterAreTalkedAboutInDefault) {
  recorder_.Record(harness_.registry.List("namespaces", "")[0], EventType::kNormal, "Made", "so");
  harness_.executor.RunPosted();
  ASSERT_EQ(Events().size(), 1u);
  EXPECT_EQ(NamespaceOf(Events()[0]), "default");
}

TEST_F(EventRecorderTest, LongMessagesAreCut) {
  Say(std::string(5000, 'x'));
  EXPECT_EQ(Events()[0]["message"].get<std::string>().size(), 1024u);
}

TEST_F(EventRecorderTest, OldEventsGo) {
  EventKeeper keeper(harness_.executor, harness_.registry);
  keeper.Start();
  Say("first");
  harness_.executor.Advance(limits::kEventTimeToLive - std::chrono::seconds(60));
  Say("second");
  EXPECT_EQ(Events().size(), 2u);
  harness_.executor.Advance(std::chrono::seconds(180));
  ASSERT_EQ(Events().size(), 1u);
  EXPECT_EQ(Events()[0]["message"], "second");
}

TEST_F(EventRecorderTest, TheOldestGoWhenThereAreTooMany) {
  constexpr size_t kMost = 40;
  EventKeeper keeper(harness_.executor, harness_.registry, kMost);
  keeper.Start();
  const Kind& kind = KindOf("v1", "Event");
  const auto add = [&](size_t number) {
    Json event = {{"metadata", {{"name", "e" + std::to_string(number)}}},
                  {"involvedObject", {{"name", "a"}, {"namespace", "default"}}},
                  {"lastTimestamp", Timestamp(WallTime(std::chrono::seconds(number)))}};
    harness_.registry.Create({&kind, "default", ""}, std::move(event), {},
                             [](ApiResult<Written> made) { EXPECT_TRUE(made.ok()); });
    harness_.executor.RunPosted();
  };
  for (size_t i = 0; i < kMost - 1; ++i) add(i);
  EXPECT_EQ(Events().size(), kMost - 1);
  add(kMost - 1);
  EXPECT_EQ(Events().size(), kMost);
  add(kMost);
  EXPECT_EQ(Events().size(), kMost);
  EXPECT_FALSE(harness_.registry.Get({&kind, "default", "e0"}).ok());
  EXPECT_TRUE(harness_.registry.Get({&kind, "default", "e1"}).ok());
}

TEST_F(EventRecorderTest, ManyThatGrewOldTogetherGoAndOneThatCouldNotGoesLater) {
  constexpr size_t kMany = limits::kStorePendingWrites + 100;
  const Kind& kind = KindOf("v1", "Event");
  for (size_t i = 0; i < kMany; ++i) {
    Json event = {{"metadata", {{"name", "e" + std::to_string(i)}}},
                  {"involvedObject", {{"name", "a"}, {"namespace", "default"}}},
                  {"lastTimestamp", "2021-05-22T01:00:00Z"}};
    harness_.registry.Create({&kind, "default", ""}, std::move(event), {},
                             [](ApiResult<Written> made) { EXPECT_TRUE(made.ok()); });
    if (i % 1000 == 0) harness_.executor.RunPosted();
  }
  harness_.executor.RunPosted();
  ASSERT_EQ(Events().size(), kMany);
  kube::testing::FailingObjects objects(harness_.executor, harness_.registry);
  size_t at_once = 0;
  bool has_failed = false;
  objects.fail = [&](std::string_view, std::string_view) {
    ++at_once;
    if (std::exchange(has_failed, true)) return OkStatus();
    return UnavailableError("no space is left on the disk");
  };
  EventKeeper keeper(harness_.executor, objects);
  keeper.Start();
  harness_.executor.Advance(std::chrono::seconds(61));
  EXPECT_LE(Events().size(), 1u);
  EXPECT_GE(at_once, kMany);
  harness_.executor.Advance(std::chrono::seconds(60));
  EXPECT_TRUE(Events().empty());
}

TEST(BootstrapTest, MakesWhatIsMissingAndLeavesWhatIsThere) {
  RegistryHarness harness;
  std::optional<Status> status;
  Bootstrap(harness.registry, [&](Status result) { status = std::move(result); });
  harness.executor.RunPosted();
  ASSERT_TRUE(status && status->ok()) << status->ToString();
  Result<Json> deployment =
      harness.registry.Get("configmaps", "knative-serving", "config-deployment");
  ASSERT_TRUE(deployment.ok());
  EXPECT_EQ((*deployment)["data"]["progressDeadline"], "120s");
  const Result<Json> service =
      harness.registry.Get("configmaps", "kfserving-system", "inferenceservice-config");
  ASSERT_TRUE(service.ok());
  const Result<Json> predictors = ParseJson((*service)["data"]["predictors"].get<std::string>());
  ASSERT_TRUE(predictors.ok());
  EXPECT_EQ((*predictors)["triton"]["multiModelServer"], true);
  EXPECT_EQ((*predictors)["triton"]["supportedFrameworks"],
            Json({"tensorrt", "tensorflow", "onnx", "pytorch", "caffe2"}));
  EXPECT_EQ((*predictors)["sklearn"]["v1"]["multiModelServer"], false);

  (*deployment)["data"]["progressDeadline"] = "600s";
  harness.registry.Update("configmaps", *deployment, Part::kAllButStatus, [](Result<Json>) {});
  Bootstrap(harness.registry, [&](Status result) { status = std::move(result); });
  harness.executor.RunPosted();
  EXPECT_TRUE(status->ok());
  EXPECT_EQ((*harness.registry.Get("configmaps", "knative-serving",
                                   "config-deployment"))["data"]["progressDeadline"],
            "600s");
}

}  // namespace
}  // namespace throng::kube::server
