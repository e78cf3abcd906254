// Storage credentials from ServiceAccounts and Secrets, with the controllers over the real
// registry: what assignments name, what an agent is told, and who hears of a change.
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/testing/simulated_executor.h"
#include "kube/object_meta.h"
#include "kube/server/bootstrap.h"
#include "kube/server/registry.h"
#include "launcher/testing/fake_job_launcher.h"
#include "launcher/testing/fake_launcher.h"
#include "reconcilers/controllers.h"
#include "store/memory_store.h"

namespace throng::reconcilers {
namespace {

using namespace std::chrono_literals;
using kube::Json;
using kube::TextAt;

class PlaneCredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kube::server::Bootstrap(registry_, [](Status status) { EXPECT_TRUE(status.ok()); });
    Settle();
    controllers_ = std::make_unique<Controllers>(
        executor_, random_, registry_, launcher_, job_launcher_, logger_,
        [this](const Json& object, bool, std::string_view reason, std::string_view message) {
          events_ +=
              kube::NameOf(object) + " " + std::string(reason) + ": " + std::string(message) + "\n";
        },
        ServiceOptions{});
    Create(
        kInferenceServices,
        Object(
            "serving.kubeflow.org/v1beta1", "InferenceService", "mms",
            {{"spec",
              {{"predictor", {{"triton", Json::object()}, {"serviceAccountName", "reader"}}}}}}));
    Create(kTrainedModels, Model("a", "s3://bucket/a"));
  }

  static Json Object(const std::string& api_version, const std::string& kind,
                     const std::string& name, Json more) {
    more["apiVersion"] = api_version;
    more["kind"] = kind;
    more["metadata"]["name"] = name;
    more["metadata"]["namespace"] = "default";
    return more;
  }
  static Json Model(const std::string& name, const std::string& uri) {
    return Object("serving.kubeflow.org/v1alpha1", "TrainedModel", name,
                  {{"spec",
                    {{"inferenceService", "mms"},
                     {"model", {{"storageUri", uri}, {"framework", "onnx"}, {"memory", "1Mi"}}}}}});
  }
  static Json Secret(const std::string& name, const std::map<std::string, std::string>& entries) {
    Json data = Json::object();
    for (const auto& [key, value] : entries) data[key] = EncodeBase64(value);
    return Object("v1", "Secret", name, {{"data", data}});
  }
  static Json S3(const std::string& name, const std::string& key) {
    return Secret(name, {{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", key}});
  }
  static Json Account(const std::string& secret) {
    return Object("v1", "ServiceAccount", "reader", {{"secrets", {{{"name", secret}}}}});
  }

  void Settle() { executor_.Advance(200ms); }
  void Create(std::string_view resource, Json object) {
    registry_.Create(resource, std::move(object), [](Result<Json> result) {
      EXPECT_TRUE(result.ok()) << result.status().ToString();
    });
    Settle();
  }
  template <typename Change>
  void Edit(std::string_view resource, const std::string& name, Change change,
            const std::string& name_space = "default") {
    Json object = *registry_.Get(resource, name_space, name);
    change(object);
    registry_.Update(
        resource, std::move(object), kube::Part::kAllButStatus,
        [](Result<Json> result) { EXPECT_TRUE(result.ok()) << result.status().ToString(); });
    Settle();
  }
  std::string Pod() { return kube::NameOf(registry_.List(kPods, "default").at(0)); }
  // What the assignment of a model says of its credentials.
  Json Named(const std::string& model) {
    const auto assignment = registry_.Get(kModelAssignments, "default", Pod() + "." + model);
    return assignment.ok() ? (*assignment)["spec"].value("credentials", Json()) : Json("none");
  }
  Json Told() {
    auto told = controllers_->Credentials("default", Pod());
    return told.ok() ? (*told)["sets"] : Json(told.status().message());
  }

  throng::testing::SimulatedExecutor executor_;
  SeededRandom random_{7};
  store::MemoryStore durable_{executor_};
  store::MemoryStore derived_{executor_, 1'000'000};
  kube::server::Registry registry_{executor_, random_, durable_, derived_};
  launcher::testing::FakeLauncher launcher_;
  launcher::testing::FakeJobLauncher job_launcher_;
  Logger logger_{{}, executor_.clock(), [this](std::string_view line) { log_ += line; }};
  std::string log_;
  std::string events_;
  std::unique_ptr<Controllers> controllers_;
};

TEST_F(PlaneCredentialsTest, WhatIsMissingIsNamedAndWatchedFor) {
  EXPECT_EQ(Named("a")["reason"], "ServiceAccountNotFound");
  EXPECT_EQ(Told(), Json::object());
  Create("serviceaccounts", Account("s3"));
  EXPECT_EQ(Named("a")["reason"], "SecretNotFound");
  Create("secrets", S3("s3", "SECRETVALUE"));
  EXPECT_FALSE(Named("a").contains("reason"));
  const std::string version = Named("a")["version"];
  EXPECT_EQ(Told()[version]["s3"]["secretAccessKey"], "SECRETVALUE");
}

TEST_F(PlaneCredentialsTest, AChangedSecretIsAnotherVersion) {
  Create("serviceaccounts", Account("s3"));
  Create("secrets", S3("s3", "first"));
  const std::string before = Named("a")["version"];
  Edit("secrets", "s3",
       [](Json& secret) { secret["data"]["AWS_SECRET_ACCESS_KEY"] = EncodeBase64("second"); });
  const std::string after = Named("a")["version"];
  EXPECT_NE(after, before);
  EXPECT_EQ(Told()[after]["s3"]["secretAccessKey"], "second");
  EXPECT_EQ(Told().size(), 1U);
  registry_.Delete("secrets", "default", "s3", kube::Propagation::kBackground, [](Result<Json>) {});
  Settle();
  EXPECT_EQ(Named("a")["reason"], "SecretNotFound");
}

TEST_F(PlaneCredentialsTest, AnotherAccountOfTheServiceIsTaken) {
  Create("serviceaccounts", Account("s3"));
  Create("secrets", S3("s3", "key"));
  EXPECT_FALSE(Named("a").contains("reason"));
  Edit(kInferenceServices, "mms",
       [](Json& service) { service["spec"]["predictor"]["serviceAccountName"] = "other"; });
  EXPECT_EQ(Named("a")["reason"], "ServiceAccountNotFound");
  // A Secret that is named goes before accounts.
  Edit(kInferenceServices, "mms", [](Json& service) {
    service["metadata"]["annotations"]["serving.kserve.io/storage-secret-name"] = "s3";
  });
  EXPECT_FALSE(Named("a").contains("reason"));
}

TEST_F(PlaneCredentialsTest, OnlyWhoNeedsThemNamesThem) {
  Create("serviceaccounts", Account("s3"));
  Create("secrets", S3("s3", "key"));
  Create(kTrainedModels, Model("b", "gs://bucket/b"));
  Create(kTrainedModels, Model("c", "file:///models/c"));
  EXPECT_TRUE(Named("a").is_object());
  EXPECT_TRUE(Named("b").is_null());
  EXPECT_TRUE(Named("c").is_null());
}

TEST_F(PlaneCredentialsTest, AModelMayNameItsEntryOfTheStorageSecret) {
  Create("serviceaccounts", Account("s3"));
  Create("secrets", S3("s3", "account"));
  Create("secrets", Secret("storage-config", {{"own", R"({"type":"s3","access_key_id":"i",
                                        "secret_access_key":"entry"})"}}));
  Json model = Model("b", "s3://bucket/b");
  model["metadata"]["annotations"] = {{"throng.dev/storage-key", "own"}};
  Create(kTrainedModels, std::move(model));
  const std::string own = Named("b")["version"];
  EXPECT_NE(Named("a")["version"], own);
  EXPECT_EQ(Told().size(), 2U);
  EXPECT_EQ(Told()[own]["s3"]["secretAccessKey"], "entry");
}

TEST_F(PlaneCredentialsTest, TheConfigurationIsLive) {
  Create("serviceaccounts", Account("s3"));
  Create("secrets", Secret("s3", {{"ID", "id"}, {"KEY", "key"}}));
  EXPECT_TRUE(Named("a").is_null());
  const auto configure = [this](const std::string& text) {
    Edit(
        "configmaps", "inferenceservice-config",
        [&text](Json& map) { map["data"]["credentials"] = text; }, "kfserving-system");
  };
  configure(R"({"s3":{"s3AccessKeyIDName":"ID","s3SecretAccessKeyName":"KEY"}})");
  const std::string version = Named("a")["version"];
  EXPECT_EQ(Told()[version]["s3"]["accessKeyId"], "id");
  configure("nonsense");
  EXPECT_EQ(Named("a")["version"], version);
  EXPECT_NE(events_.find("inferenceservice-config ConfigInvalid: credentials:"), std::string::npos);
}

TEST_F(PlaneCredentialsTest, WhatIsIgnoredIsToldOnce) {
  Json account = Account("s3");
  account["metadata"]["annotations"] = {{"eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/r"}};
  Create("secrets", S3("s3", "key"));
  Create("serviceaccounts", std::move(account));
  Edit("secrets", "s3", [](Json& secret) { secret["metadata"]["labels"] = {{"touched", "yes"}}; });
  const std::string part = "mms CredentialsIgnored: ServiceAccount \"reader\"";
  const size_t first = events_.find(part);
  ASSERT_NE(first, std::string::npos) << events_;
  EXPECT_EQ(events_.find(part, first + 1), std::string::npos);
}

TEST_F(PlaneCredentialsTest, NoValueIsInAnyOtherObjectEventOrLog) {
  Create("serviceaccounts", Account("s3"));
  Create("secrets", S3("s3", "SECRETVALUE"));
  for (const std::string_view resource :
       {kInferenceServices, kTrainedModels, kPods, kModelAssignments, kGatewayRoutes,
        std::string_view("events")}) {
    for (const Json& object : registry_.List(resource, "")) {
      EXPECT_EQ(object.dump().find("SECRETVALUE"), std::string::npos) << resource;
      EXPECT_EQ(object.dump().find(EncodeBase64("SECRETVALUE")), std::string::npos) << resource;
    }
  }
  EXPECT_EQ((events_ + log_).find("SECRETVALUE"), std::string::npos);
  EXPECT_EQ(controllers_->Credentials("default", "nobody").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace throng::reconcilers
