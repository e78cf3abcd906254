#include "reconcilers/credentials/credential_reader.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/control_limits.h"

namespace throng::reconcilers {
namespace {

using kube::Json;

// Objects of one namespace, by "resource/name".
class CredentialReaderTest : public ::testing::Test {
 protected:
  static Json Secret(const std::map<std::string, std::string>& entries,
                     const Json& annotations = Json::object()) {
    Json data = Json::object();
    for (const auto& [key, value] : entries) data[key] = EncodeBase64(value);
    return {{"metadata", {{"uid", "u"}, {"annotations", annotations}}}, {"data", data}};
  }
  static Json Account(const std::vector<std::string>& secrets,
                      const Json& annotations = Json::object()) {
    Json references = Json::array();
    for (const std::string& name : secrets) references.push_back({{"name", name}});
    return {{"metadata", {{"uid", "u"}, {"annotations", annotations}}}, {"secrets", references}};
  }
  void Put(const std::string& path, Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++revision_);
    objects_[path] = std::move(object);
  }
  CredentialSet Gather(const CredentialsAsked& asked = {}) const {
    return GatherCredentials(
        asked, config_,
        [this](std::string_view resource, const std::string& name) -> std::optional<Json> {
          const auto found = objects_.find(std::string(resource) + "/" + name);
          if (found == objects_.end()) return std::nullopt;
          return found->second;
        });
  }
  static std::string ReasonOf(const CredentialSet& set, const std::string& part) {
    const auto found = set.problems.find(part);
    return found == set.problems.end() ? "" : found->second.reason;
  }

  CredentialsConfig config_;
  std::map<std::string, Json> objects_;
  int revision_ = 0;
};

TEST_F(CredentialReaderTest, NothingIsAskedForAndNothingIsThere) {
  const CredentialSet set = Gather();
  EXPECT_EQ(set.version, "");
  EXPECT_EQ(set.document, Json::object());
  EXPECT_TRUE(set.problems.empty());
  // It would be looked at again when one of them came.
  EXPECT_TRUE(set.depends.contains({"serviceaccounts", "default"}));
  EXPECT_TRUE(set.depends.contains({"secrets", "storage-config"}));
}

TEST_F(CredentialReaderTest, TheDefaultAccountIsEverybodys) {
  Put("serviceaccounts/default", Account({"s3"}));
  Put("secrets/s3", Secret({{"AWS_ACCESS_KEY_ID", "id\n"}, {"AWS_SECRET_ACCESS_KEY", "key\n"}}));
  EXPECT_EQ(Gather().document, (Json{{"s3", {{"accessKeyId", "id"}, {"secretAccessKey", "key"}}}}));
}

TEST_F(CredentialReaderTest, S3InBothSpellingsOfAnnotationsAndKeys) {
  Put("serviceaccounts/reader", Account({"s3"}));
  for (const std::string group : {"serving.kserve.io/", "serving.kubeflow.org/"}) {
    Put("secrets/s3", Secret({{"awsAccessKeyID", "id"}, {"awsSecretAccessKey", "key"}},
                             {{group + "s3-endpoint", "minio:9000"},
                              {group + "s3-usehttps", "0"},
                              {group + "s3-region", "eu-west-1"},
                              {group + "s3-verifyssl", "0"},
                              {group + "s3-useanoncredential", "true"},
                              {group + "s3-usevirtualbucket", "1"}}));
    EXPECT_EQ(Gather({.account = "reader"}).document["s3"], (Json{{"accessKeyId", "id"},
                                                                  {"secretAccessKey", "key"},
                                                                  {"endpoint", "http://minio:9000"},
                                                                  {"region", "eu-west-1"},
                                                                  {"verifyTls", false},
                                                                  {"anonymous", true},
                                                                  {"virtualHosted", true}}));
  }
  Put("secrets/s3", Secret({{"AWS_ACCESS_KEY_ID", "id"},
                            {"AWS_SECRET_ACCESS_KEY", "key"},
                            {"AWS_SESSION_TOKEN", "token"},
                            {"S3_ENDPOINT", "minio:9000"},
                            {"AWS_DEFAULT_REGION", "r"}}));
  const Json s3 = Gather({.account = "reader"}).document["s3"];
  EXPECT_EQ(s3["endpoint"], "https://minio:9000");
  EXPECT_EQ(s3["sessionToken"], "token");
  EXPECT_EQ(s3["region"], "r");
}

TEST_F(CredentialReaderTest, TheConfigurationNamesKeysAndSettings) {
  const auto config = ReadCredentialsConfig(R"({
      "s3":{"s3AccessKeyIDName":"ID","s3SecretAccessKeyName":"KEY","s3Endpoint":"h","s3UseHttps":"0"},
      "gcs":{"gcsCredentialFileName":"key.json"},
      "storageSpecSecretName":"stores","storageSecretNameAnnotation":"example.com/secret"})");
  ASSERT_TRUE(config.ok());
  config_ = *config;
  Put("serviceaccounts/default", Account({"s3", "gcs"}));
  Put("secrets/s3", Secret({{"ID", "id"}, {"KEY", "key"}}));
  Put("secrets/gcs", Secret({{"key.json", R"({"type":"service_account"})"}}));
  const Json document = Gather().document;
  EXPECT_EQ(document["s3"]["accessKeyId"], "id");
  EXPECT_EQ(document["s3"]["endpoint"], "http://h");
  EXPECT_EQ(document["gcs"]["serviceAccount"], R"({"type":"service_account"})");
  EXPECT_EQ(config_.storage_secret, "stores");
  EXPECT_EQ(
      AskedBy({{"metadata", {{"annotations", {{"example.com/secret", "mine"}}}}}}, config_).secret,
      "mine");
  for (const char* bad : {"", "[]", "{"}) EXPECT_FALSE(ReadCredentialsConfig(bad).ok()) << bad;
}

TEST_F(CredentialReaderTest, CertificatesComeFromAConfigMap) {
  Put("serviceaccounts/default", Account({"s3"}));
  const auto secret = [&](const Json& annotations) {
    Put("secrets/s3",
        Secret({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key"}}, annotations));
    return Gather();
  };
  const std::string group = "serving.kserve.io/";
  CredentialSet set = secret({{group + "s3-cabundle-configmap", "bundle"}});
  EXPECT_FALSE(set.document["s3"].contains("caPem"));
  ASSERT_EQ(set.ignored.size(), 1U);
  Put("configmaps/bundle", {{"data", {{"cabundle.crt", "PEM"}, {"own.crt", "OWN"}}}});
  EXPECT_EQ(secret({{group + "s3-cabundle-configmap", "bundle"}}).document["s3"]["caPem"], "PEM");
  EXPECT_EQ(secret({{group + "s3-cabundle-configmap", "bundle"},
                    {group + "s3-cabundle", "/etc/ssl/custom-certs/own.crt"}})
                .document["s3"]["caPem"],
            "OWN");
  set = secret({{group + "s3-cabundle", "/etc/ssl/own.crt"}, {group + "s3-useaccelerate", "1"}});
  EXPECT_EQ(set.ignored.size(), 2U);
}

TEST_F(CredentialReaderTest, GoogleAzureAndHeadersOfHosts) {
  Put("serviceaccounts/default", Account({"gcs", "azure", "web", "lines", "pull"}));
  Put("secrets/gcs", Secret({{"gcloud-application-credentials.json", R"({"a":1})"}}));
  Put("secrets/azure", Secret({{"AZURE_STORAGE_ACCESS_KEY", "a2V5"}}));
  Put("secrets/web", Secret({{"https-host", "https://models.example/\n"},
                             {"headers", R"({"Authorization":"Bearer t","X-N":7})"}}));
  Put("secrets/lines", Secret({{"https-host", "other"}, {"headers", "A: 1\r\nB:2\n\nnothing\n"}}));
  Put("secrets/pull", Secret({{".dockerconfigjson", "{}"}}));
  EXPECT_EQ(Gather().document,
            (Json{{"gcs", {{"serviceAccount", R"({"a":1})"}}},
                  {"azure", {{"accountKey", "a2V5"}}},
                  {"https",
                   {{{"host", "models.example"},
                     {"headers", Json::parse(R"([["Authorization","Bearer t"],["X-N","7"]])")}},
                    {{"host", "other"}, {"headers", Json::parse(R"([["A","1"],["B","2"]])")}}}}}));
}

TEST_F(CredentialReaderTest, WhatIsMissingIsNamed) {
  CredentialSet set = Gather({.account = "reader"});
  EXPECT_EQ(ReasonOf(set, ""), "ServiceAccountNotFound");
  EXPECT_NE(set.problems[""].message.find("\"reader\""), std::string::npos);
  EXPECT_NE(set.version, "");
  Put("serviceaccounts/reader", Account({"s3"}));
  set = Gather({.account = "reader"});
  EXPECT_EQ(ReasonOf(set, ""), "SecretNotFound");
  EXPECT_NE(set.problems[""].message.find("\"s3\""), std::string::npos);
  EXPECT_TRUE(set.depends.contains({"secrets", "s3"}));
  EXPECT_EQ(ReasonOf(Gather({.secret = "own"}), ""), "SecretNotFound");
  EXPECT_EQ(ReasonOf(Gather({.storage_key = "minio"}), ""), "SecretNotFound");
  Put("secrets/storage-config", Secret({{"other", "{}"}}));
  EXPECT_EQ(ReasonOf(Gather({.storage_key = "minio"}), ""), "StorageKeyNotFound");
}

TEST_F(CredentialReaderTest, WhatCannotBeUsedIsToldWithoutItsContent) {
  Put("serviceaccounts/default", Account({"a"}));
  const auto told = [&](const std::map<std::string, std::string>& entries, const char* part,
                        const char* reason) {
    Put("secrets/a", Secret(entries));
    const CredentialSet set = Gather();
    EXPECT_EQ(ReasonOf(set, part), reason);
    EXPECT_EQ(set.problems.begin()->second.message.find("SECRETVALUE"), std::string::npos);
  };
  told({{"AWS_SECRET_ACCESS_KEY", "SECRETVALUE"}}, "s3", "SecretInvalid");
  told({{"gcloud-application-credentials.json", "SECRETVALUE"}}, "gcs", "SecretInvalid");
  told({{"AZ_CLIENT_ID", "id"}, {"AZ_CLIENT_SECRET", "SECRETVALUE"}}, "azure",
       "CredentialsNotSupported");
  told({{"AZURE_CLIENT_ID", "id"}}, "azure", "CredentialsNotSupported");
  told({{"https-host", "h"}, {"headers", "SECRETVALUE"}}, "https", "SecretInvalid");
  Put("secrets/storage-config", Secret({{"default", "SECRETVALUE"}}));
  EXPECT_EQ(ReasonOf(Gather(), "s3"), "SecretInvalid");
  EXPECT_EQ(Gather().problems.at("s3").message.find("SECRETVALUE"), std::string::npos);
}

TEST_F(CredentialReaderTest, RolesOfACloudAreIgnoredAloud) {
  Put("serviceaccounts/default",
      Account({}, {{"eks.amazonaws.com/role-arn", "arn:aws:iam::1:role/x"},
                   {"serving.kserve.io/s3-region", "eu-west-1"},
                   {"iam.gke.io/gcp-service-account", "x@y"}}));
  const CredentialSet set = Gather();
  EXPECT_EQ(set.ignored.size(), 2U);
  EXPECT_EQ(set.document["s3"], (Json{{"region", "eu-west-1"}}));
}

TEST_F(CredentialReaderTest, TheStorageSecretByItsDefaultAndByKey) {
  Put("secrets/storage-config",
      Secret({{"default", R"({"type":"s3","access_key_id":"d","secret_access_key":"e",
                              "endpoint_url":"http://minio:9000","bucket":"b","region":"r"})"},
              {"own", R"({"type":"s3","access_key_id":"o","secret_access_key":"p",
                          "anonymous":"true","verify_ssl":"0","certificate":"PEM"})"},
              {"files", R"({"type":"hdfs"})"}}));
  EXPECT_EQ(Gather().document["s3"], (Json{{"accessKeyId", "d"},
                                           {"secretAccessKey", "e"},
                                           {"endpoint", "http://minio:9000"},
                                           {"region", "r"}}));
  EXPECT_EQ(Gather({.storage_key = "own"}).document["s3"], (Json{{"accessKeyId", "o"},
                                                                 {"secretAccessKey", "p"},
                                                                 {"anonymous", true},
                                                                 {"verifyTls", false},
                                                                 {"caPem", "PEM"}}));
  EXPECT_EQ(ReasonOf(Gather({.storage_key = "files"}), ""), "CredentialsNotSupported");
  // An account's own go before everybody's, and a Secret that is named before both.
  Put("serviceaccounts/default", Account({"s3"}));
  Put("secrets/s3", Secret({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key"}}));
  EXPECT_EQ(Gather().document["s3"]["accessKeyId"], "id");
  Put("secrets/named", Secret({{"AWS_ACCESS_KEY_ID", "n"}, {"AWS_SECRET_ACCESS_KEY", "key"}}));
  EXPECT_EQ(Gather({.secret = "named"}).document["s3"]["accessKeyId"], "n");
  EXPECT_EQ(Gather({.secret = "storage-config"}).document["s3"]["accessKeyId"], "d");
}

TEST_F(CredentialReaderTest, TheVersionChangesWithWhatWasRead) {
  Put("serviceaccounts/default", Account({"s3"}));
  Put("secrets/s3", Secret({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key"}}));
  const std::string first = Gather().version;
  EXPECT_EQ(first.size(), 16U);
  EXPECT_EQ(Gather().version, first);
  Put("secrets/unrelated", Secret({}));
  EXPECT_EQ(Gather().version, first);
  Put("secrets/s3", Secret({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "other"}}));
  const std::string second = Gather().version;
  EXPECT_NE(second, first);
  config_.s3["s3Region"] = "r";
  EXPECT_NE(Gather().version, second);
}

TEST_F(CredentialReaderTest, SoManySecretsOfAnAccountAndNoMore) {
  for (const size_t extra : {-1, 0, 1}) {
    std::vector<std::string> names(limits::kAccountSecrets + extra, "web");
    Put("serviceaccounts/default", Account(names));
    Put("secrets/web", Secret({{"https-host", "h"}, {"headers", "A: 1"}}));
    const CredentialSet set = Gather();
    EXPECT_EQ(set.document["https"].size(), std::min(names.size(), limits::kAccountSecrets));
    EXPECT_EQ(set.ignored.size(), names.size() > limits::kAccountSecrets ? 1U : 0U);
  }
}

TEST(PartForTest, AddressesNeedTheirPart) {
  EXPECT_EQ(PartFor("gs://b/a"), "gcs");
  EXPECT_EQ(PartFor("s3://b/a"), "s3");
  EXPECT_EQ(PartFor("azure://host/c/a"), "azure");
  EXPECT_EQ(PartFor("https://acc.blob.core.windows.net/c/a"), "azure");
  EXPECT_EQ(PartFor("https://host/a"), "https");
  EXPECT_EQ(PartFor("http://host"), "https");
  EXPECT_EQ(PartFor("pvc://c/a"), "");
  EXPECT_EQ(PartFor("file:///a"), "");
  EXPECT_EQ(PartFor("nothing"), "");
}

}  // namespace
}  // namespace throng::reconcilers
