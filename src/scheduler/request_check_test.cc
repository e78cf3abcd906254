#include "scheduler/request_check.h"

#include <gtest/gtest.h>

namespace throng::scheduler {
namespace {

model::ModelMetadata TwoInputs() {
  model::ModelMetadata metadata;
  metadata.max_batch_size = 8;
  metadata.inputs = {{"A", tensor::DataType::kInt32, {-1, 16}, false},
                     {"B", tensor::DataType::kInt32, {-1, 16}, false}};
  metadata.outputs = {{"SUM", tensor::DataType::kInt32, {-1, 16}, false},
                      {"DIFF", tensor::DataType::kInt32, {-1, 16}, false}};
  return metadata;
}

NamedTensor Input(const std::string& name, tensor::Shape shape,
                  tensor::DataType type = tensor::DataType::kInt32) {
  NamedTensor input;
  input.name = name;
  input.tensor.type = type;
  input.tensor.shape = std::move(shape);
  return input;
}

InferRequest Request(std::vector<NamedTensor> inputs, std::vector<std::string> outputs = {}) {
  InferRequest request{
      *model::ModelName::Parse("m"), {}, "", {}, std::move(inputs), std::move(outputs), {}};
  return request;
}

std::string Error(const InferRequest& request, const model::ModelMetadata& metadata = TwoInputs()) {
  const auto checked = CheckRequest(request, metadata);
  return checked.ok() ? "ok" : checked.status().message();
}

TEST(CheckRequestTest, FindsIndicesInAnyOrder) {
  const InferRequest request = Request({Input("B", {2, 16}), Input("A", {2, 16})}, {"DIFF"});
  const auto checked = CheckRequest(request, TwoInputs());
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->inputs[0].index, 1);
  EXPECT_EQ(checked->inputs[1].index, 0);
  EXPECT_EQ(checked->requested_outputs, std::vector<uint16_t>{1});
}

TEST(CheckRequestTest, TextsAreTritons) {
  const auto a = Input("A", {1, 16});
  EXPECT_NE(Error(Request({a}))
                .find("expected 2 inputs but got 1 inputs for model 'm'. Got input(s) "
                      "['A'], but missing required input(s) ['B']. Please provide "
                      "all required input(s)"),
            std::string::npos);
  EXPECT_EQ(Error(Request({a, Input("B", {1, 8})})),
            "unexpected shape for input 'B' for model 'm'. Expected [-1,16], got [1,8]");
  EXPECT_EQ(Error(Request({a, Input("B", {1, 16}, tensor::DataType::kFp32)})),
            "inference input 'B' data-type is 'FP32', but model 'm' expects 'INT32'");
  EXPECT_EQ(Error(Request({Input("A", {9, 16}), Input("B", {9, 16})})),
            "inference request batch-size must be <= 8 for 'm'");
  EXPECT_EQ(Error(Request({Input("A", {8, 16}), Input("B", {7, 16})})),
            "input 'B' batch size does not match other inputs for 'm'");
  EXPECT_EQ(Error(Request({Input("A", {8, 16}), Input("B", {8, 16})})), "ok");
  EXPECT_NE(Error(Request({a, Input("B", {1, 16})}, {"X"}))
                .find("unexpected inference output 'X' for model 'm'. The model has 'SUM' ("),
            std::string::npos);
  EXPECT_EQ(Error(Request({a, Input("B", {1, 16})}, {"SUM", "SUM"})),
            "output 'SUM' already exists in request");
  EXPECT_NE(Error(Request({a, a})).find("missing required input(s) ['B']"), std::string::npos);
  EXPECT_NE(
      Error(Request({a, Input("X", {1, 16})})).find("unexpected inference input 'X' for model 'm'"),
      std::string::npos);
}

TEST(CheckRequestTest, AModelWithoutAConfigurationTakesNumberedInputs) {
  model::ModelMetadata metadata;
  metadata.accepts_anything = true;
  const InferRequest request =
      Request({Input("INPUT__1", {3}), Input("INPUT__0", {})}, {"OUTPUT__2"});
  const auto checked = CheckRequest(request, metadata);
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked->inputs[0].index, 1);
  EXPECT_EQ(checked->requested_outputs[0], 2);
  EXPECT_NE(Error(Request({Input("x", {})}), metadata).find("INPUT__0"), std::string::npos);
  EXPECT_EQ(Error(Request({Input("INPUT__0", {}), Input("INPUT__0", {})}), metadata),
            "input 'INPUT__0' already exists in request");
  EXPECT_NE(Error(Request({Input("INPUT__99999999999", {})}), metadata), "ok");
}

TEST(WithRequestIdTest, NamesTheRequest) {
  EXPECT_EQ(WithRequestId(NotFoundError("x"), "").message(), "[request id: <id_unknown>] x");
  EXPECT_EQ(WithRequestId(NotFoundError("x").WithRetryAfter(2), "7").retry_after_seconds(), 2);
}

}  // namespace
}  // namespace throng::scheduler
