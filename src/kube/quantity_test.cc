#include "kube/quantity.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "kube/testing/goldens.h"

namespace throng::kube {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

std::string_view Name(Quantity::Format format) {
  switch (format) {
    case Quantity::Format::kBinarySi:
      return "BinarySI";
    case Quantity::Format::kDecimalSi:
      return "DecimalSI";
    case Quantity::Format::kDecimalExponent:
      break;
  }
  return "DecimalExponent";
}

TEST(QuantityTest, IsThatOfKubernetes) {
  for (const Json& row : testing::Goldens("quantities.json")) {
    const auto text = row["text"].get<std::string>();
    SCOPED_TRACE(text);
    const Result<Quantity> quantity = Quantity::Parse(text);
    if (row.contains("error")) {
      ASSERT_FALSE(quantity.ok());
      EXPECT_EQ(quantity.status().message(), row["error"]);
      continue;
    }
    ASSERT_TRUE(quantity.ok()) << quantity.status().message();
    EXPECT_EQ(quantity->ToString(), row["string"]);
    EXPECT_EQ(Name(quantity->format()), row["format"].get<std::string>());
    if (row.contains("go")) {
      EXPECT_EQ(quantity->GoText(), row["go"]);
    }
    if (row.contains("value")) {
      EXPECT_EQ(quantity->Value(), row["value"].get<int64_t>());
    }
    if (row.contains("milli")) {
      EXPECT_EQ(quantity->MilliValue(), row["milli"].get<int64_t>());
    }
  }
}

TEST(QuantityTest, PrintsWhatGoWouldPrintAsAnAddressAsANumber) {
  EXPECT_EQ(Quantity::Parse("1.5Gi")->GoText(), "{{0 0} {1610612736}  BinarySI}");
  EXPECT_EQ(Quantity::Parse("-1.5Ki")->GoText(), "{{0 0} {-1536}  BinarySI}");
}

TEST(QuantityTest, RoundsAwayFromZero) {
  EXPECT_EQ(Quantity::Parse("-0.0000000001")->Value(), -1);
  EXPECT_EQ(Quantity::Parse("-1500m")->Value(), -2);
  EXPECT_EQ(Quantity::Parse("1500m")->Value(), 2);
  EXPECT_EQ(Quantity::Parse("1u")->MilliValue(), 1);
}

TEST(QuantityTest, SaturatesInsteadOfOverflowing) {
  EXPECT_EQ(Quantity::Parse("100Ei")->Value(), kMost);
  EXPECT_EQ(Quantity::Parse("10E")->Value(), kMost);
  EXPECT_EQ(Quantity::Parse("-10E")->Value(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Quantity::Parse("1E")->MilliValue(), kMost);
  EXPECT_EQ(Quantity::Parse("7Ei")->Value(), 8070450532247928832);
}

TEST(QuantityTest, BoundsItsText) {
  EXPECT_TRUE(Quantity::Parse(std::string(127, '0') + "1").ok());
  EXPECT_FALSE(Quantity::Parse(std::string(128, '0') + "1").ok());
  EXPECT_TRUE(Quantity::Parse("1e39").ok());
  EXPECT_EQ(Quantity::Parse("1e40").status().message(), "quantity is out of range");
  EXPECT_FALSE(Quantity::Parse("1e999999999999").ok());
  EXPECT_FALSE(Quantity::Parse("1e2147483647").ok());
  EXPECT_EQ(Quantity::Parse("1e-2147483648")->ToString(), "1e-9");
  EXPECT_EQ(Quantity::Parse("0." + std::string(120, '3') + "Ei")->Value(), 384307168202282326);
}

TEST(QuantityTest, Compares) {
  const auto of = [](std::string_view text) { return *Quantity::Parse(text); };
  EXPECT_EQ(of("1Gi"), of("1024Mi"));
  EXPECT_EQ(of("1"), of("1000m"));
  EXPECT_LT(of("999m"), of("1"));
  EXPECT_LT(of("-1"), of("1n"));
  EXPECT_LT(of("-2"), of("-1"));
  EXPECT_LT(of("0"), of("1n"));
  EXPECT_GT(of("1Ki"), of("1k"));
  EXPECT_EQ(of("0"), of("-0"));
  EXPECT_EQ(Quantity(), of("0"));
}

TEST(QuantityTest, ComesFromNumbers) {
  EXPECT_EQ(Quantity(1536LL * 1024 * 1024, Quantity::Format::kBinarySi).ToString(), "1536Mi");
  EXPECT_EQ(Quantity(-3000).ToString(), "-3k");
  EXPECT_EQ(Quantity(std::numeric_limits<int64_t>::min()).Value(),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Quantity::FromJson(2)->ToString(), "2");
  EXPECT_EQ(Quantity::FromJson(0.5)->ToString(), "500m");
  EXPECT_EQ(Quantity::FromJson(" 1Gi ")->Value(), 1073741824);
  EXPECT_FALSE(Quantity::FromJson(" ").ok());
  EXPECT_FALSE(Quantity::FromJson(true).ok());
  EXPECT_FALSE(Quantity::FromJson(nullptr).ok());
}

}  // namespace
}  // namespace throng::kube
