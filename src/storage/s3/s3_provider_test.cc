#include "storage/s3/s3_provider.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/event_loop.h"
#include "storage/checksum.h"
#include "storage/s3/signature.h"
#include "storage/testing/scripted_server.h"

namespace throng::storage {
namespace {

using testing::ScriptedServer;
using testing::ServeContent;
using testing::ServedReply;
using testing::ServedRequest;

const std::string* Find(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [known, value] : headers) {
    if (known == name) return &value;
  }
  return nullptr;
}

// Amazon's published examples ("Signature Calculations for the Authorization Header").
TEST(S3SignatureTest, AmazonsExamples) {
  const S3Credentials credentials{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                                  .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
  const WallTime now{std::chrono::seconds(1369353600)};  // 2013-05-24T00:00:00Z
  S3Target target{.method = "GET",
                  .host = "examplebucket.s3.amazonaws.com",
                  .path = "/",
                  .query = {{"prefix", "J"}, {"max-keys", "2"}}};
  HttpHeaders headers = SignS3(credentials, "us-east-1", now, target);
  EXPECT_EQ(*Find(headers, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
            "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  EXPECT_EQ(*Find(headers, "x-amz-date"), "20130524T000000Z");
  target.query = {{"lifecycle", ""}};
  headers = SignS3(credentials, "us-east-1", now, target);
  EXPECT_TRUE(Find(headers, "Authorization")
                  ->ends_with("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(S3ListingTest, PagesAreRead) {
  Listing listing;
  EXPECT_EQ(*AddS3Page("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3/\">"
                       "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                       "<Contents><Key>m/a%20b+c%2B</Key><Size>3</Size><ETag>&quot;e&quot;</ETag>"
                       "</Contents><Contents><Key>m/</Key><Size>0</Size></Contents>"
                       "<NextContinuationToken>t&amp;</NextContinuationToken></ListBucketResult>",
                       "m/", listing),
            "t&");
  ASSERT_EQ(listing.objects.size(), 1u);
  EXPECT_EQ(listing.objects[0].relative_path, "a b c+");
  EXPECT_EQ(listing.objects[0].version, "\"e\"");
  EXPECT_EQ(listing.objects[0].size_bytes, 3u);
  EXPECT_EQ(S3ErrorCode("<Error><Code>NoSuchKey</Code></Error>"), "NoSuchKey");
  EXPECT_EQ(S3ErrorCode("<Error><Code>no such</Code></Error>"), "");
  EXPECT_EQ(S3ErrorCode("text"), "");
}

TEST(S3ListingTest, OddPagesAreRefused) {
  const auto page = [](const std::string& inside) {
    Listing listing;
    return AddS3Page("<ListBucketResult>" + inside + "</ListBucketResult>", "m/", listing)
        .status()
        .code();
  };
  EXPECT_EQ(page(""), StatusCode::kOk);
  for (const char* inside :
       {"<Contents/>", "<Contents><Key>m/x</Key></Contents>",
        "<Contents><Key>m/x</Key><Size>-1</Size></Contents>",
        "<Contents><Key>m/x</Key><Size>1x</Size></Contents>",
        "<Contents><Key>other</Key><Size>1</Size></Contents>",
        "<EncodingType>url</EncodingType><Contents><Key>m/%2</Key><Size>1</Size></Contents>",
        "<IsTruncated>true</IsTruncated>", "<unclosed>"}) {
    EXPECT_EQ(page(inside), StatusCode::kUnavailable) << inside;
  }
  Listing listing;
  EXPECT_FALSE(AddS3Page("", "m/", listing).ok());
  EXPECT_FALSE(AddS3Page("<html/>", "m/", listing).ok());
  EXPECT_FALSE(AddS3Page(std::string(1000000, '<'), "m/", listing).ok());
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "<a>";
  EXPECT_FALSE(AddS3Page(deep, "m/", listing).ok());
}

// A bucket with a few objects, path style.
class S3ProviderTest : public ::testing::Test {
 protected:
  S3ProviderTest() {
    options_.s3_endpoint = server_.url();
    options_.addresses.allowed_hosts = {server_.host_port()};
  }

  ServedReply Answer(const ServedRequest& request) {
    if (spoil_status_ != 0) {
      return {.status = spoil_status_, .headers = spoil_headers_, .body = spoil_body_};
    }
    if (request.path == "/bucket") return AnswerList(request);
    const auto found = objects_.find(testing::PercentDecoded(request.path));
    if (found == objects_.end()) return {.status = 404};
    const std::string tag = "\"" + Hex(Md5(found->second)) + "\"";
    const auto match = request.headers.find("if-match");
    if (match != request.headers.end() && match->second != tag) return {.status = 412};
    ServedReply reply = ServeContent(request, found->second, tag);
    for (const auto& header : object_headers_) reply.headers.push_back(header);
    if (flip_ && !reply.body.empty()) reply.body[0] = static_cast<char>(reply.body[0] ^ 1);
    return reply;
  }
  static std::string Md5(const std::string& content) {
    Hasher hasher(Checksum::kMd5);
    hasher.Update(content);
    return hasher.Finish();
  }
  ServedReply AnswerList(const ServedRequest& request) {
    std::string body = "<ListBucketResult><EncodingType>url</EncodingType>";
    const std::string prefix = "/bucket/" + request.query.at("prefix");
    for (const auto& [name, content] : objects_) {
      if (!name.starts_with(prefix)) continue;
      body += "<Contents><Key>" + PercentEncode(name.substr(8), true) + "</Key><Size>" +
              std::to_string(content.size()) + "</Size><ETag>&quot;" + Hex(Md5(content)) +
              "&quot;</ETag></Contents>";
    }
    return {.body = body + "</ListBucketResult>"};
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

  std::map<std::string, std::string> objects_ = {{"/bucket/models/user1/a b.pt", "0123456789"},
                                                 {"/bucket/models/user1/1/x", "x"},
                                                 {"/bucket/models/user10/x", "10"},
                                                 {"/bucket/models/user1-x/x", "-x"}};
  int spoil_status_ = 0;
  std::vector<std::pair<std::string, std::string>> spoil_headers_;
  std::string spoil_body_;
  std::vector<std::pair<std::string, std::string>> object_headers_;
  bool flip_ = false;
  ScriptedServer server_{[this](const ServedRequest& request) { return Answer(request); }};
  StorageOptions options_;
  Credentials credentials_;
  const Deadline deadline_{os::RealClock(), os::RealClock().Now() + std::chrono::seconds(60)};
  StorageUri uri_;
  std::unique_ptr<StorageProvider> provider_;
};

TEST_F(S3ProviderTest, FoldersAndObjectsAreListedAndRead) {
  Result<Listing> listing = List("s3://bucket/models/user1");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  ASSERT_EQ(listing->objects.size(), 2u);
  EXPECT_EQ(listing->objects[0].relative_path, "1/x");
  EXPECT_EQ(listing->objects[1].relative_path, "a b.pt");
  EXPECT_EQ(*Read(listing->objects[1], 0, kToTheEnd), "0123456789");
  EXPECT_EQ(*Read(listing->objects[1], 2, 3), "234");
  EXPECT_EQ(server_.requests().back().headers.count("authorization"), 0u);
  listing = List("s3://bucket/models/user1/a b.pt");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(listing->objects[0].relative_path, "a b.pt");
  EXPECT_EQ(listing->objects[0].size_bytes, 10u);
  EXPECT_EQ(List("s3://bucket/none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(List("s3://other/none").status().code(), StatusCode::kNotFound);
}

TEST_F(S3ProviderTest, RequestsAreSignedWhenThereAreCredentials) {
  credentials_.s3.access_key_id = "AK";
  credentials_.s3.secret_access_key = "SK";
  credentials_.s3.session_token = "token";
  ASSERT_TRUE(List("s3://bucket/models/user1").ok());
  const ServedRequest request = server_.requests().back();
  EXPECT_TRUE(request.headers.at("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AK/"));
  EXPECT_EQ(request.headers.at("x-amz-security-token"), "token");
  EXPECT_EQ(request.headers.at("authorization").find("SK"), std::string::npos);
  credentials_.s3.anonymous = true;
  ASSERT_TRUE(List("s3://bucket/models/user1").ok());
  EXPECT_EQ(server_.requests().back().headers.count("authorization"), 0u);
  credentials_.s3.secret_access_key.clear();
  EXPECT_EQ(List("s3://bucket/m").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(S3ProviderTest, ChecksumsOfWholeBodiesAreCompared) {
  const Result<Listing> listing = List("s3://bucket/models/user1");
  ASSERT_TRUE(listing.ok());
  const ObjectInfo& object = listing->objects[1];
  flip_ = true;
  EXPECT_EQ(Read(object, 0, kToTheEnd).status().code(), StatusCode::kDataLoss);  // MD5
  object_headers_ = {{"X-Amz-Server-Side-Encryption", "aws:kms"}};
  EXPECT_TRUE(Read(object, 0, kToTheEnd).ok());
  Hasher crc(Checksum::kCrc32c);
  crc.Update("0123456789");
  object_headers_.emplace_back("X-Amz-Checksum-Crc32c", EncodeBase64(crc.Finish()));
  EXPECT_EQ(Read(object, 0, kToTheEnd).status().code(), StatusCode::kDataLoss);
  flip_ = false;
  EXPECT_TRUE(Read(object, 0, kToTheEnd).ok());
  objects_["/bucket/models/user1/a b.pt"] = "changed!!!";
  EXPECT_EQ(Read(object, 0, kToTheEnd).status().code(), StatusCode::kAborted);
}

TEST_F(S3ProviderTest, RefusalsAreClassifiedAndNamed) {
  spoil_body_ = "<Error><Code>SignatureDoesNotMatch</Code><Message>secret</Message></Error>";
  spoil_status_ = 403;
  Status status = List("s3://bucket/models/user1").status();
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_NE(status.message().find("SignatureDoesNotMatch"), std::string::npos);
  EXPECT_EQ(status.message().find("secret"), std::string::npos);
  spoil_status_ = 400;
  spoil_body_ = "<Error><Code>ExpiredToken</Code></Error>";
  EXPECT_EQ(List("s3://bucket/m").status().code(), StatusCode::kPermissionDenied);
  spoil_status_ = 503;
  spoil_body_ = "<Error><Code>SlowDown</Code></Error>";
  EXPECT_EQ(List("s3://bucket/m").status().code(), StatusCode::kUnavailable);
}

TEST_F(S3ProviderTest, TheRegionOfTheBucketIsLearnt) {
  credentials_.s3.access_key_id = "AK";
  credentials_.s3.secret_access_key = "SK";
  spoil_status_ = 301;
  spoil_headers_ = {{"X-Amz-Bucket-Region", "eu-central-1"}};
  EXPECT_FALSE(List("s3://bucket/m").ok());
  ASSERT_EQ(server_.request_count(), 2u);
  EXPECT_NE(server_.requests()[0].headers.at("authorization").find("/us-east-1/"),
            std::string::npos);
  EXPECT_NE(server_.requests()[1].headers.at("authorization").find("/eu-central-1/"),
            std::string::npos);
}

TEST_F(S3ProviderTest, EndpointsOfCredentialsAreUnderThePolicy) {
  credentials_.s3.endpoint = "http://169.254.169.254";
  EXPECT_EQ(List("s3://bucket/m").status().code(), StatusCode::kPermissionDenied);
  credentials_.s3.endpoint = "http://localhost:1";
  EXPECT_EQ(List("s3://bucket/m").status().code(), StatusCode::kPermissionDenied);
  for (const char* bad : {"ftp://x", "http://u:p@x", "http://x/path", "http://", "x y"}) {
    credentials_.s3.endpoint = bad;
    EXPECT_EQ(List("s3://bucket/m").status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(S3EndpointTest, TheOwnerOfTheEndpointSaysByWhatItIsTrusted) {
  const testing::TlsIdentity identity = testing::MakeTlsIdentity("127.0.0.1", -60, 3600);
  ScriptedServer server(
      [](const ServedRequest&) {
        return ServedReply{.body =
                               "<ListBucketResult><Contents><Key>m/x</Key><Size>1</Size>"
                               "</Contents></ListBucketResult>"};
      },
      identity);
  StorageOptions options;
  options.addresses.allowed_hosts = {server.host_port()};
  Credentials credentials;
  const auto list = [&] {
    const StorageUri uri = *ParseStorageUri("s3://bucket/m");
    auto provider = MakeProvider({options, credentials, os::RealClock()}, uri);
    const Deadline deadline{os::RealClock(), os::RealClock().Now() + std::chrono::seconds(60)};
    return (*provider)->List(uri, deadline).status().code();
  };
  credentials.s3.endpoint = server.url();
  EXPECT_EQ(list(), StatusCode::kUnauthenticated);
  credentials.s3.ca_pem = identity.certificate_pem;
  EXPECT_EQ(list(), StatusCode::kOk);
  credentials.s3.ca_pem = testing::MakeTlsIdentity("127.0.0.1", -60, 3600).certificate_pem;
  EXPECT_EQ(list(), StatusCode::kUnauthenticated);
  credentials.s3.ca_pem.clear();
  credentials.s3.verify_tls = false;
  EXPECT_EQ(list(), StatusCode::kOk);
  // The operator's endpoint is checked as the operator says.
  credentials.s3.endpoint.clear();
  options.s3_endpoint = server.url();
  EXPECT_EQ(list(), StatusCode::kUnauthenticated);
  // Who names an endpoint does not decide which addresses may be reached.
  credentials.s3.endpoint = server.url();
  options.addresses.allowed_hosts.clear();
  EXPECT_EQ(list(), StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace throng::storage
