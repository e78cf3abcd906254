#include "storage/https/https_provider.h"

#include <string>

#include <gtest/gtest.h>

#include "os/event_loop.h"
#include "storage/testing/scripted_server.h"

namespace throng::storage {
namespace {

using testing::ScriptedServer;
using testing::ServeContent;
using testing::ServedReply;
using testing::ServedRequest;

TEST(ArchiveKindTest, ByNameThenByType) {
  EXPECT_EQ(ArchiveKind("a.tar", ""), ".tar");
  EXPECT_EQ(ArchiveKind("a.TGZ", "text/plain"), ".tgz");
  EXPECT_EQ(ArchiveKind("a.tar.gz", ""), ".tgz");
  EXPECT_EQ(ArchiveKind("a.zip", ""), ".zip");
  EXPECT_EQ(ArchiveKind("model.pt", "application/zip"), "");
  EXPECT_EQ(ArchiveKind("model.gz", "application/gzip"), "");
  EXPECT_EQ(ArchiveKind("download", "application/zip; x=y"), ".zip");
  EXPECT_EQ(ArchiveKind("download", "Application/X-Tar"), ".tar");
  EXPECT_EQ(ArchiveKind("download", "application/x-gzip"), ".tgz");
  EXPECT_EQ(ArchiveKind("download", "application/octet-stream"), "");
}

class HttpsProviderTest : public ::testing::Test {
 protected:
  Result<Listing> List(const std::string& path) {
    options_.addresses.allowed_hosts = {server_.host_port()};
    Result<StorageUri> uri = ParseStorageUri(server_.url() + path);
    if (!uri.ok()) return uri.status();
    uri_ = *uri;
    return ListUri();
  }
  Result<Listing> ListUri() {
    Result<std::unique_ptr<StorageProvider>> provider =
        MakeProvider({options_, credentials_, os::RealClock()}, uri_);
    if (!provider.ok()) return provider.status();
    provider_ = std::move(*provider);
    return provider_->List(uri_, deadline_);
  }
  Result<std::string> Read(const ObjectInfo& object, uint64_t offset) {
    std::string bytes;
    const Status status = provider_->Read(uri_, object, offset, kToTheEnd, deadline_,
                                          [&bytes](std::string_view piece) {
                                            bytes += piece;
                                            return OkStatus();
                                          });
    if (!status.ok()) return status;
    return bytes;
  }

  // Paths of the server: /model.pt, /weak, /plain (no HEAD), ...
  ServedReply Answer(const ServedRequest& request) {
    if (request.path == "/missing") return {.status = 404};
    if (request.path == "/denied") return {.status = 403};
    if (request.path == "/busy") return {.status = 503, .headers = {{"Retry-After", "3"}}};
    if (request.path == "/folder") return {.status = 301, .headers = {{"Location", "/folder/"}}};
    if (request.path == "/folder/") return {.body = "<html>"};
    if (request.path == "/signed" && request.method == "HEAD") return {.status = 403};
    if (request.path == "/whole") {
      if (request.method == "HEAD") return {.status = 405};
      return {.headers = {{"ETag", "\"w\""}}, .body = "whole"};
    }
    if (request.path == "/empty") {
      if (request.method == "HEAD") return {.status = 405};
      return ServeContent(request, "", "");
    }
    if (request.path == "/weak") {
      ServedReply reply = ServeContent(request, "weak", "W/\"1\"");
      reply.headers.emplace_back("Last-Modified", "Sat, 22 May 2021 21:15:58 GMT");
      return reply;
    }
    if (request.path == "/unsized") return {.body = "unsized", .without_length = true};
    if (request.path == "/mirror/models/a.tar.gz") return ServeContent(request, "tgz", "\"m\"");
    if (request.path.starts_with("/mirror/")) return {.status = 404};
    return ServeContent(request, "0123456789", "\"v1\"");
  }

  ScriptedServer server_{[this](const ServedRequest& request) { return Answer(request); }};
  StorageOptions options_;
  Credentials credentials_;
  const Deadline deadline_{os::RealClock(), os::RealClock().Now() + std::chrono::seconds(60)};
  StorageUri uri_;
  std::unique_ptr<StorageProvider> provider_;
};

TEST_F(HttpsProviderTest, AnObjectIsListedAndRead) {
  const Result<Listing> listing = List("/a/my%20model.pt?token=x");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  ASSERT_EQ(listing->objects.size(), 1u);
  const ObjectInfo& object = listing->objects[0];
  EXPECT_EQ(object.relative_path, "my model.pt");
  EXPECT_EQ(object.size_bytes, 10u);
  EXPECT_TRUE(object.size_known);
  EXPECT_TRUE(object.ranges);
  EXPECT_EQ(object.version, "\"v1\"");
  EXPECT_EQ(listing->archive, "");
  EXPECT_EQ(*Read(object, 0), "0123456789");
  EXPECT_EQ(*Read(object, 4), "456789");
  EXPECT_EQ(server_.requests().back().target, "/a/my%20model.pt?token=x");
  EXPECT_EQ(List("/model.tgz")->archive, ".tgz");
}

TEST_F(HttpsProviderTest, ServersWithoutHeadAreAskedOtherwise) {
  const Result<Listing> listing = List("/signed");
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(listing->objects[0].size_bytes, 10u);
  EXPECT_TRUE(listing->objects[0].ranges);
  const Result<Listing> whole = List("/whole");
  ASSERT_TRUE(whole.ok()) << whole.status().ToString();
  EXPECT_EQ(whole->objects[0].size_bytes, 5u);
  EXPECT_FALSE(whole->objects[0].ranges);
  EXPECT_EQ(*Read(whole->objects[0], 0), "whole");
  const Result<Listing> empty = List("/empty");
  ASSERT_TRUE(empty.ok()) << empty.status().ToString();
  EXPECT_EQ(empty->objects[0].size_bytes, 0u);
  const Result<Listing> unsized = List("/unsized");
  ASSERT_TRUE(unsized.ok());
  EXPECT_FALSE(unsized->objects[0].size_known);
  EXPECT_EQ(*Read(unsized->objects[0], 0), "unsized");
}

TEST_F(HttpsProviderTest, WeakTagsDoNotNameAVersion) {
  EXPECT_EQ(List("/weak")->objects[0].version, "modified Sat, 22 May 2021 21:15:58 GMT");
}

TEST_F(HttpsProviderTest, RefusalsAreClassified) {
  EXPECT_EQ(List("/missing").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(List("/denied").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(List("/busy").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(List("/busy").status().retry_after_seconds(), 3);
  EXPECT_EQ(List("/folder").status().code(), StatusCode::kNotFound);
}

TEST_F(HttpsProviderTest, CredentialsGoToTheirHostOnly) {
  credentials_.https.emplace_back();
  credentials_.https[0].headers = {{"Authorization", "Bearer secret"}};
  credentials_.https[0].host = "other.example";
  ASSERT_TRUE(List("/a").ok());
  EXPECT_EQ(server_.requests().back().headers.count("authorization"), 0u);
  credentials_.https[0].host = "127.0.0.1";
  ASSERT_TRUE(List("/a").ok());
  EXPECT_EQ(server_.requests().back().headers.at("authorization"), "Bearer secret");
  uri_ = *ParseStorageUri("http://127.0.0.1:1/a");
  EXPECT_EQ(ListUri().status().code(), StatusCode::kPermissionDenied);
}

TEST_F(HttpsProviderTest, EachHostHasCredentialsOfItsOwn) {
  credentials_.https = {{.host = "other.example", .headers = {{"X-Key", "other"}}},
                        {.host = server_.host_port(), .headers = {{"X-Key", "first"}}},
                        {.host = server_.host_port(), .headers = {{"X-Key", "last"}}}};
  ASSERT_TRUE(List("/a").ok());
  EXPECT_EQ(server_.requests().back().headers.at("x-key"), "last");
}

TEST_F(HttpsProviderTest, AMirrorHasAnArchiveBesideTheName) {
  options_.addresses.allowed_hosts = {server_.host_port()};
  options_.mirrors = {*ParseMirror("gs://bucket/=" + server_.url() + "/mirror/")};
  uri_ = *ParseStorageUri("gs://bucket/models/a");
  const Result<Listing> listing = ListUri();
  ASSERT_TRUE(listing.ok()) << listing.status().ToString();
  EXPECT_EQ(listing->archive, ".tgz");
  EXPECT_EQ(*Read(listing->objects[0], 0), "tgz");
  uri_ = *ParseStorageUri("gs://bucket/models/b");
  EXPECT_EQ(ListUri().status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace throng::storage
