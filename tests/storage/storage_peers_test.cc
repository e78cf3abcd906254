// Fetching from real storage servers: versitygw and Azurite (which check signatures),
// fake-gcs-server. They are in $THRONG_PEERS, or where `./dev peers` puts them; without them the
// tests are skipped. The script for gs:// runs against the test server of the unit tests as well,
// which is always there.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/process.h"
#include "os/socket.h"
#include "storage/azure/shared_key.h"
#include "storage/checksum.h"
#include "storage/fetcher.h"
#include "storage/http/http_transfer.h"
#include "storage/testing/gcs_server.h"
#include "tests/integration/testing/eventually.h"
#include "tests/integration/testing/temporary_folder.h"

namespace throng::storage {
namespace {

namespace fs = std::filesystem;
using integration::Eventually;
using integration::ReadFile;
using integration::TemporaryFolder;
using std::chrono::seconds;

std::string PeersFolder() {
  if (const char* folder = std::getenv("THRONG_PEERS")) return folder;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/throng/peers/bin";
}

std::string Bytes(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& c : bytes) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return bytes;
}

uint16_t FreePort() {
  const Result<os::UniqueFd> listener = os::ListenTcp("127.0.0.1", 0);
  return *os::LocalPort(listener->get());
}

// A server program that is ended with this.
class Peer {
 public:
  Peer(const std::string& name, uint16_t port, std::vector<std::string> arguments,
       std::vector<std::string> environment)
      : port_(port) {
    Result<os::ChildProcess> process = os::Spawn({.program = PeersFolder() + "/" + name,
                                                  .arguments = std::move(arguments),
                                                  .environment = std::move(environment)});
    if (!process.ok()) return;
    process_ = std::move(*process);
    usable_ = Eventually([this] {
      const Result<os::UniqueFd> fd = os::ConnectTcp("127.0.0.1", port_);
      return fd.ok() && os::WaitWritable(fd->get(), 1000) && os::SocketError(fd->get()).ok();
    });
  }
  ~Peer() {
    if (!process_.valid()) return;
    process_.Signal(SIGKILL);
    Eventually([this] { return process_.TryReap().has_value(); });
  }
  bool usable() const { return usable_; }

 private:
  const uint16_t port_;
  os::ChildProcess process_;
  bool usable_ = false;
};

bool IsThere(const std::string& name) { return fs::exists(PeersFolder() + "/" + name); }

// What both kinds of store are asked for.
class PeerTest : public ::testing::Test {
 protected:
  FetchOutcome Fetch(const std::string& uri, const std::string& name) {
    FetchRequest request;
    request.uri = uri;
    request.destination = folder_.File(name);
    request.credentials = credentials_;
    request.deadline = os::RealClock().Now() + seconds(100);
    return Fetcher(options_, {}).Fetch(request);
  }
  std::set<std::string> Files(const std::string& name) const {
    std::set<std::string> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder_.File(name))) {
      if (entry.is_regular_file()) {
        files.insert(fs::relative(entry.path(), folder_.File(name)).string());
      }
    }
    return files;
  }

  const std::string model_ = Bytes(300000, 1);
  const std::string large_ = Bytes(limits::kStoragePartBytes + 12345, 2);
  const TemporaryFolder folder_;
  StorageOptions options_;
  Credentials credentials_;
};

class GcsPeerTest : public PeerTest, public ::testing::WithParamInterface<bool> {
 protected:
  // True: the real server. Objects are given to it as files.
  void SetUp() override {
    Put("models/user1/1/model.pt", model_);
    Put("models/user1/config.pbtxt", "config");
    Put("models/user1/a b#?.txt", "odd");
    Put("models/user10/x", "10");
    Put("models/user1-x/x", "-x");
    Put("large/weights", large_);
    for (int i = 0; i < 1005; ++i) Put("many/f" + std::to_string(i), std::to_string(i));
    if (GetParam()) {
      StartReal();
    } else {
      own_ = std::make_unique<testing::GcsServer>();
      for (const auto& [name, content] : objects_) own_->Put("bucket", name, content);
      options_.gcs_endpoint = own_->url();
      options_.addresses.allowed_hosts = {own_->host_port()};
    }
  }
  void Put(const std::string& name, const std::string& content) {
    objects_.emplace_back(name, content);
  }
  void StartReal() {
    if (!IsThere("fake-gcs-server")) GTEST_SKIP() << "fake-gcs-server is not there";
    for (const auto& [name, content] : objects_) folder_.Write("data/bucket/" + name, content);
    const uint16_t port = FreePort();
    const std::string host_port = "127.0.0.1:" + std::to_string(port);
    peer_ = std::make_unique<Peer>(
        "fake-gcs-server", port,
        std::vector<std::string>{"-scheme", "http", "-host", "127.0.0.1", "-port",
                                 std::to_string(port), "-public-host", host_port, "-external-url",
                                 "http://" + host_port, "-backend", "memory", "-data",
                                 folder_.File("data"), "-log-level", "error"},
        std::vector<std::string>{});
    ASSERT_TRUE(peer_->usable());
    options_.gcs_endpoint = "http://" + host_port;
    options_.addresses.allowed_hosts = {host_port};
  }

  std::vector<std::pair<std::string, std::string>> objects_;
  std::unique_ptr<testing::GcsServer> own_;
  std::unique_ptr<Peer> peer_;
};

TEST_P(GcsPeerTest, TheWholeScript) {
  FetchOutcome outcome = Fetch("gs://bucket/models/user1", "user1");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(Files("user1"), (std::set<std::string>{"1/model.pt", "a b#?.txt", "config.pbtxt"}));
  EXPECT_TRUE(ReadFile(folder_.File("user1/1/model.pt")) == model_);
  EXPECT_NE(outcome.report.version_text, "");

  outcome = Fetch("gs://bucket/models/user1/a b#?.txt", "single");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(ReadFile(folder_.File("single/a b#?.txt")), "odd");

  outcome = Fetch("gs://bucket/large", "large");  // in ranges
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(ReadFile(folder_.File("large/weights")) == large_);

  outcome = Fetch("gs://bucket/many", "many");  // in pages
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.report.files, 1005u);
  EXPECT_EQ(ReadFile(folder_.File("many/f1004")), "1004");

  EXPECT_EQ(Fetch("gs://bucket/none", "none").reason, FetchReason::kStorageNotFound);
  EXPECT_EQ(Fetch("gs://nobucket/none", "none").reason, FetchReason::kStorageNotFound);
  EXPECT_FALSE(fs::exists(folder_.File("none")));
}

INSTANTIATE_TEST_SUITE_P(Servers, GcsPeerTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "FakeGcsServer" : "Own"; });

class S3PeerTest : public PeerTest {
 protected:
  void SetUp() override {
    if (!IsThere("versitygw")) GTEST_SKIP() << "versitygw is not there";
    // Objects that were put there as files have no ETag: they are read without resuming.
    folder_.Write("data/bucket/models/user1/1/model.pt", model_);
    folder_.Write("data/bucket/models/user1/a b+c%.txt", "odd");
    folder_.Write("data/bucket/models/user10/x", "10");
    folder_.Write("data/bucket/models/user1-x/x", "-x");
    folder_.Write("data/bucket/large/weights", large_);
    for (int i = 0; i < 1005; ++i) {
      folder_.Write("data/bucket/many/f" + std::to_string(i), std::to_string(i));
    }
    fs::create_directories(folder_.File("iam"));
    const uint16_t port = FreePort();
    host_port_ = "127.0.0.1:" + std::to_string(port);
    peer_ = std::make_unique<Peer>(
        "versitygw", port,
        std::vector<std::string>{"--port", host_port_, "--region", "us-east-1", "--quiet",
                                 "--iam-dir", folder_.File("iam"), "posix", folder_.File("data")},
        std::vector<std::string>{"ROOT_ACCESS_KEY=AKTEST", "ROOT_SECRET_KEY=SKTEST"});
    ASSERT_TRUE(peer_->usable());
    options_.s3_endpoint = "http://" + host_port_;
    options_.addresses.allowed_hosts = {host_port_};
    credentials_.s3.access_key_id = "AKTEST";
    credentials_.s3.secret_access_key = "SKTEST";
  }

  std::string host_port_;
  std::unique_ptr<Peer> peer_;
};

TEST_F(S3PeerTest, TheWholeScript) {
  FetchOutcome outcome = Fetch("s3://bucket/models/user1", "user1");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(Files("user1"), (std::set<std::string>{"1/model.pt", "a b+c%.txt"}));
  EXPECT_TRUE(ReadFile(folder_.File("user1/1/model.pt")) == model_);

  outcome = Fetch("s3://bucket/models/user1/a b+c%.txt", "single");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(ReadFile(folder_.File("single/a b+c%.txt")), "odd");

  outcome = Fetch("s3://bucket/large", "large");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(ReadFile(folder_.File("large/weights")) == large_);

  outcome = Fetch("s3://bucket/many", "many");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.report.files, 1005u);

  EXPECT_EQ(Fetch("s3://bucket/none", "none").reason, FetchReason::kStorageNotFound);
  EXPECT_EQ(Fetch("s3://nobucket/none", "none").reason, FetchReason::kStorageNotFound);
}

TEST_F(S3PeerTest, OnlyTheRightKeyOpensIt) {
  credentials_.s3.secret_access_key = "wrong";
  FetchOutcome outcome = Fetch("s3://bucket/models/user1", "user1");
  EXPECT_EQ(outcome.reason, FetchReason::kStorageDenied);
  EXPECT_NE(outcome.status.message().find("SignatureDoesNotMatch"), std::string::npos)
      << outcome.status.message();
  credentials_.s3.access_key_id = "nobody";
  outcome = Fetch("s3://bucket/models/user1", "user1");
  EXPECT_EQ(outcome.reason, FetchReason::kStorageDenied);
  credentials_.s3.anonymous = true;
  outcome = Fetch("s3://bucket/models/user1", "user1");
  EXPECT_EQ(outcome.reason, FetchReason::kStorageDenied);
}

TEST_F(S3PeerTest, UploadedObjectsHaveVersions) {
  const std::string command =
      "curl -sf --aws-sigv4 aws:amz:us-east-1:s3 -u AKTEST:SKTEST "
      "-H x-amz-content-sha256:UNSIGNED-PAYLOAD -T ";
  const auto upload = [&](const std::string& content) {
    folder_.Write("upload.bin", content);
    return std::system((command + folder_.File("upload.bin") + " http://" + host_port_ +
                        "/bucket/versioned/weights")
                           .c_str());
  };
  if (upload(large_) != 0) GTEST_SKIP() << "curl is not there";
  const FetchOutcome outcome = Fetch("s3://bucket/versioned", "versioned");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(ReadFile(folder_.File("versioned/weights")) == large_);
  FetchRequest request;
  request.uri = "s3://bucket/versioned";
  request.credentials = credentials_;
  request.deadline = os::RealClock().Now() + seconds(100);
  const Fetcher fetcher(options_, {});
  EXPECT_NE(outcome.report.version_text, "");
  EXPECT_EQ(fetcher.CheckVersion(request).version_text, outcome.report.version_text);
  ASSERT_EQ(upload("other"), 0);
  EXPECT_NE(fetcher.CheckVersion(request).version_text, outcome.report.version_text);
}

class AzurePeerTest : public PeerTest {
 protected:
  void SetUp() override {
    if (!IsThere("azurite-blob")) GTEST_SKIP() << "azurite-blob is not there";
    const uint16_t port = FreePort();
    host_port_ = "127.0.0.1:" + std::to_string(port);
    peer_ = std::make_unique<Peer>(
        "azurite-blob", port,
        std::vector<std::string>{"--blobHost", "127.0.0.1", "--blobPort", std::to_string(port),
                                 "--location", folder_.File("azurite"), "--silent",
                                 "--skipApiVersionCheck", "--disableTelemetry"},
        std::vector<std::string>{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + folder_.path()});
    ASSERT_TRUE(peer_->usable());
    options_.azure_endpoint = "http://" + host_port_;
    options_.addresses.allowed_hosts = {host_port_};
    // Azurite's well-known account.
    credentials_.azure.account_key =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
  }
  // PUT, signed as its documentation says; by curl.
  int Put(const std::string& path, const std::string& query, const std::string& signed_query,
          const std::string& content) {
    const std::string account = "devstoreaccount1";
    const AzureTarget target{.method = "PUT", .account = account, .path = "/" + account + path};
    const HttpHeaders plain = *AzureHeaders("", os::RealClock().WallNow(), target);
    const std::string length = content.empty() ? "" : std::to_string(content.size());
    const std::string text = "PUT\n\n\n" + length + "\n\napplication/x\n\n\n\n\n\n\n" +
                             "x-ms-blob-type:BlockBlob\nx-ms-date:" + plain[0].second +
                             "\nx-ms-version:" + plain[1].second + "\n/" + account + "/" + account +
                             path + signed_query;
    folder_.Write("upload.bin", content);
    folder_.Write("to_sign", text);
    const std::string key = Hex(*DecodeBase64(credentials_.azure.account_key));
    const std::string command =
        "signature=$(openssl dgst -sha256 -mac HMAC -macopt hexkey:" + key + " -binary " +
        folder_.File("to_sign") + " | base64 -w0); curl -sf -X PUT --data-binary @" +
        folder_.File("upload.bin") +
        " -H 'Content-Type: application/x' -H 'x-ms-date: " + plain[0].second +
        "' -H 'x-ms-version: " + plain[1].second +
        "' -H 'x-ms-blob-type: BlockBlob' -H \"Authorization: SharedKey " + account +
        ":$signature\" 'http://" + host_port_ + "/" + account + path + query + "'";
    return std::system(command.c_str());
  }

  std::string host_port_;
  std::unique_ptr<Peer> peer_;
};

TEST_F(AzurePeerTest, TheWholeScript) {
  ASSERT_EQ(Put("/container", "?restype=container", "\nrestype:container", ""), 0);
  ASSERT_EQ(Put("/container/models/user1/1/model.pt", "", "", model_), 0);
  ASSERT_EQ(Put("/container/models/user1/a%20b%2B.txt", "", "", "odd"), 0);
  ASSERT_EQ(Put("/container/models/user10/x", "", "", "10"), 0);
  ASSERT_EQ(Put("/container/large/weights", "", "", large_), 0);
  const std::string base = "azure://devstoreaccount1/container/";
  FetchOutcome outcome = Fetch(base + "models/user1", "user1");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(Files("user1"), (std::set<std::string>{"1/model.pt", "a b+.txt"}));
  EXPECT_TRUE(ReadFile(folder_.File("user1/1/model.pt")) == model_);
  outcome = Fetch(base + "models/user1/a%20b%2B.txt", "single");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(ReadFile(folder_.File("single/a b+.txt")), "odd");
  outcome = Fetch(base + "large", "large");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(ReadFile(folder_.File("large/weights")) == large_);
  EXPECT_NE(outcome.report.version_text, "");
  EXPECT_EQ(Fetch(base + "none", "none").reason, FetchReason::kStorageNotFound);
  credentials_.azure.account_key = EncodeBase64("another key");
  EXPECT_EQ(Fetch(base + "models/user1", "denied").reason, FetchReason::kStorageDenied);
}

}  // namespace
}  // namespace throng::storage
