#include "runners/torch/tensor_names.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::torch_runner {
namespace {

using Names = std::vector<std::string>;
using Positions = std::vector<size_t>;

const std::vector<ForwardArgument> kTwo = {{"x", true}, {"y", true}};

TEST(TensorNamesTest, InputsThatAreAllArgumentsGoByName) {
  const auto positions = InputPositions(Names{"y", "x"}, kTwo);
  ASSERT_TRUE(positions.ok());
  EXPECT_EQ(*positions, (Positions{1, 0}));
}

TEST(TensorNamesTest, InputsThatAreAllNumberedGoByPosition) {
  const auto positions = InputPositions(Names{"INPUT__1", "other__0"}, kTwo);
  ASSERT_TRUE(positions.ok());
  EXPECT_EQ(*positions, (Positions{1, 0}));
}

TEST(TensorNamesTest, OtherInputsGoInOrder) {
  for (const Names& names : {Names{"y", "b"}, Names{"INPUT__1", "b"}, Names{"INPUT__", "__x"}}) {
    const auto positions = InputPositions(names, kTwo);
    ASSERT_TRUE(positions.ok()) << names[0];
    EXPECT_EQ(*positions, (Positions{0, 1})) << names[0];
  }
}

TEST(TensorNamesTest, RefusesPositionThatForwardLacks) {
  const auto positions = InputPositions(Names{"INPUT__0", "INPUT__2"}, kTwo);
  ASSERT_FALSE(positions.ok());
  EXPECT_EQ(positions.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(positions.status().message(),
            "input 'INPUT__2' of the configuration means position 2, but the model has forward(x, "
            "y)");
}

TEST(TensorNamesTest, RefusesNumberTooLargeForAPosition) {
  EXPECT_FALSE(InputPositions(Names{"I__0", "I__18446744073709551615"}, kTwo).ok());
  // Not a number any more: the order of the configuration decides.
  EXPECT_TRUE(InputPositions(Names{"I__0", "I__99999999999999999999999"}, kTwo).ok());
}

TEST(TensorNamesTest, RefusesTwoInputsForOnePosition) {
  const auto positions = InputPositions(Names{"a__0", "b__0"}, kTwo);
  ASSERT_FALSE(positions.ok());
  EXPECT_NE(positions.status().message().find("the same position 0"), std::string::npos);
}

TEST(TensorNamesTest, RefusesRequiredArgumentWithoutInput) {
  const auto positions = InputPositions(Names{"x"}, kTwo);
  ASSERT_FALSE(positions.ok());
  EXPECT_NE(positions.status().message().find("argument 'y'"), std::string::npos);
  const std::vector<ForwardArgument> optional = {{"x", true}, {"y", false}};
  EXPECT_TRUE(InputPositions(Names{"x"}, optional).ok());
}

TEST(TensorNamesTest, OutputsGoByNumberElseInOrder) {
  EXPECT_EQ(*OutputPositions(Names{"OUTPUT__1", "OUTPUT__0"}), (Positions{1, 0}));
  EXPECT_EQ(*OutputPositions(Names{"OUTPUT__1", "scores"}), (Positions{0, 1}));
  EXPECT_FALSE(OutputPositions(Names{"a__1", "b__1"}).ok());
  const std::string last = "a__" + std::to_string(limits::kModelTensors - 1);
  const std::string beyond = "a__" + std::to_string(limits::kModelTensors);
  EXPECT_TRUE(OutputPositions(Names{last}).ok());
  EXPECT_FALSE(OutputPositions(Names{beyond}).ok());
}

}  // namespace
}  // namespace throng::torch_runner
