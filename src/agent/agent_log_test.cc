#include "agent/agent_log.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/simulated_executor.h"

namespace throng::agent {
namespace {

TEST(AgentLogTest, LinesHaveTheKeysOfKServesAgent) {
  const throng::testing::FakeClock clock;
  std::string line;
  const AgentLog log(clock, [&](std::string_view text) { line = text; });
  log.Info("adding model cifar10");
  const int here = __LINE__ - 1;
  EXPECT_EQ(line,
            "{\"level\":\"info\",\"ts\":1621718148.000000,\"logger\":\"agent\",\"caller\":"
            "\"agent/agent_log_test.cc:" +
                std::to_string(here) + "\",\"msg\":\"adding model cifar10\"}\n");
  log.Error("x");
  EXPECT_EQ(nlohmann::json::parse(line)["level"], "error");
  log.Warning("x");
  EXPECT_EQ(nlohmann::json::parse(line)["level"], "warn");
}

TEST(AgentLogTest, TextFromOutsideForgesNoLine) {
  const throng::testing::FakeClock clock;
  std::string line;
  const AgentLog log(clock, [&](std::string_view text) { line = text; });
  log.Info("a\"b\n{\"msg\":\"forged\"}\xff");
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(nlohmann::json::parse(line)["msg"], "a\"b\n{\"msg\":\"forged\"}\xef\xbf\xbd");
}

TEST(AgentLogTest, AddressesArePrintedWithoutSecrets) {
  EXPECT_EQ(PrintableUri("gs://bucket/models/cifar10"), "gs://bucket/models/cifar10");
  EXPECT_EQ(PrintableUri("https://user:secret@host/a"), "https://host/a");
  EXPECT_EQ(PrintableUri("https://user:secret@host"), "https://host");
  EXPECT_EQ(PrintableUri("https://u:p@q@host/a@b"), "https://host/a@b");
  EXPECT_EQ(PrintableUri("https://host/a?X-Signature=secret#f"), "https://host/a");
  EXPECT_EQ(PrintableUri("https://host?x=u@v"), "https://host");
  EXPECT_EQ(PrintableUri("https:///a"), "https:///a");
  EXPECT_EQ(PrintableUri("no address@all"), "no address@all");
  EXPECT_EQ(PrintableUri(""), "");
}

}  // namespace
}  // namespace throng::agent
