#include "kube/rest/access.h"

#include <gtest/gtest.h>

namespace throng::kube::server {
namespace {

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

TEST(ReviewIdentityTest, EverybodyMayAskWhoHeIs) {
  const http::PeerIdentity nobody{"bob", {"people"}};
  Attributes asked;
  asked.verb = "create";
  asked.group = "authentication.k8s.io";
  asked.resource = "selfsubjectreviews";
  EXPECT_FALSE(Authorize(nobody, asked).has_value());
  EXPECT_EQ(ReviewIdentity(nobody, {{"kind", "SelfSubjectReview"}}),
            Json::parse(R"({"kind": "SelfSubjectReview",
                "status": {"userInfo": {"username": "bob", "groups": ["people"]}}})"));
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
