#include "storage/fetcher.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "base/limits.h"
#include "os/testing/temporary_directory.h"
#include "storage/checksum.h"
#include "storage/testing/failing_disk.h"
#include "storage/testing/fault_proxy.h"
#include "storage/testing/gcs_server.h"
#include "storage/testing/make_archive.h"

namespace throng::storage {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::DiskOperation;
using testing::FailingDisk;
using testing::FaultPlan;
using testing::FaultProxy;
using testing::GcsServer;
using testing::ScriptedServer;
using testing::ServeContent;
using testing::ServedReply;
using testing::ServedRequest;

std::string Bytes(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& c : bytes) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return bytes;
}

bool IsMedia(const ServedRequest& request) { return request.query.count("alt") > 0; }

class FetcherTest : public ::testing::Test {
 protected:
  FetcherTest() {
    options_.gcs_endpoint = server_.url();
    options_.addresses.allowed_hosts = {server_.host_port()};
    seams_.disk = &disk_;
    seams_.wait = [this](Duration) { ++waits_; };
    request_.uri = "gs://bucket/models/a";
    request_.destination = directory_.path() + "/a";
    request_.deadline = os::RealClock().Now() + seconds(100);
  }

  void PutModel() {
    server_.Put("bucket", "models/a/1/model.pt", model_);
    server_.Put("bucket", "models/a/config.pbtxt", "name: \"a\"");
    server_.Put("bucket", "models/a/empty", "");
  }
  FetchOutcome Fetch() { return Fetcher(options_, seams_).Fetch(request_); }

  std::string Content(const std::string& name) const {
    std::ifstream file(directory_.path() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Everything below the parent of the destination.
  std::set<std::string> Files() const {
    std::set<std::string> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory_.path())) {
      files.insert(fs::relative(entry.path(), directory_.path()).string());
    }
    return files;
  }
  void ExpectModel() const {
    EXPECT_EQ(Files(),
              (std::set<std::string>{"a", "a/1", "a/1/model.pt", "a/config.pbtxt", "a/empty"}));
    EXPECT_TRUE(Content("a/1/model.pt") == model_);
    EXPECT_EQ(Content("a/config.pbtxt"), "name: \"a\"");
  }
  void ExpectFailure(FetchReason reason) {
    const FetchOutcome outcome = Fetch();
    EXPECT_FALSE(outcome.status.ok());
    EXPECT_EQ(FetchReasonName(outcome.reason), FetchReasonName(reason))
        << outcome.status.ToString();
    EXPECT_TRUE(Files().empty());
    EXPECT_EQ(outcome.status.message().find(directory_.path()), std::string::npos);
    EXPECT_EQ(outcome.status.message().find("127.0.0.1"), std::string::npos);
  }

  const os::testing::TemporaryDirectory directory_;
  const std::string model_ = Bytes(300000, 1);
  GcsServer server_;
  FailingDisk disk_;
  StorageOptions options_;
  FetcherSeams seams_;
  FetchRequest request_;
  std::atomic<int> waits_{0};
};

TEST_F(FetcherTest, AFolderComesWhole) {
  PutModel();
  server_.Put("bucket", "models/ab/x", "not a's");
  FetchProgress last;
  request_.progress = [&last](const FetchProgress& progress) { last = progress; };
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(outcome.reason, FetchReason::kNone);
  ExpectModel();
  EXPECT_EQ(outcome.report.files, 3u);
  EXPECT_EQ(outcome.report.bytes, model_.size() + 9);
  EXPECT_EQ(outcome.report.retries, 0);
  EXPECT_EQ(outcome.report.digest,
            Hex(Sha256(Hex(Sha256(model_)) + "  1/model.pt\n" + Hex(Sha256("name: \"a\"")) +
                       "  config.pbtxt\n" + Hex(Sha256("")) + "  empty\n")));
  EXPECT_EQ(last.bytes_done, outcome.report.bytes);
  EXPECT_EQ(last.bytes_total, outcome.report.bytes);
  EXPECT_EQ(last.files_done, 3u);
  struct stat info = {};
  ASSERT_EQ(stat((directory_.path() + "/a/1/model.pt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0137, 0u);  // at most 0640
}

TEST_F(FetcherTest, ASingleObjectHasItsOwnDigest) {
  PutModel();
  request_.uri = "gs://bucket/models/a/1/model.pt";
  request_.expected_sha256 = Hex(Sha256(model_));
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(Files(), (std::set<std::string>{"a", "a/model.pt"}));
  EXPECT_EQ(outcome.report.digest, request_.expected_sha256);
}

TEST_F(FetcherTest, ThePinIsChecked) {
  PutModel();
  request_.expected_sha256 = std::string(64, '0');
  ExpectFailure(FetchReason::kChecksumMismatch);
  const size_t before = server_.http().request_count();
  request_.expected_sha256 = std::string(63, '0');
  ExpectFailure(FetchReason::kChecksumMismatch);
  request_.expected_sha256 = std::string(64, 'g');
  ExpectFailure(FetchReason::kChecksumMismatch);
  EXPECT_EQ(server_.http().request_count(), before);
}

TEST_F(FetcherTest, WhatIsThereIsNotTouched) {
  PutModel();
  fs::create_directory(request_.destination);
  std::ofstream(request_.destination + "/mine") << "mine";
  EXPECT_EQ(Fetch().status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Files(), (std::set<std::string>{"a", "a/mine"}));
  request_.destination = directory_.path() + "/none/a";
  EXPECT_EQ(Fetch().reason, FetchReason::kDiskFailed);
}

TEST_F(FetcherTest, AddressesThatPolicyRefusesAreDenied) {
  ScriptedServer redirecting([](const ServedRequest&) {
    return ServedReply{.status = 302, .headers = {{"Location", "http://169.254.169.254/x"}}};
  });
  options_.addresses.allowed_hosts.push_back(redirecting.host_port());
  for (const std::string& uri :
       {std::string("file:///etc"), std::string("file:///etc/passwd"),
        std::string("http://169.254.169.254/latest"), std::string("http://[fd00:ec2::254]/latest"),
        std::string("https://user:pass@host/a"), std::string("s3://b"), std::string("gs://bucket"),
        std::string("http://localhost:1/a"), redirecting.url() + "/model.pt"}) {
    request_.uri = uri;
    SCOPED_TRACE(uri);
    ExpectFailure(FetchReason::kStorageDenied);
  }
  for (const char* uri : {"hf://org/model", "oci://registry/model:1"}) {
    request_.uri = uri;
    ExpectFailure(FetchReason::kStorageNotSupported);
  }
  request_.uri = "pvc://claim/a";
  ExpectFailure(FetchReason::kStorageNotFound);
}

TEST_F(FetcherTest, HostileNamesAreRefusedBeforeAByteIsRead) {
  const std::string names[] = {"../x",
                               "a/../../x",
                               "/etc/x",
                               "a//b",
                               "a\\b",
                               "a\nb",
                               "./x",
                               "a/.",

                               std::string("a\0b", 3),
                               std::string(1000, 'n'),
                               std::string(900, 'x') + "/y"};
  for (const std::string& name : names) {
    server_.Put("bucket", "models/a/good", "x");
    server_.Put("bucket", "models/a/" + name, "x");
    ExpectFailure(FetchReason::kModelRefused);
    server_.Remove("bucket", "models/a/" + name);
  }
  server_.Put("bucket", "models/a/Good", "x");
  ExpectFailure(FetchReason::kModelRefused);
  server_.Remove("bucket", "models/a/Good");
  server_.Put("bucket", "models/a/good/below", "x");
  ExpectFailure(FetchReason::kModelRefused);
  server_.Remove("bucket", "models/a/good/below");
  std::string deep = "x";
  for (int i = 0; i < 40; ++i) deep = "d/" + deep;
  server_.Put("bucket", "models/a/" + deep, "x");
  ExpectFailure(FetchReason::kModelTooLarge);
  EXPECT_EQ(server_.media_requests(), 0u);
}

TEST_F(FetcherTest, CountsAndSizesAreBounded) {
  for (size_t i = 0; i <= limits::kArtifactFiles; ++i) {
    server_.Put("bucket", "models/a/f" + std::to_string(i), "", false);
  }
  ExpectFailure(FetchReason::kModelTooLarge);
  server_.Put("bucket", "models/b/x", "x");
  request_.uri = "gs://bucket/models/b";
  server_.set_spoil([](const ServedRequest& request, ServedReply& reply) {
    if (IsMedia(request)) return;
    const size_t at = reply.body.find("\"size\":\"1\"");
    if (at != std::string::npos) reply.body.replace(at, 10, "\"size\":\"8589934593\"");
  });
  ExpectFailure(FetchReason::kModelTooLarge);
  EXPECT_EQ(server_.media_requests(), 0u);
}

TEST_F(FetcherTest, NothingThereIsNotFound) {
  ExpectFailure(FetchReason::kStorageNotFound);
  EXPECT_EQ(waits_, 0);
}

TEST_F(FetcherTest, RefusedCredentialsAreNotTriedAgain) {
  PutModel();
  server_.set_bearer("secret");
  ExpectFailure(FetchReason::kStorageDenied);
  EXPECT_EQ(waits_, 0);
  request_.credentials.gcs.service_account_json = "{}";
  ExpectFailure(FetchReason::kStorageDenied);
}

TEST_F(FetcherTest, WrongBytesAreReadAgain) {
  PutModel();
  struct Case {
    const char* name;
    std::function<void(ServedReply&)> spoil;
  };
  const Case cases[] = {
      {"short",
       [](ServedReply& reply) {
         reply.body.resize(reply.body.size() / 2);
         reply.without_length = true;
       }},
      {"long",
       [](ServedReply& reply) {
         reply.body += "more";
         reply.without_length = true;
       }},
      {"flipped", [](ServedReply& reply) { reply.body[reply.body.size() / 2] ^= 1; }},
      {"another part",
       [](ServedReply& reply) {
         reply.status = 206;
         reply.headers = {{"Content-Range", "bytes 1-10/11"}};
       }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    std::atomic<int> spoiled{0};
    int times = 2;
    server_.set_spoil([&](const ServedRequest& request, ServedReply& reply) {
      if (!IsMedia(request) || request.path.find("model.pt") == std::string::npos) return;
      if (spoiled++ < times) c.spoil(reply);
    });
    const FetchOutcome outcome = Fetch();
    EXPECT_TRUE(outcome.status.ok()) << outcome.status.ToString();
    ExpectModel();
    fs::remove_all(request_.destination);
    times = 1000;
    ExpectFailure(FetchReason::kChecksumMismatch);
  }
}

TEST_F(FetcherTest, AnObjectThatChangesIsFetchedAnew) {
  PutModel();
  std::atomic<int> changes{0};
  const std::string newer = Bytes(200000, 2);
  int times = 1;
  server_.set_spoil([&](const ServedRequest& request, ServedReply& reply) {
    if (!IsMedia(request) || request.path.find("model.pt") == std::string::npos) return;
    if (changes >= times) return;
    ++changes;
    server_.Put("bucket", "models/a/1/model.pt", newer);
    reply.reset_after = 1000;
  });
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(Content("a/1/model.pt") == newer);
  fs::remove_all(request_.destination);
  times = 1000;
  ExpectFailure(FetchReason::kChecksumMismatch);
}

TEST_F(FetcherTest, BrokenTransfersGoOnWhereTheyBroke) {
  PutModel();
  std::atomic<int> media{0};
  server_.set_spoil([&](const ServedRequest& request, ServedReply& reply) {
    if (!IsMedia(request) || request.path.find("model.pt") == std::string::npos) return;
    if (++media <= 5) reply.reset_after = 50000;
  });
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  ExpectModel();
  EXPECT_GE(outcome.report.retries, 5);
  size_t resumed = 0;
  for (const ServedRequest& request : server_.http().requests()) {
    resumed += static_cast<size_t>(IsMedia(request) && request.headers.count("range") > 0);
  }
  EXPECT_GE(resumed, 1u);
}

TEST_F(FetcherTest, ABreakingNetworkIsSurvived) {
  PutModel();
  options_.low_speed_time = seconds(1);
  FaultProxy proxy(server_.http().port());
  options_.gcs_endpoint = "http://" + proxy.host_port();
  options_.addresses.allowed_hosts = {proxy.host_port()};
  proxy.set_plan([](int connection) {
    FaultPlan plan;
    if (connection == 1) plan.reset_after = 10;   // inside the head of a listing
    if (connection == 2) plan.close_after = 200;  // inside its body
    if (connection == 3) plan.hang_after = 100;
    if (connection == 4) plan.bytes_per_second = 1;
    if (connection >= 5 && connection <= 12) plan.reset_after = 40000;
    return plan;
  });
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  ExpectModel();
  EXPECT_GE(proxy.connection_count(), 8);
  fs::remove_all(request_.destination);
  proxy.set_plan([](int) { return FaultPlan{.reset_after = 0}; });
  ExpectFailure(FetchReason::kStorageUnavailable);
}

TEST_F(FetcherTest, TroubleIsWaitedOutWithinABudget) {
  PutModel();
  std::atomic<int> requests{0};
  server_.set_spoil([&](const ServedRequest&, ServedReply& reply) {
    if (++requests <= 4) reply.status = requests % 2 == 0 ? 503 : 429;
  });
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(waits_, 4);
  EXPECT_EQ(outcome.report.retries, 4);
  fs::remove_all(request_.destination);
  server_.set_spoil([](const ServedRequest&, ServedReply& reply) { reply.status = 503; });
  const size_t before = server_.http().request_count();
  ExpectFailure(FetchReason::kStorageUnavailable);
  EXPECT_EQ(server_.http().request_count() - before, size_t{limits::kStorageAttempts});
}

TEST_F(FetcherTest, ALongRetryAfterIsTheCallers) {
  PutModel();
  server_.set_spoil([](const ServedRequest&, ServedReply& reply) {
    reply.status = 503;
    reply.headers.emplace_back("Retry-After", "120");
  });
  const FetchOutcome outcome = Fetch();
  EXPECT_EQ(outcome.reason, FetchReason::kStorageUnavailable);
  EXPECT_EQ(outcome.status.retry_after_seconds(), 120);
  EXPECT_EQ(waits_, 0);
}

TEST_F(FetcherTest, SlowAndSilentServersAreGivenUpAndAskedAgain) {
  PutModel();
  options_.low_speed_time = seconds(1);
  for (const bool hangs : {true, false}) {
    std::atomic<int> media{0};
    server_.set_spoil([&](const ServedRequest& request, ServedReply& reply) {
      if (!IsMedia(request) || request.path.find("model.pt") == std::string::npos) return;
      if (++media > 1) return;
      if (hangs) {
        reply.hang_after = 100;
      } else {
        reply.bytes_per_second = 1;
      }
    });
    const FetchOutcome outcome = Fetch();
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
    ExpectModel();
    fs::remove_all(request_.destination);
  }
}

TEST_F(FetcherTest, AHostThatCannotBeReachedIsUnavailable) {
  request_.uri = "http://does-not-exist.invalid/model.pt";
  ExpectFailure(FetchReason::kStorageUnavailable);
  ScriptedServer loop([](const ServedRequest&) {
    return ServedReply{.status = 301, .headers = {{"Location", "/again"}}};
  });
  options_.addresses.allowed_hosts.push_back(loop.host_port());
  request_.uri = loop.url() + "/model.pt";
  ExpectFailure(FetchReason::kStorageUnavailable);
  ScriptedServer expired([](const ServedRequest&) { return ServedReply{}; },
                         testing::MakeTlsIdentity("127.0.0.1", -3600, -60));
  options_.addresses.allowed_hosts.push_back(expired.host_port());
  request_.uri = expired.url() + "/model.pt";
  ExpectFailure(FetchReason::kStorageUntrusted);
}

TEST_F(FetcherTest, OneThatHangsHoldsUpNoOther) {
  PutModel();
  server_.Put("bucket", "models/b/x", "hangs");
  options_.low_speed_time = seconds(60);
  std::thread hanging;
  CancelFlag cancel;
  std::atomic<bool> ended{false};
  FetchRequest other = request_;
  other.uri = "gs://bucket/models/b";
  other.destination = directory_.path() + "/b";
  other.cancel = &cancel;
  server_.set_spoil([&](const ServedRequest& request, ServedReply& reply) {
    if (IsMedia(request) && request.path.find("%2Fb%2F") != std::string::npos) {
      reply.hang_after = 2;
    }
  });
  const Fetcher fetcher(options_, seams_);
  FetchOutcome hung;
  hanging = std::thread([&] {
    hung = fetcher.Fetch(other);
    ended = true;
  });
  EXPECT_TRUE(fetcher.Fetch(request_).status.ok());
  EXPECT_FALSE(ended);
  cancel.Cancel();
  hanging.join();
  EXPECT_EQ(hung.reason, FetchReason::kCancelled);
  ExpectModel();
}

TEST_F(FetcherTest, TheDeadlineEndsIt) {
  PutModel();
  options_.low_speed_time = seconds(60);
  server_.set_spoil([](const ServedRequest& request, ServedReply& reply) {
    if (IsMedia(request)) reply.hang_after = 1;
  });
  request_.deadline = os::RealClock().Now() + std::chrono::milliseconds(300);
  ExpectFailure(FetchReason::kDownloadTimeout);
  request_.deadline = os::RealClock().Now() - seconds(1);
  ExpectFailure(FetchReason::kDownloadTimeout);
}

TEST_F(FetcherTest, EveryFailureOfTheDiskIsCleanAndFinal) {
  PutModel();
  ASSERT_TRUE(Fetch().status.ok());
  fs::remove_all(request_.destination);
  std::map<DiskOperation, int> counts;
  for (const DiskOperation operation :
       {DiskOperation::kMakeDirectory, DiskOperation::kCreate, DiskOperation::kWrite,
        DiskOperation::kRead, DiskOperation::kSync, DiskOperation::kSyncDirectory,
        DiskOperation::kRename, DiskOperation::kFreeBytes}) {
    counts[operation] = disk_.count(operation);
    ASSERT_GT(counts[operation], 0);
  }
  for (const auto& [operation, count] : counts) {
    for (const int number : {1, (count + 1) / 2, operation == DiskOperation::kWrite ? 1 : count}) {
      for (const bool full : {true, false}) {
        SCOPED_TRACE(static_cast<int>(operation));
        FailingDisk disk;
        seams_.disk = &disk;
        disk.FailAt(operation, number,
                    full ? ResourceExhaustedError("No space left on device")
                         : UnavailableError("Input/output error"));
        ExpectFailure(full ? FetchReason::kDiskFull : FetchReason::kDiskFailed);
      }
    }
  }
  seams_.disk = &disk_;
  EXPECT_TRUE(Fetch().status.ok());
  EXPECT_EQ(waits_, 0);
}

TEST_F(FetcherTest, ADiskIsNotFilledToTheLastByte) {
  PutModel();
  constexpr uint64_t kSpareBytes = 4ULL * 1024 * 1024;
  const uint64_t needed = kSpareBytes + model_.size() + 9;
  FailingDisk disk;
  seams_.disk = &disk;
  // Before it begins, and with what is left when it is there.
  for (const std::deque<uint64_t>& answers :
       {std::deque<uint64_t>{needed - 1}, {0}, {needed, kSpareBytes - 1}, {needed, 0}}) {
    disk.SetFreeBytes(answers);
    ExpectFailure(FetchReason::kDiskFull);
  }
  disk.SetFreeBytes({needed, kSpareBytes});
  EXPECT_TRUE(Fetch().status.ok());
  ExpectModel();
}

TEST_F(FetcherTest, LargeObjectsComeInPartsAndResume) {
  const std::string large = Bytes(limits::kStoragePartBytes + 2345678, 3);
  server_.Put("bucket", "models/a/large", large, /*checksums=*/false);
  std::atomic<bool> broken{false};
  const std::string second = "bytes=" + std::to_string(limits::kStoragePartBytes) + "-";
  server_.set_spoil([&](const ServedRequest& request, ServedReply& reply) {
    const auto range = request.headers.find("range");
    if (range == request.headers.end() || !range->second.starts_with(second)) return;
    if (!broken.exchange(true)) reply.reset_after = 1234567;
  });
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(Content("a/large") == large);
  EXPECT_EQ(outcome.report.digest, Hex(Sha256(large)));
  EXPECT_EQ(server_.media_requests(), 3u);
}

TEST_F(FetcherTest, ObjectsWithoutVersionsStartOver) {
  std::atomic<int> gets{0};
  const std::string content = Bytes(100000, 4);
  ScriptedServer server([&](const ServedRequest& request) {
    ServedReply reply = ServeContent(request, content, "");
    if (request.method == "GET" && ++gets == 1) reply.reset_after = 60000;
    return reply;
  });
  options_.addresses.allowed_hosts.push_back(server.host_port());
  request_.uri = server.url() + "/model.bin";
  const FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_TRUE(Content("a/model.bin") == content);
  EXPECT_EQ(server.requests().back().headers.count("range"), 0u);
  EXPECT_EQ(outcome.report.version_text, "");
}

TEST_F(FetcherTest, ArchivesAreUnpacked) {
  const std::string archive =
      testing::MakeArchive(".tgz", {{"./1/model.pt", model_}, {"./config.pbtxt", "config"}});
  std::string served = archive;
  ScriptedServer server([&](const ServedRequest& request) {
    return ServeContent(request, served, "\"" + Hex(Sha256(served)) + "\"");
  });
  options_.addresses.allowed_hosts.push_back(server.host_port());
  request_.uri = server.url() + "/model.tar.gz";
  request_.expected_sha256 = Hex(Sha256(archive));
  FetchOutcome outcome = Fetch();
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
  EXPECT_EQ(Files(), (std::set<std::string>{"a", "a/1", "a/1/model.pt", "a/config.pbtxt"}));
  EXPECT_TRUE(Content("a/1/model.pt") == model_);
  EXPECT_EQ(outcome.report.files, 2u);
  EXPECT_EQ(outcome.report.bytes, model_.size() + 6);
  EXPECT_EQ(outcome.report.digest, request_.expected_sha256);
  fs::remove_all(request_.destination);
  request_.expected_sha256.clear();
  served = testing::MakeArchive(".tgz", {{"good", "x"}, {"../up", "x"}});
  ExpectFailure(FetchReason::kModelRefused);
  served = testing::MakeArchive(".tgz", {{"good", "x"}, {"link", "", AE_IFLNK}});
  ExpectFailure(FetchReason::kModelRefused);
  served = "no archive";
  ExpectFailure(FetchReason::kModelRefused);
  served = archive;
  FailingDisk disk;
  seams_.disk = &disk;
  disk.FailAt(DiskOperation::kWrite, 3, ResourceExhaustedError("full"));
  ExpectFailure(FetchReason::kDiskFull);
}

TEST_F(FetcherTest, AMirrorServesWhatTheUriNames) {
  fs::create_directories(directory_.path() + "/mirror/models/a");
  std::ofstream(directory_.path() + "/mirror/models/a/model.pt") << "mirrored";
  options_.mirrors = {*ParseMirror("gs://bucket/=" + directory_.path() + "/mirror")};
  fs::create_directory(directory_.path() + "/models");
  request_.destination = directory_.path() + "/models/a";
  ASSERT_TRUE(Fetch().status.ok());
  EXPECT_EQ(Content("models/a/model.pt"), "mirrored");
  EXPECT_EQ(server_.http().request_count(), 0u);
}

TEST_F(FetcherTest, AChangeIsSeenByVersion) {
  PutModel();
  const Fetcher fetcher(options_, seams_);
  const FetchOutcome outcome = fetcher.Fetch(request_);
  ASSERT_TRUE(outcome.status.ok());
  const size_t media = server_.media_requests();
  VersionOutcome version = fetcher.CheckVersion(request_);
  EXPECT_EQ(version.version_text, outcome.report.version_text);
  EXPECT_NE(version.version_text, "");
  server_.Put("bucket", "models/a/config.pbtxt", "name: \"a\"");
  version = fetcher.CheckVersion(request_);
  EXPECT_TRUE(version.status.ok());
  EXPECT_NE(version.version_text, outcome.report.version_text);
  EXPECT_EQ(server_.media_requests(), media);
  request_.uri = "gs://bucket/none";
  EXPECT_EQ(fetcher.CheckVersion(request_).reason, FetchReason::kStorageNotFound);
}

TEST_F(FetcherTest, LeftoversAreRemoved) {
  fs::create_directories(directory_.path() + "/.fetch-1234/content/1");
  std::ofstream(directory_.path() + "/.fetch-1234/content/1/x") << "x";
  fs::create_directories(directory_.path() + "/kept");
  EXPECT_TRUE(Fetcher(options_, seams_).RemoveLeftovers(directory_.path()).ok());
  EXPECT_EQ(Files(), std::set<std::string>{"kept"});
}

TEST_F(FetcherTest, CancelledBeforeItStartsNothingIsAsked) {
  PutModel();
  CancelFlag cancel;
  cancel.Cancel();
  request_.cancel = &cancel;
  ExpectFailure(FetchReason::kCancelled);
  EXPECT_EQ(server_.http().request_count(), 0u);
}

}  // namespace
}  // namespace throng::storage
