// The controllers over the real registry, on fake time, with replicas that a test moves.
#include "reconcilers/controllers.h"

#include <gtest/gtest.h>

#include "base/testing/simulated_executor.h"
#include "kube/object_meta.h"
#include "kube/server/bootstrap.h"
#include "kube/server/garbage_collector.h"
#include "kube/server/registry.h"
#include "kube/testing/failing_objects.h"
#include "launcher/testing/fake_job_launcher.h"
#include "launcher/testing/fake_launcher.h"
#include "reconcilers/conditions.h"
#include "store/memory_store.h"

namespace throng::reconcilers {
namespace {

using namespace std::chrono_literals;
using kube::Json;
using kube::TextAt;

class ControllersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kube::server::Bootstrap(*registry_, [](Status status) { EXPECT_TRUE(status.ok()); });
    Settle();
    StartControllers();
  }

  // As a new process would: what is derived is forgotten.
  void RestartControllers() {
    controllers_.reset();
    garbage_.reset();
    objects_.reset();
    registry_.reset();
    derived_ = std::make_unique<store::MemoryStore>(executor_, 2'000'000);
    registry_ = std::make_unique<kube::server::Registry>(executor_, random_, durable_, *derived_);
    StartControllers();
  }

  void StartControllers() {
    garbage_ = std::make_unique<kube::server::GarbageCollector>(executor_, *registry_);
    garbage_->Start();
    objects_ = std::make_unique<kube::testing::FailingObjects>(executor_, *registry_);
    controllers_ = std::make_unique<Controllers>(
        executor_, random_, *objects_, launcher_, job_launcher_, logger_,
        [this](const Json& object, bool warning, std::string_view reason,
               std::string_view message) {
          events_.push_back((warning ? "Warning " : "Normal ") + kube::NameOf(object) + " " +
                            std::string(reason) + ": " + std::string(message));
        },
        ServiceOptions{.check_arguments = [](const std::vector<std::string>& arguments) {
          for (const std::string& argument : arguments) {
            if (argument == "--bad") return InvalidArgumentError("unknown flag --bad");
          }
          return OkStatus();
        }});
    Settle();
  }

  void Settle() { executor_.Advance(100ms); }

  void Create(std::string_view resource, const char* text) {
    Json object = *kube::ParseYaml(text);
    object["metadata"]["namespace"] = "default";
    registry_->Create(resource, std::move(object), [](Result<Json> result) {
      EXPECT_TRUE(result.ok()) << result.status().ToString();
    });
    Settle();
  }
  void CreateService(const char* more = "") {
    Create(kInferenceServices, (std::string(R"(
apiVersion: serving.kubeflow.org/v1beta1
kind: InferenceService
metadata: {name: mms}
spec:
  predictor:
)") + more + R"(
    triton:
      args: [--log-verbose=1]
      resources: {limits: {cpu: "1", memory: 2Gi}}
)")
                                   .c_str());
  }
  void CreateModel(const std::string& name, const std::string& more = "memory: 1Gi",
                   const std::string& framework = "pytorch") {
    Create(kTrainedModels, (R"(
apiVersion: serving.kubeflow.org/v1alpha1
kind: TrainedModel
metadata: {name: )" + name + R"(}
spec:
  inferenceService: mms
  model:
    storageUri: gs://bucket/)" +
                            name + R"(
    framework: )" + framework +
                            R"(
    )" + more + "\n")
                               .c_str());
  }
  Json Get(std::string_view resource, const std::string& name,
           const std::string& name_space = "default") {
    auto object = registry_->Get(resource, name_space, name);
    return object.ok() ? *object : Json();
  }
  template <typename Change>
  void Edit(std::string_view resource, const std::string& name, Change change,
            const std::string& name_space = "default") {
    Json object = Get(resource, name, name_space);
    change(object);
    registry_->Update(
        resource, std::move(object), kube::Part::kAllButStatus,
        [](Result<Json> result) { EXPECT_TRUE(result.ok()) << result.status().ToString(); });
    Settle();
  }
  void Delete(std::string_view resource, const std::string& name) {
    registry_->Delete(resource, "default", name, kube::Propagation::kBackground,
                      [](Result<Json>) {});
    Settle();
  }
  std::vector<std::string> Pods() {
    std::vector<std::string> names;
    for (const Json& pod : registry_->List(kPods, "default")) names.push_back(kube::NameOf(pod));
    return names;
  }
  // The server of a pod listens, and its agent has said that it is there.
  void MakeReady(const std::string& pod, uint16_t port = 9000) {
    launcher_.MakeReady("default", pod, port);
    Report(pod, Json::array(), true);
  }
  void Report(const std::string& pod, Json models, bool full = false) {
    const auto replica = launcher_.Find("default", pod);
    EXPECT_TRUE(controllers_
                    ->Report("default", pod,
                             {{"server", replica ? replica->server_life : ""},
                              {"full", full},
                              {"models", std::move(models)}})
                    .ok());
    Settle();
  }
  Json Copy(const std::string& model, const std::string& state, bool loaded, int failures = 0) {
    const Json object = Get(kTrainedModels, model);
    return {{"model", model},
            {"uid", kube::UidOf(object)},
            {"generation", kube::GenerationOf(object)},
            {"state", state},
            {"downloaded", state == "Loaded" || loaded},
            {"loaded", loaded},
            {"failures", failures},
            {"reason", failures > 0 ? "StorageUnavailable" : ""},
            {"message", failures > 0 ? "the store does not answer" : ""},
            {"serving",
             {{"generation", loaded ? kube::GenerationOf(object) : 0},
              {"storageUri", loaded ? TextAt(object, {"spec", "model", "storageUri"}) : ""}}}};
  }
  std::string Condition(std::string_view resource, const std::string& name, std::string_view type) {
    const Json object = Get(resource, name);
    for (const Json& condition : object["status"].value("conditions", Json::array())) {
      if (TextAt(condition, {"type"}) != type) continue;
      const std::string reason = TextAt(condition, {"reason"});
      return TextAt(condition, {"status"}) + (reason.empty() ? "" : " " + reason);
    }
    return "";
  }
  std::string ModelCondition(const std::string& name, std::string_view type) {
    return Condition(kTrainedModels, name, type);
  }
  std::string ServiceCondition(std::string_view type) {
    return Condition(kInferenceServices, "mms", type);
  }
  bool Told(std::string_view part) {
    return std::any_of(events_.begin(), events_.end(), [part](const std::string& event) {
      return event.find(part) != std::string::npos;
    });
  }

  throng::testing::SimulatedExecutor executor_;
  SeededRandom random_{7};
  store::MemoryStore durable_{executor_};
  std::unique_ptr<store::MemoryStore> derived_ =
      std::make_unique<store::MemoryStore>(executor_, 1'000'000);
  std::unique_ptr<kube::server::Registry> registry_ =
      std::make_unique<kube::server::Registry>(executor_, random_, durable_, *derived_);
  std::unique_ptr<kube::server::GarbageCollector> garbage_;
  std::unique_ptr<kube::testing::FailingObjects> objects_;
  launcher::testing::FakeLauncher launcher_;
  launcher::testing::FakeJobLauncher job_launcher_;
  Logger logger_{{}, executor_.clock(), [this](std::string_view line) { log_ += line; }};
  std::string log_;
  std::vector<std::string> events_;
  std::unique_ptr<Controllers> controllers_;
};

TEST_F(ControllersTest, AnInferenceServiceWithoutModelsIsReadyWhenItsReplicaIs) {
  CreateService();
  ASSERT_EQ(Pods().size(), 1u);
  const std::string pod = Pods()[0];
  EXPECT_EQ(pod.find("mms-predictor-default-00001-deployment-"), 0u) << pod;
  EXPECT_EQ(ServiceCondition("Ready"), "False ReplicaStarting");
  EXPECT_EQ(launcher_.spec("default", pod).memory_limit_bytes, 2ULL << 30);
  EXPECT_EQ(launcher_.spec("default", pod).compute_threads, 1u);
  MakeReady(pod);
  EXPECT_EQ(ServiceCondition("Ready"), "True");
  const Json status = Get(kInferenceServices, "mms")["status"];
  EXPECT_EQ(status["url"], "http://mms.default.example.com");
  EXPECT_EQ(status["components"]["predictor"]["latestReadyRevision"],
            "mms-predictor-default-00001");
  EXPECT_EQ(status["components"]["predictor"]["traffic"][0]["percent"], 100);
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"][0]["port"], 9000);
  EXPECT_TRUE(Told("Normal mms InferenceServiceReady"));
}

TEST_F(ControllersTest, AReadyModelHasTheConditionsThatPeopleKnow) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  EXPECT_EQ(Get(kModelAssignments, pod + ".cifar10")["spec"]["storageUri"], "gs://bucket/cifar10");
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "False Pending");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  const Json status = Get(kTrainedModels, "cifar10")["status"];
  std::string types;
  for (const Json& condition : status["conditions"]) {
    types += TextAt(condition, {"type"}) + " ";
    EXPECT_EQ(condition["status"], "True");
    EXPECT_EQ(condition.size(), 3u) << condition;
  }
  EXPECT_EQ(types,
            "Downloaded FrameworkSupported InferenceServiceReady IsMMSPredictor Loaded "
            "MemoryResourceAvailable Ready ");
  EXPECT_EQ(status["url"], "http://mms.default.example.com/v2/models/cifar10/infer");
  EXPECT_EQ(status["address"]["url"],
            "http://mms.default.svc.cluster.local/v2/models/cifar10/infer");
  EXPECT_EQ(status["modelStatus"]["transitionStatus"], "UpToDate");
  const std::string revision = kube::ResourceVersionOf(Get(kTrainedModels, "cifar10"));
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  EXPECT_EQ(kube::ResourceVersionOf(Get(kTrainedModels, "cifar10")), revision)
      << "nothing changed, nothing was written";
}

TEST_F(ControllersTest, AModelWaitsForItsInferenceService) {
  CreateModel("cifar10");
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "False InferenceServiceNotFound");
  EXPECT_EQ(ModelCondition("cifar10", "IsMMSPredictor"), "Unknown InferenceServiceNotFound");
  CreateService();
  const std::string pod = Pods()[0];
  EXPECT_EQ(ModelCondition("cifar10", "InferenceServiceReady"), "False InferenceServiceNotReady");
  launcher_.MakeReady("default", pod, 9000);
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}), true);
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
}

TEST_F(ControllersTest, AReplicaIsInTheRouteOnceItsModelsAreSettled) {
  CreateService();
  CreateModel("cifar10");
  const std::string pod = Pods()[0];
  launcher_.MakeReady("default", pod, 9000);
  Report(pod, Json::array({Copy("cifar10", "Downloading", false)}), true);
  EXPECT_EQ(ServiceCondition("Ready"), "False ReplicaStarting");
  Report(pod, Json::array({Copy("cifar10", "Failed", false, 1)}));
  EXPECT_EQ(ServiceCondition("Ready"), "True") << "one that fails holds up no other";
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "False StorageUnavailable");
  EXPECT_EQ(ModelCondition("cifar10", "Downloaded"), "False StorageUnavailable");
  EXPECT_TRUE(Told("Warning cifar10 StorageUnavailable: the store does not answer"));
}

TEST_F(ControllersTest, MemoryIsGrantedInOrderOfArrival) {
  CreateService();
  MakeReady(Pods()[0]);
  CreateModel("a");
  CreateModel("b");
  CreateModel("c");
  EXPECT_EQ(ModelCondition("a", "MemoryResourceAvailable"), "True");
  EXPECT_EQ(ModelCondition("b", "MemoryResourceAvailable"), "True");
  EXPECT_EQ(ModelCondition("c", "MemoryResourceAvailable"), "False MemoryResourceNotAvailable");
  EXPECT_TRUE(Get(kModelAssignments, Pods()[0] + ".c").is_null());
  Delete(kTrainedModels, "a");
  EXPECT_TRUE(Get(kTrainedModels, "a").is_null());
  EXPECT_EQ(ModelCondition("c", "MemoryResourceAvailable"), "True");
  EXPECT_FALSE(Get(kModelAssignments, Pods()[0] + ".c").is_null());
}

TEST_F(ControllersTest, UnsupportedFrameworksAndSwitchedOffHostsAreToldAndRecover) {
  CreateService();
  MakeReady(Pods()[0]);
  CreateModel("other", "memory: 1Gi", "mxnet");
  EXPECT_EQ(ModelCondition("other", "FrameworkSupported"), "False FrameworkNotSupported");
  CreateModel("cifar10");
  EXPECT_EQ(ModelCondition("cifar10", "IsMMSPredictor"), "True");
  const auto set = [this](bool enabled) {
    Edit(
        kConfigMaps, "inferenceservice-config",
        [enabled](Json& object) {
          Json predictors = *kube::ParseJson(TextAt(object, {"data", "predictors"}));
          predictors["triton"]["multiModelServer"] = enabled;
          object["data"]["predictors"] = predictors.dump();
        },
        "kfserving-system");
  };
  set(false);
  EXPECT_EQ(ModelCondition("cifar10", "IsMMSPredictor"), "False IsNotMMSPredictor");
  set(true);
  EXPECT_EQ(ModelCondition("cifar10", "IsMMSPredictor"), "True");
}

TEST_F(ControllersTest, BadConfigurationKeepsTheLastGoodOne) {
  Edit(
      kConfigMaps, "config-deployment",
      [](Json& object) { object["data"]["progressDeadline"] = "soon"; }, "knative-serving");
  EXPECT_TRUE(Told("Warning config-deployment ConfigInvalid: progressDeadline"));
  CreateService();
  executor_.Advance(119s);
  EXPECT_EQ(ServiceCondition("Ready"), "False ReplicaStarting");
  executor_.Advance(2s);
  EXPECT_EQ(ServiceCondition("Ready"), "False ProgressDeadlineExceeded");
  EXPECT_TRUE(Told("Warning mms ProgressDeadlineExceeded"));
  MakeReady(Pods()[0]);
  EXPECT_EQ(ServiceCondition("Ready"), "True") << "it is still tried";
}

TEST_F(ControllersTest, TheDeadlineThatIsPatchedCountsAtOnce) {
  Edit(
      kConfigMaps, "config-deployment",
      [](Json& object) { object["data"]["progressDeadline"] = "600s"; }, "knative-serving");
  CreateService();
  CreateModel("cifar10");
  EXPECT_EQ(Get(kModelAssignments, Pods()[0] + ".cifar10")["spec"]["deadlineSeconds"], 600);
  executor_.Advance(599s);
  EXPECT_EQ(ServiceCondition("Ready"), "False ReplicaStarting");
  executor_.Advance(2s);
  EXPECT_EQ(ServiceCondition("Ready"), "False ProgressDeadlineExceeded");
}

TEST_F(ControllersTest, AnUnknownArgumentIsNamed) {
  CreateService("");
  Edit(kInferenceServices, "mms",
       [](Json& object) { object["spec"]["predictor"]["triton"]["args"] = {"--bad"}; });
  EXPECT_EQ(ServiceCondition("PredictorReady"), "False InvalidArgument");
  EXPECT_TRUE(Told("unknown flag --bad"));
}

TEST_F(ControllersTest, ANewRevisionTakesOverWhenItIsReady) {
  CreateService();
  const std::string old_pod = Pods()[0];
  MakeReady(old_pod, 9000);
  CreateModel("cifar10");
  Report(old_pod, Json::array({Copy("cifar10", "Loaded", true)}));
  Edit(kInferenceServices, "mms",
       [](Json& object) { object["spec"]["predictor"]["triton"]["args"] = {"--log-verbose=2"}; });
  ASSERT_EQ(Pods().size(), 2u);
  const std::string new_pod = Pods()[0] == old_pod ? Pods()[1] : Pods()[0];
  EXPECT_EQ(new_pod.find("mms-predictor-default-00002-deployment-"), 0u) << new_pod;
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"][0]["pod"], old_pod);
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
  launcher_.MakeReady("default", new_pod, 9001);
  Report(new_pod, Json::array({Copy("cifar10", "Loading", false)}), true);
  EXPECT_EQ(Pods().size(), 2u) << "not before its models are loaded";
  Report(new_pod, Json::array({Copy("cifar10", "Loaded", true)}));
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"][0]["pod"], new_pod);
  EXPECT_EQ(Pods(), std::vector<std::string>{new_pod});
  EXPECT_FALSE(launcher_.Find("default", old_pod).has_value());
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
}

TEST_F(ControllersTest, ACrashedReplicaLeavesTheRouteUntilItHasLoadedAgain) {
  CreateService("    minReplicas: 2");
  ASSERT_EQ(Pods().size(), 2u);
  const std::string a = Pods()[0];
  const std::string b = Pods()[1];
  MakeReady(a, 9000);
  MakeReady(b, 9001);
  CreateModel("cifar10");
  Report(a, Json::array({Copy("cifar10", "Loaded", true)}));
  Report(b, Json::array({Copy("cifar10", "Loaded", true)}));
  EXPECT_EQ(Get(kTrainedModels, "cifar10")["status"]["copies"]["readyCopies"], 2);
  launcher_.Crash("default", a, "killed by signal 9");
  Settle();
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"].size(), 1u);
  EXPECT_EQ(Get(kTrainedModels, "cifar10")["status"]["copies"]["readyCopies"], 1);
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
  launcher_.MakeReady("default", a, 9002);
  Settle();
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"].size(), 1u)
      << "it listens, and holds nothing yet";
  Report(a, Json::array({Copy("cifar10", "Loaded", true)}), true);
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"].size(), 2u);
}

TEST_F(ControllersTest, AReplicaWhoseAgentEndedGoesOnAnswering) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  launcher_.CrashAgent("default", pod, "killed by signal 9");
  Settle();
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"].size(), 1u);
  EXPECT_EQ(ServiceCondition("Ready"), "True");
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
  const Json status = Get(kPods, pod)["status"];
  for (const Json& container : status["containerStatuses"]) {
    const bool is_agent = container["name"] == "agent";
    EXPECT_EQ(container["ready"], !is_agent);
    EXPECT_EQ(TextAt(container, {"state", "waiting", "message"}),
              is_agent ? "agent: killed by signal 9" : "");
  }
}

TEST_F(ControllersTest, AnAgentThatNeverStartsIsNamed) {
  CreateService();
  const std::string pod = Pods()[0];
  launcher_.MakeReady("default", pod, 9000);
  launcher_.CrashAgent("default", pod, "exit status 2");
  Settle();
  EXPECT_EQ(ServiceCondition("PredictorReady"), "False ReplicaFailed");
  EXPECT_TRUE(Told("ReplicaFailed: agent: exit status 2"));
}

TEST_F(ControllersTest, AnAssignmentWhoseWithdrawalFailsIsWithdrawnLater) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  objects_->fail = [](std::string_view verb, std::string_view resource) {
    return verb == "delete" && resource == kModelAssignments
               ? ResourceExhaustedError("too many writes wait")
               : OkStatus();
  };
  Delete(kTrainedModels, "cifar10");
  EXPECT_FALSE(Get(kModelAssignments, pod + ".cifar10").is_null());
  objects_->fail = nullptr;
  executor_.Advance(40s);
  EXPECT_TRUE(Get(kModelAssignments, pod + ".cifar10").is_null());
  EXPECT_TRUE(Get(kTrainedModels, "cifar10").is_null());
}

TEST_F(ControllersTest, ADeletedModelGoesWhenItsCopiesAreGone) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  Json gone = Copy("cifar10", "Gone", false);
  Delete(kTrainedModels, "cifar10");
  EXPECT_FALSE(Get(kTrainedModels, "cifar10").is_null()) << "it is still loaded";
  EXPECT_TRUE(Get(kModelAssignments, pod + ".cifar10").is_null());
  Report(pod, Json::array({gone}));
  EXPECT_TRUE(Get(kTrainedModels, "cifar10").is_null());
}

TEST_F(ControllersTest, ASilentReplicaDoesNotKeepADeletedModelForEver) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  Delete(kTrainedModels, "cifar10");
  executor_.Advance(32s);
  EXPECT_TRUE(Get(kTrainedModels, "cifar10").is_null());
}

TEST_F(ControllersTest, DeletingAnInferenceServiceEndsItsReplicasAndModels) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  Delete(kInferenceServices, "mms");
  executor_.Advance(40s);
  EXPECT_TRUE(Get(kInferenceServices, "mms").is_null());
  EXPECT_TRUE(Get(kTrainedModels, "cifar10").is_null());
  EXPECT_TRUE(Pods().empty());
  EXPECT_TRUE(launcher_.List().empty());
  EXPECT_TRUE(Get(kGatewayRoutes, "mms").is_null());
}

TEST_F(ControllersTest, ARestartOfTheControllersChangesNothingThatWasSaid) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  const std::string model = Get(kTrainedModels, "cifar10").dump();
  const std::string service = Get(kInferenceServices, "mms").dump();
  RestartControllers();
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"][0]["pod"], pod)
      << "what answered goes on, before its agent has said anything";
  EXPECT_EQ(Get(kTrainedModels, "cifar10").dump(), model);
  EXPECT_EQ(Get(kInferenceServices, "mms").dump(), service);
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}), true);
  EXPECT_EQ(Get(kTrainedModels, "cifar10").dump(), model);
  EXPECT_EQ(Get(kInferenceServices, "mms").dump(), service);
}

TEST_F(ControllersTest, ARestartWithManyServicesChangesNothingThatWasSaid) {
  // More than the queue works on at once: the model is looked at before the last service is.
  for (int i = 0; i < 66; ++i) {
    Create(kInferenceServices, ("apiVersion: serving.kubeflow.org/v1beta1\n"
                                "kind: InferenceService\nmetadata: {name: a" +
                                std::to_string(100 + i) + "}\nspec: {predictor: {triton: {}}}\n")
                                   .c_str());
  }
  CreateService();
  const std::string pod = Pods().back();
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  ASSERT_EQ(ModelCondition("cifar10", "Ready"), "True");
  events_.clear();
  RestartControllers();
  EXPECT_FALSE(Told("NotReady"));
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
}

TEST_F(ControllersTest, AfterARestartADeletedModelIsKeptUntilItsReplicaHasSpoken) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  Json copy = Copy("cifar10", "Unloading", true);
  Delete(kTrainedModels, "cifar10");
  RestartControllers();
  executor_.Advance(2s);
  EXPECT_FALSE(Get(kTrainedModels, "cifar10").is_null()) << "it may still be loaded";
  Report(pod, Json::array({copy}), true);
  executor_.Advance(2s);
  EXPECT_FALSE(Get(kTrainedModels, "cifar10").is_null()) << "it is still loaded";
  copy["state"] = "Gone";
  Report(pod, Json::array({copy}));
  EXPECT_TRUE(Get(kTrainedModels, "cifar10").is_null());
}

TEST_F(ControllersTest, WhoTakesTheRevisionAwayChangesNothing) {
  CreateService();
  MakeReady(Pods()[0]);
  const auto set_verbosity = [this](const char* level) {
    Edit(kInferenceServices, "mms", [level](Json& object) {
      object["metadata"].erase("annotations");
      object["spec"]["predictor"]["triton"]["args"] = {std::string("--log-verbose=") + level};
    });
  };
  set_verbosity("2");
  const std::string first = Pods()[0];
  const std::string second = Pods()[1];
  EXPECT_EQ(second.find("mms-predictor-default-00002-"), 0u) << second;
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"][0]["pod"], first);
  MakeReady(second, 9001);
  EXPECT_EQ(Pods(), std::vector<std::string>{second});
  set_verbosity("2");
  EXPECT_EQ(Pods(), std::vector<std::string>{second}) << "it runs what is asked for";
  set_verbosity("3");
  ASSERT_EQ(Pods().size(), 2u);
  EXPECT_EQ(Pods()[1].find("mms-predictor-default-00003-"), 0u);
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"][0]["pod"], second)
      << "the old one answers until the new one can";
}

TEST_F(ControllersTest, ANameThatIsTooLongForItsRevisionsIsTold) {
  const auto make = [this](size_t size) {
    const std::string name(size, 'a');
    Create(kInferenceServices, ("apiVersion: serving.kubeflow.org/v1beta1\n"
                                "kind: InferenceService\nmetadata: {name: " +
                                name + "}\nspec: {predictor: {triton: {}}}\n")
                                   .c_str());
    return Condition(kInferenceServices, name, "PredictorReady");
  };
  EXPECT_EQ(make(39), "False ReplicaStarting");
  EXPECT_EQ(make(40), "False InvalidName");
  EXPECT_EQ(Pods().size(), 1u);
}

TEST_F(ControllersTest, AStatusThatSomebodyEmptiedIsMadeAgain) {
  CreateService();
  MakeReady(Pods()[0]);
  for (const Json& status : {Json(), Json::object()}) {
    Json object = Get(kInferenceServices, "mms");
    object["status"] = status;
    registry_->Update(kInferenceServices, std::move(object), kube::Part::kStatus,
                      [](Result<Json>) {});
    Settle();
    EXPECT_EQ(ServiceCondition("Ready"), "True");
  }
}

TEST_F(ControllersTest, AChangeThatIsToldFirstAfterARestartSaysNothingOfTheOthers) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("a");
  CreateModel("b");
  const Json a = Copy("a", "Loaded", true);
  const Json b = Copy("b", "Loaded", true);
  Report(pod, Json::array({a, b}));
  RestartControllers();
  events_.clear();
  Report(pod, Json::array({a}));
  EXPECT_EQ(ModelCondition("b", "Ready"), "True");
  EXPECT_EQ(Get(kGatewayRoutes, "mms")["spec"]["replicas"].size(), 1u);
  Report(pod, Json::array({a, b}), true);
  EXPECT_EQ(ModelCondition("b", "Ready"), "True");
  EXPECT_FALSE(Told("NotReady"));
}

TEST_F(ControllersTest, AfterARestartASilentAgentIsNotBelievedForEver) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  RestartControllers();
  executor_.Advance(31s);
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "False Pending");
}

TEST_F(ControllersTest, AServerThatStartedAgainMeanwhileIsNotInTheRoute) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod, 9000);
  launcher_.MakeReady("default", pod, 9001);
  RestartControllers();
  EXPECT_TRUE(Get(kGatewayRoutes, "mms")["spec"]["replicas"].empty());
}

TEST_F(ControllersTest, AMovedModelIsMoved) {
  CreateService();
  MakeReady(Pods()[0]);
  CreateModel("cifar10");
  const std::string pod = Pods()[0];
  Create(kInferenceServices, R"(
apiVersion: serving.kubeflow.org/v1beta1
kind: InferenceService
metadata: {name: other}
spec: {predictor: {triton: {}}}
)");
  Edit(kTrainedModels, "cifar10",
       [](Json& object) { object["spec"]["inferenceService"] = "other"; });
  EXPECT_TRUE(Get(kModelAssignments, pod + ".cifar10").is_null());
  size_t assignments = registry_->List(kModelAssignments, "default").size();
  EXPECT_EQ(assignments, 1u);
  EXPECT_EQ(kube::OwnerReferencesOf(Get(kTrainedModels, "cifar10"))[0].name, "other");
}

TEST_F(ControllersTest, WhileANewerAddressFailsTheOldOneAnswersAndBothAreTold) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  Edit(kTrainedModels, "cifar10",
       [](Json& object) { object["spec"]["model"]["storageUri"] = "gs://bucket/broken"; });
  Json copy = Copy("cifar10", "Failed", true, 2);
  copy["downloaded"] = false;
  copy["serving"] = {{"generation", 1}, {"storageUri", "gs://bucket/cifar10"}};
  Report(pod, Json::array({copy}));
  EXPECT_EQ(ModelCondition("cifar10", "Ready"), "True");
  EXPECT_EQ(ModelCondition("cifar10", "Downloaded"), "False StorageUnavailable");
  const Json status = Get(kTrainedModels, "cifar10")["status"];
  EXPECT_EQ(status["servingStorageUri"], "gs://bucket/cifar10");
  EXPECT_EQ(status["modelStatus"]["transitionStatus"], "BlockedByFailedLoad");
  EXPECT_EQ(status["modelStatus"]["states"]["activeModelState"], "Loaded");
}

TEST_F(ControllersTest, AdmissionAnswersWithKServesWords) {
  CreateService();
  MakeReady(Pods()[0]);
  CreateModel("a");
  CreateModel("b");
  Json model = Get(kTrainedModels, "a");
  model["metadata"]["name"] = "c";
  EXPECT_EQ(controllers_->Admit(nullptr, model).message(),
            "Inference Service \"mms\" memory resources are not available. Trained Model \"c\" "
            "cannot deploy");
  model["spec"]["model"]["memory"] = "0";
  EXPECT_TRUE(controllers_->Admit(nullptr, model).ok());
  model["spec"]["model"]["framework"] = "mxnet";
  EXPECT_EQ(controllers_->Admit(nullptr, model).message(),
            "Inference Service \"mms\" does not support the Trained Model \"c\" framework "
            "\"mxnet\"");
  model["spec"]["model"]["storageUri"] = "ftp://host/c";
  EXPECT_NE(
      controllers_->Admit(nullptr, model)
          .message()
          .find("the Trained Model \"c\" storageUri field is invalid. The storage uri must start "
                "with one of the prefixes: s3://, gs://, https://, http://"),
      std::string::npos);
  const Json old = Get(kTrainedModels, "a");
  Json changed = old;
  changed["spec"]["model"]["memory"] = "2Gi";
  EXPECT_EQ(controllers_->Admit(&old, changed).message(),
            "the Trained Model \"a\" memory field is immutable. The memory was \"1Gi\" but it is "
            "updated to \"2Gi\"");
}

TEST_F(ControllersTest, ReportsOfUnknownReplicasAndBadOnesAreRefused) {
  EXPECT_EQ(controllers_->Report("default", "nobody", Json::object()).code(),
            StatusCode::kNotFound);
  CreateService();
  const std::string pod = Pods()[0];
  for (const char* body : {R"({})", R"({"models":1})", R"({"models":[{}]})",
                           R"({"models":[{"model":"a","state":"Dancing"}]})"}) {
    EXPECT_EQ(controllers_->Report("default", pod, Json::parse(body)).code(),
              StatusCode::kInvalidArgument)
        << body;
  }
}

TEST_F(ControllersTest, StatusesTellTheLineThatWorksHereOnceTheIngressIsKnown) {
  CreateService();
  const std::string pod = Pods()[0];
  MakeReady(pod);
  CreateModel("cifar10");
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}));
  EXPECT_EQ(TextAt(Get(kTrainedModels, "cifar10"), {"status", "curl"}), "");
  controllers_->SetIngress("127.0.0.1:40575");
  Settle();
  EXPECT_EQ(TextAt(Get(kInferenceServices, "mms"), {"status", "curl"}),
            "curl -H 'Host: mms.default.example.com' http://127.0.0.1:40575/v2/health/ready");
  EXPECT_EQ(TextAt(Get(kTrainedModels, "cifar10"), {"status", "curl"}),
            "curl -H 'Host: mms.default.example.com' http://127.0.0.1:40575/v2/models/cifar10");
  // Until the next life knows it, what was said stays, and nothing is written.
  const std::string version = kube::ResourceVersionOf(Get(kTrainedModels, "cifar10"));
  RestartControllers();
  Report(pod, Json::array({Copy("cifar10", "Loaded", true)}), true);
  EXPECT_EQ(kube::ResourceVersionOf(Get(kTrainedModels, "cifar10")), version);
  controllers_->SetIngress("127.0.0.1:40575");
  Settle();
  EXPECT_EQ(kube::ResourceVersionOf(Get(kTrainedModels, "cifar10")), version);
}

TEST_F(ControllersTest, MaxReplicasWithoutEffectIsToldOnce) {
  CreateService("    minReplicas: 1\n    maxReplicas: 4");
  MakeReady(Pods()[0]);
  EXPECT_EQ(ServiceCondition("ScalingActive"), "False AutoscalingUnavailable");
  EXPECT_EQ(ServiceCondition("Ready"), "True");
  EXPECT_EQ(
      std::count_if(events_.begin(), events_.end(),
                    [](const std::string& event) {
                      return event.find("Warning mms AutoscalingUnavailable: maxReplicas 4") == 0;
                    }),
      1);
  Edit(kInferenceServices, "mms",
       [](Json& object) { object["spec"]["predictor"]["maxReplicas"] = 1; });
  EXPECT_EQ(ServiceCondition("ScalingActive"), "");
}

TEST_F(ControllersTest, AModelThatIsCreatedTwiceIsNotCountedTwice) {
  CreateService();
  CreateModel("a", "memory: 2Gi");
  const Json a = Get(kTrainedModels, "a");
  EXPECT_TRUE(controllers_->Admit(nullptr, a).ok()) << "the API says that it exists";
  Json b = a;
  b["metadata"]["name"] = "b";
  EXPECT_EQ(controllers_->Admit(nullptr, b).code(), StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace throng::reconcilers
