#include "agent/agent.h"

#include "agent/testing/agent_fixture.h"

namespace throng::agent {
namespace {

constexpr const char* kUri = "gs://kfserving-examples/models/torchscript/cifar10";
constexpr const char* kDigest = "71f376a9daa07a04ae1bd52cbe7f3a2c46ceb701350d9dffc73381df5a230923";
constexpr const char* kOther = "gs://kfserving-examples/models/torchscript/cifar10-b";

class AgentTest : public testing::AgentFixture {
 protected:
  AgentTest() {
    fetcher_.PutModel(kUri, "A");
    fetcher_.PutModel(kOther, "B");
  }
  void StartWithCifar10() {
    StartAll();
    Assign("cifar10", kUri);
    ASSERT_TRUE(Tells("cifar10", "Loaded"));
    ASSERT_EQ(server_.Loaded("cifar10"), "A");
  }
};

// --- From assignment to served ------------------------------------------------------------------

TEST_F(AgentTest, FetchesAndLoadsWhatIsAssignedAndSaysSo) {
  StartWithCifar10();
  EXPECT_EQ(Count("load cifar10"), 1U);
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  const Json told = Told("cifar10");
  EXPECT_EQ(told["uid"], "uid-1");
  EXPECT_EQ(told["generation"], 1);
  EXPECT_EQ(told["downloaded"], true);
  EXPECT_EQ(told["loaded"], true);
  EXPECT_EQ(told["failures"], 0);
  EXPECT_EQ(told["retryAt"], "");
  EXPECT_EQ(told["serving"]["storageUri"], kUri);
  EXPECT_EQ(told["serving"]["generation"], 1);
  EXPECT_EQ(told["bytes"], 1);
  EXPECT_EQ(told["time"].get<std::string>().size(), std::string("2021-05-22T20:59:08Z").size());
}

TEST_F(AgentTest, LogsTheSevenMessagesInTheirOrder) {
  StartWithCifar10();
  const std::vector<std::string> expected = {
      "adding model cifar10",
      "Worker is started for cifar10",
      "Downloading model from gs://kfserving-examples/models/torchscript/cifar10",
      "Downloading gs://kfserving-examples/models/torchscript/cifar10 to model dir /mnt/models",
      std::string("Creating successFile /mnt/models/cifar10/SUCCESS.") + kDigest,
      "Successfully loaded model cifar10",
      "completion event for model cifar10, in flight ops 0"};
  std::vector<std::string> messages = Messages();
  const auto first = std::find(messages.begin(), messages.end(), expected.front());
  messages.erase(messages.begin(), first);
  messages.resize(expected.size());
  EXPECT_EQ(messages, expected);
  EXPECT_TRUE(std::filesystem::exists(ModelsPath() + "/cifar10/SUCCESS." + kDigest));
}

TEST_F(AgentTest, LoadsOnceTheServerIsThere) {
  StartAgent();
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Downloaded"));
  EXPECT_EQ(Told("cifar10")["loaded"], false);
  EXPECT_EQ(reports_.back()["server"], "");
  server_.Start();
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
}

TEST_F(AgentTest, NamesTheServersLifeByItsPortAndTheTimeOfThePortsFile) {
  StartWithCifar10();
  const auto info = os::RealFileSystem().Stat(directory_.path() + "/ports");
  EXPECT_EQ(reports_.back()["server"],
            std::to_string(server_.port()) + "." + std::to_string(info->modified_ns));
}

TEST_F(AgentTest, AFolderOfAnotherNameLandsUnderTheModelsName) {
  StartAll();
  fetcher_.PutModel("gs://b/simple_string", "S");
  Assign("simple-string", "gs://b/simple_string");
  ASSERT_TRUE(Serves("simple-string", "S"));
}

// --- Failures
// -------------------------------------------------------------------------------------

TEST_F(AgentTest, AFailedFetchIsToldAndTriedAgainForEver) {
  StartAll();
  fetcher_.Fail(kUri, storage::FetchReason::kStorageUnavailable, "the store does not answer");
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  Json told = Told("cifar10");
  EXPECT_EQ(told["reason"], "StorageUnavailable");
  EXPECT_EQ(told["message"], "the store does not answer");
  EXPECT_EQ(told["downloaded"], false);
  EXPECT_GE(told["failures"], 1);
  EXPECT_NE(told["retryAt"], "");
  ASSERT_TRUE(Eventually([&] { return fetcher_.fetches(kUri) >= 25; }, std::chrono::seconds(60)));
  fetcher_.Mend(kUri);
  ASSERT_TRUE(
      Eventually([&] { return ToldState("cifar10") == "Loaded"; }, std::chrono::seconds(30)));
  told = Told("cifar10");
  EXPECT_EQ(told["failures"], 0);
  EXPECT_EQ(told["reason"], "");
  EXPECT_TRUE(Logged("Failed to download model cifar10: StorageUnavailable: the store does not"));
}

TEST_F(AgentTest, TheBackOffGrowsToItsBound) {
  StartAll();
  fetcher_.Fail(kUri, storage::FetchReason::kStorageUnavailable, "away");
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return fetcher_.fetches(kUri) == 1; }));
  // 0.5 s doubled, jitter between half and whole: in ten minutes between 10 and 16 attempts.
  for (int i = 0; i < 600; ++i) harness_.Advance(std::chrono::seconds(1));
  EXPECT_GE(fetcher_.fetches(kUri), 10);
  EXPECT_LE(fetcher_.fetches(kUri), 17);
  // And later at least once in five minutes.
  const int before = fetcher_.fetches(kUri);
  for (int i = 0; i < 62; ++i) harness_.Advance(std::chrono::seconds(5));
  EXPECT_GE(fetcher_.fetches(kUri), before + 1);
}

TEST_F(AgentTest, TheServersWordsBecomeTheMessage) {
  StartAll();
  server_.broken_content = {"A"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  const Json told = Told("cifar10");
  EXPECT_EQ(told["reason"], "ModelLoadFailed");
  EXPECT_EQ(told["message"], server_.load_error);
  EXPECT_EQ(told["downloaded"], true);
  EXPECT_EQ(told["loaded"], false);
  // Nothing that was not loaded is left in the server's folder; it is taken out after the failure
  // is told.
  EXPECT_TRUE(Until([&] { return !HasDirectory("cifar10"); }));
}

TEST_F(AgentTest, ALongMessageIsCutBetweenCharacters) {
  StartAll();
  server_.broken_content = {"A"};
  server_.load_error = std::string(limits::kAgentMessageBytes - 1, 'x') + "\xc3\xa9tail";
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  EXPECT_EQ(Told("cifar10")["message"], std::string(limits::kAgentMessageBytes - 1, 'x'));
}

TEST_F(AgentTest, AFailedLoadIsTriedAgainWithoutAFetchWhileTheStoreHasTheSame) {
  StartAll();
  server_.broken_content = {"A"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Eventually([&] { return Count("load cifar10") >= 3; }));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  server_.broken_content.clear();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
}

TEST_F(AgentTest, AFailedLoadIsFetchedAgainWhenTheStoreHasOtherBytes) {
  StartAll();
  server_.broken_content = {"A"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  fetcher_.PutModel(kUri, "mended");
  ASSERT_TRUE(Serves("cifar10", "mended"));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
}

TEST_F(AgentTest, ALoadThatTakesTooLongIsAFailure) {
  StartAll();
  server_.holds = {"cifar10"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return server_.held.size() == 1; }));
  harness_.Advance(std::chrono::seconds(121));
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  EXPECT_EQ(Told("cifar10")["message"], "it was not loaded within 120 s");
  server_.Release();
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
}

TEST_F(AgentTest, AConfigurationOfAnotherNameIsNotLoadedAndBothAreTold) {
  StartAll();
  fetcher_.Put(kUri, {{"config.pbtxt", "name: \"simple_string\"\n"}, {"1/model.pt", "A"}});
  Assign("simple-string", kUri);
  ASSERT_TRUE(Tells("simple-string", "Failed"));
  const Json told = Told("simple-string");
  EXPECT_EQ(told["reason"], "ModelNameMismatch");
  EXPECT_NE(told["message"].get<std::string>().find("\"simple_string\""), std::string::npos);
  EXPECT_NE(told["message"].get<std::string>().find("\"simple-string\""), std::string::npos);
  EXPECT_EQ(told["downloaded"], true);
  EXPECT_EQ(Count("load simple-string"), 0U);
  // It is looked for a mended one, and only a mended one is fetched.
  ASSERT_TRUE(Eventually([&] { return fetcher_.checks(kUri) >= 2; }));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  fetcher_.Put(kUri, {{"config.pbtxt", "name: \"simple-string\"\n"}, {"1/model.pt", "A"}});
  ASSERT_TRUE(Serves("simple-string", "A"));
}

TEST_F(AgentTest, OneFailureHoldsUpNobody) {
  StartAll();
  for (int i = 0; i < 8; ++i) {
    const std::string name = "bad" + std::to_string(i);
    fetcher_.PutModel("gs://b/" + name, name);
    Assign(name, "gs://b/" + name);
  }
  server_.broken_content = {"bad0", "bad1", "bad2", "bad3"};
  for (int i = 4; i < 8; ++i) {
    fetcher_.Fail("gs://b/bad" + std::to_string(i), storage::FetchReason::kStorageDenied, "no");
  }
  Assign("cifar10", kUri);
  ASSERT_TRUE(Serves("cifar10", "A"));
}

TEST_F(AgentTest, RetriesThatHangLeaveRoomForOthers) {
  StartAll();
  for (int i = 0; i < 6; ++i) {
    const std::string uri = "gs://slow/" + std::to_string(i);
    fetcher_.Fail(uri, storage::FetchReason::kStorageUnavailable, "away");
    Assign("slow" + std::to_string(i), uri);
  }
  ASSERT_TRUE(Eventually([&] { return fetcher_.all_fetches() >= 6; }));
  for (int i = 0; i < 6; ++i) fetcher_.Hold("gs://slow/" + std::to_string(i));
  ASSERT_TRUE(Eventually([&] { return fetcher_.running() == 2; }));
  harness_.Advance(std::chrono::seconds(30));
  EXPECT_EQ(fetcher_.running(), 2);
  Assign("cifar10", kUri);
  ASSERT_TRUE(Serves("cifar10", "A"));
}

// --- Changes
// --------------------------------------------------------------------------------------

TEST_F(AgentTest, AnotherAddressIsLoadedBesideTheOldOne) {
  StartWithCifar10();
  fetcher_.Hold(kOther);
  Assign("cifar10", kOther, "uid-1", 2);
  ASSERT_TRUE(Tells("cifar10", "Downloading"));
  // Both are told, and the old one answers.
  const Json told = Told("cifar10");
  EXPECT_EQ(told["generation"], 2);
  EXPECT_EQ(told["loaded"], true);
  EXPECT_EQ(told["downloaded"], false);
  EXPECT_EQ(told["serving"]["storageUri"], kUri);
  EXPECT_EQ(told["serving"]["generation"], 1);
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
  fetcher_.Release(kOther);
  ASSERT_TRUE(Serves("cifar10", "B"));
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  EXPECT_EQ(Told("cifar10")["serving"]["storageUri"], kOther);
  EXPECT_EQ(Count("unload cifar10"), 0U);
  EXPECT_TRUE(Logged("updating model cifar10"));
}

TEST_F(AgentTest, TheOldModelStaysWhenTheNewOneDoesNotLoad) {
  StartWithCifar10();
  server_.broken_content = {"B"};
  Assign("cifar10", kOther, "uid-1", 2);
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  const Json told = Told("cifar10");
  EXPECT_EQ(told["loaded"], true);
  EXPECT_EQ(told["serving"]["storageUri"], kUri);
  EXPECT_EQ(told["reason"], "ModelLoadFailed");
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
  ASSERT_TRUE(Until([&] { return OnDisk("cifar10") == "A"; }));
  server_.broken_content.clear();
  ASSERT_TRUE(Serves("cifar10", "B"));
  EXPECT_EQ(OnDisk("cifar10"), "B");
}

TEST_F(AgentTest, TheOldModelStaysWhenTheNewOneCannotBeFetched) {
  StartWithCifar10();
  Assign("cifar10", "gs://b/nothing", "uid-1", 2);
  ASSERT_TRUE(Tells("cifar10", "Failed"));
  EXPECT_EQ(Told("cifar10")["reason"], "StorageNotFound");
  EXPECT_EQ(Told("cifar10")["loaded"], true);
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
  // And comes back into a server that is started anew.
  server_.Stop();
  server_.Start();
  ASSERT_TRUE(Serves("cifar10", "A"));
}

TEST_F(AgentTest, ThereAndBackDuringADownloadEndsWithTheFirst) {
  StartWithCifar10();
  fetcher_.Hold(kOther);
  Assign("cifar10", kOther, "uid-1", 2);
  ASSERT_TRUE(Until([&] { return fetcher_.running() == 1; }));
  Assign("cifar10", kUri, "uid-1", 3);
  ASSERT_TRUE(Until([&] { return fetcher_.running() == 0; }));
  fetcher_.Release(kOther);
  ASSERT_TRUE(Eventually([&] { return Told("cifar10")["generation"] == 3; }));
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
  EXPECT_EQ(Count("load cifar10"), 1U);
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  EXPECT_EQ(Told("cifar10")["serving"]["generation"], 3);
}

TEST_F(AgentTest, ThereAndBackDuringTheFirstDownloadEndsWithTheFirst) {
  StartAll();
  fetcher_.Hold(kUri);
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return fetcher_.running() == 1; }));
  fetcher_.Hold(kOther);
  Assign("cifar10", kOther, "uid-1", 2);
  ASSERT_TRUE(Until([&] { return fetcher_.fetches(kOther) == 1; }));
  Assign("cifar10", kUri, "uid-1", 3);
  fetcher_.Release(kUri);
  ASSERT_TRUE(Serves("cifar10", "A"));
  fetcher_.Release(kOther);
  Settle();
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
}

TEST_F(AgentTest, AnotherGenerationOfTheSameBytesIsOnlyTold) {
  StartWithCifar10();
  Assign("cifar10", kUri, "uid-1", 7);
  ASSERT_TRUE(Eventually([&] { return Told("cifar10")["generation"] == 7; }));
  EXPECT_EQ(ToldState("cifar10"), "Loaded");
  EXPECT_EQ(Told("cifar10")["serving"]["generation"], 7);
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  EXPECT_EQ(Count("load cifar10"), 1U);
}

TEST_F(AgentTest, ReloadFetchesAndLoadsOnceMore) {
  StartWithCifar10();
  Json object = Assignment("cifar10", kUri, "uid-1", 2);
  object["spec"]["reload"] = "1";
  api_.Put(object);
  ASSERT_TRUE(Eventually([&] { return Count("load cifar10") == 2; }));
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
  // Told again (as every list does), nothing happens.
  object["spec"]["generation"] = 3;
  api_.Put(object);
  ASSERT_TRUE(Eventually([&] { return Told("cifar10")["generation"] == 3; }));
  EXPECT_EQ(Count("load cifar10"), 2U);
}

TEST_F(AgentTest, RefreshLooksAtItsPeriodAndLoadsWhatChanged) {
  StartAll();
  Json object = Assignment("cifar10", kUri);
  object["spec"]["refreshSeconds"] = 600;
  api_.Put(object);
  ASSERT_TRUE(Serves("cifar10", "A"));
  for (int i = 0; i < 35; ++i) harness_.Advance(std::chrono::minutes(1));
  Settle();
  EXPECT_EQ(fetcher_.checks(kUri), 3);
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  fetcher_.PutModel(kUri, "A2");
  ASSERT_TRUE(
      Eventually([&] { return server_.Loaded("cifar10") == "A2"; }, std::chrono::seconds(30)));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
}

TEST_F(AgentTest, RefreshOfTheSameBytesLoadsNothing) {
  StartAll();
  Json object = Assignment("cifar10", kUri);
  object["spec"]["refreshSeconds"] = 60;
  api_.Put(object);
  ASSERT_TRUE(Serves("cifar10", "A"));
  fetcher_.PutModel(kUri, "A");  // another version of them
  ASSERT_TRUE(Eventually([&] { return fetcher_.fetches(kUri) == 2; }, std::chrono::seconds(10)));
  ASSERT_TRUE(Eventually([&] { return Logged("has the same bytes as before"); }));
  for (int i = 0; i < 10; ++i) harness_.Advance(std::chrono::minutes(1));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
  EXPECT_EQ(Count("load cifar10"), 1U);
}

TEST_F(AgentTest, AnOutageOfTheStoreAtARefreshChangesNothing) {
  StartAll();
  Json object = Assignment("cifar10", kUri);
  object["spec"]["refreshSeconds"] = 60;
  api_.Put(object);
  ASSERT_TRUE(Serves("cifar10", "A"));
  fetcher_.Fail(kUri, storage::FetchReason::kStorageUnavailable, "away");
  for (int i = 0; i < 10; ++i) harness_.Advance(std::chrono::minutes(1));
  Settle();
  EXPECT_GE(fetcher_.checks(kUri), 5);
  EXPECT_EQ(ToldState("cifar10"), "Loaded");
  EXPECT_EQ(Told("cifar10")["failures"], 0);
  EXPECT_EQ(Count("unload cifar10"), 0U);
}

// --- Removal
// --------------------------------------------------------------------------------------

TEST_F(AgentTest, RemovesInOrderAndSaysGoneOnce) {
  StartWithCifar10();
  Withdraw("cifar10");
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  EXPECT_EQ(server_.unloads_with_bytes, 1);
  EXPECT_FALSE(HasDirectory("cifar10"));
  EXPECT_EQ(server_.Loaded("cifar10"), "");
  for (int i = 0; i < 20; ++i) harness_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(CountGone("cifar10"), 1U);
  EXPECT_EQ(Count("unload cifar10"), 1U);
  EXPECT_TRUE(Logged("removing model cifar10"));
  EXPECT_TRUE(Logged("Successfully unloaded model cifar10"));
}

TEST_F(AgentTest, BytesStayWhileTheServerDoesNotUnload) {
  StartWithCifar10();
  server_.unload_status = 500;
  Withdraw("cifar10");
  ASSERT_TRUE(Eventually([&] { return Count("unload cifar10") >= 3; }));
  EXPECT_TRUE(HasDirectory("cifar10"));
  EXPECT_EQ(ToldState("cifar10"), "Unloading");
  server_.unload_status = 200;
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  EXPECT_FALSE(HasDirectory("cifar10"));
}

TEST_F(AgentTest, DeletionEndsADownload) {
  StartAll();
  fetcher_.Hold(kUri);
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return fetcher_.running() == 1; }));
  Withdraw("cifar10");
  ASSERT_TRUE(Until([&] { return fetcher_.running() == 0; }));
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  EXPECT_EQ(Count("load cifar10"), 0U);
  EXPECT_FALSE(HasDirectory("cifar10"));
}

TEST_F(AgentTest, DeletionDoesNotWaitForAPlaceInTheLine) {
  StartAll();
  for (size_t i = 0; i < limits::kAgentFetches; ++i) {
    const std::string uri = "gs://slow/" + std::to_string(i);
    fetcher_.Hold(uri);
    Assign("slow" + std::to_string(i), uri);
  }
  ASSERT_TRUE(Until([&] { return fetcher_.running() == static_cast<int>(limits::kAgentFetches); }));
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Pending"));
  Withdraw("cifar10");
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  // The place that it leaves is somebody else's.
  Assign("next", kUri);
  for (size_t i = 0; i < limits::kAgentFetches; ++i) {
    fetcher_.Release("gs://slow/" + std::to_string(i));
  }
  ASSERT_TRUE(Serves("next", "A"));
}

TEST_F(AgentTest, SoManyLoadsAtOnceAndNoMore) {
  StartAll();
  for (size_t i = 0; i < limits::kAgentLoads + 3; ++i) {
    const std::string name = "m" + std::to_string(i);
    server_.holds.insert(name);
    Assign(name, kUri);
  }
  ASSERT_TRUE(Until([&] { return server_.held.size() == limits::kAgentLoads; }));
  Settle();
  EXPECT_EQ(server_.held.size(), limits::kAgentLoads);
  server_.Release();
  ASSERT_TRUE(Eventually([&] { return server_.loaded.size() == limits::kAgentLoads + 3; }));
}

TEST_F(AgentTest, DeletionDoesNotWaitForALoadThatHangs) {
  StartAll();
  server_.holds = {"cifar10"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return server_.held.size() == 1; }));
  Withdraw("cifar10");
  ASSERT_TRUE(Eventually([&] { return CountGone("cifar10") == 1; }));
  // Once more when the bytes are gone: the load may have come to the server after the first.
  EXPECT_EQ(Count("unload cifar10"), 2U);
  EXPECT_FALSE(HasDirectory("cifar10"));
}

TEST_F(AgentTest, WhatIsMadeAgainNeverServesTheOldBytes) {
  StartWithCifar10();
  // Deleted and made again while the watch was away: the agent sees another uid at once.
  fetcher_.Hold(kOther);
  Assign("cifar10", kOther, "uid-2");
  ASSERT_TRUE(Until([&] { return server_.Loaded("cifar10").empty(); }));
  ASSERT_TRUE(Until([&] { return fetcher_.running() == 1; }));
  EXPECT_FALSE(HasDirectory("cifar10"));
  fetcher_.Release(kOther);
  ASSERT_TRUE(Serves("cifar10", "B"));
  ASSERT_TRUE(Eventually([&] { return Told("cifar10")["uid"] == "uid-2"; }));
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
}

TEST_F(AgentTest, TheSameAddressOfAnotherObjectIsFetchedAgain) {
  StartWithCifar10();
  Assign("cifar10", kUri, "uid-2");
  ASSERT_TRUE(Eventually([&] { return Count("load cifar10") == 2; }));
  EXPECT_EQ(fetcher_.fetches(kUri), 2);
  EXPECT_EQ(Count("unload cifar10"), 1U);
}

TEST_F(AgentTest, MadeAgainWhileTheOldOneIsLoading) {
  StartAll();
  server_.holds = {"cifar10"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return server_.held.size() == 1; }));
  Assign("cifar10", kOther, "uid-2");
  ASSERT_TRUE(Eventually([&] { return Count("unload cifar10") >= 1; }));
  server_.holds.clear();
  ASSERT_TRUE(Serves("cifar10", "B"));
  server_.held.clear();
}

// --- The server comes and goes ------------------------------------------------------------------

TEST_F(AgentTest, ANewLifeOfTheServerGetsEverythingAgain) {
  StartWithCifar10();
  const std::string before = reports_.back()["server"];
  server_.Stop();
  ASSERT_TRUE(Eventually([&] { return Told("cifar10")["loaded"] == false; }));
  EXPECT_EQ(reports_.back()["server"], "");
  server_.Start();
  ASSERT_TRUE(Serves("cifar10", "A"));
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
  EXPECT_NE(reports_.back()["server"], before);
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
  // The first report of the new life is a whole one.
  const auto first = std::find_if(reports_.begin(), reports_.end(), [&](const Json& report) {
    return report["server"] != before && report["server"] != "";
  });
  ASSERT_NE(first, reports_.end());
  EXPECT_EQ((*first)["full"], true);
}

TEST_F(AgentTest, AServerThatComesBackOnTheSamePortIsAnotherLife) {
  StartWithCifar10();
  const uint16_t port = server_.port();
  server_.Stop();
  server_.Start(port);
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(Count("load cifar10"), 2U);
}

TEST_F(AgentTest, AServerThatDiesInALoadIsNotTheModelsFailure) {
  StartAll();
  server_.holds = {"cifar10"};
  Assign("cifar10", kUri);
  ASSERT_TRUE(Until([&] { return server_.held.size() == 1; }));
  server_.Stop();
  server_.holds.clear();
  ASSERT_TRUE(Tells("cifar10", "Downloaded"));
  EXPECT_EQ(Told("cifar10")["failures"], 0);
  server_.Start();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(fetcher_.fetches(kUri), 1);
}

TEST_F(AgentTest, AServerThatDoesNotAnswerYetIsAskedAgain) {
  server_.index_status = 503;
  server_.Start();
  StartAgent();
  Assign("cifar10", kUri);
  ASSERT_TRUE(Tells("cifar10", "Downloaded"));
  EXPECT_EQ(Count("load cifar10"), 0U);
  server_.index_status = 200;
  ASSERT_TRUE(Serves("cifar10", "A"));
}

TEST_F(AgentTest, WhatNobodyWantsIsUnloadedFromTheServer) {
  server_.Start();
  server_.loaded["stranger"] = "x";
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return server_.loaded.empty(); }));
}

TEST_F(AgentTest, BytesOfTheServerThatNobodyKnowsAreReplaced) {
  server_.Start();
  server_.loaded["cifar10"] = "whose?";
  Assign("cifar10", kUri);
  StartAgent();
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_EQ(Count("unload cifar10"), 1U);
}

// --- The API comes and goes ---------------------------------------------------------------------

TEST_F(AgentTest, AnApiThatDoesNotKnowYetUnloadsNothing) {
  StartWithCifar10();
  api_.list_status = 503;
  api_.objects.clear();
  RestartAgent();
  for (int i = 0; i < 100; ++i) harness_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
  EXPECT_TRUE(HasDirectory("cifar10"));
  EXPECT_EQ(Count("unload cifar10"), 0U);
}

TEST_F(AgentTest, AnOutageOfTheApiUnloadsNothingAndTheServerIsServed) {
  StartWithCifar10();
  api_.Kill();
  for (int i = 0; i < 50; ++i) harness_.Advance(std::chrono::seconds(10));
  EXPECT_EQ(server_.Loaded("cifar10"), "A");
  server_.Stop();
  server_.Start();
  ASSERT_TRUE(Serves("cifar10", "A"));
  // When it is back it is told everything.
  reports_.clear();
  api_.Start();
  ASSERT_TRUE(Eventually([&] { return !reports_.empty(); }));
  EXPECT_EQ(reports_.front()["full"], true);
  ASSERT_TRUE(Tells("cifar10", "Loaded"));
}

TEST_F(AgentTest, AReplicaThatIsNotKnownIsReportedLater) {
  report_status_ = 409;
  StartAll();
  Assign("cifar10", kUri);
  ASSERT_TRUE(Serves("cifar10", "A"));
  for (int i = 0; i < 60; ++i) harness_.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(reports_.empty());
  report_status_ = 200;
  ASSERT_TRUE(
      Eventually([&] { return ToldState("cifar10") == "Loaded"; }, std::chrono::seconds(1)));
  EXPECT_EQ(reports_.front()["full"], true);
}

TEST_F(AgentTest, GoneIsNotLostWhenTheReportIs) {
  StartWithCifar10();
  report_status_ = 500;
  Withdraw("cifar10");
  ASSERT_TRUE(Eventually([&] { return !HasDirectory("cifar10"); }));
  for (int i = 0; i < 5; ++i) harness_.Advance(std::chrono::seconds(1));
  report_status_ = 200;
  // A whole report without it says the same.
  ASSERT_TRUE(Eventually([&] { return Told("cifar10").is_null(); }));
}

TEST_F(AgentTest, ReportsAreAtMostOneASecondAndOnlyWhatChanged) {
  StartWithCifar10();
  for (int i = 0; i < 5; ++i) harness_.Advance(std::chrono::seconds(1));
  const size_t before = reports_.size();
  for (int i = 0; i < 10; ++i) {
    Assign("m" + std::to_string(i), kOther);
    harness_.Advance(std::chrono::milliseconds(90));
  }
  Settle();
  EXPECT_LE(reports_.size(), before + 1);
  ASSERT_TRUE(Tells("m9", "Loaded"));
  for (size_t i = before; i < reports_.size(); ++i) {
    EXPECT_EQ(reports_[i]["full"], false);
    for (const Json& entry : reports_[i]["models"]) EXPECT_NE(entry["model"], "cifar10");
  }
  const size_t after = reports_.size();
  for (int i = 0; i < 30; ++i) harness_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(reports_.size(), after);
}

TEST_F(AgentTest, AnAssignmentThatCannotBeReadIsItsOwnTrouble) {
  StartAll();
  for (const char* name : {"..", ".hidden", "a/b", "", "a b"}) {
    Json object = Assignment("x", kUri);
    object["metadata"]["name"] = std::string("pod.") + name;
    object["spec"]["model"] = name;
    api_.Put(object);
  }
  Assign("cifar10", kUri);
  ASSERT_TRUE(Serves("cifar10", "A"));
  EXPECT_TRUE(Logged("An assignment cannot be read"));
  EXPECT_EQ(server_.loaded.size(), 1U);
}

// --- Many
// -----------------------------------------------------------------------------------------

TEST_F(AgentTest, MoreModelsThanAReportHoldsAllLoad) {
  constexpr int kModels = static_cast<int>(limits::kAgentReportModels) + 500;
  for (int i = 0; i < kModels; ++i) {
    const std::string name = "model-" + std::to_string(i);
    fetcher_.PutModel("gs://b/" + name, name);
    Json object = Assignment(name, "gs://b/" + name);
    object["metadata"]["resourceVersion"] = "1";
    api_.objects["pod." + name] = object;
  }
  server_.Start();
  StartAgent();
  for (int i = 0; i < 150 && server_.loaded.size() < kModels; ++i) {
    Until([&] { return server_.loaded.size() == kModels; });
  }
  ASSERT_EQ(server_.loaded.size(), static_cast<size_t>(kModels));
  EXPECT_LE(fetcher_.most_running(), static_cast<int>(limits::kAgentFetches));
  EXPECT_EQ(fetcher_.all_fetches(), kModels);
  ASSERT_TRUE(Eventually([&] {
    return std::count_if(told_.begin(), told_.end(), [](const auto& told) {
             return told.second["state"] == "Loaded";
           }) == kModels;
  }));
  for (const Json& report : reports_) {
    EXPECT_LE(report["models"].size(), limits::kAgentReportModels);
  }
  // Started again, with the server alive: nothing is fetched, and nothing is loaded anew.
  reports_.clear();
  server_.calls.clear();
  RestartAgent();
  ASSERT_TRUE(Eventually([&] { return !reports_.empty() && reports_.back()["more"] == false; }));
  EXPECT_EQ(told_.size(), static_cast<size_t>(kModels));
  for (const auto& [model, entry] : told_) EXPECT_EQ(entry["loaded"], true);
  EXPECT_EQ(fetcher_.all_fetches(), kModels);
}

}  // namespace
}  // namespace throng::agent
