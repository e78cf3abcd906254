#include "client/kube_client.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "client/discovery.h"
#include "client/testing/fake_api_server.h"

namespace throng::client {
namespace {

using kube::Json;
using testing::FakeApiServer;
using testing::Object;

constexpr const char* kGroup = "serving.kubeflow.org/v1alpha1";

class KubeClientTest : public ::testing::Test {
 protected:
  KubeClientTest() : client_(*KubeClient::Create(server_.Access())) {}

  FakeApiServer server_;
  KubeClient client_;
};

TEST_F(KubeClientTest, SendsWhatItIsTold) {
  server_.Put(Object("v1", "ConfigMap", "a"));
  const auto read = client_.Get("/api/v1/namespaces/default/configmaps/a");
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ((*read)["kind"], "ConfigMap");
  const auto patched = client_.Send({.method = "PATCH",
                                     .path = "/api/v1/namespaces/default/configmaps/a",
                                     .content_type = std::string(kMergePatchType),
                                     .body = R"({"data":{"k":"v"}})"});
  ASSERT_TRUE(patched.ok()) << patched.status().ToString();
  EXPECT_EQ((*patched)["data"]["k"], "v");
  ASSERT_TRUE(
      client_.Send({.method = "DELETE", .path = "/api/v1/namespaces/default/configmaps/a"}).ok());
  const auto calls = server_.Calls();
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].authorization, "Bearer secret");
  EXPECT_EQ(calls[1].content_type, kMergePatchType);
  EXPECT_EQ(calls[2].method, "DELETE");
  EXPECT_EQ(calls[2].body, "");
}

TEST_F(KubeClientTest, RefusalsHaveTheServersWords) {
  const auto missing = client_.Get("/api/v1/namespaces/default/pods/x");
  EXPECT_EQ(missing.status().message(), "Error from server (NotFound): pods \"x\" not found");
  server_.Answer("GET", "/api/v1/namespaces/default/pods/y", 200, "no json");
  EXPECT_FALSE(client_.Get("/api/v1/namespaces/default/pods/y").ok());
  ClusterAccess nobody = server_.Access();
  nobody.server = "http://127.0.0.1:1";
  const auto refused = (*KubeClient::Create(nobody)).Get("/api");
  EXPECT_EQ(refused.status().message(),
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host "
            "or port?");
}

TEST_F(KubeClientTest, BadAccessIsRefused) {
  for (const char* server : {"http://", "http://user@host", "http://host?x=y", "http://a b"}) {
    ClusterAccess access;
    access.server = server;
    EXPECT_FALSE(KubeClient::Create(access).ok()) << server;
  }
  ClusterAccess access = server_.Access();
  access.token = "a\r\nB: c";
  EXPECT_FALSE(KubeClient::Create(access).ok());
}

TEST_F(KubeClientTest, WarningsAreToldOnce) {
  std::vector<std::string> warnings;
  client_.SetOnWarning([&](const std::string& text) { warnings.push_back(text); });
  server_.Put(Object("v1", "ConfigMap", "a"));
  server_.Warn("unknown field \\\"x\\\"");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client_
                    .Send({.method = "PATCH",
                           .path = "/api/v1/namespaces/default/configmaps/a",
                           .content_type = std::string(kMergePatchType),
                           .body = "{}"})
                    .ok());
  }
  EXPECT_EQ(warnings, std::vector<std::string>{"unknown field \"x\""});
}

TEST_F(KubeClientTest, WatchesUntilItHasSeenEnough) {
  server_.Put(Object("v1", "ConfigMap", "old"));
  server_.OnStream([](FakeApiServer& server) {
    server.Put(Object("v1", "ConfigMap", "a"));
    server.Put(Object("v1", "Pod", "not this"));
    server.Remove("v1", "ConfigMap", "a");
  });
  std::vector<std::string> seen;
  const Status status = client_.Watch(
      "/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=101",
      std::string(kJsonType), std::nullopt, [&](std::string_view type, const Json& object) {
        seen.push_back(std::string(type) + " " + kube::TextAt(object, {"metadata", "name"}));
        return type != "DELETED";
      });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(seen, (std::vector<std::string>{"ADDED a", "DELETED a"}));
  EXPECT_TRUE(client_.Get("/api/v1/namespaces/default/configmaps/old").ok());
}

TEST_F(KubeClientTest, AWatchEndsWithItsTimeOrAnError) {
  const auto watch = [&](const std::string& path) {
    return client_.Watch(path, std::string(kJsonType), std::chrono::milliseconds(50),
                         [](std::string_view, const Json&) { return true; });
  };
  EXPECT_EQ(watch("/api/v1/configmaps?watch=true").code(), StatusCode::kDeadlineExceeded);
  server_.Answer("GET", "/api/v1/gone", 200,
                 "{\"type\":\"BOOKMARK\",\"object\":{}}\n{\"type\":\"ERROR\",\"object\":{\"kind\":"
                 "\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}}\n");
  EXPECT_EQ(watch("/api/v1/gone").code(), StatusCode::kOutOfRange);
  server_.Answer("GET", "/api/v1/bad", 200, "{\"type\":\n");
  EXPECT_EQ(watch("/api/v1/bad").code(), StatusCode::kDataLoss);
  server_.Answer("GET", "/api/v1/large", 200, std::string(limits::kClientEventBytes + 1, ' '));
  EXPECT_EQ(watch("/api/v1/large").code(), StatusCode::kResourceExhausted);
  server_.Answer(
      "GET", "/api/v1/fits", 200,
      std::string(limits::kClientEventBytes - 24, ' ') + "{\"type\":\"A\",\"object\":{}}\n");
  EXPECT_TRUE(watch("/api/v1/fits").ok());
  server_.Answer("GET", "/api/v1/empty", 200, "");
  EXPECT_TRUE(watch("/api/v1/empty").ok());
}

TEST_F(KubeClientTest, TextsArriveWhole) {
  server_.AddLog("p", "c", "one\n");
  server_.OnStream([](FakeApiServer& server) {
    server.AddLog("p", "c", "two\n");
    server.EndLog("p", "c");
  });
  std::string text;
  const Status status = client_.ReadText(
      "/api/v1/namespaces/default/pods/p/log?container=c&follow=true", [&](std::string_view bytes) {
        text.append(bytes);
        return true;
      });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(text, "one\ntwo\n");
}

class DiscoveryTest : public KubeClientTest {
 protected:
  std::string Resolve(const std::string& word) {
    const auto type = discovery_.Resolve(word);
    if (!type.ok()) return type.status().message();
    return type->ApiVersion() + " " + type->resource;
  }
  Discovery discovery_{client_};
};

TEST_F(DiscoveryTest, WordsOfAllKinds) {
  const std::string models = std::string(kGroup) + " trainedmodels";
  for (const char* word :
       {"tm", "trainedmodel", "trainedmodels", "TrainedModel", "tm.serving.kubeflow.org",
        "trainedmodels.v1alpha1.serving.kubeflow.org", "trainedmodel.serving.kubeflow.org"}) {
    EXPECT_EQ(Resolve(word), models) << word;
  }
  EXPECT_EQ(Resolve("po"), "v1 pods");
  EXPECT_EQ(Resolve("pod"), "v1 pods");
  EXPECT_EQ(Resolve("isvc"), "serving.kubeflow.org/v1beta1 inferenceservices");
  EXPECT_EQ(Resolve("inferenceservice.serving.kserve.io"),
            "serving.kserve.io/v1beta1 inferenceservices");
  EXPECT_EQ(Resolve("nope"), "the server doesn't have a resource type \"nope\"");
  EXPECT_EQ(Resolve("pods/status"), "the server doesn't have a resource type \"pods/status\"");
}

TEST_F(DiscoveryTest, CoreAsksForNothingElse) {
  EXPECT_EQ(Resolve("pods"), "v1 pods");
  EXPECT_EQ(server_.Calls().size(), 3u);  // /api, /apis, /api/v1
  EXPECT_EQ(Resolve("cm"), "v1 configmaps");
  EXPECT_EQ(server_.Calls().size(), 3u);
}

TEST_F(DiscoveryTest, KindsOfFiles) {
  const auto type = discovery_.ForKind(kGroup, "TrainedModel");
  ASSERT_TRUE(type.ok());
  EXPECT_EQ(type->ObjectPrefix(), "trainedmodel.serving.kubeflow.org");
  EXPECT_EQ(type->Path("ns", "a b"),
            "/apis/serving.kubeflow.org/v1alpha1/namespaces/ns/trainedmodels/a%20b");
  EXPECT_EQ(type->Path("", ""), "/apis/serving.kubeflow.org/v1alpha1/trainedmodels");
  EXPECT_EQ(discovery_.ForKind("v1", "Nope").status().message(),
            "no matches for kind \"Nope\" in version \"v1\"");
  for (const char* version : {"", "a/b/c", "../x", "a b/v1"}) {
    EXPECT_EQ(discovery_.ForKind(version, "X").status().code(), StatusCode::kNotFound) << version;
  }
}

TEST_F(DiscoveryTest, Categories) {
  const auto all = discovery_.InCategory("all");
  ASSERT_TRUE(all.ok());
  std::vector<std::string> names;
  for (const ResourceType& type : *all) names.push_back(type.resource);
  EXPECT_EQ(names, (std::vector<std::string>{"pods", "jobs", "trainedmodels"}));
}

TEST_F(DiscoveryTest, AGroupThatCannotBeServedHidesNoOther) {
  server_.Answer("GET", "/apis/batch/v1", 503, "{}");
  EXPECT_EQ(Resolve("tm"), std::string(kGroup) + " trainedmodels");
  EXPECT_EQ(discovery_.ForKind("batch/v1", "Job").status().code(), StatusCode::kUnavailable);
}

TEST_F(DiscoveryTest, AServerThatIsGoneIsNoMissingKind) {
  ClusterAccess nobody = server_.Access();
  nobody.server = "http://127.0.0.1:1";
  KubeClient client = *KubeClient::Create(nobody);
  Discovery discovery(client);
  EXPECT_EQ(discovery.ForKind("v1", "Pod").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(discovery.Resolve("pods").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(discovery.InCategory("all").status().code(), StatusCode::kUnavailable);
}

TEST(PercentEncodeTest, LeavesWhatIsSafe) {
  EXPECT_EQ(PercentEncode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(PercentEncode("a/b?c=d&e ä"), "a%2Fb%3Fc%3Dd%26e%20%C3%A4");
  EXPECT_EQ(WithParameter(WithParameter("/x", "a", "1"), "b", "=&"), "/x?a=1&b=%3D%26");
}

}  // namespace
}  // namespace throng::client
