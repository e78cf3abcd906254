#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/event_loop.h"
#include "storage/scheme_table.h"
#include "storage/storage_provider.h"

namespace throng::storage {
namespace {

TEST(StorageUriTest, GoodOnesAreTakenApart) {
  struct Case {
    const char* text;
    const char* scheme;
    const char* authority;
    const char* path;
    const char* query;
  };
  const Case cases[] = {
      {"gs://kfserving-examples/models/torchscript/cifar10", "gs", "kfserving-examples",
       "models/torchscript/cifar10", ""},
      {"gs://bucket/a/", "gs", "bucket", "a", ""},
      {"gs://bucket/a b/%2e%2e?x#y", "gs", "bucket", "a b/%2e%2e?x#y", ""},
      {"s3://my.bucket_1/x", "s3", "my.bucket_1", "x", ""},
      {"https://Host.Example:8443/a/model.tgz?sig=a%2Fb&x=1", "https", "host.example:8443",
       "a/model.tgz", "sig=a%2Fb&x=1"},
      {"http://[::1]:80/x", "http", "[::1]:80", "x", ""},
      {"https://acc.blob.core.windows.net/container/dir/", "azure", "acc.blob.core.windows.net",
       "container/dir", ""},
      {"azure://acc/container/dir", "azure", "acc", "container/dir", ""},
      {"pvc://claim/models/a", "pvc", "claim", "models/a", ""},
      {"pvc://claim", "pvc", "claim", "", ""},
      {"pvc://c/a", "pvc", "c", "a", ""},
      {"pvc://my.claim-1/models/a/", "pvc", "my.claim-1", "models/a", ""},
      {"file:///srv/models/a", "file", "", "srv/models/a", ""},
      {"file://localhost/srv", "file", "localhost", "srv", ""},
      {"gs://bucket/..a/b..", "gs", "bucket", "..a/b..", ""},
  };
  for (const Case& c : cases) {
    const Result<StorageUri> uri = ParseStorageUri(c.text);
    ASSERT_TRUE(uri.ok()) << c.text << ": " << uri.status().ToString();
    EXPECT_EQ(uri->text, c.text);
    EXPECT_EQ(uri->scheme, c.scheme) << c.text;
    EXPECT_EQ(uri->authority, c.authority) << c.text;
    EXPECT_EQ(uri->path, c.path) << c.text;
    EXPECT_EQ(uri->query, c.query) << c.text;
  }
}

TEST(StorageUriTest, BadOnesAreRefusedWithTheRule) {
  struct Case {
    std::string text;
    const char* part;
  };
  const Case cases[] = {
      {"", "must start with one of the prefixes"},
      {"/models/a", "must start with one of the prefixes: gs://, s3://, https://, http://"},
      {"ftp://host/a", "(the storage uri given is \"ftp://host/a\")"},
      {"GS://bucket/a", "must start with one of the prefixes"},
      {"gs:/bucket/a", "must start with one of the prefixes"},
      {"gs://", "no bucket"},
      {"gs:///a", "no bucket"},
      {"gs://bucket", "a whole bucket is not fetched"},
      {"gs://bucket/", "a whole bucket is not fetched"},
      {"s3://b", "3 to 222 characters"},
      {"s3://bucket", "a whole bucket is not fetched"},
      {"gs://b$cket/a", "letters, digits"},
      {"gs://a..b/c", "not a bucket's name"},
      {"gs://-ab/c", "not a bucket's name"},
      {"gs://user@bucket/a", "no user or password"},
      {"https://user:pass@host/a", "no user or password"},
      {"https://host/a/../b", "'.' or '..'"},
      {"https://host/a/%2e%2E/b", "'.' or '..'"},
      {"https://host/a%2fb", "encoded separator"},
      {"https://host/a%5cb", "encoded separator"},
      {"https://host/a%00b", "encoded separator or control"},
      {"https://host/a%", "'%' without two"},
      {"https://host/a%1", "'%' without two"},
      {"https://host/a%zz", "'%' without two"},
      {"https://host/%ff", "not UTF-8 when decoded"},
      {"https://host/a b", "percent-encoded"},
      {"https://host/\xc3\xa9", "percent-encoded"},
      {"https://host/a?x y", "percent-encoded"},
      {"https://host/a#b", "'#'"},
      {"https://host/a/", "must name a file"},
      {"https://host", "no path"},
      {"https:///a", "no host"},
      {"https://host:/a", "the port"},
      {"https://host:0/a", "the port"},
      {"https://host:65536/a", "the port"},
      {"https://host:8x/a", "the port"},
      {"https://ho st/a", "not a host name"},
      {"https://[::1/a", "']'"},
      {"https://[::1]x/a", "not a host name"},
      {"https://[zz]/a", "not an address"},
      {"gs://bucket//a", "empty segment"},
      {"gs://bucket/a//b", "empty segment"},
      {"gs://bucket/a//", "empty segment"},
      {"gs://bucket/./a", "'.' or '..'"},
      {"gs://bucket/a/..", "'.' or '..'"},
      {"gs://bucket/a\\b", "backslash"},
      {"gs://bucket/a\nb", "control character"},
      {std::string("gs://bucket/a\0b", 15), "control character"},
      {"gs://bucket/\xff", "not UTF-8"},
      {"file://host/a", "has no host"},
      {"file:///", "no path"},
      {"file://", "no path"},
      {"file:///etc/../x", "'.' or '..'"},
  };
  for (const Case& c : cases) {
    const Result<StorageUri> uri = ParseStorageUri(c.text);
    ASSERT_FALSE(uri.ok()) << c.text;
    EXPECT_EQ(uri.status().code(), StatusCode::kInvalidArgument) << c.text;
    EXPECT_NE(uri.status().message().find(c.part), std::string::npos)
        << c.text << ": " << uri.status().message();
    EXPECT_EQ(uri.status().message().find("pass"), uri.status().message().find("password"));
  }
}

TEST(StorageUriTest, ASecretIsNotRepeated) {
  const Result<StorageUri> uri = ParseStorageUri("ftp://user:secret@host/a");
  EXPECT_EQ(uri.status().message().find("secret"), std::string::npos);
}

TEST(StorageUriTest, LengthIsBounded) {
  const std::string start = "gs://bucket/";
  const std::string limit = start + std::string(limits::kStorageUriBytes - start.size(), 'a');
  EXPECT_TRUE(ParseStorageUri(limit.substr(0, limit.size() - 1)).ok());
  EXPECT_TRUE(ParseStorageUri(limit).ok());
  EXPECT_FALSE(ParseStorageUri(limit + "a").ok());
}

TEST(StorageUriTest, BadClaimsAreRefusedWithTheRule) {
  const std::pair<const char*, const char*> cases[] = {
      {"pvc://", "pvc://<pvcname>/[path]"},          {"pvc:///models/a", "pvc://<pvcname>/[path]"},
      {"pvc://Claim/a", "lower case letters"},       {"pvc://-claim/a", "begins and ends with"},
      {"pvc://claim./a", "begins and ends with"},    {"pvc://a..b/a", "lower case letters"},
      {"pvc://user@claim/a", "no user or password"}, {"pvc://claim/../a", "'.' or '..'"},
      {"pvc://claim/a/..", "'.' or '..'"},           {"pvc://claim//a", "empty segment"},
  };
  for (const auto& [text, rule] : cases) {
    const Status status = ParseStorageUri(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(rule), std::string::npos) << text << ": " << status.message();
  }
}

TEST(StorageUriTest, AClaimsNameIsBounded) {
  EXPECT_TRUE(CheckClaimName(std::string(252, 'a')).ok());
  EXPECT_TRUE(CheckClaimName(std::string(253, 'a')).ok());
  EXPECT_FALSE(CheckClaimName(std::string(254, 'a')).ok());
}

TEST(StorageUriTest, WhatComesLaterIsSaidToBeUnsupported) {
  for (const char* text : {"hf://org/model", "oci://registry/model:1"}) {
    EXPECT_EQ(ParseStorageUri(text).status().code(), StatusCode::kUnimplemented) << text;
  }
}

TEST(SchemeTableTest, EverySchemeHasAProvider) {
  for (const Scheme& scheme : Schemes()) EXPECT_NE(scheme.make, nullptr) << scheme.name;
  EXPECT_EQ(FindScheme("nfs"), nullptr);
}

}  // namespace
}  // namespace throng::storage
