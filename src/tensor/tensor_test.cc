#include "tensor/tensor.h"

#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "base/limits.h"

namespace throng::tensor {
namespace {

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(DataTypeTest, EveryNameParsesBackToItsType) {
  for (uint32_t value = 1; value < kDataTypeCount; ++value) {
    const DataType type = DataTypeFromInt(value);
    EXPECT_EQ(ParseDataType(DataTypeName(type)), type);
    EXPECT_EQ(ParseConfigDataType(ConfigDataTypeName(type)), type);
  }
}

TEST(DataTypeTest, BytesIsStringInAConfiguration) {
  EXPECT_EQ(ConfigDataTypeName(DataType::kBytes), "TYPE_STRING");
  EXPECT_EQ(ParseConfigDataType("TYPE_STRING"), DataType::kBytes);
}

TEST(DataTypeTest, RefusesUnknownNamesAndNumbers) {
  EXPECT_EQ(ParseDataType("<invalid>"), std::nullopt);
  EXPECT_EQ(ParseDataType("fp32"), std::nullopt);
  EXPECT_EQ(ParseDataType(""), std::nullopt);
  EXPECT_EQ(ParseConfigDataType("TYPE_INVALID"), std::nullopt);
  EXPECT_EQ(DataTypeFromInt(kDataTypeCount), DataType::kInvalid);
  EXPECT_EQ(DataTypeName(static_cast<DataType>(200)), "<invalid>");
}

TEST(DataTypeTest, ElementSizesAreThoseOfTheProtocol) {
  EXPECT_EQ(ElementSize(DataType::kBool), 1u);
  EXPECT_EQ(ElementSize(DataType::kFp16), 2u);
  EXPECT_EQ(ElementSize(DataType::kBf16), 2u);
  EXPECT_EQ(ElementSize(DataType::kFp32), 4u);
  EXPECT_EQ(ElementSize(DataType::kUint64), 8u);
  EXPECT_EQ(ElementSize(DataType::kBytes), 0u);
}

TEST(ShapeTest, PrintsAsTritonDoes) {
  EXPECT_EQ(ShapeToString({-1, 3, 32, 32}), "[-1,3,32,32]");
  EXPECT_EQ(ShapeToString({}), "[]");
}

TEST(ShapeTest, CountsElements) {
  EXPECT_EQ(*ElementCount({}), 1u);
  EXPECT_EQ(*ElementCount({2, 3, 4}), 24u);
  EXPECT_EQ(*ElementCount({2, 0, 4}), 0u);
  EXPECT_EQ(*ElementCount({int64_t{1} << 31, int64_t{1} << 31}), uint64_t{1} << 62);
}

TEST(ShapeTest, RefusesNegativeAndOverflowingShapes) {
  EXPECT_FALSE(ElementCount({-1}).ok());
  EXPECT_FALSE(ElementCount({0, -1}).ok());
  EXPECT_FALSE(ElementCount({int64_t{1} << 31, (int64_t{1} << 31) + 1}).ok());
  const int64_t largest = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(ElementCount({largest}).ok());
  EXPECT_FALSE(ElementCount({0, largest, largest}).ok());
  EXPECT_FALSE(ElementCount({largest, largest, 0}).ok());
  EXPECT_NE(ElementCount({largest}).status().message().find(
                "causes total element count to exceed maximum size of"),
            std::string::npos);
}

TEST(ShapeTest, ByteSizeIsBoundedAtTheLimit) {
  const auto limit = static_cast<int64_t>(limits::kTensorBytes);
  EXPECT_EQ(*ByteSize(DataType::kUint8, {limit - 1}), limits::kTensorBytes - 1);
  EXPECT_EQ(*ByteSize(DataType::kUint8, {limit}), limits::kTensorBytes);
  EXPECT_FALSE(ByteSize(DataType::kUint8, {limit + 1}).ok());
  EXPECT_EQ(*ByteSize(DataType::kFp32, {limit / 4}), limits::kTensorBytes);
  EXPECT_FALSE(ByteSize(DataType::kFp32, {limit / 4 + 1}).ok());
  EXPECT_FALSE(ByteSize(DataType::kBytes, {1}).ok());
}

TEST(ShapeTest, MinusOneMatchesAnyDimension) {
  EXPECT_TRUE(ShapeMatches({-1, 16}, {3, 16}));
  EXPECT_TRUE(ShapeMatches({-1, 16}, {0, 16}));
  EXPECT_FALSE(ShapeMatches({-1, 16}, {3, 15}));
  EXPECT_FALSE(ShapeMatches({-1, 16}, {16}));
  EXPECT_TRUE(ShapeMatches({}, {}));
}

TEST(BytesReaderTest, ReadsWhatAppendWrote) {
  std::vector<std::byte> data;
  const std::string with_nul("a\0b", 3);
  AppendBytesElement("hello", data);
  AppendBytesElement("", data);
  AppendBytesElement(with_nul, data);
  BytesReader reader(data);
  EXPECT_EQ(**reader.Next(), "hello");
  EXPECT_EQ(**reader.Next(), "");
  EXPECT_EQ(**reader.Next(), with_nul);
  EXPECT_FALSE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST(BytesReaderTest, LengthIsLittleEndian) {
  std::vector<std::byte> data;
  AppendBytesElement("xy", data);
  EXPECT_EQ(data, Bytes({2, 0, 0, 0, 'x', 'y'}));
}

TEST(BytesReaderTest, RefusesACutLengthAndAnOverrun) {
  const auto cut = Bytes({1, 0, 0});
  EXPECT_EQ(BytesReader(cut).Next().status().message(),
            "incomplete string length indicator, expecting 4 bytes but only 3 bytes available");
  const auto overrun = Bytes({3, 0, 0, 0, 'a', 'b'});
  EXPECT_EQ(BytesReader(overrun).Next().status().message(),
            "incomplete string data, expecting string of length 3 but only 2 bytes available");
  const auto huge = Bytes({0xff, 0xff, 0xff, 0xff, 'a'});
  BytesReader reader(huge);
  EXPECT_FALSE(reader.Next().ok());
  EXPECT_FALSE(reader.Next().ok());
}

TEST(CheckTensorDataTest, FixedSizeDataMustHaveTheSizeOfItsShape) {
  const std::vector<std::byte> data(32);
  EXPECT_TRUE(CheckTensorData(DataType::kFp32, {2, 4}, data).ok());
  EXPECT_TRUE(CheckTensorData(DataType::kFp32, {0}, {}).ok());
  EXPECT_EQ(CheckTensorData(DataType::kFp32, {2, 5}, data).message(),
            "input byte size mismatch. Expected 40, got 32");
  EXPECT_FALSE(CheckTensorData(DataType::kFp32, {2, -1}, data).ok());
  EXPECT_FALSE(CheckTensorData(DataType::kInvalid, {32}, data).ok());
}

TEST(CheckTensorDataTest, BytesDataMustHoldTheNumberOfElements) {
  std::vector<std::byte> data;
  for (int i = 0; i < 3; ++i) AppendBytesElement("x", data);
  EXPECT_TRUE(CheckTensorData(DataType::kBytes, {1, 3}, data).ok());
  EXPECT_TRUE(CheckTensorData(DataType::kBytes, {0}, {}).ok());
  EXPECT_EQ(CheckTensorData(DataType::kBytes, {4}, data).message(),
            "expected 4 string elements, got 3");
  EXPECT_EQ(CheckTensorData(DataType::kBytes, {2}, data).message(),
            "unexpected number of string elements 3, expecting 2");
  data.pop_back();
  EXPECT_FALSE(CheckTensorData(DataType::kBytes, {3}, data).ok());
  // A shape of astronomic size must not make the check slow.
  EXPECT_FALSE(CheckTensorData(DataType::kBytes, {int64_t{1} << 60}, data).ok());
}

}  // namespace
}  // namespace throng::tensor
