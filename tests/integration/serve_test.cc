// A walk through `throng serve` from outside: what it answers for the examples, the ways to control
// models, and how it starts and stops.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/testing/caller.h"
#include "tests/integration/testing/eventually.h"
#include "tests/integration/testing/null_model.h"
#include "tests/integration/testing/server_process.h"

namespace throng::integration {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr char kCifar10Metadata[] =
    R"({"name":"cifar10","versions":["1"],"platform":"pytorch_libtorch",)"
    R"("inputs":[{"name":"INPUT__0","datatype":"FP32","shape":[-1,3,32,32]}],)"
    R"("outputs":[{"name":"OUTPUT__0","datatype":"FP32","shape":[-1,10]}]})";
constexpr char kSimpleStringMetadata[] =
    R"({"name":"simple-string","versions":["1"],"platform":"tensorflow_graphdef",)"
    R"("inputs":[{"name":"INPUT0","datatype":"BYTES","shape":[-1,16]},)"
    R"({"name":"INPUT1","datatype":"BYTES","shape":[-1,16]}],)"
    R"("outputs":[{"name":"OUTPUT0","datatype":"BYTES","shape":[-1,16]},)"
    R"({"name":"OUTPUT1","datatype":"BYTES","shape":[-1,16]}]})";

const char* FrameworkOf(const std::string& example) {
  if (example == "cifar10") return "torch";
  if (example == "simple-string" || example == "half-plus-two") return "tensorflow";
  return "onnx";
}

size_t ArgMax(const json& values, size_t begin, size_t count) {
  size_t best = begin;
  for (size_t i = begin; i < begin + count; ++i) {
    if (values[i].get<double>() > values[best].get<double>()) best = i;
  }
  return best - begin;
}

void ExpectSameTensor(const json& actual, const json& expected, double tolerance) {
  EXPECT_EQ(actual["name"], expected["name"]);
  EXPECT_EQ(actual["datatype"], expected["datatype"]);
  EXPECT_EQ(actual["shape"], expected["shape"]);
  ASSERT_EQ(actual["data"].size(), expected["data"].size());
  for (size_t i = 0; i < expected["data"].size(); ++i) {
    if (expected["data"][i].is_string()) {
      EXPECT_EQ(actual["data"][i], expected["data"][i]);
    } else {
      EXPECT_NEAR(actual["data"][i].get<double>(), expected["data"][i].get<double>(), tolerance);
    }
  }
}

std::set<std::string> IndexStates(Caller& caller) {
  std::set<std::string> states;
  const json index = json::parse(caller.Post("/v2/repository/index", "{}").body, nullptr, false);
  if (!index.is_array()) return {"not an index"};
  for (const json& entry : index) {
    states.insert(entry.value("name", "?") + " " + entry.value("state", "-"));
  }
  return states;
}

// --- the examples -------------------------------------------------------------------------

class ExamplesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServerProcess({SourceFile("examples/models")});
    listening_ = server_->WaitUntilScanned();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(server_->Stop(), 0) << server_->Log();
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override { ASSERT_TRUE(listening_) << server_->Log(); }

  static inline ServerProcess* server_ = nullptr;
  static inline bool listening_ = false;
  Caller caller_{server_->http_port()};
};

TEST_F(ExamplesTest, MetadataOfCifar10IsWordForWordThatOfTheWalkThrough) {
  if (!HasRunner("torch")) GTEST_SKIP() << "no LibTorch runner";
  EXPECT_EQ(caller_.Get("/v2/models/cifar10").body, kCifar10Metadata);
  EXPECT_EQ(caller_.Get("/v2/models/cifar10/versions/1").body, kCifar10Metadata);
}

TEST_F(ExamplesTest, MetadataOfSimpleStringIsWordForWordThatOfTheWalkThrough) {
  if (!HasRunner("tensorflow")) GTEST_SKIP() << "no TensorFlow runner";
  EXPECT_EQ(caller_.Get("/v2/models/simple-string").body, kSimpleStringMetadata);
}

TEST_F(ExamplesTest, EveryExampleAnswersAsItsOwnFrameworkDoes) {
  const json expected = json::parse(ReadFile(SourceFile("examples/requests/expected.json")));
  int asked = 0;
  for (const auto& [name, want] : expected["models"].items()) {
    if (!HasRunner(FrameworkOf(name))) continue;
    SCOPED_TRACE(name);
    ++asked;
    const std::string request = want["request"];
    const Answer answer = caller_.Infer(name, ReadFile(SourceFile("examples/requests/" + request)));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.Header("Content-Type"), "application/json");
    EXPECT_NE(answer.Header("Server-Timing"), "");
    EXPECT_TRUE(answer.body.starts_with(R"({"model_name":")" + name + R"(","model_version":"1")"));
    const json reply = json::parse(answer.body);
    ASSERT_EQ(reply["outputs"].size(), want["outputs"].size());
    for (size_t i = 0; i < want["outputs"].size(); ++i) {
      ExpectSameTensor(reply["outputs"][i], want["outputs"][i], expected["tolerance"]);
    }
    if (!want.contains("argmax")) continue;
    const json& output = reply["outputs"][0];
    const size_t row = output["shape"][1];
    for (size_t i = 0; i < want["argmax"].size(); ++i) {
      EXPECT_EQ(ArgMax(output["data"], i * row, row), want["argmax"][i].get<size_t>());
    }
  }
  EXPECT_GT(asked, 0);
}

TEST_F(ExamplesTest, HealthAndServerMetadataAnswer) {
  EXPECT_EQ(caller_.Get("/v2/health/live").status, 200);
  EXPECT_EQ(caller_.Get("/v2/health/ready").status, 200);
  const json metadata = json::parse(caller_.Get("/v2").body);
  EXPECT_EQ(metadata["name"], "triton");
  EXPECT_TRUE(metadata["extensions"].is_array());
}

TEST_F(ExamplesTest, UnloadedModelIsGoneAndALoadBringsItBack) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const std::string request = ReadFile(SourceFile("examples/requests/tiny-mlp.json"));
  ASSERT_EQ(caller_.Infer("tiny-mlp", request).status, 200);
  EXPECT_EQ(caller_.Get("/v2/models/tiny-mlp/ready").status, 200);
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(caller_.Post("/v2/repository/models/tiny-mlp/unload", "{}").status, 200);
    EXPECT_NE(caller_.Get("/v2/models/tiny-mlp/ready").status, 200);
    EXPECT_EQ(caller_.Infer("tiny-mlp", request).status, 404);
  }
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(caller_.Post("/v2/repository/models/tiny-mlp/load", "{}").status, 200);
    EXPECT_EQ(caller_.Infer("tiny-mlp", request).status, 200);
  }
  EXPECT_TRUE(IndexStates(caller_).contains("tiny-mlp READY"));
}

TEST_F(ExamplesTest, ErrorsNameWhatIsWrong) {
  const Answer unknown = caller_.Infer("no-such-model", "{\"inputs\":[]}");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(WrongWithError(unknown), "");
  EXPECT_NE(unknown.body.find("Request for unknown model: 'no-such-model' is not found"),
            std::string::npos);
  EXPECT_EQ(caller_.Get("/v2/models/tiny-mlp/versions/7").status, 404);
  EXPECT_EQ(caller_.Get("/v2/nonsense").status, 404);
  EXPECT_EQ(caller_.Get("/v2/models/tiny-mlp/infer").status, 405);
  EXPECT_EQ(caller_.Get("/v2/models/../etc/passwd").status, 404);
  EXPECT_GE(caller_.Get("/v2/models/%2e%2e%2fetc").status, 400);
}

TEST_F(ExamplesTest, RequestOfAnotherOriginIsRefused) {
  const Answer foreign =
      caller_.Send("GET", "/v2/health/live", {{"Origin", "http://elsewhere.example"}}, "");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(WrongWithError(foreign), "");
  const std::string own = "http://127.0.0.1:" + std::to_string(server_->http_port());
  EXPECT_EQ(caller_.Send("GET", "/v2/health/live", {{"Origin", own}}, "").status, 200);
}

TEST_F(ExamplesTest, StartUpPrintsWhatItServes) {
  const std::string output = server_->Output();
  EXPECT_NE(output.find("served  6 ("), std::string::npos) << output;
  EXPECT_NE(output.find("skipped 0"), std::string::npos) << output;
  EXPECT_NE(output.find("curl "), std::string::npos) << output;
}

TEST_F(ExamplesTest, MetricsPortCountsInferences) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const int64_t before = server_->Metric("throng_inferences_succeeded_total");
  const std::string request = ReadFile(SourceFile("examples/requests/tiny-mlp.json"));
  ASSERT_EQ(caller_.Infer("tiny-mlp", request).status, 200);
  EXPECT_EQ(server_->Metric("throng_inferences_succeeded_total"), before + 1);
}

// --- control modes ------------------------------------------------------------------------

TEST(ControlTest, ExplicitModeServesOnlyWhatWasLoaded) {
  const TemporaryFolder models;
  AddNullModel(models, "asked", "");
  AddNullModel(models, "other", "");
  ServerProcess server({"--load=explicit", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  ASSERT_TRUE(server.WaitUntilScanned());
  Caller caller(server.http_port());
  EXPECT_EQ(caller.Infer("asked", NullRequest(1)).status, 404);
  EXPECT_EQ(caller.Post("/v2/repository/models/asked/load", "{}").status, 200);
  EXPECT_EQ(caller.Infer("asked", NullRequest(1)).status, 200);
  EXPECT_EQ(caller.Infer("other", NullRequest(1)).status, 404);
  EXPECT_EQ(caller.Post("/v2/repository/models/asked/unload", "{}").status, 200);
  EXPECT_EQ(caller.Infer("asked", NullRequest(1)).status, 404);
  EXPECT_NE(caller.Post("/v2/repository/models/no-such/load", "{}").status, 200);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(ControlTest, ExplicitModeLoadsWhatTheCommandLineNames) {
  const TemporaryFolder models;
  AddNullModel(models, "asked", "");
  AddNullModel(models, "other", "");
  ServerProcess server(
      {"--model-control-mode=explicit", "--load-model=asked", "--model-repository", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  Caller caller(server.http_port());
  EXPECT_TRUE(Eventually([&] { return caller.Get("/v2/models/asked/ready").status == 200; }));
  EXPECT_NE(caller.Get("/v2/models/other/ready").status, 200);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(ControlTest, EagerModeLoadsEverythingBeforeItIsReady) {
  const TemporaryFolder models;
  AddNullModel(models, "first", "behavior: slow_load\nmilliseconds: 300");
  AddNullModel(models, "second", "");
  ServerProcess server({"--model-control-mode=none", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  Caller caller(server.http_port());
  ASSERT_TRUE(Eventually([&] { return caller.Get("/v2/health/ready").status == 200; }));
  EXPECT_EQ(IndexStates(caller), (std::set<std::string>{"first READY", "second READY"}));
  EXPECT_EQ(server.Stop(), 0);
}

TEST(ControlTest, PollModeFollowsTheFolder) {
  const TemporaryFolder models;
  AddNullModel(models, "stays", "");
  AddNullModel(models, "goes", "");
  ServerProcess server({"--model-control-mode=poll", "--repository-poll-secs=1", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  Caller caller(server.http_port());
  ASSERT_EQ(caller.Infer("stays", NullRequest(1)).status, 200);
  ASSERT_EQ(caller.Infer("goes", NullRequest(1)).status, 200);

  AddNullModel(models, "comes", "");
  EXPECT_TRUE(Eventually([&] { return caller.Infer("comes", NullRequest(1)).status == 200; }));
  models.Write("stays/1/model.null", "input: FP32 [-1]\ninput: INT32 [-1,5]\n");
  EXPECT_TRUE(Eventually(
      [&] { return caller.Get("/v2/models/stays").body.find("[-1,5]") != std::string::npos; }));
  models.Remove("goes");
  EXPECT_TRUE(Eventually([&] { return caller.Infer("goes", NullRequest(1)).status == 404; }));
  EXPECT_EQ(caller.Infer("comes", NullRequest(1)).status, 200);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(ControlTest, NewVersionThatDoesNotLoadLeavesTheOldOneServing) {
  const TemporaryFolder models;
  AddNullModel(models, "changing", "");
  ServerProcess server({"--model-control-mode=poll", "--repository-poll-secs=1", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  Caller caller(server.http_port());
  ASSERT_EQ(caller.Infer("changing", NullRequest(1)).status, 200);
  models.Write("changing/1/model.null", "behavior: nonsense\n");
  EXPECT_TRUE(server.WaitForLog("failed to load 'changing'", seconds(20))) << server.Log();
  EXPECT_EQ(caller.Infer("changing", NullRequest(1)).status, 200);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(ControlTest, ContradictingModesAreAnError) {
  const TemporaryFolder models;
  const CommandOutput run = RunCommand(
      {ThrongProgram(), "serve", "--load=lazy", "--model-control-mode=explicit", models.path()},
      models.path());
  EXPECT_EQ(run.exit, 2) << run.errors;
  EXPECT_NE(run.errors.find("--model-control-mode"), std::string::npos) << run.errors;
}

// --- what DIR may be, and what is in it -----------------------------------------------------

TEST(FolderTest, ServesABareFileAndASingleModelsFolder) {
  const TemporaryFolder models;
  models.Write("alone.null", "input: FP32 [-1]\n");
  AddNullModel(models, "folder", "");
  for (const char* name : {"alone", "folder"}) {
    SCOPED_TRACE(name);
    const std::string path = models.File(name) + (name == std::string("alone") ? ".null" : "");
    ServerProcess server({path});
    ASSERT_EQ(server.WhyNotListening(), "");
    Caller caller(server.http_port());
    EXPECT_EQ(caller.Infer(name, NullRequest(1)).status, 200);
    EXPECT_EQ(server.Stop(), 0);
  }
}

TEST(FolderTest, MissingFolderIsNamed) {
  const TemporaryFolder folder;
  const CommandOutput run = RunCommand({ThrongProgram(), "serve", "--http-port=0", "--grpc-port=0",
                                        "--metrics-port=0", folder.File("no-such-folder")},
                                       folder.path());
  EXPECT_EQ(run.exit, 1);
  EXPECT_NE(run.errors.find("no-such-folder"), std::string::npos) << run.errors;
}

struct Refused {
  const char* fixture;
  const char* name;     // as a file in the served folder
  const char* in_text;  // of the line that converts it
};

TEST(FolderTest, WhatCannotBeServedIsAnsweredWithTheLineThatConvertsIt) {
  constexpr Refused kRefused[] = {
      {"state_dict.pt", "state_dict.pt", "load_state_dict(torch.load('state_dict.pt'))"},
      {"state_dict_legacy.pt", "legacy.pt", "torch.jit.script"},
      {"whole_module.pt", "whole_module.pt", "torch.load('whole_module.pt'"},
      {"model.pt2", "exported.pt2", "torch.onnx.export"},
      {"model.keras", "keras_file.keras", "keras.saving.load_model('keras_file.keras').export("},
      {"model.h5", "hdf5.h5", "keras.saving.load_model('hdf5.h5').export("},
      {"model.pkl", "pickled.pkl", "joblib.load('pickled.pkl')"},
      {"model.joblib", "joblib_file.joblib", "joblib.load('joblib_file.joblib')"},
      {"model.safetensors", "weights.safetensors", "load_file('weights.safetensors')"},
      {"runs_on_load.pkl", "runs_on_load.pkl", "which would run code when loaded"},
  };
  const TemporaryFolder models;
  for (const Refused& refused : kRefused) {
    models.Copy(SourceFile(std::string("tests/fixtures/refuse/") + refused.fixture), refused.name);
  }
  models.Write("README.md", "ignored");
  models.Write(".hidden.null", "ignored");
  models.Write("__pycache__/x.null", "ignored");
  AddNullModel(models, "healthy", "");
  ServerProcess server({models.path()});
  ASSERT_TRUE(server.WaitUntilScanned()) << server.Log();
  Caller caller(server.http_port());
  for (const Refused& refused : kRefused) {
    const std::string file = refused.name;
    const Answer answer = caller.Infer(file.substr(0, file.find('.')), NullRequest(1));
    EXPECT_EQ(answer.status, 404) << file;
    EXPECT_EQ(WrongWithError(answer), "") << file;
    EXPECT_NE(ErrorText(answer).find(refused.in_text), std::string::npos) << answer.body;
  }
  EXPECT_NE(server.Output().find("served  1 "), std::string::npos) << server.Output();
  EXPECT_NE(server.Output().find("skipped 10"), std::string::npos) << server.Output();
  EXPECT_EQ(caller.Infer("healthy", NullRequest(1)).status, 200);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(FolderTest, MistakesInConfigurationsAreExplained) {
  const TemporaryFolder models;
  AddNullModel(models, "unknown-field", "");
  models.Write("unknown-field/config.pbtxt", "nonsense: 3\n");
  AddNullModel(models, "other-name", "");
  models.Write("other-name/config.pbtxt", "name: \"x\"\n");
  AddNullModel(models, "deep", "");
  std::string deep;
  for (int i = 0; i < 20000; ++i) deep += "parameters{";
  models.Write("deep/config.pbtxt", deep);
  AddNullModel(models, "huge", "");
  models.Write("huge/config.pbtxt", std::string(2 << 20, '#') + "\n");
  models.Write("twice.null", "");
  models.Write("twice/model.null", "");
  models.Write("bad name!.null", "");
  ServerProcess server({models.path()});
  ASSERT_TRUE(server.WaitUntilScanned()) << server.Log();
  Caller caller(server.http_port());
  const auto reason = [&](const std::string& name) {
    const Answer answer = caller.Infer(name, NullRequest(1));
    EXPECT_EQ(answer.status, 404) << answer.body;
    EXPECT_EQ(WrongWithError(answer), "");
    return ErrorText(answer);
  };
  EXPECT_NE(reason("unknown-field").find("\"nonsense\""), std::string::npos);
  EXPECT_NE(reason("other-name").find("directory name must equal model name"), std::string::npos);
  EXPECT_NE(reason("deep").find("config.pbtxt"), std::string::npos);
  EXPECT_NE(reason("huge").find("config.pbtxt"), std::string::npos);
  EXPECT_NE(reason("twice").find("not served"), std::string::npos);
  EXPECT_NE(server.Output().find("bad name!"), std::string::npos) << server.Output();
  EXPECT_EQ(server.Stop(), 0);
}

int64_t ModifiedNs(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return 0;
  return info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
}

TEST(FolderTest, ListensAndAnswersBeforeALargeFolderHasBeenRead) {
  const TemporaryFolder models;
  const TemporaryFolder output;
  for (int i = 0; i < 2000; ++i) {
    models.Write("model-" + std::to_string(i) + ".null", "input: FP32 [-1]\n");
  }
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  const int64_t listening = ModifiedNs(server.ports_file());
  Caller caller(server.http_port());
  EXPECT_EQ(caller.Infer("model-1999", NullRequest(1)).status, 200);
  ASSERT_TRUE(server.WaitUntilScanned());
  EXPECT_NE(server.Output().find("served  2000"), std::string::npos) << server.Output();
  EXPECT_LT(listening, ModifiedNs(server.output_file()));
  EXPECT_EQ(server.Stop(), 0);
}

// --- start and stop -------------------------------------------------------------------------

TEST(StartTest, PortInUseIsNamedWithTheWayOut) {
  const TemporaryFolder models;
  ServerProcess first({models.path()});
  ASSERT_EQ(first.WhyNotListening(), "");
  const std::string port = std::to_string(first.http_port());
  ServerProcess second({models.path()}, {.port_options = {"--http-port=" + port, "--grpc-port=0",
                                                          "--metrics-port=0"}});
  EXPECT_EQ(second.WaitForExit(seconds(20)), 1);
  EXPECT_NE(second.Log().find("port " + port + " is in use"), std::string::npos) << second.Log();
  EXPECT_NE(second.Log().find("--http-port 0"), std::string::npos) << second.Log();
  EXPECT_EQ(first.Stop(), 0);
}

TEST(StartTest, PortsFileHoldsAllPortsAsJson) {
  const TemporaryFolder models;
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  const json ports = json::parse(ReadFile(server.ports_file()));
  ASSERT_EQ(ports.size(), 3U);
  std::set<int> different;
  for (const char* name : {"http", "grpc", "metrics"}) different.insert(ports[name].get<int>());
  EXPECT_EQ(different.size(), 3U);
  EXPECT_FALSE(different.contains(0));
  EXPECT_EQ(server.Stop(), 0);
}

TEST(StartTest, UnknownOptionSuggestsTheNearest) {
  const TemporaryFolder folder;
  const CommandOutput run =
      RunCommand({ThrongProgram(), "serve", "--http-prot=1", folder.path()}, folder.path());
  EXPECT_EQ(run.exit, 2);
  EXPECT_NE(run.errors.find("unknown option '--http-prot'; did you mean '--http-port'?"),
            std::string::npos)
      << run.errors;
}

TEST(StartTest, BadValuesNameTheirOption) {
  const TemporaryFolder folder;
  for (const char* option : {"--http-port=70000", "--http-port=x", "--load=later",
                             "--drain-timeout=-1", "--model-control-mode=sometimes"}) {
    const CommandOutput run =
        RunCommand({ThrongProgram(), "serve", option, folder.path()}, folder.path());
    const std::string name = std::string(option).substr(0, std::string(option).find('='));
    EXPECT_EQ(run.exit, 2) << option;
    EXPECT_NE(run.errors.find(name), std::string::npos) << run.errors;
  }
}

TEST(StopTest, EveryRequestInFlightAtTheSignalIsAnswered) {
  const TemporaryFolder models;
  for (int i = 0; i < 4; ++i) {
    AddNullModel(models, "sleeper-" + std::to_string(i), "behavior: sleep");
  }
  ServerProcess server({"--load=eager", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  {
    Caller caller(server.http_port());
    ASSERT_TRUE(Eventually([&] { return caller.Get("/v2/health/ready").status == 200; }));
  }
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      Caller caller(server.http_port());
      const Answer answer = caller.Infer("sleeper-" + std::to_string(i % 4), NullRequest(600));
      answered += answer.status == 200;
      EXPECT_EQ(answer.status, 200) << answer.body;
    });
  }
  EXPECT_TRUE(Eventually([&] { return server.Metric("throng_inferences_in_flight") == 8; }));
  EXPECT_EQ(server.Stop(), 0);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 8);
}

// Clients that ask without a pause: what they sent is answered, until they cannot connect. With
// several event loops, requests and replies cross threads.
TEST(StopTest, SignalUnderLoadFailsNoRequest) {
  for (const char* threads : {"1", "3"}) {
    const TemporaryFolder models;
    AddNullModel(models, "echo", "");
    ServerProcess server({std::string("--http-thread-count=") + threads, models.path()});
    ASSERT_EQ(server.WhyNotListening(), "");
    std::atomic<int> answered = 0;
    std::vector<std::thread> clients;
    clients.reserve(6);
    for (int i = 0; i < 6; ++i) {
      clients.emplace_back([&, i] {
        Caller caller(server.http_port());
        while (true) {
          const Answer answer = caller.Infer("echo", NullRequest(i));
          if (answer.status == 0) {
            EXPECT_NE(answer.body.find("cannot connect"), std::string::npos) << answer.body;
            return;
          }
          EXPECT_EQ(answer.status, 200) << answer.body;
          ++answered;
        }
      });
    }
    EXPECT_TRUE(Eventually([&] { return answered >= 400; }));
    EXPECT_EQ(server.Stop(), 0);
    for (std::thread& client : clients) client.join();
  }
}

// Ctrl-C on a terminal goes to the whole process group, and systemd's stop to the whole cgroup:
// the processes of models must leave the stopping to the server.
TEST(StopTest, SignalToEveryProcessStillAnswersWhatIsInFlight) {
  for (const int signal_number : {SIGTERM, SIGINT, SIGHUP}) {
    SCOPED_TRACE(signal_number);
    const TemporaryFolder models;
    AddNullModel(models, "sleeper", "behavior: sleep");
    ServerProcess server({models.path()});
    ASSERT_EQ(server.WhyNotListening(), "");
    std::thread client([&] {
      Caller caller(server.http_port());
      const Answer answer = caller.Infer("sleeper", NullRequest(600));
      EXPECT_EQ(answer.status, 200) << answer.body;
    });
    EXPECT_TRUE(Eventually([&] { return server.Metric("throng_cells") >= 1; }));
    EXPECT_TRUE(Eventually([&] { return !server.Cells().empty() && !server.Zygotes().empty(); }));
    for (const pid_t cell : server.Cells()) kill(cell, signal_number);
    for (const auto& [name, zygote] : server.Zygotes()) kill(zygote, signal_number);
    EXPECT_EQ(server.Stop(), 0);
    client.join();
  }
}

TEST(StopTest, AClosedTerminalDrainsToo) {
  const TemporaryFolder models;
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  server.Signal(SIGHUP);
  EXPECT_EQ(server.WaitForExit(seconds(10)), 0);
  EXPECT_TRUE(server.WaitForLog("finishing requests", seconds(1)));
}

TEST(StopTest, SecondSignalStopsAtOnce) {
  const TemporaryFolder models;
  AddNullModel(models, "stuck", "behavior: never_answer");
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  std::thread client([&] {
    Caller caller(server.http_port());
    EXPECT_NE(caller.Infer("stuck", NullRequest(1)).status, 200);
  });
  EXPECT_TRUE(Eventually([&] { return server.Metric("throng_models_resident") == 1; }));
  server.Signal(SIGTERM);
  EXPECT_TRUE(server.WaitForLog("finishing requests", seconds(10)));
  EXPECT_FALSE(server.WaitForExit(milliseconds(300)).has_value());
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(seconds(5)), 0);
  client.join();
}

TEST(StopTest, DrainingEndsAfterItsTimeout) {
  const TemporaryFolder models;
  AddNullModel(models, "stuck", "behavior: never_answer");
  ServerProcess server({"--drain-timeout=1", models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  std::thread client([&] {
    Caller caller(server.http_port());
    EXPECT_NE(caller.Infer("stuck", NullRequest(1)).status, 200);
  });
  EXPECT_TRUE(Eventually([&] { return server.Metric("throng_models_resident") == 1; }));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.WaitForExit(seconds(6)), 0);
  client.join();
}

TEST(StopTest, NoProcessStaysBehindWhenTheServerIsKilled) {
  const TemporaryFolder models;
  AddNullModel(models, "echo", "");
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  Caller caller(server.http_port());
  ASSERT_EQ(caller.Infer("echo", NullRequest(1)).status, 200);
  std::vector<pid_t> processes = server.Cells();
  for (const auto& [name, zygote] : server.Zygotes()) processes.push_back(zygote);
  ASSERT_GE(processes.size(), 2U);
  server.Signal(SIGKILL);
  EXPECT_EQ(server.WaitForExit(seconds(10)), -SIGKILL);
  for (const pid_t process : processes) {
    EXPECT_TRUE(Eventually([&] { return HasEnded(process); })) << process;
  }
}

}  // namespace
}  // namespace throng::integration
