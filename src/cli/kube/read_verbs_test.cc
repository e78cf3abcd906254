// Verbs that read: get, describe, logs, events, explain, wait.
#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "cli/kube/testing/verb_harness.h"
#include "kube/object_meta.h"

namespace throng::cli::kube {
namespace {

using client::testing::FakeApiServer;
using client::testing::Object;
using testing::Ran;
using testing::VerbHarness;
using throng::kube::Json;

constexpr const char* kModels = "serving.kubeflow.org/v1alpha1";

Json Model(const std::string& name, const std::string& ready = "True") {
  Json model = Object(kModels, "TrainedModel", name);
  model["status"] = {{"url", "http://triton-mms.default.example.com/v2/models/" + name + "/infer"},
                     {"ready", ready},
                     {"conditions", {{{"type", "Ready"}, {"status", ready}}}}};
  return model;
}

Json PodWith(const std::string& name, std::vector<std::string> containers) {
  Json pod = Object("v1", "Pod", name);
  pod["metadata"]["labels"] = {{"app", "x"}, {"job-name", "load"}};
  pod["spec"]["containers"] = Json::array();
  for (const std::string& container : containers) {
    pod["spec"]["containers"].push_back({{"name", container}});
  }
  return pod;
}

class GetTest : public ::testing::Test, protected VerbHarness {
 protected:
  Ran RunGet(const std::vector<std::string>& arguments) { return VerbHarness::Run(Get, arguments); }
};

TEST_F(GetTest, PrintsTheServersTable) {
  server.Put(Model("cifar10"));
  const Ran ran = RunGet({"tm", "cifar10"});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_EQ(
      ran.out,
      "NAME      URL                                                             READY   AGE\n"
      "cifar10   http://triton-mms.default.example.com/v2/models/cifar10/infer   True    5m\n");
  server.Put(Object(kModels, "TrainedModel", "b"));
  EXPECT_EQ(RunGet({"trainedmodels", "b"}).out,
            "NAME   URL   READY   AGE\nb                    5m\n");
  EXPECT_EQ(RunGet({"tm", "b", "--no-headers"}).out, "b                 5m\n");
  EXPECT_EQ(RunGet({"tm/b", "-o", "wide"}).out,
            "NAME   URL   READY   EXTRA   AGE\nb                    more    5m\n");
}

TEST_F(GetTest, ListsAllAndThoseWithLabels) {
  Json labelled = Object("v1", "ConfigMap", "b");
  labelled["metadata"]["labels"] = {{"tier", "x"}};
  server.Put(Object("v1", "ConfigMap", "a"));
  server.Put(labelled);
  Json elsewhere = Object("v1", "ConfigMap", "c");
  elsewhere["metadata"]["namespace"] = "other";
  server.Put(elsewhere);
  EXPECT_EQ(RunGet({"cm", "-oname"}).out, "configmap/a\nconfigmap/b\n");
  EXPECT_EQ(RunGet({"cm", "-oname", "-n", "other"}).out, "configmap/c\n");
  EXPECT_EQ(RunGet({"cm", "-oname", "-A", "-l", "tier=x"}).out, "configmap/b\n");
  EXPECT_EQ(RunGet({"cm", "-oname", "--field-selector=metadata.name=a"}).out, "configmap/a\n");
  EXPECT_EQ(RunGet({"cm", "-A", "--no-headers"}).out,
            "default   a                 5m\ndefault   b                 5m\nother     c           "
            "      5m\n");
  EXPECT_EQ(RunGet({"cm", "b", "--show-labels", "--no-headers"}).out,
            "b                 5m    tier=x\n");
}

TEST_F(GetTest, SaysWhenThereIsNothing) {
  Ran ran = RunGet({"tm"});
  EXPECT_EQ(ran.error, "No resources found in default namespace.\n");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(RunGet({"tm", "-A"}).error, "No resources found\n");
  ran = RunGet({"tm", "x"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error,
            "Error from server (NotFound): trainedmodels.serving.kubeflow.org \"x\" not found\n");
  ran = RunGet({"tm", "x", "--ignore-not-found"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.error, "");
  EXPECT_EQ(RunGet({"nope"}).error, "error: the server doesn't have a resource type \"nope\"\n");
  EXPECT_EQ(RunGet({}).status, 1);
  EXPECT_EQ(RunGet({"tm", "--bad"}).status, 2);
  EXPECT_EQ(RunGet({"tm", "-o", "xml"}).status, 1);
  EXPECT_EQ(RunGet({"--help"}).status, 0);
}

TEST_F(GetTest, SeveralTypesAreToldApart) {
  server.Put(PodWith("p", {"c"}));
  server.Put(Model("m"));
  const Ran ran = RunGet({"pods,tm"});
  EXPECT_NE(ran.out.find("pod/p"), std::string::npos);
  EXPECT_NE(ran.out.find("\n\nNAME"), std::string::npos);
  EXPECT_NE(ran.out.find("trainedmodel.serving.kubeflow.org/m"), std::string::npos);
  EXPECT_EQ(RunGet({"all"}).out, ran.out);
  EXPECT_EQ(RunGet({"po/p", "tm/m", "-oname"}).out, "pod/p\ntrainedmodel.serving.kubeflow.org/m\n");
  EXPECT_EQ(RunGet({"po", "p/x"}).status, 1);
}

TEST_F(GetTest, PrintsObjectsInEveryForm) {
  Json model = Model("cifar10");
  model["metadata"]["managedFields"] = Json::array({{{"manager", "x"}}});
  server.Put(model);
  const Ran yaml = RunGet({"tm", "cifar10", "-oyaml"});
  EXPECT_TRUE(
      yaml.out.starts_with("apiVersion: serving.kubeflow.org/v1alpha1\nkind: TrainedModel\n"
                           "metadata:\n  creationTimestamp: \"2026-01-02T03:04:05Z\"\n"))
      << yaml.out;
  EXPECT_EQ(yaml.out.find("managedFields"), std::string::npos);
  EXPECT_NE(RunGet({"tm", "cifar10", "-oyaml", "--show-managed-fields"}).out.find("managedFields"),
            std::string::npos);
  EXPECT_EQ((*throng::kube::ParseJson(RunGet({"tm", "cifar10", "-ojson"}).out))["kind"],
            "TrainedModel");
  EXPECT_EQ(RunGet({"tm", "cifar10", "-o", "jsonpath={.status.url}"}).out,
            "http://triton-mms.default.example.com/v2/models/cifar10/infer");
  const Json list = *throng::kube::ParseJson(RunGet({"tm", "-o", "json"}).out);
  EXPECT_EQ(list["kind"], "List");
  EXPECT_EQ(list["items"].size(), 1u);
  EXPECT_EQ(RunGet({"tm", "-o=jsonpath={.items[*].metadata.name}"}).out, "cifar10");
}

TEST_F(GetTest, LongListsComePageByPage) {
  for (size_t i = 0; i < limits::kListPage + 1; ++i) {
    server.Put(Object("v1", "ConfigMap", "c" + std::to_string(1000 + i)));
  }
  const Ran ran = RunGet({"cm", "--no-headers"});
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'),
            static_cast<long>(limits::kListPage + 1));
  EXPECT_EQ(server.Lines().size(), 2u);
}

TEST_F(GetTest, WatchesFromWhereTheListEnded) {
  server.Put(Model("a", "False"));
  server.OnStream([](FakeApiServer& fake) {
    fake.Put(Model("a", "True"));
    fake.Put(Model("longer-name", "True"));
    fake.EndWatches();
  });
  const Ran ran = RunGet({"tm", "-w", "-o", "jsonpath={.metadata.name}={.status.ready};"});
  EXPECT_EQ(ran.out, "a=False;a=True;longer-name=True;") << ran.error;
  EXPECT_EQ(ran.status, 0);
}

TEST_F(GetTest, RowsOfAWatchStayAligned) {
  server.Put(Object(kModels, "TrainedModel", "a"));
  server.OnStream([](FakeApiServer& fake) {
    fake.Put(Object(kModels, "TrainedModel", "longer-name"));
    fake.Put(Object("v1", "ConfigMap", "other"));
    Json changed = Object(kModels, "TrainedModel", "a");
    changed["spec"]["x"] = 1;
    fake.Put(changed);
    fake.EndWatches();
  });
  EXPECT_EQ(RunGet({"tm", "--watch"}).out,
            "NAME   URL   READY   AGE\na                    5m\n"
            "longer-name                 5m\na                           5m\n");
}

TEST_F(GetTest, WatchesTables) {
  server.Answer("GET", "/apis/serving.kubeflow.org/v1alpha1/namespaces/default/trainedmodels", 200,
                R"({"kind":"Table","metadata":{"resourceVersion":"5"},
                    "columnDefinitions":[{"name":"Name","priority":0}],
                    "rows":[{"cells":["a"]}]})");
  const Ran ran = RunGet({"tm", "-w"});
  // The same answer is no watch event.
  EXPECT_EQ(ran.out, "NAME\na\n");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(server.Lines()[1],
            "GET /apis/serving.kubeflow.org/v1alpha1/namespaces/default/trainedmodels?watch=true&"
            "resourceVersion=5");
}

TEST_F(GetTest, FilesNameObjects) {
  server.Put(Model("m"));
  files.PutFile("/f.yaml",
                "apiVersion: serving.kubeflow.org/v1alpha1\nkind: TrainedModel\n"
                "metadata: {name: m}\n");
  EXPECT_EQ(RunGet({"-f", "/f.yaml", "-oname"}).out, "trainedmodel.serving.kubeflow.org/m\n");
}

TEST_F(GetTest, WithoutAKubeconfigItSaysWhatToDo) {
  files.Remove("/home/.kube/config");
  const Ran ran = RunGet({"tm"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.error.find("throng up"), std::string::npos);
  files.PutFile("/home/.local/state/throng/kubeconfig", server.Kubeconfig());
  EXPECT_EQ(RunGet({"tm"}).status, 0);
}

class ReadTest : public ::testing::Test, protected VerbHarness {};

TEST_F(ReadTest, DescribeShowsFieldsAndEvents) {
  Json model = Model("m");
  model["metadata"]["labels"] = {{"a", "b"}, {"c", "d"}};
  model["spec"] = {{"inferenceService", "triton-mms"},
                   {"model", {{"storageUri", "gs://x/y"}, {"memory", "1Gi"}}}};
  server.Put(model);
  Json event = Object("v1", "Event", "e");
  event["involvedObject"] = {{"name", "m"},
                             {"namespace", "default"},
                             {"kind", "TrainedModel"},
                             {"uid", server.Read(kModels, "TrainedModel", "m")["metadata"]["uid"]}};
  event["type"] = "Normal";
  event["reason"] = "Loaded";
  event["message"] = "it is loaded";
  event["source"] = {{"component", "throng"}};
  event["lastTimestamp"] = throng::kube::Timestamp(os::RealClock().WallNow());
  server.Put(event);
  const Ran ran = VerbHarness::Run(Describe, {"tm", "m"});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_TRUE(
      ran.out.starts_with("Name:         m\nNamespace:    default\nLabels:       a=b\n"
                          "              c=d\nAnnotations:  <none>\n"
                          "API Version:  serving.kubeflow.org/v1alpha1\n"
                          "Kind:         TrainedModel\nMetadata:\n"))
      << ran.out;
  EXPECT_NE(
      ran.out.find("Spec:\n  Inference Service:  triton-mms\n  Model:\n    Memory:       1Gi\n"
                   "    Storage Uri:  gs://x/y\n"),
      std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("\n  URL:       http"), std::string::npos);
  EXPECT_NE(ran.out.find("Events:\n  Type    Reason  Age"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("throng  it is loaded\n"), std::string::npos) << ran.out;
  EXPECT_EQ(VerbHarness::Run(Describe, {"tm", "x"}).status, 1);
}

TEST_F(ReadTest, EventsComeInOrder) {
  for (const auto& [name, time] :
       {std::pair("late", "2026-01-02T00:00:09Z"), std::pair("early", "2026-01-01T00:00:00Z")}) {
    Json event = Object("v1", "Event", name);
    event["involvedObject"] = {{"kind", "Pod"}, {"name", "p"}};
    event["type"] = std::string(name) == "late" ? "Warning" : "Normal";
    event["reason"] = "Why";
    event["message"] = name;
    event["lastTimestamp"] = time;
    event["firstTimestamp"] = time;
    event["count"] = 3;
    server.Put(event);
  }
  Ran ran = VerbHarness::Run(Events, {});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_TRUE(ran.out.starts_with("LAST SEEN"));
  EXPECT_LT(ran.out.find("early"), ran.out.find("late"));
  EXPECT_NE(ran.out.find("Pod/p"), std::string::npos);
  EXPECT_NE(ran.out.find("(x3 over "), std::string::npos);
  ran = VerbHarness::Run(Events, {"--types=Warning", "--for", "pod/p", "--no-headers"});
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << ran.out;
  EXPECT_EQ(VerbHarness::Run(Events, {"-n", "other"}).error,
            "No events found in other namespace.\n");
}

TEST_F(ReadTest, LogsOfOneContainer) {
  server.Put(PodWith("p", {"main", "agent"}));
  server.AddLog("p", "main", "from main\n");
  server.AddLog("p", "agent", "from agent\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"p", "agent"}).out, "from agent\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"pod/p", "-c", "agent", "--tail", "5"}).out, "from agent\n");
  EXPECT_NE(server.Lines().back().find("container=agent&tailLines=5"), std::string::npos);
  const Ran ran = VerbHarness::Run(Logs, {"p"});
  EXPECT_EQ(ran.out, "from main\n");
  EXPECT_EQ(ran.error, "Defaulted container \"main\" out of: main, agent\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"p", "--all-containers", "--prefix"}).out,
            "[pod/p/main] from main\n[pod/p/agent] from agent\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"p", "-c", "no"}).error,
            "error: container no is not valid for pod p\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"x"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Logs, {}).status, 2);
  EXPECT_EQ(VerbHarness::Run(Logs, {"p", "a", "-c", "b"}).status, 2);
}

TEST_F(ReadTest, LogsOfAJobAndOfLabels) {
  server.Put(PodWith("p1", {"c"}));
  server.Put(PodWith("p2", {"c"}));
  server.Put(Object("batch/v1", "Job", "load"));
  server.AddLog("p1", "c", "one\n");
  server.AddLog("p2", "c", "two\n");
  const Ran job = VerbHarness::Run(Logs, {"job/load"});
  EXPECT_EQ(job.out, "one\n");
  EXPECT_EQ(job.error, "Found 2 pods, using pod/p1\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"-l", "app=x"}).out, "one\ntwo\n");
  EXPECT_NE(server.Lines().back().find("tailLines=10"), std::string::npos);
  EXPECT_EQ(VerbHarness::Run(Logs, {"-l", "app=none"}).error,
            "No resources found in default namespace.\n");
  EXPECT_EQ(VerbHarness::Run(Logs, {"cm/x"}).status, 1);
}

TEST_F(ReadTest, SeveralLogsAreFollowedAtOnce) {
  server.Put(PodWith("p1", {"c"}));
  server.Put(PodWith("p2", {"c"}));
  server.AddLog("p1", "c", "one\n");
  server.AddLog("p2", "c", "two\n");
  server.OnStream([](FakeApiServer&) {});
  server.OnStream([](FakeApiServer& fake) {
    fake.AddLog("p1", "c", "more\nrest");
    fake.EndLog("p1", "c");
    fake.EndLog("p2", "c");
  });
  const Ran ran = VerbHarness::Run(Logs, {"-l", "app=x", "-f", "--prefix"});
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_NE(ran.out.find("[pod/p1/c] more\n[pod/p1/c] rest\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("[pod/p2/c] two\n"), std::string::npos) << ran.out;
  EXPECT_NE(VerbHarness::Run(Logs, {"-l", "app=x", "-f", "--max-log-requests=1"})
                .error.find("maximum allowed concurrency is 1"),
            std::string::npos);
}

TEST_F(ReadTest, WaitEndsWithTheCondition) {
  server.Put(Model("m", "False"));
  server.OnStream([](FakeApiServer& fake) { fake.Put(Model("m", "True")); });
  Ran ran = VerbHarness::Run(Wait, {"tm/m", "--for=condition=ready"});
  EXPECT_EQ(ran.out, "trainedmodel.serving.kubeflow.org/m condition met\n") << ran.error;
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm", "--all", "--for", "condition=Ready=True"}).status, 0);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=jsonpath={.status.ready}=True"}).status, 0);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=jsonpath={.status.url}"}).status, 0);
  ran = VerbHarness::Run(Wait, {"tm/m", "--for=condition=Loaded", "--timeout=20ms"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error, "error: timed out waiting for the condition on trainedmodels/m\n");
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=condition=Loaded", "--timeout=0"}).status, 1);
}

TEST_F(ReadTest, WaitForTheEndAndTheBeginning) {
  server.Put(Model("m"));
  server.OnStream([](FakeApiServer& fake) { fake.Remove(kModels, "TrainedModel", "m"); });
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=delete"}).out,
            "trainedmodel.serving.kubeflow.org/m condition met\n");
  const Ran gone = VerbHarness::Run(Wait, {"tm/m", "--for=delete"});
  EXPECT_EQ(gone.status, 0);
  EXPECT_EQ(gone.out, "");
  server.OnStream([](FakeApiServer& fake) { fake.Put(Model("m")); });
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=create"}).status, 0);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/x", "--for=condition=Ready"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/x", "--for=nonsense"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm", "--for=delete"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=delete", "--timeout=5"}).status, 2);
}

TEST_F(ReadTest, AnOldConditionIsNone) {
  Json model = Model("m");
  model["metadata"]["generation"] = 2;
  model["status"]["conditions"][0]["observedGeneration"] = 1;
  server.Put(model);
  EXPECT_EQ(VerbHarness::Run(Wait, {"tm/m", "--for=condition=Ready", "--timeout=10ms"}).status, 1);
}

TEST_F(ReadTest, ExplainTellsOfFields) {
  server.Answer("GET", "/openapi/v3", 200,
                R"({"paths":{"apis/serving.kubeflow.org/v1alpha1":
                    {"serverRelativeURL":"/openapi/v3/doc?hash=1"}}})");
  server.Answer("GET", "/openapi/v3/doc", 200, R"({"components":{"schemas":{
    "a.b.TrainedModel":{"description":"A model.","type":"object",
      "x-kubernetes-group-version-kind":[{"group":"serving.kubeflow.org","version":"v1alpha1",
      "kind":"TrainedModel"}],"properties":{
        "spec":{"description":"What it is.","allOf":[{"$ref":"#/components/schemas/a.b.Spec"}]},
        "self":{"$ref":"#/components/schemas/a.b.TrainedModel"}}},
    "a.b.Spec":{"type":"object","required":["model"],"properties":{
        "model":{"type":"string","description":"Its name.","enum":["a","b"]},
        "args":{"type":"array","items":{"type":"string"}},
        "env":{"type":"object","additionalProperties":{"type":"string"}},
        "memory":{"x-kubernetes-int-or-string":true}}}}}})");
  Ran ran = VerbHarness::Run(Explain, {"tm"});
  EXPECT_EQ(ran.out,
            "GROUP:      serving.kubeflow.org\nKIND:       TrainedModel\nVERSION:    v1alpha1\n\n"
            "DESCRIPTION:\n    A model.\n    \nFIELDS:\n  self\t<TrainedModel>\n    A model.\n\n"
            "  spec\t<Spec>\n    What it is.\n\n\n")
      << ran.error;
  ran = VerbHarness::Run(Explain, {"tm.spec"});
  EXPECT_NE(ran.out.find("FIELD: spec <Spec>\n"), std::string::npos);
  EXPECT_NE(ran.out.find("  model\t<string> -required-\n  enum: a, b\n    Its name.\n"),
            std::string::npos);
  EXPECT_NE(ran.out.find("  args\t<[]string>\n"), std::string::npos);
  EXPECT_NE(ran.out.find("  env\t<map[string]string>\n"), std::string::npos);
  EXPECT_NE(ran.out.find("  memory\t<Object>\n"), std::string::npos);
  EXPECT_NE(VerbHarness::Run(Explain, {"tm", "--recursive"}).out.find("    model\t<string>"),
            std::string::npos);
  EXPECT_EQ(VerbHarness::Run(Explain, {"tm.spec.model"}).out,
            "GROUP:      serving.kubeflow.org\nKIND:       TrainedModel\nVERSION:    v1alpha1\n\n"
            "FIELD: model <string>\nENUM:\n    a\n    b\n\nDESCRIPTION:\n    Its name.\n    \n\n");
  EXPECT_EQ(VerbHarness::Run(Explain, {"tm.nope"}).error, "error: field \"nope\" does not exist\n");
  EXPECT_EQ(VerbHarness::Run(Explain, {"pods"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Explain, {}).status, 2);
}

}  // namespace
}  // namespace throng::cli::kube
