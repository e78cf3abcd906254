// Verbs that write: apply, create, delete, patch, label, annotate, edit.
#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "cli/kube/testing/verb_harness.h"
#include "cli/kube/verb.h"

namespace throng::cli::kube {
namespace {

using client::testing::FakeApiServer;
using client::testing::Object;
using testing::Ran;
using testing::VerbHarness;
using throng::kube::Json;

constexpr const char* kModels = "serving.kubeflow.org/v1alpha1";
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr const char* kModelFile =
    "apiVersion: \"serving.kubeflow.org/v1alpha1\"\nkind: \"TrainedModel\"\nmetadata:\n"
    "  name: \"cifar10\"\nspec:\n  inferenceService: triton-mms\n  model:\n    memory: 1Gi\n";

class WriteTest : public ::testing::Test, protected VerbHarness {
 protected:
  WriteTest() { files.PutFile("/m.yaml", kModelFile); }
  Json ReadModel() { return server.Read(kModels, "TrainedModel", "cifar10"); }
  std::string Applied(const std::string& file = "/m.yaml") {
    const Ran ran = VerbHarness::Run(Apply, {"-f", file});
    return ran.out + ran.error;
  }
  static std::string Labelled(const std::string& what) {
    return "trainedmodel.serving.kubeflow.org/cifar10 " + what + "\n";
  }
};

TEST_F(WriteTest, ApplyCreatesConfiguresAndLeaves) {
  EXPECT_EQ(Applied(), Labelled("created"));
  EXPECT_EQ(ReadModel()["metadata"]["annotations"][kLastApplied],
            "{\"apiVersion\":\"serving.kubeflow.org/v1alpha1\",\"kind\":\"TrainedModel\","
            "\"metadata\":{\"annotations\":{},\"name\":\"cifar10\",\"namespace\":\"default\"},"
            "\"spec\":{\"inferenceService\":\"triton-mms\",\"model\":{\"memory\":\"1Gi\"}}}\n");
  EXPECT_EQ(Applied(), Labelled("unchanged"));
  const size_t writes = server.Lines().size();
  // What others set stays; what the file says no more goes.
  Json theirs = ReadModel();
  theirs["spec"]["theirs"] = 1;
  theirs["status"]["url"] = "x";
  server.Put(theirs);
  EXPECT_EQ(Applied(), Labelled("unchanged"));
  files.PutFile("/m.yaml",
                "apiVersion: serving.kubeflow.org/v1alpha1\nkind: TrainedModel\nmetadata:\n"
                "  name: cifar10\nspec:\n  model:\n    memory: 2Gi\n");
  EXPECT_EQ(Applied(), Labelled("configured"));
  EXPECT_EQ(ReadModel()["spec"],
            *throng::kube::ParseJson(R"({"model":{"memory":"2Gi"},"theirs":1})"));
  EXPECT_EQ(server.Lines().size(), writes + 3);  // two reads, a read and a patch
  EXPECT_NE(server.Lines().back().find("fieldManager=kubectl-client-side-apply&"
                                       "fieldValidation=Strict"),
            std::string::npos);
}

TEST_F(WriteTest, DiffTellsWhatApplyWouldChangeAndChangesNothing) {
  Ran ran = VerbHarness::Run(Diff, {"-f", "/m.yaml"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error, "");
  const std::string name = "serving.kubeflow.org.v1alpha1.TrainedModel.default.cifar10";
  EXPECT_TRUE(ran.out.starts_with("--- LIVE/" + name + "\n+++ MERGED/" + name + "\n@@ -0,0 +1,"))
      << ran.out;
  EXPECT_TRUE(ReadModel().is_null());
  Applied();
  ran = VerbHarness::Run(Diff, {"-f", "/m.yaml"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.error, "");
  files.PutFile("/m.yaml",
                "apiVersion: serving.kubeflow.org/v1alpha1\nkind: TrainedModel\nmetadata:\n"
                "  name: cifar10\nspec:\n  model:\n    memory: 2Gi\n");
  ran = VerbHarness::Run(Diff, {"-f", "/m.yaml"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.out.find("\n-  inferenceService: triton-mms\n   model:\n-    memory: 1Gi\n"
                         "+    memory: 2Gi\n"),
            std::string::npos)
      << ran.out;
  EXPECT_EQ(ReadModel()["spec"]["model"]["memory"], "1Gi");
}

TEST_F(WriteTest, DiffHidesSecretsAndFailsWithTwo) {
  const std::string start =
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {same: YQ==, ";
  files.PutFile("/s.yaml", start + "key: b2xk}\n");
  Applied("/s.yaml");
  files.PutFile("/s.yaml", start + "key: bmV3}\n");
  Ran ran = VerbHarness::Run(Diff, {"-f", "/s.yaml"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out.find("b2xk"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("bmV3"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("-  key: '*** (before)'\n+  key: '*** (after)'\n   same: '***'\n"),
            std::string::npos)
      << ran.out;
  EXPECT_EQ(VerbHarness::Run(Diff, {"-f", "/none.yaml"}).status, 2);
  EXPECT_EQ(VerbHarness::Run(Diff, {}).status, 2);
  EXPECT_EQ(VerbHarness::Run(Diff, {"-f", "/s.yaml", "word"}).status, 2);
  environment["KUBECONFIG"] = "/none";
  EXPECT_EQ(VerbHarness::Run(Diff, {"-f", "/s.yaml"}).status, 2);
}

TEST_F(WriteTest, ApplyTakesFoldersListsAndStandardInput) {
  files.PutFile("/d/b.yaml",
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\n"
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n");
  files.PutFile("/d/a.json",
                "{\"apiVersion\":\"v1\",\n\t\"kind\":\"ConfigMap\",\"metadata\":"
                "{\"name\":\"a\"}}");
  files.PutFile("/d/notes.txt", "not this");
  files.PutFile("/d/deeper/d.yml",
                "apiVersion: v1\nkind: List\nitems:\n"
                "- {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}\n");
  EXPECT_EQ(Applied("/d"), "configmap/a created\nconfigmap/b created\nconfigmap/c created\n");
  EXPECT_EQ(VerbHarness::Run(Apply, {"-R", "-f", "/d", "-oname"}).out,
            "configmap/a\nconfigmap/b\nconfigmap/c\nconfigmap/d\n");
  input = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\n";
  EXPECT_EQ(Applied("-"), "configmap/e created\n");
}

TEST_F(WriteTest, WhatCannotBeAppliedIsToldAndTheRestIsDone) {
  files.PutFile("/mixed.yaml",
                "apiVersion: v9\nkind: Nope\nmetadata: {name: a}\n---\nkind: ConfigMap\n---\n"
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: g-}\n---\n"
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n");
  const Ran ran = VerbHarness::Run(Apply, {"-f", "/mixed.yaml"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.out, "configmap/good created\n");
  EXPECT_EQ(ran.error,
            "error: resource mapping not found for name: \"a\" namespace: \"\" from "
            "\"/mixed.yaml\": no matches for kind \"Nope\" in version \"v9\"\n"
            "error: unable to decode \"/mixed.yaml\": Object 'apiVersion' is missing\n"
            "error: from g-: cannot use generate name with apply\n");
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/none"}).error,
            "error: the path \"/none\" does not exist\n");
  files.PutFile("/bad.yaml", "a: [");
  EXPECT_TRUE(VerbHarness::Run(Apply, {"-f", "/bad.yaml"})
                  .error.starts_with("error: error parsing /bad.yaml"));
  files.PutFile("/list.yaml", "- a\n");
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/list.yaml"}).status, 1);
  files.PutFile("/empty.yaml", "---\n");
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/empty.yaml"}).error, "error: no objects passed\n");
  files.MakeDirectory("/hollow");
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/hollow"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Apply, {}).status, 2);
  EXPECT_EQ(VerbHarness::Run(Apply, {"x", "-f", "/m.yaml"}).status, 2);
}

TEST_F(WriteTest, WithoutAServerOneErrorIsEnough) {
  files.PutFile("/nobody",
                "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
                "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n");
  files.PutFile("/two.yaml", std::string(kModelFile) + "---\n" + kModelFile);
  const Ran ran = VerbHarness::Run(Apply, {"-f", "/two.yaml", "--kubeconfig=/nobody"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.error,
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host "
            "or port?\n");
}

TEST_F(WriteTest, TheNamespaceMustFit) {
  files.PutFile("/n.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: one}\n");
  EXPECT_EQ(Applied("/n.yaml"), "configmap/a created\n");
  const Ran ran = VerbHarness::Run(Apply, {"-n", "two", "-f", "/n.yaml"});
  EXPECT_NE(ran.error.find("the namespace from the provided object \"one\" does not match the "
                           "namespace \"two\""),
            std::string::npos);
  VerbHarness::Run(Apply, {"-n", "two", "-f", "/m.yaml"});
  EXPECT_EQ(ReadModel()["metadata"]["namespace"], "two");
  files.PutFile("/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
  EXPECT_EQ(Applied("/ns.yaml"), "namespace/a created\n");
  EXPECT_FALSE(server.Read("v1", "Namespace", "a")["metadata"].contains("namespace"));
}

TEST_F(WriteTest, DryRunsWriteNothing) {
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/m.yaml", "--dry-run=client"}).out,
            Labelled("created (dry run)"));
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/m.yaml", "--dry-run=server"}).out,
            Labelled("created (server dry run)"));
  EXPECT_EQ(VerbHarness::Run(Create, {"-f", "/m.yaml", "--dry-run=client", "-o", "name"}).out,
            "trainedmodel.serving.kubeflow.org/cifar10\n");
  EXPECT_TRUE(ReadModel().is_null());
}

TEST_F(WriteTest, TheServerMayApply) {
  const Ran ran = VerbHarness::Run(Apply, {"--server-side", "-f", "/m.yaml"});
  EXPECT_EQ(ran.out, Labelled("serverside-applied")) << ran.error;
  EXPECT_EQ(server.Calls().back().content_type, "application/apply-patch+yaml");
  EXPECT_NE(server.Lines().back().find("fieldManager=kubectl&fieldValidation=Strict&force=false"),
            std::string::npos);
  server.Answer("PATCH",
                "/apis/serving.kubeflow.org/v1alpha1/namespaces/default/trainedmodels/cifar10", 409,
                R"({"kind":"Status","reason":"Conflict","message":"Apply failed","code":409})");
  EXPECT_NE(
      VerbHarness::Run(Apply, {"--server-side", "-f", "/m.yaml"}).error.find("--force-conflicts"),
      std::string::npos);
}

TEST_F(WriteTest, CreateRefusesWhatIsThere) {
  const Ran first = VerbHarness::Run(Create, {"-f", "/m.yaml"});
  EXPECT_EQ(first.out, Labelled("created"));
  EXPECT_EQ(VerbHarness::Run(Create, {"-f", "/m.yaml"}).error,
            "Error from server (AlreadyExists): error when creating \"/m.yaml\": trainedmodels "
            "\"cifar10\" already exists\n");
  files.PutFile("/job.yaml",
                "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: load-test}\n");
  EXPECT_EQ(VerbHarness::Run(Create, {"-f", "/job.yaml"}).out,
            "job.batch/load-testx7k2p created\n");
}

TEST_F(WriteTest, DeleteWaitsUntilItIsGone) {
  Json model = Object(kModels, "TrainedModel", "cifar10");
  model["metadata"]["finalizers"] = {"trainedmodel.finalizer"};
  server.Put(model);
  server.OnStream([](FakeApiServer& fake) { fake.Remove(kModels, "TrainedModel", "cifar10"); });
  Ran ran = VerbHarness::Run(Delete, {"tm", "cifar10"});
  EXPECT_EQ(ran.out, "trainedmodel.serving.kubeflow.org \"cifar10\" deleted\n");
  EXPECT_EQ(ran.status, 0) << ran.error;
  EXPECT_TRUE(ReadModel().is_null());
  server.Put(model);
  ran = VerbHarness::Run(Delete, {"tm/cifar10", "--timeout=20ms"});
  EXPECT_EQ(ran.error, "error: timed out waiting for the condition on trainedmodels/cifar10\n");
  ran = VerbHarness::Run(
      Delete, {"tm/cifar10", "--wait=false", "--cascade=foreground", "--grace-period=3"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(server.Calls().back().body,
            "{\"gracePeriodSeconds\":3,\"propagationPolicy\":\"Foreground\"}");
}

TEST_F(WriteTest, DeleteTakesFilesLabelsAndAll) {
  for (const char* name : {"a", "b", "c"}) {
    Json map = Object("v1", "ConfigMap", name);
    map["metadata"]["labels"] = {{"name", name}};
    server.Put(map);
  }
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm", "-l", "name=b"}).out, "configmap \"b\" deleted\n");
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm", "--all", "--dry-run=server"}).out,
            "configmap \"a\" deleted (server dry run)\nconfigmap \"c\" deleted (server dry run)\n");
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm", "--all", "-oname"}).out, "configmap/a\nconfigmap/c\n");
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm", "--all"}).out, "No resources found\n");
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm", "a"}).error,
            "Error from server (NotFound): configmaps \"a\" not found\n");
  EXPECT_EQ(VerbHarness::Run(Delete, {"cm", "a", "--ignore-not-found"}).status, 0);
  Applied();
  EXPECT_EQ(VerbHarness::Run(Delete, {"-f", "/m.yaml"}).out,
            "trainedmodel.serving.kubeflow.org \"cifar10\" deleted\n");
}

TEST_F(WriteTest, PatchSendsWhatItIsGiven) {
  server.Put(Object("v1", "ConfigMap", "config-deployment"));
  Ran ran = VerbHarness::Run(
      Patch, {"cm", "config-deployment", "--patch", "{\"data\":{\"progressDeadline\": \"600s\"}}"});
  EXPECT_EQ(ran.out, "configmap/config-deployment patched\n") << ran.error;
  EXPECT_EQ(server.Calls().back().content_type, "application/strategic-merge-patch+json");
  EXPECT_EQ(server.Read("v1", "ConfigMap", "config-deployment")["data"]["progressDeadline"],
            "600s");
  ran = VerbHarness::Run(
      Patch, {"cm/config-deployment", "-p", "data: {progressDeadline: 600s}", "--type=merge"});
  EXPECT_EQ(ran.out, "configmap/config-deployment patched (no change)\n");
  files.PutFile("/p.json", "{\"data\":null}");
  EXPECT_EQ(
      VerbHarness::Run(Patch, {"cm", "config-deployment", "--patch-file=/p.json", "-ojson"}).status,
      0);
  Applied();
  EXPECT_TRUE(
      VerbHarness::Run(Patch, {"tm", "cifar10", "-p", "{}"})
          .error.starts_with("error: application/strategic-merge-patch+json is not supported "
                             "by serving.kubeflow.org/v1alpha1, Kind=TrainedModel: "));
  EXPECT_EQ(VerbHarness::Run(Patch, {"tm", "cifar10"}).status, 2);
  EXPECT_EQ(VerbHarness::Run(Patch, {"tm", "cifar10", "-p", "a: ["}).status, 1);
  EXPECT_EQ(VerbHarness::Run(Patch, {"tm", "-p", "{}"}).status, 1);
}

TEST_F(WriteTest, LabelsAreSetAndRemoved) {
  Applied();
  const auto label = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"tm", "cifar10"});
    const Ran ran = VerbHarness::Run(LabelVerb, words);
    return ran.out + ran.error;
  };
  EXPECT_EQ(label({"a=1", "b="}), Labelled("labeled"));
  EXPECT_EQ(ReadModel()["metadata"]["labels"], *throng::kube::ParseJson(R"({"a":"1","b":""})"));
  EXPECT_EQ(label({"a=1"}), Labelled("not labeled"));
  EXPECT_EQ(label({"a=2"}), "error: 'a' already has a value (1), and --overwrite is false\n");
  EXPECT_EQ(label({"a=2", "--overwrite"}), Labelled("labeled"));
  EXPECT_EQ(label({"a-"}), Labelled("unlabeled"));
  EXPECT_EQ(label({"none-"}), "label \"none\" not found.\n" + Labelled("not labeled"));
  EXPECT_EQ(label({"--list"}), "b=\n");
  EXPECT_EQ(VerbHarness::Run(LabelVerb, {"tm", "cifar10"}).status, 2);
  EXPECT_EQ(VerbHarness::Run(LabelVerb, {"tm", "cifar10", "a=1", "x"}).status, 2);
  EXPECT_EQ(VerbHarness::Run(LabelVerb, {"tm", "cifar10", "a=1", "a-"}).status, 2);
  EXPECT_EQ(VerbHarness::Run(LabelVerb, {"tm", "cifar10", "=1"}).status, 2);
  EXPECT_EQ(VerbHarness::Run(LabelVerb, {"tm", "a=1"}).status, 1);
  EXPECT_EQ(VerbHarness::Run(LabelVerb, {"tm", "--all", "a=1"}).out, Labelled("labeled"));
  EXPECT_EQ(VerbHarness::Run(Annotate, {"tm", "cifar10", "throng.dev/reload=2"}).out,
            Labelled("annotated"));
  EXPECT_EQ(ReadModel()["metadata"]["annotations"]["throng.dev/reload"], "2");
}

TEST_F(WriteTest, EditSavesWhatChanged) {
  Applied();
  environment["EDITOR"] = "ed";
  edit = [](const std::string& text) -> Result<std::string> {
    std::string changed = text;
    changed.replace(changed.find("memory: 1Gi"), 11, "memory: 2Gi");
    return changed;
  };
  Ran ran = VerbHarness::Run(Edit, {"tm", "cifar10"});
  EXPECT_EQ(ran.out, Labelled("edited")) << ran.error;
  EXPECT_EQ(edited_with, "ed");
  EXPECT_EQ(ReadModel()["spec"]["model"]["memory"], "2Gi");
  EXPECT_EQ(server.Calls().back().body, "{\"spec\":{\"model\":{\"memory\":\"2Gi\"}}}");
  edit = [](const std::string& text) -> Result<std::string> { return text; };
  ran = VerbHarness::Run(Edit, {"tm", "cifar10"});
  EXPECT_EQ(ran.error, "Edit cancelled, no changes made.\n");
  edit = [](const std::string&) -> Result<std::string> { return UnavailableError("x"); };
  EXPECT_EQ(VerbHarness::Run(Edit, {"tm", "cifar10"}).status, 1);
}

TEST_F(WriteTest, EditIsOpenedAgainWhenItCannotBeSaved) {
  Applied();
  std::vector<std::string> seen;
  edit = [&](const std::string& text) -> Result<std::string> {
    seen.push_back(text);
    if (seen.size() == 1) return "kind: Other\n" + text;
    return text;
  };
  const Ran ran = VerbHarness::Run(Edit, {"tm", "cifar10"});
  EXPECT_EQ(ran.status, 1);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[1].find("duplicate"), std::string::npos) << seen[1];
  EXPECT_NE(ran.error.find("Edit cancelled, no valid changes were saved."), std::string::npos);
}

TEST(DurationTest, AsGoWritesThem) {
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  EXPECT_EQ(*ParseDuration("30s"), seconds(30));
  EXPECT_EQ(*ParseDuration("1h30m"), minutes(90));
  EXPECT_EQ(*ParseDuration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*ParseDuration("20ms"), milliseconds(20));
  EXPECT_EQ(*ParseDuration("0"), seconds(0));
  EXPECT_EQ(*ParseDuration("-1s"), seconds(-1));
  for (const char* bad : {"", "-", "5", "s", "5x", "1s2", "5d", "1e3s", "9999999999h", "inf s"}) {
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
  }
}

TEST_F(WriteTest, FilesHaveABound) {
  files.PutFile("/large.yaml", std::string(limits::kManifestBytes + 1, '\n'));
  EXPECT_EQ(VerbHarness::Run(Apply, {"-f", "/large.yaml"}).status, 1);
}

}  // namespace
}  // namespace throng::cli::kube
