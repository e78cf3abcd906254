// The agent's rows of base/control_limits.h, each at its bound.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "agent/disk/model_store.h"
#include "agent/disk/spec_journal.h"
#include "agent/testing/agent_fixture.h"
#include "base/control_limits.h"

namespace throng::agent::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kUri[] = "gs://b/cifar10";
constexpr std::chrono::milliseconds kTick{1};

class AgentBoundsTest : public AgentFixture {
 protected:
  void Loaded() {
    fetcher_.PutModel(kUri, "A");
    StartAll();
    Assign("cifar10", kUri);
    ASSERT_TRUE(Tells("cifar10", "Loaded"));
    Settle();
  }
  std::string RecordPath() const { return directory_.path() + "/agent/records/cifar10.json"; }
};

TEST_F(AgentBoundsTest, ARecordOfTheLongestSizeIsReadAndNoLongerOne) {
  Loaded();
  for (const size_t bytes :
       {limits::kAgentRecordBytes - 1, limits::kAgentRecordBytes, limits::kAgentRecordBytes + 1}) {
    agent_.reset();
    std::string text = FakeModelServer::ReadFile(RecordPath());
    text.resize(bytes, ' ');
    std::ofstream(RecordPath()) << text;
    lines_.clear();
    StartAgent();
    ASSERT_TRUE(Serves("cifar10", "A"));
    EXPECT_EQ(Logged("cannot be read"), bytes > limits::kAgentRecordBytes) << bytes;
    Settle();
  }
}

TEST_F(AgentBoundsTest, AJournalOfTheLongestSizeIsReadAndNoLongerOne) {
  const std::string path = directory_.path() + "/journal";
  for (const size_t bytes : {limits::kAgentJournalBytes - 1, limits::kAgentJournalBytes,
                             limits::kAgentJournalBytes + 1}) {
    // A hole behind it, which is a last line that was not written whole.
    std::ofstream(path) << "{\"known\":true}\n";
    fs::resize_file(path, bytes);
    SpecJournal journal(harness_.loop(), path, log_);
    EXPECT_EQ(journal.Read().has_value(), bytes <= limits::kAgentJournalBytes) << bytes;
  }
  EXPECT_TRUE(Logged("The last known models cannot be read"));
}

TEST_F(AgentBoundsTest, TheFirstBackOffIsHalfToWholeOfItsRow) {
  StartAll();
  fetcher_.Fail(kUri, storage::FetchReason::kStorageUnavailable, "away");
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return fetcher_.fetches(kUri) == 1; }));
  Settle();
  harness_.Advance(Duration(limits::kAgentBackOff) / 2 - Duration(kTick));
  Settle();
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  harness_.Advance(Duration(limits::kAgentBackOff) / 2 + Duration(kTick));
  EXPECT_TRUE(Until([&] { return fetcher_.fetches(kUri) == 2; }));
}

TEST_F(AgentBoundsTest, TheLastBackOffIsAtMostItsRow) {
  StartAll();
  fetcher_.Fail(kUri, storage::FetchReason::kStorageUnavailable, "away");
  Assign("cifar10", kUri);
  for (int i = 0; i < 40; ++i) {
    harness_.Advance(limits::kAgentBackOffMost);
    Settle();
  }
  const int before = fetcher_.fetches(kUri);
  harness_.Advance(Duration(limits::kAgentBackOffMost) / 2 - Duration(kTick));
  Settle();
  EXPECT_EQ(fetcher_.fetches(kUri), before);
  harness_.Advance(Duration(limits::kAgentBackOffMost) / 2 + Duration(kTick));
  EXPECT_TRUE(Until([&] { return fetcher_.fetches(kUri) == before + 1; }));
}

TEST_F(AgentBoundsTest, AReportThatIsNotAnsweredInItsTimeIsSentAgain) {
  int asked = 0;
  std::vector<std::shared_ptr<http::Exchange>> held;
  api_.on_other = [&](const std::shared_ptr<http::Exchange>& exchange) {
    if (++asked > 1) return Report(*exchange);
    held.push_back(exchange);
  };
  fetcher_.PutModel(kUri, "A");
  StartAll();
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return asked == 1; }));
  Settle();
  harness_.Advance(Duration(limits::kAgentReportTime) - Duration(kTick));
  Settle();
  EXPECT_EQ(asked, 1);
  harness_.Advance(kTick);
  EXPECT_TRUE(Eventually([&] { return asked >= 2; }, limits::kAgentReportEvery));
  EXPECT_TRUE(Tells("cifar10", "Loaded"));
}

TEST_F(AgentBoundsTest, AServerThatIsAwayIsLookedForAtItsRow) {
  StartAgent();
  Settle();
  server_.Start();
  harness_.Advance(Duration(limits::kAgentServerPoll) - Duration(kTick));
  Settle();
  EXPECT_EQ(Count("index"), 0U);
  harness_.Advance(kTick);
  EXPECT_TRUE(Until([&] { return Count("index") == 1; }));
}

TEST_F(AgentBoundsTest, AnotherLifeOfTheServerIsSeenWithinItsRow) {
  Loaded();
  server_.Stop();
  server_.Start();
  harness_.Advance(limits::kAgentServerWatch);
  EXPECT_TRUE(Until([&] { return Count("index") == 2; }));
}

}  // namespace
}  // namespace throng::agent::testing
