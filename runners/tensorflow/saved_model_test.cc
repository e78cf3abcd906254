#include "runners/tensorflow/saved_model.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "runners/tensorflow/testing/graph_def.h"
#include "runners/testing/backend_fixture.h"

namespace throng::tensorflow_runner {
namespace {

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span<const char>(text));
}

std::string Signature(std::string_view input) {
  return SignatureEntry(1, input, std::string(input) + ":0", kFloat, {-1, 4}) +
         SignatureEntry(2, "y", "y:1", kString, {});
}

TEST(SavedModelTest, ReadsExampleSignature) {
  const std::string bytes = runners_testing::ReadSourceFile(
      "examples/models/half-plus-two/1/model.savedmodel/saved_model.pb");
  const auto signature = ReadSignature(Bytes(bytes), {});
  ASSERT_TRUE(signature.ok()) << signature.status().ToString();
  EXPECT_EQ(signature->tags, std::vector<std::string>{"serve"});
  ASSERT_EQ(signature->inputs.size(), 1u);
  EXPECT_EQ(signature->inputs[0].name, "x");
  EXPECT_EQ(signature->inputs[0].data_type, kFloat);
  EXPECT_EQ(signature->inputs[0].shape, (tensor::Shape{-1, 1}));
  ASSERT_EQ(signature->outputs.size(), 1u);
  EXPECT_EQ(signature->outputs[0].name, "y");
  EXPECT_FALSE(signature->outputs[0].tensor_name.empty());
}

TEST(SavedModelTest, TruncatedFileNeverReadsPastItsEnd) {
  const std::string bytes = runners_testing::ReadSourceFile(
      "examples/models/half-plus-two/1/model.savedmodel/saved_model.pb");
  for (size_t size = 0; size < bytes.size(); size += 7) {
    // A copy of exactly this size, so that a sanitizer sees a read beyond it.
    const std::vector<char> part(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    (void)ReadSignature(std::as_bytes(std::span<const char>(part)), {});
  }
  EXPECT_FALSE(ReadSignature({}, {}).ok());
}

TEST(SavedModelTest, SortsTensorsByName) {
  const std::string signature =
      SignatureEntry(1, "b", "p:0", kFloat, {2}) + SignatureEntry(1, "a", "q:0", kInt32, {});
  const std::string model =
      SavedModel({MetaGraph({"serve"}, {{"serving_default", signature}}, "")});
  const auto read = ReadSignature(Bytes(model), {});
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->inputs.size(), 2u);
  EXPECT_EQ(read->inputs[0].name, "a");
  EXPECT_EQ(read->inputs[0].tensor_name, "q:0");
  EXPECT_EQ(read->inputs[1].shape, (tensor::Shape{2}));
}

TEST(SavedModelTest, PrefersGraphWhoseOnlyTagIsTheWanted) {
  const std::string model =
      SavedModel({MetaGraph({"serve", "tpu"}, {{"serving_default", Signature("for_tpu")}}, ""),
                  MetaGraph({"serve"}, {{"serving_default", Signature("plain")}}, ""),
                  MetaGraph({"train"}, {{"serving_default", Signature("train")}}, "")});
  EXPECT_EQ(ReadSignature(Bytes(model), {})->inputs[0].name, "plain");
  EXPECT_EQ(ReadSignature(Bytes(model), {"train", ""})->inputs[0].name, "train");
  EXPECT_EQ(ReadSignature(Bytes(model), {"tpu", ""})->tags.size(), 2u);
  const auto missing = ReadSignature(Bytes(model), {"gpu", ""});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().message(),
            "none of the SavedModel's 3 graphs has the tag 'gpu' (parameter TF_GRAPH_TAG chooses "
            "one)");
}

TEST(SavedModelTest, ChoosesSignature) {
  const std::string one =
      SavedModel({MetaGraph({"serve"}, {{"predict", Signature("p")}, {"__init", ""}}, "")});
  EXPECT_EQ(ReadSignature(Bytes(one), {})->inputs[0].name, "p");
  const std::string two = SavedModel(
      {MetaGraph({"serve"}, {{"predict", Signature("p")}, {"embed", Signature("e")}}, "")});
  EXPECT_EQ(ReadSignature(Bytes(two), {"serve", "embed"})->inputs[0].name, "e");
  const auto unclear = ReadSignature(Bytes(two), {});
  ASSERT_FALSE(unclear.ok());
  EXPECT_EQ(unclear.status().message(),
            "the SavedModel has no signature 'serving_default'; it has 'predict', 'embed' "
            "(parameter TF_SIGNATURE_DEF chooses one)");
}

TEST(SavedModelTest, BoundsNumberOfTensors) {
  std::string signature;
  for (size_t i = 0; i < limits::kModelTensors; ++i) {
    signature += SignatureEntry(1, "x" + std::to_string(i), "x:0", kFloat, {});
  }
  const auto model = [](const std::string& s) {
    return SavedModel({MetaGraph({"serve"}, {{"serving_default", s}}, "")});
  };
  EXPECT_TRUE(ReadSignature(Bytes(model(signature)), {}).ok());
  signature += SignatureEntry(1, "one_more", "x:0", kFloat, {});
  EXPECT_FALSE(ReadSignature(Bytes(model(signature)), {}).ok());
}

TEST(SavedModelTest, BoundsRank) {
  const auto model = [](size_t rank) {
    return SavedModel({MetaGraph(
        {"serve"},
        {{"serving_default", SignatureEntry(1, "x", "x:0", kFloat, tensor::Shape(rank, 1))}}, "")});
  };
  EXPECT_TRUE(ReadSignature(Bytes(model(limits::kTensorRank)), {}).ok());
  EXPECT_FALSE(ReadSignature(Bytes(model(limits::kTensorRank + 1)), {}).ok());
}

}  // namespace
}  // namespace throng::tensorflow_runner
