// Every datatype of the protocol through JSON and a real framework and back, and the errors of
// requests that do not fit their model.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/testing/caller.h"
#include "tests/integration/testing/server_process.h"

namespace throng::integration {
namespace {

using nlohmann::json;

class DatatypesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!HasRunner("onnx")) return;
    server_ = new ServerProcess({SourceFile("tests/fixtures/models")});
    listening_ = server_->WaitUntilScanned();
  }
  static void TearDownTestSuite() {
    if (server_ == nullptr) return;
    EXPECT_EQ(server_->Stop(), 0) << server_->Log();
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    if (server_ == nullptr) GTEST_SKIP() << "no ONNX Runtime";
    ASSERT_TRUE(listening_) << server_->Log();
    caller_ = std::make_unique<Caller>(server_->http_port());
  }

  static std::string Input(const std::string& name, const std::string& type,
                           const std::string& shape, const std::string& data) {
    return R"({"name":")" + name + R"(","datatype":")" + type + R"(","shape":)" + shape +
           R"(,"data":)" + data + "}";
  }
  static std::string Body(const std::string& inputs, const std::string& rest = "") {
    return "{\"inputs\":[" + inputs + "]" + rest + "}";
  }
  // The text after "data": of the only output.
  std::string Echo(const std::string& model, const std::string& type, const std::string& shape,
                   const std::string& data) {
    const Answer answer = caller_->Infer(model, Body(Input("INPUT0", type, shape, data)));
    const size_t begin = answer.body.find("\"data\":");
    if (answer.status != 200 || begin == std::string::npos) return answer.body;
    return answer.body.substr(begin + 7, answer.body.size() - begin - 7 - 3);
  }
  void ExpectError(const std::string& model, const std::string& body, int status,
                   const std::string& text) {
    const Answer answer = caller_->Infer(model, body);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(WrongWithError(answer), "");
    EXPECT_NE(ErrorText(answer).find(text), std::string::npos)
        << "expected '" << text << "' in " << answer.body;
  }

  static inline ServerProcess* server_ = nullptr;
  static inline bool listening_ = false;
  std::unique_ptr<Caller> caller_;
};

struct Row {
  const char* model;
  const char* type;
  const char* data;
  const char* echoed;
};

TEST_F(DatatypesTest, EveryDatatypeComesBackAsItWasSent) {
  constexpr Row kRows[] = {
      {"identity_bool", "BOOL", "[true,false,true]", "[true,false,true]"},
      {"identity_uint8", "UINT8", "[0,1,255]", "[0,1,255]"},
      {"identity_uint16", "UINT16", "[0,1,65535]", "[0,1,65535]"},
      {"identity_uint32", "UINT32", "[0,1,4294967295]", "[0,1,4294967295]"},
      {"identity_uint64", "UINT64", "[0,1,18446744073709551615]", "[0,1,18446744073709551615]"},
      {"identity_int8", "INT8", "[-128,0,127]", "[-128,0,127]"},
      {"identity_int16", "INT16", "[-32768,0,32767]", "[-32768,0,32767]"},
      {"identity_int32", "INT32", "[-2147483648,0,2147483647]", "[-2147483648,0,2147483647]"},
      {"identity_int64", "INT64", "[-9223372036854775808,0,9223372036854775807]",
       "[-9223372036854775808,0,9223372036854775807]"},
      {"identity_fp32", "FP32", "[0.1,-1,16777216]", "[0.10000000149011612,-1.0,16777216.0]"},
      {"identity_fp64", "FP64", "[0.1,-1,1e300]", "[0.1,-1.0,1e300]"},
      {"identity_bytes", "BYTES", R"(["","a b","\u00e9\u4e16"])", R"(["","a b","é世"])"},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.type);
    EXPECT_EQ(Echo(row.model, row.type, "[1,3]", row.data), row.echoed);
    EXPECT_EQ(Echo(row.model, row.type, "[3,1]", row.data), row.echoed);
    EXPECT_EQ(Echo(row.model, row.type, "[0,3]", "[]"), "[]");
  }
}

TEST_F(DatatypesTest, NestedDataIsTheSameAsFlatData) {
  EXPECT_EQ(Echo("identity_int32", "INT32", "[2,2]", "[[1,2],[3,4]]"), "[1,2,3,4]");
  EXPECT_EQ(Echo("identity_bytes", "BYTES", "[2,1]", R"([["x"],["y"]])"), R"(["x","y"])");
}

// FP16 and BF16 have no JSON form: Triton refuses them, and so do we.
TEST_F(DatatypesTest, HalfPrecisionIsRefusedInJson) {
  ExpectError("identity_fp16", Body(Input("INPUT0", "FP16", "[1,1]", "[1]")), 400, "FP16");
  ExpectError("identity_bf16", Body(Input("INPUT0", "BF16", "[1,1]", "[1]")), 400, "BF16");
}

TEST_F(DatatypesTest, StringsKeepNulAndQuotesAndEveryPlaneOfUnicode) {
  const std::string data = R"(["a\u0000b","\"\\/\b\f\n\r\t","\ud83d\ude00"])";
  const std::string echoed = Echo("identity_bytes", "BYTES", "[1,3]", data);
  EXPECT_EQ(json::parse(echoed, nullptr, false), json::parse(data)) << echoed;
}

TEST_F(DatatypesTest, NumbersOutOfTheDatatypesRangeAreRefused) {
  for (const Row& row :
       {Row{"identity_uint8", "UINT8", "[256]", ""}, Row{"identity_uint8", "UINT8", "[-1]", ""},
        Row{"identity_int8", "INT8", "[-129]", ""},
        Row{"identity_int32", "INT32", "[2147483648]", ""},
        Row{"identity_int32", "INT32", "[1.5]", ""},
        Row{"identity_uint64", "UINT64", "[18446744073709551616]", ""},
        Row{"identity_bool", "BOOL", "[2]", ""}, Row{"identity_bytes", "BYTES", "[1]", ""}}) {
    SCOPED_TRACE(row.data);
    const Answer answer =
        caller_->Infer(row.model, Body(Input("INPUT0", row.type, "[1,1]", row.data)));
    EXPECT_EQ(WrongWithError(answer), "");
  }
}

TEST_F(DatatypesTest, InvalidUtf8IsRefused) {
  const Answer answer =
      caller_->Infer("identity_bytes", Body(Input("INPUT0", "BYTES", "[1,1]", "[\"\xff\xfe\"]")));
  EXPECT_EQ(WrongWithError(answer), "");
  EXPECT_EQ(caller_->Get("/v2/health/live").status, 200);
}

// --- several inputs and outputs ---------------------------------------------------------------

constexpr char kRow[] = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]";
constexpr char kOnes[] = "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]";

TEST_F(DatatypesTest, TwoOutputsComeInTheModelsOrderAndRequestedOnesInTheRequests) {
  const std::string inputs =
      Input("INPUT0", "FP32", "[1,16]", kRow) + "," + Input("INPUT1", "FP32", "[1,16]", kOnes);
  json reply = json::parse(caller_->Infer("add_sub", Body(inputs)).body);
  ASSERT_EQ(reply["outputs"].size(), 2U);
  EXPECT_EQ(reply["outputs"][0]["name"], "OUTPUT0");
  EXPECT_EQ(reply["outputs"][0]["data"][15], 16.0);
  EXPECT_EQ(reply["outputs"][1]["name"], "OUTPUT1");
  EXPECT_EQ(reply["outputs"][1]["data"][15], 14.0);
  EXPECT_FALSE(reply.contains("id"));

  reply = json::parse(
      caller_->Infer("add_sub", Body(inputs, R"(,"id":"7","outputs":[{"name":"OUTPUT1"}])")).body);
  ASSERT_EQ(reply["outputs"].size(), 1U);
  EXPECT_EQ(reply["outputs"][0]["name"], "OUTPUT1");
  EXPECT_EQ(reply["id"], "7");
}

TEST_F(DatatypesTest, InputsMayComeInAnyOrder) {
  const std::string inputs =
      Input("INPUT1", "FP32", "[1,16]", kOnes) + "," + Input("INPUT0", "FP32", "[1,16]", kRow);
  const json reply = json::parse(caller_->Infer("add_sub", Body(inputs)).body);
  EXPECT_EQ(reply["outputs"][1]["data"][15], 14.0);
}

TEST_F(DatatypesTest, ScalarBatchOfNumbersAndShapeFromValuesWork) {
  Answer answer = caller_->Get("/v2/models/scalar");
  const json scalar = json::parse(answer.body)["inputs"][0];
  answer = caller_->Infer("scalar", Body(Input(scalar["name"], scalar["datatype"], "[]", "[3]")));
  EXPECT_EQ(answer.status, 200) << answer.body;
  const json numbers = json::parse(caller_->Get("/v2/models/one_number_each").body)["inputs"][0];
  answer = caller_->Infer("one_number_each",
                          Body(Input(numbers["name"], numbers["datatype"], "[3]", "[1,2,3]")));
  EXPECT_EQ(answer.status, 200) << answer.body;
}

TEST_F(DatatypesTest, OptionalInputMayBeLeftOut) {
  const json inputs = json::parse(caller_->Get("/v2/models/optional_input").body)["inputs"];
  ASSERT_FALSE(inputs.empty());
  const Answer answer =
      caller_->Infer("optional_input",
                     Body(Input(inputs[0]["name"], inputs[0]["datatype"], "[1,4]", "[1,2,3,4]")));
  EXPECT_EQ(answer.status, 200) << answer.body;
}

// --- the texts of errors ------------------------------------------------------------------------

TEST_F(DatatypesTest, RequestThatDoesNotFitItsModelIsToldWhatTheModelExpects) {
  const std::string good = Input("INPUT0", "FP32", "[1,16]", kRow);
  const std::string other = Input("INPUT1", "FP32", "[1,16]", kOnes);
  ExpectError("add_sub", Body(good), 400,
              "expected 2 inputs but got 1 inputs for model 'add_sub'. Got input(s) ['INPUT0'], "
              "but missing required input(s) ['INPUT1'].");
  ExpectError("add_sub", Body(good + "," + other + "," + Input("X", "FP32", "[1]", "[1]")), 400,
              "expected 2 inputs but got 3 inputs");
  ExpectError("add_sub", Body(good + "," + Input("X", "FP32", "[1,16]", kOnes)), 400,
              "unexpected inference input 'X' for model 'add_sub'");
  ExpectError("add_sub", Body(good + "," + Input("INPUT1", "INT32", "[1,16]", kOnes)), 400,
              "inference input 'INPUT1' data-type is 'INT32', but model 'add_sub' expects 'FP32'");
  ExpectError("add_sub", Body(good + "," + Input("INPUT1", "FP32", "[1,2]", "[1,2]")), 400,
              "unexpected shape for input 'INPUT1' for model 'add_sub'. Expected [-1,16], got "
              "[1,2]");
  ExpectError("add_sub", Body(good + "," + good), 400, "already exists in request");
  ExpectError("add_sub", Body(good + "," + other, R"(,"outputs":[{"name":"Z"}])"), 400,
              "unexpected inference output 'Z' for model 'add_sub'");
  ExpectError("add_sub", Body(good + "," + Input("INPUT1", "FP99", "[1,16]", kOnes)), 400,
              "invalid datatype for input");
}

TEST_F(DatatypesTest, MalformedBodiesAreAnsweredAsTritonDoes) {
  ExpectError("add_sub", "{\"inputs\":[", 500, "failed to parse the request JSON buffer");
  ExpectError("add_sub", "", 500, "failed to parse the request JSON buffer");
  ExpectError("add_sub", "{}", 500, "inputs");
  ExpectError("add_sub", R"({"inputs":[{"name":"INPUT0"}]})", 500, "Unable to parse");
  ExpectError("identity_fp32", Body(Input("INPUT0", "FP32", "[-1,1]", "[1]")), 500,
              "Unable to parse 'shape'");
  ExpectError("identity_fp32", Body(Input("INPUT0", "FP32", "[2,2]", "[1,2,3]")), 500,
              "hape does not match true shape");
  ExpectError("identity_fp32",
              Body(Input("INPUT0", "FP32", "[4611686018427387904,4611686018427387904]", "[1]")),
              400, "exceed");
  std::string deep = "{\"inputs\":";
  for (int i = 0; i < 250000; ++i) deep += '[';
  const Answer answer = caller_->Infer("add_sub", deep);
  EXPECT_EQ(WrongWithError(answer), "");
}

TEST_F(DatatypesTest, ModelsOwnErrorIsToldAndTheNextRequestWorks) {
  const Answer bad = caller_->Infer(
      "text_to_int64",
      Body(Input(json::parse(caller_->Get("/v2/models/text_to_int64").body)["inputs"][0]["name"],
                 "BYTES", "[1]", R"(["twelve"])")));
  EXPECT_EQ(WrongWithError(bad), "");
}

}  // namespace
}  // namespace throng::integration
