// Bounds of base/control_limits.h that no other test of this folder tries.
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/event_loop.h"
#include "os/testing/temporary_directory.h"
#include "storage/fetcher.h"
#include "storage/http/http_transfer.h"
#include "storage/scheme_table.h"
#include "storage/testing/gcs_server.h"
#include "storage/testing/scripted_server.h"

namespace throng::storage {
namespace {

using std::chrono::seconds;
using testing::ScriptedServer;
using testing::ServedReply;
using testing::ServedRequest;

Deadline Soon() { return {os::RealClock(), os::RealClock().Now() + seconds(60)}; }

TEST(StorageLimitsTest, TheDefaultsAreTheRows) {
  const StorageOptions options;
  EXPECT_EQ(options.connect_timeout, limits::kStorageConnectTimeout);
  EXPECT_EQ(options.low_speed_time, limits::kStorageLowSpeedTime);
  EXPECT_EQ(options.low_speed_bytes, limits::kStorageLowSpeedBytes);
}

TEST(StorageLimitsTest, AListingHasAtMostSoManyPages) {
  std::atomic<size_t> pages{0};
  std::atomic<size_t> served{0};
  ScriptedServer server([&](const ServedRequest&) {
    const size_t page = ++served;
    std::string body =
        R"({"items":[{"name":"m/)" + std::to_string(page) + R"(","size":"1","generation":"1"}])";
    if (page < pages) body += R"(,"nextPageToken":"next")";
    return ServedReply{.body = body + "}"};
  });
  StorageOptions options;
  options.gcs_endpoint = server.url();
  options.addresses.allowed_hosts = {server.host_port()};
  const Credentials credentials;
  const StorageUri uri = *ParseStorageUri("gs://bucket/m");
  for (const size_t count :
       {limits::kStorageListings - 1, limits::kStorageListings, limits::kStorageListings + 1}) {
    pages = count;
    served = 0;
    auto provider = MakeProvider({options, credentials, os::RealClock()}, uri);
    const Result<Listing> listing = (*provider)->List(uri, Soon());
    if (count <= limits::kStorageListings) {
      ASSERT_TRUE(listing.ok()) << listing.status().ToString();
      EXPECT_EQ(listing->objects.size(), count);
    } else {
      EXPECT_EQ(listing.status().code(), StatusCode::kResourceExhausted);
    }
  }
}

TEST(StorageLimitsTest, TheHeadOfAReplyIsBounded) {
  std::atomic<size_t> pad{0};
  ScriptedServer server([&pad](const ServedRequest&) {
    std::vector<std::pair<std::string, std::string>> headers;
    // Lines of at most 32 KiB, because curl has a bound of its own for one.
    for (size_t left = pad; left > 0;) {
      const size_t size = std::min<size_t>(left, 32 * 1024);
      headers.emplace_back("X-Pad", std::string(size - std::string("X-Pad: \r\n").size(), 'x'));
      left -= size;
    }
    return ServedReply{.headers = std::move(headers), .body = "x"};
  });
  StorageOptions options;
  options.addresses.allowed_hosts = {server.host_port()};
  HttpTransfer transfer(options);
  const auto get = [&] { return transfer.Send({.url = server.url() + "/"}, Soon()); };
  const Result<HttpReply> plain = get();
  ASSERT_TRUE(plain.ok());
  size_t head_bytes = std::string("HTTP/1.1 200 X\r\n\r\n").size();
  for (const auto& [name, value] : plain->headers) head_bytes += name.size() + value.size() + 4;
  for (const int extra : {-1, 0, 1}) {
    pad = limits::kStorageHeaderBytes - head_bytes + static_cast<size_t>(extra);
    const Result<HttpReply> reply = get();
    EXPECT_EQ(reply.ok(), extra <= 0) << extra << ": " << reply.status().ToString();
    if (extra > 0) {
      EXPECT_EQ(reply.status().code(), StatusCode::kUnavailable);
    }
  }
}

// Every read waits until as many run as may run beside each other.
class CountingProvider final : public StorageProvider {
 public:
  struct Counts {
    std::mutex mutex;
    std::condition_variable changed;
    size_t objects = 0;
    size_t expected = 0;
    size_t begun = 0;
    size_t running = 0;
    size_t most = 0;
  };
  explicit CountingProvider(Counts& counts) : counts_(counts) {}

  Result<Listing> List(const StorageUri&, const Deadline&) override {
    Listing listing;
    for (size_t i = 0; i < counts_.objects; ++i) {
      listing.objects.push_back({.relative_path = "f" + std::to_string(i), .size_bytes = 1});
    }
    return listing;
  }
  Status Read(const StorageUri&, const ObjectInfo&, uint64_t, uint64_t, const Deadline&,
              const ByteSink& sink) override {
    std::unique_lock lock(counts_.mutex);
    ++counts_.begun;
    counts_.most = std::max(counts_.most, ++counts_.running);
    counts_.changed.notify_all();
    counts_.changed.wait_for(lock, seconds(60),
                             [this] { return counts_.begun >= counts_.expected; });
    --counts_.running;
    lock.unlock();
    return sink("x");
  }

 private:
  Counts& counts_;
};

TEST(StorageLimitsTest, SoManyReadsOfOneFetchRunBesideEachOther) {
  constexpr size_t kMost = limits::kStorageParallelReads;
  for (const size_t objects : {kMost - 1, kMost, kMost + 1}) {
    const os::testing::TemporaryDirectory directory;
    CountingProvider::Counts counts;
    counts.objects = objects;
    counts.expected = std::min(objects, kMost);
    const Fetcher fetcher(
        {}, {.make_provider = [&counts](const StorageUri&, const Credentials&)
                 -> Result<std::unique_ptr<StorageProvider>> {
          return std::unique_ptr<StorageProvider>(std::make_unique<CountingProvider>(counts));
        }});
    const FetchOutcome outcome = fetcher.Fetch({.uri = "gs://bucket/m",
                                                .destination = directory.path() + "/m",
                                                .deadline = os::RealClock().Now() + seconds(100)});
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.ToString();
    EXPECT_EQ(counts.most, std::min(objects, kMost));
  }
}

TEST(StorageLimitsTest, AnObjectThatComesWrongIsReadSoManyTimes) {
  testing::GcsServer server;
  server.Put("bucket", "m/model.pt", "0123456789");
  StorageOptions options;
  options.gcs_endpoint = server.url();
  options.addresses.allowed_hosts = {server.host_port()};
  for (const int extra : {-1, 0, 1}) {
    const os::testing::TemporaryDirectory directory;
    std::atomic<int> wrong_left{limits::kStorageRereads + extra};
    server.set_spoil([&wrong_left](const ServedRequest& request, ServedReply& reply) {
      if (request.query.count("alt") > 0 && wrong_left-- > 0) reply.body[0] ^= 1;
    });
    const size_t before = server.media_requests();
    const Fetcher fetcher(options, {.wait = [](Duration) {}});
    const FetchOutcome outcome = fetcher.Fetch({.uri = "gs://bucket/m",
                                                .destination = directory.path() + "/m",
                                                .deadline = os::RealClock().Now() + seconds(100)});
    EXPECT_EQ(outcome.status.ok(), extra < 0) << outcome.status.ToString();
    EXPECT_EQ(server.media_requests() - before, size_t{limits::kStorageRereads});
    server.set_spoil([](const ServedRequest&, ServedReply&) {});
  }
}

}  // namespace
}  // namespace throng::storage
