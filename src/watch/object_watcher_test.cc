#include "watch/object_watcher.h"

#include <set>

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "os/testing/temporary_directory.h"
#include "watch/testing/fake_api.h"

namespace throng::watch {
namespace {

using testing::FakeApi;

constexpr std::chrono::milliseconds kLongestBackOff = limits::kWatchBackOffMost;

class RecordingSink final : public ObjectSink {
 public:
  void OnAll(const std::vector<Json>& objects) override {
    ++lists;
    names.clear();
    for (const Json& object : objects) OnObject(object);
  }
  void OnObject(const Json& object) override {
    names.insert(object["metadata"]["name"].get<std::string>());
    ++told;
  }
  void OnGone(const Json& object) override {
    names.erase(object["metadata"]["name"].get<std::string>());
  }

  std::set<std::string> names;
  int lists = 0;
  int told = 0;
};

using Names = std::set<std::string>;

class ObjectWatcherTest : public ::testing::Test {
 protected:
  ObjectWatcherTest()
      : api_(harness_, directory_.path() + "/api.sock"),
        client_(http::AsyncClient::Create(harness_.loop(), {})) {}

  void Watch(std::string target = "/things") {
    watcher_ = std::make_unique<ObjectWatcher>(
        harness_.loop(), *client_,
        http::ServerAddress{.unix_path = directory_.path() + "/api.sock"},
        ObjectWatcherOptions{
            .target = std::move(target),
            .on_problem = [this](std::string_view text) { problems_.emplace_back(text); }},
        random_, sink_);
    watcher_->Start();
  }
  // Attempts that wait for a back-off are made.
  bool RetryUntil(const std::function<bool()>& done) {
    for (int round = 0; round < 200; ++round) {
      if (done()) return true;
      harness_.Advance(kLongestBackOff / 10);
    }
    return false;
  }
  bool Settled(const Names& names) {
    return harness_.RunUntil([&] { return sink_.names == names; });
  }

  os::testing::TemporaryDirectory directory_;
  http::testing::ServerHarness harness_;
  FakeApi api_;
  std::unique_ptr<http::AsyncClient> client_;
  SeededRandom random_{7};
  RecordingSink sink_;
  std::vector<std::string> problems_;
  std::unique_ptr<ObjectWatcher> watcher_;
};

TEST_F(ObjectWatcherTest, ListsThenWatchesFromTheListsRevision) {
  api_.objects["a"] = FakeApi::Object("a");
  api_.version = 41;
  Watch();
  EXPECT_FALSE(watcher_->synced());
  ASSERT_TRUE(api_.WaitForWatch());
  EXPECT_TRUE(watcher_->synced());
  EXPECT_EQ(sink_.names, Names({"a"}));
  ASSERT_EQ(api_.targets.size(), 2U);
  EXPECT_EQ(api_.targets[0], "/things");
  EXPECT_EQ(api_.targets[1], "/things?watch=true&allowWatchBookmarks=true&resourceVersion=41");
  api_.Put(FakeApi::Object("b"));
  ASSERT_TRUE(Settled({"a", "b"}));
  api_.Delete("a");
  ASSERT_TRUE(Settled({"b"}));
  EXPECT_EQ(sink_.lists, 1);
  EXPECT_TRUE(problems_.empty());
}

TEST_F(ObjectWatcherTest, KeepsTheQueryOfItsTarget) {
  Watch("/things?fieldSelector=spec.replica%3Dpod");
  ASSERT_TRUE(api_.WaitForWatch());
  EXPECT_EQ(api_.targets[1],
            "/things?fieldSelector=spec.replica%3Dpod&watch=true&allowWatchBookmarks=true&"
            "resourceVersion=1");
}

TEST_F(ObjectWatcherTest, AModifiedObjectIsToldAgain) {
  api_.objects["a"] = FakeApi::Object("a");
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  EXPECT_EQ(sink_.told, 1);
  api_.Put(FakeApi::Object("a"));
  ASSERT_TRUE(harness_.RunUntil([&] { return sink_.told == 2; }));
}

TEST_F(ObjectWatcherTest, AWatchThatEndsGoesOnFromTheLastRevisionWithoutAList) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  api_.Put(FakeApi::Object("a"));
  ASSERT_TRUE(Settled({"a"}));
  api_.EndWatch();
  ASSERT_TRUE(RetryUntil([&] { return api_.watch != nullptr; }));
  EXPECT_NE(api_.targets.back().find("resourceVersion=2"), std::string::npos);
  EXPECT_EQ(sink_.lists, 1);
  EXPECT_TRUE(problems_.empty());
}

TEST_F(ObjectWatcherTest, ABookmarkMovesTheRevisionAndTellsNothing) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  api_.Event("BOOKMARK", {{"metadata", {{"resourceVersion", "900"}}}});
  harness_.Settle();
  api_.EndWatch();
  ASSERT_TRUE(RetryUntil([&] { return api_.watch != nullptr; }));
  EXPECT_NE(api_.targets.back().find("resourceVersion=900"), std::string::npos);
  EXPECT_EQ(sink_.told, 0);
}

TEST_F(ObjectWatcherTest, ATooOldRevisionIsListedAgain) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  api_.objects["late"] = FakeApi::Object("late");
  // In the stream.
  api_.Event("ERROR", {{"code", 410}});
  ASSERT_TRUE(RetryUntil([&] { return sink_.lists == 2; }));
  EXPECT_EQ(sink_.names, Names({"late"}));
  // As the answer to the watch.
  ASSERT_TRUE(api_.WaitForWatch());
  api_.watch_status = 410;
  api_.objects.erase("late");
  api_.EndWatch();
  ASSERT_TRUE(RetryUntil([&] { return sink_.lists >= 3; }));
  EXPECT_TRUE(sink_.names.empty());
}

TEST_F(ObjectWatcherTest, AnApiThatDoesNotKnowYetIsAskedAgainAndNothingIsTold) {
  api_.list_status = 503;
  Watch();
  ASSERT_TRUE(RetryUntil([&] { return api_.targets.size() >= 3; }));
  EXPECT_EQ(sink_.lists, 0);
  EXPECT_FALSE(watcher_->synced());
  // Told once, not at each attempt.
  EXPECT_EQ(problems_, std::vector<std::string>({"it answered 503"}));
  api_.list_status = 200;
  ASSERT_TRUE(RetryUntil([&] { return sink_.lists == 1; }));
  EXPECT_EQ(problems_, std::vector<std::string>({"it answered 503", ""}));
}

TEST_F(ObjectWatcherTest, AnOutageForgetsNothing) {
  api_.objects["a"] = FakeApi::Object("a");
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  api_.Kill();
  harness_.Advance(std::chrono::hours(1));
  EXPECT_EQ(sink_.names, Names({"a"}));
  EXPECT_EQ(problems_.size(), 1U);
  api_.Start();
  ASSERT_TRUE(RetryUntil([&] { return api_.watch != nullptr; }));
  EXPECT_EQ(sink_.names, Names({"a"}));
  // The first sign of life ends the problem.
  api_.Put(FakeApi::Object("b"));
  ASSERT_TRUE(Settled({"a", "b"}));
  EXPECT_EQ(problems_.back(), "");
}

TEST_F(ObjectWatcherTest, SeveralFailuresInARowDistrustTheRevision) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  api_.watch_status = 500;
  api_.EndWatch();
  ASSERT_TRUE(RetryUntil([&] { return sink_.lists >= 2; }));
}

TEST_F(ObjectWatcherTest, AListThatCannotBeReadIsNoEmptyList) {
  api_.objects["a"] = FakeApi::Object("a");
  for (const char* body :
       {"", "[]", "{}", "nonsense", R"({"items":[]})", R"({"items":{},"metadata":{}})",
        R"({"items":"x","metadata":{"resourceVersion":"1"}})",
        R"({"items":[],"metadata":{"resourceVersion":7}})"}) {
    api_.list_body = *body == '\0' ? " " : body;
    const size_t asked = api_.targets.size();
    Watch();
    ASSERT_TRUE(api_.WaitForRequests(asked + 1));
    harness_.Settle();
    EXPECT_EQ(sink_.lists, 0) << body;
  }
}

TEST_F(ObjectWatcherTest, AnEventThatCannotBeReadEndsTheWatchAndItGoesOn) {
  for (const std::string line : {"nonsense\n", "[]\n", "{}\n", "{\"type\":\"ADDED\"}\n",
                                 "{\"type\":\"ADDED\",\"object\":1}\n", "{\"object\":{}}\n",
                                 "{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n"}) {
    Watch();
    ASSERT_TRUE(api_.WaitForWatch());
    api_.Send(line);
    harness_.Settle();
    api_.watch.reset();
    ASSERT_TRUE(RetryUntil([&] { return api_.watch != nullptr; })) << line;
    EXPECT_TRUE(sink_.names.empty());
    watcher_.reset();
    api_.watch.reset();
    harness_.Settle();
  }
}

TEST_F(ObjectWatcherTest, EventsMayComeInPiecesAndTogether) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  const std::string first = R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})";
  const std::string second = R"({"type":"ADDED","object":{"metadata":{"name":"b"}}})";
  const std::string third = R"({"type":"ADDED","object":{"metadata":{"name":"c"}}})";
  for (const char c : first) api_.watch->Write(std::string(1, c));
  harness_.Settle();
  EXPECT_TRUE(sink_.names.empty());
  api_.Send("\n\n" + second + "\n" + third);
  ASSERT_TRUE(Settled({"a", "b"}));
  api_.Send("\n");
  ASSERT_TRUE(Settled({"a", "b", "c"}));
}

TEST_F(ObjectWatcherTest, AnEventAtTheBoundIsTakenAndALargerOneIsNot) {
  const auto event_of = [](size_t bytes) {
    const std::string head = R"({"type":"ADDED","object":{"metadata":{"name":"big"},"x":")";
    const std::string tail = "\"}}";
    return head + std::string(bytes - head.size() - tail.size(), 'x') + tail;
  };
  for (const size_t bytes : {limits::kObjectBytes - 1, limits::kObjectBytes}) {
    Watch();
    ASSERT_TRUE(api_.WaitForWatch());
    sink_.names.clear();
    api_.Send(event_of(bytes) + "\n");
    EXPECT_TRUE(Settled({"big"})) << bytes;
    api_.watch.reset();
  }
  EXPECT_TRUE(problems_.empty());
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  sink_.names.clear();
  api_.Send(event_of(limits::kObjectBytes + 1) + "\n");
  ASSERT_TRUE(harness_.RunUntil([&] { return !problems_.empty(); }));
  EXPECT_EQ(problems_.back(), "an event of its watch is too large");
  EXPECT_TRUE(sink_.names.empty());
}

TEST_F(ObjectWatcherTest, ASilentWatchIsGivenUp) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  // Bookmarks keep it alive.
  for (int i = 0; i < 4; ++i) {
    harness_.Advance(limits::kWatchSilence - std::chrono::seconds(1));
    api_.Event("BOOKMARK", {{"metadata", {{"resourceVersion", "5"}}}});
    harness_.Settle();
  }
  EXPECT_TRUE(problems_.empty());
  const size_t asked = api_.targets.size();
  harness_.Advance(limits::kWatchSilence);
  EXPECT_EQ(problems_, std::vector<std::string>({"its watch fell silent"}));
  ASSERT_TRUE(RetryUntil([&] { return api_.targets.size() > asked; }));
}

TEST_F(ObjectWatcherTest, AWatchThatEndsAtOnceIsNotOpenedInALoop) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  const size_t asked = api_.targets.size();
  for (int i = 0; i < 20; ++i) {
    if (api_.watch != nullptr) api_.EndWatch();
    harness_.Advance(std::chrono::milliseconds(100));
  }
  // Two seconds with a doubled back-off: a few attempts.
  EXPECT_LT(api_.targets.size(), asked + 9);
  EXPECT_EQ(problems_.front(), "its watch ended at once");
}

TEST_F(ObjectWatcherTest, NothingIsToldAfterDestruction) {
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  watcher_.reset();
  api_.Put(FakeApi::Object("a"));
  harness_.Advance(std::chrono::minutes(10));
  EXPECT_TRUE(sink_.names.empty());
}

TEST_F(ObjectWatcherTest, AnEventOfAnotherFormIsAProblemAndNoMore) {
  api_.objects["a"] = FakeApi::Object("a");
  Watch();
  for (const std::string event :
       {R"({"type":7,"object":{}})", R"({"type":null,"object":{}})", R"({"object":{}})",
        R"({"type":"ADDED","object":[]})", R"({"type":"ADDED"})", "[]", "7", "null",
        R"({"type":"ERROR","object":{"code":"x"}})"}) {
    ASSERT_TRUE(RetryUntil([&] { return api_.watch != nullptr; })) << event;
    const uint64_t failures = watcher_->failure_count();
    api_.Send(event + "\n");
    api_.watch.reset();
    EXPECT_EQ(watcher_->failure_count(), failures + 1) << event;
    EXPECT_EQ(sink_.names, Names({"a"})) << event;
  }
}

TEST_F(ObjectWatcherTest, RevisionsAreOpaque) {
  api_.list_body = R"({"metadata":{"resourceVersion":"41/x y"},"items":[]})";
  Watch();
  ASSERT_TRUE(api_.WaitForWatch());
  EXPECT_TRUE(api_.targets[1].ends_with("&resourceVersion=41%2Fx%20y")) << api_.targets[1];
}

TEST_F(ObjectWatcherTest, AListThatIsNotAnsweredIsGivenUpAtItsTime) {
  api_.hold_lists = true;
  Watch();
  ASSERT_TRUE(api_.WaitForRequests(1));
  harness_.Advance(limits::kWatchListTime - std::chrono::milliseconds(1));
  EXPECT_EQ(watcher_->failure_count(), 0u);
  harness_.Advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(harness_.RunUntil([&] { return watcher_->failure_count() == 1; }));
  EXPECT_EQ(problems_.size(), 1u);
  api_.hold_lists = false;
  ASSERT_TRUE(RetryUntil([&] { return api_.watch != nullptr; }));
  EXPECT_EQ(problems_.back(), "");
  EXPECT_EQ(watcher_->failure_count(), 1u) << "of all time";
}

}  // namespace
}  // namespace throng::watch
