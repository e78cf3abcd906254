// The commands for a quick look: `throng inspect`, `throng infer`, and the curl line that it
// prints.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/testing/caller.h"
#include "tests/integration/testing/null_model.h"
#include "tests/integration/testing/server_process.h"

namespace throng::integration {
namespace {

using nlohmann::json;

struct Example {
  const char* name;
  const char* path;  // in examples/models
  const char* framework;
  const char* format;
  const char* tensor;  // named in the table
};

constexpr Example kExamples[] = {
    {"cifar10", "cifar10", "torch", "pytorch_libtorch", "INPUT__0"},
    {"simple-string", "simple-string", "tensorflow", "tensorflow_graphdef", "OUTPUT1"},
    {"half-plus-two", "half-plus-two", "tensorflow", "tensorflow_savedmodel", "y"},
    {"tiny-mlp", "tiny-mlp.onnx", "onnx", "onnxruntime_onnx", "scores"},
    {"cifar10-onnx", "cifar10-onnx", "onnx", "onnxruntime_onnx", "OUTPUT__0"},
    {"string-upper", "string-upper", "onnx", "onnxruntime_onnx", "upper"},
};

TEST(InspectTest, TellsWhatEveryExampleIsAndTheConfigurationItWouldWrite) {
  const TemporaryFolder folder;
  for (const Example& example : kExamples) {
    if (!HasRunner(example.framework)) continue;
    SCOPED_TRACE(example.name);
    const CommandOutput run = RunCommand(
        {ThrongProgram(), "inspect", SourceFile(std::string("examples/models/") + example.path)},
        folder.path());
    EXPECT_EQ(run.exit, 0) << run.errors;
    for (const char* word : {example.name, example.format, example.tensor, "config.pbtxt:"}) {
      EXPECT_NE(run.output.find(word), std::string::npos) << word << " in:\n" << run.output;
    }
  }
}

// What inspect prints is a configuration that serve takes, with the same metadata.
TEST(InspectTest, PrintedConfigurationCanBeUsed) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const TemporaryFolder models;
  const std::string original = SourceFile("examples/models/tiny-mlp.onnx");
  const CommandOutput run = RunCommand({ThrongProgram(), "inspect", original}, models.path());
  const std::string marker = "config.pbtxt:\n";
  const size_t begin = run.output.find(marker);
  ASSERT_NE(begin, std::string::npos) << run.output;
  models.Copy(original, "tiny-mlp/1/model.onnx");
  std::string config = run.output.substr(begin + marker.size());
  const std::string file_line = "default_model_filename: \"tiny-mlp.onnx\"\n";
  if (const size_t at = config.find(file_line); at != std::string::npos) {
    config.erase(at, file_line.size());
  }
  models.Write("tiny-mlp/config.pbtxt", config);
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  Caller caller(server.http_port());
  const json metadata = json::parse(caller.Get("/v2/models/tiny-mlp").body);
  ASSERT_TRUE(metadata.contains("inputs")) << metadata;
  EXPECT_EQ(metadata["inputs"][0]["shape"], json::parse("[-1,16]"));
  const std::string request = ReadFile(SourceFile("examples/requests/tiny-mlp.json"));
  EXPECT_EQ(caller.Infer("tiny-mlp", request).status, 200);
  EXPECT_EQ(server.Stop(), 0);
}

TEST(InspectTest, SaysWhyAFileIsNoModel) {
  const TemporaryFolder folder;
  const CommandOutput run =
      RunCommand({ThrongProgram(), "inspect", SourceFile("tests/fixtures/refuse/state_dict.pt")},
                 folder.path());
  EXPECT_EQ(run.exit, 1);
  EXPECT_NE(run.output.find("state_dict"), std::string::npos) << run.output << run.errors;
  EXPECT_NE(run.output.find("torch.jit.script"), std::string::npos) << run.output << run.errors;
  const CommandOutput missing =
      RunCommand({ThrongProgram(), "inspect", folder.File("nothing-here")}, folder.path());
  EXPECT_NE(missing.exit, 0);
  EXPECT_NE(missing.errors, "");
}

class InferTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ =
        std::make_unique<ServerProcess>(std::vector<std::string>{SourceFile("examples/models")});
    ASSERT_EQ(server_->WhyNotListening(), "");
    url_ = "--url=http://127.0.0.1:" + std::to_string(server_->http_port());
  }
  void TearDown() override { EXPECT_EQ(server_->Stop(), 0) << server_->Log(); }

  CommandOutput Infer(std::vector<std::string> arguments) {
    std::vector<std::string> command = {ThrongProgram(), "infer", url_};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return RunCommand(command, folder_.path());
  }

  const TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::string url_;
};

TEST_F(InferTest, RandomRequestsAnswerForEveryExampleWithNumbers) {
  for (const Example& example : kExamples) {
    // Its strings must be numbers, which no metadata says.
    if (!HasRunner(example.framework) || std::string(example.name) == "simple-string") continue;
    SCOPED_TRACE(example.name);
    const CommandOutput run = Infer({example.name, "--random"});
    EXPECT_EQ(run.exit, 0) << run.errors;
    EXPECT_NE(run.output.find("SHAPE"), std::string::npos) << run.output;
  }
}

TEST_F(InferTest, DataOfAFileIsSentAndTheReplyShownAsATable) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const std::string data = SourceFile("examples/requests/tiny-mlp.json");
  const CommandOutput run = Infer({"tiny-mlp", "--data", data});
  EXPECT_EQ(run.exit, 0) << run.errors;
  EXPECT_NE(run.output.find("scores"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("[2,4]"), std::string::npos) << run.output;
  const CommandOutput raw = Infer({"tiny-mlp", "--data", data, "--raw"});
  EXPECT_EQ(json::parse(raw.output, nullptr, false)["model_name"], "tiny-mlp") << raw.output;
}

TEST_F(InferTest, FailuresAreToldAndGiveAnExitStatus) {
  const CommandOutput unknown = Infer({"no-such-model", "--random"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_NE(unknown.errors.find("unknown model"), std::string::npos) << unknown.errors;
  folder_.Write("wrong.json", R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],)"
                              R"("data":[1,2,3]}]})");
  if (!HasRunner("onnx")) return;
  const CommandOutput wrong = Infer({"tiny-mlp", "--data", folder_.File("wrong.json")});
  EXPECT_EQ(wrong.exit, 1);
  EXPECT_NE(wrong.errors.find("Expected [-1,16], got [1,3]"), std::string::npos) << wrong.errors;
}

TEST_F(InferTest, PrintedCurlLineWorksAsPasted) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const CommandOutput printed = Infer({"tiny-mlp", "--print-curl"});
  EXPECT_EQ(printed.exit, 0) << printed.errors;
  EXPECT_TRUE(std::filesystem::exists(folder_.File("tiny-mlp.request.json")));
  std::istringstream lines(printed.output);
  std::string curl_line;
  while (std::getline(lines, curl_line) && !curl_line.starts_with("curl ")) {
  }
  ASSERT_TRUE(curl_line.starts_with("curl ")) << printed.output;
  const CommandOutput curl = RunCommand({"/bin/sh", "-c", curl_line + " --silent"}, folder_.path());
  if (curl.exit == 127) GTEST_SKIP() << "no curl";
  EXPECT_EQ(curl.exit, 0) << curl.errors;
  EXPECT_EQ(json::parse(curl.output, nullptr, false)["model_name"], "tiny-mlp") << curl.output;
}

// The lines that serve prints at its start, run by a shell as they are.
TEST_F(InferTest, CurlLinesOfTheStartReportWork) {
  ASSERT_TRUE(server_->WaitUntilScanned());
  std::istringstream lines(server_->Output());
  int ran = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("curl ")) continue;
    const Example* example =
        std::find_if(std::begin(kExamples), std::end(kExamples), [&](const Example& candidate) {
          return line.find("/v2/models/" + std::string(candidate.name)) != std::string::npos;
        });
    ASSERT_NE(example, std::end(kExamples)) << line;
    if (!HasRunner(example->framework)) continue;
    const CommandOutput curl = RunCommand({"/bin/sh", "-c", line}, folder_.path());
    if (curl.exit == 127) GTEST_SKIP() << "no curl";
    EXPECT_EQ(curl.exit, 0) << line;
    EXPECT_FALSE(json::parse(curl.output, nullptr, false).contains("error")) << curl.output;
    ++ran;
  }
  EXPECT_GT(ran, 0);
}

TEST(CommandTest, HelpAndUnknownCommandsAnswer) {
  const TemporaryFolder folder;
  for (const char* command : {"serve", "infer", "inspect"}) {
    const CommandOutput help = RunCommand({ThrongProgram(), command, "--help"}, folder.path());
    EXPECT_EQ(help.exit, 0);
    EXPECT_NE(help.output.find("usage: throng " + std::string(command)), std::string::npos);
  }
  const CommandOutput unknown = RunCommand({ThrongProgram(), "srve"}, folder.path());
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_NE(unknown.errors.find("srve"), std::string::npos) << unknown.errors;
}

}  // namespace
}  // namespace throng::integration
