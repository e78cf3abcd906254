// Jobs over the real registry, on fake time, with runs that a test ends.
#include <fstream>
#include <sstream>

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
#include "reconcilers/controllers.h"
#include "store/memory_store.h"

namespace throng::reconcilers {
namespace {

using namespace std::chrono_literals;
using kube::Json;
using kube::TextAt;

class JobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kube::server::Bootstrap(*registry_, [](Status status) { EXPECT_TRUE(status.ok()); });
    Settle();
    garbage_ = std::make_unique<kube::server::GarbageCollector>(executor_, *registry_);
    garbage_->Start();
    Open();
  }
  // Also again, as after a restart.
  void Open() {
    controllers_ = std::make_unique<Controllers>(
        executor_, random_, objects_, launcher_, jobs_, logger_,
        [this](const Json& object, bool warning, std::string_view reason,
               std::string_view message) {
          events_.push_back((warning ? "Warning " : "Normal ") + kube::NameOf(object) + " " +
                            std::string(reason) + ": " + std::string(message));
        },
        ServiceOptions{});
    Settle();
  }
  void Pass(Duration duration) {
    executor_.Advance(duration);
    jobs_.now = executor_.clock().WallNow();
  }
  void Settle() { Pass(100ms); }

  // A job of the walk-through's shape; `edit` changes it before it is created.
  template <typename Edit>
  void CreateJob(Edit edit) {
    Json job = *kube::ParseYaml(R"(
apiVersion: batch/v1
kind: Job
metadata: {name: load-test, namespace: default}
spec:
  backoffLimit: 1
  parallelism: 1
  template:
    metadata: {annotations: {sidecar.istio.io/inject: "false"}}
    spec:
      restartPolicy: OnFailure
      containers:
        - name: vegeta
          image: peterevans/vegeta:latest
          command: [sh, -c]
          args: ["vegeta attack -duration=60s -rate=10/1s -targets=/var/vegeta/cfg | vegeta report"]
          volumeMounts: [{mountPath: /var/vegeta, name: vegeta-cfg}]
      volumes: [{name: vegeta-cfg, configMap: {name: vegeta-cfg}}]
)");
    edit(job);
    Create(kJobs, std::move(job));
  }
  void CreateJob() {
    CreateJob([](Json&) {});
  }
  static Json& ContainerOf(Json& job) { return job["spec"]["template"]["spec"]["containers"][0]; }
  void CreateConfigMap(const std::string& target = "http://mms.default/v2") {
    Create(kConfigMaps,
           {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", "vegeta-cfg"}, {"namespace", "default"}}},
            {"data", {{"cfg", "POST " + target + "\n@/var/vegeta/payload\n"}, {"payload", "{}"}}}});
  }
  void Create(std::string_view resource, Json object) {
    registry_->Create(resource, std::move(object), [](Result<Json> result) {
      EXPECT_TRUE(result.ok()) << result.status().ToString();
    });
    Settle();
  }
  void Delete(std::string_view resource, const std::string& name) {
    registry_->Delete(resource, "default", name, kube::Propagation::kBackground,
                      [](Result<Json>) {});
    Settle();
  }
  Json Job() {
    auto job = registry_->Get(kJobs, "default", "load-test");
    return job.ok() ? *job : Json();
  }
  std::vector<Json> Pods() { return registry_->List(kPods, "default"); }
  std::string Pod(size_t index = 0) {
    return Pods().size() > index ? kube::NameOf(Pods()[index]) : "";
  }
  void End(const std::string& pod, int exit_status, const std::string& message = "") {
    jobs_.End("default", pod, exit_status, message);
    Settle();
  }
  // "Failed UnsupportedJob: message"; empty: it goes on.
  std::string EndOfJob() {
    for (const Json& condition : Job()["status"].value("conditions", Json::array())) {
      const std::string type = TextAt(condition, {"type"});
      if (type != "Complete" && type != "Failed") continue;
      EXPECT_EQ(condition["status"], "True");
      return type + " " + TextAt(condition, {"reason"}) + ": " + TextAt(condition, {"message"});
    }
    return "";
  }
  bool Told(const std::string& part) {
    return std::any_of(events_.begin(), events_.end(), [&part](const std::string& event) {
      return event.find(part) != std::string::npos;
    });
  }

  throng::testing::SimulatedExecutor executor_;
  SeededRandom random_{7};
  store::MemoryStore durable_{executor_};
  store::MemoryStore derived_{executor_, 1'000'000};
  std::unique_ptr<kube::server::Registry> registry_ =
      std::make_unique<kube::server::Registry>(executor_, random_, durable_, derived_);
  kube::testing::FailingObjects objects_{executor_, *registry_};
  std::unique_ptr<kube::server::GarbageCollector> garbage_;
  launcher::testing::FakeLauncher launcher_;
  launcher::testing::FakeJobLauncher jobs_;
  Logger logger_{{}, executor_.clock(), [](std::string_view) {}};
  std::vector<std::string> events_;
  std::unique_ptr<Controllers> controllers_;
};

TEST_F(JobsTest, AJobRunsItsPodToItsEnd) {
  CreateConfigMap();
  CreateJob();
  ASSERT_EQ(Pods().size(), 1u);
  const Json pod = Pods()[0];
  EXPECT_EQ(Pod().find("load-test-"), 0u);
  EXPECT_EQ(Pod().size(), std::string("load-test-").size() + 5);
  EXPECT_EQ(kube::LabelOf(pod, "job-name"), "load-test");
  EXPECT_EQ(kube::LabelOf(pod, "batch.kubernetes.io/job-name"), "load-test");
  EXPECT_EQ(kube::LabelOf(pod, "controller-uid"), kube::UidOf(Job()));
  EXPECT_EQ(kube::AnnotationOf(pod, "sidecar.istio.io/inject"), "false");
  EXPECT_EQ(kube::ControllerOf(pod).uid, kube::UidOf(Job()));
  EXPECT_EQ(pod["spec"]["containers"][0]["image"], "peterevans/vegeta:latest");
  EXPECT_EQ(pod["status"]["phase"], "Running");
  EXPECT_TRUE(IsConditionTrue(pod, "Ready"));
  EXPECT_EQ(Job()["status"]["active"], 1);
  EXPECT_EQ(Job()["status"]["ready"], 1);
  EXPECT_EQ(EndOfJob(), "");
  EXPECT_TRUE(Told("Normal load-test SuccessfulCreate: Created pod: " + Pod()));

  const auto run = attack::ParseAttackJob(jobs_.spec("default", Pod()).document);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->plan.rate.count, 10u);
  EXPECT_EQ(run->files.at("/var/vegeta/payload"), "{}");
  EXPECT_EQ(jobs_.spec("default", Pod()).container, "vegeta");

  Pass(60s);
  End(Pod(), 0);
  const Json ended = Pods()[0]["status"];
  EXPECT_EQ(ended["phase"], "Succeeded");
  EXPECT_EQ(ended["containerStatuses"][0]["state"]["terminated"]["exitCode"], 0);
  EXPECT_EQ(ended["containerStatuses"][0]["state"]["terminated"]["reason"], "Completed");
  const Json status = Job()["status"];
  EXPECT_EQ(status["succeeded"], 1);
  EXPECT_EQ(status["ready"], 0);
  EXPECT_FALSE(status.contains("active"));
  EXPECT_FALSE(status.contains("failed"));
  EXPECT_TRUE(status.contains("startTime"));
  EXPECT_TRUE(status.contains("completionTime"));
  EXPECT_TRUE(IsConditionTrue(Job(), "SuccessCriteriaMet"));
  EXPECT_EQ(EndOfJob(), "Complete CompletionsReached: Reached expected number of succeeded pods");
  EXPECT_TRUE(Told("Normal load-test Completed: Job completed"));
  EXPECT_EQ(jobs_.stop_count, 0) << "its log stays";
  const std::string version = kube::ResourceVersionOf(Job());
  Pass(1h);
  Open();
  EXPECT_EQ(kube::ResourceVersionOf(Job()), version);
  EXPECT_EQ(Pods().size(), 1u);
}

TEST_F(JobsTest, APodThatCouldNotBeMadeIsNotSaidToBe) {
  objects_.fail = [](std::string_view verb, std::string_view resource) {
    return verb == "create" && resource == kPods ? UnavailableError("the disk is full")
                                                 : OkStatus();
  };
  CreateConfigMap();
  CreateJob();
  EXPECT_FALSE(Told("SuccessfulCreate"));
  objects_.fail = nullptr;
  Pass(60s);
  EXPECT_EQ(std::count_if(events_.begin(), events_.end(),
                          [](const std::string& event) {
                            return event.find("SuccessfulCreate") != std::string::npos;
                          }),
            1);
}

TEST_F(JobsTest, TheFileOfTheWalkThroughIsARun) {
  std::ifstream file(THRONG_SOURCE_DIR "/examples/walkthrough/perf.yaml");
  std::ostringstream text;
  text << file.rdbuf();
  const auto documents = kube::ParseYamlDocuments(text.str());
  ASSERT_TRUE(documents.ok()) << documents.status().ToString();
  ASSERT_EQ(documents->size(), 2u);
  for (Json object : *documents) {
    object["metadata"]["namespace"] = "default";
    const bool is_job = object["kind"] == "Job";
    if (is_job) object["metadata"]["name"] = "load-test";
    Create(is_job ? kJobs : kConfigMaps, std::move(object));
  }
  ASSERT_EQ(jobs_.List().size(), 1u) << EndOfJob();
  const auto run = attack::ParseAttackJob(jobs_.spec("default", Pod()).document);
  ASSERT_TRUE(run.ok());
  const auto targets = attack::TargetsOf(run->plan.targets_path, run->files);
  ASSERT_TRUE(targets.ok()) << targets.status().ToString();
  EXPECT_EQ((*targets)[0].url,
            "http://triton-mms.default.svc.cluster.local/v2/models/cifar10/infer");
  EXPECT_GT((*targets)[0].body->size(), 50'000u);
}

TEST_F(JobsTest, TheConfigMapMayComeLater) {
  CreateJob();
  ASSERT_EQ(Pods().size(), 1u);
  EXPECT_EQ(Pods()[0]["status"]["phase"], "Pending");
  EXPECT_EQ(Pods()[0]["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
            "ContainerCreating");
  const std::string message =
      "FailedMount: MountVolume.SetUp failed for volume \"vegeta-cfg\" : configmap "
      "\"vegeta-cfg\" not found";
  EXPECT_TRUE(Told("Warning " + Pod() + " " + message));
  EXPECT_TRUE(Told("Warning load-test " + message));
  EXPECT_EQ(EndOfJob(), "");
  EXPECT_EQ(Job()["status"]["ready"], 0);
  const size_t told = events_.size();
  Pass(1min);
  Open();
  EXPECT_EQ(events_.size(), told) << "said once";
  CreateConfigMap();
  EXPECT_EQ(Pods().size(), 1u);
  EXPECT_EQ(Pods()[0]["status"]["phase"], "Running");
  End(Pod(), 0);
  EXPECT_EQ(EndOfJob().find("Complete"), 0u);
}

TEST_F(JobsTest, WhatIsNoAttackIsRefusedByName) {
  const auto args = [](const char* text) {
    return [text](Json& job) { ContainerOf(job)["args"] = {text}; };
  };
  const std::vector<std::pair<std::function<void(Json&)>, std::string>> cases = {
      {args("curl http://a"), "'curl' is not supported, only vegeta is"},
      {args("vegeta attack -body=x | vegeta report"), "flag '-body' is not supported"},
      {args("vegeta attack -duration=1s -targets=/t | tee x"), "'tee' is not supported"},
      {args("vegeta attack; reboot"), "the shell's ';' is not supported"},
      {args("vegeta attack -duration=2h -targets=/t | vegeta report"), "at most 1h"},
      {[](Json& job) { job["spec"]["parallelism"] = 2; }, "spec.parallelism: only 1"},
      {[](Json& job) { job["spec"]["completions"] = 5; }, "spec.completions: only 1"},
      {[](Json& job) { job["spec"]["suspend"] = true; }, "spec.suspend"},
      {[](Json& job) { job["spec"]["completionMode"] = "Indexed"; }, "spec.completionMode"},
      {[](Json& job) {
         Json& containers = job["spec"]["template"]["spec"]["containers"];
         containers.push_back({{"name", "other"}, {"image", "other"}});
       },
       "only one container is supported"},
      {[](Json& job) { ContainerOf(job)["volumeMounts"][0]["name"] = "other"; },
       "there is no volume 'other'"},
      {[](Json& job) {
         job["spec"]["template"]["spec"]["volumes"] =
             Json::array({{{"name", "vegeta-cfg"}, {"hostPath", {{"path", "/etc"}}}}});
       },
       "volume 'vegeta-cfg': only configMap is supported"}};
  for (const auto& [edit, expected] : cases) {
    CreateJob(edit);
    EXPECT_EQ(EndOfJob().find("Failed UnsupportedJob: "), 0u) << EndOfJob();
    EXPECT_NE(EndOfJob().find(expected), std::string::npos) << EndOfJob();
    EXPECT_TRUE(Told("Warning load-test UnsupportedJob: "));
    EXPECT_TRUE(IsConditionTrue(Job(), "FailureTarget"));
    EXPECT_TRUE(Pods().empty());
    Delete(kJobs, "load-test");
    ASSERT_TRUE(Job().is_null());
  }
  EXPECT_TRUE(jobs_.List().empty()) << "nothing was ever started";
}

TEST_F(JobsTest, BadTargetsAreToldWhenTheyAreThere) {
  CreateJob();
  ASSERT_EQ(Pods().size(), 1u);
  CreateConfigMap("ftp://host/");
  EXPECT_EQ(EndOfJob(),
            "Failed UnsupportedJob: targets, line 1: the URL must begin with http:// and hold no "
            "blanks");
  EXPECT_TRUE(Pods().empty());
}

TEST_F(JobsTest, FilesThatAreNotMountedAreNotThere) {
  CreateConfigMap();
  CreateJob([](Json& job) {
    ContainerOf(job)["args"] = {"vegeta attack -duration=1s -targets=/etc/passwd | vegeta report"};
  });
  EXPECT_NE(EndOfJob().find("file '/etc/passwd' is in no ConfigMap"), std::string::npos);
}

TEST_F(JobsTest, AFailedPodIsFollowedByAnotherUpToTheLimit) {
  CreateConfigMap();
  CreateJob();
  const std::string first = Pod();
  End(first, 1, "exit status 1");
  EXPECT_EQ(Job()["status"]["failed"], 1);
  EXPECT_EQ(EndOfJob(), "");
  EXPECT_EQ(Pods().size(), 1u) << "not at once";
  EXPECT_EQ(Pods()[0]["status"]["phase"], "Failed");
  EXPECT_EQ(Pods()[0]["status"]["containerStatuses"][0]["state"]["terminated"]["message"],
            "exit status 1");
  Pass(11s);
  ASSERT_EQ(Pods().size(), 2u);
  const std::string second = Pod(0) == first ? Pod(1) : Pod(0);
  EXPECT_EQ(Job()["status"]["active"], 1);
  End(second, -1, "killed by signal 9");
  EXPECT_EQ(Job()["status"]["failed"], 2);
  EXPECT_EQ(EndOfJob(), "Failed BackoffLimitExceeded: Job has reached the specified backoff limit");
  Pass(1h);
  EXPECT_EQ(Pods().size(), 2u);
}

TEST_F(JobsTest, ADeletedJobEndsItsRun) {
  CreateConfigMap();
  CreateJob();
  ASSERT_EQ(jobs_.List().size(), 1u);
  Delete(kJobs, "load-test");
  Pass(1min);
  EXPECT_TRUE(Job().is_null());
  EXPECT_TRUE(Pods().empty());
  EXPECT_TRUE(jobs_.List().empty());
  EXPECT_EQ(jobs_.stop_count, 1);
}

TEST_F(JobsTest, ADeletedPodIsReplaced) {
  CreateConfigMap();
  CreateJob();
  const std::string first = Pod();
  Delete(kPods, first);
  Pass(1min);
  ASSERT_EQ(Pods().size(), 1u);
  EXPECT_NE(Pod(), first);
  ASSERT_EQ(jobs_.List().size(), 1u);
  EXPECT_EQ(jobs_.List()[0].pod, Pod());
}

TEST_F(JobsTest, ARestartedControlPlaneGoesOn) {
  CreateConfigMap();
  CreateJob();
  controllers_.reset();
  Open();
  EXPECT_EQ(Pods().size(), 1u);
  EXPECT_EQ(jobs_.List().size(), 1u);
  End(Pod(), 0);
  EXPECT_EQ(EndOfJob().find("Complete"), 0u);
}

TEST_F(JobsTest, ARunThatIsLostHasFailed) {
  CreateConfigMap();
  CreateJob();
  controllers_.reset();
  jobs_.Lose("default", Pod());
  Open();
  EXPECT_EQ(Pods()[0]["status"]["phase"], "Failed");
  Pass(11s);
  EXPECT_EQ(Pods().size(), 2u);
  EXPECT_EQ(jobs_.List().size(), 1u);
}

TEST_F(JobsTest, AStartThatIsRefusedIsTriedAgain) {
  CreateConfigMap();
  jobs_.start_status = UnavailableError("the gateway is not there yet");
  CreateJob();
  EXPECT_EQ(Pods()[0]["status"]["phase"], "Pending");
  EXPECT_EQ(Pods()[0]["status"]["containerStatuses"][0]["state"]["waiting"]["message"],
            "the gateway is not there yet");
  jobs_.start_status = OkStatus();
  Pass(1min);
  EXPECT_EQ(Pods()[0]["status"]["phase"], "Running");
}

TEST_F(JobsTest, AJobThatIsActiveForTooLongHasFailed) {
  CreateConfigMap();
  CreateJob([](Json& job) { job["spec"]["activeDeadlineSeconds"] = 30; });
  Pass(29s);
  EXPECT_EQ(EndOfJob(), "");
  Pass(2s);
  EXPECT_EQ(EndOfJob(), "Failed DeadlineExceeded: Job was active longer than specified deadline");
  Pass(1min);
  EXPECT_TRUE(Pods().empty());
  EXPECT_TRUE(jobs_.List().empty());
}

TEST_F(JobsTest, AnEndedJobIsRemovedWhenItsTimeIsOver) {
  CreateConfigMap();
  CreateJob([](Json& job) { job["spec"]["ttlSecondsAfterFinished"] = 60; });
  End(Pod(), 0);
  Pass(58s);
  EXPECT_FALSE(Job().is_null());
  Pass(4s);
  EXPECT_TRUE(Job().is_null());
  Pass(1min);
  EXPECT_TRUE(Pods().empty());
  EXPECT_TRUE(jobs_.List().empty());
}

TEST_F(JobsTest, FilesOfConfigMapsAreWhereTheyAreMounted) {
  Create(kConfigMaps, {{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", {{"name", "vegeta-cfg"}, {"namespace", "default"}}},
                       {"data", {{"a", "GET http://mms.default/\n@/body/bin"}, {"b", "unused"}}},
                       {"binaryData", {{"bin", "AP+A"}}}});
  CreateJob([](Json& job) {
    ContainerOf(job)["args"] = {"vegeta attack -duration=1s -targets=/one | vegeta report"};
    ContainerOf(job)["volumeMounts"] =
        Json::array({{{"name", "items"}, {"mountPath", "/one"}, {"subPath", "deep/cfg"}},
                     {{"name", "all"}, {"mountPath", "/body/"}},
                     {{"name", "missing"}, {"mountPath", "/none"}},
                     {{"name", "empty"}, {"mountPath", "/tmp"}}});
    job["spec"]["template"]["spec"]["volumes"] =
        Json::array({{{"name", "items"},
                      {"configMap",
                       {{"name", "vegeta-cfg"},
                        {"items", Json::array({{{"key", "a"}, {"path", "deep/cfg"}}})}}}},
                     {{"name", "all"}, {"configMap", {{"name", "vegeta-cfg"}}}},
                     {{"name", "missing"}, {"configMap", {{"name", "other"}, {"optional", true}}}},
                     {{"name", "empty"}, {"emptyDir", Json::object()}}});
  });
  ASSERT_EQ(jobs_.List().size(), 1u) << EndOfJob();
  const auto run = attack::ParseAttackJob(jobs_.spec("default", Pod()).document);
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->files.size(), 4u);
  EXPECT_TRUE(run->files.contains("/one"));
  EXPECT_EQ(run->files.at("/body/bin"), std::string("\0\xFF\x80", 3));
  EXPECT_EQ(run->files.at("/body/b"), "unused");
}

}  // namespace
}  // namespace throng::reconcilers
