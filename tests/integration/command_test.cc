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

std::string PrintedConfig(const std::string& output) {
  const std::string marker = "config.pbtxt:\n";
  const size_t begin = output.find(marker);
  return begin == std::string::npos ? "" : output.substr(begin + marker.size());
}

// What inspect prints for every example, and for TorchScript that tells nothing, is a configuration
// that serve takes as it stands, with the same metadata.
TEST(InspectTest, PrintedConfigurationsCanBeUsed) {
  const TemporaryFolder models;
  std::vector<std::string> names;
  for (const Example& example : kExamples) {
    if (!HasRunner(example.framework)) continue;
    const std::string source = SourceFile(std::string("examples/models/") + example.path);
    const bool is_bare = std::string_view(example.path).ends_with(".onnx");
    models.Copy(source, is_bare ? std::string(example.name) + "/1/" + example.path : example.name);
    names.emplace_back(example.name);
  }
  if (HasRunner("tensorflow")) {
    models.Copy(SourceFile("examples/models/half-plus-two/1/model.savedmodel"), "flat-saved");
    names.emplace_back("flat-saved");
  }
  if (HasRunner("torch")) {
    models.Copy(SourceFile("tests/fixtures/models/two-in-two-out/1/model.pt"), "untold/1/model.pt");
    names.emplace_back("untold");
  }
  if (names.empty()) GTEST_SKIP() << "no framework";
  for (const std::string& name : names) {
    const CommandOutput run =
        RunCommand({ThrongProgram(), "inspect", models.File(name)}, models.path());
    const std::string config = PrintedConfig(run.output);
    EXPECT_EQ(config.find("TYPE_INVALID"), std::string::npos) << config;
    EXPECT_EQ(config.find("# input [ { name: \"INPUT__0\"") != std::string::npos, name == "untold")
        << config;
    models.Write(name + "/config.pbtxt", config);
  }
  ServerProcess server({models.path()});
  ASSERT_EQ(server.WhyNotListening(), "");
  ASSERT_TRUE(server.WaitUntilScanned());
  EXPECT_NE(server.Output().find("skipped 0\n"), std::string::npos) << server.Output();
  Caller caller(server.http_port());
  for (const std::string& name : names) {
    const Answer answer = caller.Get("/v2/models/" + name);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body.find("INVALID"), std::string::npos) << answer.body;
    const std::string request = SourceFile("examples/requests/" + name + ".json");
    if (!std::filesystem::exists(request)) continue;
    const Answer reply = caller.Infer(name, ReadFile(request));
    EXPECT_EQ(reply.status, 200) << name << ": " << reply.body;
  }
  EXPECT_EQ(server.Stop(), 0);
}

TEST(InspectTest, AFileOfOtherContentIsNotTakenByItsName) {
  const TemporaryFolder folder;
  folder.Write("junk.onnx", "\x01 no model");
  const CommandOutput run = RunCommand({ThrongProgram(), "inspect", "junk.onnx"}, folder.path());
  EXPECT_EQ(run.exit, 1);
  EXPECT_NE(run.output.find("its content is not ONNX"), std::string::npos) << run.output;
  EXPECT_EQ(run.output.find("file name and content"), std::string::npos) << run.output;
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

// The lines that serve prints to try its models, run by a shell as they are.
TEST_F(InferTest, LinesOfTheStartReportThatTryModelsWork) {
  ASSERT_TRUE(server_->WaitUntilScanned());
  std::istringstream lines(server_->Output());
  int ran = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" --random ") == std::string::npos) continue;
    const Example* example =
        std::find_if(std::begin(kExamples), std::end(kExamples), [&](const Example& candidate) {
          return line.find(" infer " + std::string(candidate.name) + " ") != std::string::npos;
        });
    ASSERT_NE(example, std::end(kExamples)) << line;
    if (!HasRunner(example->framework)) continue;
    const CommandOutput run = RunCommand({"/bin/sh", "-c", line}, folder_.path());
    EXPECT_EQ(run.exit, 0) << line << run.errors;
    ++ran;
  }
  EXPECT_GT(ran, 0);
}

TEST_F(InferTest, DataMayComeFromStandardInput) {
  if (!HasRunner("onnx")) GTEST_SKIP() << "no ONNX Runtime";
  const std::string line = ThrongProgram() + " infer tiny-mlp --data - " + url_ + " < " +
                           SourceFile("examples/requests/tiny-mlp.json");
  const CommandOutput run = RunCommand({"/bin/sh", "-c", line}, folder_.path());
  EXPECT_EQ(run.exit, 0) << run.errors;
  EXPECT_NE(run.output.find("scores"), std::string::npos) << run.output;
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
    const CommandOutput brief = RunCommand({ThrongProgram(), command, "-h"}, folder.path());
    EXPECT_EQ(brief.exit, 0);
    EXPECT_EQ(brief.output, help.output);
  }
  const CommandOutput unknown = RunCommand({ThrongProgram(), "srve"}, folder.path());
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_NE(unknown.errors.find("'srve'; did you mean 'serve'?"), std::string::npos)
      << unknown.errors;
}

TEST(CommandTest, WhatIsWrongWithACallIsSaidBeforeTheUsage) {
  const struct {
    std::vector<std::string> arguments;
    int exit;
    const char* first_line;
  } kCases[] = {
      {{"infer", "m"}, 2, "throng infer: nothing to send: give --random or --data FILE\nusage"},
      {{"infer", "--random"}, 2, "throng infer: no MODEL given\nusage"},
      {{"infer", "m", "n", "--random"}, 2, "throng infer: unexpected argument 'n'\nusage"},
      {{"inspect"}, 2, "throng inspect: no PATH given\nusage"},
      {{"inspect", "a", "b"}, 2, "throng inspect: unexpected argument 'b'\nusage"},
      {{"infer", "m", "--random", "--url", "http://h:1/x"},
       2,
       "throng infer: --url must be http://HOST:PORT, got 'http://h:1/x'\n"},
      {{"infer", "m", "--data", "./gone/x.json"}, 1, "throng infer: --data: './gone/x.json': No "},
      {{"serve", "./gone"}, 1, "throng serve: './gone' does not exist\n"},
      {{"inspect", "../gone"}, 1, "throng inspect: '../gone' does not exist\n"},
      {{"serve", ".", "--ports-file=no/f"}, 1, "throng serve: --ports-file: 'no' does not exist\n"},
      {{"serve", ".", "--runner-directory=./no"},
       1,
       "throng serve: --runner-directory: './no' does not exist\n"},
      {{"serve", ".", "--allow-http=0", "--allow-grpc=0", "--allow-metrics=0"},
       2,
       "throng serve: nothing to listen on: "},
  };
  const TemporaryFolder folder;
  for (const auto& item : kCases) {
    std::vector<std::string> command = {ThrongProgram()};
    command.insert(command.end(), item.arguments.begin(), item.arguments.end());
    const CommandOutput run = RunCommand(command, folder.path());
    EXPECT_EQ(run.exit, item.exit) << run.errors;
    EXPECT_TRUE(run.errors.starts_with(item.first_line)) << run.errors;
  }
}

}  // namespace
}  // namespace throng::integration
