#include "agent/kserve/config_agent.h"

#include <gtest/gtest.h>

#include "agent/kserve/models_file.h"
#include "agent/testing/fake_fetcher.h"
#include "agent/testing/fake_model_server.h"
#include "os/testing/temporary_directory.h"

namespace throng::agent {
namespace {

namespace fs = std::filesystem;
using testing::FakeModelServer;

class ConfigAgentTest : public ::testing::Test {
 protected:
  ConfigAgentTest()
      : log_(harness_.loop().clock(),
             [this](std::string_view line) {
               const std::lock_guard lock(lines_mutex_);
               lines_.emplace_back(line);
             }),
        server_(harness_, Models(), "") {
    fs::create_directories(Models());
    fs::create_directories(directory_.path() + "/configs");
    fetcher_.PutModel("gs://b/a", "A");
    fetcher_.PutModel("gs://b/b", "B");
    server_.Start();
    port_ = server_.port();
  }

  std::string Models() const { return directory_.path() + "/models"; }
  std::string File() const { return directory_.path() + "/configs/models.json"; }
  static std::string Row(const std::string& name, const std::string& uri,
                         const std::string& memory = "1Gi") {
    return R"({"modelName":")" + name + R"(","modelSpec":{"storageUri":")" + uri +
           R"(","framework":"pytorch","memory":")" + memory + R"("}})";
  }
  // As a kubelet does it: a new file in the old one's place.
  void Write(const std::string& text) {
    std::ofstream(File() + ".new") << text;
    fs::rename(File() + ".new", File());
  }
  void StartAgent() {
    auto agent =
        ConfigAgent::Create(harness_.loop(), {.config_directory = directory_.path() + "/configs",
                                              .model_directory = Models(),
                                              .component_port = port_,
                                              .fetcher = &fetcher_,
                                              .random = &random_,
                                              .log = &log_});
    ASSERT_TRUE(agent.ok()) << agent.status().ToString();
    agent_ = std::move(*agent);
  }
  bool Eventually(const std::function<bool()>& done) {
    for (int round = 0; round < 2000; ++round) {
      if (done()) return true;
      harness_.Advance(std::chrono::milliseconds(250));
    }
    return false;
  }
  void PassTime() {
    for (int i = 0; i < 120; ++i) harness_.Advance(std::chrono::milliseconds(500));
  }
  bool Serves(const std::string& model, const std::string& content) {
    return Eventually([&] { return server_.Loaded(model) == content; });
  }
  size_t Count(std::string_view call) const {
    return static_cast<size_t>(std::count(server_.calls.begin(), server_.calls.end(), call));
  }
  size_t Logged(std::string_view text) const {
    const std::lock_guard lock(lines_mutex_);
    return static_cast<size_t>(
        std::count_if(lines_.begin(), lines_.end(), [&](const std::string& line) {
          return Json::parse(line)["msg"].get<std::string>().find(text) != std::string::npos;
        }));
  }

  os::testing::TemporaryDirectory directory_;
  http::testing::ServerHarness harness_;
  mutable std::mutex lines_mutex_;
  std::vector<std::string> lines_;
  AgentLog log_;
  FakeModelServer server_;
  uint16_t port_ = 0;
  testing::FakeFetcher fetcher_;
  SeededRandom random_{3};
  std::unique_ptr<ConfigAgent> agent_;
};

TEST_F(ConfigAgentTest, PullsLoadsAndRemovesWhatTheFileSays) {
  Write("[" + Row("a", "gs://b/a") + "]");
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  EXPECT_TRUE(fs::exists(Models() + "/a/" +
                         SuccessFileName({.model = "a",
                                          .storage_uri = "gs://b/a",
                                          .framework = "pytorch",
                                          .memory = "1Gi",
                                          .memory_bytes = 1073741824})));
  Write("[" + Row("a", "gs://b/a") + "," + Row("b", "gs://b/b") + "]");
  ASSERT_TRUE(Serves("b", "B"));
  Write("[" + Row("b", "gs://b/b") + "]");
  ASSERT_TRUE(Eventually([&] { return !fs::exists(Models() + "/a"); }));
  EXPECT_EQ(server_.Loaded("a"), "");
  EXPECT_EQ(Count("unload a"), 1U);
  Write("[]");
  ASSERT_TRUE(Eventually([&] { return !fs::exists(Models() + "/b"); }));
}

TEST_F(ConfigAgentTest, AFileThatSaysTheSameDoesNothing) {
  Write("[" + Row("a", "gs://b/a") + "," + Row("b", "gs://b/b") + "]");
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  ASSERT_TRUE(Serves("b", "B"));
  for (int i = 0; i < 5; ++i) {
    Write("[" + Row("b", "gs://b/b") + ", " + std::string(i, ' ') + Row("a", "gs://b/a") + "]");
    PassTime();
  }
  EXPECT_EQ(Count("load a"), 1U);
  EXPECT_EQ(Count("load b"), 1U);
  EXPECT_EQ(fetcher_.all_fetches(), 2);
}

TEST_F(ConfigAgentTest, AChangedRowIsPulledAgainOnceAndBackAgainToo) {
  Write("[" + Row("m", "gs://b/a") + "]");
  StartAgent();
  ASSERT_TRUE(Serves("m", "A"));
  Write("[" + Row("m", "gs://b/b") + "]");
  ASSERT_TRUE(Serves("m", "B"));
  PassTime();
  EXPECT_EQ(Count("load m"), 2U);
  Write("[" + Row("m", "gs://b/a") + "]");
  ASSERT_TRUE(Serves("m", "A"));
  PassTime();
  EXPECT_EQ(Count("load m"), 3U);
  EXPECT_EQ(Count("unload m"), 0U);
}

TEST_F(ConfigAgentTest, AFileThatCannotBeUsedLeavesTheLastGoodSet) {
  const std::string good = "[" + Row("a", "gs://b/a") + "]";
  Write(good);
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  const std::vector<std::string> bad = {"",
                                        "null",
                                        "{}",
                                        "7",
                                        good.substr(0, good.size() - 1),
                                        good.substr(0, good.size() / 2),
                                        "[1]",
                                        "[{}]",
                                        R"([{"modelName":7}])",
                                        "\xff\xfe",
                                        std::string(100000, '['),
                                        "[" + std::string(10 * 1000 * 1000, ' ') + "]"};
  for (const std::string& text : bad) {
    Write(text);
    for (int i = 0; i < 8; ++i) harness_.Advance(std::chrono::milliseconds(250));
    EXPECT_EQ(server_.Loaded("a"), "A") << text.substr(0, 40);
  }
  EXPECT_EQ(Count("unload a"), 0U);
  fs::remove(File());
  PassTime();
  EXPECT_EQ(server_.Loaded("a"), "A");
  EXPECT_EQ(Logged("it is not there"), 1U);
  Write("[" + Row("b", "gs://b/b") + "]");
  ASSERT_TRUE(Serves("b", "B"));
  ASSERT_TRUE(Eventually([&] { return server_.Loaded("a").empty(); }));
}

TEST_F(ConfigAgentTest, FilesUpToTheBoundAreRead) {
  const std::string row = Row("a", "gs://b/a");
  const auto padded = [&](size_t bytes) {
    return "[" + row + std::string(bytes - row.size() - 2, ' ') + "]";
  };
  StartAgent();
  Write(padded(limits::kModelsFileBytes + 1));
  PassTime();
  EXPECT_TRUE(server_.loaded.empty());
  Write(padded(limits::kModelsFileBytes));
  ASSERT_TRUE(Serves("a", "A"));
  Write("[]");
  ASSERT_TRUE(Eventually([&] { return server_.loaded.empty(); }));
  Write(padded(limits::kModelsFileBytes - 1));
  ASSERT_TRUE(Serves("a", "A"));
}

TEST_F(ConfigAgentTest, ASwappedLinkIsSeen) {
  const std::string configs = directory_.path() + "/configs";
  for (const char* version : {"1", "2"}) {
    fs::create_directories(configs + "/..v" + version);
    std::ofstream(configs + "/..v" + version + "/models.json")
        << "[" + Row("m", std::string("gs://b/") + (*version == '1' ? "a" : "b")) + "]";
  }
  fs::create_symlink("..v1", configs + "/..data");
  fs::create_symlink("..data/models.json", File());
  StartAgent();
  ASSERT_TRUE(Serves("m", "A"));
  fs::create_symlink("..v2", configs + "/..data_tmp");
  fs::rename(configs + "/..data_tmp", configs + "/..data");
  ASSERT_TRUE(Serves("m", "B"));
}

TEST_F(ConfigAgentTest, FailuresAreTriedAgainForEver) {
  fetcher_.Fail("gs://b/a", storage::FetchReason::kStorageUnavailable, "away");
  server_.broken_content = {"B"};
  Write("[" + Row("a", "gs://b/a") + "," + Row("b", "gs://b/b") + "]");
  StartAgent();
  for (int i = 0; i < 100; ++i) harness_.Advance(std::chrono::seconds(60));
  EXPECT_GE(fetcher_.fetches("gs://b/a"), 15);
  EXPECT_GE(Count("load b"), 15U);
  fetcher_.Mend("gs://b/a");
  server_.broken_content.clear();
  for (int i = 0; i < 100 && server_.loaded.size() < 2; ++i) {
    harness_.Advance(std::chrono::seconds(10));
  }
  EXPECT_EQ(server_.loaded.size(), 2U);
}

TEST_F(ConfigAgentTest, AServerThatLostItsModelsGetsThemAgain) {
  Write("[" + Row("a", "gs://b/a") + "," + Row("b", "gs://b/b") + "]");
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  ASSERT_TRUE(Serves("b", "B"));
  // Started anew between two looks at it.
  server_.loaded.clear();
  ASSERT_TRUE(Serves("a", "A"));
  ASSERT_TRUE(Serves("b", "B"));
  // And away for a while.
  server_.Stop();
  PassTime();
  server_.Start(port_);
  ASSERT_TRUE(Serves("a", "A"));
  ASSERT_TRUE(Serves("b", "B"));
  EXPECT_EQ(fetcher_.all_fetches(), 2);
}

TEST_F(ConfigAgentTest, OthersModelsAreLeftAlone) {
  server_.loaded["theirs"] = "x";
  fs::create_directories(Models() + "/theirs/1");
  Write("[" + Row("a", "gs://b/a") + "]");
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  PassTime();
  EXPECT_EQ(server_.Loaded("theirs"), "x");
  EXPECT_TRUE(fs::exists(Models() + "/theirs/1"));
}

TEST_F(ConfigAgentTest, ARestartFetchesNothingAgainAlsoWithoutItsFile) {
  Write("[" + Row("a", "gs://b/a") + "]");
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  PassTime();
  agent_.reset();
  Write("[{\"modelName\":");
  server_.Stop();
  server_.Start(port_);
  StartAgent();
  ASSERT_TRUE(Serves("a", "A"));
  EXPECT_EQ(fetcher_.all_fetches(), 1);
}

TEST_F(ConfigAgentTest, ThreeHundredModelsAtTheStartAllLoad) {
  std::string rows;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "m" + std::to_string(i);
    fetcher_.PutModel("gs://b/" + name, name);
    rows += (rows.empty() ? "" : ",") + Row(name, "gs://b/" + name);
  }
  Write("[" + rows + "]");
  StartAgent();
  ASSERT_TRUE(Eventually([&] { return server_.loaded.size() == 300; }));
}

TEST(ModelsFileTest, ReadsRows) {
  const auto rows = ParseModelsFile(
      R"([{"modelName":"a","modelSpec":{"storageUri":"gs://b/a","framework":"onnx","memory":"512Mi"},"x":1},
          {"modelName":"n","modelSpec":{"storageUri":"gs://b/n","framework":"onnx","memory":1024}}])",
      std::chrono::seconds(7));
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->specs.size(), 2U);
  EXPECT_EQ(rows->specs[0].memory_bytes, 512 * 1024 * 1024);
  EXPECT_EQ(rows->specs[0].deadline, std::chrono::seconds(7));
  EXPECT_EQ(rows->specs[1].memory_bytes, 1024);
  EXPECT_TRUE(rows->unreadable.empty());
}

TEST(ModelsFileTest, ABadRowIsItsOwnTrouble) {
  const auto rows = ParseModelsFile(
      R"([{"modelName":"ok","modelSpec":{"storageUri":"gs://b/a"}},
          {"modelName":"../up","modelSpec":{"storageUri":"gs://b/a"}},
          {"modelName":"empty","modelSpec":{}},
          {"modelName":"none"},
          {"modelName":"memory","modelSpec":{"storageUri":"gs://b/a","memory":"lots"}},
          {"modelName":"twice","modelSpec":{"storageUri":"gs://b/1"}},
          {"modelName":"twice","modelSpec":{"storageUri":"gs://b/2"}}])",
      std::chrono::seconds(7));
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->specs.size(), 2U);
  EXPECT_EQ(rows->specs[0].model, "ok");
  EXPECT_EQ(rows->specs[1].storage_uri, "gs://b/2");
  EXPECT_EQ(rows->unreadable, std::set<std::string>({"../up", "empty", "none", "memory"}));
  EXPECT_EQ(rows->problems.size(), 4U);
}

}  // namespace
}  // namespace throng::agent
