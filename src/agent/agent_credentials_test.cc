// Storage credentials: named by assignments, asked of the API, kept in memory and nowhere else.
#include "agent/testing/agent_fixture.h"

namespace throng::agent {
namespace {

using testing::AgentFixture;

constexpr const char* kUri = "s3://bucket/a";
constexpr const char* kSecret = "SECRETVALUE1234";

class AgentCredentialsTest : public AgentFixture {
 protected:
  AgentCredentialsTest() {
    fetcher_.PutModel(kUri, "a's bytes");
    fetcher_.Require(kUri, kSecret);
  }

  static Json Set(const std::string& secret) {
    return {{"s3", {{"accessKeyId", "id"}, {"secretAccessKey", secret}}}};
  }
  void AssignWith(const std::string& version, const std::string& reason = "") {
    Json assignment = Assignment("a", kUri);
    assignment["spec"]["credentials"] = {{"version", version}};
    if (!reason.empty()) {
      assignment["spec"]["credentials"]["reason"] = reason;
      assignment["spec"]["credentials"]["message"] = "the Secret is not there";
    }
    api_.Put(assignment);
  }
  // The secret in any file below the replica's directory, or in a line of the log.
  bool SecretIsSomewhere() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      if (!entry.is_regular_file()) continue;
      const std::string text = testing::FakeModelServer::ReadFile(entry.path().string());
      if (text.find(kSecret) != std::string::npos) return true;
    }
    for (const Json& report : reports_) {
      if (report.dump().find(kSecret) != std::string::npos) return true;
    }
    return Logged(kSecret);
  }
};

TEST_F(AgentCredentialsTest, TheyAreAskedForOnceAndLeaveNoTrace) {
  credential_sets_ = {{"v1", Set(kSecret)}};
  StartAll();
  AssignWith("v1");
  ASSERT_TRUE(Serves("a", "a's bytes"));
  ASSERT_TRUE(Tells("a", "Loaded"));
  EXPECT_EQ(credential_calls_, 1);
  EXPECT_EQ(secrets_prepared_, 1);
  EXPECT_FALSE(SecretIsSomewhere());
}

TEST_F(AgentCredentialsTest, WithoutAnyTheApiIsNotAsked) {
  fetcher_.PutModel("gs://bucket/b", "b's bytes");
  StartAll();
  Assign("b", "gs://bucket/b");
  ASSERT_TRUE(Serves("b", "b's bytes"));
  EXPECT_EQ(credential_calls_, 0);
  EXPECT_EQ(secrets_prepared_, 0);
}

TEST_F(AgentCredentialsTest, WrongOnesAreToldAndRightOnesAreTriedAtOnce) {
  credential_sets_ = {{"v1", Set("wrong")}};
  StartAll();
  AssignWith("v1");
  ASSERT_TRUE(Tells("a", "Failed"));
  EXPECT_EQ(Told("a")["reason"], "StorageDenied");
  // Long in its back-off by now.
  ASSERT_TRUE(Eventually([&] { return fetcher_.fetches(kUri) >= 8; }));
  credential_sets_ = {{"v2", Set(kSecret)}};
  AssignWith("v2");
  for (int i = 0; i < 10 && server_.Loaded("a").empty(); ++i) {
    harness_.Advance(std::chrono::milliseconds(200));
    Settle();
  }
  EXPECT_EQ(server_.Loaded("a"), "a's bytes");
  EXPECT_FALSE(SecretIsSomewhere());
}

TEST_F(AgentCredentialsTest, MissingOnesAreToldOnceAndWaitedFor) {
  credential_sets_ = {{"v2", Set(kSecret)}};
  StartAll();
  AssignWith("v1", "SecretNotFound");
  ASSERT_TRUE(Tells("a", "Failed"));
  EXPECT_EQ(Told("a")["reason"], "SecretNotFound");
  EXPECT_EQ(Told("a")["message"], "the Secret is not there");
  EXPECT_EQ(Told("a")["retryAt"], "");
  EXPECT_EQ(Told("a")["downloaded"], false);
  for (int i = 0; i < 50; ++i) harness_.Advance(std::chrono::seconds(20));
  EXPECT_EQ(Told("a")["failures"], 1);
  EXPECT_EQ(fetcher_.fetches(kUri), 0);
  AssignWith("v2");
  ASSERT_TRUE(Serves("a", "a's bytes"));
  ASSERT_TRUE(Tells("a", "Loaded"));
}

TEST_F(AgentCredentialsTest, AModelThatIsServedStaysWhateverBecomesOfThem) {
  credential_sets_ = {{"v1", Set(kSecret)}};
  StartAll();
  AssignWith("v1");
  ASSERT_TRUE(Tells("a", "Loaded"));
  AssignWith("v2", "SecretNotFound");
  AssignWith("v3");
  for (int i = 0; i < 20; ++i) harness_.Advance(std::chrono::seconds(5));
  EXPECT_EQ(ToldState("a"), "Loaded");
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  EXPECT_EQ(Count("load a"), 1u);
}

TEST_F(AgentCredentialsTest, ARestartedAgentServesFromDiskAndAsksAgainWhenItFetches) {
  credential_sets_ = {{"v1", Set(kSecret)}};
  StartAll();
  AssignWith("v1");
  ASSERT_TRUE(Tells("a", "Loaded"));
  credential_status_ = 503;
  const int before = credential_calls_;
  RestartAgent();
  ASSERT_TRUE(Tells("a", "Loaded"));
  EXPECT_EQ(credential_calls_, before);
  fetcher_.PutModel("s3://bucket/b", "b's bytes");
  fetcher_.Require("s3://bucket/b", kSecret);
  Json other = Assignment("b", "s3://bucket/b");
  other["spec"]["credentials"] = {{"version", "v1"}};
  api_.Put(other);
  ASSERT_TRUE(Eventually([&] { return credential_calls_ > before + 2; }));
  EXPECT_EQ(fetcher_.fetches("s3://bucket/b"), 0);
  EXPECT_EQ(ToldState("b"), "Pending");
  credential_status_ = 200;
  ASSERT_TRUE(Serves("b", "b's bytes"));
  EXPECT_FALSE(SecretIsSomewhere());
}

TEST_F(AgentCredentialsTest, AVersionThatTheApiDoesNotKnowYetIsAskedForAboutOnceASecond) {
  StartAll();
  AssignWith("v1");
  ASSERT_TRUE(Eventually([&] { return credential_calls_ >= 3; }));
  const int before = credential_calls_;
  for (int i = 0; i < 50; ++i) harness_.Advance(std::chrono::milliseconds(200));
  EXPECT_LE(credential_calls_, before + 11);
  EXPECT_EQ(fetcher_.all_fetches(), 0);
  credential_sets_ = {{"v1", Set(kSecret)}};
  ASSERT_TRUE(Serves("a", "a's bytes"));
}

TEST_F(AgentCredentialsTest, ASetThatCannotBeReadIsItsOwnTrouble) {
  credential_sets_ = {{"v0", {{"s3", "nonsense"}}}, {"v1", Set(kSecret)}};
  StartAll();
  AssignWith("v1");
  ASSERT_TRUE(Serves("a", "a's bytes"));
  EXPECT_TRUE(Logged("credentials: s3 is not what it must be"));
}

}  // namespace
}  // namespace throng::agent
