#include "frontend/rest/infer_decoder.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "base/random.h"
#include "tensor/tensor.h"

namespace throng::frontend::rest {
namespace {

using scheduler::InferRequest;
using tensor::DataType;

InferRequest EmptyRequest() { return InferRequest{.model = *model::ModelName::Parse("m")}; }

Status DecodeStatus(std::string_view body) {
  InferRequest request = EmptyRequest();
  return DecodeInferBody(body, request);
}

InferRequest Decode(std::string_view body) {
  InferRequest request = EmptyRequest();
  const Status status = DecodeInferBody(body, request);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << body;
  return request;
}

template <typename T>
std::vector<T> Values(const tensor::Tensor& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

std::string OneInput(std::string_view datatype, std::string_view shape, std::string_view data) {
  return R"({"inputs":[{"name":"A","datatype":")" + std::string(datatype) + R"(","shape":)" +
         std::string(shape) + R"(,"data":)" + std::string(data) + "}]}";
}

TEST(InferDecoderTest, ReadsEveryPartOfARequest) {
  const InferRequest request = Decode(
      R"({"id":"42","parameters":{"a":true,"b":-7,"c":1.5,"d":"x"},
          "inputs":[{"name":"A","shape":[1,3],"datatype":"INT32","data":[[1,2,3]]},
                    {"name":"B","shape":[2],"datatype":"BYTES","data":["x","\u0000y"]}],
          "outputs":[{"name":"Y"},{"name":"X","parameters":{"binary_data":false}}],
          "model_name":"ignored","extra":{"deep":[1,{"er":null}]}})");
  EXPECT_EQ(request.id, "42");
  ASSERT_EQ(request.parameters.size(), 4u);
  EXPECT_EQ(std::get<bool>(request.parameters[0].second), true);
  EXPECT_EQ(std::get<int64_t>(request.parameters[1].second), -7);
  EXPECT_EQ(std::get<double>(request.parameters[2].second), 1.5);
  EXPECT_EQ(std::get<std::string>(request.parameters[3].second), "x");
  ASSERT_EQ(request.inputs.size(), 2u);
  EXPECT_EQ(request.inputs[0].name, "A");
  EXPECT_EQ(request.inputs[0].tensor.type, DataType::kInt32);
  EXPECT_EQ(request.inputs[0].tensor.shape, (tensor::Shape{1, 3}));
  EXPECT_EQ(Values<int32_t>(request.inputs[0].tensor), (std::vector<int32_t>{1, 2, 3}));
  std::vector<std::byte> strings;
  tensor::AppendBytesElement("x", strings);
  tensor::AppendBytesElement(std::string_view("\0y", 2), strings);
  EXPECT_EQ(request.inputs[1].tensor.data, strings);
  EXPECT_EQ(request.requested_outputs, (std::vector<std::string>{"Y", "X"}));
}

TEST(InferDecoderTest, KeysOfAnInputComeInAnyOrder) {
  std::vector<std::string> members = {R"("name":"A")", R"("datatype":"FP32")", R"("shape":[2,2])",
                                      R"("data":[[1,2],[3,NaN]])", R"("zzz":[{}])"};
  std::sort(members.begin(), members.end());
  do {
    std::string body = "{\"inputs\":[{";
    for (size_t i = 0; i < members.size(); ++i) body += (i > 0 ? "," : "") + members[i];
    const InferRequest request = Decode(body + "}]}");
    ASSERT_EQ(request.inputs.size(), 1u);
    const auto values = Values<float>(request.inputs[0].tensor);
    ASSERT_EQ(values.size(), 4u);
    EXPECT_EQ(values[2], 3.0f);
    EXPECT_NE(values[3], values[3]);
  } while (std::next_permutation(members.begin(), members.end()));
}

TEST(InferDecoderTest, ReadsEveryDatatype) {
  EXPECT_EQ(Values<uint8_t>(Decode(OneInput("BOOL", "[2]", "[true,false]")).inputs[0].tensor),
            (std::vector<uint8_t>{1, 0}));
  EXPECT_EQ(Values<uint8_t>(Decode(OneInput("UINT8", "[1]", "[255]")).inputs[0].tensor)[0], 255);
  EXPECT_EQ(Values<uint16_t>(Decode(OneInput("UINT16", "[1]", "[65535]")).inputs[0].tensor)[0],
            65535);
  EXPECT_EQ(Values<uint32_t>(Decode(OneInput("UINT32", "[1]", "[7]")).inputs[0].tensor)[0], 7u);
  EXPECT_EQ(Values<uint64_t>(
                Decode(OneInput("UINT64", "[1]", "[18446744073709551615]")).inputs[0].tensor)[0],
            UINT64_MAX);
  EXPECT_EQ(Values<int8_t>(Decode(OneInput("INT8", "[1]", "[-128]")).inputs[0].tensor)[0], -128);
  EXPECT_EQ(Values<int16_t>(Decode(OneInput("INT16", "[1]", "[-5]")).inputs[0].tensor)[0], -5);
  EXPECT_EQ(Values<int64_t>(Decode(OneInput("INT64", "[1]", "[-5]")).inputs[0].tensor)[0], -5);
  EXPECT_EQ(Values<double>(Decode(OneInput("FP64", "[1]", "[0.1]")).inputs[0].tensor)[0], 0.1);
  EXPECT_EQ(Decode(OneInput("FP32", "[0,3]", "[]")).inputs[0].tensor.data.size(), 0u);
  EXPECT_EQ(Decode(OneInput("BYTES", "[0]", "[]")).inputs[0].tensor.data.size(), 0u);
  EXPECT_EQ(Values<float>(Decode(OneInput("FP32", "[]", "[2]")).inputs[0].tensor)[0], 2.0f);
}

struct BadBody {
  const char* body;
  StatusCode code;
  const char* text;  // contained in the message
};

TEST(InferDecoderTest, EveryBadBodyIsRefusedWithItsReason) {
  constexpr StatusCode kInternal = StatusCode::kInternal;
  constexpr StatusCode kInvalid = StatusCode::kInvalidArgument;
  const BadBody cases[] = {
      {"", kInternal, "failed to parse the request JSON buffer: The document is empty. at 0"},
      {"{", kInternal, "failed to parse the request JSON buffer: "},
      {"[]", kInternal, "Unable to parse the request"},
      {"{}", kInternal, "Unable to parse 'inputs': attempt to access non-existing object member"},
      {R"({"inputs":5})", kInternal,
       "Unable to parse 'inputs': attempt to access JSON non-array as array"},
      {R"({"inputs":[5]})", kInternal, "Unable to parse 'inputs'"},
      {R"({"inputs":[],"inputs":[]})", kInternal, "Duplicate name"},
      {R"({"inputs":[]} x)", kInternal, " at 14"},
      {R"({"id":5,"inputs":[]})", kInternal,
       "Unable to parse 'id': attempt to access JSON non-string as string"},
      {R"({"inputs":[{"datatype":"FP32","shape":[1],"data":[1]}]})", kInternal,
       "Unable to parse 'name': attempt to access non-existing object member 'name'"},
      {R"({"inputs":[{"name":"A","shape":[1],"data":[1]}]})", kInternal,
       "Unable to parse 'datatype'"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","data":[1]}]})", kInternal,
       "Unable to parse 'shape'"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1]}]})", kInvalid,
       "Input must set only one of the following fields: 'data', 'binary_data_size' in "
       "'parameters', 'shared_memory_region' in 'parameters'. But no field is set"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1],"data":[1],
           "parameters":{"binary_data_size":4}}]})",
       kInvalid, "But set 'data' 'binary_data_size' for input 'A'"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1],
           "parameters":{"binary_data_size":4}}]})",
       StatusCode::kUnimplemented, "'binary_data_size' of input 'A' is not supported yet"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1],
           "parameters":{"shared_memory_region":"r","shared_memory_byte_size":4}}]})",
       StatusCode::kUnimplemented, "'shared_memory_region' of input 'A' is not supported yet"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[2,-5],"data":[1.0]}]})", kInternal,
       "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as "
       "unsigned-integer"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1.5],"data":[1.0]}]})", kInternal,
       "Unable to parse 'shape'"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":"1","data":[1.0]}]})", kInternal,
       "Unable to parse 'shape': attempt to access JSON non-array as array"},
      {R"({"inputs":[{"name":"A","datatype":"FLOAT","shape":[1],"data":[1.0]}]})", kInvalid,
       "invalid datatype for input A"},
      {R"({"inputs":[{"name":"A","datatype":"FP16","shape":[1],"data":[1.0]}]})", kInvalid,
       "receiving FP16 data via JSON is not supported. Please use the binary data format for input "
       "A"},
      {R"({"inputs":[{"name":"A","data":[1.0],"datatype":"BF16","shape":[1]}]})", kInvalid,
       "receiving BF16 data via JSON"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[3],"data":[1,2]}]})", kInternal,
       "Unable to parse 'data': Shape does not match true shape of 'data' field: expected 3 "
       "elements, got 2 (input 'A')"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1],"data":[1,2]}]})", kInternal,
       "Shape does not match true shape of 'data' field"},
      {R"({"inputs":[{"data":[1,2],"name":"A","datatype":"FP32","shape":[3]}]})", kInternal,
       "Shape does not match true shape of 'data' field"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1],"data":["x"]}]})", kInternal,
       "Unable to parse 'data': expected a number at offset 61 (input 'A')"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[1],"data":null}]})", kInternal,
       "Unable to parse 'data': expected an array"},
      {R"({"inputs":[{"data":7,"name":"A","datatype":"FP32","shape":[1]}]})", kInternal,
       "Unable to parse 'data': expected an array"},
      {R"({"inputs":[{"name":"A","datatype":"BYTES","shape":[1],"data":[1]}]})", kInternal,
       "Unable to parse 'data': expected a string"},
      {R"({"inputs":[{"name":"A","datatype":"INT8","shape":[1],"data":[128]}]})", kInternal,
       "Unable to parse 'data': value out of range"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[9223372036854775807,3],"data":[1]}]})",
       kInvalid, "causes total element count to exceed maximum size of"},
      {R"({"inputs":[{"name":"A","datatype":"FP32","shape":[4294967296],"data":[1]}]})", kInternal,
       "expected 4294967296 elements, got 1 (input 'A')"},
      {R"({"inputs":[{"name":"A","datatype":"INT8","shape":[1],"data":[1]},
                     {"name":"A","datatype":"INT8","shape":[1],"data":[1]}]})",
       kInvalid, "input 'A' already exists in request"},
      {R"({"inputs":[],"outputs":[{"name":"Y"},{"name":"Y"}]})", kInvalid,
       "output 'Y' already exists in request"},
      {R"({"inputs":[],"outputs":[{}]})", kInternal, "Unable to parse 'name'"},
      {R"({"inputs":[],"outputs":{}})", kInternal, "Unable to parse 'outputs'"},
      {R"({"inputs":[],"outputs":[{"name":"Y","parameters":{"binary_data":true}}]})",
       StatusCode::kUnimplemented, "'binary_data' of output 'Y' is not supported yet"},
      {R"({"inputs":[],"outputs":[{"name":"Y","parameters":{"binary_data":1}}]})", kInternal,
       "Unable to parse 'binary_data'"},
      {R"({"inputs":[],"outputs":[{"name":"Y","parameters":{"classification":3}}]})",
       StatusCode::kUnimplemented, "'classification' of output 'Y'"},
      {R"({"inputs":[],"outputs":[{"name":"Y","parameters":{"shared_memory_region":"r"}}]})",
       StatusCode::kUnimplemented, "'shared_memory_region' of output 'Y'"},
      {R"({"inputs":[],"parameters":{"binary_data_output":true}})", StatusCode::kUnimplemented,
       "'binary_data_output' is not supported yet"},
      {R"({"inputs":[],"parameters":{"triton_x":1}})", kInvalid, "reserved for Triton usage"},
      {R"({"inputs":[],"parameters":{"x":[1]}})", kInvalid, "parameter 'x' has invalid type"},
      {R"({"inputs":[],"parameters":{"x":null}})", kInvalid, "parameter 'x' has invalid type"},
      {R"({"inputs":[],"parameters":[]})", kInternal, "Unable to parse 'parameters'"},
      {R"({"inputs":[],"x":NaN})", kInternal, "Invalid value."},
      {R"({"inputs":[],"x":"\ud800"})", kInternal, "surrogate"},
  };
  for (const BadBody& bad : cases) {
    const Status status = DecodeStatus(bad.body);
    EXPECT_EQ(status.code(), bad.code) << bad.body << "\n" << status.ToString();
    EXPECT_NE(status.message().find(bad.text), std::string::npos) << bad.body << "\n"
                                                                  << status.ToString();
  }
}

TEST(InferDecoderTest, AcceptsParametersThatAskForWhatWeDo) {
  Decode(R"({"inputs":[],"parameters":{"binary_data_output":false,"timeout":1000}})");
}

std::string Repeat(size_t count, const std::function<std::string(size_t)>& item) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + item(i);
  return text;
}

TEST(InferDecoderTest, InputsAndOutputsAreBounded) {
  const auto body = [](size_t inputs, size_t outputs) {
    const auto input = [](size_t i) {
      return R"({"name":"I)" + std::to_string(i) + R"(","datatype":"INT8","shape":[1],"data":[1]})";
    };
    const auto output = [](size_t i) { return R"({"name":"O)" + std::to_string(i) + "\"}"; };
    return "{\"inputs\":[" + Repeat(inputs, input) + "],\"outputs\":[" + Repeat(outputs, output) +
           "]}";
  };
  constexpr size_t kLimit = limits::kTensorsPerRequest;
  EXPECT_TRUE(DecodeStatus(body(kLimit - 1, kLimit - 1)).ok());
  EXPECT_TRUE(DecodeStatus(body(kLimit, kLimit)).ok());
  EXPECT_EQ(DecodeStatus(body(kLimit + 1, 0)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeStatus(body(0, kLimit + 1)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeStatus(body(0, 100000)).code(), StatusCode::kInvalidArgument);
}

TEST(InferDecoderTest, RankIdAndParametersAreBounded) {
  const auto shape = [](size_t rank) {
    return OneInput("INT8", "[" + Repeat(rank, [](size_t) { return "1"; }) + "]", "[1]");
  };
  EXPECT_TRUE(DecodeStatus(shape(limits::kTensorRank)).ok());
  const Status too_many = DecodeStatus(shape(limits::kTensorRank + 1));
  EXPECT_EQ(too_many.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(too_many.message().find("input 'A'"), std::string::npos) << too_many.message();

  const auto id = [](size_t size) {
    return R"({"inputs":[],"id":")" + std::string(size, 'x') + "\"}";
  };
  EXPECT_TRUE(DecodeStatus(id(limits::kRequestIdBytes)).ok());
  EXPECT_FALSE(DecodeStatus(id(limits::kRequestIdBytes + 1)).ok());

  const auto parameters = [](size_t count) {
    const auto member = [](size_t i) { return "\"p" + std::to_string(i) + "\":1"; };
    return R"({"inputs":[],"parameters":{)" + Repeat(count, member) + "}}";
  };
  EXPECT_TRUE(DecodeStatus(parameters(limits::kParametersPerObject)).ok());
  EXPECT_FALSE(DecodeStatus(parameters(limits::kParametersPerObject + 1)).ok());
}

TEST(InferDecoderTest, AShapeThatPromisesMoreThanTheBodyHoldsAllocatesNothing) {
  InferRequest request = EmptyRequest();
  const Status status = DecodeInferBody(OneInput("FP64", "[8388608]", "[1,2]"), request);
  EXPECT_NE(status.message().find("expected 8388608 elements, got 2"), std::string::npos)
      << status.message();
}

TEST(InferDecoderTest, ATensorAboveTheLimitIsRefused) {
  const size_t count = limits::kTensorBytes / 8;
  const auto body = [](size_t elements) {
    std::string data = "[";
    data.reserve(elements * 2 + 2);
    for (size_t i = 0; i < elements; ++i) data += "0,";
    data.back() = ']';
    return OneInput("FP64", "[" + std::to_string(elements) + "]", data);
  };
  EXPECT_TRUE(DecodeStatus(body(count)).ok());
  const Status status = DecodeStatus(body(count + 1));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("byte size overflow for input 'A'"), std::string::npos);
}

std::string ReadExample(const std::string& name) {
  std::ifstream file(std::string(THRONG_SOURCE_DIR) + "/examples/requests/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(InferDecoderTest, ReadsTheExampleRequestsAsNlohmannDoes) {
  const std::string body = ReadExample("cifar10.json");
  ASSERT_GT(body.size(), 100000u);
  const InferRequest request = Decode(body);
  ASSERT_EQ(request.inputs.size(), 1u);
  EXPECT_EQ(request.inputs[0].tensor.shape, (tensor::Shape{1, 3, 32, 32}));
  const auto values = Values<float>(request.inputs[0].tensor);
  const auto oracle = nlohmann::json::parse(body)["inputs"][0]["data"].flatten();
  ASSERT_EQ(values.size(), oracle.size());
  const auto data = nlohmann::json::parse(body)["inputs"][0]["data"][0];
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i], data[i / 1024][i / 32 % 32][i % 32].get<float>());
  }
  EXPECT_EQ(Decode(ReadExample("simple-string.json")).inputs.size(), 2u);
}

// Every truncation and many damages: an answer, never a crash (run under sanitizers).
TEST(InferDecoderTest, DamagedBodiesAreAnsweredWithAStatus) {
  const std::string body =
      R"({"id":"i","inputs":[{"name":"A","shape":[2,2],"datatype":"FP32",)"
      R"("data":[[1.5,-2e3],[NaN,4]]},{"data":["a\u00e9","b"],"name":"B","shape":[2],)"
      R"("datatype":"BYTES"}],)"
      R"("outputs":[{"name":"Y"}],"parameters":{"p":1}})";
  ASSERT_TRUE(DecodeStatus(body).ok());
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(DecodeStatus(body.substr(0, size)).ok()) << size;
  }
  SeededRandom random(5);
  size_t refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = body;
    for (int j = 0; j < 3; ++j) {
      damaged[random.Next() % damaged.size()] = static_cast<char>(random.Next());
    }
    const Status status = DecodeStatus(damaged);
    if (!status.ok()) {
      ++refused;
      EXPECT_FALSE(status.message().empty());
    }
  }
  EXPECT_GT(refused, 15000u);
}

}  // namespace
}  // namespace throng::frontend::rest
