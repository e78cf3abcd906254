// What is left of an agent's life, and what the next one makes of it.
#include "agent/testing/agent_fixture.h"

namespace throng::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUri = "gs://b/a";
constexpr const char* kOther = "gs://b/b";

class AgentRecoveryTest : public testing::AgentFixture {
 protected:
  AgentRecoveryTest() {
    fetcher_.PutModel(kUri, "A");
    fetcher_.PutModel(kOther, "B");
  }
  void LiveOnce() {
    StartAll();
    Assign("cifar10", kUri);
    ASSERT_TRUE(Tells("cifar10", "Loaded"));
    // Its record is there.
    ASSERT_TRUE(Eventually([&] { return fs::exists(RecordPath()); }));
    Settle();
    agent_.reset();
    reports_.clear();
    told_.clear();
    api_.watch.reset();
  }
  std::string RecordPath() const { return directory_.path() + "/agent/records/cifar10.json"; }
  std::string StagingPath() const { return directory_.path() + "/agent/staging/cifar10"; }
  void NewServer() {
    server_.Stop();
    server_.Start();
  }
};

TEST_F(AgentRecoveryTest, WhatIsOnDiskIsNotFetchedAgain) {
  LiveOnce();
  NewServer();
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
}

TEST_F(AgentRecoveryTest, TheFirstReportKnowsWhatTheServerHolds) {
  LiveOnce();
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return !reports_.empty(); }));
  EXPECT_EQ(reports_.front()["full"], true);
  ASSERT_EQ(reports_.front()["models"].size(), 1U);
  EXPECT_EQ(reports_.front()["models"][0]["loaded"], true);
  EXPECT_EQ(reports_.front()["models"][0]["serving"]["storageUri"], kUri);
}

TEST_F(AgentRecoveryTest, ServesTheLastSetWithoutAnApi) {
  LiveOnce();
  api_.Kill();
  NewServer();
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  EXPECT_TRUE(reports_.empty());
}

TEST_F(AgentRecoveryTest, FetchesWhatTheLastSetNamesWithoutAnApi) {
  LiveOnce();
  api_.Kill();
  fs::remove_all(ModelsPath() + "/cifar10");
  NewServer();
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
}

TEST_F(AgentRecoveryTest, WhatWasWithdrawnMeanwhileIsRemoved) {
  LiveOnce();
  api_.objects.clear();
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return !HasDirectory("cifar10"); }));
  EXPECT_EQ(server_.Loaded("cifar10"), "");
  ASSERT_TRUE(Eventually([&] { return !fs::exists(RecordPath()); }));
}

TEST_F(AgentRecoveryTest, WhatWasMadeAgainMeanwhileIsFetchedAgain) {
  LiveOnce();
  api_.objects.clear();
  Assign("cifar10", kUri, "uid-2");
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return Count("unload cifar10") == 1; }));
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
}

TEST_F(AgentRecoveryTest, AnotherAddressMeanwhileIsLoadedBesideTheOldOne) {
  LiveOnce();
  NewServer();
  Assign("cifar10", kOther, "uid-1", 2);
  fetcher_.Hold(kOther);
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  fetcher_.Release(kOther);
  ASSERT_TRUE(Serves("cifar10", "B"));
}

TEST_F(AgentRecoveryTest, DamageIsFoundAndMended) {
  constexpr size_t kOfBytes = 4;  // the first ones; then: of the record only
  constexpr size_t kOfRecord = 3;
  const std::vector<std::function<void()>> damages = {
      [&] { std::ofstream(ModelsPath() + "/cifar10/1/model.pt") << "damaged"; },
      [&] { std::ofstream(ModelsPath() + "/cifar10/1/model.pt") << "Z"; },  // as long as before
      [&] { fs::remove(ModelsPath() + "/cifar10/1/model.pt"); },
      [&] { fs::remove_all(ModelsPath() + "/cifar10"); },
      [&] { std::ofstream(RecordPath()) << "nonsense"; },
      [&] { fs::resize_file(RecordPath(), fs::file_size(RecordPath()) / 2); },
      [&] { fs::remove(RecordPath()); },
      [&] {
        for (const auto& entry : fs::directory_iterator(ModelsPath() + "/cifar10")) {
          if (!entry.is_directory()) fs::remove(entry.path());
        }
      },
  };
  int fetches = 1;
  LiveOnce();
  for (size_t i = 0; i < damages.size(); ++i) {
    damages[i]();
    NewServer();
    StartAgent();
    ASSERT_TRUE(Serves("cifar10", "A"));
    ASSERT_TRUE(Tells("cifar10", "Loaded"));
    // Without a record the bytes tell what they are.
    if (i < kOfBytes || i >= kOfBytes + kOfRecord) ++fetches;
    EXPECT_EQ(fetcher_.fetches(kUri), fetches) << i;
    Settle();
    agent_.reset();
    told_.clear();
    api_.watch.reset();
  }
}

TEST_F(AgentRecoveryTest, ATouchedFileWithTheSameBytesIsNotFetchedAgain) {
  LiveOnce();
  std::ofstream(ModelsPath() + "/cifar10/1/model.pt") << "A";
  NewServer();
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
}

TEST_F(AgentRecoveryTest, BytesThatRotWhileItRunsAreFetchedAgain) {
  LiveOnce();
  StartAgent();
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  std::ofstream(ModelsPath() + "/cifar10/1/model.pt") << "rot";
  server_.broken_content = {"rot"};
  NewServer();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
  EXPECT_TRUE(Logged("is fetched again: the files of the model were changed on disk"));
}

// As if it was killed between putting the candidate in its place and the record of it.
TEST_F(AgentRecoveryTest, AnExchangeThatWasNotRecordedIsUndone) {
  LiveOnce();
  fs::create_directories(StagingPath() + "/1");
  std::ofstream(StagingPath() + "/1/model.pt") << "never loaded";
  fs::rename(ModelsPath() + "/cifar10", directory_.path() + "/old");
  fs::rename(StagingPath(), ModelsPath() + "/cifar10");
  fs::rename(directory_.path() + "/old", StagingPath());
  NewServer();
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  EXPECT_FALSE(fs::exists(StagingPath()));
}

// As if it was killed between the server's answer and the record of it.
TEST_F(AgentRecoveryTest, AFirstLoadThatWasNotRecordedIsNotDoneTwice) {
  LiveOnce();
  fs::remove(RecordPath());
  const size_t loads = Count("load cifar10");
  StartAgent();
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  ASSERT_TRUE(Eventually([&] { return fs::exists(RecordPath()); }));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  // It is told to the server once more, which is no work for one that has these bytes.
  EXPECT_EQ(Count("load cifar10"), loads + 1);
  EXPECT_EQ(Count("unload cifar10"), 0U);
}

TEST_F(AgentRecoveryTest, AFirstLoadThatWasNotRecordedAndIsNotWantedAnyMoreIsUndone) {
  LiveOnce();
  fs::remove(RecordPath());
  Withdraw("cifar10");
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return server_.loaded.empty(); }));
  EXPECT_EQ(Count("unload cifar10"), 1U);
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  EXPECT_FALSE(HasDirectory("cifar10"));
  EXPECT_FALSE(fs::exists(StagingPath()));
}

TEST_F(AgentRecoveryTest, AFirstLoadThatWasNotRecordedGivesWayToAnotherObject) {
  LiveOnce();
  fs::remove(RecordPath());
  Withdraw("cifar10");
  Assign("cifar10", kOther, "uid-2");
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "B"));
  EXPECT_EQ(Count("unload cifar10"), 1U);
}

// The deletion did not wait for it, and the server saw it after the unload.
TEST_F(AgentRecoveryTest, ALoadThatComesLateIsUndone) {
  StartAll();
  server_.holds = {"cifar10"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Eventually([&] { return !server_.held.empty(); }));
  Withdraw("cifar10");
  ASSERT_TRUE(Until([&] { return Count("unload cifar10") == 1; }));
  server_.loaded["cifar10"] = "late";
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  EXPECT_TRUE(server_.loaded.empty());
  EXPECT_EQ(Count("unload cifar10"), 2U);
}

// Else one that is killed in between would load again what it has given up.
TEST_F(AgentRecoveryTest, AWithdrawalIsOnDiskBeforeItIsCarriedOut) {
  const auto journal = [this] {
    return testing::FakeModelServer::ReadFile(directory_.path() + "/agent/assignments");
  };
  StartAll();
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  ASSERT_TRUE(Eventually([&] { return journal().find(kUri) != std::string::npos; }));
  Settle();
  Withdraw("cifar10");
  ASSERT_TRUE(Until([&] { return Count("unload cifar10") == 1; }));
  EXPECT_NE(journal().find(R"({"gone":"cifar10"})"), std::string::npos);
  // Another object of the same name takes one away too.
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  Settle();
  Assign("cifar10", kOther, "uid-2");
  ASSERT_TRUE(Until([&] { return Count("unload cifar10") == 2; }));
  EXPECT_NE(journal().find("uid-2"), std::string::npos);
}

TEST_F(AgentRecoveryTest, LeftoversAreRemoved) {
  fs::create_directories(ModelsPath() + "/unknown/1");
  fs::create_directories(directory_.path() + "/agent/staging/.fetch-1/content");
  fs::create_directories(directory_.path() + "/agent/records");
  std::ofstream(directory_.path() + "/agent/records/ghost.json.new") << "x";
  StartAll();
  EXPECT_FALSE(HasDirectory("unknown"));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/agent/staging"));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/agent/records"));
}

TEST_F(AgentRecoveryTest, OneDamagedModelIsNoneOfTheOthersBusiness) {
  StartAll();
  for (int i = 0; i < 5; ++i) {
    const std::string name = "m" + std::to_string(i);
    fetcher_.PutModel("gs://b/" + name, name);
    Assign(name, "gs://b/" + name);
  }
  ASSERT_TRUE(Tells("m4", "Loaded"));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Tells("m" + std::to_string(i), "Loaded"));
  Settle();
  agent_.reset();
  std::ofstream(directory_.path() + "/agent/records/m2.json") << "nonsense";
  NewServer();
  StartAgent();
  for (int i = 0; i < 5; ++i) {
    const std::string name = "m" + std::to_string(i);
    ASSERT_TRUE(Serves(name, name));
    EXPECT_EQ(fetcher_.fetches("gs://b/" + name), 1);
  }
}

TEST_F(AgentRecoveryTest, ADamagedLineOfTheLastSetIsLeftOut) {
  StartAll();
  fetcher_.PutModel("gs://b/m", "M");
  Assign("cifar10", kUri);
  Assign("m", "gs://b/m");
  ASSERT_TRUE(Serves("m", "M"));
  ASSERT_TRUE(Serves("cifar10", "A"));
  harness_.Advance(std::chrono::seconds(1));
  agent_.reset();
  const std::string path = directory_.path() + "/agent/assignments";
  std::string text = testing::FakeModelServer::ReadFile(path);
  const size_t line = text.find("gs://b/m\"");
  ASSERT_NE(line, std::string::npos);
  text[text.rfind('\n', line) + 1] = '#';
  std::ofstream(path) << text << "{\"model\":\"torn";
  api_.Kill();
  NewServer();
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(server_.Loaded("m"), "");
  // Not known to be withdrawn: it stays on disk.
  EXPECT_TRUE(HasDirectory("m"));
}

}  // namespace
}  // namespace throng::agent
