#include "storage/azure/azure_provider.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/event_loop.h"
#include "storage/azure/shared_key.h"
#include "storage/checksum.h"
#include "storage/testing/scripted_server.h"

namespace throng::storage {
namespace {

using testing::ScriptedServer;
using testing::ServeContent;
using testing::ServedReply;
using testing::ServedRequest;

TEST(AzureSharedKeyTest, HeadersAreMade) {
  const WallTime now{std::chrono::seconds(1435361952)};  // 2015-06-26T23:39:12Z
  const AzureTarget target{.method = "GET", .account = "account", .path = "/container/blob"};
  Result<HttpHeaders> headers = AzureHeaders("", now, target);
  ASSERT_TRUE(headers.ok());
  EXPECT_EQ(*headers, (HttpHeaders{{"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"},
                                   {"x-ms-version", "2021-08-06"}}));
  headers = AzureHeaders(EncodeBase64("key"), now, target);
  ASSERT_TRUE(headers.ok());
  EXPECT_EQ(headers->back().first, "Authorization");
  EXPECT_TRUE(headers->back().second.starts_with("SharedKey account:"));
  EXPECT_EQ(AzureHeaders("not base64", now, target).status().code(), StatusCode::kInvalidArgument);
}

TEST(AzureListingTest, PagesAreRead) {
  Listing listing;
  EXPECT_EQ(*AddAzurePage("<?xml version=\"1.0\"?><EnumerationResults><Blobs>"
                          "<Blob><Name>m/a</Name><Properties><Content-Length>3</Content-Length>"
                          "<Etag>0x8D</Etag><Content-MD5>kAFQmDzST7DWlj99KOF/cg==</Content-MD5>"
                          "</Properties></Blob>"
                          "<Blob><Name Encoded=\"true\">m/b%EF%BF%BEc</Name><Properties>"
                          "<Content-Length>1</Content-Length></Properties></Blob>"
                          "<Blob><Name>m/dir</Name><Properties><Content-Length>0</Content-Length>"
                          "<ResourceType>directory</ResourceType></Properties></Blob>"
                          "<Blob><Name>m/dir/</Name><Properties><Content-Length>0</Content-Length>"
                          "</Properties></Blob></Blobs><NextMarker>next</NextMarker>"
                          "</EnumerationResults>",
                          "m/", listing),
            "next");
  ASSERT_EQ(listing.objects.size(), 2u);
  EXPECT_EQ(listing.objects[0].relative_path, "a");
  EXPECT_EQ(listing.objects[0].version, "0x8D");
  EXPECT_EQ(Hex(listing.objects[0].digest), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(listing.objects[1].relative_path,
            "b\xef\xbf\xbe"
            "c");
}

TEST(AzureListingTest, OddPagesAreRefused) {
  for (const char* inside :
       {"<Blob/>", "<Blob><Name>m/x</Name></Blob>",
        "<Blob><Name>other</Name><Properties><Content-Length>1</Content-Length></Properties></"
        "Blob>",
        "<Blob><Name>m/x</Name><Properties><Content-Length>-1</Content-Length></Properties></Blob>",
        "<Blob>"}) {
    Listing listing;
    EXPECT_EQ(AddAzurePage("<EnumerationResults><Blobs>" + std::string(inside) +
                               "</Blobs></EnumerationResults>",
                           "m/", listing)
                  .status()
                  .code(),
              StatusCode::kUnavailable)
        << inside;
  }
  Listing listing;
  EXPECT_FALSE(AddAzurePage("", "m/", listing).ok());
  EXPECT_FALSE(AddAzurePage("<html/>", "m/", listing).ok());
  EXPECT_EQ(*AddAzurePage("<EnumerationResults/>", "m/", listing), "");
}

class AzureProviderTest : public ::testing::Test {
 protected:
  AzureProviderTest() {
    options_.azure_endpoint = server_.url();
    options_.addresses.allowed_hosts = {server_.host_port()};
  }

  ServedReply Answer(const ServedRequest& request) {
    if (spoil_status_ != 0) return {.status = spoil_status_};
    if (request.path == "/account/container") {
      const std::string prefix = request.query.at("prefix");
      std::string body = "<EnumerationResults><Blobs>";
      for (const auto& [name, content] : blobs_) {
        if (!name.starts_with(prefix)) continue;
        body += "<Blob><Name>" + name + "</Name><Properties><Content-Length>" +
                std::to_string(content.size()) +
                "</Content-Length><Etag>v1</Etag></Properties>"
                "</Blob>";
      }
      return {.body = body + "</Blobs><NextMarker/></EnumerationResults>"};
    }
    const std::string start = "/account/container/";
    const std::string name = testing::PercentDecoded(request.path);
    const auto found =
        name.starts_with(start) ? blobs_.find(name.substr(start.size())) : blobs_.end();
    if (found == blobs_.end()) return {.status = 404};
    return ServeContent(request, found->second, "\"v1\"");
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

  const std::map<std::string, std::string> blobs_ = {{"models/user1/a b.pt", "0123456789"},
                                                     {"models/user1/1/x", "x"},
                                                     {"models/user10/x", "10"},
                                                     {"models/user1-x/x", "-x"}};
  int spoil_status_ = 0;
  ScriptedServer server_{[this](const ServedRequest& request) { return Answer(request); }};
  StorageOptions options_;
  Credentials credentials_;
  const Deadline deadline_{os::RealClock(), os::RealClock().Now() + std::chrono::seconds(60)};
  StorageUri uri_;
  std::unique_ptr<StorageProvider> provider_;
};

TEST_F(AzureProviderTest, FoldersAndBlobsAreListedAndRead) {
  for (const char* text : {"azure://account/container/models/user1/",
                           "https://account.blob.core.windows.net/container/models/user1"}) {
    const Result<Listing> listing = List(text);
    ASSERT_TRUE(listing.ok()) << listing.status().ToString();
    ASSERT_EQ(listing->objects.size(), 2u);
    EXPECT_EQ(listing->objects[0].relative_path, "1/x");
    EXPECT_EQ(listing->objects[1].relative_path, "a b.pt");
    std::string bytes;
    ASSERT_TRUE(provider_
                    ->Read(uri_, listing->objects[1], 2, 3, deadline_,
                           [&bytes](std::string_view piece) {
                             bytes += piece;
                             return OkStatus();
                           })
                    .ok());
    EXPECT_EQ(bytes, "234");
    EXPECT_EQ(server_.requests().back().headers.at("if-match"), "\"v1\"");
    EXPECT_EQ(server_.requests().back().headers.count("authorization"), 0u);
  }
  const Result<Listing> listing = List("azure://account/container/models/user1/a%20b.pt");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(listing->objects[0].relative_path, "a b.pt");
  EXPECT_EQ(listing->objects[0].size_bytes, 10u);
  EXPECT_EQ(List("azure://account/container/none").status().code(), StatusCode::kNotFound);
}

TEST_F(AzureProviderTest, CredentialsAreSentAsTheyShould) {
  credentials_.azure.sas_token = "sv=2021&sig=a%2Fb";
  ASSERT_TRUE(List("azure://account/container/models/user1").ok());
  EXPECT_EQ(server_.requests().back().query.at("sig"), "a/b");
  credentials_.azure.account_key = EncodeBase64("key");
  ASSERT_TRUE(List("azure://account/container/models/user1").ok());
  EXPECT_EQ(server_.requests().back().query.count("sig"), 0u);
  EXPECT_TRUE(
      server_.requests().back().headers.at("authorization").starts_with("SharedKey account:"));
  credentials_.azure.account_key = "not base64!";
  EXPECT_EQ(List("azure://account/container/m").status().code(), StatusCode::kInvalidArgument);
  credentials_.azure.account_key.clear();
  credentials_.azure.sas_token = "a#b";
  EXPECT_EQ(List("azure://account/container/m").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(AzureProviderTest, BadAddressesAreRefused) {
  for (const char* text :
       {"azure://account/container", "azure://ac/container/m", "azure://acc-ount/container/m",
        "azure://account/CONTAINER/m", "azure://account/container/m?sv=1&sig=x",
        "azure://account:80/container/m"}) {
    EXPECT_EQ(List(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(AzureProviderTest, RefusalsAreClassified) {
  for (const auto& [status, code] : {std::pair(403, StatusCode::kPermissionDenied),
                                     {409, StatusCode::kPermissionDenied},
                                     {404, StatusCode::kNotFound},
                                     {503, StatusCode::kUnavailable}}) {
    spoil_status_ = status;
    EXPECT_EQ(List("azure://account/container/m").status().code(), code) << status;
  }
}

}  // namespace
}  // namespace throng::storage
