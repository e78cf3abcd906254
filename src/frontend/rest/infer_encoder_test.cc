#include "frontend/rest/infer_encoder.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

namespace throng::frontend::rest {
namespace {

using scheduler::InferReply;
using scheduler::NamedTensor;
using tensor::DataType;

template <typename T>
NamedTensor Output(DataType type, std::vector<T> values) {
  NamedTensor output{"Y", {type, {static_cast<int64_t>(values.size())}, {}}};
  output.tensor.data.resize(values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(output.tensor.data.data(), values.data(), output.tensor.data.size());
  }
  return output;
}

NamedTensor StringOutput(const std::vector<std::string>& values) {
  NamedTensor output{"Y", {DataType::kBytes, {static_cast<int64_t>(values.size())}, {}}};
  for (const std::string& value : values) tensor::AppendBytesElement(value, output.tensor.data);
  return output;
}

std::string DataText(const NamedTensor& output) {
  InferReply reply{.model_name = "m", .outputs = {output}};
  const auto text = EncodeInferReply(reply, "");
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  if (!text.ok()) return "";
  const size_t start = text->find("\"data\":") + 7;
  return text->substr(start, text->size() - start - 3);
}

TEST(InferEncoderTest, PrintsTritonsKeyOrderWithoutSpaces) {
  InferReply reply{.model_name = "cifar10", .model_version = 3};
  reply.outputs.push_back(Output<float>(DataType::kFp32, {-2.0964811f, 1.0f}));
  reply.outputs[0].tensor.shape = {1, 2};
  reply.outputs.push_back(Output<int64_t>(DataType::kInt64, {}));
  reply.outputs[1].name = "Z";
  EXPECT_EQ(*EncodeInferReply(reply, "id\"1"),
            R"({"id":"id\"1","model_name":"cifar10","model_version":"3","outputs":[)"
            R"({"name":"Y","datatype":"FP32","shape":[1,2],"data":[-2.0964810848236086,1.0]},)"
            R"({"name":"Z","datatype":"INT64","shape":[0],"data":[]}]})");
}

TEST(InferEncoderTest, LeavesOutAnIdThatWasNotSent) {
  EXPECT_EQ(*EncodeInferReply({.model_name = "m"}, ""),
            R"({"model_name":"m","model_version":"1","outputs":[]})");
}

TEST(InferEncoderTest, PrintsEveryDatatype) {
  EXPECT_EQ(DataText(Output<uint8_t>(DataType::kBool, {1, 0, 2})), "[true,false,true]");
  EXPECT_EQ(DataText(Output<uint8_t>(DataType::kUint8, {0, 255})), "[0,255]");
  EXPECT_EQ(DataText(Output<uint16_t>(DataType::kUint16, {65535})), "[65535]");
  EXPECT_EQ(DataText(Output<uint32_t>(DataType::kUint32, {4294967295u})), "[4294967295]");
  EXPECT_EQ(DataText(Output<uint64_t>(DataType::kUint64, {UINT64_MAX})), "[18446744073709551615]");
  EXPECT_EQ(DataText(Output<int8_t>(DataType::kInt8, {-128, 127})), "[-128,127]");
  EXPECT_EQ(DataText(Output<int16_t>(DataType::kInt16, {-32768})), "[-32768]");
  EXPECT_EQ(DataText(Output<int32_t>(DataType::kInt32, {-1})), "[-1]");
  EXPECT_EQ(DataText(Output<int64_t>(DataType::kInt64, {INT64_MIN})), "[-9223372036854775808]");
  EXPECT_EQ(DataText(Output<double>(DataType::kFp64, {0.1, 1e30, 1e-7})), "[0.1,1e30,1e-7]");
  EXPECT_EQ(DataText(StringOutput({"a", "", "q\"\n", "caf\xc3\xa9", std::string("\0", 1)})),
            "[\"a\",\"\",\"q\\\"\\n\",\"caf\xc3\xa9\",\"\\u0000\"]");
}

TEST(InferEncoderTest, PrintsNonFiniteNumbersAsBareWords) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(DataText(Output<float>(DataType::kFp32, {std::nanf(""), kInfinity, -kInfinity})),
            "[NaN,Infinity,-Infinity]");
}

TEST(InferEncoderTest, BytesThatAreNotUtf8NameTheOutput) {
  const auto text = EncodeInferReply({.model_name = "m", .outputs = {StringOutput({"\xff"})}}, "");
  EXPECT_EQ(text.status().code(), StatusCode::kInternal);
  EXPECT_EQ(text.status().message(),
            "output 'Y' holds bytes that are not UTF-8; request binary output");
}

TEST(InferEncoderTest, HalfPrecisionHasNoJsonForm) {
  for (const DataType type : {DataType::kFp16, DataType::kBf16}) {
    const auto text =
        EncodeInferReply({.model_name = "m", .outputs = {Output<uint16_t>(type, {0})}}, "");
    EXPECT_EQ(text.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(text.status().message().find("data via JSON is not supported. Please use the binary "
                                           "data format for output Y"),
              std::string::npos);
  }
}

TEST(InferEncoderTest, ATensorThatContradictsItsShapeIsAnError) {
  NamedTensor output = Output<float>(DataType::kFp32, {1, 2});
  output.tensor.shape = {3};
  EXPECT_EQ(EncodeInferReply({.model_name = "m", .outputs = {output}}, "").status().code(),
            StatusCode::kInternal);
  NamedTensor strings = StringOutput({"a"});
  strings.tensor.data.pop_back();
  EXPECT_EQ(EncodeInferReply({.model_name = "m", .outputs = {strings}}, "").status().code(),
            StatusCode::kInternal);
}

TEST(InferEncoderTest, ServerTimingIsInMilliseconds) {
  using std::chrono::microseconds;
  EXPECT_EQ(ServerTiming({microseconds(12), microseconds(0), microseconds(1234567)}),
            "queue;dur=0.012, load;dur=0.000, compute;dur=1234.567");
}

}  // namespace
}  // namespace throng::frontend::rest
