#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/limits.h"
#include "os/file.h"
#include "repository/repository.h"

namespace throng::repository {
namespace {

using tensor::DataType;

constexpr char kCifar[] = R"(name: "cifar10"
platform: "pytorch_libtorch"
max_batch_size: 0
input [
  {
    name: "INPUT__0"
    data_type: TYPE_FP32
    dims: [ -1, 3, 32, 32 ]
  }
]
output [
  {
    name: "OUTPUT__0"
    data_type: TYPE_FP32
    dims: [ -1, 10 ]
  }
]
)";

std::string Error(const std::string& text, const std::string& directory = "m") {
  const Result<ParsedConfig> parsed = ParseModelConfig(text, directory);
  EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << text;
  return parsed.status().message();
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What the two have in common is all that config.pbtxt can say.
void ExpectSame(const model::ModelConfig& a, const model::ModelConfig& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.platform, b.platform);
  EXPECT_EQ(a.backend, b.backend);
  EXPECT_EQ(a.max_batch_size, b.max_batch_size);
  EXPECT_EQ(a.version_policy.kind, b.version_policy.kind);
  EXPECT_EQ(a.version_policy.latest_count, b.version_policy.latest_count);
  EXPECT_EQ(a.version_policy.specific, b.version_policy.specific);
  EXPECT_EQ(a.default_model_filename, b.default_model_filename);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_EQ(a.instance_count, b.instance_count);
  EXPECT_EQ(a.isolation, b.isolation);
  for (const auto tensors : {&model::ModelConfig::inputs, &model::ModelConfig::outputs}) {
    ASSERT_EQ((a.*tensors).size(), (b.*tensors).size());
    for (size_t i = 0; i < (a.*tensors).size(); ++i) {
      EXPECT_EQ((a.*tensors)[i].name, (b.*tensors)[i].name);
      EXPECT_EQ((a.*tensors)[i].type, (b.*tensors)[i].type);
      EXPECT_EQ((a.*tensors)[i].dims, (b.*tensors)[i].dims);
      EXPECT_EQ((a.*tensors)[i].optional, (b.*tensors)[i].optional);
      EXPECT_EQ((a.*tensors)[i].format, (b.*tensors)[i].format);
      EXPECT_EQ((a.*tensors)[i].label_filename, (b.*tensors)[i].label_filename);
    }
  }
}

TEST(ModelConfigTest, ReadsTheSeedsConfiguration) {
  const Result<ParsedConfig> parsed = ParseModelConfig(kCifar, "cifar10");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  const model::ModelConfig& config = parsed->config;
  EXPECT_TRUE(parsed->warnings.empty());
  EXPECT_TRUE(config.from_file);
  EXPECT_EQ(config.name, "cifar10");
  EXPECT_EQ(config.platform, "pytorch_libtorch");
  EXPECT_EQ(config.max_batch_size, 0);
  ASSERT_EQ(config.inputs.size(), 1u);
  EXPECT_EQ(config.inputs[0].name, "INPUT__0");
  EXPECT_EQ(config.inputs[0].type, DataType::kFp32);
  EXPECT_EQ(config.inputs[0].dims, (tensor::Shape{-1, 3, 32, 32}));
  ASSERT_EQ(config.outputs.size(), 1u);
  EXPECT_EQ(config.outputs[0].dims, (tensor::Shape{-1, 10}));
  EXPECT_EQ(config.instance_count, 1);
}

TEST(ModelConfigTest, ReadsEveryHonouredField) {
  const Result<ParsedConfig> parsed = ParseModelConfig(R"(
      backend: "onnxruntime" max_batch_size: 8
      input { name: "a" data_type: TYPE_STRING dims: 16 optional: true format: FORMAT_NHWC }
      output { name: "b" data_type: TYPE_BF16 dims: [ ] label_filename: "labels.txt" }
      version_policy: { specific { versions: [ 3, 1 ] } }
      default_model_filename: "net.onnx"
      instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_AUTO } ]
      parameters { key: "isolation" value { string_value: "model" } }
      parameters { key: "k" value { string_value: "v" } }
      model_transaction_policy { decoupled: false }
      response_cache { enable: false })",
                                                       "m");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  const model::ModelConfig& config = parsed->config;
  EXPECT_EQ(config.name, "m");
  EXPECT_EQ(config.backend, "onnxruntime");
  EXPECT_EQ(config.max_batch_size, 8);
  EXPECT_TRUE(config.inputs[0].optional);
  EXPECT_EQ(config.inputs[0].type, DataType::kBytes);
  EXPECT_EQ(config.inputs[0].format, "FORMAT_NHWC");
  EXPECT_EQ(config.outputs[0].type, DataType::kBf16);
  EXPECT_EQ(config.outputs[0].label_filename, "labels.txt");
  EXPECT_EQ(config.version_policy.kind, model::VersionPolicy::Kind::kSpecific);
  EXPECT_EQ(config.version_policy.specific, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(config.default_model_filename, "net.onnx");
  EXPECT_EQ(config.instance_count, 3);
  EXPECT_EQ(config.isolation, model::Isolation::kModel);
  EXPECT_EQ(config.parameters.at("k"), "v");
  ASSERT_EQ(parsed->warnings.size(), 1u);
  EXPECT_EQ(parsed->warnings[0],
            "config.pbtxt, line 4: output[0].label_filename is ignored: replies carry no labels "
            "yet");
}

TEST(ModelConfigTest, WarnsOfWhatItIgnores) {
  const struct {
    const char* text;
    const char* field;
  } kCases[] = {
      {"dynamic_batching { max_queue_delay_microseconds: 100 }", "dynamic_batching"},
      {"optimization { eager_batching: true }", "optimization"},
      {"instance_group { kind: KIND_GPU gpus: 0 }", "instance_group[0].kind"},
      {"cc_model_filenames { key: '7.5' value: 'x' }", "cc_model_filenames"},
      {"metric_tags { key: 'a' value: 'b' }", "metric_tags"},
      {"model_warmup { name: 'w' batch_size: 1 }", "model_warmup"},
      {"response_cache { enable: true }", "response_cache"},
      {"model_repository_agents { agents { name: 'x' } }", "model_repository_agents"},
      {"input { name: 'a' data_type: TYPE_INT8 dims: 1 allow_ragged_batch: true }",
       "input[0].allow_ragged_batch"},
  };
  for (const auto& item : kCases) {
    const Result<ParsedConfig> parsed = ParseModelConfig(std::string("\n") + item.text, "m");
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    ASSERT_EQ(parsed->warnings.size(), 1u) << item.text;
    EXPECT_TRUE(parsed->warnings[0].starts_with(std::string("config.pbtxt, line 2: ") + item.field))
        << parsed->warnings[0];
  }
}

TEST(ModelConfigTest, NamesFieldLineAndRuleOfAnError) {
  const std::string tensor = "name: 'x' data_type: TYPE_FP32 ";
  const struct {
    std::string text;
    const char* error;
  } kCases[] = {
      {"name: 'm'\ncolour: 3",
       "config.pbtxt, line 2, column 7: Message type "
       "\"inference.ModelConfig\" has no field named \"colour\"."},
      {"max_batch_size: \"x\"", "config.pbtxt, line 1, column 17: Expected integer"},
      {"max_batch_size: 99999999999", "line 1, column 17: Integer out of range"},
      {"\n\nmax_batch_size: -1", "config.pbtxt, line 3: max_batch_size: must not be negative"},
      {"name: 'm' name: 'm'", "specified multiple times"},
      {"input { data_type: TYPE_FP32 dims: 1 }", "input[0].name: model input must specify 'name'"},
      {"input {\n name: 'x' dims: 1 }",
       "input[0].data_type: model input 'x' must specify 'data_type'"},
      {"input { name: 'x' data_type: 99 dims: 1 }", "must specify 'data_type'"},
      {"input { name: 'x' data_type: TYPE_FLOAT }", "Unknown enumeration value of \"TYPE_FLOAT\""},
      {"input {\n" + tensor + "\ndims: [ 1,\n 0 ] }",
       "config.pbtxt, line 3: input[0].dims: "
       "dimension must be integer >= 1, or -1"},
      {"output { " + tensor + "dims: -2 }", "output[0].dims: dimension must be integer >= 1"},
      {"input [ { " + tensor + "}, { " + tensor + "} ]",
       "input[1].name: another input is named 'x' too"},
      {"input { " + tensor + "dims: 1 reshape { } }", "input[0].reshape: is not supported yet"},
      {"input { " + tensor + "is_shape_tensor: true }", "input[0].is_shape_tensor"},
      {"ensemble_scheduling { }", "line 1: ensemble_scheduling: is not supported yet"},
      {"sequence_batching { }", "line 1: sequence_batching: is not supported yet"},
      {"batch_input { }", "line 1: batch_input: is not supported yet"},
      {"model_transaction_policy { decoupled: true }", "model_transaction_policy: decoupled"},
      {"model_operations { op_library_filename: '/x.so' }", "model_operations"},
      {"version_policy { latest { num_versions: 0 } }", "num_versions must be at least 1"},
      {"version_policy { specific { } }", "version_policy: specific names no version"},
      {"version_policy { specific { versions: -4 } }", "version must not be negative"},
      {"default_model_filename: '../x'", "default_model_filename: must be the name of a file"},
      {"default_model_filename: 'a/b'", "default_model_filename: must be the name of a file"},
      {"default_model_filename: '/etc/passwd'", "must be the name of a file"},
      {"default_model_filename: 'a\\000b'", "must be the name of a file"},
      {"instance_group { count: -1 }", "instance_group[0].count: must not be negative"},
      {"parameters { key: 'isolation' value { string_value: 'pod' } }",
       "isolation must be 'model', 'namespace' or 'framework', got 'pod'"},
      {"input {", "line 1"},
      {std::string("name: 'm'\0", 10), "config.pbtxt, line 1"},
  };
  for (const auto& item : kCases) {
    EXPECT_TRUE(Has(Error(item.text), item.error)) << item.text << "\ngave: " << Error(item.text);
  }
}

TEST(ModelConfigTest, NameMustEqualTheFoldersName) {
  EXPECT_EQ(Error("name: 'n'", "d"),
            "unexpected directory name 'd' for model 'n', directory name must equal model name");
  EXPECT_EQ(ParseModelConfig("name: 'n'", "")->config.name, "n");
  EXPECT_EQ(ParseModelConfig("", "d")->config.name, "d");
}

TEST(ModelConfigTest, BoundsSize) {
  std::string text = "name: 'm' #";
  text.resize(limits::kModelConfigBytes, 'x');
  EXPECT_TRUE(ParseModelConfig(text, "m").ok());
  EXPECT_TRUE(Has(Error(text + "x"), "longer than 1048576 bytes"));
}

TEST(ModelConfigTest, BoundsDepth) {
  std::string deep = "optimization { cuda { graph_spec { input { key: 'a' value { ";
  for (int i = 0; i < 10'000; ++i) deep += "dim { ";
  EXPECT_FALSE(ParseModelConfig(deep, "m").ok());
  // Unknown fields inside lists inside lists must not recurse either.
  std::string lists = "name: ";
  lists.append(100'000, '[');
  EXPECT_FALSE(ParseModelConfig(lists, "m").ok());
  std::string unknown;
  for (int i = 0; i < 50'000; ++i) unknown += "a<";
  EXPECT_FALSE(ParseModelConfig(unknown, "m").ok());
  EXPECT_LT(Error("x" + std::string(500'000, 'y') + ": 1").size(), limits::kErrorTextBytes);
}

std::string Inputs(size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += "input{name:'" + std::to_string(i) + "' data_type:TYPE_INT8 dims:1}";
  }
  return text;
}

TEST(ModelConfigTest, BoundsTensors) {
  EXPECT_TRUE(ParseModelConfig(Inputs(limits::kModelTensors), "m").ok());
  EXPECT_TRUE(Has(Error(Inputs(limits::kModelTensors + 1)), "input: more than 256 tensors"));
}

std::string Rank(size_t rank, int max_batch_size) {
  std::string text = "max_batch_size: " + std::to_string(max_batch_size) +
                     " input { name: 'x' data_type: TYPE_INT8 ";
  for (size_t i = 0; i < rank; ++i) text += "dims: 1 ";
  return text + "}";
}

TEST(ModelConfigTest, BoundsRankWithTheBatchDimension) {
  EXPECT_TRUE(ParseModelConfig(Rank(limits::kTensorRank, 0), "m").ok());
  EXPECT_FALSE(ParseModelConfig(Rank(limits::kTensorRank + 1, 0), "m").ok());
  EXPECT_TRUE(ParseModelConfig(Rank(limits::kTensorRank - 1, 4), "m").ok());
  EXPECT_TRUE(Has(Error(Rank(limits::kTensorRank, 4)), "more than 31 dimensions"));
}

TEST(ModelConfigTest, BoundsInstances) {
  const auto text = [](size_t count) {
    return "instance_group { count: " + std::to_string(count) + " }";
  };
  EXPECT_EQ(ParseModelConfig(text(limits::kModelInstances), "m")->config.instance_count, 1024);
  EXPECT_TRUE(Has(Error(text(limits::kModelInstances + 1)), "more than 1024 instances"));
  EXPECT_TRUE(Has(Error(text(2147483647) + text(2147483647)), "more than 1024 instances"));
}

TEST(ModelConfigTest, WhatIsWrittenReadsBackTheSame) {
  for (const char* text :
       {kCifar, "",
        "backend: 'b' max_batch_size: 4 input [ { name: 'a\"\\\\\\n\\377' data_type: TYPE_FP16 "
        "dims: "
        "[ -1, 2 ] optional: true format: FORMAT_NCHW }, { name: 'b' data_type: TYPE_BOOL } ] "
        "output { name: 'o' data_type: TYPE_UINT64 dims: 9223372036854775807 label_filename: 'l' } "
        "version_policy { all { } } instance_group { count: 7 } default_model_filename: 'x.onnx' "
        "parameters { key: 'isolation' value { string_value: 'namespace' } } "
        "parameters { key: 'k' value { } }",
        "version_policy { latest { num_versions: 3 } }",
        "version_policy { specific { versions: [ 5, 2 ] } }"}) {
    const Result<ParsedConfig> first = ParseModelConfig(text, "cifar10");
    ASSERT_TRUE(first.ok()) << first.status().ToString();
    const std::string written = FormatModelConfig(first->config);
    const Result<ParsedConfig> second = ParseModelConfig(written, "cifar10");
    ASSERT_TRUE(second.ok()) << second.status().ToString() << "\n" << written;
    ExpectSame(first->config, second->config);
    EXPECT_EQ(FormatModelConfig(second->config), written);
  }
}

TEST(ModelConfigTest, IsolationSetByCodeIsWritten) {
  model::ModelConfig config;
  config.isolation = model::Isolation::kFramework;
  EXPECT_EQ(ParseModelConfig(FormatModelConfig(config), "m")->config.isolation,
            model::Isolation::kFramework);
}

TEST(ModelConfigTest, JsonIsInTritonsForm) {
  const Result<ParsedConfig> parsed = ParseModelConfig(kCifar, "cifar10");
  ASSERT_TRUE(parsed.ok());
  model::ModelConfig config = parsed->config;
  config.backend = "pytorch";
  config.default_model_filename = "model.pt";
  EXPECT_EQ(ModelConfigJson(config),
            R"({"name":"cifar10","platform":"pytorch_libtorch","backend":"pytorch",)"
            R"("version_policy":{"latest":{"num_versions":1}},"max_batch_size":0,)"
            R"("input":[{"name":"INPUT__0","data_type":"TYPE_FP32","format":"FORMAT_NONE",)"
            R"("dims":[-1,3,32,32],"is_shape_tensor":false,"allow_ragged_batch":false,)"
            R"("optional":false}],"output":[{"name":"OUTPUT__0","data_type":"TYPE_FP32",)"
            R"("dims":[-1,10],"label_filename":"","is_shape_tensor":false}],)"
            R"("batch_input":[],"batch_output":[],"optimization":{"priority":"PRIORITY_DEFAULT",)"
            R"("input_pinned_memory":{"enable":true},"output_pinned_memory":{"enable":true},)"
            R"("gather_kernel_buffer_threshold":0,"eager_batching":false},)"
            R"("instance_group":[{"name":"cifar10_0","kind":"KIND_CPU","count":1,"gpus":[],)"
            R"("secondary_devices":[],"profile":[],"passive":false,"host_policy":""}],)"
            R"("default_model_filename":"model.pt","cc_model_filenames":{},"metric_tags":{},)"
            R"("parameters":{},"model_warmup":[]})");
}

TEST(ModelConfigTest, JsonEscapesNamesAndListsPoliciesAndParameters) {
  model::ModelConfig config;
  config.name = "a\"\n\xff";
  config.parameters = {{"k", "v"}, {"l", ""}};
  config.version_policy.kind = model::VersionPolicy::Kind::kSpecific;
  config.version_policy.specific = {1, 3};
  const std::string json = ModelConfigJson(config);
  EXPECT_TRUE(Has(json, R"({"name":"a\"\u000a)")) << json;
  EXPECT_FALSE(Has(json, "\xff")) << json;
  EXPECT_TRUE(Has(json, R"("version_policy":{"specific":{"versions":[1,3]}})"));
  EXPECT_TRUE(Has(json, R"("parameters":{"k":{"string_value":"v"},"l":{"string_value":""}})"));
}

TEST(ModelConfigTest, ReadsTheExamples) {
  size_t read = 0;
  const std::filesystem::path root(THRONG_SOURCE_DIR);
  for (const char* folder : {"examples/models", "tests/fixtures"}) {
    if (!std::filesystem::exists(root / folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
      const std::filesystem::path file = entry.path() / "config.pbtxt";
      if (!std::filesystem::exists(file)) continue;
      const Result<std::string> text =
          os::RealFileSystem().Read(file.string(), limits::kModelConfigBytes);
      ASSERT_TRUE(text.ok());
      const Result<ParsedConfig> parsed = ParseModelConfig(*text, entry.path().filename().string());
      EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
      ++read;
    }
  }
  EXPECT_GE(read, 2u);
}

TEST(ModelConfigTest, WhatIsNotKnownIsPrintedAsATemplate) {
  model::ModelConfig config;
  config.inputs = {{.name = "INPUT__0"}, {.name = "b", .type = tensor::DataType::kInt8}};
  config.outputs = {{.name = "c", .type = tensor::DataType::kBool, .dims = {2}}};
  const std::string text = FormatModelConfig(config);
  EXPECT_TRUE(Has(text,
                  "# input [ { name: \"INPUT__0\" data_type: TYPE_FP32 dims: [ -1 ] }, "
                  "{ name: \"b\" data_type: TYPE_INT8 dims: [ -1 ] } ]  # the file does not"))
      << text;
  const auto parsed = ParseModelConfig(text, "");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_TRUE(parsed->config.inputs.empty());
  EXPECT_EQ(parsed->config.outputs, config.outputs);
}

}  // namespace
}  // namespace throng::repository
