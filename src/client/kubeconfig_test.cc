#include "client/kubeconfig.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/testing/memory_file_system.h"

namespace throng::client {
namespace {

constexpr const char* kOne = R"(
apiVersion: v1
kind: Config
current-context: one
contexts:
- name: one
  context: {cluster: c, user: u, namespace: models}
- name: plain
  context: {cluster: c}
- name: lost
  context: {cluster: nowhere, user: u}
clusters:
- name: c
  cluster:
    server: https://host:6443/base/
    certificate-authority: ca.pem
    tls-server-name: api
    proxy-url: http://proxy:3128
users:
- name: u
  user: {client-certificate-data: Q0VSVA==, client-key: keys/key.pem}
)";

std::string User(const std::string& user) {
  return "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
         "clusters: [{name: c, cluster: {server: 'http://h'}}]\nusers: [{name: u, user: " +
         user + "}]\n";
}

class KubeconfigTest : public ::testing::Test {
 protected:
  KubeconfigTest() {
    files_.PutFile("/a/config", kOne);
    files_.PutFile("/a/ca.pem", "CA");
    files_.PutFile("/a/keys/key.pem", "KEY");
  }
  Result<ClusterAccess> Load(const std::string& file) { return LoadAccess(files_, {.file = file}); }
  std::string Error(const std::string& content) {
    files_.PutFile("/bad", content);
    const auto access = Load("/bad");
    return access.ok() ? "ok" : access.status().message();
  }

  os::testing::MemoryFileSystem files_;
};

TEST_F(KubeconfigTest, OneIsNoLargerThanItsBound) {
  const std::string one = User("{token: t}");
  const auto padded = [&](size_t bytes) {
    return one + "#" + std::string(bytes - one.size() - 1, 'x');
  };
  EXPECT_EQ(Error(padded(limits::kKubeconfigBytes - 1)), "ok");
  EXPECT_EQ(Error(padded(limits::kKubeconfigBytes)), "ok");
  EXPECT_NE(Error(padded(limits::kKubeconfigBytes + 1)), "ok");
}

TEST_F(KubeconfigTest, ReadsContextClusterAndUser) {
  const auto access = Load("/a/config");
  ASSERT_TRUE(access.ok()) << access.status().ToString();
  EXPECT_EQ(access->server, "https://host:6443/base");
  EXPECT_EQ(access->name_space, "models");
  EXPECT_EQ(access->authority_pem, "CA");
  EXPECT_EQ(access->tls_server_name, "api");
  EXPECT_EQ(access->proxy_url, "http://proxy:3128");
  EXPECT_EQ(access->certificate_pem, "CERT");
  EXPECT_EQ(access->private_key_pem, "KEY");
  EXPECT_FALSE(access->skip_tls_verify);
}

TEST_F(KubeconfigTest, AContextMayHaveNoUserAndNoNamespace) {
  const auto access = LoadAccess(files_, {.file = "/a/config", .context = "plain"});
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->name_space, "default");
  EXPECT_EQ(access->certificate_pem, "");
}

TEST_F(KubeconfigTest, OfSeveralFilesTheFirstCounts) {
  files_.PutFile("/b/config",
                 "current-context: two\n"
                 "contexts: [{name: two, context: {cluster: c, user: v}}]\n"
                 "clusters: [{name: c, cluster: {server: 'http://other', proxy-url: 'x'}}]\n"
                 "users: [{name: v, user: {tokenFile: t}}]\n");
  files_.PutFile("/b/t", "token\n");
  const KubeconfigOptions both{.list = "/missing::/a/config:/b/config:/a/config"};
  EXPECT_EQ(LoadAccess(files_, both)->name_space, "models");
  KubeconfigOptions second = both;
  second.context = "two";
  const auto access = LoadAccess(files_, second);
  ASSERT_TRUE(access.ok()) << access.status().ToString();
  EXPECT_EQ(access->server, "https://host:6443/base");
  EXPECT_EQ(access->authority_pem, "CA");
  EXPECT_EQ(access->token, "token");
  const KubeconfigOptions turned{.list = "/b/config:/a/config"};
  EXPECT_EQ(LoadAccess(files_, turned)->server, "http://other");
}

TEST_F(KubeconfigTest, WithoutAnyTheFirstThatIsThereIsTaken) {
  const KubeconfigOptions options{.fallbacks = {"/home/.kube/config", "/a/config"}};
  EXPECT_TRUE(LoadAccess(files_, options).ok());
  EXPECT_EQ(LoadAccess(files_, {.fallbacks = {"/none"}}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(LoadAccess(files_, {.list = "/none", .fallbacks = {"/a/config"}}).status().code(),
            StatusCode::kNotFound);
  EXPECT_EQ(Load("/none").status().code(), StatusCode::kNotFound);
}

TEST_F(KubeconfigTest, WhatIsMissingIsNamed) {
  const auto error = [&](const std::string& context) {
    return LoadAccess(files_, {.file = "/a/config", .context = context}).status().message();
  };
  EXPECT_EQ(error("no"), "context \"no\" does not exist");
  EXPECT_EQ(error("lost"), "cluster \"nowhere\" does not exist");
  EXPECT_EQ(Error(""), "kubeconfig: no current-context; give --context");
  EXPECT_EQ(Error("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: no}}]\n"
                  "clusters: [{name: c, cluster: {server: h}}]"),
            "user \"no\" does not exist");
}

TEST_F(KubeconfigTest, CredentialsOfAllKinds) {
  files_.PutFile("/u", User("{token: abc, tokenFile: file}"));
  files_.PutFile("/file", " from-file \n");
  EXPECT_EQ(Load("/u")->token, " from-file");
  files_.PutFile("/u", User("{username: a, password: b, as: c, as-groups: [d, e]}"));
  const auto access = Load("/u");
  EXPECT_EQ(access->user + access->password + access->impersonated_user, "abc");
  EXPECT_EQ(access->impersonated_groups, (std::vector<std::string>{"d", "e"}));
}

TEST_F(KubeconfigTest, WhatCannotWorkIsRefused) {
  EXPECT_EQ(Error("[]"), "kubeconfig: not an object");
  EXPECT_EQ(Error("clusters: {}"), "kubeconfig: clusters must be a list");
  EXPECT_TRUE(Error("a: [").starts_with("kubeconfig: "));
  EXPECT_EQ(Error(User("{client-certificate-data: '!!'}")),
            "kubeconfig: client-certificate-data: not base64");
  EXPECT_EQ(Error(User("{client-certificate-data: Q0VSVA==}")),
            "kubeconfig: client-certificate and client-key go together");
  EXPECT_TRUE(Error(User("{exec: {command: aws}}")).find("'exec', which throng does not run") !=
              std::string::npos);
  EXPECT_NE(Error(User("{auth-provider: {name: oidc}}")), "ok");
  const std::string cluster =
      "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, "
      "cluster: {";
  EXPECT_EQ(Error(cluster + "}}]"), "kubeconfig: the cluster has no server");
  EXPECT_EQ(Error(cluster + "server: 'ftp://x'}}]"),
            "kubeconfig: server must be http:// or https://");
  EXPECT_NE(Error(cluster + "server: 'https://x', insecure-skip-tls-verify: true, "
                            "certificate-authority-data: Q0VSVA==}}]"),
            "ok");
  EXPECT_NE(Error(cluster + "server: 'https://x', certificate-authority: none}}]"), "ok");
}

TEST(Base64Test, DecodesAndRefuses) {
  EXPECT_EQ(*DecodeBase64(""), "");
  EXPECT_EQ(*DecodeBase64("YQ=="), "a");
  EXPECT_EQ(*DecodeBase64("YWI="), "ab");
  EXPECT_EQ(*DecodeBase64("YW\nJj\r\n"), "abc");
  EXPECT_EQ(*DecodeBase64("/+8="), "\xff\xef");
  for (const char* bad : {"Y", "YQ", "YQ=", "YQ===", "Y=Q=", "Y Q=", "YQ==YQ==", "====", "-_8="}) {
    EXPECT_FALSE(DecodeBase64(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace throng::client
