#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "kube/object_meta.h"
#include "kube/server/registry.h"
#include "kube/server/testing/registry_harness.h"

namespace throng::kube::server {
namespace {

using testing::ConfigMap;
using testing::KindOf;
using testing::RegistryHarness;

class RegistryReadTest : public ::testing::Test {
 protected:
  Target ConfigMaps(std::string name = "") { return {&kind_, "default", std::move(name)}; }
  Json Make(const std::string& name, const std::string& value) {
    return harness_.Create(ConfigMaps(), ConfigMap(name, value))->object;
  }
  void Set(const std::string& name, const std::string& value) {
    EXPECT_TRUE(harness_.Update(ConfigMaps(name), ConfigMap(name, value)).ok());
  }
  static std::string Names(const ObjectPage& page) {
    std::string names;
    for (const SharedObject& object : page.objects) names += NameOf(*object) + " ";
    return names;
  }
  std::unique_ptr<ObjectWatch> Watch(ObjectFilter filter, uint64_t since) {
    auto watch = harness_.registry.Watch(
        kind_, "default", std::move(filter), since, [this](const WatchEvent& event) {
          constexpr const char* kNames[] = {"+", "~", "-"};
          seen_ += kNames[static_cast<int>(event.kind)] + NameOf(*event.object) + "=" +
                   TextAt(*event.object, {"data", "key"}) + " ";
          last_ = event;
        });
    EXPECT_TRUE(watch.ok());
    return watch.ok() ? std::move(*watch) : nullptr;
  }
  static ObjectFilter Has(const std::string& value) {
    return [value](const Json& object) { return TextAt(object, {"data", "key"}) == value; };
  }

  RegistryHarness harness_;
  const Kind& kind_ = KindOf("v1", "ConfigMap");
  std::string seen_;
  WatchEvent last_;
};

TEST_F(RegistryReadTest, ListsInPagesAtOneRevision) {
  for (const char* name : {"a", "b", "c", "d", "e"}) Make(name, "1");
  ListOptions options;
  options.limit = 2;
  auto page = harness_.registry.List(kind_, "default", options);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Names(*page), "a b ");
  EXPECT_EQ(page->remaining_count, 3u);
  const uint64_t revision = page->revision;
  ASSERT_TRUE(harness_.Delete(ConfigMaps("c")).ok());
  Make("cc", "1");
  options.continue_token = page->continue_token;
  page = harness_.registry.List(kind_, "default", options);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Names(*page), "c d ");
  EXPECT_EQ(page->revision, revision);
  EXPECT_EQ(page->remaining_count, 1u);
  options.continue_token = page->continue_token;
  page = harness_.registry.List(kind_, "default", options);
  EXPECT_EQ(Names(*page), "e ");
  EXPECT_EQ(page->continue_token, "");
  EXPECT_FALSE(page->remaining_count.has_value());
}

TEST_F(RegistryReadTest, APageThatEndsWithTheListHasNoToken) {
  Make("a", "1");
  Make("b", "1");
  ListOptions options;
  options.limit = 2;
  EXPECT_EQ(harness_.registry.List(kind_, "", options)->continue_token, "");
  options.limit = 3;
  EXPECT_EQ(harness_.registry.List(kind_, "", options)->continue_token, "");
}

TEST_F(RegistryReadTest, FilteredPagesAreFull) {
  for (int i = 0; i < 1200; ++i) {
    Make("a" + std::to_string(10'000 + i), i % 400 == 0 ? "1" : "2");
  }
  ListOptions options;
  options.limit = 2;
  options.filter = Has("1");
  auto page = harness_.registry.List(kind_, "default", options);
  EXPECT_EQ(Names(*page), "a10000 a10400 ");
  EXPECT_FALSE(page->remaining_count.has_value());
  options.continue_token = page->continue_token;
  page = harness_.registry.List(kind_, "default", options);
  EXPECT_EQ(Names(*page), "a10800 ");
  EXPECT_EQ(page->continue_token, "");
}

TEST_F(RegistryReadTest, ResourceVersionsOfLists) {
  const Json a = Make("a", "1");
  Make("b", "1");
  const auto list = [&](std::string revision, std::string match, size_t limit) {
    ListOptions options;
    options.resource_version = std::move(revision);
    options.resource_version_match = std::move(match);
    options.limit = limit;
    return harness_.registry.List(kind_, "default", options);
  };
  const std::string old = ResourceVersionOf(a);
  EXPECT_EQ(Names(*list("", "", 0)), "a b ");
  EXPECT_EQ(Names(*list("0", "", 5)), "a b ");
  EXPECT_EQ(Names(*list(old, "", 0)), "a b ");
  EXPECT_EQ(Names(*list(old, "", 5)), "a ");
  EXPECT_EQ(Names(*list(old, "Exact", 0)), "a ");
  EXPECT_EQ(Names(*list(old, "NotOlderThan", 5)), "a b ");
  EXPECT_EQ(list("999999", "", 0).error().code, 504);
  EXPECT_EQ(list("x", "", 0).error().code, 400);
  EXPECT_EQ(list("-1", "", 0).error().code, 400);
  EXPECT_EQ(list("0", "Exact", 0).error().code, 400);
  EXPECT_EQ(list("", "Exact", 0).error().code, 422);
  EXPECT_EQ(list("1", "Older", 0).error().code, 400);
}

TEST_F(RegistryReadTest, AnExpiredTokenComesWithOneThatGoesOn) {
  for (const char* name : {"a", "b", "c"}) Make(name, "1");
  ListOptions options;
  options.limit = 1;
  options.continue_token = harness_.registry.List(kind_, "default", options)->continue_token;
  for (size_t i = 0; i <= limits::kStoreHistory; ++i) Set("c", std::to_string(i));
  auto page = harness_.registry.List(kind_, "default", options);
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code, 410);
  EXPECT_EQ(StatusObject(page.error())["metadata"]["continue"], page.error().continue_token);
  options.continue_token = page.error().continue_token;
  page = harness_.registry.List(kind_, "default", options);
  ASSERT_TRUE(page.ok()) << page.error().message;
  EXPECT_EQ(Names(*page), "b ");
  options.continue_token = page->continue_token;
  EXPECT_EQ(Names(*harness_.registry.List(kind_, "default", options)), "c ");
}

TEST_F(RegistryReadTest, TokensThatAreNoneAreRefused) {
  for (const char* token : {"x", ":", "/", "1:", "1:a", "1:/", "a:b/c", "1/2:3", "99999999:a/b"}) {
    ListOptions options;
    options.limit = 1;
    options.continue_token = token;
    const auto page = harness_.registry.List(kind_, "default", options);
    ASSERT_FALSE(page.ok()) << token;
    EXPECT_EQ(page.error().code, std::string_view(token) == "99999999:a/b" ? 410 : 400) << token;
  }
  ListOptions options;
  options.continue_token = "1:a/b";
  options.resource_version = "1";
  EXPECT_EQ(harness_.registry.List(kind_, "default", options).error().code, 400);
}

TEST_F(RegistryReadTest, WatchSeesEveryChangeSince) {
  const Json a = Make("a", "1");
  Make("b", "1");
  const auto watch = Watch(nullptr, std::stoull(ResourceVersionOf(a)));
  EXPECT_EQ(seen_, "");
  Set("a", "2");
  ASSERT_TRUE(harness_.Delete(ConfigMaps("b")).ok());
  EXPECT_EQ(seen_, "+b=1 ~a=2 -b=1 ");
  EXPECT_EQ(last_.revision, harness_.registry.RevisionOf(kind_));
  EXPECT_EQ(ResourceVersionOf(*last_.object), std::to_string(last_.revision));
}

TEST_F(RegistryReadTest, ObjectsThatLeaveAFilterAreDeleted) {
  const auto watch = Watch(Has("1"), harness_.registry.RevisionOf(kind_));
  Make("a", "1");
  Make("b", "2");
  Set("a", "2");
  EXPECT_EQ(ResourceVersionOf(*last_.object), std::to_string(harness_.registry.RevisionOf(kind_)));
  Set("a", "3");
  Set("b", "1");
  ASSERT_TRUE(harness_.Delete(ConfigMaps("a")).ok());
  ASSERT_TRUE(harness_.Delete(ConfigMaps("b")).ok());
  EXPECT_EQ(seen_, "+a=1 -a=1 +b=1 -b=1 ");
}

TEST_F(RegistryReadTest, AWatchThatIsGoneHearsNothing) {
  auto watch = Watch(nullptr, harness_.registry.RevisionOf(kind_));
  watch.reset();
  Make("a", "1");
  EXPECT_EQ(seen_, "");
}

TEST_F(RegistryReadTest, RevisionsThatAreNotKeptAreGone) {
  const auto watch =
      harness_.registry.Watch(kind_, "", nullptr, 1'000'000, [](const WatchEvent&) {});
  ASSERT_FALSE(watch.ok());
  EXPECT_EQ(watch.error().code, 410);
  EXPECT_EQ(watch.error().message.rfind("too old resource version: 1000000 (", 0), 0u);
}

TEST_F(RegistryReadTest, UsersLeaveRoomForTheWatchesOfControllers) {
  std::vector<std::unique_ptr<ObjectWatch>> watches;
  const uint64_t now = harness_.registry.RevisionOf(kind_);
  for (size_t i = 0; i < limits::kApiWatches; ++i) watches.push_back(Watch(nullptr, now));
  const auto refused = harness_.registry.Watch(kind_, "", nullptr, now, [](const WatchEvent&) {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, 429);
  int seen = 0;
  const auto controller =
      harness_.registry.Watch("configmaps", [&](EventKind, const Json&) { ++seen; });
  watches.pop_back();
  EXPECT_NE(Watch(nullptr, now), nullptr);
  watches.clear();
  Make("a", "1");
  EXPECT_EQ(seen, 1);
}

TEST_F(RegistryReadTest, ControllersFirstSeeWhatThereIs) {
  for (int i = 0; i < 1100; ++i) Make("a" + std::to_string(i), "1");
  std::vector<std::string> seen;
  const auto watch = harness_.registry.Watch("configmaps", [&](EventKind kind, const Json& object) {
    seen.push_back(std::to_string(static_cast<int>(kind)) + NameOf(object));
  });
  EXPECT_TRUE(seen.empty());
  harness_.registry.Create(ConfigMaps(), ConfigMap("b", "1"), {}, [](ApiResult<Written>) {});
  harness_.executor.RunPosted();
  ASSERT_EQ(seen.size(), 1101u);
  EXPECT_EQ(seen.back(), "0b");
  ASSERT_TRUE(harness_.Delete(ConfigMaps("b")).ok());
  EXPECT_EQ(seen.back(), "2b");
}

TEST_F(RegistryReadTest, AControllersWatchMayEndInItsHandler) {
  Make("a", "1");
  Make("b", "1");
  int calls = 0;
  std::unique_ptr<ObjectWatch> watch =
      harness_.registry.Watch("configmaps", [&](EventKind, const Json&) {
        ++calls;
        watch.reset();
      });
  harness_.executor.RunPosted();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace throng::kube::server
