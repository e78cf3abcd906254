#include "kube/server/registry.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "kube/server/testing/registry_harness.h"

namespace throng::kube::server {
namespace {

using testing::ConfigMap;
using testing::KindOf;
using testing::RegistryHarness;
using testing::TrainedModel;

class RegistryTest : public ::testing::Test {
 protected:
  Target ConfigMaps(std::string name = "") { return {&config_map_, "default", std::move(name)}; }
  Target Models(std::string name = "") { return {&model_, "default", std::move(name)}; }
  Json Make(const Target& target, Json body) {
    ApiResult<Written> made = harness_.Create(target, std::move(body));
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made.ok() ? made->object : Json();
  }

  RegistryHarness harness_;
  const Kind& config_map_ = KindOf("v1", "ConfigMap");
  const Kind& model_ = KindOf("serving.kubeflow.org/v1alpha1", "TrainedModel");
};

TEST_F(RegistryTest, CreateFillsInWhatTheServerOwns) {
  Json body = TrainedModel("a");
  body["status"] = {{"url", "http://forged"}};
  body["metadata"]["uid"] = "forged";
  body["metadata"]["generation"] = 7;
  body["metadata"]["creationTimestamp"] = nullptr;
  const Json made = Make(Models(), body);
  EXPECT_EQ(UidOf(made).size(), 36u);
  EXPECT_EQ(GenerationOf(made), 1);
  EXPECT_EQ(made["metadata"]["creationTimestamp"], "2021-05-22T21:15:48Z");
  EXPECT_EQ(made["metadata"]["namespace"], "default");
  EXPECT_FALSE(made.contains("status"));
  const ApiResult<Json> read = harness_.registry.Get(Models("a"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, made);
}

TEST_F(RegistryTest, BuiltInKindsOfTheCoreGroupHaveNoGeneration) {
  EXPECT_FALSE(Make(ConfigMaps(), ConfigMap("a", "1"))["metadata"].contains("generation"));
}

TEST_F(RegistryTest, GeneratedNamesHaveFiveCharactersMore) {
  Json body = ConfigMap("", "1");
  body["metadata"] = {{"generateName", "load-test-"}};
  const std::string first = NameOf(Make(ConfigMaps(), body));
  const std::string second = NameOf(Make(ConfigMaps(), body));
  EXPECT_EQ(first.size(), std::string("load-test-").size() + 5);
  EXPECT_NE(first, second);
}

TEST_F(RegistryTest, WhatDoesNotFitTheRequestIsRefused) {
  struct Case {
    const char* path;
    Json value;
    int code;
  };
  for (const Case& one : std::vector<Case>{{"/apiVersion", "v2", 400},
                                           {"/kind", "Secret", 400},
                                           {"/kind", 7, 400},
                                           {"/metadata/namespace", "other", 400},
                                           {"/metadata/name", 7, 400},
                                           {"/metadata", "text", 400},
                                           {"/metadata/name", "Not_A_Name", 422},
                                           {"/metadata/name", "", 422},
                                           {"/metadata/labels", {{"a", "-"}}, 422}}) {
    Json body = ConfigMap("a", "1");
    body[Json::json_pointer(one.path)] = one.value;
    const auto made = harness_.Create(ConfigMaps(), body);
    ASSERT_FALSE(made.ok()) << one.path;
    EXPECT_EQ(made.error().code, one.code) << one.path << " " << made.error().message;
  }
  EXPECT_EQ(harness_.Create(ConfigMaps(), Json::array()).error().code, 400);
}

TEST_F(RegistryTest, TheSameNameTwiceIsAConflict) {
  Make(ConfigMaps(), ConfigMap("a", "1"));
  const auto again = harness_.Create(ConfigMaps(), ConfigMap("a", "2"));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, 409);
  EXPECT_EQ(again.error().reason, "AlreadyExists");
  EXPECT_EQ(again.error().message, "configmaps \"a\" already exists");
}

TEST_F(RegistryTest, TheNamespaceMustExist) {
  const auto made = harness_.Create({&config_map_, "nowhere", ""}, ConfigMap("a", "1"));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, 404);
  EXPECT_EQ(made.error().message, "namespaces \"nowhere\" not found");
}

TEST_F(RegistryTest, UpdateIsCheckedByResourceVersion) {
  Json object = Make(Models(), TrainedModel("a"));
  Json changed = object;
  changed["spec"]["model"]["storageUri"] = "gs://models/b";
  const auto written = harness_.Update(Models("a"), changed);
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(GenerationOf(written->object), 2);
  EXPECT_NE(ResourceVersionOf(written->object), ResourceVersionOf(object));
  const auto stale = harness_.Update(Models("a"), changed);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code, 409);
  changed["metadata"].erase("resourceVersion");
  const auto without = harness_.Update(Models("a"), changed);
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().code, 422);
  EXPECT_EQ(without.error().message,
            "TrainedModel.serving.kubeflow.org \"a\" is invalid: metadata.resourceVersion: Invalid "
            "value: 0x0: must be specified for an update");
}

TEST_F(RegistryTest, BuiltInKindsMayBeReplacedWithoutResourceVersion) {
  Make(ConfigMaps(), ConfigMap("a", "1"));
  const auto written = harness_.Update(ConfigMaps("a"), ConfigMap("a", "2"));
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(written->object["data"]["key"], "2");
}

TEST_F(RegistryTest, AnotherUidIsAConflict) {
  Json object = Make(ConfigMaps(), ConfigMap("a", "1"));
  object["metadata"]["uid"] = "other";
  EXPECT_EQ(harness_.Update(ConfigMaps("a"), object).error().code, 409);
}

TEST_F(RegistryTest, AWriteThatChangesNothingKeepsTheRevision) {
  const Json object = Make(Models(), TrainedModel("a"));
  const auto written = harness_.Update(Models("a"), object);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->object, object);
}

TEST_F(RegistryTest, StatusIsApartFromTheRest) {
  Json object = Make(Models(), TrainedModel("a"));
  Json status = object;
  status["status"] = {{"url", "http://a"}};
  status["spec"]["inferenceService"] = "ignored";
  status["metadata"]["labels"] = {{"ignored", "yes"}};
  const auto written = harness_.Update(Models("a"), status, Part::kStatus);
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(written->object["spec"]["inferenceService"], "triton-mms");
  EXPECT_FALSE(written->object["metadata"].contains("labels"));
  EXPECT_EQ(GenerationOf(written->object), 1);
  Json spec = written->object;
  spec["status"] = {{"url", "http://forged"}};
  spec["spec"]["inferenceService"] = "other";
  const auto again = harness_.Update(Models("a"), spec);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->object["status"]["url"], "http://a");
  EXPECT_EQ(again->object["spec"]["inferenceService"], "other");
}

TEST_F(RegistryTest, TwoGroupsAreViewsOfOneObject) {
  Make(Models(), TrainedModel("a"));
  const Kind& kserve = KindOf("serving.kserve.io/v1alpha1", "TrainedModel");
  const Target there{&kserve, "default", "a"};
  ApiResult<Json> seen = harness_.registry.Get(there);
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ((*seen)["apiVersion"], "serving.kserve.io/v1alpha1");
  (*seen)["spec"]["inferenceService"] = "other";
  const auto written = harness_.Update(there, *seen);
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_EQ(written->object["apiVersion"], "serving.kserve.io/v1alpha1");
  const auto here = harness_.registry.Get(Models("a"));
  EXPECT_EQ((*here)["apiVersion"], "serving.kubeflow.org/v1alpha1");
  EXPECT_EQ((*here)["spec"]["inferenceService"], "other");
  const auto again = harness_.Create({&kserve, "default", ""}, [] {
    Json body = TrainedModel("a");
    body["apiVersion"] = "serving.kserve.io/v1alpha1";
    return body;
  }());
  EXPECT_EQ(again.error().reason, "AlreadyExists");
}

TEST_F(RegistryTest, DryRunChangesNothing) {
  const WriteOptions dry{.dry_run = true};
  ASSERT_TRUE(harness_.Create(ConfigMaps(), ConfigMap("a", "1"), dry).ok());
  EXPECT_FALSE(harness_.registry.Get(ConfigMaps("a")).ok());
  const Json object = Make(ConfigMaps(), ConfigMap("a", "1"));
  const auto written =
      harness_.Update(ConfigMaps("a"), ConfigMap("a", "2"), Part::kAllButStatus, dry);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->object["data"]["key"], "2");
  ASSERT_TRUE(harness_.Delete(ConfigMaps("a"), {.dry_run = true}).ok());
  EXPECT_EQ(*harness_.registry.Get(ConfigMaps("a")), object);
  EXPECT_EQ(harness_.Create(ConfigMaps(), ConfigMap("a", "1"), dry).error().code, 409);
}

TEST_F(RegistryTest, UnknownFieldsAreDroppedToldOrRefused) {
  Json body = TrainedModel("a");
  body["spec"]["colour"] = "red";
  const auto strict =
      harness_.Create(Models(), body, {.field_validation = FieldValidation::kStrict});
  ASSERT_FALSE(strict.ok());
  EXPECT_EQ(strict.error().code, 400);
  EXPECT_NE(strict.error().message.find("strict decoding error: unknown field \"spec.colour\""),
            std::string::npos)
      << strict.error().message;
  const auto warned = harness_.Create(Models(), body, {.field_validation = FieldValidation::kWarn});
  ASSERT_TRUE(warned.ok()) << warned.error().message;
  EXPECT_EQ(warned->warnings, std::vector<std::string>{"unknown field \"spec.colour\""});
  EXPECT_FALSE(warned->object["spec"].contains("colour"));
}

TEST_F(RegistryTest, ValuesOfAnotherTypeAreRefused) {
  Json body = TrainedModel("a");
  body["spec"]["model"]["storageUri"] = 7;
  EXPECT_EQ(harness_.Create(Models(), body).error().code, 422);
  body = TrainedModel("a");
  body["spec"] = "text";
  EXPECT_EQ(harness_.Create(Models(), body).error().code, 422);
}

TEST_F(RegistryTest, AdmissionIsAskedForUsersAndMayChangeTheObject) {
  std::vector<Operation> asked;
  harness_.registry.SetAdmission([&](Operation operation, const Kind& kind, const Json* old,
                                     Json& object) -> std::optional<ApiError> {
    asked.push_back(operation);
    EXPECT_EQ(old != nullptr, operation != Operation::kCreate);
    EXPECT_EQ(kind.resource, "trainedmodels");
    if (operation == Operation::kDelete) return BadRequestError("not now");
    object["metadata"]["labels"]["seen"] = "yes";
    return std::nullopt;
  });
  const Json made = Make(Models(), TrainedModel("a"));
  EXPECT_EQ(LabelOf(made, "seen"), "yes");
  EXPECT_EQ(harness_.Delete(Models("a")).error().message, "not now");
  EXPECT_EQ(asked, (std::vector<Operation>{Operation::kCreate, Operation::kDelete}));
  std::optional<Result<Json>> answer;
  harness_.registry.Delete("trainedmodels.serving.kubeflow.org", "default", "a",
                           Propagation::kBackground,
                           [&](Result<Json> result) { answer = std::move(result); });
  harness_.executor.RunPosted();
  ASSERT_TRUE(answer && answer->ok());
}

TEST_F(RegistryTest, FinalizersKeepAnObject) {
  Json body = TrainedModel("a");
  body["metadata"]["finalizers"] = {"trainedmodel.finalizer"};
  Make(Models(), body);
  auto deleted = harness_.Delete(Models("a"));
  ASSERT_TRUE(deleted.ok());
  EXPECT_FALSE(deleted->deleted);
  EXPECT_EQ(deleted->object["metadata"]["deletionTimestamp"], "2021-05-22T21:15:48Z");
  EXPECT_EQ(deleted->object["metadata"]["deletionGracePeriodSeconds"], 0);
  EXPECT_EQ(GenerationOf(deleted->object), 2);
  const auto again = harness_.Delete(Models("a"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->object, deleted->object);

  Json more = deleted->object;
  more["metadata"]["finalizers"].push_back("example.com/another");
  const auto refused = harness_.Update(Models("a"), more);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, 422);

  Json last = deleted->object;
  last["metadata"]["finalizers"] = Json::array();
  const auto gone = harness_.Update(Models("a"), last);
  ASSERT_TRUE(gone.ok()) << gone.error().message;
  EXPECT_TRUE(gone->deleted);
  EXPECT_EQ(harness_.registry.Get(Models("a")).error().code, 404);
}

TEST_F(RegistryTest, DeleteChecksPreconditions) {
  const Json object = Make(ConfigMaps(), ConfigMap("a", "1"));
  EXPECT_EQ(harness_.Delete(ConfigMaps("a"), {.uid = "other"}).error().code, 409);
  EXPECT_EQ(harness_.Delete(ConfigMaps("a"), {.resource_version = "1"}).error().code, 409);
  const auto deleted = harness_.Delete(
      ConfigMaps("a"), {.uid = UidOf(object), .resource_version = ResourceVersionOf(object)});
  ASSERT_TRUE(deleted.ok()) << deleted.error().message;
  EXPECT_TRUE(deleted->deleted);
  EXPECT_EQ(harness_.Delete(ConfigMaps("a")).error().code, 404);
}

TEST_F(RegistryTest, PropagationIsKeptAsAFinalizer) {
  Make(ConfigMaps(), ConfigMap("a", "1"));
  auto deleted = harness_.Delete(ConfigMaps("a"), {.propagation = Propagation::kForeground});
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(FinalizersOf(deleted->object), std::vector<std::string>{"foregroundDeletion"});
  deleted = harness_.Delete(ConfigMaps("a"), {.propagation = Propagation::kOrphan});
  EXPECT_EQ(FinalizersOf(deleted->object), std::vector<std::string>{"orphan"});
  deleted = harness_.Delete(ConfigMaps("a"), {.propagation = Propagation::kBackground});
  EXPECT_TRUE(deleted->deleted);
}

TEST_F(RegistryTest, NothingIsMadeInANamespaceThatEnds) {
  harness_.MakeNamespace("old");
  const Kind& spaces = KindOf("v1", "Namespace");
  std::optional<ApiResult<Written>> deleted;
  harness_.registry.Delete({&spaces, "", "old"}, {},
                           [&](ApiResult<Written> result) { deleted = std::move(result); });
  // Before its mark is durable, and after.
  for (int round = 0; round < 2; ++round) {
    const auto made = harness_.Create({&config_map_, "old", ""}, ConfigMap("a", "1"));
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, 403);
    EXPECT_EQ(
        made.error().message,
        "configmaps \"a\" is forbidden: unable to create new content in namespace old because "
        "it is being terminated");
  }
  ASSERT_TRUE(deleted && deleted->ok());
  EXPECT_EQ((*deleted)->object["status"]["phase"], "Terminating");
  EXPECT_FALSE((*deleted)->deleted);
  const auto finished = harness_.Await<Written>(
      [&](auto done) { harness_.registry.FinishNamespace("old", std::move(done)); });
  ASSERT_TRUE(finished.ok());
  EXPECT_TRUE(finished->deleted);
  EXPECT_EQ(harness_.registry.Get({&spaces, "", "old"}).error().code, 404);
  EXPECT_EQ(harness_.Delete({&spaces, "", "default"}).error().code, 403);
}

TEST_F(RegistryTest, SecretsAreStoredAsBase64) {
  const Kind& secret = KindOf("v1", "Secret");
  const Json made = Make({&secret, "default", ""},
                         {{"metadata", {{"name", "s"}}},
                          {"stringData", {{"a", "M"}, {"b", "Ma"}, {"c", "Man"}, {"d", ""}}}});
  EXPECT_EQ(made["data"], Json({{"a", "TQ=="}, {"b", "TWE="}, {"c", "TWFu"}, {"d", ""}}));
  EXPECT_FALSE(made.contains("stringData"));
  EXPECT_EQ(made["type"], "Opaque");
}

TEST_F(RegistryTest, DerivedKindsAreReadOnlyAndNotKnownAtFirst) {
  const Kind& kind = KindOf("throng.dev/v1alpha1", "GatewayRoute");
  const Target route{&kind, "default", "a"};
  EXPECT_EQ(harness_.registry.Get(route).error().code, 503);
  EXPECT_EQ(harness_.registry.List(kind, "", {}).error().code, 503);
  EXPECT_EQ(harness_.Create({&kind, "default", ""}, {{"metadata", {{"name", "a"}}}}).error().code,
            405);
  std::optional<Result<Json>> answer;
  harness_.registry.Create("gatewayroutes.throng.dev",
                           {{"metadata", {{"name", "a"}, {"namespace", "default"}}}},
                           [&](Result<Json> result) { answer = std::move(result); });
  harness_.executor.RunPosted();
  ASSERT_TRUE(answer && answer->ok()) << answer->status().ToString();
  harness_.registry.SetDerivedReady();
  const auto read = harness_.registry.Get(route);
  ASSERT_TRUE(read.ok());
  EXPECT_GT(std::stoull(ResourceVersionOf(*read)), 1'000'000u);
  EXPECT_EQ(harness_.Delete(route).error().code, 405);
}

TEST_F(RegistryTest, TooLargeAnObjectIsRefused) {
  // An object without other bounds, made as long as is wanted by its spec.
  const Kind& kind = KindOf("v1", "Event");
  const auto create = [&](const std::string& name, size_t bytes) {
    const Json body = {{"metadata", {{"name", name}}},
                       {"involvedObject", {{"namespace", "default"}}},
                       {"action", std::string(bytes, 'x')}};
    const auto made = harness_.Create({&kind, "default", ""}, body);
    return made.ok() ? 201 : made.error().code;
  };
  ASSERT_EQ(create("a", 1), 201);
  const size_t others = harness_.durable.Get(KeyOf(kind, "default", "a"))->value->size() - 1;
  EXPECT_EQ(create("b", limits::kObjectBytes - others - 1), 201);
  EXPECT_EQ(create("c", limits::kObjectBytes - others), 201);
  EXPECT_EQ(create("d", limits::kObjectBytes - others + 1), 413);
}

TEST_F(RegistryTest, WhoOwnsWhichFieldIsKept) {
  const WriteOptions alice{.field_manager = "alice"};
  const Json made = harness_.Create(ConfigMaps(), ConfigMap("a", "1"), alice)->object;
  ASSERT_EQ(made["metadata"]["managedFields"].size(), 1u);
  EXPECT_EQ(made["metadata"]["managedFields"][0]["manager"], "alice");
  EXPECT_EQ(made["metadata"]["managedFields"][0]["operation"], "Update");
  // One who does not send them back changes nothing by that.
  const auto same = harness_.Update(ConfigMaps("a"), ConfigMap("a", "1"));
  EXPECT_EQ(same->object, made);
  Json reset = made;
  reset["metadata"]["managedFields"] = Json::array();
  const auto bare = harness_.Update(ConfigMaps("a"), reset);
  ASSERT_TRUE(bare.ok()) << bare.error().message;
  EXPECT_FALSE(bare->object["metadata"].contains("managedFields"));
}

TEST_F(RegistryTest, AppliesOfTwoManagersConflict) {
  const auto apply = [&](const std::string& manager, const std::string& uri, bool force = false) {
    WriteOptions options;
    options.field_manager = manager;
    options.force = force;
    return harness_.Patch(Models("a"), PatchType::kApply, TrainedModel("a", uri),
                          Part::kAllButStatus, options);
  };
  const auto first = apply("alice", "gs://models/a");
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_TRUE(first->created);
  harness_.executor.Advance(std::chrono::seconds(5));
  const auto again = apply("alice", "gs://models/a");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->object, first->object);
  const auto other = apply("bob", "gs://models/b");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, 409);
  EXPECT_EQ(other.error().causes[0].field, ".spec.model.storageUri");
  EXPECT_EQ(harness_.registry.Get(Models("a")).value(), first->object);
  const auto forced = apply("bob", "gs://models/b", true);
  ASSERT_TRUE(forced.ok()) << forced.error().message;
  EXPECT_FALSE(forced->created);
  EXPECT_EQ(forced->object["spec"]["model"]["storageUri"], "gs://models/b");
  EXPECT_EQ(GenerationOf(forced->object), 2);
}

TEST_F(RegistryTest, DryRunOfAnApplyChangesNothing) {
  const WriteOptions dry{.dry_run = true, .field_manager = "alice"};
  const auto applied =
      harness_.Patch(Models("a"), PatchType::kApply, TrainedModel("a"), Part::kAllButStatus, dry);
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  EXPECT_FALSE(harness_.registry.Get(Models("a")).ok());
}

TEST_F(RegistryTest, FieldsOfOddTypesNeverBreakIt) {
  for (const char* kind_name : {"Namespace", "Secret", "Pod", "ConfigMap", "Event"}) {
    const Kind& kind = KindOf("v1", kind_name);
    for (const char* field :
         {"/spec", "/status", "/metadata/labels", "/metadata/annotations", "/metadata/finalizers",
          "/metadata/ownerReferences", "/stringData", "/data", "/metadata/managedFields",
          "/metadata/generation", "/metadata/creationTimestamp"}) {
      for (const Json& value : {Json("text"), Json(7), Json::array({1}), Json({{"a", 1}})}) {
        Json body = {{"metadata", {{"name", "odd"}}}};
        body[Json::json_pointer(field)] = value;
        const Target target{&kind, kind.scope == Scope::kCluster ? "" : "default", ""};
        const auto made = harness_.Create(target, body, {.dry_run = true});
        if (!made.ok()) {
          EXPECT_TRUE(made.error().code == 400 || made.error().code == 422)
              << kind_name << " " << field << " " << value << " " << made.error().message;
        }
      }
    }
  }
}

TEST_F(RegistryTest, WritesOfOneObjectDoNotOvertakeEachOther) {
  const Json object = Make(ConfigMaps(), ConfigMap("a", "1"));
  std::vector<int> codes;
  const auto record = [&](ApiResult<Written> written) {
    codes.push_back(written.ok() ? 200 : written.error().code);
  };
  Json second = object;
  second["data"]["key"] = "2";
  harness_.registry.Update(ConfigMaps("a"), Part::kAllButStatus, second, {}, record);
  Json third = object;
  third["data"]["key"] = "3";
  harness_.registry.Update(ConfigMaps("a"), Part::kAllButStatus, third, {}, record);
  harness_.registry.Update(ConfigMaps("a"), Part::kAllButStatus, ConfigMap("a", "4"), {}, record);
  harness_.registry.Delete(ConfigMaps("a"), {}, record);
  harness_.registry.Create(ConfigMaps(), ConfigMap("a", "5"), {}, record);
  harness_.executor.RunPosted();
  EXPECT_EQ(codes, (std::vector<int>{200, 409, 200, 200, 200}));
  EXPECT_EQ((*harness_.registry.Get(ConfigMaps("a")))["data"]["key"], "5");
}

TEST_F(RegistryTest, ControllersSeeTheSameRules) {
  Objects& objects = harness_.registry;
  std::optional<Result<Json>> answer;
  const auto keep = [&](Result<Json> result) { answer = std::move(result); };
  Json body = ConfigMap("a", "1");
  body["metadata"]["namespace"] = "default";
  objects.Create("configmaps", body, keep);
  EXPECT_FALSE(answer.has_value());
  harness_.executor.RunPosted();
  ASSERT_TRUE(answer->ok());
  const Json made = **answer;
  objects.Create("configmaps", body, keep);
  harness_.executor.RunPosted();
  EXPECT_EQ(answer->status().code(), StatusCode::kAlreadyExists);
  Json changed = made;
  changed["data"]["key"] = "2";
  objects.Update("configmaps", changed, Part::kAllButStatus, keep);
  harness_.executor.RunPosted();
  ASSERT_TRUE(answer->ok());
  objects.Update("configmaps", changed, Part::kAllButStatus, keep);
  harness_.executor.RunPosted();
  EXPECT_EQ(answer->status().code(), StatusCode::kAborted);
  changed["metadata"].erase("resourceVersion");
  objects.Update("configmaps", changed, Part::kAllButStatus, keep);
  harness_.executor.RunPosted();
  EXPECT_EQ(answer->status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(objects.Get("configmaps", "default", "b").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(objects.List("configmaps", "").size(), 1u);
  EXPECT_EQ(objects.List("configmaps", "other").size(), 0u);
  objects.Create("nothings", body, keep);
  harness_.executor.RunPosted();
  EXPECT_EQ(answer->status().code(), StatusCode::kInvalidArgument);
}

TEST_F(RegistryTest, DeleteCollectionTakesWhatTheFilterTakes) {
  for (int i = 0; i < 150; ++i) {
    Make(ConfigMaps(), ConfigMap("a" + std::to_string(i), i % 3 == 0 ? "keep" : "go"));
  }
  const auto deleted = harness_.Await<ObjectPage>([&](auto done) {
    ListOptions list;
    list.filter = [](const Json& object) { return object["data"]["key"] == "go"; };
    harness_.registry.DeleteCollection(config_map_, "default", list, {}, std::move(done));
  });
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted->objects.size(), 100u);
  EXPECT_EQ(harness_.registry.List(config_map_, "default", {})->objects.size(), 50u);
}

}  // namespace
}  // namespace throng::kube::server
