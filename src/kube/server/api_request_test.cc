#include "kube/server/api_request.h"

#include <gtest/gtest.h>

#include "kube/server/access.h"

namespace throng::kube::server {
namespace {

TEST(QueryTest, DecodesNamesAndValues) {
  const Query query = Query::Parse(
      "/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%29&watch&limit=5&x=1&x=2&&=3&p=%zz%");
  EXPECT_EQ(query.Get("labelSelector"), "a=b,c in (d)");
  EXPECT_TRUE(query.IsTrue("watch"));
  EXPECT_FALSE(query.IsTrue("follow"));
  EXPECT_EQ(**query.Number("limit"), 5);
  EXPECT_EQ(query.All("x"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(query.Get("x"), "1");
  EXPECT_EQ(query.Get("p"), "%zz%");
  EXPECT_FALSE(Query::Parse("/api/v1/pods").Has("watch"));
}

TEST(QueryTest, ReadsFlagsAndNumbersAsKubernetesDoes) {
  for (const char* text : {"?watch=false", "?watch=0", "?watch=False"}) {
    EXPECT_FALSE(Query::Parse(text).IsTrue("watch")) << text;
  }
  for (const char* text : {"?watch=true", "?watch=1", "?watch", "?watch="}) {
    EXPECT_TRUE(Query::Parse(text).IsTrue("watch")) << text;
  }
  EXPECT_FALSE(Query::Parse("?limit=").Number("limit")->has_value());
  for (const char* text : {"?limit=x", "?limit=-1", "?limit=1.5", "?limit=99999999999999999999"}) {
    const auto number = Query::Parse(text).Number("limit");
    ASSERT_FALSE(number.ok()) << text;
    EXPECT_EQ(number.error().code, 400);
  }
}

TEST(ResourcePathTest, FindsGroupNamespaceResourceAndName) {
  struct Case {
    const char* path;
    ResourcePath expected;
  };
  const auto show = [](const ResourcePath& path) {
    return path.group + "|" + path.version + "|" + path.name_space + "|" + path.resource + "|" +
           path.name + "|" + path.subresource + "|" + std::to_string(path.rest.size());
  };
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"/api/v1/pods", "|v1||pods|||0"},
      {"/api/v1/namespaces", "|v1||namespaces|||0"},
      {"/api/v1/namespaces/x", "|v1||namespaces|x||0"},
      {"/api/v1/namespaces/x/status", "|v1||namespaces|x|status|0"},
      {"/api/v1/namespaces/x/pods", "|v1|x|pods|||0"},
      {"/api/v1/namespaces/x/pods/y", "|v1|x|pods|y||0"},
      {"/api/v1/namespaces/x/pods/y/log", "|v1|x|pods|y|log|0"},
      {"/api/v1/namespaces/x/pods/status", "|v1|x|pods|status||0"},
      {"/apis/g.io/v1beta1/namespaces/x/things/y/status/z", "g.io|v1beta1|x|things|y|status|1"},
      {"/apis/g.io/v1/things/", "g.io|v1||things|||0"},
  };
  for (const auto& [path, expected] : cases) {
    const auto parsed = ParseResourcePath(path);
    ASSERT_TRUE(parsed) << path;
    EXPECT_EQ(show(*parsed), expected) << path;
  }
  for (const char* path : {"/", "/api", "/api/v1", "/apis/g.io", "/apis/g.io/v1", "/version"}) {
    EXPECT_FALSE(ParseResourcePath(path)) << path;
  }
}

TEST(ResourcePathTest, VerbsFollowMethodAndName) {
  const auto verb = [](const char* method, const char* target) {
    const std::string path = std::string(target).substr(0, std::string(target).find('?'));
    return VerbOf(method, *ParseResourcePath(path), Query::Parse(target));
  };
  EXPECT_EQ(verb("GET", "/api/v1/pods"), "list");
  EXPECT_EQ(verb("GET", "/api/v1/pods?watch=1"), "watch");
  EXPECT_EQ(verb("GET", "/api/v1/namespaces/x"), "get");
  EXPECT_EQ(verb("POST", "/api/v1/pods"), "create");
  EXPECT_EQ(verb("PUT", "/api/v1/namespaces/x"), "update");
  EXPECT_EQ(verb("PATCH", "/api/v1/namespaces/x"), "patch");
  EXPECT_EQ(verb("DELETE", "/api/v1/namespaces/x"), "delete");
  EXPECT_EQ(verb("DELETE", "/api/v1/pods"), "deletecollection");
  EXPECT_EQ(verb("TRACE", "/api/v1/pods"), "");
}

TEST(BearerTokenTest, ReadsTheSchemeInAnyCase) {
  const auto token = [](const char* header) {
    http::Request request;
    request.headers.push_back({"Authorization", header});
    return BearerToken(request);
  };
  EXPECT_EQ(token("Bearer abc"), "abc");
  EXPECT_EQ(token("bearer  abc"), "abc");
  for (const char* header : {"", "Bearer", "Bearer ", "Bearer    ", "Basic abc", "Bearerabc"}) {
    EXPECT_FALSE(token(header)) << header;
  }
  EXPECT_FALSE(BearerToken({}));
}

TEST(AuthorizeTest, ViewersReadEverythingButSecrets) {
  const http::PeerIdentity viewer{"eve", {std::string(kViewersGroup)}};
  const auto refused = [&](const http::PeerIdentity& user, Attributes asked) {
    const auto error = Authorize(user, asked);
    return error ? error->message : std::string();
  };
  Attributes list;
  list.verb = "list";
  list.resource = "pods";
  list.name_space = "default";
  EXPECT_EQ(refused(viewer, list), "");
  Attributes secret = list;
  secret.resource = "secrets";
  EXPECT_EQ(
      refused(viewer, secret),
      "secrets is forbidden: User \"eve\" cannot list resource \"secrets\" in API group \"\" in "
      "the namespace \"default\"");
  Attributes write;
  write.verb = "delete";
  write.group = "serving.kubeflow.org";
  write.resource = "trainedmodels";
  write.name = "a";
  EXPECT_EQ(
      refused(viewer, write),
      "trainedmodels.serving.kubeflow.org \"a\" is forbidden: User \"eve\" cannot delete "
      "resource \"trainedmodels\" in API group \"serving.kubeflow.org\" at the cluster scope");
  Attributes log = list;
  log.verb = "create";
  log.subresource = "log";
  EXPECT_NE(refused(viewer, log).find("\"pods/log\""), std::string::npos);
  const http::PeerIdentity nobody{"bob", {}};
  EXPECT_NE(refused(nobody, list), "");
  Attributes path;
  path.verb = "get";
  path.path = "/apis/x";
  EXPECT_EQ(refused(nobody, path), "");
  path.path = "/apisx";
  EXPECT_NE(refused(nobody, path), "");
  path.path = "/metrics";
  EXPECT_EQ(refused(viewer, path), "");
  EXPECT_EQ(refused(nobody, path), "forbidden: User \"bob\" cannot get path \"/metrics\"");
  EXPECT_EQ(refused({"root", {std::string(kMastersGroup)}}, write), "");
}

TEST(AuditTest, TellsWhoDidWhatToWhat) {
  AuditEntry entry;
  entry.time = WallTime(std::chrono::seconds(1621717148));
  entry.user = "al\nice";
  entry.asked.verb = "delete";
  entry.asked.resource = "pods";
  entry.asked.name_space = "default";
  entry.asked.name = "a";
  entry.code = 200;
  EXPECT_EQ(AuditLine(entry),
            "{\"code\":200,\"name\":\"a\",\"namespace\":\"default\",\"resource\":\"pods\",\"time\":"
            "\"2021-05-22T20:59:08.000000Z\",\"user\":\"al\\nice\",\"verb\":\"delete\"}\n");
}

}  // namespace
}  // namespace throng::kube::server
