#include "gateway/route_table.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "gateway/route_codec.h"

namespace throng::gateway {
namespace {

RouteSpec Route(std::string name, std::vector<std::string> hosts,
                std::vector<ReplicaSpec> replicas = {}) {
  return {std::move(name), std::move(hosts), std::move(replicas)};
}

// The first pod that answers for `host`; "-" when the host is known without one, "" when it is not.
std::string PodOf(const RouteTable& table, std::string_view host) {
  const RouteTable::Replicas* const replicas = table.Find(NormalizeHost(host));
  if (replicas == nullptr) return "";
  return replicas->empty() ? "-" : replicas->front()->pod;
}

TEST(RouteTableTest, HostsAreFoundInEveryForm) {
  RouteTable table;
  table.Set(Route("default/mms", {"mms.default.example.com", "MMS.Default."}, {{"a", "::1", 1}}));
  for (const char* host :
       {"mms.default.example.com", "mms.default.example.com:80", "mms.default.example.com.",
        "mms.default.example.com.:80", "MMS.Default.Example.COM", "mms.default",
        "mms.default:", "MMS.default."}) {
    EXPECT_EQ(PodOf(table, host), "a") << host;
  }
  for (const char* host : {"", ":80", ".", "mms", "default.example.com", "mms.default..",
                           "xmms.default", "mms.default:x", "mms.default:80:80", "[mms.default]"}) {
    EXPECT_EQ(PodOf(table, host), "") << host;
  }
  EXPECT_EQ(NormalizeHost("[::1]:8080"), "[::1]");
  EXPECT_EQ(NormalizeHost("[::1]"), "[::1]");
}

TEST(RouteTableTest, ReplicasKeepWhatIsKnownOfThem) {
  RouteTable table;
  table.Set(Route("n/a", {"a"}, {{"p1", "127.0.0.1", 1}, {"p2", "127.0.0.1", 2}}));
  const auto before = *table.Find("a");
  before[1]->in_flight = 7;
  EXPECT_FALSE(
      table.Set(Route("n/a", {"a"}, {{"p1", "127.0.0.1", 1}, {"p2", "127.0.0.1", 2}})).changed);
  EXPECT_TRUE(
      table
          .Set(Route("n/a", {"a"},
                     {{"p3", "127.0.0.1", 3}, {"p2", "127.0.0.1", 2}, {"p1", "127.0.0.1", 9}}))
          .changed);
  const auto after = *table.Find("a");
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_NE(after[2], before[0]);  // another port: another server
}

TEST(RouteTableTest, TheFirstToClaimAHostHasItUntilItLeaves) {
  RouteTable table;
  EXPECT_TRUE(table.Set(Route("n/b", {"b", "shared"}, {{"b", "h", 1}})).conflicts.empty());
  const auto change = table.Set(Route("n/a", {"shared", "a"}, {{"a", "h", 2}}));
  ASSERT_EQ(change.conflicts.size(), 1u);
  EXPECT_EQ(change.conflicts[0].host, "shared");
  EXPECT_EQ(change.conflicts[0].holder, "n/b");
  EXPECT_EQ(change.conflicts[0].refused, "n/a");
  EXPECT_EQ(PodOf(table, "shared"), "b");
  EXPECT_EQ(PodOf(table, "a"), "a");
  // A list in another order changes nothing of that.
  table.ReplaceAll(
      {Route("n/a", {"shared", "a"}, {{"a", "h", 2}}), Route("n/b", {"shared"}, {{"b", "h", 1}})});
  EXPECT_EQ(PodOf(table, "shared"), "b");
  EXPECT_EQ(PodOf(table, "b"), "");
  table.Set(Route("n/b", {"b"}, {{"b", "h", 1}}));
  EXPECT_EQ(PodOf(table, "shared"), "a");
  EXPECT_TRUE(table.Remove("n/a"));
  EXPECT_FALSE(table.Remove("n/a"));
  EXPECT_EQ(PodOf(table, "shared"), "");
}

TEST(RouteTableTest, AListReplacesEverything) {
  RouteTable table;
  table.Set(Route("n/a", {"a"}));
  table.Set(Route("n/b", {"b"}));
  EXPECT_TRUE(table.ReplaceAll({Route("n/b", {"b"}), Route("n/c", {"c"})}).changed);
  EXPECT_EQ(PodOf(table, "a"), "");
  EXPECT_EQ(PodOf(table, "b"), "-");
  EXPECT_EQ(table.Routes().size(), 2u);
  EXPECT_EQ(table.Routes()[1].name, "n/c");
  EXPECT_FALSE(table.ReplaceAll({Route("n/b", {"b"}), Route("n/c", {"c"})}).changed);
  EXPECT_TRUE(table.ReplaceAll({}).changed);
  EXPECT_EQ(table.size(), 0u);
}

TEST(RouteTableTest, RoutesAreBounded) {
  RouteTable table;
  for (size_t i = 0; i < limits::kGatewayRoutes; ++i) {
    ASSERT_FALSE(table.Set(Route("n/" + std::to_string(i), {})).refused);
  }
  EXPECT_TRUE(table.Set(Route("n/more", {"more"})).refused);
  EXPECT_EQ(PodOf(table, "more"), "");
  EXPECT_TRUE(table.Set(Route("n/1", {"one"})).changed);
}

// --- The codec --------------------------------------------------------------------------------

constexpr char kRoute[] =
    R"({"apiVersion":"throng.dev/v1alpha1","kind":"GatewayRoute","metadata":{"namespace":"default",)"
    R"("name":"mms","resourceVersion":"7"},"spec":{"hosts":["mms.default","mms.default.svc"],)"
    R"("replicas":[{"pod":"p1","address":"127.0.0.1","port":40123}]}})";

TEST(RouteCodecTest, ListsAreReadAndPrinted) {
  const auto list = ParseRouteList(
      std::string(R"({"metadata":{"resourceVersion":"42"},"items":[)") + kRoute + "]}");
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->routes.size(), 1u);
  EXPECT_EQ(list->routes[0],
            Route("default/mms", {"mms.default", "mms.default.svc"}, {{"p1", "127.0.0.1", 40123}}));
  const auto again = ParseRouteList(PrintRouteList(list->routes));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->routes, list->routes);
  EXPECT_TRUE(ParseRouteList(R"({"items":null})")->routes.empty());
}

TEST(RouteCodecTest, BadRoutesAreLeftOutAlone) {
  const std::string hosts = R"("hosts":["h"])";
  const std::string many_hosts = [] {
    std::string text;
    for (size_t i = 0; i <= limits::kGatewayHosts; ++i)
      text += (i == 0 ? "" : ",") + std::string("\"h\"");
    return "\"hosts\":[" + text + "]";
  }();
  for (const std::string& spec :
       {std::string(R"("hosts":[])"), std::string(R"("hosts":"h")"), std::string(R"("hosts":[1])"),
        std::string(R"("hosts":[""])"), std::string(R"("replicas":[])"), many_hosts,
        hosts + R"(,"replicas":{})", hosts + R"(,"replicas":[{"pod":"p","address":"a"}])",
        hosts + R"(,"replicas":[{"pod":"p","address":"a","port":0}])",
        hosts + R"(,"replicas":[{"pod":"p","address":"a","port":65536}])",
        hosts + R"(,"replicas":[{"pod":"p","address":"a","port":-1}])",
        hosts + R"(,"replicas":[{"pod":"p","address":"a","port":"80"}])",
        hosts + R"(,"replicas":[{"pod":"","address":"a","port":80}])",
        hosts + R"(,"replicas":[{"pod":"p","port":80}])", hosts + R"(,"replicas":[7])"}) {
    const auto list = ParseRouteList(R"({"items":[{"metadata":{"name":"x"},"spec":{)" + spec +
                                     "}}," + kRoute + "]}");
    ASSERT_TRUE(list.ok()) << spec;
    EXPECT_EQ(list->routes.size(), 1u) << spec;
    EXPECT_EQ(list->problems.size(), 1u) << spec;
  }
  const auto list =
      ParseRouteList(R"({"items":[{},7,{"metadata":{"name":""}},{"metadata":{"name":"x"}}]})");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->problems.size(), 4u);
  for (const char* bad : {"", "[]", "7", "{", R"({"items":7})", "{}", R"({"items":{}})"}) {
    EXPECT_EQ(ParseRouteList(bad).status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(RouteCodecTest, RoutesHaveAsManyHostsAndReplicasAsTheBoundSays) {
  using Json = nlohmann::json;
  const auto route = [](size_t hosts, size_t replicas) {
    Json object = {{"metadata", {{"name", "x"}, {"namespace", "n"}}},
                   {"spec", {{"hosts", Json::array()}, {"replicas", Json::array()}}}};
    for (size_t i = 0; i < hosts; ++i) object["spec"]["hosts"].push_back("h" + std::to_string(i));
    for (size_t i = 0; i < replicas; ++i) {
      object["spec"]["replicas"].push_back(
          {{"pod", "p" + std::to_string(i)}, {"address", "127.0.0.1"}, {"port", 1 + i}});
    }
    return ParseRoute(object);
  };
  EXPECT_TRUE(route(limits::kGatewayHosts - 1, limits::kGatewayReplicas - 1).ok());
  EXPECT_EQ(route(limits::kGatewayHosts, 0)->hosts.size(), limits::kGatewayHosts);
  EXPECT_FALSE(route(limits::kGatewayHosts + 1, 0).ok());
  EXPECT_EQ(route(1, limits::kGatewayReplicas)->replicas.size(), limits::kGatewayReplicas);
  EXPECT_FALSE(route(1, limits::kGatewayReplicas + 1).ok());
}

TEST(RouteTableTest, RoutesBeyondTheBoundAreLeftOut) {
  RouteTable table;
  for (size_t i = 0; i < limits::kGatewayRoutes; ++i) {
    ASSERT_FALSE(table.Set({.name = std::to_string(i), .hosts = {"h" + std::to_string(i)}}).refused)
        << i;
  }
  EXPECT_TRUE(table.Set({.name = "more", .hosts = {"more"}}).refused);
  EXPECT_EQ(table.size(), limits::kGatewayRoutes);
  EXPECT_EQ(table.Find("more"), nullptr);
  // One that is known may change, and one that goes makes room.
  EXPECT_FALSE(table.Set({.name = "7", .hosts = {"h7", "seven"}}).refused);
  EXPECT_TRUE(table.Remove("8"));
  EXPECT_FALSE(table.Set({.name = "more", .hosts = {"more"}}).refused);
}

}  // namespace
}  // namespace throng::gateway
