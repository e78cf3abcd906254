#include "gateway/gateway.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/testing/fake_api.h"
#include "gateway/testing/gateway_fixture.h"
#include "os/testing/memory_file_system.h"
#include "os/testing/temporary_directory.h"

namespace throng::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FakeApi;
using testing::TestReplica;

constexpr char kHost[] = "mms.default";
constexpr char kHosts[] = "\"mms.default\"";
constexpr char kFile[] = "/state/routes.json";
constexpr char kNoHost[] =
    "404 {\"error\":\"no InferenceService has this host; say which in the Host header: "
    "NAME.NAMESPACE\"}";

class GatewayTest : public testing::GatewayFixture {
 protected:
  GatewayTest() {
    files_.MakeDirectory("/state");
    socket_ = directory_.path() + "/api.sock";
  }

  void Create() {
    gateway_.reset();
    auto gateway = Gateway::Create(
        harness_.loop(), {.listener = listener_.get(),
                          .admin_listener = admin_.get(),
                          .api_socket = socket_,
                          .routes_file = kFile,
                          .random = &random_,
                          .logger = &logger_,
                          .files = &files_,
                          .proxy = {.access_log = [this](std::string_view) { ++access_lines_; }}});
    ASSERT_TRUE(gateway.ok()) << gateway.status().ToString();
    gateway_ = std::move(*gateway);
  }
  std::string Admin(std::string_view path, std::string_view method = "GET") {
    testing::RawClient client(
        harness_, std::move(*os::ConnectTcp("127.0.0.1", *os::LocalPort(admin_.get()))));
    client.Send(std::string(method) + " " + std::string(path) +
                " HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(client.ReceiveEnd());
    return client.received.substr(9);
  }
  std::string FileText() {
    const auto text = files_.Read(kFile, 1'000'000);
    return text.ok() ? *text : "";
  }
  bool WaitForFile(std::string_view part) {
    harness_.Advance(limits::kRouteFileDelay);
    return harness_.RunUntil([&] { return FileText().find(part) != std::string::npos; });
  }

  os::testing::TemporaryDirectory directory_;
  os::testing::MemoryFileSystem files_;
  std::string socket_;
  os::UniqueFd admin_ = std::move(*os::ListenTcp("127.0.0.1", 0));
  std::unique_ptr<Gateway> gateway_;
  int access_lines_ = 0;
};

TEST_F(GatewayTest, FollowsTheApi) {
  TestReplica a(harness_, "a");
  a.AnswerWith(200, "a");
  TestReplica b(harness_, "b");
  b.AnswerWith(200, "b");
  FakeApi api(harness_, socket_);
  api.items = FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port()));
  api.version = "41/x";
  Create();
  EXPECT_EQ(Admin("/readyz").substr(0, 3), "503");
  ASSERT_TRUE(api.WaitForWatch());
  EXPECT_EQ(api.targets[0], "/apis/throng.dev/v1alpha1/gatewayroutes");
  EXPECT_EQ(api.targets[1],
            "/apis/throng.dev/v1alpha1/gatewayroutes?watch=true&allowWatchBookmarks=true"
            "&resourceVersion=41%2Fx");
  EXPECT_EQ(Admin("/readyz").substr(0, 3), "200");
  EXPECT_EQ(Ask(Get(kHost)), "200 a");
  api.Event("MODIFIED", FakeApi::Route("mms", kHosts, FakeApi::Replica("b", b.port()), "42"));
  EXPECT_EQ(Ask(Get(kHost)), "200 b");
  api.Event("ADDED",
            FakeApi::Route("two", "\"two.default\"", FakeApi::Replica("a", a.port()), "43"));
  EXPECT_EQ(Ask(Get("two.default")), "200 a");
  api.Event("DELETED", FakeApi::Route("mms", kHosts, "", "44"));
  EXPECT_EQ(Ask(Get(kHost)), kNoHost);
  api.Event("BOOKMARK", R"({"kind":"GatewayRoute","metadata":{"resourceVersion":"50"}})");
  // A watch that ends in its time goes on where it was.
  harness_.Advance(seconds(60));
  api.EndWatch();
  harness_.Advance(seconds(1));
  ASSERT_TRUE(api.WaitForWatch());
  EXPECT_TRUE(api.targets.back().ends_with("resourceVersion=50"));
  EXPECT_EQ(gateway_->inventory().watch_failures, 0u);
  EXPECT_EQ(access_lines_, 4);
}

TEST_F(GatewayTest, EventsComeInPiecesAndInLumps) {
  FakeApi api(harness_, socket_);
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  TestReplica a(harness_, "a");
  a.AnswerWith(200, "a");
  const std::string line = "{\"type\":\"ADDED\",\"object\":" +
                           FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port())) + "}\n";
  for (const char c : line) {
    api.watch->Write({&c, 1});
    harness_.loop().RunOnce(milliseconds(1));
  }
  harness_.Settle();
  EXPECT_EQ(Ask(Get(kHost)), "200 a");
  std::string lump;
  for (int i = 0; i < 100; ++i) {
    lump += "{\"type\":\"ADDED\",\"object\":" +
            FakeApi::Route("r" + std::to_string(i), "\"r" + std::to_string(i) + "\"", "") + "}\n\n";
  }
  api.watch->Write(lump);
  EXPECT_TRUE(harness_.RunUntil([&] { return gateway_->inventory().routes == 101; }));
}

TEST_F(GatewayTest, TooOldRevisionsLeadToAnotherList) {
  FakeApi api(harness_, socket_);
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  // As an event.
  api.items = FakeApi::Route("mms", kHosts, "");
  api.version = "100";
  api.Event("ERROR", R"({"kind":"Status","code":410})");
  api.watch.reset();
  harness_.Advance(limits::kWatchBackOff);
  ASSERT_TRUE(api.WaitForWatch());
  EXPECT_TRUE(api.targets.back().ends_with("resourceVersion=100"));
  EXPECT_EQ(gateway_->inventory().routes, 1u);
  // As a status.
  api.watch_status = 410;
  api.items = "";
  harness_.Advance(seconds(10));
  api.EndWatch();
  harness_.Advance(seconds(1));
  EXPECT_TRUE(harness_.RunUntil([&] {
    return gateway_->inventory().routes == 0 || [&] {
      harness_.Advance(milliseconds(50));
      return false;
    }();
  }));
  EXPECT_EQ(gateway_->inventory().watch_failures, 0u);
}

TEST_F(GatewayTest, RoutesStayWhileTheApiIsAway) {
  TestReplica a(harness_, "a");
  a.AnswerWith(200, "a");
  auto api = std::make_unique<FakeApi>(harness_, socket_);
  api->items = FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port()));
  Create();
  ASSERT_TRUE(api->WaitForWatch());
  ASSERT_TRUE(WaitForFile("mms.default"));
  api.reset();
  for (int i = 0; i < 20; ++i) harness_.Advance(seconds(5));
  EXPECT_EQ(Ask(Get(kHost)), "200 a");
  EXPECT_TRUE(Logged("routes stay as they are while the API is away"));
  const uint64_t failures = gateway_->inventory().watch_failures;
  EXPECT_GT(failures, 5u);
  // It comes back with other revisions, and refuses for a while: what is not known is not "none".
  api = std::make_unique<FakeApi>(harness_, socket_);
  api->list_status = 503;
  api->watch_status = 410;
  for (int i = 0; i < 5; ++i) harness_.Advance(seconds(5));
  EXPECT_EQ(Ask(Get(kHost)), "200 a");
  api->list_status = 200;
  api->watch_status = 200;
  api->items = "";
  for (int i = 0; i < 5 && api->watch == nullptr; ++i) harness_.Advance(seconds(5));
  ASSERT_TRUE(api->WaitForWatch());
  EXPECT_EQ(Ask(Get(kHost)), kNoHost);
  EXPECT_TRUE(Logged("routes follow the API again"));
}

TEST_F(GatewayTest, BackOffGrowsToItsBoundAndIsSpread) {
  Create();
  harness_.Advance(seconds(1));
  const uint64_t first = gateway_->inventory().watch_failures;
  EXPECT_GE(first, 2u);
  std::vector<int64_t> gaps;
  int64_t gap_ms = 0;
  for (uint64_t last = first; gaps.size() < 12;) {
    harness_.Advance(milliseconds(100));
    gap_ms += 100;
    const uint64_t now = gateway_->inventory().watch_failures;
    if (now == last) continue;
    last = now;
    gaps.push_back(std::exchange(gap_ms, 0));
  }
  for (size_t i = 6; i < gaps.size(); ++i) {
    EXPECT_GE(gaps[i], 2400);
    EXPECT_LE(gaps[i], 5200);
  }
  EXPECT_NE(std::count(gaps.begin() + 6, gaps.end(), gaps.back()), 6);
}

TEST_F(GatewayTest, ASilentWatchIsGivenUp) {
  FakeApi api(harness_, socket_);
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  harness_.Advance(limits::kWatchSilence - seconds(1));
  api.Event("BOOKMARK", R"({"metadata":{"resourceVersion":"7"}})");
  harness_.Advance(limits::kWatchSilence - seconds(1));
  EXPECT_FALSE(api.watch->client_gone());
  harness_.Advance(seconds(1));
  EXPECT_TRUE(harness_.RunUntil([&] { return api.watch->client_gone(); }));
  api.watch.reset();
  harness_.Advance(seconds(1));
  EXPECT_TRUE(api.WaitForWatch());
  EXPECT_TRUE(api.targets.back().ends_with("resourceVersion=7"));
}

TEST_F(GatewayTest, NonsenseOfTheApiIsSurvived) {
  FakeApi api(harness_, socket_);
  api.items = "{}," + FakeApi::Route("mms", kHosts, "");
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  EXPECT_EQ(gateway_->inventory().routes, 1u);
  EXPECT_TRUE(Logged("a route is left out: a GatewayRoute without metadata.name"));
  // A bad route keeps its last good form.
  api.Event("MODIFIED", FakeApi::Route("mms", "7", ""));
  EXPECT_TRUE(Logged("default/mms: spec.hosts must be"));
  EXPECT_EQ(gateway_->inventory().routes, 1u);
  // A host that is another's.
  api.Event("ADDED", FakeApi::Route("rival", kHosts, ""));
  EXPECT_TRUE(Logged("host mms.default of default/rival stays with default/mms"));
  for (const std::string& bytes :
       {std::string("garbage\n"), std::string("{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n"),
        std::string(limits::kObjectBytes + 1, 'x')}) {
    api.watch->Write(bytes);
    EXPECT_TRUE(harness_.RunUntil([&] { return api.watch->client_gone(); }));
    api.watch.reset();
    for (int i = 0; i < 5 && api.watch == nullptr; ++i) harness_.Advance(seconds(5));
    ASSERT_TRUE(api.WaitForWatch());
  }
  EXPECT_EQ(gateway_->inventory().watch_failures, 3u);
}

TEST_F(GatewayTest, StartsAndServesFromTheFileAlone) {
  TestReplica a(harness_, "a");
  a.AnswerWith(200, "a");
  {
    FakeApi api(harness_, socket_);
    api.items = FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port()));
    Create();
    ASSERT_TRUE(api.WaitForWatch());
    // Written at the end at the latest.
    gateway_.reset();
    EXPECT_NE(FileText().find("mms.default"), std::string::npos);
  }
  Create();
  EXPECT_EQ(Admin("/readyz").substr(0, 3), "200");
  EXPECT_EQ(Ask(Get(kHost)), "200 a");
  EXPECT_TRUE(Logged("begins with the 1 last known routes"));
  for (const char* bad : {"", "garbage", "{\"items\":[{}]}"}) {
    gateway_.reset();
    files_.PutFile(kFile, bad);
    Create();
    EXPECT_EQ(Ask(Get(kHost)), kNoHost);
  }
  gateway_.reset();
  files_.PutFile(kFile, "");
  files_.Fail(kFile, UnavailableError("a bad sector"));
  Create();
  EXPECT_TRUE(Logged("the last known routes cannot be read: a bad sector"));
  FakeApi api(harness_, socket_);
  api.items = FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port()));
  for (int i = 0; i < 5; ++i) harness_.Advance(seconds(1));
  ASSERT_TRUE(api.WaitForWatch());
  EXPECT_EQ(Ask(Get(kHost)), "200 a");
  gateway_.reset();
  EXPECT_TRUE(Logged("the routes cannot be kept on disk: a bad sector"));
}

TEST_F(GatewayTest, RequestsWaitForARouteToBeReady) {
  FakeApi api(harness_, socket_);
  api.items = FakeApi::Route("mms", kHosts, "");
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  auto client = Client();
  client->Send(Get(kHost));
  EXPECT_TRUE(harness_.RunUntil([&] { return gateway_->stats().waiting == 1; }));
  TestReplica a(harness_, "a");
  a.AnswerWith(200, "awake");
  api.Event("MODIFIED", FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port())));
  EXPECT_TRUE(client->Receive("awake"));
}

TEST_F(GatewayTest, TheAdminPage) {
  FakeApi api(harness_, socket_);
  api.items = FakeApi::Route("mms", kHosts, "");
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  Ask(Get("unknown"));
  const std::string page = Admin("/metrics");
  for (const char* line :
       {"Content-Type: text/plain; version=0.0.4\r\n",
        "throng_gateway_replies_total{class=\"4xx\"} 1\n", "throng_gateway_unknown_hosts_total 1\n",
        "throng_gateway_routes 1\n", "throng_gateway_routes_synced 1\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
  EXPECT_EQ(Admin("/livez").substr(0, 3), "200");
  EXPECT_EQ(Admin("/other").substr(0, 3), "404");
  EXPECT_EQ(Admin("/metrics", "POST").substr(0, 3), "405");
}

TEST_F(GatewayTest, StopAnswersWhatIsThereAndRefusesTheRest) {
  TestReplica a(harness_, "a");
  FakeApi api(harness_, socket_);
  api.items = FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port())) + "," +
              FakeApi::Route("none", "\"none\"", "");
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  auto idle = Client();
  idle->Send(Get("unknown"));
  ASSERT_TRUE(idle->Receive("}"));
  auto asking = Client();
  asking->Send(Get(kHost));
  ASSERT_TRUE(a.WaitForHeld(1));
  auto waiting = Client();
  waiting->Send(Get("none"));
  ASSERT_TRUE(harness_.RunUntil([&] { return gateway_->stats().waiting == 1; }));
  bool stopped = false;
  gateway_->Stop([&] { stopped = true; });
  EXPECT_TRUE(idle->ReceiveEnd());
  EXPECT_TRUE(waiting->Receive(" 503 "));
  waiting->Close();
  harness_.Advance(seconds(5));
  EXPECT_FALSE(stopped);
  a.held[0]->Send({.body = "last"});
  ASSERT_TRUE(asking->ReceiveEnd());
  EXPECT_NE(asking->received.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(asking->received.ends_with("last"));
  asking->Close();
  for (int i = 0; i < 5; ++i) harness_.Advance(seconds(1));
  EXPECT_TRUE(stopped);
}

TEST_F(GatewayTest, StopEndsAtItsTime) {
  TestReplica a(harness_, "a");
  FakeApi api(harness_, socket_);
  api.items = FakeApi::Route("mms", kHosts, FakeApi::Replica("a", a.port()));
  Create();
  ASSERT_TRUE(api.WaitForWatch());
  auto asking = Client();
  asking->Send(Get(kHost));
  ASSERT_TRUE(a.WaitForHeld(1));
  bool stopped = false;
  gateway_->Stop([&] { stopped = true; });
  for (seconds passed(1); passed < limits::kGatewayDrain; ++passed) harness_.Advance(seconds(1));
  EXPECT_FALSE(stopped);
  harness_.Advance(seconds(1));
  EXPECT_TRUE(stopped);
  gateway_.reset();
  EXPECT_TRUE(harness_.RunUntil([&] { return a.held[0]->client_gone(); }));
}

}  // namespace
}  // namespace throng::gateway
