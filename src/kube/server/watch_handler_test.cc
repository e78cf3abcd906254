#include "kube/server/watch_handler.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "kube/server/testing/api_harness.h"

namespace throng::kube::server {
namespace {

using testing::ApiHarness;
using testing::ConfigMap;
using testing::FakeExchange;
using testing::Headers;
using testing::KindOf;

constexpr const char* kConfigMaps = "/api/v1/namespaces/default/configmaps";

class WatchHandlerTest : public ::testing::Test {
 protected:
  void Make(const std::string& name, const std::string& value = "1") {
    EXPECT_TRUE(api_.Create(ConfigMaps(), ConfigMap(name, value)).ok());
  }
  void Set(const std::string& name, const std::string& value) {
    EXPECT_TRUE(api_.Update(ConfigMaps(name), ConfigMap(name, value)).ok());
  }
  Target ConfigMaps(std::string name = "") {
    return {&KindOf("v1", "ConfigMap"), "default", std::move(name)};
  }
  std::string Revision() { return std::to_string(api_.durable.revision()); }
  std::shared_ptr<FakeExchange> Watch(const std::string& query, const Headers& headers = {}) {
    return api_.Send("GET", std::string(kConfigMaps) + "?watch=true" + query, Json(), headers);
  }
  static std::vector<Json> Events(FakeExchange& exchange) {
    std::vector<Json> events;
    std::string_view rest = exchange.streamed->bytes;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      EXPECT_NE(end, rest.npos);
      events.push_back(*ParseJson(rest.substr(0, end)));
      rest.remove_prefix(end + 1);
    }
    return events;
  }
  static std::string Show(FakeExchange& exchange) {
    std::string all;
    for (const Json& event : Events(exchange)) {
      all += event["type"].get<std::string>() + ":" + NameOf(event["object"]) + " ";
    }
    return all;
  }

  ApiHarness api_;
};

TEST_F(WatchHandlerTest, BeginsWithWhatThereIs) {
  Make("a");
  for (const char* query : {"", "&resourceVersion=", "&resourceVersion=0"}) {
    const auto watch = Watch(query);
    EXPECT_EQ(watch->status(), 200);
    EXPECT_EQ(Show(*watch), "ADDED:a ") << query;
  }
  const auto watch = Watch("");
  Set("a", "2");
  EXPECT_TRUE(api_.Delete(ConfigMaps("a")).ok());
  EXPECT_EQ(Show(*watch), "ADDED:a MODIFIED:a DELETED:a ");
  EXPECT_EQ(Events(*watch)[2]["object"]["data"]["key"], "2");
  EXPECT_EQ(Events(*watch)[2]["object"]["metadata"]["resourceVersion"], Revision());
  EXPECT_EQ(api_.api->open_streams(), 4u);
}

TEST_F(WatchHandlerTest, GoesOnFromARevision) {
  Make("a");
  const std::string revision = Revision();
  Make("b");
  const auto watch = Watch("&resourceVersion=" + revision);
  EXPECT_EQ(Show(*watch), "ADDED:b ");
  const auto now = Watch("&sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(Show(*now), "");
  Make("c");
  EXPECT_EQ(Show(*now), "ADDED:c ");
}

TEST_F(WatchHandlerTest, OldRevisionsAreToldAsAnError) {
  const auto watch = Watch("&resourceVersion=99999");
  EXPECT_EQ(watch->status(), 200);
  const std::vector<Json> events = Events(*watch);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["type"], "ERROR");
  EXPECT_EQ(events[0]["object"]["code"], 410);
  EXPECT_EQ(events[0]["object"]["reason"], "Expired");
  EXPECT_TRUE(watch->streamed->finished);
  EXPECT_EQ(api_.api->open_streams(), 0u);
}

TEST_F(WatchHandlerTest, OptionsThatMakeNoSenseAreRefused) {
  const auto code = [&](const std::string& query) { return Watch(query)->status(); };
  EXPECT_EQ(code("&resourceVersion=x"), 400);
  EXPECT_EQ(code("&timeoutSeconds=x"), 400);
  EXPECT_EQ(code("&labelSelector=%3D"), 400);
  EXPECT_EQ(code("&fieldSelector=spec.x=1"), 400);
  EXPECT_EQ(code("&resourceVersionMatch=Exact"), 422);
  EXPECT_EQ(code("&sendInitialEvents=true"), 422);
  EXPECT_EQ(code("&sendInitialEvents=true&resourceVersionMatch=Exact"), 422);
}

TEST_F(WatchHandlerTest, AStreamedListEndsWithABookmark) {
  Make("a");
  const auto watch =
      Watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  EXPECT_EQ(Show(*watch), "ADDED:a BOOKMARK: ");
  const Json bookmark = Events(*watch)[1]["object"];
  EXPECT_EQ(bookmark["kind"], "ConfigMap");
  EXPECT_EQ(bookmark["metadata"]["resourceVersion"], Revision());
  EXPECT_EQ(bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
  Make("b");
  EXPECT_EQ(Show(*watch), "ADDED:a BOOKMARK: ADDED:b ");
}

TEST_F(WatchHandlerTest, BookmarksComeEveryMinute) {
  const auto with = Watch("&allowWatchBookmarks=true&resourceVersion=" + Revision());
  const auto without = Watch("&resourceVersion=" + Revision());
  api_.MakeNamespace("other");
  api_.executor.Advance(limits::kWatchBookmarkEvery - std::chrono::seconds(1));
  EXPECT_EQ(Show(*with), "");
  api_.executor.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Show(*with), "BOOKMARK: ");
  EXPECT_EQ(Events(*with)[0]["object"]["metadata"]["resourceVersion"], Revision());
  EXPECT_FALSE(Events(*with)[0]["object"]["metadata"].contains("annotations"));
  api_.executor.Advance(limits::kWatchBookmarkEvery);
  EXPECT_EQ(Show(*with), "BOOKMARK: BOOKMARK: ");
  EXPECT_EQ(Show(*without), "");
}

TEST_F(WatchHandlerTest, EndsAfterItsTime) {
  const auto short_one = Watch("&timeoutSeconds=5");
  const auto endless = Watch("&timeoutSeconds=9223372036854775807");
  const auto usual = Watch("");
  api_.executor.Advance(std::chrono::seconds(4));
  EXPECT_FALSE(short_one->streamed->finished);
  api_.executor.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(short_one->streamed->finished);
  EXPECT_TRUE(short_one->streamed->destroyed);
  api_.executor.Advance(limits::kWatchLongest / 2 - std::chrono::seconds(6));
  EXPECT_FALSE(usual->streamed->finished);
  api_.executor.Advance(limits::kWatchLongest / 2 + std::chrono::seconds(2));
  EXPECT_TRUE(usual->streamed->finished);
  EXPECT_TRUE(endless->streamed->finished);
  EXPECT_EQ(api_.executor.timer_count(), 0u);
}

TEST_F(WatchHandlerTest, SelectorsMakeTheirOwnStory) {
  Json labelled = ConfigMap("a", "1");
  labelled["metadata"]["labels"] = {{"tier", "front"}};
  const auto watch = Watch("&labelSelector=tier%3Dfront");
  const auto one = Watch("&fieldSelector=metadata.name%3Db");
  EXPECT_TRUE(api_.Create(ConfigMaps(), labelled).ok());
  Make("b");
  Set("a", "2");
  EXPECT_EQ(Show(*watch), "ADDED:a DELETED:a ");
  EXPECT_EQ(Events(*watch)[1]["object"]["metadata"]["labels"]["tier"], "front");
  EXPECT_EQ(Show(*one), "ADDED:b ");
}

TEST_F(WatchHandlerTest, TablesHaveTheirColumnsOnce) {
  Make("a");
  const auto watch = Watch("&allowWatchBookmarks=true",
                           {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}});
  Make("b");
  api_.executor.Advance(limits::kWatchBookmarkEvery);
  const std::vector<Json> events = Events(*watch);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0]["object"]["kind"], "Table");
  EXPECT_EQ(events[0]["object"]["columnDefinitions"].size(), 3u);
  EXPECT_TRUE(events[1]["object"]["columnDefinitions"].is_null());
  EXPECT_EQ(events[1]["object"]["rows"][0]["cells"][0], "b");
  EXPECT_EQ(events[2]["type"], "BOOKMARK");
  EXPECT_TRUE(events[2]["object"]["rows"].empty());
  EXPECT_EQ(events[2]["object"]["metadata"]["resourceVersion"], Revision());
}

TEST_F(WatchHandlerTest, OneWhoDoesNotReadIsCutAtTheBound) {
  const auto watch = Watch("");
  watch->streamed->unsent_bytes = limits::kWatchUnsentBytes - 1;
  Make("a");
  watch->streamed->unsent_bytes = limits::kWatchUnsentBytes;
  Make("b");
  EXPECT_EQ(Show(*watch), "ADDED:a ADDED:b ");
  watch->streamed->unsent_bytes = limits::kWatchUnsentBytes + 1;
  Make("c");
  EXPECT_EQ(Show(*watch), "ADDED:a ADDED:b ");
  EXPECT_TRUE(watch->streamed->destroyed);
  EXPECT_FALSE(watch->streamed->finished);
  EXPECT_EQ(api_.api->open_streams(), 0u);
  EXPECT_EQ(api_.executor.timer_count(), 0u);
}

TEST_F(WatchHandlerTest, WhatIsThereIsSentAsItIsTaken) {
  for (int i = 0; i < 1200; ++i) {
    api_.registry.Create(ConfigMaps(), ConfigMap("a" + std::to_string(10'000 + i), "1"), {},
                         [](ApiResult<Written>) {});
  }
  api_.executor.RunPosted();
  auto exchange = FakeExchange::Make(
      "GET", std::string(kConfigMaps) +
                 "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  exchange->streamed->unsent_bytes = 2 * 1024 * 1024;
  const auto watch = api_.Send(exchange);
  EXPECT_EQ(Events(*watch).size(), 0u);
  Make("b");
  watch->Progress();
  api_.executor.RunPosted();
  const std::vector<Json> events = Events(*watch);
  ASSERT_EQ(events.size(), 1202u);
  EXPECT_EQ(events[1200]["type"], "BOOKMARK");
  EXPECT_EQ(NameOf(events[1201]["object"]), "b");
}

TEST_F(WatchHandlerTest, LargeObjectsAreNotTooMuchAtOnce) {
  constexpr int kObjects = 40;
  const std::string value(limits::kWatchUnsentBytes / 20, 'x');
  for (int i = 0; i < kObjects; ++i) Make("a" + std::to_string(100 + i), value);
  auto exchange = FakeExchange::Make(
      "GET", std::string(kConfigMaps) +
                 "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  exchange->streamed->counts_unsent = true;
  const auto watch = api_.Send(exchange);
  for (int i = 0; i < kObjects && !watch->streamed->destroyed; ++i) {
    EXPECT_LT(watch->streamed->unsent_bytes, 2U * 1024 * 1024);
    watch->Progress();
  }
  EXPECT_FALSE(watch->streamed->destroyed) << "it was cut";
  EXPECT_EQ(Events(*watch).size(), kObjects + 1U);
  EXPECT_EQ(Events(*watch).back()["type"], "BOOKMARK");
}

TEST_F(WatchHandlerTest, OneWhoLeftIsForgotten) {
  const auto watch = Watch("");
  EXPECT_EQ(api_.api->open_streams(), 1u);
  watch->Leave();
  EXPECT_EQ(api_.api->open_streams(), 0u);
  Make("a");
  EXPECT_EQ(Show(*watch), "");
  EXPECT_EQ(api_.executor.timer_count(), 0u);
}

TEST_F(WatchHandlerTest, AllEndWhenTheServerStops) {
  const auto watch = Watch("");
  api_.api->EndStreams();
  EXPECT_TRUE(watch->streamed->finished);
  const auto other = Watch("");
  api_.api.reset();
  EXPECT_TRUE(other->streamed->finished);
}

class LogHandlerTest : public ::testing::Test {
 protected:
  LogHandlerTest() {
    const Json pod = {
        {"metadata", {{"name", "p"}}},
        {"spec",
         {{"containers",
           {{{"name", "server"}, {"image", "x"}}, {{"name", "agent"}, {"image", "x"}}}}}}};
    const auto made = api_.Create({&KindOf("v1", "Pod"), "default", ""}, pod);
    EXPECT_TRUE(made.ok()) << made.error().message;
  }
  std::shared_ptr<FakeExchange> Log(const std::string& query) {
    return api_.Send("GET", "/api/v1/namespaces/default/pods/p/log" + query);
  }
  ApiHarness api_;
};

TEST_F(LogHandlerTest, SendsWhatTheSourceGives) {
  const auto log = Log("?container=agent&tailLines=5&sinceSeconds=60&limitBytes=100&previous=true");
  EXPECT_EQ(log->reply().content_type, "text/plain");
  EXPECT_EQ(api_.logs.query.container, "agent");
  EXPECT_EQ(api_.logs.query.tail_lines, 5u);
  EXPECT_EQ(api_.logs.query.since, std::chrono::seconds(60));
  EXPECT_EQ(api_.logs.query.limit_bytes, 100u);
  EXPECT_TRUE(api_.logs.query.previous);
  EXPECT_FALSE(api_.logs.query.follow);
  api_.logs.sink.write("line\n");
  EXPECT_EQ(log->streamed->bytes, "line\n");
  EXPECT_FALSE(log->streamed->finished);
  api_.logs.sink.finish(OkStatus());
  EXPECT_TRUE(log->streamed->finished);
  EXPECT_EQ(api_.api->open_streams(), 0u);
}

TEST_F(LogHandlerTest, TheContainerMustBeNamedWhenThereAreSeveral) {
  const auto log = Log("");
  EXPECT_EQ(log->status(), 400);
  EXPECT_EQ(log->json()["message"],
            "a container name must be specified for pod p, choose one of: [server agent]");
  EXPECT_EQ(Log("?container=unknown")->json()["message"],
            "container unknown is not valid for pod p");
}

TEST_F(LogHandlerTest, WrongParametersAreRefused) {
  for (const char* query : {"&tailLines=x", "&tailLines=-1", "&sinceSeconds=x", "&limitBytes=x",
                            "&sinceTime=yesterday"}) {
    EXPECT_EQ(Log(std::string("?container=agent") + query)->status(), 400) << query;
  }
  EXPECT_EQ(Log("?container=agent&sinceSeconds=0")->status(), 422);
  EXPECT_EQ(Log("?container=agent&limitBytes=0")->status(), 422);
  EXPECT_EQ(Log("?container=agent&sinceSeconds=5&sinceTime=2021-05-22T20:59:08Z")->status(), 422);
  EXPECT_EQ(api_.Code("GET", "/api/v1/namespaces/default/pods/none/log"), 404);
  EXPECT_EQ(api_.Code("POST", "/api/v1/namespaces/default/pods/p/log"), 405);
}

TEST_F(LogHandlerTest, ATimeIsAsGoodAsADuration) {
  const WallTime now = api_.executor.clock().WallNow();
  const std::string before = Timestamp(now - std::chrono::seconds(90));
  Log("?container=agent&timestamps=true&sinceTime=" + before);
  EXPECT_TRUE(api_.logs.query.timestamps);
  ASSERT_TRUE(api_.logs.query.since.has_value());
  EXPECT_GE(*api_.logs.query.since, std::chrono::seconds(90));
  EXPECT_LE(*api_.logs.query.since, std::chrono::seconds(91));
  const std::string after = Timestamp(now + std::chrono::hours(1));
  Log("?container=agent&sinceTime=" + after);
  EXPECT_EQ(*api_.logs.query.since, std::chrono::seconds(0));
}

TEST_F(LogHandlerTest, IsCutAtItsBound) {
  const auto log = Log("?container=agent&limitBytes=6");
  api_.logs.sink.write("1234");
  EXPECT_FALSE(log->streamed->finished);
  api_.logs.sink.write("5678");
  EXPECT_EQ(log->streamed->bytes, "123456");
  EXPECT_TRUE(log->streamed->finished);
}

TEST_F(LogHandlerTest, WhatIsNotFollowedIsCutAtTheBoundOfAll) {
  const auto log = Log("?container=agent");
  api_.logs.sink.write(std::string(limits::kLogReplyBytes - 1, 'x'));
  EXPECT_FALSE(log->streamed->finished);
  api_.logs.sink.write("yz");
  EXPECT_EQ(log->streamed->bytes.size(), limits::kLogReplyBytes);
  EXPECT_EQ(log->streamed->bytes.back(), 'y');
  EXPECT_TRUE(log->streamed->finished);
}

TEST_F(LogHandlerTest, FollowersThatLeaveOrDoNotReadEndTheReading) {
  const auto log = Log("?container=agent&follow=true");
  EXPECT_TRUE(api_.logs.query.follow);
  EXPECT_TRUE(api_.logs.sink.write != nullptr);
  log->Leave();
  EXPECT_TRUE(api_.logs.sink.write == nullptr);
  const auto slow = Log("?container=agent&follow=true");
  slow->streamed->unsent_bytes = limits::kLogReplyBytes + 1;
  const auto write = api_.logs.sink.write;
  write("more");
  EXPECT_EQ(slow->streamed->bytes, "");
  EXPECT_TRUE(slow->streamed->destroyed);
  EXPECT_FALSE(slow->streamed->finished);
}

}  // namespace
}  // namespace throng::kube::server
