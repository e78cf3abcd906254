#include "model/model_name.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::model {
namespace {

TEST(ModelNameTest, AcceptsLettersDigitsUnderscoreDashAndDot) {
  for (const char* text : {"a", "cifar10", "simple-string", "A_b.c-1", "0", "_x", "model.v2"}) {
    const Result<ModelName> name = ModelName::Parse(text);
    ASSERT_TRUE(name.ok()) << text;
    EXPECT_EQ(name->str(), text);
  }
}

TEST(ModelNameTest, RefusesEmptyWithTritonsText) {
  EXPECT_EQ(ModelName::Parse("").status().message(), "Model name cannot be empty");
}

TEST(ModelNameTest, RefusesPathsWithTritonsText) {
  for (const char* text : {".", "..", "../x", "a/b", "/etc", "a\\b", "a/.."}) {
    const Status status = ModelName::Parse(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(status.message(), "model name must not contain path traversal characters") << text;
  }
}

TEST(ModelNameTest, RefusesEverythingElse) {
  const std::string nul("a\0b", 3);
  for (const std::string& text :
       {std::string(";id"), std::string("my model"), std::string("a\nb"), nul,
        std::string("\xd0\xb0"), std::string("a%2e"), std::string("-rf"), std::string(".hidden")}) {
    EXPECT_EQ(ModelName::Parse(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(ModelNameTest, BoundsTheLength) {
  EXPECT_TRUE(ModelName::Parse(std::string(limits::kModelNameBytes - 1, 'a')).ok());
  EXPECT_TRUE(ModelName::Parse(std::string(limits::kModelNameBytes, 'a')).ok());
  EXPECT_FALSE(ModelName::Parse(std::string(limits::kModelNameBytes + 1, 'a')).ok());
  EXPECT_LT(ModelName::Parse(std::string(10240, '/')).status().message().size(), 100u);
}

TEST(ModelNameTest, NamesThatDifferInCaseStayTwo) {
  EXPECT_NE(*ModelName::Parse("Model"), *ModelName::Parse("model"));
}

TEST(VersionTest, IsAnIntegerWithoutLeadingZeros) {
  EXPECT_EQ(ParseVersion("1"), 1);
  EXPECT_EQ(ParseVersion("0"), 0);
  EXPECT_EQ(ParseVersion("1234567890123"), 1234567890123);
  EXPECT_EQ(ParseVersion("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", "01", "00", "-1", "+1", "1 ", " 1", "1a", "v1", "1.0",
                           "9223372036854775808", "99999999999999999999999"}) {
    EXPECT_EQ(ParseVersion(text), std::nullopt) << text;
  }
}

TEST(ModelKeyTest, IsWrittenAsNameColonVersion) {
  EXPECT_EQ((ModelKey{*ModelName::Parse("cifar10"), 3}.ToString()), "cifar10:3");
}

}  // namespace
}  // namespace throng::model
