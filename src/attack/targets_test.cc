#include "attack/targets.h"

#include <gtest/gtest.h>

#include "attack/destination.h"
#include "attack/job_document.h"
#include "base/control_limits.h"

namespace throng::attack {
namespace {

using namespace std::chrono_literals;

Result<std::vector<AttackTarget>> Parse(const std::string& text) {
  return TargetsOf("/t", {{"/t", text}, {"/body", "the body"}});
}

std::string ErrorOf(const std::string& text) {
  const auto targets = Parse(text);
  return targets.ok() ? "(none)" : targets.status().message();
}

TEST(TargetsTest, TheFormatOfVegetaIsRead) {
  const auto targets = Parse(
      "# first\n\nPOST http://a.b/x\nContent-Type: application/json\n# inside\nX-Two: a: b\n"
      "@/body\nGET http://a.b/y\n\n  DELETE http://a.b/z  \r\nGET http://a.b/w\n@/body");
  ASSERT_TRUE(targets.ok()) << targets.status().ToString();
  ASSERT_EQ(targets->size(), 4u);
  EXPECT_EQ((*targets)[0].method, "POST");
  EXPECT_EQ((*targets)[0].url, "http://a.b/x");
  ASSERT_EQ((*targets)[0].headers.size(), 2u);
  EXPECT_EQ((*targets)[0].headers[1].name, "X-Two");
  EXPECT_EQ((*targets)[0].headers[1].value, "a: b");
  EXPECT_EQ(*(*targets)[0].body, "the body");
  EXPECT_EQ((*targets)[1].body, nullptr);
  EXPECT_EQ((*targets)[2].url, "http://a.b/z");
  EXPECT_EQ((*targets)[3].body, (*targets)[0].body) << "read once";
}

TEST(TargetsTest, BadOnesAreToldWithTheirLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "there are none"},
      {"# nothing\n\n", "there are none"},
      {"GET", "line 1: must be METHOD URL"},
      {"get http://a.b/", "line 1: must be METHOD URL"},
      {"\nGET http://a.b/\n\nnonsense\n", "line 4: must be METHOD URL"},
      {"GET https://a.b/", "line 1: the URL must begin with http://"},
      {"GET http://a.b/ x", "hold no blanks"},
      {"GET http://a.b/\nnonsense", "line 2: must be a header"},
      {"GET http://a.b/\nX:", "line 2: must be a header"},
      {"GET http://a.b/\n: x", "line 2: must be a header"},
      {"GET http://a.b/\nx y: x", "line 2: must be a header"},
      {"GET http://a.b/\nX: a\x01"
       "b",
       "line 2: must be a header"},
      {"GET http://a.b/\ncontent-length: 5", "header Content-Length cannot be set"},
      {"GET http://a.b/\n@/etc/passwd", "file '/etc/passwd' is in no ConfigMap that is mounted"},
      {"GET http://a.b/\n@", "file '' is in no ConfigMap"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_NE(ErrorOf(text).find(expected), std::string::npos) << text << ": " << ErrorOf(text);
  }
  EXPECT_EQ(TargetsOf("/other", {}).status().code(), StatusCode::kNotFound);
}

TEST(TargetsTest, TheyAreBounded) {
  std::string text;
  for (size_t i = 0; i < limits::kAttackTargets - 1; ++i) text += "GET http://a.b/\n";
  EXPECT_TRUE(Parse(text).ok());
  text += "GET http://a.b/\n";
  EXPECT_TRUE(Parse(text).ok());
  text += "GET http://a.b/\n";
  EXPECT_NE(ErrorOf(text).find("more than 10000 targets"), std::string::npos);

  std::string headers = "GET http://a.b/\n";
  for (size_t i = 0; i < limits::kAttackHeaders; ++i) headers += "X: y\n";
  EXPECT_TRUE(Parse(headers).ok());
  EXPECT_NE(ErrorOf(headers + "X: y\n").find("more than 100 headers"), std::string::npos);

  const std::string line = "GET http://a.b/";
  const std::string longest = line + std::string(limits::kAttackLineBytes - line.size(), 'x');
  EXPECT_TRUE(Parse(longest).ok());
  EXPECT_NE(ErrorOf(longest + "x").find("is longer than"), std::string::npos);
}

TEST(TargetsTest, BodiesTogetherAreBounded) {
  const size_t half = limits::kAttackFilesBytes / 2;
  const auto parse = [half](size_t more) {
    return ParseTargets("GET http://a/\n@1\nGET http://a/\n@2\nGET http://a/\n@2",
                        [=](const std::string& path) -> Result<std::string> {
                          return std::string(half + (path == "2" ? more : 0), 'x');
                        });
  };
  EXPECT_TRUE(parse(0).ok()) << "the same one again counts once";
  EXPECT_FALSE(parse(1).ok());
}

// --- Where they go -------------------------------------------------------------------------

TEST(DestinationTest, ServicesGoToTheGateway) {
  const DestinationRules rules{.gateway = http::ServerAddress{.host = "127.0.0.1", .port = 81}};
  for (const std::string host :
       {"mms.default", "mms.default.svc", "mms.default.svc.cluster.local", "MMS.Default"}) {
    const auto found = FindDestination("http://" + host + "/v2?x=1", rules);
    ASSERT_TRUE(found.ok()) << host << found.status().ToString();
    EXPECT_EQ(found->address.port, 81);
    EXPECT_EQ(found->target, "/v2?x=1");
  }
  EXPECT_EQ(FindDestination("http://mms.default:80", rules)->host, "mms.default");
  EXPECT_EQ(FindDestination("http://mms.default:80", rules)->target, "/");
  EXPECT_EQ(FindDestination("http://mms.default?x", rules)->target, "/?x");
}

TEST(DestinationTest, NothingElseIsReached) {
  const DestinationRules rules{.gateway = http::ServerAddress{.host = "127.0.0.1", .port = 81}};
  for (const char* host : {"example.com.",
                           "www.example.com",
                           "127.0.0.1",
                           "localhost",
                           "169.254.169.254",
                           "[::1]",
                           "mms",
                           "a.b.c",
                           "a.b.svc.cluster",
                           "svc.cluster.local",
                           ".svc",
                           "a..svc",
                           "-a.b",
                           "a_b.c",
                           "mms.default:8080",
                           "mms.default:0",
                           "mms.default:x",
                           "user@mms.default",
                           "",
                           ":80",
                           "[::1",
                           "a.b.svc.cluster.local.evil.com"}) {
    EXPECT_FALSE(FindDestination(std::string("http://") + host + "/", rules).ok()) << host;
  }
  EXPECT_FALSE(FindDestination("https://mms.default/", rules).ok());
  EXPECT_FALSE(FindDestination("http://mms.default/", {}).ok()) << "no gateway";
}

TEST(DestinationTest, PeopleReachThisMachineAndAnyNameOfTheGateway) {
  const DestinationRules rules{.gateway = http::ServerAddress{.host = "127.0.0.1", .port = 81},
                               .reaches_loopback = true,
                               .every_name = true};
  EXPECT_EQ(FindDestination("http://127.0.0.1:8000/v2", rules)->address.port, 8000);
  EXPECT_EQ(FindDestination("http://localhost:8000/v2", rules)->address.host, "127.0.0.1");
  EXPECT_EQ(FindDestination("http://localhost:8000/v2", rules)->host, "localhost:8000");
  EXPECT_EQ(FindDestination("http://[::1]:8000/v2", rules)->address.host, "::1");
  EXPECT_EQ(FindDestination("http://mms.default.example.com/", rules)->address.port, 81);
  EXPECT_FALSE(FindDestination("http://10.0.0.1/", rules).ok());
  EXPECT_FALSE(FindDestination("http://127.0.0.1.evil.com:99/", rules).ok());
}

TEST(DestinationTest, AddressesOfGateways) {
  EXPECT_EQ(ParseGatewayAddress("127.0.0.1:80")->port, 80);
  EXPECT_EQ(ParseGatewayAddress("localhost:81")->host, "127.0.0.1");
  EXPECT_EQ(ParseGatewayAddress("[::1]:81")->host, "::1");
  for (const char* bad : {"", "127.0.0.1", ":80", "a.b:80", "127.0.0.1:99999", "127.0.0.1:"}) {
    EXPECT_FALSE(ParseGatewayAddress(bad).ok()) << bad;
  }
}

// --- What processes are handed --------------------------------------------------------------

TEST(JobDocumentTest, ComesBackAsItWas) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  AttackJob job{.plan = {.name = "5qps", .targets_path = "/t", .rate = {.count = 7, .period = 2s}},
                .files = {{"/t", all_bytes}, {"/empty", ""}}};
  job.plan.duration = 60s;
  job.plan.timeout = 5s;
  job.plan.max_workers = 3;
  job.plan.keep_alive = false;
  const auto read = ParseAttackJob(AttackJobText(job));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->files, job.files);
  EXPECT_EQ(read->plan.name, "5qps");
  EXPECT_EQ(read->plan.rate.count, 7u);
  EXPECT_EQ(read->plan.rate.period, Duration(2s));
  EXPECT_EQ(read->plan.duration, Duration(60s));
  EXPECT_EQ(read->plan.timeout, Duration(5s));
  EXPECT_EQ(read->plan.max_workers, 3u);
  EXPECT_FALSE(read->plan.keep_alive);
}

TEST(JobDocumentTest, BadOnesAreRefused) {
  AttackJob job{.plan = {.targets_path = "/t"}, .files = {}};
  job.plan.duration = 1s;
  const std::string good = AttackJobText(job);
  ASSERT_TRUE(ParseAttackJob(good).ok());
  for (const char* bad : {"", "[]", "{}", "{\"plan\":{},\"files\":{}}", "{\"plan\":1}"}) {
    EXPECT_FALSE(ParseAttackJob(bad).ok()) << bad;
  }
  std::string endless = good;
  endless.replace(endless.find("\"rateCount\":50"), 14, "\"rateCount\":0 ");
  EXPECT_FALSE(ParseAttackJob(endless).ok());
  EXPECT_FALSE(ParseAttackJob(good.substr(0, good.size() / 2)).ok());
}

}  // namespace
}  // namespace throng::attack
