// The ONNX runner, through the real protocol and locked down: the models of examples/ and
// tests/fixtures/, good and bad. Skipped where ONNX Runtime is not installed.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "runners/sdk/testing/front_door.h"

namespace throng::onnx {
namespace {

using sdk::testing::CellOptions;
using sdk::testing::CellPeer;
using sdk::testing::Fp32;
using sdk::testing::FrontDoor;
using sdk::testing::ModelSource;
using sdk::testing::Reply;
using sdk::testing::Strings;
using tensor::DataType;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr wire::SandboxMode kSandbox = wire::SandboxMode::kOff;
#else
constexpr wire::SandboxMode kSandbox = wire::SandboxMode::kOn;
#endif

ModelSource ModelFile(const std::string& path) {
  std::ifstream file(std::string(THRONG_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return {{{"model.onnx", std::move(content)}}, 0, {}, {}, {}};
}
ModelSource Fixture(const std::string& path) { return ModelFile("tests/fixtures/" + path); }

template <typename T>
std::vector<T> Values(const tensor::Tensor& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

class OnnxRunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<FrontDoor>> door = FrontDoor::Start("onnx");
    if (!door.ok() && door.status().code() == StatusCode::kNotFound) {
      GTEST_SKIP() << door.status().message();
    }
    ASSERT_TRUE(door.ok()) << door.status().ToString();
    door_ = std::move(*door);
    CellOptions options;
    options.sandbox = kSandbox;
    Result<std::unique_ptr<CellPeer>> cell = door_->Fork(options);
    ASSERT_TRUE(cell.ok()) << cell.status().ToString();
    cell_ = std::move(*cell);
    Result<wire::Hello> hello = cell_->ReceiveHello();
    ASSERT_TRUE(hello.ok()) << hello.status().ToString();
    EXPECT_EQ(hello->syscall_filter, kSandbox == wire::SandboxMode::kOn);
  }

  wire::LoadReply Load(uint32_t slot, const ModelSource& source) {
    Result<wire::LoadReply> reply = cell_->Load(slot, source);
    EXPECT_TRUE(reply.ok()) << reply.status().ToString();
    return reply.ok() ? *reply : wire::LoadReply();
  }

  Reply Execute(uint32_t slot, const std::vector<tensor::Tensor>& inputs) {
    Result<Reply> reply = cell_->Execute(slot, inputs);
    EXPECT_TRUE(reply.ok()) << reply.status().ToString();
    return reply.ok() ? *reply : Reply();
  }

  std::unique_ptr<FrontDoor> door_;
  std::unique_ptr<CellPeer> cell_;
};

TEST_F(OnnxRunnerTest, TellsVersionAndMetadata) {
  EXPECT_FALSE(door_->hello().framework_version.empty());
  const wire::LoadReply reply = Load(0, ModelFile("examples/models/tiny-mlp.onnx"));
  ASSERT_EQ(reply.metadata.inputs.size(), 1u);
  EXPECT_EQ(reply.metadata.inputs[0].name, "x");
  EXPECT_EQ(reply.metadata.inputs[0].type, DataType::kFp32);
  EXPECT_EQ(reply.metadata.inputs[0].shape, (tensor::Shape{-1, 16}));
  ASSERT_EQ(reply.metadata.outputs.size(), 1u);
  EXPECT_EQ(reply.metadata.outputs[0].name, "scores");
  EXPECT_EQ(reply.metadata.outputs[0].shape, (tensor::Shape{-1, 4}));
}

TEST_F(OnnxRunnerTest, ComputesWhatTheFrameworkDoes) {
  Load(0, ModelFile("examples/models/tiny-mlp.onnx"));
  const float x[] = {-1.0F,  -0.867F, -0.733F, -0.6F,  -0.467F, -0.333F, -0.2F,  -0.067F,
                     0.067F, 0.2F,    0.333F,  0.467F, 0.6F,    0.733F,  0.867F, 1.0F};
  const Reply reply = Execute(0, {Fp32({1, 16}, x)});
  ASSERT_EQ(reply.outputs.size(), 1u);
  EXPECT_EQ(reply.outputs[0].shape, (tensor::Shape{1, 4}));
  const std::vector<float> scores = Values<float>(reply.outputs[0]);
  const float expected[] = {0.2022067904F, -0.1338906884F, 0.3569725752F, -0.097543478F};
  for (size_t i = 0; i < std::size(expected); ++i) EXPECT_NEAR(scores[i], expected[i], 1e-4);
}

TEST_F(OnnxRunnerTest, CarriesEveryDatatype) {
  const std::pair<const char*, DataType> types[] = {
      {"bool", DataType::kBool},     {"uint8", DataType::kUint8},   {"uint16", DataType::kUint16},
      {"uint32", DataType::kUint32}, {"uint64", DataType::kUint64}, {"int8", DataType::kInt8},
      {"int16", DataType::kInt16},   {"int32", DataType::kInt32},   {"int64", DataType::kInt64},
      {"fp16", DataType::kFp16},     {"fp32", DataType::kFp32},     {"fp64", DataType::kFp64},
      {"bf16", DataType::kBf16}};
  uint32_t slot = 0;
  for (const auto& [name, type] : types) {
    const wire::LoadReply loaded =
        Load(slot, Fixture("models/identity_" + std::string(name) + ".onnx"));
    ASSERT_EQ(loaded.metadata.inputs.size(), 1u) << name;
    EXPECT_EQ(loaded.metadata.inputs[0].type, type) << name;
    tensor::Tensor input{type, {2, 3}, {}};
    for (size_t i = 0; i < 6 * tensor::ElementSize(type); ++i) {
      input.data.push_back(std::byte(type == DataType::kBool ? i % 2 : i));
    }
    Reply reply = Execute(slot, {input});
    ASSERT_EQ(reply.outputs.size(), 1u) << name;
    EXPECT_EQ(reply.outputs[0].type, type) << name;
    EXPECT_EQ(reply.outputs[0].shape, input.shape) << name;
    EXPECT_EQ(reply.outputs[0].data, input.data) << name;
    reply = Execute(slot, {{type, {0, 3}, {}}});
    ASSERT_EQ(reply.outputs.size(), 1u) << name;
    EXPECT_EQ(reply.outputs[0].shape, (tensor::Shape{0, 3})) << name;
    EXPECT_TRUE(reply.outputs[0].data.empty()) << name;
    ++slot;
  }
}

TEST_F(OnnxRunnerTest, CarriesStringsWithAnyBytes) {
  Load(0, Fixture("models/identity_bytes.onnx"));
  const std::string values[] = {"", std::string("a\0b", 3), "caf\xc3\xa9", std::string(5000, 'x')};
  const tensor::Tensor input = Strings({2, 2}, values);
  EXPECT_EQ(Execute(0, {input}).outputs.at(0).data, input.data);
  EXPECT_TRUE(Execute(0, {Strings({0, 2}, {})}).outputs.at(0).data.empty());
  Load(1, ModelFile("examples/models/string-upper/model.onnx"));
  const std::string words[] = {"hello", "Throng"}, upper[] = {"HELLO", "THRONG"};
  EXPECT_EQ(Execute(1, {Strings({1, 2}, words)}).outputs.at(0).data, Strings({1, 2}, upper).data);
}

TEST_F(OnnxRunnerTest, CarriesScalarsAndShapesThatDependOnValues) {
  Load(0, Fixture("models/scalar.onnx"));
  const float three[] = {3.0F}, minus_three[] = {-3.0F};
  const Reply scalar = Execute(0, {Fp32({}, three)});
  EXPECT_TRUE(scalar.outputs.at(0).shape.empty());
  EXPECT_EQ(scalar.outputs.at(0).data, Fp32({}, minus_three).data);
  Load(1, Fixture("models/shape_from_values.onnx"));
  const float values[] = {0, 1, 0, 2, 0, 3};
  const Reply where = Execute(1, {Fp32({2, 3}, values)});
  EXPECT_EQ(where.outputs.at(0).shape, (tensor::Shape{2, 3}));
  EXPECT_EQ(Values<int64_t>(where.outputs.at(0)), (std::vector<int64_t>{0, 1, 1, 1, 0, 2}));
}

TEST_F(OnnxRunnerTest, ReturnsOnlyRequestedOutputs) {
  Load(0, Fixture("models/add_sub.onnx"));
  const std::vector<float> ones(16, 1.0F), twos(16, 2.0F), differences(16, 1.0F);
  cell_->SendExecute(0, std::vector{Fp32({1, 16}, twos), Fp32({1, 16}, ones)}, 0, {1});
  Result<Reply> reply = cell_->ReceiveExecute();
  ASSERT_TRUE(reply.ok() && reply->status.ok());
  ASSERT_EQ(reply->outputs.size(), 1u);
  EXPECT_EQ(reply->execute.outputs[0].index, 1);
  EXPECT_EQ(reply->outputs[0].data, Fp32({1, 16}, differences).data);
}

TEST_F(OnnxRunnerTest, AnswersAfterACallThatFailed) {
  Load(0, Fixture("models/text_to_int64.onnx"));
  const std::string good[] = {"12"}, bad[] = {"twelve"};
  const Status status = cell_->Execute(0, std::vector{Strings({1, 1}, bad)}).status();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find("/onnxruntime"), std::string::npos) << status.message();
  EXPECT_EQ(Values<int64_t>(Execute(0, {Strings({1, 1}, good)}).outputs.at(0)),
            std::vector<int64_t>{12});
}

TEST_F(OnnxRunnerTest, LoadsAllFixturesInOneCell) {
  uint32_t slot = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(THRONG_SOURCE_DIR) +
                                                               "/tests/fixtures/models")) {
    if (entry.path().extension() != ".onnx") continue;
    Load(slot++, Fixture("models/" + entry.path().filename().string()));
  }
  EXPECT_GE(slot, 20u);
  for (uint32_t i = 0; i < slot; ++i) EXPECT_TRUE(cell_->Unload(i).ok());
  EXPECT_EQ(cell_->Stats()->models, 0u);
}

TEST_F(OnnxRunnerTest, RefusesBadFilesWithACleanReason) {
  const char* files[] = {"broken/empty.onnx",           "broken/noise.onnx",
                         "broken/truncated.onnx",       "refuse/complex64.onnx",
                         "refuse/float8.onnx",          "refuse/unknown_op.onnx",
                         "refuse/sequence_output.onnx", "refuse/state_dict.pt"};
  for (const char* file : files) {
    const Status status = cell_->Load(0, Fixture(file)).status();
    EXPECT_TRUE(status.code() == StatusCode::kInvalidArgument ||
                status.code() == StatusCode::kUnimplemented)
        << file << ": " << status.ToString();
    EXPECT_FALSE(status.message().empty()) << file;
    EXPECT_EQ(status.message().find("/onnxruntime"), std::string::npos) << status.message();
  }
  EXPECT_EQ(cell_->Load(0, {{{"model.onnx", ""}}, 0, {}, {}, {}}).status().code(),
            StatusCode::kInvalidArgument);
  Load(0, Fixture("models/add_sub.onnx"));
}

TEST_F(OnnxRunnerTest, RefusesWeightsInOtherFilesAndLives) {
  for (const char* name :
       {"onnx-external-data", "onnx-external-data-absolute", "onnx-external-data-near"}) {
    const Status status =
        cell_->Load(0, Fixture("hostile/" + std::string(name) + "/1/model.onnx")).status();
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << name << status.ToString();
    EXPECT_EQ(status.message().find("passwd"), std::string::npos) << status.message();
  }
  Load(0, Fixture("models/add_sub.onnx"));
}

TEST_F(OnnxRunnerTest, LeavesOutSequencesWithAWarning) {
  const wire::LoadReply reply = Load(0, Fixture("refuse/zipmap.onnx"));
  ASSERT_EQ(reply.metadata.outputs.size(), 1u);
  EXPECT_EQ(reply.metadata.outputs[0].name, "output_label");
  ASSERT_EQ(reply.warnings.size(), 1u);
  EXPECT_EQ(reply.warnings[0], "output 'output_probability' is a sequence; left out");
  const float flowers[] = {5.1F, 3.5F, 1.4F, 0.2F, 6.3F, 2.5F, 5.0F, 1.9F};
  EXPECT_EQ(Values<int64_t>(Execute(0, {Fp32({2, 4}, flowers)}).outputs.at(0)),
            (std::vector<int64_t>{0, 2}));
}

TEST_F(OnnxRunnerTest, ChecksTheConfigurationAgainstTheModel) {
  ModelSource source = Fixture("models/add_sub.onnx");
  const auto text = [&] { return cell_->Load(0, source).status().message(); };
  source.inputs = {{"INPUT0", DataType::kFp32, {16}, false}, {"X", DataType::kFp32, {16}, false}};
  source.max_batch_size = 4;
  EXPECT_EQ(text(),
            "input 'X' of the configuration is not in the model; it has: 'INPUT0', 'INPUT1'");
  source.inputs[1] = {"INPUT1", DataType::kInt64, {16}, false};
  EXPECT_EQ(text(), "input 'INPUT1' of the configuration is INT64, but in the model it is FP32");
  source.inputs[1] = {"INPUT1", DataType::kFp32, {17}, false};
  EXPECT_EQ(text(),
            "input 'INPUT1' of the configuration has the shape [-1,17], but in the model it has "
            "[-1,16]");
  source.inputs.pop_back();
  EXPECT_EQ(text(), "the configuration leaves out input 'INPUT1', which the model needs");
  // The configuration's order is the one that calls use.
  source.inputs = {{"INPUT1", DataType::kFp32, {16}, false},
                   {"INPUT0", DataType::kFp32, {16}, false}};
  source.outputs = {{"OUTPUT1", DataType::kFp32, {16}, false}};
  const wire::LoadReply reply = Load(0, source);
  EXPECT_EQ(reply.metadata.max_batch_size, 4);
  ASSERT_EQ(reply.metadata.outputs.size(), 1u);
  const std::vector<float> ones(16, 1.0F), threes(16, 3.0F), differences(16, 2.0F);
  EXPECT_EQ(Execute(0, {Fp32({1, 16}, ones), Fp32({1, 16}, threes)}).outputs.at(0).data,
            Fp32({1, 16}, differences).data);
}

TEST_F(OnnxRunnerTest, ChecksShapesInTheRuntime) {
  Load(0, Fixture("models/fixed_shape.onnx"));
  const float four[] = {1, 2, 3, 4};
  EXPECT_EQ(cell_->Execute(0, std::vector{Fp32({2, 2}, four)}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(OnnxRunnerStartTest, SaysHowToGetAMissingLibrary) {
  const Result<std::unique_ptr<FrontDoor>> door =
      FrontDoor::Start("onnx", {"THRONG_ONNXRUNTIME_LIBRARY=/nowhere/libonnxruntime.so.1"});
  ASSERT_FALSE(door.ok());
  EXPECT_EQ(door.status().code(), StatusCode::kNotFound);
  EXPECT_NE(door.status().message().find("./dev setup onnx"), std::string::npos);
  EXPECT_EQ(door.status().message().find("/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace throng::onnx
