// Stock kubectl, old and new, against the API server: the commands that people use, and what they
// print. The binaries are in $THRONG_PEERS, or where `./dev peers` puts them; without them the
// tests are skipped.
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kube/json.h"
#include "tests/integration/testing/temporary_folder.h"
#include "tests/kube/api_process.h"

namespace throng::kube::server {
namespace {

using integration::SourceFile;

struct Output {
  int code = -1;
  std::string text;  // both streams
};

std::string PeersFolder() {
  if (const char* folder = std::getenv("THRONG_PEERS")) return folder;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/throng/peers/bin";
}

class KubectlTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    program_ = PeersFolder() + "/kubectl-" + GetParam();
    if (std::FILE* file = std::fopen(program_.c_str(), "r")) {
      std::fclose(file);
    } else {
      GTEST_SKIP() << "kubectl " << GetParam() << " is not there";
    }
  }

  // A command line of a shell; `kubectl` is the one that is tested, and so is `watching`, which is
  // for the background: its process can be killed.
  Output Shell(const std::string& line) {
    const std::string call = program_ + " --server=" + api_.url() + " \"$@\"; }; ";
    const std::string script = "export HOME=" + folder_.path() + " KUBECONFIG=/dev/null; cd " +
                               folder_.path() + "; kubectl() { timeout 60 " + call +
                               "watching() { exec timeout 60 " + call + "{ " + line + "; } 2>&1";
    Output output;
    std::FILE* pipe = ::popen(script.c_str(), "r");
    if (pipe == nullptr) return output;
    std::array<char, 4096> buffer;
    while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      output.text.append(buffer.data(), count);
    }
    const int status = ::pclose(pipe);
    output.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
  }
  Output Run(const std::string& arguments) { return Shell("kubectl " + arguments); }
  // Fails the test when the command does.
  std::string Do(const std::string& arguments) {
    const Output output = Run(arguments);
    EXPECT_EQ(output.code, 0) << "kubectl " << arguments << "\n" << output.text;
    return output.text;
  }
  void Says(const std::string& arguments, const std::string& text) {
    const std::string output = Do(arguments);
    EXPECT_NE(output.find(text), std::string::npos) << "kubectl " << arguments << "\nsays\n"
                                                    << output << "\nand not\n"
                                                    << text;
  }
  void Fails(const std::string& arguments, const std::string& text) {
    const Output output = Run(arguments);
    EXPECT_NE(output.code, 0) << "kubectl " << arguments << "\n" << output.text;
    EXPECT_NE(output.text.find(text), std::string::npos) << "kubectl " << arguments << "\nsays\n"
                                                         << output.text << "\nand not\n"
                                                         << text;
  }
  static std::string Example(const std::string& name) {
    return SourceFile("examples/walkthrough/" + name);
  }

  testing::ApiProcess api_;
  integration::TemporaryFolder folder_;
  std::string program_;
};

TEST_P(KubectlTest, FindsOutWhatThereIs) {
  Says("version", "Server Version");
  const std::string resources = Do("api-resources");
  for (const char* name : {"trainedmodels", "inferenceservices", "configmaps", "jobs"}) {
    EXPECT_NE(resources.find(name), std::string::npos) << name;
  }
  Says("api-versions", "serving.kserve.io/v1beta1");
  Says("explain trainedmodel.spec.model", "storageUri");
  Says("explain isvc", "InferenceService");
  Says("auth can-i delete trainedmodels", "yes");
  Fails("get deployments", "the server doesn't have a resource type \"deployments\"");
}

TEST_P(KubectlTest, AppliesAndShowsTheWalkThrough) {
  Says("apply -f " + Example("multi_model_triton.yaml"),
       "inferenceservice.serving.kubeflow.org/triton-mms created");
  Says("apply -f " + Example("trained_model.yaml"),
       "trainedmodel.serving.kubeflow.org/cifar10 created");
  Says("apply -f " + Example("trained_model.yaml"),
       "trainedmodel.serving.kubeflow.org/cifar10 unchanged");
  EXPECT_EQ(Do("diff -f " + Example("trained_model.yaml")), "");
  Says("get tm cifar10", "cifar10");
  Says("get isvc", "NAME");
  Says("get isvc triton-mms -o wide", "triton-mms");
  Says("get tm cifar10 -oyaml", "storageUri: gs://kfserving-examples/models/torchscript/cifar10");
  Says("get tm -A -o jsonpath='{.items[0].spec.model.framework}'", "pytorch");
  Says("get trainedmodels.serving.kserve.io cifar10 -o name",
       "trainedmodel.serving.kserve.io/cifar10");
  Says("describe tm cifar10", "Storage Uri:");
  Says("describe isvc triton-mms", "Events:");
  Says("delete inferenceservice triton-mms", "deleted");
  Says("delete tm cifar10", "\"cifar10\" deleted");
  Fails("get tm cifar10", "NotFound");
}

TEST_P(KubectlTest, ChangesObjects) {
  Do("create configmap settings --from-literal=a=1");
  Says("patch cm settings --patch '{\"data\":{\"b\":\"2\"}}'", "configmap/settings patched");
  Says("get cm settings -o jsonpath='{.data}'", "\"b\":\"2\"");
  Says("label cm settings tier=front", "labeled");
  Says("annotate cm settings note=x", "annotated");
  Says("get cm -l tier=front -o name", "configmap/settings");
  Says("get cm -l 'tier notin (front)'", "No resources found");
  Says("get cm --field-selector metadata.name=settings -o name", "configmap/settings");
  Says("patch cm settings --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/b\"}]'", "patched");
  Says("patch cm settings --type=merge -p '{\"data\":{\"c\":\"3\"}}' --dry-run=server", "patched");
  EXPECT_EQ(Do("get cm settings -o jsonpath='{.data}'"), "{\"a\":\"1\"}");
  EXPECT_EQ(Shell("kubectl get cm settings -o yaml | sed 's/a: \"1\"/a: \"9\"/' | "
                  "kubectl replace -f -")
                .code,
            0);
  Says("get cm settings -o jsonpath='{.data.a}'", "9");
  Says(
      "patch cm config-deployment -n knative-serving --patch "
      "'{\"data\":{\"progressDeadline\":\"600s\"}}'",
      "patched");
  Do("apply -f " + Example("trained_model.yaml"));
  Fails("patch tm cifar10 --patch '{\"spec\":{}}'",
        "the body of the request was in an unknown format");
  Says("patch tm cifar10 --type=merge --patch '{\"spec\":{\"model\":{\"memory\":\"2Gi\"}}}'",
       "patched");
  Says("delete cm settings --cascade=foreground", "deleted");
}

TEST_P(KubectlTest, AppliesOnTheServer) {
  Says("apply --server-side -f " + Example("trained_model.yaml"), "serverside-applied");
  Says("apply --server-side -f " + Example("trained_model.yaml"), "serverside-applied");
  Says("get tm cifar10 -o jsonpath='{.metadata.managedFields[0].manager}'", "kubectl");
  Do("create configmap shared --from-literal=a=1");
  const std::string mine =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: \"2\"}\n";
  folder_.Write("mine.yaml", mine);
  Fails("apply --server-side -f mine.yaml", "conflict");
  Says("apply --server-side --force-conflicts -f mine.yaml", "serverside-applied");
  Says("get cm shared -o jsonpath='{.data.a}'", "2");
}

TEST_P(KubectlTest, RunsDryAndShowsDifferences) {
  Says("apply --dry-run=server -f " + Example("trained_model.yaml"), "created (server dry run)");
  Says("apply --dry-run=client -f " + Example("trained_model.yaml"), "created (dry run)");
  Fails("get tm cifar10", "NotFound");
  Do("apply -f " + Example("trained_model.yaml"));
  EXPECT_EQ(Shell("sed 's/1Gi/2Gi/' " + Example("trained_model.yaml") + " > changed.yaml").code, 0);
  const Output changed = Run("diff -f changed.yaml");
  EXPECT_EQ(changed.code, 1) << changed.text;
  EXPECT_NE(changed.text.find("+    memory: 2Gi"), std::string::npos) << changed.text;
}

TEST_P(KubectlTest, RefusesUnknownFields) {
  EXPECT_EQ(Shell("sed 's/memory/memmory/' " + Example("trained_model.yaml") + " > typo.yaml").code,
            0);
  const Output output = Run("apply -f typo.yaml");
  EXPECT_NE(output.code, 0) << output.text;
  EXPECT_NE(output.text.find("memmory"), std::string::npos) << output.text;
}

TEST_P(KubectlTest, CreatesAJobWithAGeneratedName) {
  Says("create -f " + Example("perf.yaml"), "created");
  const std::string name = Do("get jobs -o name");
  EXPECT_EQ(name.rfind("job.batch/load-test", 0), 0u) << name;
  Says("get job", "COMPLETIONS");
  Says("describe job", "Parallelism:");
  Says("delete job --all", "deleted");
}

// A line of a shell that goes on when the server has a watch open.
constexpr const char* kUntilWatched =
    "until kubectl get --raw /metrics | grep -q 'requests{verb=\"watch\"} 1'; do :; done; ";

TEST_P(KubectlTest, WatchesAndWaits) {
  Do("apply -f " + Example("trained_model.yaml"));
  const Output watched = Shell(
      std::string("watching get tm -w > watched.txt & W=$!; ") + kUntilWatched +
      "kubectl label tm cifar10 a=b; kubectl delete tm cifar10; "
      "until test $(grep -c cifar10 watched.txt) -ge 3; do :; done; cat watched.txt; kill $W");
  EXPECT_NE(watched.text.find("NAME"), std::string::npos) << watched.text;
  Do("apply -f " + Example("trained_model.yaml"));
  Fails("wait tm/cifar10 --for=condition=Ready --timeout=1s", "timed out");
}

TEST_P(KubectlTest, WaitsForTheEnd) {
  Do("apply -f " + Example("trained_model.yaml"));
  const Output waited =
      Shell(std::string("kubectl wait tm/cifar10 --for=delete --timeout=50s & W=$!; ") +
            kUntilWatched + "kubectl delete tm cifar10; wait $W");
  EXPECT_EQ(waited.code, 0) << waited.text;
}

TEST_P(KubectlTest, ReadsLogs) {
  folder_.Write("pod.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
                "  - {name: server, image: none}\n  - {name: agent, image: none}\n");
  Do("apply -f pod.yaml");
  EXPECT_EQ(Do("logs p agent"), "hello from agent\n");
  EXPECT_EQ(Do("logs p -c server -f"), "hello from server\n");
  Says("get pods", "0/2");
  Says("describe pod p", "Containers:");
  Says("delete pod p", "deleted");
}

TEST_P(KubectlTest, KeepsNamespaces) {
  Do("create namespace play");
  Do("create configmap a --from-literal=a=1 -n play");
  Says("get ns play", "Active");
  Says("delete ns play", "deleted");
  Fails("get ns play", "NotFound");
  Fails("create configmap a -n play", "not found");
  Do("create secret generic s --from-literal=password=x");
  Says("get secret s -o jsonpath='{.data.password}'", "eA==");
  Says("describe secret s", "password:");
  Says("get events", "No resources found");
}

INSTANTIATE_TEST_SUITE_P(Versions, KubectlTest, ::testing::Values("1.20", "1.34", "1.37"),
                         [](const auto& version) {
                           std::string name = version.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return "v" + name;
                         });

}  // namespace
}  // namespace throng::kube::server
