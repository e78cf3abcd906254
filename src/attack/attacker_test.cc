// Attacks on a server of the same loop, on a clock that the test moves.
#include "attack/attacker.h"

#include <gtest/gtest.h>

#include "base/control_limits.h"
#include "http/testing/server_harness.h"
#include "os/signals.h"

namespace throng::attack {
namespace {

using namespace std::chrono_literals;

class AttackerTest : public ::testing::Test {
 protected:
  void Attack(AttackPlan plan, std::vector<AttackTarget> targets, size_t max_in_flight = 100) {
    const DestinationRules rules{
        .gateway = http::ServerAddress{.host = "127.0.0.1", .port = harness_.port()}};
    attacker_ = std::make_unique<Attacker>(
        harness_.loop(), std::move(plan), std::move(targets), rules, [this] { ended_ = true; },
        max_in_flight);
    attacker_->Start();
  }
  // Moves time in small steps, with the network settled after each.
  void Pass(Duration duration) {
    for (Duration passed(0); passed < duration; passed += 10ms) harness_.Advance(10ms);
  }
  void AnswerHeld(int status = 200) {
    for (const auto& exchange : harness_.held) exchange->Send({.status = status, .body = "ok"});
    harness_.held.clear();
    harness_.Settle();
  }
  static AttackPlan Plan(uint64_t count, Duration period, Duration duration) {
    AttackPlan plan{.name = "test", .rate = {.count = count, .period = period}};
    plan.duration = duration;
    return plan;
  }
  static AttackTarget Post(const std::string& url, const std::string& body) {
    return {.method = "POST",
            .url = url,
            .headers = {{"Content-Type", "application/json"}},
            .body = std::make_shared<const std::string>(body)};
  }

  http::testing::ServerHarness harness_;
  std::unique_ptr<Attacker> attacker_;
  bool ended_ = false;
};

TEST_F(AttackerTest, RequestsHaveTheirHostHeadersAndBody) {
  std::vector<http::Request> seen;
  harness_.on_request = [&seen](std::shared_ptr<http::Exchange> exchange) {
    seen.push_back(exchange->request());
    exchange->Send({.status = 200, .body = "12345"});
  };
  Attack(Plan(10, 1s, 400ms), {Post("http://mms.default.svc/v2/models/a/infer", "body"),
                               {.method = "GET", .url = "http://mms.default/v2"}});
  Pass(1s);
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target, "/v2/models/a/infer");
  EXPECT_EQ(*seen[0].FindHeader("Host"), "mms.default.svc");
  EXPECT_EQ(*seen[0].FindHeader("Content-Type"), "application/json");
  EXPECT_EQ(*seen[0].FindHeader("X-Vegeta-Attack"), "test");
  EXPECT_EQ(*seen[0].FindHeader("X-Vegeta-Seq"), "0");
  EXPECT_EQ(seen[0].body, "body");
  EXPECT_EQ(seen[1].method, "GET");
  EXPECT_EQ(*seen[3].FindHeader("X-Vegeta-Seq"), "3");
  const AttackSummary summary = attacker_->Summary();
  EXPECT_EQ(summary.requests, 4u);
  EXPECT_EQ(summary.bytes_in, 20u);
  EXPECT_EQ(summary.bytes_out, 8u);
  EXPECT_DOUBLE_EQ(summary.success, 1);
  EXPECT_TRUE(summary.errors.empty());
}

TEST_F(AttackerTest, SlowRepliesHoldUpNoRequest) {
  Attack(Plan(10, 1s, 1s), {Post("http://mms.default/", "x")});
  Pass(2s);
  EXPECT_EQ(harness_.held.size(), 10u) << "none of them is answered yet";
  EXPECT_FALSE(ended_);
  AnswerHeld();
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  const AttackSummary summary = attacker_->Summary();
  EXPECT_EQ(summary.requests, 10u);
  EXPECT_EQ(summary.attack, Duration(900ms));
  EXPECT_GE(summary.most, Duration(1900ms)) << "counted from when it was sent";
  EXPECT_LE(summary.least, Duration(1200ms));
}

TEST_F(AttackerTest, WorkersMakeRequestsWait) {
  AttackPlan plan = Plan(100, 1s, 1s);
  plan.max_workers = 2;
  Attack(plan, {Post("http://mms.default/", "x")});
  Pass(200ms);
  EXPECT_EQ(harness_.held.size(), 2u);
  AnswerHeld();
  EXPECT_EQ(harness_.held.size(), 2u) << "the next ones leave at once";
  Pass(1s);
  AnswerHeld();
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; })) << "the time is over";
  EXPECT_EQ(attacker_->Summary().requests, 4u);
}

TEST_F(AttackerTest, MoreThanTheBoundFailAtOnce) {
  Attack(Plan(10, 1s, 500ms), {Post("http://mms.default/", "x")}, /*max_in_flight=*/3);
  Pass(600ms);
  EXPECT_EQ(harness_.held.size(), 3u);
  AnswerHeld();
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  const AttackSummary summary = attacker_->Summary();
  EXPECT_EQ(summary.codes.at("0"), 2u);
  EXPECT_EQ(summary.codes.at("200"), 3u);
  ASSERT_EQ(summary.errors.size(), 1u);
  EXPECT_EQ(summary.errors[0],
            "Post \"http://mms.default/\": not sent: 3 requests wait for their replies");
}

TEST_F(AttackerTest, OtherHostsAreErrorsOfTheirRequests) {
  harness_.on_request = [](std::shared_ptr<http::Exchange> exchange) {
    exchange->Send({.status = 503});
  };
  Attack(Plan(10, 1s, 300ms), {{.method = "GET", .url = "http://example.com.:80/"},
                               {.method = "GET", .url = "http://127.0.0.1:1/"},
                               {.method = "GET", .url = "http://mms.default/"}});
  Pass(500ms);
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  const AttackSummary summary = attacker_->Summary();
  EXPECT_EQ(summary.codes.at("0"), 2u);
  EXPECT_EQ(summary.codes.at("503"), 1u);
  ASSERT_EQ(summary.errors.size(), 3u);
  EXPECT_NE(summary.errors[0].find("Get \"http://example.com.:80/\": host example.com. is not "
                                   "reached"),
            std::string::npos)
      << summary.errors[0];
  EXPECT_EQ(summary.errors[2], "503 Service Unavailable");
}

TEST_F(AttackerTest, RepliesThatDoNotComeAreErrors) {
  AttackPlan plan = Plan(10, 1s, 100ms);
  plan.timeout = 300ms;
  Attack(plan, {Post("http://mms.default/", "x")});
  Pass(500ms);
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  const AttackSummary summary = attacker_->Summary();
  EXPECT_EQ(summary.codes.at("0"), 1u);
  EXPECT_EQ(summary.errors.at(0), "Post \"http://mms.default/\": no reply in time");
}

TEST_F(AttackerTest, EachRequestMayHaveAConnectionOfItsOwn) {
  harness_.on_request = [](std::shared_ptr<http::Exchange> exchange) {
    EXPECT_EQ(*exchange->request().FindHeader("Connection"), "close");
    exchange->Send({.status = 200});
  };
  AttackPlan plan = Plan(10, 1s, 300ms);
  plan.keep_alive = false;
  Attack(plan, {Post("http://mms.default/", "x")});
  Pass(500ms);
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  EXPECT_EQ(attacker_->Summary().codes.at("200"), 3u);
  EXPECT_TRUE(harness_.WaitForConnections(0));
}

TEST_F(AttackerTest, AStoppedAttackWaitsForItsReplies) {
  Attack(Plan(10, 1s, 1h), {Post("http://mms.default/", "x")});
  Pass(200ms);
  attacker_->StopSending();
  Pass(500ms);
  const size_t sent = harness_.held.size();
  EXPECT_GE(sent, 2u);
  EXPECT_LE(sent, 3u);
  EXPECT_FALSE(ended_);
  AnswerHeld();
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  EXPECT_EQ(attacker_->Summary().requests, sent);
}

TEST_F(AttackerTest, ItMayGoWhileRepliesAreMissing) {
  Attack(Plan(10, 1s, 1h), {Post("http://mms.default/", "x")});
  Pass(300ms);
  attacker_.reset();
  AnswerHeld();
  EXPECT_FALSE(ended_);
}

TEST_F(AttackerTest, AnAttackShorterThanItsIntervalSendsOne) {
  harness_.on_request = [](std::shared_ptr<http::Exchange> exchange) {
    exchange->Send({.status = 200});
  };
  Attack(Plan(1, 1min, 1s), {Post("http://mms.default/", "x")});
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  EXPECT_EQ(attacker_->Summary().requests, 1u);
}

TEST_F(AttackerTest, TheBoundOfAJobIsTheTables) {
  os::RaiseOpenFileLimit();
  // As many at once as there may be, and one more.
  AttackPlan plan = Plan(limits::kAttackRate, 1s, 1s);
  plan.duration = Duration(1s) * (limits::kAttackInFlight + 1) / limits::kAttackRate;
  const DestinationRules rules{
      .gateway = http::ServerAddress{.host = "127.0.0.1", .port = harness_.port()}};
  attacker_ = std::make_unique<Attacker>(
      harness_.loop(), plan, std::vector<AttackTarget>{Post("http://mms.default/", "x")}, rules,
      [this] { ended_ = true; });
  attacker_->Start();
  Pass(plan.duration + Duration(100ms));
  ASSERT_TRUE(harness_.RunUntil([this] { return harness_.held.size() == limits::kAttackInFlight; }))
      << harness_.held.size();
  AnswerHeld();
  ASSERT_TRUE(harness_.RunUntil([this] { return ended_; }));
  const AttackSummary summary = attacker_->Summary();
  EXPECT_EQ(summary.codes.at("200"), limits::kAttackInFlight);
  EXPECT_EQ(summary.codes.at("0"), 1u);
}

}  // namespace
}  // namespace throng::attack
