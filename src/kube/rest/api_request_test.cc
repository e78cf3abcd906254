#include "kube/rest/api_request.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace throng::kube::server
