#include "storage/mirror.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "storage/storage_options.h"

namespace throng::storage {
namespace {

TEST(MirrorTest, OptionsAreParsed) {
  const Result<Mirror> folder = ParseMirror("gs://kfserving-examples/=/srv/examples/");
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(folder->prefix, "gs://kfserving-examples");
  EXPECT_EQ(folder->target, "/srv/examples");
  EXPECT_TRUE(folder->is_directory);
  const Result<Mirror> web = ParseMirror("s3://bucket/models=https://mirror.example/x=y/");
  ASSERT_TRUE(web.ok());
  EXPECT_EQ(web->prefix, "s3://bucket/models");
  EXPECT_EQ(web->target, "https://mirror.example/x=y");
  EXPECT_FALSE(web->is_directory);
  EXPECT_TRUE(ParseMirror("gs://bucket=http://127.0.0.1:8000").ok());
}

TEST(MirrorTest, BadOptionsAreRefused) {
  for (const char* text :
       {"", "gs://bucket", "=/srv", "gs://bucket/=", "gs://bucket/=srv", "gs://bucket/=/",
        "nfs://x/=/srv", "bucket=/srv", "gs://bucket/../x=/srv", "gs://bucket/=ftp://host/",
        "gs://bucket/=https://user:pw@host/", "gs://bucket/=https://host/?x", "hf://org=/srv",
        "gs://bucket/=gs://other/"}) {
    EXPECT_EQ(ParseMirror(text).ok(), false) << text;
  }
}

TEST(MirrorTest, WholeSegmentsMatchAndTheLongestWins) {
  std::vector<Mirror> mirrors;
  for (const char* text : {"gs://bucket=/all", "gs://bucket/models=/models",
                           "gs://bucket/models/a=https://web.example"}) {
    Result<Mirror> mirror = ParseMirror(text);
    ASSERT_TRUE(mirror.ok()) << text;
    mirrors.push_back(*mirror);
  }
  const auto find = [&mirrors](const char* uri) {
    const std::optional<MirroredPlace> place = FindMirror(mirrors, uri);
    return place ? place->mirror->target + " + " + place->rest : "none";
  };
  EXPECT_EQ(find("gs://bucket/x/y"), "/all + x/y");
  EXPECT_EQ(find("gs://bucket/models/b/1"), "/models + b/1");
  EXPECT_EQ(find("gs://bucket/models/a"), "https://web.example + ");
  EXPECT_EQ(find("gs://bucket/models/a/"), "https://web.example + ");
  EXPECT_EQ(find("gs://bucket/models/ab"), "/models + ab");
  EXPECT_EQ(find("gs://bucket/models2"), "/all + models2");
  EXPECT_EQ(find("gs://bucket2/models"), "none");
  EXPECT_EQ(find("s3://bucket/models"), "none");
}

TEST(StorageOptionsTest, ClaimsOfANamespaceComeBeforeThoseOfAll) {
  std::vector<ClaimOption> options;
  for (const char* text : {"models=/all/models/", "team-a/models=/a", "team-b/models=/b",
                           "other=/all/old", "other=/all/other", "team-a/own=/a/own"}) {
    const Result<ClaimOption> option = ParseClaimOption(text);
    ASSERT_TRUE(option.ok()) << option.status().ToString();
    options.push_back(*option);
  }
  using Claims = std::map<std::string, std::string, std::less<>>;
  EXPECT_EQ(ClaimsOf(options, "team-a"),
            (Claims{{"models", "/a"}, {"other", "/all/other"}, {"own", "/a/own"}}));
  EXPECT_EQ(ClaimsOf(options, "team-b"), (Claims{{"models", "/b"}, {"other", "/all/other"}}));
  EXPECT_EQ(ClaimsOf(options, ""), (Claims{{"models", "/all/models"}, {"other", "/all/other"}}));
}

TEST(StorageOptionsTest, BadClaimsAreRefusedWithTheRule) {
  const std::pair<const char*, const char*> cases[] = {
      {"models", "not CLAIM=DIRECTORY"},       {"=/a", "a claim's name"},
      {"Models=/a", "a claim's name"},         {"a/b/c=/a", "a claim's name"},
      {"/models=/a", "a namespace's name"},    {"A/models=/a", "a namespace's name"},
      {"models=", "must be an absolute path"}, {"models=a/b", "must be an absolute path"},
      {"models=/", "must be an absolute path"}};
  for (const auto& [text, rule] : cases) {
    const Status status = ParseClaimOption(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(rule), std::string::npos) << text << ": " << status.message();
  }
}

TEST(StorageOptionsTest, TheEnvironmentIsHonoured) {
  std::map<std::string, std::string> environment;
  const auto lookup = [&environment](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  Result<StorageOptions> options = StorageOptionsFromEnvironment(lookup);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->gcs_endpoint, "");
  EXPECT_TRUE(options->addresses.allowed_hosts.empty());
  environment = {{"STORAGE_EMULATOR_HOST", "127.0.0.1:4443"},
                 {"AWS_ENDPOINT_URL", "https://minio.local/"},
                 {"SSL_CERT_FILE", "/ca.pem"}};
  options = StorageOptionsFromEnvironment(lookup);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->gcs_endpoint, "http://127.0.0.1:4443");
  EXPECT_EQ(options->s3_endpoint, "https://minio.local");
  EXPECT_EQ(options->ca_bundle, "/ca.pem");
  EXPECT_EQ(options->addresses.allowed_hosts,
            (std::vector<std::string>{"127.0.0.1:4443", "minio.local:443"}));
  for (const char* bad : {"http://", "ftp://x", "http://user:pw@x", "x y", "gs://bucket"}) {
    environment = {{"STORAGE_EMULATOR_HOST", bad}};
    const Status status = StorageOptionsFromEnvironment(lookup).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_NE(status.message().find("STORAGE_EMULATOR_HOST"), std::string::npos);
  }
}

}  // namespace
}  // namespace throng::storage
