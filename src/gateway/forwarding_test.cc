#include "gateway/forwarding.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "gateway/access_record.h"
#include "gateway/gateway_stats.h"

namespace throng::gateway {
namespace {

std::string Print(const std::vector<http::Header>& headers) {
  std::string text;
  for (const http::Header& header : headers) text += header.name + "=" + header.value + ";";
  return text;
}

http::Request Request(std::vector<http::Header> headers, std::string target = "/x") {
  http::Request request;
  request.method = "GET";
  request.target = std::move(target);
  request.headers = std::move(headers);
  return request;
}

TEST(ForwardingTest, WhatIsOfTheConnectionGoesNoFurther) {
  const auto headers = ForwardedHeaders(Request({{"Host", "h"},
                                                 {"Connection", "close, X-Mine , Host"},
                                                 {"connection", "x-too"},
                                                 {"X-Mine", "1"},
                                                 {"X-TOO", "1"},
                                                 {"Keep-Alive", "timeout=5"},
                                                 {"TE", "trailers"},
                                                 {"Trailer", "T"},
                                                 {"Upgrade", "h2c"},
                                                 {"Transfer-Encoding", "chunked"},
                                                 {"Proxy-Connection", "close"},
                                                 {"Proxy-Authenticate", "x"},
                                                 {"Proxy-Authorization", "x"},
                                                 {"Content-Length", "3"},
                                                 {"Expect", "100-continue"},
                                                 {"Accept", "a"},
                                                 {"accept", "b"},
                                                 {"Content-Type", "t"}}),
                                        "", "id");
  EXPECT_EQ(Print(headers), "Host=h;Accept=a;accept=b;Content-Type=t;X-Request-Id=id;");
}

TEST(ForwardingTest, ClientsAndRequestsAreNamed) {
  EXPECT_EQ(Print(ForwardedHeaders(Request({{"Host", "h"}}), "10.0.0.1", "id")),
            "Host=h;X-Request-Id=id;X-Forwarded-For=10.0.0.1;");
  EXPECT_EQ(Print(ForwardedHeaders(Request({{"Host", "h"},
                                            {"x-request-id", "theirs"},
                                            {"x-forwarded-for", "1.1.1.1"},
                                            {"X-Forwarded-For", "2.2.2.2"}}),
                                   "10.0.0.1", "id")),
            "Host=h;x-request-id=theirs;X-Forwarded-For=1.1.1.1, 2.2.2.2, 10.0.0.1;");
}

TEST(ForwardingTest, EveryFormOfTargetBecomesAPath) {
  const struct {
    const char* target;
    const char* path;
    const char* host;
  } rows[] = {{"/a/b?c=d", "/a/b?c=d", ""},
              {"*", "*", ""},
              {"http://h.example:80/a?b", "/a?b", "h.example:80"},
              {"HTTP://h", "/", "h"},
              {"http://h?x=1", "/?x=1", "h"},
              {"/redirect?to=http://other/", "/redirect?to=http://other/", ""}};
  for (const auto& row : rows) {
    EXPECT_EQ(OriginForm(row.target), row.path);
    EXPECT_EQ(HostOf(Request({}, row.target)), row.host);
    EXPECT_EQ(HostOf(Request({{"host", "mine"}}, row.target)), "mine");
  }
  EXPECT_EQ(Print(ForwardedHeaders(Request({}, "http://h/"), "", "id")), "Host=h;X-Request-Id=id;");
}

TEST(ForwardingTest, RepliesKeepWhatIsOfTheMessage) {
  http::ClientReply reply;
  reply.status = 206;
  reply.headers = {{"Content-Type", "t"}, {"Content-Length", "3"}, {"Connection", "x-hop"},
                   {"X-Hop", "1"},        {"Keep-Alive", "x"},     {"Transfer-Encoding", "chunked"},
                   {"Set-Cookie", "a"},   {"Set-Cookie", "b"}};
  const http::Reply head = ForwardedReply(reply);
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(head.content_type, "");
  EXPECT_EQ(Print(head.headers), "Content-Type=t;Content-Length=3;Set-Cookie=a;Set-Cookie=b;");
}

// --- The access log ---------------------------------------------------------------------------

TEST(AccessRecordTest, ALineSaysWhatWasAskedAndHowLongItTook) {
  using std::chrono::microseconds;
  AccessRecord record;
  record.host = "h\"\n";
  record.method = "POST";
  record.path = "/v2/" + std::string(1000, 'x');
  record.status = 200;
  record.request_bytes = 7;
  record.reply_bytes = 8;
  record.arrived = WallTime(std::chrono::seconds(1621717149) + microseconds(12));
  record.waited = microseconds(1);
  record.first_byte = microseconds(2500);
  record.total = microseconds(1'002'503);
  record.replica = "pod";
  record.attempts = 1;
  record.client = "127.0.0.1";
  record.request_id = "id";
  EXPECT_EQ(
      FormatAccessLine(record, std::chrono::seconds(2)),
      "{\"time\":\"2021-05-22T20:59:09.000012Z\",\"host\":\"h\\\"\\u000a\",\"method\":\"POST\","
      "\"path\":\"/v2/" +
          std::string(limits::kGatewayLoggedBytes - 4, 'x') +
          "\",\"status\":200,\"request_bytes\":7,\"bytes\":8,\"total_ms\":1002.503,"
          "\"wait_ms\":0.001,\"earlier_ms\":0.000,\"first_byte_ms\":2.500,\"client_ms\":0.000,"
          "\"replica\":\"pod\",\"attempts\":1,"
          "\"client\":\"127.0.0.1\",\"request_id\":\"id\"}\n");
  record.cut = true;
  const std::string slow = FormatAccessLine(record, microseconds(1'002'503));
  EXPECT_TRUE(slow.ends_with(",\"cut\":true,\"slow\":\"upstream\"}\n")) << slow;
}

TEST(AccessRecordTest, TheCauseIsTheLongestPart) {
  using std::chrono::seconds;
  AccessRecord record;
  record.body = seconds(5);
  EXPECT_EQ(CauseOfSlowness(record), "upstream");
  record.client_slow = seconds(3);
  EXPECT_EQ(CauseOfSlowness(record), "client");
  record.first_byte = seconds(2);
  EXPECT_EQ(CauseOfSlowness(record), "upstream");
  record.earlier = seconds(6);
  EXPECT_EQ(CauseOfSlowness(record), "other replicas first");
  record.waited = seconds(7);
  EXPECT_EQ(CauseOfSlowness(record), "waited for a ready replica");
}

TEST(AccessRecordTest, WhatClientsChooseIsCutAtTheBound) {
  AccessRecord record;
  const auto logged = [&record](size_t bytes) {
    record.path = std::string(bytes, 'x');
    const std::string line = FormatAccessLine(record, std::chrono::seconds(1));
    return static_cast<size_t>(std::count(line.begin(), line.end(), 'x'));
  };
  EXPECT_EQ(logged(limits::kGatewayLoggedBytes - 1), limits::kGatewayLoggedBytes - 1);
  EXPECT_EQ(logged(limits::kGatewayLoggedBytes), limits::kGatewayLoggedBytes);
  EXPECT_EQ(logged(limits::kGatewayLoggedBytes + 1), limits::kGatewayLoggedBytes);
}

TEST(GatewayStatsTest, DurationsFallIntoTheirBuckets) {
  GatewayStats stats;
  for (const int ms : {1, 2, 3, 60'000, 60'001}) stats.AddDuration(std::chrono::milliseconds(ms));
  const std::string page = GatewayMetricsPage(stats, {.routes = 3, .routes_synced = true});
  for (const char* line :
       {"_bucket{le=\"0.001\"} 1\n", "_bucket{le=\"0.002\"} 2\n", "_bucket{le=\"0.005\"} 3\n",
        "_bucket{le=\"60.000\"} 4\n", "_bucket{le=\"+Inf\"} 5\n", "_seconds_sum 120.007000\n",
        "_seconds_count 5\n", "throng_gateway_routes 3\n", "throng_gateway_routes_synced 1\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
}

TEST(ForwardingTest, WhatLoadsAndUnloadsIsToldApart) {
  const auto controls = [](std::string path) {
    http::Request request;
    request.path = std::move(path);
    return ControlsModels(request);
  };
  EXPECT_TRUE(controls("/v2/repository/models/a/load"));
  EXPECT_TRUE(controls("/v2/repository/models/a/unload"));
  EXPECT_TRUE(controls("/v2/repository/mine/models/a/unload"));
  EXPECT_TRUE(controls("/v2/repository/models/a/b/unload")) << "an encoded slash";
  EXPECT_FALSE(controls("/v2/repository/index"));
  EXPECT_FALSE(controls("/v2/models/load"));
  EXPECT_FALSE(controls("/v2/models/unload/infer"));
  EXPECT_FALSE(controls("/x/v2/repository/models/a/unload"));
}

}  // namespace
}  // namespace throng::gateway
