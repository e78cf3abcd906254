#include "storage/gcs/gcs_provider.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/limits.h"
#include "os/event_loop.h"
#include "storage/checksum.h"
#include "storage/gcs/service_account.h"
#include "storage/testing/gcs_server.h"

namespace throng::storage {
namespace {

using testing::GcsServer;
using testing::ScriptedServer;
using testing::ServedReply;
using testing::ServedRequest;

std::string MakeRsaKey() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048});
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return pem;
}

class GcsProviderTest : public ::testing::Test {
 protected:
  GcsProviderTest() {
    options_.gcs_endpoint = server_.url();
    options_.addresses.allowed_hosts = {server_.host_port()};
  }

  Result<Listing> List(const std::string& text) {
    Result<StorageUri> uri = ParseStorageUri(text);
    if (!uri.ok()) return uri.status();
    uri_ = *uri;
    Result<std::unique_ptr<StorageProvider>> provider =
        MakeProvider({options_, credentials_, os::RealClock()}, uri_);
    if (!provider.ok()) return provider.status();
    provider_ = std::move(*provider);
    return provider_->List(uri_, deadline_);
  }
  Result<std::string> Read(const ObjectInfo& object, uint64_t offset, uint64_t size_bytes) {
    std::string bytes;
    const Status status = provider_->Read(uri_, object, offset, size_bytes, deadline_,
                                          [&bytes](std::string_view piece) {
                                            bytes += piece;
                                            return OkStatus();
                                          });
    if (!status.ok()) return status;
    return bytes;
  }
  std::vector<std::string> Paths(const Listing& listing) const {
    std::vector<std::string> paths;
    for (const ObjectInfo& object : listing.objects) paths.push_back(object.relative_path);
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  GcsServer server_;
  StorageOptions options_;
  Credentials credentials_;
  const Deadline deadline_{os::RealClock(), os::RealClock().Now() + std::chrono::seconds(60)};
  StorageUri uri_;
  std::unique_ptr<StorageProvider> provider_;
};

TEST_F(GcsProviderTest, OnlyWhatLiesBelowThePrefixIsListed) {
  server_.Put("bucket", "models/user1/model.pt", "1");
  server_.Put("bucket", "models/user1/1/weights", "22");
  server_.Put("bucket", "models/user1/", "");
  server_.Put("bucket", "models/user10/model.pt", "10");
  server_.Put("bucket", "models/user1-x/model.pt", "x");
  server_.Put("bucket", "models/user1.txt", "txt");
  const Result<Listing> listing = List("gs://bucket/models/user1");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(Paths(*listing), (std::vector<std::string>{"1/weights", "model.pt"}));
  EXPECT_EQ(Paths(*List("gs://bucket/models/user1/")), Paths(*listing));
  EXPECT_EQ(*Read(listing->objects[0], 0, kToTheEnd), "22");
  EXPECT_EQ(*Read(listing->objects[1], 0, kToTheEnd), "1");
}

TEST_F(GcsProviderTest, ASingleObjectIsItself) {
  server_.Put("bucket", "models/a b#?.pt", "0123456789");
  const Result<Listing> listing = List("gs://bucket/models/a b#?.pt");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  ASSERT_EQ(listing->objects.size(), 1u);
  EXPECT_EQ(listing->objects[0].relative_path, "a b#?.pt");
  EXPECT_EQ(listing->objects[0].size_bytes, 10u);
  EXPECT_EQ(listing->objects[0].checksum, Checksum::kCrc32c);
  EXPECT_EQ(*Read(listing->objects[0], 2, 3), "234");
}

TEST_F(GcsProviderTest, PagesAreFollowed) {
  for (int i = 0; i < 25; ++i) server_.Put("bucket", "m/f" + std::to_string(i), "x");
  server_.set_page_size(10);
  const Result<Listing> listing = List("gs://bucket/m");
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing->objects.size(), 25u);
  EXPECT_EQ(server_.http().request_count(), 3u);
  server_.set_spoil([](const ServedRequest&, ServedReply& reply) {
    reply.body = R"({"nextPageToken":"again"})";
  });
  EXPECT_EQ(List("gs://bucket/m").status().code(), StatusCode::kResourceExhausted);
}

TEST_F(GcsProviderTest, RefusalsAreClassified) {
  EXPECT_EQ(List("gs://bucket/none").status().code(), StatusCode::kNotFound);
  server_.Put("bucket", "m/x", "x");
  EXPECT_EQ(List("gs://bucket/none").status().code(), StatusCode::kNotFound);
  for (const auto& [status, code] : {std::pair(403, StatusCode::kPermissionDenied),
                                     {401, StatusCode::kPermissionDenied},
                                     {503, StatusCode::kUnavailable},
                                     {429, StatusCode::kUnavailable}}) {
    server_.set_spoil(
        [status = status](const ServedRequest&, ServedReply& reply) { reply.status = status; });
    EXPECT_EQ(List("gs://bucket/m").status().code(), code) << status;
  }
}

TEST_F(GcsProviderTest, AnotherGenerationIsNoticed) {
  server_.Put("bucket", "m/x", "first");
  const Result<Listing> listing = List("gs://bucket/m");
  ASSERT_TRUE(listing.ok());
  server_.Put("bucket", "m/x", "other");
  EXPECT_EQ(Read(listing->objects[0], 0, kToTheEnd).status().code(), StatusCode::kAborted);
}

TEST_F(GcsProviderTest, TheBearerTokenIsSent) {
  server_.Put("bucket", "m/x", "x");
  server_.set_bearer("secret-token");
  EXPECT_EQ(List("gs://bucket/m").status().code(), StatusCode::kPermissionDenied);
  credentials_.gcs.bearer_token = "secret-token";
  const Result<Listing> listing = List("gs://bucket/m");
  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(*Read(listing->objects[0], 0, kToTheEnd), "x");
}

TEST_F(GcsProviderTest, AServiceAccountGetsAToken) {
  server_.Put("bucket", "m/x", "x");
  server_.set_bearer("from-the-token-server");
  int status = 200;
  ScriptedServer tokens([&status](const ServedRequest&) {
    return ServedReply{.status = status,
                       .body = R"({"access_token":"from-the-token-server","expires_in":3599})"};
  });
  nlohmann::json account = {{"type", "service_account"},
                            {"client_email", "robot@project"},
                            {"private_key", MakeRsaKey()},
                            {"private_key_id", "id"},
                            {"token_uri", tokens.url() + "/token"}};
  credentials_.gcs.service_account_json = account.dump();
  EXPECT_EQ(List("gs://bucket/m").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(tokens.request_count(), 0u);
  options_.addresses.allowed_hosts.push_back(tokens.host_port());
  const Result<Listing> listing = List("gs://bucket/m");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(*Read(listing->objects[0], 0, kToTheEnd), "x");
  ASSERT_EQ(tokens.request_count(), 1u);
  const std::string body = tokens.requests()[0].body;
  EXPECT_TRUE(body.starts_with(
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="));
  EXPECT_EQ(std::count(body.begin(), body.end(), '.'), 2);
  status = 401;
  EXPECT_EQ(List("gs://bucket/m").status().code(), StatusCode::kPermissionDenied);
  status = 503;
  EXPECT_EQ(List("gs://bucket/m").status().code(), StatusCode::kUnavailable);
  account["private_key"] = "no key";
  credentials_.gcs.service_account_json = account.dump();
  const Status bad = List("gs://bucket/m").status();
  EXPECT_EQ(bad.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(bad.message().find("no key"), std::string::npos);
}

TEST(ServiceAccountTest, BadFilesAreRefusedByField) {
  const auto message = [](const nlohmann::json& json) {
    return ParseServiceAccount(json.dump()).status().message();
  };
  EXPECT_FALSE(ParseServiceAccount("").ok());
  EXPECT_FALSE(ParseServiceAccount("[]").ok());
  EXPECT_NE(message({{"type", "authorized_user"}}).find("type"), std::string::npos);
  EXPECT_NE(message({{"type", "service_account"}}).find("client_email"), std::string::npos);
  EXPECT_NE(message({{"type", "service_account"}, {"client_email", "a"}, {"private_key", 1}})
                .find("private_key"),
            std::string::npos);
  EXPECT_EQ(
      ParseServiceAccount(R"({"type":"service_account","client_email":"a","private_key":"k"})")
          ->token_uri,
      "https://oauth2.googleapis.com/token");
  EXPECT_FALSE(ParseTokenReply("{}").ok());
  EXPECT_FALSE(ParseTokenReply("x").ok());
  EXPECT_EQ(ParseTokenReply(R"({"access_token":"t","expires_in":1e9})")->value, "t");
}

TEST(GcsPageTest, OddPagesAreRefused) {
  Listing listing;
  for (const char* page :
       {"", "[]", "{\"items\":1}", "{\"items\":[1]}", "{\"items\":[{}]}",
        "{\"items\":[{\"name\":\"m/x\"}]}", "{\"items\":[{\"name\":\"m/x\",\"size\":\"-1\"}]}",
        "{\"items\":[{\"name\":\"other/x\",\"size\":\"1\"}]}",
        "{\"items\":[{\"name\":\"m/x\",\"size\":\"1x\"}]}"}) {
    EXPECT_EQ(AddGcsPage(page, "m/", listing).status().code(), StatusCode::kUnavailable) << page;
  }
  EXPECT_EQ(
      AddGcsPage(R"({"items":[{"name":"m/x","size":"1","contentEncoding":"gzip"}]})", "m/", listing)
          .status()
          .code(),
      StatusCode::kInvalidArgument);
  listing = {};
  EXPECT_EQ(*AddGcsPage(R"({"items":[{"name":"m/x","size":"1","crc32c":"?","md5Hash":"AAAA"}],
                            "nextPageToken":"next"})",
                        "m/", listing),
            "next");
  EXPECT_EQ(listing.objects[0].checksum, Checksum::kNone);
  listing.objects.resize(limits::kArtifactFiles - 1);
  EXPECT_TRUE(AddGcsPage(R"({"items":[{"name":"m/y","size":"1"}]})", "m/", listing).ok());
  EXPECT_EQ(AddGcsPage(R"({"items":[{"name":"m/z","size":"1"}]})", "m/", listing).status().code(),
            StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace throng::storage
