#include "cli/request_maker.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/options/text_table.h"

namespace throng::cli {
namespace {

constexpr const char* kMetadata =
    R"({"name":"m","versions":["1"],"platform":"p","inputs":[)"
    R"({"name":"A","datatype":"FP32","shape":[-1,3]},{"name":"B","datatype":"BYTES","shape":[2]}],)"
    R"("outputs":[]})";

TEST(MakeRandomRequestTest, FillsEveryInputAndTurnsAnyIntoOne) {
  SeededRandom random(1);
  const auto body = MakeRandomRequest(kMetadata, random);
  ASSERT_TRUE(body.ok());
  const auto parsed = nlohmann::json::parse(*body);
  ASSERT_EQ(parsed["inputs"].size(), 2U);
  EXPECT_EQ(parsed["inputs"][0]["shape"], (std::vector<int>{1, 3}));
  EXPECT_EQ(parsed["inputs"][0]["data"].size(), 3U);
  EXPECT_TRUE(parsed["inputs"][1]["data"][0].is_string());
}

TEST(MakeRandomRequestTest, SaysWhenTheModelTellsTooLittle) {
  SeededRandom random(1);
  EXPECT_EQ(MakeRandomRequest(R"({"inputs":[]})", random).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(MakeRandomRequest("[]", random).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(MakeRandomRequest("{", random).status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(MakeRandomRequest(
                   R"({"inputs":[{"name":"A","datatype":"FP32","shape":[100000,100000]}]})", random)
                   .ok());
  EXPECT_FALSE(
      MakeRandomRequest(R"({"inputs":[{"name":"A","datatype":"FP16","shape":[1]}]})", random).ok());
}

TEST(ReplyTableTest, ShowsFirstValuesAligned) {
  const auto table = ReplyTable(
      R"({"outputs":[{"name":"OUT","datatype":"INT32","shape":[10],"data":[1,2,3,4,5,6,7,8,9,10]}]})");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(*table,
            "OUTPUT  DATATYPE  SHAPE  DATA\n"
            "OUT     INT32     [10]   1 2 3 4 5 6 7 8 ... (10)\n");
  EXPECT_FALSE(ReplyTable("nothing").ok());
}

TEST(ErrorTextTest, TakesTheTextOutOfTheBody) {
  EXPECT_EQ(ErrorText(R"({"error":"no"})"), "no");
  EXPECT_EQ(ErrorText("plain"), "plain");
}

}  // namespace
}  // namespace throng::cli
