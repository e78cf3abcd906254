#include "storage/credentials.h"

#include <gtest/gtest.h>

namespace throng::storage {
namespace {

TEST(CredentialsTest, ReadsWhatIsThereAndLeavesTheRestEmpty) {
  const auto none = CredentialsFromText("{}");
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->s3.access_key_id, "");
  EXPECT_TRUE(none->s3.verify_tls);
  EXPECT_TRUE(none->https.empty());
  const auto all = CredentialsFromText(R"({
      "gcs":{"serviceAccount":"{}"},
      "s3":{"accessKeyId":"a","secretAccessKey":"b","sessionToken":"c","endpoint":"http://h:1",
            "region":"r","anonymous":true,"virtualHosted":true,"verifyTls":false,"caPem":"p"},
      "azure":{"accountKey":"k","sasToken":"s"},
      "https":[{"host":"h","headers":[["A","1"],["B","2"]]},{"host":"i","headers":[]}]})");
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->gcs.service_account_json, "{}");
  EXPECT_EQ(all->s3.access_key_id + all->s3.secret_access_key + all->s3.session_token, "abc");
  EXPECT_EQ(all->s3.endpoint + all->s3.region + all->s3.ca_pem, "http://h:1rp");
  EXPECT_TRUE(all->s3.anonymous && all->s3.virtual_hosted && !all->s3.verify_tls);
  EXPECT_EQ(all->azure.account_key + all->azure.sas_token, "ks");
  ASSERT_EQ(all->https.size(), 2U);
  EXPECT_EQ(all->https[0].headers.size(), 2U);
  EXPECT_EQ(all->https[1].host, "i");
}

TEST(CredentialsTest, WhatIsNoSuchTextNamesTheFieldAndNoValue) {
  const char* const texts[] = {"",
                               "[]",
                               "SECRETVALUE",
                               R"({"gcs":"SECRETVALUE"})",
                               R"({"gcs":{"serviceAccount":7}})",
                               R"({"s3":{"accessKeyId":["SECRETVALUE"]}})",
                               R"({"s3":{"anonymous":"SECRETVALUE"}})",
                               R"({"azure":[]})",
                               R"({"azure":{"accountKey":{}}})",
                               R"({"https":{}})",
                               R"({"https":[1]})",
                               R"({"https":[{"host":"h"}]})",
                               R"({"https":[{"host":"h","headers":[["SECRETVALUE"]]}]})"};
  for (const char* const text : texts) {
    const auto credentials = CredentialsFromText(text);
    ASSERT_FALSE(credentials.ok()) << text;
    EXPECT_EQ(credentials.status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(credentials.status().message().find("SECRETVALUE"), std::string::npos);
  }
}

Result<std::string> NoFile(const std::string&) { return NotFoundError("no such file"); }

TEST(CredentialsTest, TheEnvironmentOfKServesAgent) {
  const auto none = CredentialsFromEnvironment({"PATH=/bin", "odd"}, NoFile);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->s3.access_key_id + none->gcs.service_account_json, "");
  const auto all = CredentialsFromEnvironment(
      {"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=a=b", "AWS_SESSION_TOKEN=t",
       "AWS_DEFAULT_REGION=r", "awsAnonymousCredential=True", "S3_USER_VIRTUAL_BUCKET=1",
       "AZURE_STORAGE_ACCESS_KEY=k", "GOOGLE_APPLICATION_CREDENTIALS=/key.json",
       R"(models.example-headers={"Authorization":"Bearer t"})", "other-headers=A: 1\nB:2\n",
       "-headers=x"},
      [](const std::string& path) -> Result<std::string> { return "content of " + path; });
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->s3.access_key_id + all->s3.secret_access_key, "ida=b");
  EXPECT_EQ(all->s3.session_token + all->s3.region, "tr");
  EXPECT_TRUE(all->s3.anonymous && all->s3.virtual_hosted);
  EXPECT_EQ(all->azure.account_key, "k");
  EXPECT_EQ(all->gcs.service_account_json, "content of /key.json");
  ASSERT_EQ(all->https.size(), 2U);
  EXPECT_EQ(all->https[0].host, "models.example");
  EXPECT_EQ(all->https[0].headers[0].second, "Bearer t");
  EXPECT_EQ(all->https[1].headers.size(), 2U);
  const Status no_file =
      CredentialsFromEnvironment({"GOOGLE_APPLICATION_CREDENTIALS=/gone"}, NoFile).status();
  EXPECT_NE(no_file.message().find("GOOGLE_APPLICATION_CREDENTIALS"), std::string::npos);
  const Status bad = CredentialsFromEnvironment({"h-headers=SECRETVALUE"}, NoFile).status();
  EXPECT_EQ(bad.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(bad.message().find("SECRETVALUE"), std::string::npos);
}

}  // namespace
}  // namespace throng::storage
