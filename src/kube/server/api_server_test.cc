#include "kube/server/api_server.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "kube/server/testing/api_harness.h"

namespace throng::kube::server {
namespace {

using testing::ApiHarness;
using testing::ConfigMap;
using testing::FakeExchange;
using testing::Headers;
using testing::TrainedModel;

constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";
constexpr const char* kModels =
    "/apis/serving.kubeflow.org/v1alpha1/namespaces/default/trainedmodels";

std::string In(const char* collection, const std::string& name) {
  return std::string(collection) + "/" + name;
}

class ApiServerTest : public ::testing::Test {
 protected:
  ApiHarness api_;
};

TEST_F(ApiServerTest, ObjectsAreMadeReadChangedAndDeleted) {
  const auto made = api_.Send("POST", kConfigMaps, ConfigMap("a", "1"));
  EXPECT_EQ(made->status(), 201);
  EXPECT_EQ(made->json()["metadata"]["namespace"], "default");
  const auto read = api_.Send("GET", In(kConfigMaps, "a"));
  EXPECT_EQ(read->status(), 200);
  EXPECT_EQ(read->json(), made->json());
  const auto written = api_.Send("PUT", In(kConfigMaps, "a"), ConfigMap("a", "2"));
  EXPECT_EQ(written->status(), 200);
  EXPECT_EQ(written->json()["data"]["key"], "2");
  const auto deleted =
      api_.Send("DELETE", In(kConfigMaps, "a"), {{"propagationPolicy", "Background"}});
  EXPECT_EQ(deleted->status(), 200);
  EXPECT_EQ(deleted->json()["status"], "Success");
  EXPECT_EQ(deleted->json()["details"],
            Json({{"name", "a"}, {"kind", "configmaps"}, {"uid", UidOf(made->json())}}));
  const auto gone = api_.Send("GET", In(kConfigMaps, "a"));
  EXPECT_EQ(gone->status(), 404);
  EXPECT_EQ(gone->json()["message"], "configmaps \"a\" not found");
}

TEST_F(ApiServerTest, PatchesOfEachType) {
  api_.Send("POST", kConfigMaps, ConfigMap("a", "1"));
  api_.Send("POST", kModels, TrainedModel("a"));
  const auto patch = [&](const char* collection, const char* type, const Json& body) {
    return api_.Send("PATCH", In(collection, "a"), body, {{"Content-Type", type}});
  };
  auto reply = patch(kConfigMaps, "application/merge-patch+json", {{"data", {{"b", "2"}}}});
  EXPECT_EQ(reply->status(), 200);
  EXPECT_EQ(reply->json()["data"], Json({{"b", "2"}, {"key", "1"}}));
  reply =
      patch(kConfigMaps, "application/strategic-merge-patch+json", {{"data", {{"b", nullptr}}}});
  EXPECT_EQ(reply->json()["data"], Json({{"key", "1"}}));
  reply = patch(kConfigMaps, "application/json-patch+json",
                {{{"op", "replace"}, {"path", "/data/key"}, {"value", "3"}}});
  EXPECT_EQ(reply->json()["data"]["key"], "3");
  EXPECT_EQ(patch(kModels, "application/strategic-merge-patch+json", Json::object())->status(),
            415);
  EXPECT_EQ(patch(kModels, "application/x-unknown", Json::object())->status(), 415);
  EXPECT_EQ(
      patch(kModels, "application/merge-patch+json", {{"metadata", {{"name", "other"}}}})->status(),
      400);
  EXPECT_EQ(api_.Code("PATCH", In(kModels, "none"), Json::object(),
                      {{"Content-Type", "application/merge-patch+json"}}),
            404);
  EXPECT_EQ(api_.Code("PATCH", In(kModels, "a") + "?force=true", Json::object(),
                      {{"Content-Type", "application/merge-patch+json"}}),
            422);
  EXPECT_EQ(api_.Code("PATCH", In(kModels, "a"), Json::object(),
                      {{"Content-Type", "application/apply-patch+yaml"}}),
            422);
}

TEST_F(ApiServerTest, StatusIsASubresource) {
  api_.Send("POST", kModels, TrainedModel("a"));
  const auto reply =
      api_.Send("PATCH", In(kModels, "a/status"), {{"status", {{"url", "http://a"}}}},
                {{"Content-Type", "application/merge-patch+json"}});
  EXPECT_EQ(reply->status(), 200) << reply->reply().body;
  EXPECT_EQ(reply->json()["status"]["url"], "http://a");
  EXPECT_EQ(api_.Code("GET", In(kModels, "a/status")), 200);
  EXPECT_EQ(api_.Code("DELETE", In(kModels, "a/status")), 405);
  EXPECT_EQ(api_.Code("GET", In(kConfigMaps, "a/status")), 404);
}

TEST_F(ApiServerTest, WhatIsNotThereIsAnsweredAsKubernetesDoes) {
  for (const char* target :
       {"/nothing", "/api/v2", "/apis/none", "/apis/none/v1", "/api/v1/nothings",
        "/apis/apps/v1/deployments", "/api/v1/namespaces/default/nothings/a",
        "/api/v1/namespaces/default/namespaces", "/api/v1/configmaps/a",
        "/api/v1/namespaces/default/configmaps/a/b/c", "/openapi", "/openapi/v3/api/v9",
        "/api/v1/namespaces/default/configmaps/a/log"}) {
    const auto reply = api_.Send("GET", target);
    EXPECT_EQ(reply->status(), 404) << target;
    EXPECT_EQ(reply->json()["message"], "the server could not find the requested resource")
        << target;
    EXPECT_EQ(reply->json()["kind"], "Status");
  }
}

TEST_F(ApiServerTest, MethodsThatAKindHasNotAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"POST", "/api/v1/configmaps"},
      {"DELETE", "/api/v1/configmaps"},
      {"DELETE", "/api/v1/namespaces"},
      {"PUT", kConfigMaps},
      {"PATCH", kConfigMaps},
      {"POST", In(kConfigMaps, "a")},
      {"TRACE", kConfigMaps},
      {"POST", "/version"},
      {"POST", "/apis/throng.dev/v1alpha1/namespaces/default/gatewayroutes"}};
  for (const auto& [method, target] : cases) {
    EXPECT_EQ(api_.Code(method, target, ConfigMap("a", "1")), 405) << method << " " << target;
  }
}

TEST_F(ApiServerTest, ListsHaveSelectorsAndPages) {
  for (int i = 0; i < 5; ++i) {
    Json body = ConfigMap("a" + std::to_string(i), "1");
    body["metadata"]["labels"] = {{"tier", i < 2 ? "front" : "back"}};
    api_.Send("POST", kConfigMaps, body);
  }
  const auto names = [&](const std::string& query) {
    const auto reply = api_.Send("GET", std::string(kConfigMaps) + query);
    EXPECT_EQ(reply->status(), 200) << reply->reply().body;
    std::string all;
    const Json list = reply->json();
    for (const Json& item : list["items"]) all += NameOf(item) + " ";
    return all;
  };
  EXPECT_EQ(names(""), "a0 a1 a2 a3 a4 ");
  EXPECT_EQ(names("?labelSelector=tier%3Dfront"), "a0 a1 ");
  EXPECT_EQ(names("?labelSelector=tier+notin+(front)"), "a2 a3 a4 ");
  EXPECT_EQ(names("?fieldSelector=metadata.name%3Da3"), "a3 ");
  EXPECT_EQ(names("?limit=500&resourceVersion=0"), "a0 a1 a2 a3 a4 ");
  const auto page = api_.Send("GET", std::string(kConfigMaps) + "?limit=2")->json();
  EXPECT_EQ(page["kind"], "ConfigMapList");
  EXPECT_EQ(page["apiVersion"], "v1");
  EXPECT_EQ(page["metadata"]["remainingItemCount"], 3);
  EXPECT_EQ(names("?limit=3&continue=" + page["metadata"]["continue"].get<std::string>()),
            "a2 a3 a4 ");
  EXPECT_EQ(api_.Send("GET", "/api/v1/configmaps")->json()["items"].size(), 5u);
  for (const char* query : {"?labelSelector=%3D", "?fieldSelector=spec.x%3D1", "?limit=x",
                            "?continue=x", "?resourceVersion=x"}) {
    EXPECT_EQ(api_.Code("GET", std::string(kConfigMaps) + query), 400) << query;
  }
}

TEST_F(ApiServerTest, ALongListIsWhole) {
  for (int i = 0; i < 1203; ++i) {
    api_.registry.Create({FindKind("v1", "ConfigMap"), "default", ""},
                         ConfigMap("a" + std::to_string(i), "1"), {}, [](ApiResult<Written>) {});
  }
  api_.executor.RunPosted();
  for (const char* query : {"", "?resourceVersion=0", "?resourceVersion=5"}) {
    EXPECT_EQ(api_.Send("GET", std::string(kConfigMaps) + query)->json()["items"].size(), 1203u)
        << query;
  }
  EXPECT_EQ(
      api_.Send("GET", std::string(kConfigMaps) + "?resourceVersion=5&resourceVersionMatch=Exact")
          ->json()["items"]
          .size(),
      3u);
}

TEST_F(ApiServerTest, TablesAreWhatKubectlPrints) {
  api_.Send("POST", kModels, TrainedModel("a"));
  api_.executor.Advance(std::chrono::minutes(5));
  const Headers table = {{"Accept",
                          "application/json;as=Table;v=v1;g=meta.k8s.io,application/"
                          "json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"}};
  const Json list = api_.Send("GET", kModels, Json(), table)->json();
  EXPECT_EQ(list["kind"], "Table");
  EXPECT_EQ(list["apiVersion"], "meta.k8s.io/v1");
  EXPECT_NE(list["metadata"]["resourceVersion"], "");
  EXPECT_EQ(list["columnDefinitions"][0]["name"], "Name");
  EXPECT_EQ(list["columnDefinitions"][0]["format"], "name");
  ASSERT_EQ(list["rows"].size(), 1u);
  EXPECT_EQ(list["rows"][0]["cells"][0], "a");
  EXPECT_EQ(list["rows"][0]["cells"].back(), "5m");
  EXPECT_EQ(list["rows"][0]["object"]["kind"], "PartialObjectMetadata");
  const Json one = api_.Send("GET", In(kModels, "a"), Json(), table)->json();
  EXPECT_EQ(one["kind"], "Table");
  EXPECT_EQ(one["rows"].size(), 1u);
  const Json whole =
      api_.Send("GET", std::string(kModels) + "?includeObject=Object", Json(), table)->json();
  EXPECT_EQ(whole["rows"][0]["object"]["kind"], "TrainedModel");
  const Json none =
      api_.Send("GET", std::string(kModels) + "?includeObject=None", Json(), table)->json();
  EXPECT_TRUE(none["rows"][0]["object"].is_null());
  EXPECT_EQ(api_.Code("GET", std::string(kModels) + "?includeObject=Half", Json(), table), 400);
}

TEST_F(ApiServerTest, FormsAreNegotiated) {
  api_.Send("POST", kConfigMaps, ConfigMap("a", "1"));
  const auto kind = [&](const std::string& target, const char* accept) {
    const auto reply = api_.Send("GET", target, Json(), {{"Accept", accept}});
    return reply->status() == 200 ? reply->json()["kind"].get<std::string>()
                                  : std::to_string(reply->status());
  };
  const std::string one = In(kConfigMaps, "a");
  EXPECT_EQ(kind(one, "application/vnd.kubernetes.protobuf, */*"), "ConfigMap");
  EXPECT_EQ(kind(one, "application/vnd.kubernetes.protobuf,application/json"), "ConfigMap");
  EXPECT_EQ(kind(one, "application/vnd.kubernetes.protobuf"), "406");
  EXPECT_EQ(kind(one, "text/html"), "406");
  EXPECT_EQ(kind(one, "application/json;as=Unknown;v=v1;g=meta.k8s.io"), "406");
  EXPECT_EQ(kind(one, "application/json;as=Table;v=v9;g=meta.k8s.io"), "406");
  EXPECT_EQ(kind(one, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
            "PartialObjectMetadata");
  EXPECT_EQ(kind(kConfigMaps, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
            "PartialObjectMetadataList");
  EXPECT_EQ(kind(one, "application/json;q=0.5, application/json;as=Table;v=v1;g=meta.k8s.io"),
            "Table");
  EXPECT_EQ(kind(one, ""), "ConfigMap");
}

TEST_F(ApiServerTest, BodiesMayBeYamlButNothingElse) {
  const auto send = [&](const char* type, const char* text) {
    auto exchange = FakeExchange::Make("POST", kConfigMaps, text);
    exchange->AddHeader("Content-Type", type);
    return api_.Send(exchange)->status();
  };
  EXPECT_EQ(send("application/yaml", "metadata: {name: a}\ndata: {key: v}\n"), 201);
  EXPECT_EQ(send("application/json; charset=utf-8", "{\"metadata\":{\"name\":\"b\"}}"), 201);
  EXPECT_EQ(send("application/vnd.kubernetes.protobuf", "k8s"), 400);
  EXPECT_EQ(send("text/plain", "{}"), 415);
  EXPECT_EQ(send("application/json", ""), 400);
  EXPECT_EQ(send("application/json", "{"), 400);
  EXPECT_EQ(send("application/json", "7"), 400);
}

TEST_F(ApiServerTest, TooLargeABodyIsRefused) {
  const auto send = [&](size_t bytes) {
    std::string text = "{\"metadata\":{\"name\":\"Bad\"}}";
    text.append(bytes - text.size(), ' ');
    return api_.Send(FakeExchange::Make("POST", kConfigMaps, text))->status();
  };
  EXPECT_EQ(send(limits::kObjectBodyBytes - 1), 422);
  EXPECT_EQ(send(limits::kObjectBodyBytes), 422);
  EXPECT_EQ(send(limits::kObjectBodyBytes + 1), 413);
}

TEST_F(ApiServerTest, OptionsOfWrites) {
  const std::string base = kConfigMaps;
  EXPECT_EQ(api_.Code("POST", base + "?dryRun=All", ConfigMap("a", "1")), 201);
  EXPECT_EQ(api_.Code("GET", In(kConfigMaps, "a")), 404);
  EXPECT_EQ(api_.Code("POST", base + "?dryRun=Some", ConfigMap("a", "1")), 422);
  EXPECT_EQ(api_.Code("POST", base + "?fieldValidation=Maybe", ConfigMap("a", "1")), 422);
  EXPECT_EQ(api_.Code("POST", base + "?fieldManager=" + std::string(129, 'x'), ConfigMap("a", "1")),
            422);
  Json body = TrainedModel("a");
  body["spec"]["a\"b"] = "red";
  const std::string models = kModels;
  EXPECT_EQ(api_.Code("POST", models + "?fieldValidation=Strict", body), 400);
  const auto warned = api_.Send("POST", models, body);
  EXPECT_EQ(warned->status(), 201);
  EXPECT_EQ(warned->ReplyHeader("Warning").rfind("299 - \"unknown field", 0), 0u)
      << warned->ReplyHeader("Warning");
  body["metadata"]["name"] = "b";
  EXPECT_EQ(api_.Send("POST", models + "?fieldValidation=Ignore", body)->ReplyHeader("Warning"),
            "");
}

TEST_F(ApiServerTest, OptionsOfDeletions) {
  const auto code = [&](const Json& body, const std::string& query = "") {
    api_.Send("POST", kConfigMaps, ConfigMap("a", "1"));
    return api_.Code("DELETE", In(kConfigMaps, "a") + query, body);
  };
  EXPECT_EQ(code({{"propagationPolicy", "Sideways"}}), 422);
  EXPECT_EQ(code({{"gracePeriodSeconds", -1}}), 422);
  EXPECT_EQ(code({{"gracePeriodSeconds", "x"}}), 422);
  EXPECT_EQ(code({{"dryRun", {"Some"}}}), 422);
  EXPECT_EQ(code(Json::array()), 400);
  EXPECT_EQ(code({{"preconditions", {{"uid", "x"}}}}), 409);
  EXPECT_EQ(code({{"dryRun", {"All"}}}), 200);
  EXPECT_EQ(api_.Code("GET", In(kConfigMaps, "a")), 200);
  EXPECT_EQ(code(Json(), "?gracePeriodSeconds=0&propagationPolicy=Background"), 200);
  EXPECT_EQ(api_.Code("GET", In(kConfigMaps, "a")), 404);
  api_.Send("POST", kConfigMaps, ConfigMap("a", "1"));
  const auto foreground =
      api_.Send("DELETE", In(kConfigMaps, "a"), {{"propagationPolicy", "Foreground"}});
  EXPECT_EQ(foreground->json()["kind"], "ConfigMap");
  api_.Send("POST", kConfigMaps, ConfigMap("b", "1"));
  const auto all = api_.Send("DELETE", std::string(kConfigMaps) + "?fieldSelector=metadata.name=b");
  EXPECT_EQ(all->json()["items"].size(), 1u);
}

TEST_F(ApiServerTest, LongRepliesAreCompressedWhenAsked) {
  for (int i = 0; i < 4; ++i) {
    api_.Send("POST", kConfigMaps, ConfigMap("a" + std::to_string(i), std::string(40'000, 'x')));
  }
  const auto reply = [&](const char* encoding) {
    return api_.Send("GET", kConfigMaps, Json(), {{"Accept-Encoding", encoding}});
  };
  EXPECT_EQ(reply("gzip")->ReplyHeader("Content-Encoding"), "gzip");
  EXPECT_LT(reply("gzip")->reply().body.size(), 10'000u);
  EXPECT_EQ(reply("gzip")->reply().body.substr(0, 2), "\x1f\x8b");
  EXPECT_EQ(reply("deflate, gzip;q=0.5")->ReplyHeader("Content-Encoding"), "gzip");
  EXPECT_EQ(reply("gzip;q=0")->ReplyHeader("Content-Encoding"), "");
  EXPECT_EQ(reply("identity")->ReplyHeader("Content-Encoding"), "");
  EXPECT_EQ(api_.Send("GET", In(kConfigMaps, "a0"), Json(), {{"Accept-Encoding", "gzip"}})
                ->ReplyHeader("Content-Encoding"),
            "");
}

TEST_F(ApiServerTest, WhoIsNotKnownSeesHealthOnly) {
  ApiServerOptions options;
  options.tokens = &api_.tokens;
  api_.tokens.users["good"] = {"alice", {std::string(kMastersGroup)}};
  api_.tokens.users["weak"] = {"eve", {std::string(kViewersGroup)}};
  api_.Restart(std::move(options));
  const auto code = [&](const char* target, const char* token) {
    return api_.Code("GET", target, Json(), {{"Authorization", std::string("Bearer ") + token}});
  };
  EXPECT_EQ(api_.Code("GET", kConfigMaps), 401);
  EXPECT_EQ(api_.Code("GET", "/version"), 401);
  EXPECT_EQ(api_.Code("GET", "/livez"), 200);
  EXPECT_EQ(api_.Code("GET", "/readyz"), 200);
  EXPECT_EQ(code(kConfigMaps, "good"), 200);
  EXPECT_EQ(code(kConfigMaps, "bad"), 401);
  EXPECT_EQ(code(kConfigMaps, "weak"), 200);
  EXPECT_EQ(code("/api/v1/namespaces/default/secrets", "weak"), 403);
  EXPECT_EQ(api_.Code("POST", kConfigMaps, ConfigMap("a", "1"), {{"Authorization", "Bearer weak"}}),
            403);
  EXPECT_EQ(api_.Code("GET", kConfigMaps, Json(),
                      {{"Authorization", "Bearer good"}, {"Impersonate-User", "root"}}),
            403);
  auto by_socket = FakeExchange::Make("GET", kConfigMaps);
  by_socket->SetPeer({"local", {std::string(kMastersGroup)}});
  EXPECT_EQ(api_.Send(by_socket)->status(), 200);
}

TEST_F(ApiServerTest, WritesAreLogged) {
  api_.Send("POST", kConfigMaps, ConfigMap("a", "secret"));
  api_.Send("GET", kConfigMaps);
  api_.Send("DELETE", In(kConfigMaps, "none"));
  const size_t first = api_.audit.find('\n');
  ASSERT_NE(first, std::string::npos);
  const Json create = *ParseJson(api_.audit.substr(0, first));
  EXPECT_EQ(create["verb"], "create");
  EXPECT_EQ(create["user"], "test");
  EXPECT_EQ(create["resource"], "configmaps");
  EXPECT_EQ(create["name"], "a") << "who made it must be found";
  EXPECT_EQ(create["code"], 201);
  const Json remove = *ParseJson(api_.audit.substr(first + 1));
  EXPECT_EQ(remove["verb"], "delete");
  EXPECT_EQ(remove["name"], "none");
  EXPECT_EQ(remove["code"], 404);
  EXPECT_EQ(api_.audit.find("secret"), std::string::npos);
}

TEST_F(ApiServerTest, TheLogOfWritesHasTheNamesThatWereMade) {
  Json generated = ConfigMap("", "1");
  generated["metadata"] = {{"generateName", "made-"}};
  const auto made = api_.Send("POST", kConfigMaps, generated);
  EXPECT_EQ(ParseJson(api_.audit)->at("name"), made->json()["metadata"]["name"]);
  api_.audit.clear();
  api_.Send("POST", kConfigMaps, ConfigMap("Wrong", "1"));
  EXPECT_EQ(ParseJson(api_.audit)->at("name"), "Wrong") << "of what was refused, too";
}

TEST_F(ApiServerTest, AConditionOfADeletionIsNotOverlooked) {
  api_.Send("POST", kConfigMaps, ConfigMap("a", "1"));
  for (const char* options :
       {R"({"preconditions":{"resourceVersion":1}})", R"({"preconditions":{"uid":["x"]}})",
        R"({"preconditions":"x"})", R"({"propagationPolicy":1})"}) {
    EXPECT_EQ(api_.Code("DELETE", In(kConfigMaps, "a"), *ParseJson(options)), 400) << options;
  }
  EXPECT_EQ(api_.Code("DELETE", In(kConfigMaps, "a"),
                      *ParseJson(R"({"gracePeriodSeconds":18446744073709551615})")),
            422);
  EXPECT_EQ(api_.Code("DELETE", In(kConfigMaps, "a"),
                      *ParseJson(R"({"preconditions":{"uid":null},"propagationPolicy":null})")),
            200);
}

TEST_F(ApiServerTest, HealthTellsEachCheck) {
  EXPECT_EQ(api_.Send("GET", "/readyz")->reply().body, "ok");
  EXPECT_EQ(api_.Send("GET", "/readyz?verbose")->reply().body,
            "[+]ping ok\n[+]store ok\n[+]controllers ok\nreadyz check passed\n");
  api_.is_ready = false;
  const auto failed = api_.Send("GET", "/readyz");
  EXPECT_EQ(failed->status(), 500);
  EXPECT_EQ(failed->reply().body,
            "[+]ping ok\n[+]store ok\n[-]controllers failed\nreadyz check failed\n");
  EXPECT_EQ(api_.Code("GET", "/livez"), 200);
  EXPECT_EQ(api_.Code("GET", "/healthz"), 200);
  EXPECT_EQ(api_.Code("GET", "/readyz/store"), 200);
  EXPECT_EQ(api_.Code("GET", "/readyz/controllers"), 500);
  EXPECT_EQ(api_.Code("GET", "/readyz/none"), 404);
  EXPECT_EQ(api_.Code("POST", "/readyz"), 405);
}

TEST_F(ApiServerTest, DocumentsAboutTheApi) {
  EXPECT_EQ(api_.Send("GET", "/api")->json()["kind"], "APIVersions");
  EXPECT_EQ(api_.Send("GET", "/apis")->json()["kind"], "APIGroupList");
  EXPECT_EQ(api_.Send("GET", "/api/v1")->json()["kind"], "APIResourceList");
  EXPECT_EQ(api_.Send("GET", "/apis/batch")->json()["kind"], "APIGroup");
  EXPECT_EQ(api_.Send("GET", "/apis/batch/v1")->json()["kind"], "APIResourceList");
  const auto aggregated = api_.Send(
      "GET", "/apis", Json(),
      {{"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}});
  EXPECT_EQ(aggregated->json()["kind"], "APIGroupDiscoveryList");
  EXPECT_NE(aggregated->reply().content_type, "application/json");
  EXPECT_FALSE(api_.Send("GET", "/version")->json()["gitVersion"].get<std::string>().empty());
  EXPECT_EQ(api_.Send("GET", "/")->json()["paths"][0], "/api");
  EXPECT_EQ(api_.Send("GET", "/openapi/v2")->json()["swagger"], "2.0");
  const auto protobuf =
      api_.Send("GET", "/openapi/v2", Json(),
                {{"Accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}});
  EXPECT_EQ(protobuf->reply().content_type,
            "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  EXPECT_TRUE(api_.Send("GET", "/openapi/v3")->json().contains("paths"));
  EXPECT_TRUE(api_.Send("GET", "/openapi/v3/api/v1")->json().contains("openapi"));
  EXPECT_TRUE(api_.Send("GET", "/openapi/v3/apis/batch/v1")->json().contains("openapi"));
}

TEST_F(ApiServerTest, MetricsCountRequests) {
  api_.Send("GET", kConfigMaps);
  api_.Send("GET", kConfigMaps);
  api_.Send("GET", "/api/v1/made%22up");
  const std::string text = api_.Send("GET", "/metrics")->reply().body;
  EXPECT_NE(text.find("apiserver_request_total{verb=\"list\",group=\"\",resource=\"configmaps\","
                      "code=\"200\"} 2\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("made"), std::string::npos);
}

TEST_F(ApiServerTest, ReportsGoToTheirSink) {
  const std::string base = "/apis/throng.dev/v1alpha1/namespaces/default/replicas/";
  const auto reply = api_.Send("POST", base + "pod/report", {{"full", true}});
  EXPECT_EQ(reply->status(), 200);
  EXPECT_EQ(reply->reply().body, "{}\n");
  EXPECT_EQ(api_.reports.last, "default/pod {\"full\":true}");
  EXPECT_EQ(api_.Code("POST", base + "unknown/report", {{"full", true}}), 409);
  EXPECT_EQ(api_.Code("POST", base + "pod/report", Json::array()), 400);
  EXPECT_EQ(api_.Code("GET", base + "pod/report"), 405);
  EXPECT_EQ(api_.audit, "");
  EXPECT_EQ(api_.Code("POST", base + "pod/other", Json::object()), 404);
}

TEST_F(ApiServerTest, CredentialsAreForTheControlPlanesOwnProcesses) {
  const std::string base = "/apis/throng.dev/v1alpha1/namespaces/default/replicas/";
  api_.tokens.users["own"] = {std::string(kInternalUser), {std::string(kMastersGroup)}};
  api_.tokens.users["admin"] = {"admin", {std::string(kMastersGroup)}};
  api_.tokens.users["viewer"] = {"viewer", {std::string(kViewersGroup)}};
  const auto code = [&](const char* token, const std::string& method, const std::string& path) {
    return api_.Code(method, base + path, Json(),
                     {{"Authorization", std::string("Bearer ") + token}});
  };
  EXPECT_EQ(code("own", "GET", "pod/credentials"), 200);
  EXPECT_EQ(code("own", "GET", "unknown/credentials"), 409);
  EXPECT_EQ(code("own", "POST", "pod/credentials"), 405);
  EXPECT_EQ(code("admin", "GET", "pod/credentials"), 403);
  EXPECT_EQ(code("viewer", "GET", "pod/credentials"), 403);
  EXPECT_EQ(code("own", "GET", "pod/secrets"), 404);
}

TEST_F(ApiServerTest, EverybodyMayAskWhatHeMayDo) {
  ApiServerOptions options;
  options.anonymous = http::PeerIdentity{"eve", {std::string(kViewersGroup)}};
  api_.Restart(std::move(options));
  const auto may = [&](const Json& spec) {
    const auto reply = api_.Send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                 {{"kind", "SelfSubjectAccessReview"}, {"spec", spec}});
    EXPECT_EQ(reply->status(), 201);
    return reply->json()["status"]["allowed"].get<bool>();
  };
  EXPECT_TRUE(may({{"resourceAttributes", {{"verb", "list"}, {"resource", "pods"}}}}));
  EXPECT_FALSE(may({{"resourceAttributes", {{"verb", "list"}, {"resource", "secrets"}}}}));
  EXPECT_TRUE(may({{"nonResourceAttributes", {{"verb", "get"}, {"path", "/version"}}}}));
  EXPECT_FALSE(may({{"nonResourceAttributes", {{"verb", "put"}, {"path", "/version"}}}}));
  EXPECT_FALSE(may(Json::object()));
  EXPECT_EQ(
      api_.Code("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Json::array()),
      400);
}

TEST_F(ApiServerTest, RefusalsOfTheParserAreStatusesToo) {
  const Result<Json> status = ParseJson(RefusalBody(413, "the body is too large"));
  ASSERT_TRUE(status.ok());
  EXPECT_EQ((*status)["kind"], "Status");
  EXPECT_EQ((*status)["code"], 413);
  EXPECT_EQ((*status)["reason"], "RequestEntityTooLarge");
}

TEST_F(ApiServerTest, DerivedKindsWaitForTheControllers) {
  const std::string target = "/apis/throng.dev/v1alpha1/modelassignments";
  const auto early = api_.Send("GET", target);
  EXPECT_EQ(early->status(), 503);
  EXPECT_EQ(early->ReplyHeader("Retry-After"), "1");
  EXPECT_EQ(api_.Code("GET", target + "?watch=1"), 503);
  api_.registry.SetDerivedReady();
  EXPECT_EQ(api_.Code("GET", target), 200);
}

}  // namespace
}  // namespace throng::kube::server
