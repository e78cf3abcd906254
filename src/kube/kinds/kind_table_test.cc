#include "kube/kinds/kind_table.h"

#include <set>

#include <gtest/gtest.h>

#include "kube/kinds/human_time.h"

namespace throng::kube {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

WallTime At(std::string_view text) { return ParseTimestamp(text).value(); }

std::vector<Json> Row(const Kind& kind, const Json& object, WallTime now, bool wide = false) {
  std::vector<Json> cells;
  for (const Column& column : kind.columns) {
    if (wide || column.priority == 0) cells.push_back(PrintCell(column, object, now));
  }
  return cells;
}

std::string Names(const Kind& kind, bool wide) {
  std::string text;
  for (const Column& column : kind.columns) {
    if (!wide && column.priority > 0) continue;
    text += (text.empty() ? "" : "|") + column.name;
  }
  return text;
}

TEST(KindTable, FindsByResourceKindAndStorage) {
  const Kind* const kubeflow = FindResource("serving.kubeflow.org", "v1alpha1", "trainedmodels");
  const Kind* const kserve = FindResource("serving.kserve.io", "v1alpha1", "trainedmodels");
  ASSERT_NE(kubeflow, nullptr);
  ASSERT_NE(kserve, nullptr);
  EXPECT_EQ(kubeflow->storage_resource, "trainedmodels.serving.kubeflow.org");
  EXPECT_EQ(kserve->storage_resource, kubeflow->storage_resource);
  EXPECT_EQ(FindStorageResource("trainedmodels.serving.kubeflow.org"), kubeflow);
  EXPECT_EQ(FindKind("serving.kserve.io/v1alpha1", "TrainedModel"), kserve);
  EXPECT_EQ(FindKind("v1", "Pod"), FindResource("", "v1", "pods"));
  EXPECT_EQ(FindStorageResource("jobs.batch")->api_version(), "batch/v1");
  EXPECT_EQ(FindResource("", "v1", "nodes"), nullptr);
  EXPECT_EQ(FindResource("serving.kubeflow.org", "v1beta1", "trainedmodels"), nullptr);
  EXPECT_EQ(FindKind("v1", "pod"), nullptr);
  EXPECT_EQ(FindStorageResource(""), nullptr);
}

TEST(KindTable, NamesAreUniqueAndShortNamesOnlyInOneGroup) {
  std::set<std::string> resources;
  std::set<std::string> short_names;
  for (const Kind& kind : AllKinds()) {
    EXPECT_TRUE(resources.insert(kind.api_version() + "/" + kind.resource).second) << kind.resource;
    for (const std::string& name : kind.short_names) {
      EXPECT_TRUE(short_names.insert(name).second) << name;
    }
    for (const Column& column : kind.columns) EXPECT_NE(column.cell, nullptr) << column.name;
  }
  EXPECT_EQ(FindResource("serving.kubeflow.org", "v1beta1", "inferenceservices")->short_names,
            std::vector<std::string>{"isvc"});
}

TEST(KindTable, ColumnsAreThoseOfKubernetes133) {
  const auto columns = [](std::string_view group, std::string_view version,
                          std::string_view resource, bool wide) {
    return Names(*FindResource(group, version, resource), wide);
  };
  EXPECT_EQ(columns("", "v1", "pods", true),
            "Name|Ready|Status|Restarts|Age|IP|Node|Nominated Node|Readiness Gates");
  EXPECT_EQ(columns("", "v1", "events", false), "Last Seen|Type|Reason|Object|Message");
  EXPECT_EQ(columns("", "v1", "events", true),
            "Last Seen|Type|Reason|Object|Subobject|Source|Message|First Seen|Count|Name");
  EXPECT_EQ(columns("", "v1", "services", true),
            "Name|Type|Cluster-IP|External-IP|Port(s)|Age|Selector");
  EXPECT_EQ(columns("batch", "v1", "jobs", true),
            "Name|Status|Completions|Duration|Age|Containers|Images|Selector");
  EXPECT_EQ(columns("serving.kubeflow.org", "v1beta1", "inferenceservices", true),
            "Name|URL|Ready|Prev|Latest|PrevRolledoutRevision|LatestReadyRevision|Age");
  EXPECT_EQ(columns("serving.kubeflow.org", "v1alpha1", "trainedmodels", true),
            "Name|URL|Ready|Age");
}

TEST(KindTable, InferenceServiceRow) {
  const Json object = Json::parse(R"({
    "metadata": {"name": "triton-mms", "creationTimestamp": "2021-05-22T01:00:00Z"},
    "status": {
      "url": "http://triton-mms.default.example.com",
      "conditions": [{"type": "PredictorReady", "status": "False"},
                     {"type": "Ready", "status": "True"}],
      "components": {"predictor": {"traffic": [
        {"latestRevision": true, "percent": 100, "revisionName": "r-00001"}]}}}})");
  const Kind& kind = *FindKind("serving.kubeflow.org/v1beta1", "InferenceService");
  EXPECT_EQ(Row(kind, object, At("2021-05-23T00:30:00Z")),
            (std::vector<Json>{"triton-mms", "http://triton-mms.default.example.com", "True",
                               nullptr, 100, nullptr, "r-00001", "23h"}));
  // Nothing of it is there.
  EXPECT_EQ(
      Row(kind, Json{{"metadata", {{"name", "x"}}}}, At("2021-05-23T00:30:00Z")),
      (std::vector<Json>{"x", nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr}));
  // Of other types than they should be.
  const Json odd = Json::parse(R"({"metadata": {"name": 3, "creationTimestamp": "soon"},
      "status": {"url": 1, "conditions": {"Ready": true},
                 "components": {"predictor": {"traffic": [7, {"latestRevision": true,
                   "percent": "many", "revisionName": 1}]}}}})");
  EXPECT_EQ(
      Row(kind, odd, At("2021-05-23T00:30:00Z")),
      (std::vector<Json>{"", nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, "<invalid>"}));
}

TEST(KindTable, PodRow) {
  Json pod = Json::parse(R"({
    "metadata": {"name": "p", "creationTimestamp": "2021-05-22T01:00:00Z"},
    "spec": {"nodeName": "local", "containers": [{"name": "a"}, {"name": "b"}]},
    "status": {"phase": "Running", "podIPs": [{"ip": "127.0.0.1"}], "containerStatuses": [
      {"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}},
      {"name": "b", "ready": false, "restartCount": 3,
       "state": {"waiting": {"reason": "CrashLoopBackOff"}},
       "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2021-05-22T01:55:00Z"}}}]}})");
  const Kind& kind = *FindKind("v1", "Pod");
  const WallTime now = At("2021-05-22T02:00:00Z");
  EXPECT_EQ(Row(kind, pod, now, true),
            (std::vector<Json>{"p", "1/2", "CrashLoopBackOff", "3 (5m ago)", "60m", "127.0.0.1",
                               "local", "<none>", "<none>"}));
  EXPECT_TRUE(kind.row_conditions(pod).is_null());
  pod["metadata"]["deletionTimestamp"] = "2021-05-22T02:00:00Z";
  EXPECT_EQ(Row(kind, pod, now)[2], "Terminating");
  pod["metadata"].erase("deletionTimestamp");
  pod["status"]["containerStatuses"] = Json::parse(R"([
      {"name": "a", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
      {"name": "b", "state": {"terminated": {"exitCode": 2}}}])");
  EXPECT_EQ(Row(kind, pod, now)[2], "Completed");
  pod["status"]["containerStatuses"].erase(0);
  EXPECT_EQ(Row(kind, pod, now)[2], "ExitCode:2");
  pod["status"] = Json{{"phase", "Succeeded"}};
  EXPECT_EQ(Row(kind, pod, now)[1], "0/2");
  EXPECT_EQ(kind.row_conditions(pod)[0]["reason"], "Succeeded");
}

TEST(KindTable, PodThatInitialises) {
  const Json pod = Json::parse(R"({
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "a"}],
             "initContainers": [{"name": "i"}, {"name": "j"},
                                {"name": "s", "restartPolicy": "Always"}]},
    "status": {"phase": "Pending", "initContainerStatuses": [
      {"name": "i", "restartCount": 1, "state": {"terminated": {"exitCode": 0}}},
      {"name": "j", "state": {"running": {}}}, {"name": "s"}]}})");
  const std::vector<Json> row = Row(*FindKind("v1", "Pod"), pod, At("2021-05-22T02:00:00Z"));
  EXPECT_EQ(row, (std::vector<Json>{"p", "0/2", "Init:1/3", "1", "<unknown>"}));
}

TEST(KindTable, EventAndJobAndServiceRows) {
  const WallTime now = At("2021-05-22T02:00:00Z");
  const Json event = Json::parse(R"({
    "metadata": {"name": "e.1"}, "type": "Normal", "reason": "Loaded", "message": " it is there\n",
    "involvedObject": {"kind": "TrainedModel", "name": "cifar10"},
    "firstTimestamp": "2021-05-22T01:58:00Z", "lastTimestamp": "2021-05-22T01:59:58Z", "count": 4,
    "source": {"component": "controller", "host": "here"}})");
  EXPECT_EQ(Row(*FindKind("v1", "Event"), event, now, true),
            (std::vector<Json>{"2s", "Normal", "Loaded", "trainedmodel/cifar10", "",
                               "controller, here", "it is there", "2m", 4, "e.1"}));
  const Json job = Json::parse(R"({
    "metadata": {"name": "j", "creationTimestamp": "2021-05-22T01:58:00Z"},
    "spec": {"completions": 1, "selector": {"matchLabels": {"b": "2", "a": "1"}}, "template": {
      "spec": {"containers": [{"name": "v", "image": "w:1"}]}}},
    "status": {"startTime": "2021-05-22T01:58:00Z", "completionTime": "2021-05-22T01:59:02Z",
               "succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}})");
  EXPECT_EQ(Row(*FindKind("batch/v1", "Job"), job, now, true),
            (std::vector<Json>{"j", "Complete", "1/1", "62s", "2m", "v", "w:1", "a=1,b=2"}));
  const Json service = Json::parse(R"({
    "metadata": {"name": "s", "creationTimestamp": "2021-05-22T01:58:00Z"},
    "spec": {"type": "ClusterIP", "clusterIPs": ["10.0.0.1"], "selector": {"app": "x"},
             "ports": [{"port": 80, "protocol": "TCP"}, {"port": 90, "nodePort": 30000}]}})");
  EXPECT_EQ(Row(*FindKind("v1", "Service"), service, now, true),
            (std::vector<Json>{"s", "ClusterIP", "10.0.0.1", "<none>", "80/TCP,90:30000/TCP", "2m",
                               "app=x"}));
}

TEST(KindTable, VerbsAndSubresources) {
  EXPECT_EQ(Verbs(*FindKind("throng.dev/v1alpha1", "ModelAssignment")),
            (std::vector<std::string_view>{"get", "list", "watch"}));
  EXPECT_EQ(Verbs(*FindKind("v1", "Namespace")).size(), 7U);
  EXPECT_EQ(Verbs(*FindKind("v1", "Pod")).size(), 8U);
  const std::vector<Subresource> of_pods = Subresources(*FindKind("v1", "Pod"));
  ASSERT_EQ(of_pods.size(), 2U);
  EXPECT_EQ(of_pods[0].name, "log");
  EXPECT_EQ(of_pods[1].name, "status");
  EXPECT_TRUE(Subresources(*FindKind("v1", "ConfigMap")).empty());
}

TEST(HumanTime, Durations) {
  const std::pair<Duration, std::string_view> cases[] = {{seconds(-2), "<invalid>"},
                                                         {seconds(-1), "0s"},
                                                         {seconds(0), "0s"},
                                                         {seconds(119), "119s"},
                                                         {seconds(120), "2m"},
                                                         {seconds(125), "2m5s"},
                                                         {seconds(599), "9m59s"},
                                                         {minutes(10), "10m"},
                                                         {minutes(179), "179m"},
                                                         {hours(3), "3h"},
                                                         {hours(3) + minutes(45), "3h45m"},
                                                         {hours(8), "8h"},
                                                         {hours(47), "47h"},
                                                         {hours(48), "2d"},
                                                         {hours(50), "2d2h"},
                                                         {hours(24 * 8), "8d"},
                                                         {hours(24 * 729), "729d"},
                                                         {hours(24 * 730), "2y"},
                                                         {hours(24 * 731), "2y1d"},
                                                         {hours(24 * 365 * 8), "8y"}};
  for (const auto& [duration, text] : cases) EXPECT_EQ(HumanDuration(duration), text);
}

TEST(HumanTime, Timestamps) {
  EXPECT_EQ(At("1970-01-01T00:00:01Z").time_since_epoch(), seconds(1));
  EXPECT_EQ(At("1970-01-01T01:00:01.5+01:00").time_since_epoch(), std::chrono::milliseconds(1500));
  EXPECT_EQ(At("2021-05-22T20:56:12.123456Z") - At("2021-05-22T20:56:12Z"),
            std::chrono::microseconds(123456));
  // Far times can still be subtracted.
  EXPECT_EQ(HumanDuration(At("9999-12-31T23:59:59Z") - At("0000-01-01T00:00:00Z")), "250y");
  EXPECT_EQ(AgeSince("0001-01-01T00:00:00Z", At("2021-05-22T20:56:12Z")), "<unknown>");
  for (const std::string_view bad :
       {"", "now", "2021-05-22", "2021-02-30T00:00:00Z", "2021-05-22T24:00:00Z",
        "2021-05-22T20:56:12", "2021-05-22T20:56:12.Z", "2021-05-22T20:56:12.1234567890Z",
        "2021-05-22T20:56:12+0100", "2021-05-22 20:56:12Z", "2021-05-22T20:56:12Zx",
        "202a-05-22T20:56:12Z"}) {
    EXPECT_FALSE(ParseTimestamp(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace throng::kube
