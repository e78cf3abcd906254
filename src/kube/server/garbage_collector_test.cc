#include "kube/server/garbage_collector.h"

#include <gtest/gtest.h>

#include "kube/server/namespace_controller.h"
#include "kube/server/testing/registry_harness.h"
#include "kube/testing/failing_objects.h"

namespace throng::kube::server {
namespace {

using testing::ConfigMap;
using testing::KindOf;
using testing::RegistryHarness;
using testing::TrainedModel;

class GarbageCollectorTest : public ::testing::Test {
 protected:
  Target ConfigMaps(std::string name = "") { return {&kind_, "default", std::move(name)}; }
  // A ConfigMap owned by others; with its reference to each.
  Json Make(const std::string& name, const std::vector<Json>& owners = {}, bool blocks = true) {
    Json body = ConfigMap(name, "1");
    for (const Json& owner : owners) {
      body["metadata"]["ownerReferences"].push_back(
          OwnerReferenceJson({.api_version = owner["apiVersion"],
                              .kind = owner["kind"],
                              .name = NameOf(owner),
                              .uid = UidOf(owner),
                              .block_owner_deletion = blocks}));
    }
    const auto made = harness_.Create(ConfigMaps(), std::move(body));
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made->object;
  }
  bool Exists(const std::string& name) { return harness_.registry.Get(ConfigMaps(name)).ok(); }
  void Delete(const std::string& name, Propagation propagation) {
    EXPECT_TRUE(harness_.Delete(ConfigMaps(name), {.propagation = propagation}).ok());
    Settle();
  }
  void Settle() { harness_.executor.Advance(std::chrono::seconds(3)); }
  size_t OwnerCount(const std::string& name) {
    return OwnerReferencesOf(*harness_.registry.Get(ConfigMaps(name))).size();
  }

  RegistryHarness harness_;
  const Kind& kind_ = KindOf("v1", "ConfigMap");
  GarbageCollector collector_{harness_.executor, harness_.registry};
};

TEST_F(GarbageCollectorTest, DependentsFollowTheirOwner) {
  collector_.Start();
  const Json owner = Make("owner");
  const Json child = Make("child", {owner});
  Make("grandchild", {child});
  Make("stranger");
  Delete("owner", Propagation::kBackground);
  EXPECT_FALSE(Exists("child"));
  EXPECT_FALSE(Exists("grandchild"));
  EXPECT_TRUE(Exists("stranger"));
}

TEST_F(GarbageCollectorTest, WhatLostItsOwnerBeforeTheStartIsCollected) {
  const Json owner = Make("owner");
  Make("child", {owner});
  EXPECT_TRUE(harness_.Delete(ConfigMaps("owner")).ok());
  EXPECT_TRUE(Exists("child"));
  collector_.Start();
  Settle();
  EXPECT_FALSE(Exists("child"));
}

TEST_F(GarbageCollectorTest, AnotherObjectOfTheSameNameIsNoOwner) {
  collector_.Start();
  Json owner = Make("owner");
  owner["metadata"]["uid"] = "00000000-0000-4000-8000-000000000000";
  Make("child", {owner});
  Settle();
  EXPECT_FALSE(Exists("child"));
  EXPECT_TRUE(Exists("owner"));
}

TEST_F(GarbageCollectorTest, OneOwnerIsEnough) {
  collector_.Start();
  const Json first = Make("first");
  const Json second = Make("second");
  Make("child", {first, second});
  Delete("first", Propagation::kBackground);
  ASSERT_TRUE(Exists("child"));
  EXPECT_EQ(OwnerCount("child"), 1u);
  Delete("second", Propagation::kBackground);
  EXPECT_FALSE(Exists("child"));
}

TEST_F(GarbageCollectorTest, AnOwnerInTheForegroundGoesLast) {
  collector_.Start();
  const Json owner = Make("owner");
  Json child = Make("child", {owner});
  child["metadata"]["finalizers"] = {"example.com/held"};
  const auto held = harness_.Update(ConfigMaps("child"), child);
  ASSERT_TRUE(held.ok());
  Delete("owner", Propagation::kForeground);
  ASSERT_TRUE(Exists("owner"));
  Json ending = *harness_.registry.Get(ConfigMaps("child"));
  EXPECT_TRUE(IsBeingDeleted(ending));
  ending["metadata"].erase("finalizers");
  ASSERT_TRUE(harness_.Update(ConfigMaps("child"), ending).ok());
  Settle();
  EXPECT_FALSE(Exists("child"));
  EXPECT_FALSE(Exists("owner"));
}

TEST_F(GarbageCollectorTest, DependentsThatDoNotBlockAreNotWaitedFor) {
  collector_.Start();
  const Json owner = Make("owner");
  Json child = Make("child", {owner}, false);
  child["metadata"]["finalizers"] = {"example.com/held"};
  ASSERT_TRUE(harness_.Update(ConfigMaps("child"), child).ok());
  Delete("owner", Propagation::kForeground);
  EXPECT_FALSE(Exists("owner"));
  EXPECT_TRUE(IsBeingDeleted(*harness_.registry.Get(ConfigMaps("child"))));
}

TEST_F(GarbageCollectorTest, ForegroundGoesDownTheTree) {
  collector_.Start();
  const Json owner = Make("owner");
  const Json child = Make("child", {owner});
  Make("grandchild", {child});
  Delete("owner", Propagation::kForeground);
  EXPECT_FALSE(Exists("owner"));
  EXPECT_FALSE(Exists("child"));
  EXPECT_FALSE(Exists("grandchild"));
}

TEST_F(GarbageCollectorTest, OrphansLoseTheirReference) {
  collector_.Start();
  const Json owner = Make("owner");
  Make("child", {owner});
  Delete("owner", Propagation::kOrphan);
  EXPECT_FALSE(Exists("owner"));
  ASSERT_TRUE(Exists("child"));
  EXPECT_EQ(OwnerCount("child"), 0u);
}

TEST_F(GarbageCollectorTest, AnOrphanThatCannotBeWrittenAtOnceKeepsItsOwnerNoLonger) {
  kube::testing::FailingObjects objects(harness_.executor, harness_.registry);
  int failures = 2;
  objects.fail = [&](std::string_view verb, std::string_view) {
    const bool fails = verb == "update" && failures-- > 0;
    return fails ? Status(StatusCode::kAborted, "it changed meanwhile") : OkStatus();
  };
  GarbageCollector collector(harness_.executor, objects);
  collector.Start();
  const Json owner = Make("owner");
  Make("child", {owner});
  Make("other", {owner});
  Delete("owner", Propagation::kOrphan);
  EXPECT_LE(failures, 0);
  EXPECT_FALSE(Exists("owner"));
  ASSERT_TRUE(Exists("child"));
  EXPECT_EQ(OwnerCount("child"), 0u);
  EXPECT_EQ(OwnerCount("other"), 0u);
}

TEST_F(GarbageCollectorTest, TheOwnersGroupMayBeEitherView) {
  collector_.Start();
  const Kind& model = KindOf("serving.kubeflow.org/v1alpha1", "TrainedModel");
  const auto made = harness_.Create({&model, "default", ""}, TrainedModel("a"));
  ASSERT_TRUE(made.ok()) << made.error().message;
  Json owner = made->object;
  owner["apiVersion"] = "serving.kserve.io/v1alpha1";
  Make("child", {owner});
  Settle();
  EXPECT_TRUE(Exists("child"));
  ASSERT_TRUE(harness_.Delete({&model, "default", "a"}).ok());
  Settle();
  EXPECT_FALSE(Exists("child"));
}

TEST_F(GarbageCollectorTest, OwnersOfUnknownKindsAreNotJudged) {
  collector_.Start();
  Make("child", {{{"apiVersion", "apps/v1"},
                  {"kind", "Deployment"},
                  {"metadata", {{"name", "d"}, {"uid", "u"}}}}});
  Settle();
  EXPECT_TRUE(Exists("child"));
}

TEST_F(GarbageCollectorTest, ManyDependentsAreCollected) {
  collector_.Start();
  const Json owner = Make("owner");
  for (int i = 0; i < 300; ++i) Make("child" + std::to_string(i), {owner});
  Delete("owner", Propagation::kBackground);
  EXPECT_TRUE(harness_.registry.List("configmaps", "").empty());
}

TEST_F(GarbageCollectorTest, EveryNamespaceHasADefaultServiceAccount) {
  const Kind& accounts = KindOf("v1", "ServiceAccount");
  NamespaceController controller(harness_.executor, harness_.registry);
  controller.Start();
  harness_.MakeNamespace("new");
  Settle();
  for (const char* name_space : {"default", "new"}) {
    EXPECT_TRUE(harness_.registry.Get({&accounts, name_space, "default"}).ok()) << name_space;
  }
  const std::string uid = UidOf(*harness_.registry.Get({&accounts, "new", "default"}));
  ASSERT_TRUE(harness_.Delete({&accounts, "new", "default"}).ok());
  Settle();
  const auto again = harness_.registry.Get({&accounts, "new", "default"});
  ASSERT_TRUE(again.ok());
  EXPECT_NE(UidOf(*again), uid);
}

TEST_F(GarbageCollectorTest, ANamespaceIsEmptiedBeforeItGoes) {
  NamespaceController controller(harness_.executor, harness_.registry);
  controller.Start();
  harness_.MakeNamespace("old");
  Json held = ConfigMap("held", "1");
  held["metadata"]["finalizers"] = {"example.com/held"};
  ASSERT_TRUE(harness_.Create({&kind_, "old", ""}, held).ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(harness_.Create({&kind_, "old", ""}, ConfigMap("a" + std::to_string(i), "1")).ok());
  }
  const Kind& spaces = KindOf("v1", "Namespace");
  ASSERT_TRUE(harness_.Delete({&spaces, "", "old"}).ok());
  Settle();
  ASSERT_EQ(harness_.registry.List("configmaps", "old").size(), 1u);
  EXPECT_TRUE(harness_.registry.Get({&spaces, "", "old"}).ok());
  Json last = harness_.registry.List("configmaps", "old")[0];
  last["metadata"].erase("finalizers");
  ASSERT_TRUE(harness_.Update({&kind_, "old", "held"}, last).ok());
  Settle();
  EXPECT_FALSE(harness_.registry.Get({&spaces, "", "old"}).ok());
  harness_.MakeNamespace("old");
  Settle();
  EXPECT_TRUE(harness_.registry.Get({&spaces, "", "old"}).ok());
}

}  // namespace
}  // namespace throng::kube::server
